"""Small strips that show where the middle of a column lies, and bars with a running total for shares of variance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from huizhen.client.figures import svg
from huizhen.client.figures.svg import Scale

ROW = 58.0


@dataclass(frozen=True)
class Spread:
    """One column: quantiles as (p, value, text), hidden ones left out; the mean, None where hidden."""

    label: str
    quantiles: tuple[tuple[float, float, str], ...]
    mean: float | None


@dataclass(frozen=True)
class Words:
    title: str
    description: str
    hidden: str
    mean: str


def strips(key: str, rows: Sequence[Spread], words: Words) -> Markup:
    """Each column on a scale of its own: a line from the lowest to the highest quantile asked for, a box around the
    middle half of people where both quartiles are known, a bar at the median, a ring at the mean."""
    labels = min(max(svg.text_width(row.label) for row in rows) + 18, 260.0)
    parts: list[Markup] = []
    for i, row in enumerate(rows):
        y = ROW * i + 20
        parts.append(svg.label(0, y + 4.5, svg.fitted(row.label, labels - 14), "strong"))
        if row.quantiles:
            parts += _strip(row, labels + 30, y)
        else:
            parts.append(svg.label(labels, y + 4.5, words.hidden, "small"))
        if i:
            parts.append(svg.line(0, ROW * i - 4, svg.WIDTH, ROW * i - 4, "grid"))
    bottom = ROW * len(rows) + 14
    parts.append(svg.tag("circle", cx=labels + 36, cy=bottom - 4, r=4.5, class_="ring"))
    parts.append(svg.label(labels + 48, bottom, words.mean, "small"))
    return svg.picture(key, bottom + 6, words.title, words.description, *parts)


def _strip(row: Spread, left: float, y: float) -> list[Markup]:
    values = [v for _, v, _ in row.quantiles] + ([row.mean] if row.mean is not None else [])
    low, high = min(values), max(values)
    edge = (high - low) * 0.04 or 1.0
    x = Scale(low - edge, high + edge, left, svg.WIDTH - 36)
    at = {p: v for p, v, _ in row.quantiles}
    ends = [v for _, v, _ in row.quantiles]
    parts = [svg.line(x(min(ends)), y, x(max(ends)), y, "whisker")]
    if 0.25 in at and 0.75 in at:
        parts.append(svg.box(x(at[0.25]), y - 9, max(x(at[0.75]) - x(at[0.25]), 1), 18, "half"))
    taken: list[float] = []
    for p, value, text in sorted(row.quantiles, key=lambda q: abs(q[0] - 0.5)):
        tall = 12.0 if p == 0.5 else 7.0
        parts.append(svg.line(x(value), y - tall, x(value), y + tall, "median" if p == 0.5 else "whisker"))
        if all(abs(x(value) - other) > svg.text_width(text, 12) + 10 for other in taken):
            parts.append(svg.label(x(value), y + 26, text, "tick", "middle"))
            taken.append(x(value))
    if row.mean is not None:
        parts.append(svg.tag("circle", cx=x(row.mean), cy=y, r=4.5, class_="ring"))
    return parts


@dataclass(frozen=True)
class Share:
    label: str
    share: float | None
    text: str


def scree(key: str, shares: Sequence[Share], words: Words, names: tuple[str, str]) -> Markup:
    """A bar for each share and a dotted line for their running total. names: of one share, of the running total."""
    left, right = 52.0, svg.WIDTH - 8
    y = Scale(0, 1, 262.0, 44.0)
    slot = (right - left) / len(shares)
    width = min(slot * 0.62, 84.0)
    parts = [svg.hatch(key), *_scree_axes(left, right, y, names)]
    total, line = 0.0, []
    for i, each in enumerate(shares):
        middle = left + slot * (i + 0.5)
        if each.share is None:
            parts.append(svg.box(middle - width / 2, y.end, width, y.start - y.end, "veil", fill=f"url(#{key}-hatch)"))
        else:
            total += each.share
            line.append((middle, y(min(total, 1.0))))
            parts.append(svg.box(middle - width / 2, y(each.share), width, y.start - y(each.share), "bar"))
            if width > 40:
                tall = y.start - y(each.share) > 24
                at, kind = (y.start - 8, "on") if tall else (y(each.share) - 7, "value halo")
                parts.append(svg.label(middle, at, each.text, kind, "middle"))
        if slot > 26 or i % 5 == 0:
            parts.append(svg.label(middle, y.start + 20, each.label, "tick", "middle"))
    if line and all(each.share is not None for each in shares):
        parts.append(svg.path(line, "line s1", dash=svg.dash_of(1)))
        parts += [svg.marker(px, py, 1, "mark s1", 3.5) for px, py in line]
    return svg.picture(key, y.start + 30, words.title, words.description, *parts)


def _scree_axes(left: float, right: float, y: Scale, names: tuple[str, str]) -> list[Markup]:
    parts = [
        svg.box(0, 4, 14, 14, "bar"),
        svg.label(22, 16, names[0], "small"),
    ]
    x = svg.text_width(names[0]) + 52
    parts += [
        svg.path([(x, 11), (x + 34, 11)], "line s1", dash=svg.dash_of(1)),
        svg.marker(x + 17, 11, 1, "mark s1", 3.5),
        svg.label(x + 42, 16, names[1], "small"),
    ]
    for share in (0, 0.25, 0.5, 0.75, 1):
        parts.append(svg.line(left, y(share), right, y(share), "grid" if share else "axis"))
        parts.append(svg.label(left - 9, y(share) + 4, f"{share:.0%}", "tick", "end"))
    return parts
