"""One figure against another: points that belong together on a line, as loss against risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from huizhen.client.figures import svg
from huizhen.client.figures.svg import Scale
from huizhen.client.number import short

HEIGHT = 260.0
LEGEND_ROW = 24.0
_TOP, _LEFT, _RIGHT = 12.0, 64.0, 26.0


@dataclass(frozen=True)
class Curve:
    label: str
    points: tuple[tuple[float, float], ...]
    """(x, y), in order of x; x above 0."""


@dataclass(frozen=True)
class Words:
    title: str
    description: str
    x: str
    y: str
    least: float = 0.0
    """Where the upright axis begins; no point is below."""


def curves(key: str, lines: Sequence[Curve], words: Words) -> Markup:
    """Up to some six curves over a scale of ratios. At least one point."""
    points = [p for each in lines for p in each.points]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    most, least = max(y for _, y in points) or 1.0, words.least
    top = _TOP + LEGEND_ROW * (len(lines) if len(lines) > 1 else 0)
    x = Scale(left, right if right > left else left * 2, _LEFT, svg.WIDTH - _RIGHT, log=True)
    y = Scale(least, least + (most - least) * 1.05, top + HEIGHT, top)
    parts = []
    for i, each in enumerate(lines):
        if len(lines) > 1:
            at = _TOP + LEGEND_ROW * i
            parts.append(svg.path(((_LEFT, at), (_LEFT + 34, at)), f"line s{i % svg.SERIES}", dash=svg.dash_of(i)))
            parts.append(svg.label(_LEFT + 44, at + 4.5, svg.fitted(each.label, 560)))
    for tick in svg.ticks(least, most, 5):
        parts.append(svg.line(x.start, y(tick), x.end, y(tick), "grid"))
        parts.append(svg.label(x.start - 8, y(tick) + 4, short(tick), "tick", "end"))
    for tick in svg.log_ticks(left, x.high):
        parts.append(svg.label(x(tick), y.start + 18, short(tick), "tick", "middle"))
    parts.append(svg.line(x.start, y.start, x.end, y.start, "axis"))
    for i, each in enumerate(lines):
        parts.append(svg.path(((x(a), y(b)) for a, b in each.points), f"line s{i % svg.SERIES}", dash=svg.dash_of(i)))
        parts += [svg.marker(x(a), y(b), i, f"mark s{i % svg.SERIES}", 3.5) for a, b in each.points]
    parts.append(svg.label((x.start + x.end) / 2, y.start + 40, words.x, "axis-name", "middle"))
    parts.append(svg.label(x.end, y.end - 4, words.y, "axis-name", "end"))
    return svg.picture(key, y.start + 48, words.title, words.description, *parts)
