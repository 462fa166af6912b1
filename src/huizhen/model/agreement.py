"""Agreement: the one schema of a logical dataset that several hospitals hold, or every difference between theirs.

A pinned schema is what a person decided: all pinned ones must be equal, and inferred ones must fit into them. Schemas
that were only inferred are widened where no value is lost, so that the answer does not depend on how people fell to
hospitals. Codes for missing values are each hospital's own affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from huizhen.kit.errors import Conflict
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, ColumnType, Dataset, Level, Schema

MOST_LEVELS = 50
"""An inferred integer column keeps its united levels up to this many."""


class _Held(NamedTuple):
    holder: str
    pinned: bool
    column: Column

    @property
    def blank(self) -> bool:
        """Inferred from a column without any value: a category whose list of levels is empty. Agrees with any type."""
        return not self.pinned and self.column.type == "category" and self.column.levels == ()

    @property
    def silent(self) -> bool:
        """Inferred from too few rows to list levels without showing who is there: it takes those of the others."""
        kind, levels = self.column.type, self.column.levels
        return not self.pinned and ((kind == "category" and levels is None) or (kind == "integer" and levels == ()))


def agree(cards: Sequence[Dataset]) -> Schema:
    """The joint schema of the holders of one logical dataset, in any order.

    Inferred: integer and number give number, category and text give text; levels are united in sorted order, and
    dropped for an integer column when one holder has too many to list; a holder with too few rows to list any takes
    those of the others; sensitive and identifier hold if any holder says so; the highest grade counts; a column without
    any value at one holder takes the type of the others. A category of which nobody lists a level is text. Columns
    stand in the order of the first pinned holder, or else of the first holder by name. Raises Conflict naming every
    difference by column and holder; ValueError without cards.
    """
    if not cards:
        raise ValueError("nobody holds the dataset")
    ordered = _ordered(cards)
    found = _all_differences(ordered)
    if found:
        raise Conflict(
            "schemas-differ",
            Text("\n".join(text.en for text in found), "\n".join(text.zh for text in found)),
            Text(
                "Correct the file; or say in a schema file what these columns are, and add the dataset with --schema "
                "at every node.",
                "请修改数据文件；或在一份 schema 文件中写明这些列的含义，并在每个节点用 --schema 重新添加该数据集。",
            ),
        )
    return _join(ordered, final=True)


def so_far(cards: Sequence[Dataset]) -> Schema | None:
    """As `agree`, for a holder yet to come: a category of which nobody lists a level stays one, with levels None.

    None without cards, or where they differ.
    """
    ordered = _ordered(cards)
    return None if not cards or _all_differences(ordered) else _join(ordered, final=False)


def differences(a: Dataset, b: Dataset) -> tuple[Text, ...]:
    """What keeps two holders from agreeing, column by column; empty when they agree."""
    return tuple(_all_differences(_ordered((a, b))))


def one_sided(cards: Sequence[Dataset]) -> tuple[Text, ...]:
    """Remarks, not differences: levels of a category that one holder alone has, where there are several holders."""
    ordered = _ordered(cards)
    if len(ordered) < 2:
        return ()
    remarks = []
    for column in ordered[0].table.columns:
        held = [h for h in _held(ordered, column.name) if h.column.type == "category" and h.column.levels]
        for one in held:
            others = {level for h in held if h is not one for level in h.column.levels or ()}
            alone = [str(level) for level in one.column.levels or () if level not in others]
            if alone and len(held) > 1:
                name, listed = column.name, ", ".join(alone)
                remarks.append(
                    Text(
                        f"column '{name}': only {one.holder} has {listed}",
                        f"列“{name}”：只有 {one.holder} 有取值 {listed}",
                    )
                )
    return tuple(remarks)


def _ordered(cards: Sequence[Dataset]) -> list[Dataset]:
    return sorted(cards, key=lambda card: (not card.pinned, card.holder))


def _held(cards: Sequence[Dataset], name: str) -> list[_Held]:
    return [_Held(d.holder, d.pinned, c) for d in cards for c in d.table.columns if c.name == name]


def _all_differences(cards: Sequence[Dataset]) -> list[Text]:
    found = []
    said = _said([(d.holder, d.table.category) for d in cards if d.pinned or not cards[0].pinned])
    if said:
        found.append(Text(f"data category: {said.en}", f"数据类别：{said.zh}"))
    names = dict.fromkeys(c.name for d in cards for c in d.table.columns)
    for name in names:
        for what in _column_differences(cards, name):
            found.append(Text(f"column '{name}': {what.en}", f"列“{name}”：{what.zh}"))
    return found


def _column_differences(cards: Sequence[Dataset], name: str) -> Iterable[Text]:
    held = _held(cards, name)
    there = {h.holder for h in held}
    absent = [d for d in cards if d.holder not in there]
    if absent:
        en, zh = _holders([d.holder for d in absent])
        there_en, there_zh = _holders(sorted(there))
        yield Text(f"there at {there_en}, missing at {en}", f"{there_zh} 有，{zh} 没有")
    if _type(held) is None:
        said = _said([(h.holder, h.column.type) for h in held if not h.blank])
        if said:
            yield said
        return
    yield from _level_differences(held)
    yield from _mark_differences(held)


def _type(held: Sequence[_Held]) -> ColumnType | None:
    """The type that all take without loss, or None. Identifiers are never computed on: any type becomes text."""
    decided = {h.column.type for h in held if h.pinned}
    guessed = {h.column.type for h in held if not h.pinned and not h.blank}
    if len(decided) > 1:
        return None
    if all(h.column.identifier for h in held if not h.blank) and decided | guessed:
        return next(iter(decided or guessed)) if decided or len(guessed) == 1 else "text"
    if decided:
        target = next(iter(decided))
        return target if all(_widens(kind, target) for kind in guessed) else None
    if not guessed:
        return "category"
    return next((t for t in sorted(guessed) if all(_widens(kind, t) for kind in guessed)), None)


def _widens(kind: ColumnType, target: ColumnType) -> bool:
    """Whether values of one type are values of the other: whole numbers are numbers, levels are text."""
    return kind == target or (kind, target) in {("integer", "number"), ("category", "text")}


def _level_differences(held: Sequence[_Held]) -> Iterable[Text]:
    """Against the first pinned holder: pinned levels are equal in order, inferred ones are among them."""
    first = held[0]
    if not first.pinned:
        return
    wanted = first.column.levels
    for other in held[1:]:
        given = other.column.levels
        if given == wanted or other.blank or other.silent or (not other.pinned and wanted is None):
            continue
        if given is None or wanted is None:
            listed, free = (first, other) if wanted is not None else (other, first)
            yield Text(
                f"levels listed at {listed.holder}, not at {free.holder}",
                f"{listed.holder} 列出了 levels，{free.holder} 没有",
            )
            continue
        more, less = _without(given, wanted), _without(wanted, given)
        if more:
            yield Text(
                f"levels at {other.holder}, not at {first.holder}: {more}",
                f"{other.holder} 有而 {first.holder} 没有的 levels：{more}",
            )
        if other.pinned and less:
            yield Text(
                f"levels at {first.holder}, not at {other.holder}: {less}",
                f"{first.holder} 有而 {other.holder} 没有的 levels：{less}",
            )
        if other.pinned and not more and not less:
            yield Text(
                f"levels in another order at {other.holder} than at {first.holder}",
                f"{other.holder} 与 {first.holder} 的 levels 顺序不同",
            )


_NAMES = {
    "unit": Text("unit", "单位"),
    "code_system": Text("code system", "编码系统"),
    "label": Text("label", "标签"),
    "grade": Text("grade", "分级"),
    "sensitive": Text("sensitive", "敏感"),
    "identifier": Text("identifier", "标识符"),
}
_SAID_ONLY = ("unit", "code_system", "label")
"""An inferred schema that is silent on these agrees with any."""


def _mark_differences(held: Sequence[_Held]) -> Iterable[Text]:
    decided = [h for h in held if h.pinned]
    for name, word in _NAMES.items():
        compared = list(decided)
        if name in _SAID_ONLY:
            compared += [h for h in held if not h.pinned and getattr(h.column, name) is not None]
        elif name == "identifier" and decided:
            compared += [h for h in held if not h.pinned and h.column.identifier]
        said = _said([(h.holder, _shown(getattr(h.column, name))) for h in compared])
        if said:
            yield Text(f"{word.en}: {said.en}", f"{word.zh}：{said.zh}")


def _join(ordered: Sequence[Dataset], final: bool) -> Schema:
    columns = tuple(_joined(_held(ordered, c.name), final) for c in ordered[0].table.columns)
    return Schema(columns=columns, category=ordered[0].table.category)


def _joined(held: Sequence[_Held], final: bool) -> Column:
    first = held[0].column
    columns = [h.column for h in held]
    codes = dict.fromkeys(code for c in columns for code in c.missing_codes)
    update = {
        "missing_codes": tuple(sorted(codes, key=lambda code: (str(type(code)), str(code)))),
        "grade": max(c.grade for c in columns),
        "sensitive": any(c.sensitive for c in columns),
        "identifier": any(c.identifier for c in columns),
        "unit": next((c.unit for c in columns if c.unit is not None), None),
        "code_system": next((c.code_system for c in columns if c.code_system is not None), None),
        "label": next((c.label for c in columns if c.label is not None), None),
    }
    if not held[0].pinned:
        filled = [h for h in held if not h.blank]
        kind, levels = _type(held), _united(filled, _type(held))
        if final and kind == "category" and filled and levels is None:
            kind = "text"
        update |= {"type": kind, "levels": levels}
    return first.model_copy(update=update)


def _united(held: Sequence[_Held], target: str | None) -> tuple[Level, ...] | None:
    """The levels that anyone lists; None where there can be none, nobody lists any, or somebody has too many."""
    listing = [h.column for h in held if not h.silent]
    if target not in ("category", "integer") or any(c.levels is None or c.identifier for c in listing):
        return None
    levels = {level for c in listing for level in c.levels or ()}
    if (target == "integer" and len(levels) > MOST_LEVELS) or (held and not levels):
        return None
    return tuple(sorted(levels, key=lambda x: (isinstance(x, str), x if isinstance(x, int) else 0, str(x))))


def _without(levels: Sequence[Level], others: Sequence[Level]) -> str:
    return ", ".join(str(level) for level in levels if level not in others)


def _shown(value: str | int | bool | None) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _said(values: Sequence[tuple[str, str]]) -> Text | None:
    """'category at north and east, integer at south', or None when all are the same."""
    groups: dict[str, list[str]] = {}
    for holder, value in values:
        groups.setdefault(value, []).append(holder)
    if len(groups) < 2:
        return None
    parts = [(value, *_holders(holders)) for value, holders in groups.items()]
    return Text(", ".join(f"{v} at {en}" for v, en, _ in parts), "，".join(f"{zh} 为 {v}" for v, _, zh in parts))


def _holders(names: Sequence[str]) -> tuple[str, str]:
    en = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    return en, "、".join(names)
