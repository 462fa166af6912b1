"""Columns described one by one: numbers by their middle and spread, categories by their levels."""

from __future__ import annotations

from typing import Any

from huizhen.client import number
from huizhen.client.block import Block, Cell, Figure, Head, Part, Shown, Table, words
from huizhen.client.figures import strip
from huizhen.client.figures.strip import Spread
from huizhen.client.reading import Reading, row_head
from huizhen.client.shapes.counts import level_figure, records_of
from huizhen.client.words import PAGE, TYPES

_SHOWN = ("type", "unit", "n", "missing", "mean", "sd", "quantiles")


def show(reading: Reading) -> Shown | None:
    """For `columns`: a mapping of columns, each with its quantiles or with its levels and counts."""
    columns = reading.at("columns")
    if not isinstance(columns, dict) or not columns:
        return None
    numbers = [name for name, c in columns.items() if isinstance(c, dict) and _numeric(c)]
    levelled = [name for name, c in columns.items() if isinstance(c, dict) and _levelled(c)]
    if len(numbers) + len(levelled) < len(columns):
        return None
    blocks: list[Block] = []
    if numbers:
        blocks += [_figure(reading, numbers), _table(reading, numbers)]
    for k, name in enumerate(levelled):
        blocks += [level_figure(reading, f"levels-{k}", name, ("columns", name)), _level_table(reading, name)]
    return Shown(frozenset({"columns"}), tuple(blocks))


def _numeric(column: dict[str, Any]) -> bool:
    quantiles = column.get("quantiles")
    return isinstance(quantiles, list) and all(
        isinstance(q, dict) and set(q) == {"p", "value"} and isinstance(q["p"], float) for q in quantiles
    )


def _levelled(column: dict[str, Any]) -> bool:
    levels, counts = column.get("levels"), column.get("counts")
    return isinstance(levels, list) and isinstance(counts, list) and len(levels) == len(counts) and bool(levels)


def _kind(reading: Reading, name: str) -> str:
    return "date" if reading.at("columns", name, "type") == "date" else "number"


def _title(reading: Reading, name: str) -> str:
    unit = reading.at("columns", name, "unit")
    if _kind(reading, name) == "date" or not unit:
        return reading.label(name)
    return reading.label(name) + reading.say(f" ({unit})", f"（{unit}）")


def _type(reading: Reading, name: str) -> str:
    kind = str(reading.at("columns", name, "type") or "")
    return TYPES[kind].say(reading.language) if kind in TYPES else kind


def _raw(reading: Reading, name: str) -> str:
    """Type and unit as the result has them."""
    return ", ".join(str(x) for x in (reading.at("columns", name, "type"), reading.at("columns", name, "unit")) if x)


def _head(reading: Reading, name: str) -> Cell:
    return Cell(
        (Part(_title(reading, name), name), Part(f" {_type(reading, name)}", _raw(reading, name), soft=True)), head=True
    )


def _figure(reading: Reading, names: list[str]) -> Figure:
    rows = []
    for name in names:
        show = number.day if _kind(reading, name) == "date" else number.short
        quantiles = reading.at("columns", name, "quantiles")
        known = [(q["p"], q["value"], show(q["value"])) for q in quantiles if q["value"] is not None]
        rows.append(Spread(_title(reading, name), tuple(known), reading.at("columns", name, "mean")))
    title = reading.say("Where the values lie", "数值分布")
    said = reading.say("; ", "；").join(
        f"{row.label}: " + ", ".join(f"{number.percent(p)} {text}" for p, _, text in row.quantiles) for row in rows
    )
    caption = reading.say(
        "Each column on a scale of its own. The box holds the middle half of the people, the heavy bar is the median, "
        "the ring the mean; the line reaches from the lowest to the highest quantile asked for.",
        "每列使用各自的刻度。方框为中间一半的人，粗线为中位数，圆圈为均值；横线从所求的最低分位数延伸到最高分位数。",
    )
    hidden, mean = PAGE["hidden"].say(reading.language), reading.name("mean")
    drawn = strip.strips("strips", rows, strip.Words(title, said, hidden, mean))
    return Figure(title, drawn, caption)


def _table(reading: Reading, names: list[str]) -> Table:
    shares = list(dict.fromkeys(q["p"] for name in names for q in reading.at("columns", name, "quantiles")))
    extra = list(dict.fromkeys(k for name in names for k in reading.at("columns", name) if k not in _SHOWN))
    heads = [
        Head(reading.name("column"), number=False), Head(reading.say("values", "有值")), reading.head("missing"),
        reading.head("mean"), reading.head("sd"),
        *(Head(_quantile_name(reading, p), number.exact(p)) for p in shares), *(reading.head(k) for k in extra),
    ]  # fmt: skip
    rows = []
    for name in names:
        kind, here = _kind(reading, name), ("columns", name)
        where = {q["p"]: i for i, q in enumerate(reading.at(*here, "quantiles"))}
        cells = [_head(reading, name)]
        cells += [reading.cell(*here, "n"), reading.cell(*here, "missing")]
        cells += [reading.cell(*here, "mean", kind=kind), reading.cell(*here, "sd")]
        cells += [
            reading.cell(*here, "quantiles", where[p], "value", kind=kind) if p in where else words("") for p in shares
        ]
        rows.append((*cells, *(reading.cell(*here, k) for k in extra)))
    caption = reading.say("Columns of numbers", "数值列")
    return reading.table(caption, heads, rows, "columns")


def _quantile_name(reading: Reading, p: float) -> str:
    if p == 0.5:
        return reading.say("median", "中位数")
    return reading.say(f"{number.percent(p)} quantile", f"{number.percent(p)} 分位数")


def _level_table(reading: Reading, name: str) -> Table:
    here = ("columns", name)
    levels = reading.at(*here, "levels")
    keys = [k for k in reading.at(*here) if k not in {"levels", "counts", "type", "unit"}]
    heads = (
        Head(f"{_title(reading, name)} · {_type(reading, name)}", f"{name}, {_raw(reading, name)}", number=False),
        reading.head("counts"),
    )
    rows: list[tuple[Cell, ...]] = [
        (row_head(reading.level(level)), reading.cell(*here, "counts", i)) for i, level in enumerate(levels)
    ]
    names = {"n": reading.say("values", "有值")}
    rows += [(words(names.get(k, reading.name(k)), head=True), reading.cell(*here, k)) for k in keys]
    return reading.table(records_of(reading, _title(reading, name)), heads, rows, f"columns.{name}")
