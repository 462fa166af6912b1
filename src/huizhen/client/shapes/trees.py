"""Boosted trees: which columns they rest on, how well they foretell, and every question that they ask."""

from __future__ import annotations

from typing import Any

from huizhen.client import number
from huizhen.client.block import Block, Cell, Figure, Head, Part, Sentence, Shown, Table
from huizhen.client.figures import bars
from huizhen.client.figures.bars import Bar
from huizhen.client.reading import Reading, row_head
from huizhen.client.words import PAGE
from huizhen.kit.text import Text
from huizhen.model.result import Path

_MOST = 20
"""Columns that the figure draws; all are in the table."""
_SETS = {"train": Text("grown on", "训练"), "holdout": Text("held out", "留出")}
_SIDES = {"left": Text("left", "左"), "right": Text("right", "右")}


def show(reading: Reading) -> Shown | None:
    """For `trees`: a list of mappings that each hold nodes, with `importance` by column."""
    trees, importance = reading.at("trees"), reading.at("importance")
    if not isinstance(trees, list) or not isinstance(importance, dict) or not importance:
        return None
    if not all(isinstance(t, dict) and isinstance(t.get("nodes"), list) for t in trees):
        return None
    sets = [name for name in _SETS if isinstance(reading.at(name), dict)]
    blocks: list[Block] = [_sentence(reading, len(trees), sets), _figure(reading, importance)]
    blocks += [_fit(reading, sets), _importance(reading, importance)]
    keys = {"trees", "importance", *sets}
    if isinstance(reading.at("history"), list):
        keys.add("history")
        blocks.append(_history(reading, sets))
    blocks.append(_questions(reading, trees))
    if isinstance(reading.at("columns"), list) and set(reading.at("columns")) == set(importance):
        keys.add("columns")
    return Shown(frozenset(keys), tuple(blocks))


def _sentence(reading: Reading, count: int, sets: list[str]) -> Sentence:
    if not count:
        return Sentence(reading.say(
            "No tree was kept: none of them helped to foretell the records that were held out.",
            "没有保留任何树：没有一棵树有助于预测留出的记录。",
        ))  # fmt: skip
    of, key = sets[-1] if sets else "train", "auc" if reading.at("objective") == "logistic" else "r_squared"
    found = reading.at(of, key)
    if not isinstance(found, float):
        return Sentence(reading.say(f"{count} trees were kept.", f"保留了 {count} 棵树。"))
    name = {"auc": Text("an AUC of", "AUC 为"), "r_squared": Text("an R² of", "R² 为")}[key]
    whom = {
        "holdout": Text("on records that no tree was grown on", "在未用于训练的记录上"),
        "train": Text("on the very records that they were grown on", "在训练所用的记录上"),
    }[of]
    shown = number.short(found, 3)
    return Sentence(reading.say(
        f"{count} trees foretell the outcome with {name.en} {shown}, {whom.en}.",
        f"{count} 棵树{whom.zh}预测结局的 {name.zh} {shown}。",
    ))  # fmt: skip


def _figure(reading: Reading, importance: dict[str, Any]) -> Figure:
    hidden = PAGE["hidden"].say(reading.language)
    drawn = [
        Bar(reading.label(name), share, hidden if share is None else number.percent(share))
        for name, share in list(importance.items())[:_MOST]
    ]
    title = reading.say("What the trees rest on", "各列的重要性")
    said = reading.say("; ", "；").join(f"{bar.label}: {bar.text}" for bar in drawn)
    caption = reading.say(
        "Each column’s share of all that the trees gained by asking. A column may matter because another one does that "
        "goes with it; importance is no effect.",
        "各列在所有树的增益中所占的份额。某列重要可能只是因为与其相关的另一列重要；重要性不等于效应。",
    )
    if len(importance) > _MOST:
        caption += reading.say(
            f" The {_MOST} largest of {len(importance)}.", f"（{len(importance)} 列中最大的 {_MOST} 列）"
        )
    return Figure(title, bars.level_bars("importance", drawn, bars.Words(title, said, hidden)), caption)


