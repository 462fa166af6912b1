"""A fitted model: coefficients as a forest plot and a table, and what they say in a sentence."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from huizhen.client import number
from huizhen.client.block import Block, Cell, Figure, Head, Part, Sentence, Shown, Table
from huizhen.client.figures import forest
from huizhen.client.reading import Reading, keys_of, row_head
from huizhen.kit.text import Text

_KNOWN = ("name", "estimate", "std_error", "z", "p", "ci_low", "ci_high")
_RATIO = ("hazard_ratio", "hazard_ratio_low", "hazard_ratio_high")
_MOST = 700.0
"""exp of more than this is no number any more."""
_NAMED = 5
"""Terms that a sentence names; more are only counted."""


@dataclass(frozen=True)
class Measure:
    """What a coefficient is told as. `ratio`: its exponential, no effect being 1; else itself, no effect being 0."""

    name: Text
    less: Text
    more: Text
    ratio: bool
    meaning: Text


HAZARD = Measure(
    Text("hazard ratio", "风险比"),
    Text("event less often", "事件更少"),
    Text("event more often", "事件更多"),
    True,
    Text(
        "A hazard ratio of 2 means that at any time the event happens twice as often, 0.5 half as often.",
        "风险比为 2 表示任一时刻事件发生的快慢是两倍，0.5 表示减半。",
    ),
)
ODDS = Measure(
    Text("odds ratio", "比值比"),
    Text("less likely", "可能性更小"),
    Text("more likely", "可能性更大"),
    True,
    Text(
        "An odds ratio of 2 means that the odds of the outcome are doubled, 0.5 that they are halved.",
        "比值比为 2 表示结局的比值加倍，0.5 表示减半。",
    ),
)
RATE = Measure(
    Text("rate ratio", "率比"),
    Text("lower rate", "更低"),
    Text("higher rate", "更高"),
    True,
    Text(
        "A rate ratio of 2 means that the outcome is expected twice as often, 0.5 half as often.",
        "率比为 2 表示结局的预期次数加倍，0.5 表示减半。",
    ),
)
DIFFERENCE = Measure(
    Text("difference in the outcome", "结局的差值"),
    Text("smaller outcome", "结局更小"),
    Text("larger outcome", "结局更大"),
    False,
    Text(
        "A coefficient of 2 means that the outcome is larger by 2, in its own unit.",
        "系数为 2 表示结局（以其自身单位）大 2。",
    ),
)


def show(reading: Reading) -> Shown | None:
    """For `coefficients`: a list of mappings that each hold a name and an estimate."""
    rows = reading.at("coefficients")
    if (
        not isinstance(rows, list)
        or not rows
        or not all(isinstance(r, dict) and {"name", "estimate"} <= set(r) for r in rows)
    ):
        return None
    measure = _measure(reading, rows)
    terms = _terms(reading, rows, measure)
    blocks: list[Block] = []
    if terms:
        blocks += [_sentence(reading, terms, measure), _figure(reading, terms, measure)]
    blocks.append(_table(reading, rows, measure))
    return Shown(frozenset({"coefficients"}), tuple(blocks))


def _measure(reading: Reading, rows: list[dict[str, Any]]) -> Measure:
    if "hazard_ratio" in rows[0]:
        return HAZARD
    return {"binomial": ODDS, "poisson": RATE}.get(str(reading.at("family")), DIFFERENCE)


def _terms(reading: Reading, rows: list[dict[str, Any]], measure: Measure) -> list[forest.Term]:
    """What can be drawn: terms with an interval, without the intercept."""
    terms = []
    for row in rows:
        if row["name"] == "Intercept" or any(row.get(k) is None for k in ("estimate", "ci_low", "ci_high")):
            continue
        middle, low, high = (_told(row[k], measure) for k in ("estimate", "ci_low", "ci_high"))
        text = f"{number.short(middle, 3)} ({number.short(low, 3)}–{number.short(high, 3)})"
        if not measure.ratio:
            to = reading.say("to", "至")
            text = f"{number.short(middle, 3)} ({number.short(low, 3)} {to} {number.short(high, 3)})"
        terms.append(forest.Term(reading.term(row["name"]), middle, low, high, text))
    return terms


def _told(coefficient: float, measure: Measure) -> float:
    return math.exp(min(max(coefficient, -_MOST), _MOST)) if measure.ratio else coefficient


def _sentence(reading: Reading, terms: list[forest.Term], measure: Measure) -> Sentence:
    none = 1.0 if measure.ratio else 0.0
    sure = [t for t in terms if not t.low <= none <= t.high]
    level = _level(reading)
    name = measure.name.say(reading.language)
    if not sure:
        return Sentence(reading.say(
            f"No term stands clearly apart from “no effect”: every {level} interval includes {none:g}.",
            f"没有任何一项与“无效应”明显不同：所有 {level} 置信区间都包含 {none:g}。",
        ))  # fmt: skip
    named = [f"{t.label} ({name} {number.short(t.estimate, 3)})" for t in sure]
    if reading.language == "zh":
        named = [f"{t.label}（{name} {number.short(t.estimate, 3)}）" for t in sure]
    listed = reading.say(": " + ", ".join(named), "：" + "、".join(named)) if len(named) <= _NAMED else ""
    return Sentence(reading.say(
        f"{len(sure)} of {len(terms)} terms stand clearly apart from “no effect” ({level} confidence){listed}.",
        f"{len(terms)} 项中有 {len(sure)} 项与“无效应”明显不同（{level} 置信水平）{listed}。",
    ))  # fmt: skip


def _level(reading: Reading) -> str:
    level = reading.at("confidence")
    return number.percent(level) if isinstance(level, float) else ""


def _figure(reading: Reading, terms: list[forest.Term], measure: Measure) -> Figure:
    name, level = measure.name.say(reading.language), _level(reading)
    none = "1" if measure.ratio else "0"
    title = reading.say(f"Each term’s {name}", f"各项的{name}")
    caption = reading.say(
        f"How to read it: each square is the {name} for one unit more of a column, or for a level against the first "
        f"one, all else being equal. The line through it is its {level} confidence interval. A filled square’s "
        f"interval leaves out {none}, “no effect”. {measure.meaning.en}",
        f"如何阅读：每个方块表示在其他条件相同时，某列每增加一个单位（或某水平相对于首个水平）的{name}；"
        f"穿过方块的横线是 {level} 置信区间。实心方块表示区间不含 {none}（即“无效应”）。{measure.meaning.zh}",
    )
    described = reading.say("; ", "；").join(f"{t.label} {t.text}" for t in terms)
    drawn = forest.forest(
        "forest",
        terms,
        forest.Words(
            title,
            described,
            reading.say(f"{name} ({level} CI)", f"{name}（{level} 置信区间）"),
            measure.less.say(reading.language),
            measure.more.say(reading.language),
        ),
        ratio=measure.ratio,
    )
    return Figure(title, drawn, caption)


def _table(reading: Reading, rows: list[dict[str, Any]], measure: Measure) -> Table:
    level = _level(reading)
    interval = reading.say(f" ({level} CI)", f"（{level} 置信区间）")
    extra = [k for k in keys_of(rows) if k not in (*_KNOWN, *_RATIO)]
    heads = [Head(reading.say("term", "项"), "name", number=False)]
    if measure.ratio:
        heads.append(Head(measure.name.say(reading.language) + interval))
    heads.append(Head(reading.name("estimate") + interval))
    heads += [reading.head(k) for k in ("std_error", "z", "p", *extra)]
    cells = [_row(reading, row, i, measure, extra) for i, row in enumerate(rows)]
    return reading.table(reading.name("coefficients"), heads, cells, "coefficients")


def _row(reading: Reading, row: Mapping[str, Any], i: int, measure: Measure, extra: list[str]) -> tuple[Cell, ...]:
    here = ("coefficients", i)
    cells = [row_head(reading.term(row["name"]), row["name"])]
    if "hazard_ratio" in row:
        cells.append(reading.estimate(here, _RATIO, "–"))
    elif measure.ratio:
        cells.append(_exponential(reading, i))
    cells.append(reading.estimate(here, ("estimate", "ci_low", "ci_high"), reading.say(" to ", " 至 ")))
    cells += [reading.cell(*here, k, kind="p" if k == "p" else "number") for k in ("std_error", "z", "p")]
    return (*cells, *(reading.cell(*here, k) for k in extra))


def _exponential(reading: Reading, i: int) -> Cell:
    """exp of a coefficient and of its limits, worked out here."""
    found = [reading.at("coefficients", i, k) for k in ("estimate", "ci_low", "ci_high")]
    if any(not isinstance(v, int | float) for v in found):
        return reading.cell("coefficients", i, "estimate")
    parts = [Part(number.short(e, 3), number.exact(e)) for e in (math.exp(min(v, _MOST)) for v in found)]
    return Cell((parts[0], Part(" ("), parts[1], Part("–"), parts[2], Part(")")), "number")
