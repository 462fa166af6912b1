"""Counts: of everyone, by level, by interval, and of two columns against each other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from markupsafe import Markup

from huizhen.client import number
from huizhen.client.block import Block, Cell, Figure, Head, Part, Sentence, Shown, Table, words
from huizhen.client.figures import bars
from huizhen.client.figures.bars import Bar, Interval, Segment, Tail
from huizhen.client.reading import Reading, row_head
from huizhen.client.words import PAGE
from huizhen.model.result import Path

CHANCE = 0.05


def everyone(reading: Reading) -> Shown | None:
    """For a result that is one number and nothing else."""
    if set(reading.values) - {"n_missing"} != {"n"}:
        return None
    n = reading.at("n")
    if n is None:
        said = reading.say("How many records match is hidden.", "符合条件的记录数已隐藏。")
    else:
        said = reading.say(f"{number.short(n)} records match.", f"符合条件的记录共 {number.short(n)} 条。")
    return Shown(frozenset(), (Sentence(said),))


def by_level(reading: Reading) -> Shown | None:
    """For `levels` and `counts`, two lists of equal length."""
    levels, counts = reading.at("levels"), reading.at("counts")
    if not isinstance(levels, list) or not isinstance(counts, list) or len(levels) != len(counts) or not levels:
        return None
    name = str(reading.at("by") or reading.at("column") or "")
    blocks = (level_figure(reading, "levels", name, ()), _level_table(reading, name))
    return Shown(frozenset({"levels", "counts"}), blocks)


def records_of(reading: Reading, title: str) -> str:
    """The caption of a table of counts."""
    return reading.say(f"{title}: records", f"{title}：记录数")


def level_figure(reading: Reading, key: str, name: str, path: Path) -> Figure:
    """Bars of `levels` and `counts` at `path`, as shares of the `n` beside them."""
    levels, counts, n = (reading.at(*path, k) for k in ("levels", "counts", "n"))
    drawn = [Bar(reading.level(x), c, _counted(reading, c, n)) for x, c in zip(levels, counts, strict=True)]
    title = reading.label(name) if name else reading.name("levels")
    said = reading.say("; ", "；").join(f"{bar.label} {bar.text}" for bar in drawn)
    caption = reading.say("Records for each level.", "各水平的记录数。")
    return Figure(title, bars.level_bars(key, drawn, _words(reading, title, said)), caption)


def _level_table(reading: Reading, name: str) -> Table:
    levels, counts, n = (reading.at(k) for k in ("levels", "counts", "n"))
    title = reading.label(name) if name else reading.name("levels")
    rows: list[tuple[Cell, ...]] = [
        (row_head(reading.level(level)), reading.cell("counts", i), _share(counts[i], n))
        for i, level in enumerate(levels)
    ]
    return reading.table(
        records_of(reading, title), _count_heads(reading, title), (*rows, _total(reading)), "counts", "n"
    )


def _count_heads(reading: Reading, title: str) -> tuple[Head, ...]:
    return Head(title, number=False), reading.head("counts"), Head(reading.say("share", "占比"))


def _total(reading: Reading) -> tuple[Cell, ...]:
    name = words(PAGE["total"].say(reading.language), head=True, strong=True)
    return name, reading.cell("n", strong=True), words("")


def by_interval(reading: Reading) -> Shown | None:
    """For `edges` and `counts`, one edge more than counts; the first and last edge may be open (None)."""
    edges, counts = reading.at("edges"), reading.at("counts")
    if not isinstance(edges, list) or not isinstance(counts, list) or len(edges) != len(counts) + 1:
        return None
    if any(e is None for e in edges[1:-1]) or len([e for e in edges if e is not None]) < 2:
        return None
    name = str(reading.at("column") or "")
    title = reading.say(f"How {reading.label(name)} is spread", f"{reading.label(name)}的分布")
    labels = [_interval_head(a, b).text for a, b in pairwise(edges)]
    figure = Figure(title, _histogram(reading, edges, counts, name, labels, title), _histogram_words(reading))
    n, heads = reading.at("n"), _count_heads(reading, reading.column(name))
    names = [_interval_head(a, b) for a, b in pairwise(edges)]
    rows = [(name, reading.cell("counts", i), _share(counts[i], n)) for i, name in enumerate(names)]
    table = reading.table(records_of(reading, reading.label(name)), heads, (*rows, _total(reading)), "counts", "n")
    return Shown(frozenset({"edges", "counts"}), (figure, table))


def _interval_head(low: float | None, high: float | None) -> Cell:
    """'40 – 45', each end with its exact figure; '< 40' and '> 80' for open ends."""
    ends = [Part(number.short(end), number.exact(end)) for end in (low, high) if end is not None]
    if low is None or high is None:
        return Cell((Part("< " if low is None else "> "), *ends), head=True)
    return Cell((ends[0], Part(" – "), ends[1]), head=True)


def _histogram(
    reading: Reading, edges: list[float | None], counts: list[Any], name: str, labels: list[str], title: str
) -> Markup:
    pairs = list(zip(edges, edges[1:], counts, labels, strict=False))
    below = Tail(pairs[0][3], pairs[0][2]) if edges[0] is None else None
    above = Tail(pairs[-1][3], pairs[-1][2]) if edges[-1] is None else None
    if below and below.count == 0:
        below = None
    if above and above.count == 0:
        above = None
    inside = [Interval(a, b, c) for a, b, c, _ in pairs if a is not None and b is not None]
    hidden = PAGE["hidden"].say(reading.language)
    said = reading.say("; ", "；").join(
        f"{label}: {hidden if c is None else number.short(c)}" for _, _, c, label in pairs
    )
    wide = [i.high - i.low for i in inside]
    even = max(wide) <= min(wide) * (1 + 1e-6)
    height = reading.name("counts") if even else reading.say("records per unit", "每单位的记录数")
    return bars.interval_bars(
        "histogram", inside, below, above, _words(reading, title, said), (reading.column(name), height)
    )


def _histogram_words(reading: Reading) -> str:
    return reading.say(
        "Each bar holds the records from its left edge to just below its right edge; bars with a dashed edge are open "
        "ended and hold all that lies beyond.",
        "每根柱子包含从左端点到（不含）右端点的记录；虚线边框的柱子没有边界，包含更外侧的全部记录。",
    )


def two_way(reading: Reading) -> Shown | None:
    """For `table`: rows of counts, with `row_levels` and `col_levels`."""
    table, rows, cols = reading.at("table"), reading.at("row_levels"), reading.at("col_levels")
    if not all(isinstance(x, list) and x for x in (table, rows, cols)) or len(table) != len(rows):
        return None
    if any(not isinstance(r, list) or len(r) != len(cols) for r in table):
        return None
    keys = {"table", "row_levels", "col_levels", "row_totals", "col_totals"}
    blocks: list[Block] = []
    p = reading.at("p")
    if isinstance(p, float):
        blocks.append(_independence(reading, p))
    blocks += [_stacked(reading, table, rows, cols), _cross_table(reading, rows, cols)]
    if isinstance(reading.at("expected"), list):
        blocks.append(_expected(reading, rows, cols))
        keys.add("expected")
    return Shown(frozenset(keys), tuple(blocks))


def _independence(reading: Reading, p: float) -> Sentence:
    row, col = (reading.label(str(reading.at(k))) for k in ("row", "col"))
    if p < CHANCE:
        return Sentence(reading.say(
            f"{row} and {col} go together more than chance would explain (chi-square test, {number.equals_p(p)}).",
            f"{row}与{col}之间的关联难以用偶然来解释（卡方检验，{number.equals_p(p)}）。",
        ))  # fmt: skip
    return Sentence(reading.say(
        f"Chance alone could well explain how {row} and {col} go together (chi-square test, {number.equals_p(p)}).",
        f"{row}与{col}之间的关联完全可能出于偶然（卡方检验，{number.equals_p(p)}）。",
    ))  # fmt: skip


def _stacked(reading: Reading, table: list[list[Any]], rows: list[Any], cols: list[Any]) -> Figure:
    row, col = (reading.label(str(reading.at(k))) for k in ("row", "col"))
    title = reading.say(f"{col} within each level of {row}", f"{row}各水平中{col}的构成")
    drawn = []
    for i, level in enumerate(rows):
        segments = [
            Segment(reading.level(c), table[i][j], "" if table[i][j] is None else number.short(table[i][j]))
            for j, c in enumerate(cols)
        ]
        drawn.append((f"{row}: {reading.level(level)}", segments, reading.at("row_totals", i)))
    hidden = PAGE["hidden"].say(reading.language)
    said = reading.say("; ", "；").join(
        f"{label} — " + ", ".join(f"{col} {s.label}: {s.text or hidden}" for s in segments)
        for label, segments, _ in drawn
    )
    names = [f"{col}: {reading.level(c)}" for c in cols]
    caption = reading.say(
        "Each bar is one row of the table; its parts are the columns, as shares of the row. Hatched: hidden.",
        "每一条为表中的一行，各段为各列在该行中所占比例。斜线部分：已隐藏。",
    )
    return Figure(title, bars.stacked("crosstab", drawn, _words(reading, title, said), names), caption)


def _cross_table(reading: Reading, rows: list[Any], cols: list[Any]) -> Table:
    row, col = (reading.label(str(reading.at(k))) for k in ("row", "col"))
    total = PAGE["total"].say(reading.language)
    heads = (Head(f"{row} ↓  {col} →", number=False), *(Head(f"{reading.level(c)}") for c in cols), Head(total))
    body = [
        (
            row_head(reading.level(level)),
            *(reading.cell("table", i, j) for j in range(len(cols))),
            reading.cell("row_totals", i, strong=True),
        )
        for i, level in enumerate(rows)
    ]
    foot = (
        words(total, head=True, strong=True),
        *(reading.cell("col_totals", j, strong=True) for j in range(len(cols))),
        reading.cell("n", strong=True),
    )
    caption = reading.say(f"{row} by {col}: records", f"{row} × {col}：记录数")
    return reading.table(caption, heads, (*body, foot), "table", "row_totals", "col_totals", "n")


def _expected(reading: Reading, rows: list[Any], cols: list[Any]) -> Table:
    row, col = (reading.label(str(reading.at(k))) for k in ("row", "col"))
    heads = (Head(f"{row} ↓  {col} →", number=False), *(Head(reading.level(c)) for c in cols))
    body = [
        (row_head(reading.level(level)), *(reading.cell("expected", i, j) for j in range(len(cols))))
        for i, level in enumerate(rows)
    ]
    return reading.table(reading.name("expected"), heads, tuple(body), "expected", folded=True)


def _counted(reading: Reading, count: float | None, n: float | None) -> str:
    if count is None:
        return PAGE["hidden"].say(reading.language)
    return number.short(count) + (f" ({number.percent(count / n)})" if n else "")


def _share(count: float | None, n: float | None) -> Cell:
    if count is None or not n:
        return words("")
    return Cell((Part(number.percent(count / n), number.exact(count / n)),), "number")


def _words(reading: Reading, title: str, said: str) -> bars.Words:
    return bars.Words(title, said, PAGE["hidden"].say(reading.language))
