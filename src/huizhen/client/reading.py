"""A guarded result as the report reads it: each figure with its name, its exact value, or the reason it is hidden."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from huizhen.client import number
from huizhen.client.block import Cell, Fact, Facts, Head, Part, Style, Table, words
from huizhen.client.words import LABELS, PAGE
from huizhen.kit.text import Language, Text
from huizhen.model.dataset import Column
from huizhen.model.release import Check
from huizhen.model.result import Path

TOUCHED = {"hidden", "changed"}
"""Outcomes of a check that left its mark on the result."""
_LEVEL = re.compile(r"(?:C\((?P<inner>[^(),]+)(?:,[^)]*)?\)|(?P<plain>[^\[\]():*]+))\[T?\.?(?P<level>[^\]]*)\]")


@dataclass(frozen=True)
class Reading:
    """`values` as released; `checks` of the guard; `columns` of the dataset by name, as far as they are known."""

    values: Mapping[str, Any]
    language: Language
    checks: tuple[Check, ...] = ()
    columns: Mapping[str, Column] = field(default_factory=dict)

    @cached_property
    def hidden(self) -> dict[str, str]:
        """By dotted path: the guard's words on why what stands there is hidden."""
        return {
            path: self.words(check)
            for check in reversed(self.checks)
            if check.outcome in TOUCHED
            for path in check.paths
        }

    def say(self, en: str, zh: str) -> str:
        return Text(en, zh).say(self.language)

    def at(self, *path: str | int) -> Any:
        """The value there, None where there is none."""
        value: Any = self.values
        for step in path:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    # -- names

    def name(self, key: str) -> str:
        """A key of the result in words; itself where it is not known."""
        return LABELS[key].say(self.language) if key in LABELS else key

    def column(self, name: str) -> str:
        """A column as its card calls it, with its unit."""
        known = self.columns.get(name)
        if known is None:
            return name
        unit = self.unit(name)
        return (known.label or name) + (self.say(f" ({unit})", f"（{unit}）") if unit else "")

    def unit(self, name: str) -> str | None:
        known = self.columns.get(name)
        return known.unit if known else None

    def label(self, name: str) -> str:
        """A column as its card calls it, without the unit."""
        known = self.columns.get(name)
        return (known.label if known else None) or name

    def level(self, level: Any) -> str:
        return PAGE["missing"].say(self.language) if level is None else str(level)

    def term(self, name: str) -> str:
        """A term of a formula: a column by its label, 'C(sex)[T.2]' as 'sex: 2'."""
        if name in LABELS:
            return self.name(name)
        if ":" in name and "[" in name:
            return " × ".join(self.term(part) for part in name.split(":"))
        found = _LEVEL.fullmatch(name)
        if found:
            return f"{self.label((found['inner'] or found['plain']).strip())}: {found['level']}"
        return self.column(name)

    # -- figures

    def reason(self, path: Path) -> str | None:
        """Why the guard hid what stands at `path`, or what holds it; None where it did not."""
        for end in range(len(path), 0, -1):
            found = self.hidden.get(".".join(map(str, path[:end])))
            if found is not None:
                return found
        return None

    def words(self, check: Check) -> str:
        return check.zh if self.language == "zh" else check.en

    def notes(self, *keys: str) -> tuple[str, ...]:
        """What the guard says of anything it hid or changed under these keys of the result."""
        return tuple(
            dict.fromkeys(
                self.words(check)
                for check in self.checks
                if check.outcome in TOUCHED and any(_covers(key, path) for path in check.paths for key in keys)
            )
        )

    def cell(self, *path: str | int, kind: str = "number", strong: bool = False, shade: int = 0) -> Cell:
        """What stands there. kind: number, p or date."""
        part, style = self.part(*path, kind=kind)
        return Cell((part,), style, strong=strong, shade=shade)

    def part(self, *path: str | int, kind: str = "number", digits: int = 4) -> tuple[Part, Style]:
        return self.figure(self.at(*path), path, kind, digits)

    def figure(self, value: Any, path: Path, kind: str = "number", digits: int = 4) -> tuple[Part, Style]:
        if value is None:
            reason = self.reason(path)
            if reason is not None:
                return Part(PAGE["hidden"].say(self.language), reason), "hidden"
            return Part("—", PAGE["no value"].say(self.language)), "none"
        if isinstance(value, bool):
            return Part(PAGE["yes" if value else "no"].say(self.language)), "text"
        if not isinstance(value, int | float):
            return Part(str(value)), "text"
        return Part(_shown(value, kind, digits), number.exact(value)), "number"

    def estimate(self, here: Path, keys: tuple[str, str, str], between: str, digits: int = 3) -> Cell:
        """'0.58 (0.42–0.80)' from the three keys at `here`, each with its exact figure, `between` the limits."""
        parts, styles = zip(*(self.part(*here, key, digits=digits) for key in keys), strict=True)
        style: Style = "number" if set(styles) == {"number"} else "hidden" if "hidden" in styles else "none"
        return Cell((parts[0], Part(" ("), parts[1], Part(between), parts[2], Part(")")), style)

    # -- whole pieces

    def head(self, key: str, *, is_number: bool = True) -> Head:
        return Head(self.name(key), key if self.name(key) != key else None, is_number)

    def fact(self, key: str, *path: str | int, kind: str = "number") -> Fact:
        return Fact(self.name(key), self.cell(*path, kind=kind), key if self.name(key) != key else None)

    def table(
        self, caption: str, heads: Sequence[Head], rows: Sequence[tuple[Cell, ...]], *keys: str, folded: bool = False
    ) -> Table:
        """A table of what stands under these keys, with the guard's words on what in it is hidden or changed."""
        notes = self._of_cells([cell for row in rows for cell in row], keys)
        return Table(caption, tuple(heads), tuple(rows), notes, folded)

    def facts(self, caption: str, facts: Sequence[Fact], *keys: str) -> Facts:
        """Facts that stand under these keys, with the guard's words as for a table."""
        return Facts(caption, tuple(facts), self._of_cells([fact.cell for fact in facts], keys))

    def _of_cells(self, cells: Sequence[Cell], keys: Sequence[str]) -> tuple[str, ...]:
        reasons = {part.title for cell in cells if cell.style == "hidden" for part in cell.parts}
        changed = {self.words(check) for check in self.checks if check.outcome == "changed"}
        return tuple(note for note in self.notes(*keys) if note in reasons | changed)

    def records(self, caption: str, path: Path, leave: Sequence[str] = (), *, folded: bool = False) -> Table:
        """A list of mappings as a table: a column for each key with a plain value, in the order they occur."""
        rows: list[Mapping[str, Any]] = self.at(*path)
        keys = [k for k in keys_of(rows) if k not in leave and all(_plain(row.get(k)) for row in rows)]
        text = {k for k in keys if any(isinstance(row.get(k), str) for row in rows)}
        cells = tuple(
            tuple(self.cell(*path, i, k, kind="p" if k == "p" else "number") for k in keys) for i in range(len(rows))
        )
        heads = tuple(self.head(k, is_number=k not in text) for k in keys)
        return self.table(caption, heads, cells, str(path[0]), folded=folded)


def keys_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key in row))


def _shown(value: float, kind: str, digits: int) -> str:
    if kind == "p":
        return number.p_value(value)
    return number.day(value) if kind == "date" else number.short(value, digits)


def _plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _covers(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith(outer + ".")


def row_head(text: str, title: str | None = None) -> Cell:
    return words(text, head=True, title=title)
