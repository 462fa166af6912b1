"""Rows that hospitals give out: how many and in what classes, what was lost, how they were attacked; never a row."""

from __future__ import annotations

from typing import Any

from huizhen.client import number
from huizhen.client.anonymised_paper import ATTACKS
from huizhen.client.block import Block, Cell, Figure, Head, Part, Sentence, Shown, Table
from huizhen.client.figures import bars
from huizhen.client.figures.bars import Bar
from huizhen.client.reading import Reading, row_head
from huizhen.kit.text import Text


def rows(reading: Reading) -> Shown | None:
    """For `hospitals`, a list with `smallest_class` and `attacks` in each."""
    found = reading.at("hospitals")
    if not isinstance(found, list) or not all(isinstance(x, dict) and "smallest_class" in x for x in found):
        return None
    blocks: list[Block] = [_sentence(reading, found), _table(reading, found), _loss(reading, found)]
    blocks += [_by_column(reading, found), _attacks(reading, found), _models(reading, found), _kept(reading, found)]
    return Shown(frozenset({"hospitals"}), tuple(b for b in blocks if not isinstance(b, Table) or b.rows))


def _sentence(reading: Reading, found: list[dict[str, Any]]) -> Sentence:
    many, least = sum(x["rows"] for x in found), min(x["smallest_class"] for x in found)
    marked = sorted({name for x in found for name in x["marked"]})
    mark = (
        reading.say(" The copy is marked and names its recipient.", "该副本带有水印，可追溯接收方。") if marked else ""
    )
    return Sentence(reading.say(
        f"{many:,} rows of {len(found)} hospitals. Nobody can be told from fewer than {least - 1} others of the same "
        f"hospital by the columns that may be known elsewhere.{mark}",
        f"{len(found)} 家医院共 {many:,} 行。凭外部可能知晓的列，任何人都至少与同院另外 {least - 1} 人不可区分。{mark}",
    ))  # fmt: skip


def _table(reading: Reading, found: list[dict[str, Any]]) -> Table:
    heads = [
        _head(reading, "hospital", "医院", figures=False), _head(reading, "rows", "行数"),
        _head(reading, "left out", "删去行数"), _head(reading, "classes", "等价类"),
        _head(reading, "promised", "承诺的最小类"), _head(reading, "smallest class", "实际最小类"),
        _head(reading, "loss (NCP)", "损失（NCP）"), _head(reading, "highest risk of one person", "单人最高风险"),
    ]  # fmt: skip
    keys = ("rows", "suppressed", "classes", "promised", "smallest_class", "loss", "risk")
    cells = [(row_head(x["node"]), *(reading.cell("hospitals", i, key) for key in keys)) for i, x in enumerate(found)]
    return reading.table(reading.say("Rows by hospital", "各医院的数据行"), heads, cells, "hospitals")


def _loss(reading: Reading, found: list[dict[str, Any]]) -> Figure:
    """Of each column, over the hospitals by their rows."""
    many = max(sum(x["rows"] for x in found), 1)
    drawn = []
    for name in found[0]["loss_by_column"]:
        loss = sum(x["loss_by_column"].get(name, 0.0) * x["rows"] for x in found) / many
        drawn.append(Bar(reading.label(name), loss, f"{loss:.3f}"))
    title = reading.say("What was lost of each column (0: nothing, 1: all)", "各列的信息损失（0：无，1：全部）")
    said = reading.say("; ", "；").join(f"{bar.label}: {bar.text}" for bar in drawn)
    picture = bars.level_bars("given-loss", drawn, bars.Words(title, said, ""))
    return Figure(title, picture, reading.say("Mean over all rows given out.", "对全部给出的行取平均。"))


def _by_column(reading: Reading, found: list[dict[str, Any]]) -> Table:
    names = list(found[0]["loss_by_column"])
    heads = [_head(reading, "hospital", "医院", figures=False), *(Head(reading.label(n), n) for n in names)]
    cells = [
        (row_head(x["node"]), *(reading.cell("hospitals", i, "loss_by_column", n) for n in names))
        for i, x in enumerate(found)
    ]
    caption = reading.say("Loss of each column, by hospital", "各医院各列的信息损失")
    return reading.table(caption, heads, cells, "hospitals", folded=True)


def _attacks(reading: Reading, found: list[dict[str, Any]]) -> Table:
    heads = [
        _head(reading, "hospital", "医院", figures=False), _head(reading, "attack", "攻击", figures=False),
        _head(reading, "gain", "收益"), _head(reading, "at least (95 %)", "至少（95 %）"),
        _head(reading, "may gain", "允许的收益"),
    ]  # fmt: skip
    cells = []
    for i, x in enumerate(found):
        for j, attack in enumerate(x["attacks"]):
            kind = ATTACKS.get(attack["attack"], Text(attack["attack"], attack["attack"])).say(reading.language)
            name = kind + (f": {reading.label(attack['column'])}" if attack["column"] else "")
            figures = (reading.cell("hospitals", i, "attacks", j, key) for key in ("gained", "at_least", "limit"))
            cells.append((row_head(x["node"]), row_head(name, attack["attack"]), *figures))
    caption = reading.say("Attacks that were run on them before they left", "发出之前所做的攻击检验")
    return reading.table(caption, heads, cells, "hospitals")


def _models(reading: Reading, found: list[dict[str, Any]]) -> Table:
    heads = [
        _head(reading, "hospital", "医院", figures=False), _head(reading, "column", "列", figures=False),
        _head(reading, "on the original", "原始数据"), _head(reading, "on the rows given out", "给出的数据行"),
    ]  # fmt: skip
    cells = [
        (row_head(x["node"]), row_head(reading.column(name), name),
         *(reading.cell("hospitals", i, "model_auc", name, j) for j in range(2)))
        for i, x in enumerate(found) for name in x["model_auc"]
    ]  # fmt: skip
    caption = reading.say("Use: area under the ROC curve of a model of a column", "用途：对某列建模的 ROC 曲线下面积")
    return reading.table(caption, heads, cells, "hospitals")


def _kept(reading: Reading, found: list[dict[str, Any]]) -> Table:
    """What vouches for the files, and what was marked in them."""
    heads = [
        _head(reading, "hospital", "医院", figures=False), _head(reading, "SHA-256", "SHA-256 值", figures=False),
        _head(reading, "bytes", "字节数"), _head(reading, "pieces", "块数"),
        _head(reading, "marked by at most", "水印改动上限", figures=False),
    ]  # fmt: skip
    cells = [
        (row_head(x["node"]), row_head(x["sha256"]),
         *(reading.cell("hospitals", i, key) for key in ("bytes", "pieces")),
         Cell(tuple(_marks(reading, x["marked"])) or (Part("—"),)))
        for i, x in enumerate(found)
    ]  # fmt: skip
    caption = reading.say("The sealed files", "封装的文件")
    return reading.table(caption, heads, cells, "hospitals", folded=True)


def _marks(reading: Reading, marked: dict[str, float]) -> list[Part]:
    return [Part(f"{reading.label(n)} ±{by:g} ", number.exact(by)) for n, by in marked.items()]


def _head(reading: Reading, en: str, zh: str, *, figures: bool = True) -> Head:
    return Head(reading.say(en, zh), number=figures)
