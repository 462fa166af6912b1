"""Whatever no shape has shown: single figures as facts, all else as tables, so that nothing is dropped in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from huizhen.client.block import Block, Cell, Fact, Head, Part, Table
from huizhen.client.reading import Reading, keys_of, row_head
from huizhen.client.words import PAGE
from huizhen.model.result import Path

_LIST = 12
"""A list of so many single figures still fits on a line."""


def show(reading: Reading, shown: frozenset[str]) -> tuple[Block, ...]:
    """Blocks for the keys that are not in `shown`."""
    facts: list[Fact] = []
    tables: list[Block] = []
    for key, value in reading.values.items():
        if key in shown:
            continue
        if _records(value):
            tables.append(reading.records(reading.name(key), (key,)))
            tables += _nested(reading, key, value)
        elif isinstance(value, dict) and value and all(_single(v) for v in value.values()):
            facts += [_inner(reading, key, inner) for inner in value]
        elif _single(value) or (isinstance(value, list) and len(value) <= _LIST and all(_single(v) for v in value)):
            facts.append(_fact(reading, key, value))
        else:
            tables.append(_leaves(reading, reading.name(key), (key,), value))
    keys = [k for k in reading.values if k not in shown]
    listed = reading.facts(PAGE["all figures"].say(reading.language), facts, *keys)
    return (*tables, *([listed] if facts else []))


def _single(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _records(value: Any) -> bool:
    """A list of mappings, each of which has at least one figure of its own."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(v, dict) and any(map(_single, v.values())) for v in value)
    )


def _fact(reading: Reading, key: str, value: Any) -> Fact:
    if isinstance(value, list):
        parts = [reading.figure(v, (key, i))[0] for i, v in enumerate(value)]
        joined = [p for part in parts for p in (part, Part(reading.say(", ", "、")))][:-1]
        return Fact(reading.name(key), Cell(tuple(joined) or (Part(reading.say("none", "无")),)), key)
    if isinstance(value, str):
        return Fact(reading.name(key), Cell((Part(reading.column(value), value),)), key)
    return reading.fact(key, key, kind="p" if key == "p" else "number")


def _inner(reading: Reading, key: str, inner: str) -> Fact:
    cell = reading.cell(key, inner, kind="p" if inner == "p" else "number")
    return Fact(f"{reading.name(key)} · {reading.name(inner)}", cell, f"{key}.{inner}")


def _nested(reading: Reading, key: str, rows: list[dict[str, Any]]) -> Iterator[Table]:
    """What in a list of mappings is itself a list or a mapping, and so has no cell in their table."""
    for inner in keys_of(rows):
        if all(_single(row.get(inner)) for row in rows):
            continue
        for i, row in enumerate(rows):
            if inner in row:
                caption = f"{reading.name(key)} {i + 1} · {reading.name(inner)}"
                yield _leaves(reading, caption, (key, i, inner), row[inner])


def _leaves(reading: Reading, caption: str, path: Path, value: Any) -> Table:
    """Every figure below `path` in a line of its own, named by where it stands."""
    heads = (Head(reading.say("where", "位置"), number=False), Head(reading.name("value")))
    rows = []
    for place, leaf in _walk(value, ()):
        part, style = reading.figure(leaf, (*path, *place))
        rows.append((row_head(" · ".join(_step(reading, s) for s in place) or str(path[-1])), Cell((part,), style)))
    return reading.table(caption, heads, rows, str(path[0]), folded=len(rows) > 40)


def _step(reading: Reading, step: str | int) -> str:
    return str(step + 1) if isinstance(step, int) else reading.name(step)


def _walk(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Single figures with their places; an empty list or mapping stands for itself."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif isinstance(value, list) and value:
        for i, inner in enumerate(value):
            yield from _walk(inner, (*path, i))
    else:
        yield path, "—" if isinstance(value, list | dict) else value
