"""An evaluation of a model: how good it is in a sentence, by tenths of its score, and how far the data have moved."""

from __future__ import annotations

from typing import Any

from huizhen.client import drift, number
from huizhen.client.block import Block, Cell, Fact, Figure, Head, Part, Sentence, Shown, Table
from huizhen.client.figures import bars
from huizhen.client.figures.bars import Bar
from huizhen.client.reading import Reading, row_head
from huizhen.client.words import PAGE
from huizhen.model.result import Path


def show(reading: Reading) -> Shown | None:
    """For `profile`, as the method `evaluate` gives it, `tenths` of a model that foretells, and `drift` where there is
    a reference."""
    tenths, profile = reading.at("tenths"), reading.at("profile")
    if not isinstance(profile, dict) or "score" not in profile:
        return None
    blocks: list[Block] = [_sentence(reading), *([_tenths(reading, tenths)] if isinstance(tenths, dict) else [])]
    if isinstance(reading.at("drift"), dict):
        reference = Cell((Part(reading.at("drift", "reference")),))
        fact = Fact(reading.name("reference"), reference, "drift.reference")
        blocks += [_moved(reading), _drift(reading), reading.facts(reading.name("drift"), [fact], "drift")]
    blocks.append(_profile(reading, profile))
    return Shown(frozenset({"tenths", "profile", "drift"}), tuple(blocks))


def _sentence(reading: Reading) -> Sentence:
    concordance = reading.say("concordance", "一致性指数")
    names = {"concordance": concordance, "auc": "AUC", "r_squared": "R²", "explained": ""}
    key = next(name for name in names if name in reading.values)
    found = reading.at(key)
    if not isinstance(found, float):
        return Sentence(reading.say("How good the model is here is hidden.", "模型在此处的效果已隐藏。"))
    shown, name = number.short(found, 3), names[key]
    if key == "explained":
        return Sentence(reading.say(
            f"Of the spread of these records the model explains a share of {shown}.",
            f"该模型解释了这些记录离散程度的 {shown}。",
        ))  # fmt: skip
    return Sentence(reading.say(
        f"On these records the model foretells the outcome with {name} {shown}.",
        f"在这些记录上，该模型预测结局的 {name} 为 {shown}。",
    ))  # fmt: skip


def _name(reading: Reading, name: str) -> str:
    return reading.label(name) if name else reading.say("score of the model", "模型评分")


def _where(name: str) -> Path:
    return ("inputs", name) if name else ("score",)


def _tenths(reading: Reading, tenths: dict[str, Any]) -> Table:
    means = [name for name in ("predicted", "observed") if name in tenths]
    counted = (0, 1) if "outcomes" in tenths else ()
    heads = [Head(reading.say("part", "分段")), Head(reading.say("records", "记录数")), *map(reading.head, means)]
    heads += [Head(reading.say(f"outcome {i}", f"结局 {i}")) for i in counted]
    rows = []
    for i in range(len(next(iter(tenths.values())))):
        cells: list[Cell] = [Cell((Part(str(i + 1)),), "number"), reading.cell("profile", "score", "counts", i)]
        cells += [reading.cell("tenths", name, i) for name in means]
        cells += [reading.cell("tenths", "outcomes", i, k) for k in counted]
        rows.append(tuple(cells))
    caption = reading.say("What was foretold and what came true, by score", "按评分分段的预测与实际")
    return reading.table(caption, tuple(heads), rows, "tenths")


def _moved(reading: Reading) -> Figure:
    hidden = PAGE["hidden"].say(reading.language)
    drawn = [
        Bar(_name(reading, name), part["psi"], hidden if part["psi"] is None else number.short(part["psi"], 2))
        for name, part in drift.lines(reading.at("drift"))
    ]
    title = reading.say("How far the data have moved", "数据漂移程度")
    said = reading.say("; ", "；").join(f"{bar.label}: {bar.text}" for bar in drawn)
    caption = reading.say(
        f"Population stability index against the reference: below {drift.LITTLE:g} little, from {drift.MUCH:g} on much "
        "(Siddiqi 2006).",
        f"相对于参照的群体稳定性指数（PSI）：低于 {drift.LITTLE:g} 为很小，{drift.MUCH:g} 起为很大（Siddiqi 2006）。",
    )
    return Figure(title, bars.level_bars("drift", drawn, bars.Words(title, said, hidden)), caption)


def _drift(reading: Reading) -> Table:
    keys = ("psi", "psi_chance", "ks", "ks_chance")
    heads = (Head(reading.say("of what", "对象"), number=False), Head(reading.say("moved", "漂移"), number=False))
    rows = []
    for name, part in drift.lines(reading.at("drift")):
        word = Cell((Part(drift.WORDS[drift.grade(part)].say(reading.language)),))
        cells = (reading.cell("drift", *_where(name), key) for key in keys)
        rows.append((row_head(_name(reading, name), name or "score"), word, *cells))
    caption = reading.say("Drift, with what chance gives once in twenty", "漂移，及二十次中一次的偶然值")
    return reading.table(caption, (*heads, *(reading.head(key) for key in keys)), rows, "drift")


def _profile(reading: Reading, profile: dict[str, Any]) -> Table:
    heads = (
        Head(reading.say("of what", "对象"), number=False), Head(reading.say("values", "取值"), number=False),
        Head(reading.say("records", "记录数")),
    )  # fmt: skip
    rows = []
    for name in ("", *profile["inputs"]):
        part = profile["inputs"][name] if name else profile["score"]
        for i in range(len(part["counts"])):
            cell = reading.cell("profile", *_where(name), "counts", i)
            rows.append(
                (row_head(_name(reading, name), name or "score"), Cell(_bin(reading, _where(name), part, i)), cell)
            )
    caption = reading.say("Where scores and inputs lie", "评分与输入的分布")
    return reading.table(caption, heads, rows, "profile", folded=True)


def _bin(reading: Reading, where: Path, part: dict[str, Any], i: int) -> tuple[Part, ...]:
    missing = (Part(PAGE["missing"].say(reading.language)),)
    if "levels" in part:
        between = Part(reading.say(", ", "、"))
        named = [p for level in part["levels"][i] for p in (between, Part(reading.level(level), str(level)))]
        return tuple(named[1:]) or missing
    edges = part["edges"]
    if i > len(edges):
        return missing
    ends = [reading.part("profile", *where, "edges", k)[0] if 0 <= k < len(edges) else None for k in (i - 1, i)]
    low = () if ends[0] is None else (Part("≥ "), ends[0])
    high = () if ends[1] is None else (Part("< "), ends[1])
    return (*low, *((Part(", "),) if low and high else ()), *high) or (Part("…"),)
