"""Principal components and clusters: where rows differ, and around which centres they gather."""

from __future__ import annotations

from typing import Any

from huizhen.client import number
from huizhen.client.block import Block, Figure, Head, Sentence, Shown, Table
from huizhen.client.figures import bars, strip
from huizhen.client.figures.bars import Bar
from huizhen.client.figures.strip import Share
from huizhen.client.reading import Reading, keys_of, row_head
from huizhen.client.words import PAGE

ENOUGH = 0.8
"""The share of the variance that the sentence asks for."""


def components(reading: Reading) -> Shown | None:
    """For `components`: a list of mappings that each hold name, ratio and loadings by column."""
    found = reading.at("components")
    if not isinstance(found, list) or not found:
        return None
    if not all(
        isinstance(c, dict) and {"name", "ratio"} <= set(c) and isinstance(c.get("loadings"), dict) for c in found
    ):
        return None
    keys, blocks = {"components"}, list[Block]()
    shares = [c["ratio"] for c in found]
    if all(isinstance(s, float) for s in shares):
        blocks.append(_enough(reading, shares))
    blocks += [_scree(reading, found), reading.records(reading.name("components"), ("components",), ("loadings",))]
    beside = [k for k in ("mean", "sd") if isinstance(reading.at(k), dict)]
    blocks.append(_loadings(reading, found, beside))
    keys |= set(beside)
    if reading.at("columns") == keys_of(c["loadings"] for c in found):
        keys.add("columns")
    return Shown(frozenset(keys), tuple(blocks))


def _enough(reading: Reading, shares: list[float]) -> Sentence:
    total, count = 0.0, 0
    for share in shares:
        if total >= ENOUGH:
            break
        total, count = total + share, count + 1
    first, of = number.percent(shares[0]), number.percent(total)
    if count == 1:
        return Sentence(reading.say(f"The first component holds {of} of the variance.", f"第一主成分占方差的 {of}。"))
    return Sentence(reading.say(
        f"The first component holds {first} of the variance; the first {count} together hold {of}.",
        f"第一主成分占方差的 {first}；前 {count} 个合计占 {of}。",
    ))  # fmt: skip


def _scree(reading: Reading, found: list[dict[str, Any]]) -> Figure:
    hidden = PAGE["hidden"].say(reading.language)
    shares = [
        Share(str(c["name"]), c["ratio"], hidden if c["ratio"] is None else number.percent(c["ratio"])) for c in found
    ]
    title = reading.say("Share of the variance in each component", "各主成分的方差贡献率")
    said = reading.say("; ", "；").join(f"{s.label}: {s.text}" for s in shares)
    names = (reading.name("ratio"), reading.say("running total", "累计"))
    caption = reading.say(
        "Components are the directions in which rows differ most, the first one most. The dashed line adds them up.",
        "主成分是各行差异最大的方向，第一个方向差异最大。虚线为累计值。",
    )
    drawn = strip.scree("scree", shares, strip.Words(title, said, hidden, ""), names)
    return Figure(title, drawn, caption)


def _loadings(reading: Reading, found: list[dict[str, Any]], beside: list[str]) -> Table:
    names = keys_of(c["loadings"] for c in found)
    names += [k for part in beside for k in reading.at(part) if k not in names]
    heads = (
        Head(reading.name("column"), number=False), *(reading.head(k) for k in beside),
        *(Head(str(c["name"])) for c in found),
    )  # fmt: skip
    rows = []
    for name in names:
        cells = [row_head(reading.column(name), name), *(reading.cell(part, name) for part in beside)]
        for i, c in enumerate(found):
            weight = c["loadings"].get(name)
            shade = round(5 * weight) if isinstance(weight, float) else 0
            cells.append(reading.cell("components", i, "loadings", name, shade=max(-5, min(5, shade))))
        rows.append(tuple(cells))
    caption = reading.say("Loadings: how much each column weighs in each component", "载荷：各列在各主成分中的权重")
    return reading.table(caption, heads, rows, "components", *beside)


def clusters(reading: Reading) -> Shown | None:
    """For `sizes` and `centres`: how many rows gather around each centre, and where it lies by column."""
    sizes, centres = reading.at("sizes"), reading.at("centres")
    if not isinstance(sizes, list) or not isinstance(centres, list) or len(sizes) != len(centres) or not sizes:
        return None
    if not all(isinstance(c, dict) for c in centres):
        return None
    names = keys_of(centres)
    labels = [reading.say(f"cluster {i + 1}", f"第 {i + 1} 类") for i in range(len(sizes))]
    n, blocks = reading.at("n"), list[Block]()
    explained = reading.at("explained")
    if isinstance(explained, float):
        blocks.append(_explained(reading, len(sizes), explained))
    hidden = PAGE["hidden"].say(reading.language)
    drawn = [
        Bar(
            label,
            size,
            hidden if size is None else number.short(size) + (f" ({number.percent(size / n)})" if n else ""),
        )
        for label, size in zip(labels, sizes, strict=True)
    ]
    title = reading.say("How large the clusters are", "各类的规模")
    said = reading.say("; ", "；").join(f"{bar.label}: {bar.text}" for bar in drawn)
    caption = reading.say("Records in each cluster.", "各类的记录数。")
    blocks.append(Figure(title, bars.level_bars("clusters", drawn, bars.Words(title, said, hidden)), caption))
    heads = (
        Head(reading.say("cluster", "类别"), number=False), reading.head("sizes"),
        *(Head(reading.column(name), name) for name in names),
    )  # fmt: skip
    rows = tuple(
        (row_head(label), reading.cell("sizes", i), *(reading.cell("centres", i, name) for name in names))
        for i, label in enumerate(labels)
    )
    caption = reading.say("Centres: the mean of each column in each cluster", "中心：各列在各类中的均值")
    blocks.append(reading.table(caption, heads, rows, "sizes", "centres"))
    keys = {"sizes", "centres"} | ({"columns"} if reading.at("columns") == names else set())
    return Shown(frozenset(keys), tuple(blocks))


def _explained(reading: Reading, k: int, explained: float) -> Sentence:
    share = number.percent(explained)
    return Sentence(reading.say(
        f"{k} clusters account for {share} of how the records differ.", f"{k} 个类解释了记录间差异的 {share}。"
    ))  # fmt: skip
