"""A synthetic table: what is promised, its columns as they came out, and how near it is; not every cell of a pair."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from huizhen.client.block import Block, Figure, Head, Sentence, Shown, Table
from huizhen.client.figures import bars
from huizhen.client.figures.bars import Bar
from huizhen.client.number import day, short
from huizhen.client.reading import Reading, row_head
from huizhen.client.synthetic_paper import KINDS

_DRAWN, _BARS = 12, 32


def table(reading: Reading) -> Shown | None:
    """For `columns` with counts beside `pairs` and `fidelity`."""
    columns, pairs, near = (reading.at(key) for key in ("columns", "pairs", "fidelity"))
    if not isinstance(columns, list) or not isinstance(pairs, list) or not isinstance(near, dict):
        return None
    blocks: list[Block] = [_sentence(reading, pairs), _columns(reading, columns)]
    blocks += [_figure(reading, c, i) for i, c in enumerate(columns[:_DRAWN]) if len(c["counts"]) <= _BARS + 1]
    blocks += [_counts(reading, c, i) for i, c in enumerate(columns)]
    blocks += [_pairs(reading, near, pairs)] if near["pairs"] else []
    return Shown(frozenset({"columns", "pairs", "fidelity"}), tuple(blocks))


def _sentence(reading: Reading, pairs: list[dict[str, Any]]) -> Sentence:
    promise = reading.at("privacy")
    tree = reading.say("; ", "；").join(f"{reading.label(p['parent'])} × {reading.label(p['child'])}" for p in pairs)
    measured = tree or reading.say("none was worth its noise", "没有一对值得付出噪声")
    return Sentence(reading.say(
        "Rows drawn from this are nobody's. Every count held its noise before it left a hospital: epsilon "
        f"{promise['epsilon']:g}, delta {promise['delta']:g} for all of a person's rows; no attack on membership can "
        f"gain more than {promise['membership_at_most']:.3f}. Pairs that were measured: {measured}. What the "
        "other pairs have to do with each other follows from these alone.",
        f"由此抽取的数据行不属于任何人。每个计数在离开医院前均已加噪：对任一个人的全部记录，epsilon 为 "
        f"{promise['epsilon']:g}，delta 为 {promise['delta']:g}；任何成员推断攻击的收益不超过 "
        f"{promise['membership_at_most']:.3f}。所测量的列对：{measured}。其余列对的关系仅由此推得。",
    ))  # fmt: skip


def _columns(reading: Reading, columns: list[dict[str, Any]]) -> Table:
    heads = (
        Head(reading.name("column"), number=False),
        Head(reading.say("taken as", "视为"), number=False),
        Head(reading.say("values or bins", "取值或区间数")),
        Head(reading.say("decimals", "小数位")),
        Head(reading.say("distance by noise", "噪声所致距离")),
    )
    rows = []
    for i, column in enumerate(columns):
        many = row_head(f"{len(column['counts']) - 1:,}")
        noise = reading.cell("fidelity", "columns", i, "noise")
        kind = row_head(KINDS[column["kind"]].say(reading.language), column["kind"])
        rows.append(
            (
                row_head(reading.column(column["name"]), column["name"]),
                kind,
                many,
                reading.cell("columns", i, "decimals"),
                noise,
            )
        )
    return reading.table(reading.say("Columns", "各列"), heads, rows, "columns")


def _figure(reading: Reading, column: dict[str, Any], place: int) -> Figure:
    missing = reading.say("missing", "缺失")
    if "levels" in column:
        names = [reading.level(level) for level in column["levels"]]
    else:
        ends = [day(e) if column["kind"] == "date" else short(e) for e in column["edges"]]
        names = [f"{a} – {b}" for a, b in pairwise(ends)]
    drawn = [
        Bar(name, float(count), short(round(count)))
        for name, count in zip([*names, missing], column["counts"], strict=True)
    ]
    title = reading.say(f"{reading.column(column['name'])}: people, with noise",
                        f"{reading.column(column['name'])}：含噪人数")  # fmt: skip
    caption = reading.say("All hospitals together, after the noise.", "各医院合计，已含噪声。")
    said = reading.say("; ", "；").join(f"{bar.label}: {bar.text}" for bar in drawn)
    return Figure(title, bars.level_bars(f"synthetic-{place}", drawn, bars.Words(title, said, "")), caption)


def _counts(reading: Reading, column: dict[str, Any], place: int) -> Table:
    """Behind the figure: each figure in full."""
    missing = reading.say("missing or other", "缺失或其他")
    here = ("columns", place)
    if "levels" in column:
        heads = [reading.head("level", is_number=False)]
        first = [[row_head(reading.level(level))] for level in (*column["levels"], missing)]
    else:
        kind = "date" if column["kind"] == "date" else "number"
        heads = [Head(reading.say("from", "起")), Head(reading.say("to below", "止（不含）"))]
        ends = [reading.cell(*here, "edges", i, kind=kind) for i in range(len(column["edges"]))]
        first = [*map(list, pairwise(ends)), [row_head(missing), row_head("")]]
    cells = [(*line, reading.cell(*here, "counts", i)) for i, line in enumerate(first)]
    heads = [*heads, Head(reading.say("people, with noise", "含噪人数"))]
    caption = reading.say(f"{reading.column(column['name'])}, in full", f"{reading.column(column['name'])}：全部数值")
    return reading.table(caption, heads, cells, "columns", folded=True)


def _pairs(reading: Reading, near: dict[str, Any], measured: list[dict[str, Any]]) -> Table:
    heads = (
        Head(reading.say("pair of columns", "列对"), number=False),
        Head(reading.say("measured", "已测量"), number=False),
        Head(reading.say("distance", "距离")),
        Head(reading.say("by noise alone", "仅噪声所致")),
    )
    order = sorted(range(len(near["pairs"])), key=lambda i: -(near["pairs"][i]["distance"] - near["pairs"][i]["noise"]))
    tree = {f"{a} x {b}" for p in measured for a, b in ((p["parent"], p["child"]), (p["child"], p["parent"]))}
    yes, no = reading.say("yes", "是"), reading.say("no", "否")
    rows = [
        (row_head(near["pairs"][i]["pair"]), row_head(yes if near["pairs"][i]["pair"] in tree else no),
         *(reading.cell("fidelity", "pairs", i, key) for key in ("distance", "noise")))
        for i in order
    ]  # fmt: skip
    caption = reading.say(
        "How far drawn rows are from the noisy counts of each pair (0: alike, 1: nothing in common)",
        "抽取的数据行与各列对含噪计数的距离（0：相同，1：毫无共同）",
    )
    return reading.table(caption, heads, rows, "fidelity", folded=len(rows) > 40)
