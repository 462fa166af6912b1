"""Survival over time: steps with their confidence bands, medians, and under the axis how many are still observed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from huizhen.client.figures import svg
from huizhen.client.figures.svg import Scale

PLOT_HEIGHT = 300.0
ROW = 20.0
LEGEND_ROW = 24.0


@dataclass(frozen=True)
class Step:
    time: float
    survival: float
    low: float | None
    high: float | None
    at_risk: int | None
    leaving: int | None
    """Events and ends of observation at this time; None where not known."""


@dataclass(frozen=True)
class Line:
    label: str
    steps: tuple[Step, ...]
    n: int | None
    median: float | None = None

    @property
    def complete(self) -> bool:
        """Whether every step is there: each one's leaving people are missing from the next one's people at risk."""
        left = self.n
        for step in self.steps:
            if left is None or step.at_risk != left or step.leaving is None:
                return False
            left -= step.leaving
        return left == 0

    def at_risk(self, time: float) -> tuple[int, bool] | None:
        """How many are still observed just before `time`, and whether exactly so or at least; None: not known."""
        complete = self.complete
        if time <= 0 and self.n is not None:
            return self.n, True
        for step in self.steps:
            if step.time >= time and step.at_risk is not None:
                return step.at_risk, complete or step.time == time
        return (0, True) if complete else None


@dataclass(frozen=True)
class Words:
    title: str
    description: str
    survival: str
    time: str
    at_risk: str
    no_curve: str
    number: Callable[[float], str]


def survival(key: str, lines: Sequence[Line], words: Words) -> Markup:
    """Up to some twelve lines. Every line has its own colour, dash and end mark."""
    legend = _legend(lines, words)
    top = 34 + LEGEND_ROW * len(legend)
    indent = max(svg.text_width(line.label, 12) for line in lines) + 40 if len(lines) > 1 else 0.0
    left = min(max(58.0, indent, svg.text_width(words.at_risk, 12) + 8 if len(lines) == 1 else 0), 260.0)
    last = max((line.steps[-1].time for line in lines if line.steps), default=1.0) or 1.0
    x = Scale(0, last, left, svg.WIDTH - 26)
    y = Scale(0, 1, top + PLOT_HEIGHT, top)
    marks = svg.ticks(0, last, 8)
    risk = _risk_rows(lines, words, x, y.start + 62, marks, left)
    height = y.start + 62 + ROW * (len(lines) + (1 if len(lines) > 1 else 0)) - 4
    drawn = [_band(line, x, y, i) for i, line in enumerate(lines)]
    drawn += [_steps(line, x, y, i) for i, line in enumerate(lines)]
    return svg.picture(
        key, height, words.title, words.description,
        *legend, *_axes(x, y, marks, words), *_medians(lines, x, y), *drawn, *risk,
    )  # fmt: skip


def _legend(lines: Sequence[Line], words: Words) -> list[Markup]:
    if len(lines) == 1:
        return []
    labels = [line.label if line.steps else f"{line.label} ({words.no_curve})" for line in lines]
    labels = [svg.fitted(label, 300) for label in labels]
    placed = svg.rows_of([svg.text_width(label) + 66 for label in labels], svg.WIDTH)
    rows = []
    for r, items in enumerate(placed):
        y, x, parts = 16 + LEGEND_ROW * r, 0.0, []
        for i in items:
            parts += [
                svg.path([(x, y), (x + 34, y)], f"line s{i % svg.SERIES}", dash=svg.dash_of(i)),
                svg.marker(x + 17, y, i, f"mark s{i % svg.SERIES}"),
                svg.label(x + 42, y + 4.5, labels[i], "strong"),
            ]
            x += svg.text_width(labels[i]) + 66
        rows.append(svg.tag("g", *parts))
    return rows


def _axes(x: Scale, y: Scale, marks: Sequence[float], words: Words) -> list[Markup]:
    parts = [svg.label(x.start - 46 if x.start >= 46 else 0, y.end - 16, words.survival, "axis-name")]
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(svg.line(x.start, y(share), x.end, y(share), "grid" if share else "axis"))
        parts.append(svg.label(x.start - 9, y(share) + 4, f"{share:.0%}", "tick", "end"))
    for time in marks:
        parts.append(svg.line(x(time), y.start, x(time), y.start + 5, "axis"))
        parts.append(svg.label(x(time), y.start + 20, words.number(time), "tick", "middle"))
    parts.append(svg.label(x.end, y.start + 39, words.time, "axis-name", "end"))
    return parts


def _medians(lines: Sequence[Line], x: Scale, y: Scale) -> list[Markup]:
    found = [(i, line.median) for i, line in enumerate(lines) if line.median is not None and line.steps]
    if not found or len(found) > 4:
        return []
    parts = [svg.line(x.start, y(0.5), max(x(m) for _, m in found), y(0.5), "guide")]
    parts += [svg.line(x(m), y(0.5), x(m), y.start, f"guide s{i % svg.SERIES}") for i, m in found]
    return parts


def _corners(points: Sequence[tuple[float, float]], x: Scale, y: Scale, *, stairs: bool) -> list[tuple[float, float]]:
    """From (time, share) to corners on the drawing: level until the next time, then down; or straight from one to the
    next, where steps between them are left out."""
    corners = [(x(0), y(1))]
    for time, share in points:
        if stairs:
            corners.append((x(time), corners[-1][1]))
        corners.append((x(time), y(share)))
    return corners


def _band(line: Line, x: Scale, y: Scale, series: int) -> Markup:
    known = [(s.time, s.low, s.high) for s in line.steps if s.low is not None and s.high is not None]
    if not known:
        return Markup("")
    upper = _corners([(t, high) for t, _, high in known], x, y, stairs=line.complete)
    lower = _corners([(t, low) for t, low, _ in known], x, y, stairs=line.complete)
    return svg.path([*upper, *reversed(lower)], f"band s{series % svg.SERIES}", closed=True)


def _steps(line: Line, x: Scale, y: Scale, series: int) -> Markup:
    """Stairs with a mark at their end; where steps are left out, a straight line with a mark at each one kept."""
    if not line.steps:
        return Markup("")
    kind = f"s{series % svg.SERIES}"
    corners = _corners([(s.time, s.survival) for s in line.steps], x, y, stairs=line.complete)
    marked = corners[-1:] if line.complete else corners[1:]
    return svg.tag(
        "g",
        svg.path(corners, f"line {kind}", dash=svg.dash_of(series)),
        *(svg.marker(*corner, series, f"mark {kind}") for corner in marked),
    )


def _risk_rows(
    lines: Sequence[Line], words: Words, x: Scale, top: float, marks: Sequence[float], left: float
) -> list[Markup]:
    alone = len(lines) == 1
    parts = [svg.label(0, top, words.at_risk, "axis-name")]
    for i, line in enumerate(lines):
        y = top + (0 if alone else ROW * (i + 1))
        if not alone:
            parts.append(svg.marker(8, y - 4, i, f"mark s{i % svg.SERIES}"))
            parts.append(svg.label(20, y, svg.fitted(line.label, left - 30, 12), "small"))
        for time in marks:
            known = line.at_risk(time)
            if known is not None:
                count, sure = known
                shown = words.number(count) if sure else f"≥ {words.number(count)}"
                parts.append(svg.label(x(time), y, shown, "tick", "middle"))
    return parts
