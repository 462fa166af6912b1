"""Bars: one for each level, one for each interval, shares of a whole, and shares one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from huizhen.client.figures import svg
from huizhen.client.figures.svg import Scale
from huizhen.client.number import short

ROW = 30.0


@dataclass(frozen=True)
class Bar:
    label: str
    value: float | None
    """None: hidden."""
    text: str


@dataclass(frozen=True)
class Words:
    title: str
    description: str
    hidden: str


def level_bars(key: str, bars: Sequence[Bar], words: Words) -> Markup:
    """Lying bars, one a level, from zero; a hidden one is a hatched strip without a length."""
    labels = min(max(svg.text_width(bar.label) for bar in bars) + 16, 270.0)
    texts = max(svg.text_width(bar.text) for bar in bars) + 14
    most = max((bar.value for bar in bars if bar.value is not None), default=0) or 1
    x = Scale(0, most, labels, svg.WIDTH - texts)
    parts = [svg.hatch(key)]
    for i, bar in enumerate(bars):
        y = ROW * i
        parts.append(svg.label(labels - 12, y + 19.5, svg.fitted(bar.label, labels - 14), "strong", "end"))
        if bar.value is None:
            parts.append(svg.box(x.start, y + 5, x.end - x.start, ROW - 10, "veil", fill=f"url(#{key}-hatch)"))
            parts.append(svg.label(x.start + 10, y + 19.5, words.hidden, "small halo"))
        else:
            parts.append(svg.box(x.start, y + 5, x(bar.value) - x.start, ROW - 10, "bar"))
            parts.append(svg.label(x(bar.value) + 8, y + 19.5, bar.text, "value"))
    parts.append(svg.line(x.start, 0, x.start, ROW * len(bars), "axis"))
    return svg.picture(key, ROW * len(bars), words.title, words.description, *parts)


@dataclass(frozen=True)
class Segment:
    label: str
    value: float | None
    text: str


def stacked(
    key: str, rows: Sequence[tuple[str, Sequence[Segment], float | None]], words: Words, names: Sequence[str]
) -> Markup:
    """Rows of shares, each row (label, segments, whole); where a share is hidden, what the others leave is hatched."""
    labels = min(max((svg.text_width(label) for label, _, _ in rows), default=0) + 16, 250.0) if rows[0][0] else 0.0
    names = [svg.fitted(name, 260) for name in names]
    legend, top = _legend(names)
    parts = [svg.hatch(key), *legend]
    for i, (label, segments, whole) in enumerate(rows):
        y = top + (ROW + 8) * i
        parts.append(svg.label(labels - 12, y + 22, svg.fitted(label, labels - 14), "strong", "end"))
        parts += _shares(key, segments, whole, labels, y, words)
    return svg.picture(key, top + (ROW + 8) * len(rows), words.title, words.description, *parts)


def _legend(names: Sequence[str]) -> tuple[list[Markup], float]:
    placed = svg.rows_of([svg.text_width(name) + 46 for name in names], svg.WIDTH)
    parts = []
    for r, items in enumerate(placed):
        x, y = 0.0, 22.0 * r
        for i in items:
            parts.append(svg.box(x, y + 2, 15, 15, f"share s{i % svg.SERIES}"))
            parts.append(svg.marker(x + 7.5, y + 9.5, i, "on", 2.6))
            parts.append(svg.label(x + 22, y + 14, names[i], "small"))
            x += svg.text_width(names[i]) + 46
    return parts, 22.0 * len(placed) + 12


def _shares(
    key: str, segments: Sequence[Segment], whole: float | None, left: float, y: float, words: Words
) -> list[Markup]:
    room = svg.WIDTH - left
    known = sum(s.value for s in segments if s.value is not None)
    secret = any(s.value is None for s in segments)
    whole = max(whole or known, known) if secret else known
    if not whole:
        return [svg.box(left, y + 2, room, ROW - 2, "veil", fill=f"url(#{key}-hatch)"), *_tag(left, y, room, words)]
    scale = room / whole if whole > known or not secret else room * 0.9 / whole
    parts, x = [], left
    for i, segment in enumerate(segments):
        width = (segment.value or 0) * scale
        if width:
            parts.append(svg.box(x, y + 2, max(width - 1.5, 0.5), ROW - 2, f"share s{i % svg.SERIES}"))
            fits = svg.text_width(segment.text, 12) + 26 < width
            parts += [svg.marker(x + 12, y + ROW / 2 + 1, i, "on", 3)] if width > 24 else []
            parts += [svg.label(x + 22, y + ROW / 2 + 5, segment.text, "on")] if fits else []
        x += width
    if secret:
        rest = svg.WIDTH - x
        parts.append(svg.box(x, y + 2, rest, ROW - 2, "veil", fill=f"url(#{key}-hatch)"))
        parts += _tag(x, y, rest, words)
    return parts


def _tag(x: float, y: float, room: float, words: Words) -> list[Markup]:
    if svg.text_width(words.hidden, 12) + 12 > room:
        return []
    return [svg.label(x + 6, y + ROW / 2 + 5, words.hidden, "small halo")]


@dataclass(frozen=True)
class Interval:
    low: float
    high: float
    count: float | None


@dataclass(frozen=True)
class Tail:
    label: str
    count: float | None


def interval_bars(
    key: str, inside: Sequence[Interval], below: Tail | None, above: Tail | None, words: Words, names: tuple[str, str]
) -> Markup:
    """A histogram. names: of the axis of values and of the axis of heights.

    Intervals of unequal width have the height of their density. Open ends stand apart, with a dashed edge; with
    unequal widths an open end has no density, and only its number is written.
    """
    wide = [i.high - i.low for i in inside]
    even = max(wide) <= min(wide) * (1 + 1e-6)
    heights = [None if i.count is None else i.count / (1 if even else i.high - i.low) for i in inside]
    tails = [t.count for t in (below, above) if t is not None and even and t.count is not None]
    most = max([h for h in heights if h is not None] + tails, default=0) or 1.0
    left, gap = 62.0, 78.0
    start = left + (gap if below else 0)
    x = Scale(inside[0].low, inside[-1].high, start, svg.WIDTH - 8 - (gap if above else 0))
    y = Scale(0, most * 1.04, 282.0, 34.0)
    parts = [svg.hatch(key), *_heights(left, y, names[1])]
    for interval, height in zip(inside, heights, strict=True):
        parts += _column(key, x(interval.low), x(interval.high), height, y, words, "bar")
    for tail, at in ((below, left + 6), (above, x.end + 16)):
        if tail:
            parts += _tail(key, tail, at, y, words, even)
    edges = [i.low for i in inside] + [inside[-1].high]
    shown = edges[:: -(-len(edges) // 13)] if len(edges) > 13 else edges
    for edge in shown:
        parts.append(svg.line(x(edge), y.start, x(edge), y.start + 5, "axis"))
        parts.append(svg.label(x(edge), y.start + 20, short(edge), "tick", "middle"))
    parts.append(svg.label(x.end, y.start + 41, names[0], "axis-name", "end"))
    return svg.picture(key, y.start + 48, words.title, words.description, *parts)


def _heights(left: float, y: Scale, name: str) -> list[Markup]:
    parts = [svg.label(0, 14, name, "axis-name")]
    for mark in svg.ticks(0, y.high, 5):
        parts.append(svg.line(left, y(mark), svg.WIDTH - 8, y(mark), "grid" if mark else "axis"))
        parts.append(svg.label(left - 9, y(mark) + 4, short(mark), "tick", "end"))
    return parts


def _column(key: str, low: float, high: float, height: float | None, y: Scale, words: Words, kind: str) -> list[Markup]:
    room = high - low
    if height is None:
        parts = [svg.box(low + 0.75, y.end, room - 1.5, y.start - y.end, "veil", fill=f"url(#{key}-hatch)")]
        if svg.text_width(words.hidden, 11) < room:
            parts.append(svg.label((low + high) / 2, y.start - 9, words.hidden, "small halo", "middle"))
        return parts
    return [svg.box(low + 0.75, y(height), room - 1.5, y.start - y(height), kind)]


def _tail(key: str, tail: Tail, at: float, y: Scale, words: Words, even: bool) -> list[Markup]:
    middle = at + 26
    name = svg.label(middle, y.start + 20, tail.label, "tick", "middle")
    if even:
        return [*_column(key, at, at + 52, tail.count, y, words, "bar open"), name]
    shown = words.hidden if tail.count is None else short(tail.count)
    return [svg.label(middle, y.start - 9, shown, "small halo", "middle"), name]
