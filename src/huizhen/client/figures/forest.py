"""A forest plot: each estimate with its interval beside the value that means no effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from huizhen.client.figures import svg
from huizhen.client.figures.svg import Scale
from huizhen.client.number import short

ROW = 34.0
REACH = 25.0
"""An interval is drawn no further than so many times its estimate (on a scale of ratios); an arrow says it goes on."""


@dataclass(frozen=True)
class Term:
    label: str
    estimate: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Words:
    title: str
    description: str
    measure: str
    less: str
    more: str


def forest(key: str, terms: Sequence[Term], words: Words, *, ratio: bool) -> Markup:
    """ratio: the scale is of ratios and no effect is 1; else of differences and no effect is 0."""
    none = 1.0 if ratio else 0.0
    labels = min(max(svg.text_width(t.label) for t in terms) + 18, 250.0)
    values = min(max(*(svg.text_width(t.text) for t in terms), svg.text_width(words.measure, 12)) + 14, 260.0)
    low, high = _range(terms, none, ratio)
    x = Scale(low, high, labels, svg.WIDTH - values - 12, log=ratio)
    top = 34.0
    bottom = top + ROW * len(terms)
    marks = svg.log_ticks(low, high) if ratio else svg.ticks(low, high, 6)
    parts = [svg.label(svg.WIDTH, 16, words.measure, "axis-name", "end"), *_axis(x, top, bottom, marks, none, words)]
    for i, term in enumerate(terms):
        parts += _row(term, x, top + ROW * (i + 0.5), none, labels)
    return svg.picture(key, bottom + 50, words.title, words.description, *parts)


def _range(terms: Sequence[Term], none: float, ratio: bool) -> tuple[float, float]:
    """Room for every interval, within reason, and for the value of no effect."""
    if ratio:
        lows = [math.log(max(t.low, t.estimate / REACH)) for t in terms]
        highs = [math.log(min(t.high, t.estimate * REACH)) for t in terms]
        low, high = min(*lows, 0.0), max(*highs, 0.0)
        edge = 0.06 * (high - low) or 0.5
        return math.exp(low - edge), math.exp(high + edge)
    low, high = min(*(t.low for t in terms), none), max(*(t.high for t in terms), none)
    edge = 0.05 * (high - low) or 1.0
    return low - edge, high + edge


def _axis(x: Scale, top: float, bottom: float, marks: Sequence[float], none: float, words: Words) -> list[Markup]:
    parts = []
    for mark in marks:
        parts.append(svg.line(x(mark), top, x(mark), bottom, "grid"))
        parts.append(svg.label(x(mark), bottom + 18, short(mark), "tick", "middle"))
    parts.append(svg.line(x.start, bottom, x.end, bottom, "axis"))
    parts.append(svg.line(x(none), top - 6, x(none), bottom, "zero"))
    left, right = x(none) - x.start, x.end - x(none)
    if svg.text_width(words.less, 12) + 14 < left:
        parts.append(svg.label(x(none) - 12, bottom + 42, f"← {words.less}", "axis-name", "end"))
    if svg.text_width(words.more, 12) + 14 < right:
        parts.append(svg.label(x(none) + 12, bottom + 42, f"{words.more} →", "axis-name"))
    return parts


def _row(term: Term, x: Scale, y: float, none: float, labels: float) -> list[Markup]:
    sure = not term.low <= none <= term.high
    left, right = (min(max(x(v), x.start), x.end) for v in (max(term.low, x.low), min(term.high, x.high)))
    parts = [
        svg.label(0, y + 4.5, svg.fitted(term.label, labels - 14), "strong"),
        svg.line(left, y, right, y, "whisker"),
        *(_end(end, y, cut, way) for end, cut, way in (
            (left, term.low < x.low, -1), (right, term.high > x.high, 1),
        )),
        svg.box(x(term.estimate) - 5.5, y - 5.5, 11, 11, "estimate sure" if sure else "estimate"),
        svg.label(svg.WIDTH, y + 4.5, term.text, "value", "end"),
    ]  # fmt: skip
    return [svg.tag("g", *parts)]


def _end(x: float, y: float, cut: bool, way: int) -> Markup:
    """A small stop, or an arrow where the interval goes on beyond the drawing."""
    if cut:
        return svg.path([(x - way * 7, y - 5), (x, y), (x - way * 7, y + 5)], "whisker open")
    return svg.line(x, y - 5, x, y + 5, "whisker")