def _importance(reading: Reading, importance: dict[str, Any]) -> Table:
    heads = (Head(reading.name("column"), number=False), reading.head("importance"))
    rows = tuple((row_head(reading.column(n), n), reading.cell("importance", n)) for n in importance)
    return reading.table(reading.name("importance"), heads, rows, "importance", folded=len(importance) > _MOST)


def _fit(reading: Reading, sets: list[str]) -> Table:
    """A row for each set of records; how many have each outcome in columns of their own."""
    keys = [k for k in reading.at(sets[0]) if k != "outcomes"] if sets else []
    counted = bool(sets) and isinstance(reading.at(sets[0], "outcomes"), list)
    heads = [Head(reading.say("records", "记录"), number=False)]
    if counted:
        heads += [Head(reading.say(f"outcome {i}", f"结局 {i}")) for i in (0, 1)]
    heads += [reading.head(k) for k in keys]
    rows = []
    for name in sets:
        cells = [row_head(_SETS[name].say(reading.language), name)]
        cells += [reading.cell(name, "outcomes", i) for i in (0, 1)] if counted else []
        rows.append((*cells, *(reading.cell(name, k) for k in keys)))
    return reading.table(reading.say("How well they foretell", "预测效果"), tuple(heads), rows, *sets)


def _history(reading: Reading, sets: list[str]) -> Table:
    heads = (reading.head("trees"), *(Head(_SETS[name].say(reading.language), name) for name in sets))
    rows = [
        (reading.cell("history", i, "trees"), *(reading.cell("history", i, name) for name in sets))
        for i in range(len(reading.at("history")))
    ]
    caption = reading.say("Mean loss after each tree", "每棵树之后的平均损失")
    return reading.table(caption, heads, rows, "history", folded=True)


def _questions(reading: Reading, trees: list[dict[str, Any]]) -> Table:
    say = reading.say
    heads = (
        Head(say("tree", "树")), Head(say("node", "节点"), "node"), reading.head("column", is_number=False),
        Head(say("goes left", "向左的条件"), number=False), Head(say("missing values go", "缺失值去向"), number=False),
        Head(say("left", "左"), "left"), Head(say("right", "右"), "right"), reading.head("gain"),
        Head(say("adds", "加分"), "value"),
    )  # fmt: skip
    rows = [_node(reading, t, k, node) for t, tree in enumerate(trees) for k, node in enumerate(tree["nodes"])]
    return reading.table(say("Every question of every tree", "每棵树的每个节点"), heads, rows, "trees", folded=True)


def _node(reading: Reading, t: int, k: int, node: dict[str, Any]) -> tuple[Cell, ...]:
    here: Path = ("trees", t, "nodes", k)
    first = (Cell((Part(number.short(t + 1)),), "number"), reading.cell(*here, "node"))
    none = Cell((Part(""),))
    if "column" not in node:
        return (*first, none, none, none, none, none, none, reading.cell(*here, "value"))
    column = Cell((Part(reading.label(node["column"]), node["column"]),))
    numbers = (reading.cell(*here, key) for key in ("left", "right", "gain"))
    return (*first, column, _rule(reading, here, node), _missing(reading, node), *numbers, none)


def _rule(reading: Reading, here: Path, node: dict[str, Any]) -> Cell:
    if "levels" in node:
        between = Part(reading.say(", ", "、"))
        parts = [p for level in node["levels"] for p in (between, Part(reading.level(level), str(level)))]
        return Cell(tuple(parts[1:]))
    if node["below"] is None and reading.reason((*here, "below")) is None:
        return Cell((Part(reading.say("any value", "任何取值")),))
    part, style = reading.part(*here, "below")
    return Cell((Part("< "), part), style)


def _missing(reading: Reading, node: dict[str, Any]) -> Cell:
    side = node.get("missing", "right")
    return Cell((Part(_SIDES[side].say(reading.language) if side in _SIDES else "—", side),))
