"""The smallest set of words an SVG drawing needs: elements that escape all they hold, scales, ticks, widths of text."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 760.0
SERIES = 6
"""Colours there are; further series repeat them with another dash."""
DASHES = ("", "9 4", "2 3.5", "12 4 2 4", "5 2.5", "1 5")


def tag(name: str, *children: str | Markup, **attributes: str | float | None) -> Markup:
    """An element. Text children and attribute values are escaped; `class_` is class, `_` is `-`, None is left out."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), coordinate(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), written, Markup("").join(map(escape, children)))  # noqa: S704


def coordinate(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1f}".rstrip("0").rstrip(".") if value else "0"


def picture(key: str, height: float, title: str, description: str, *children: Markup, width: float = WIDTH) -> Markup:
    """The drawing, named and described for those who do not see it. `key` is unique on the page."""
    return tag(
        "svg",
        tag("title", title, id=f"{key}-t"),
        tag("desc", description, id=f"{key}-d"),
        *children,
        role="img",
        aria_labelledby=f"{key}-t {key}-d",
        viewBox=f"0 0 {coordinate(width)} {coordinate(height)}",
        preserveAspectRatio="xMinYMin meet",
    )


def label(x: float, y: float, text: str, kind: str = "", anchor: str | None = None) -> Markup:
    """Text with its baseline at y; anchor 'middle' or 'end'."""
    return tag("text", text, x=x, y=y, class_=kind or None, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def box(x: float, y: float, width: float, height: float, kind: str, **more: str | float | None) -> Markup:
    return tag("rect", x=x, y=y, width=max(width, 0.0), height=max(height, 0.0), class_=kind, **more)


def path(points: Iterable[tuple[float, float]], kind: str, *, closed: bool = False, dash: str = "") -> Markup:
    """A line through the points; those that fall on the one before are left out."""
    written: list[str] = []
    for x, y in points:
        here = f"{coordinate(x)} {coordinate(y)}"
        if not written or written[-1] != here:
            written.append(here)
    d = "M" + "L".join(written) + ("Z" if closed else "")
    return tag("path", d=d, class_=kind, stroke_dasharray=dash or None)


def marker(x: float, y: float, series: int, kind: str, size: float = 4.0) -> Markup:
    """Another form for each series: circle, square, triangle, diamond, cross-square, inverted triangle."""
    s = size
    if series % SERIES == 0:
        return tag("circle", cx=x, cy=y, r=s, class_=kind)
    forms = (
        ((-s, -s), (s, -s), (s, s), (-s, s)),
        ((0, -s * 1.25), (s * 1.2, s), (-s * 1.2, s)),
        ((0, -s * 1.4), (s * 1.4, 0), (0, s * 1.4), (-s * 1.4, 0)),
        ((-s * 1.3, -s / 2), (s * 1.3, -s / 2), (s * 1.3, s / 2), (-s * 1.3, s / 2)),
        ((0, s * 1.25), (s * 1.2, -s), (-s * 1.2, -s)),
    )
    form = forms[series % SERIES - 1]
    return path(((x + dx, y + dy) for dx, dy in form), kind, closed=True)


def dash_of(series: int) -> str:
    """Each series has its own dash, also beyond the colours."""
    return DASHES[(series + series // SERIES) % len(DASHES)]


def hatch(key: str) -> Markup:
    """The pattern of what is hidden; use it as fill 'url(#key-hatch)'."""
    stripe = tag("path", d="M-1 7L7 -1M5 9L9 5", class_="stripe")
    pattern = tag("pattern", stripe, id=f"{key}-hatch", width=8, height=8, patternUnits="userSpaceOnUse")
    return tag("defs", pattern)


@dataclass(frozen=True)
class Scale:
    """From values to places on the drawing; `log` where equal ratios take equal room."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        f: Callable[[float], float] = math.log if self.log else float
        share = (f(value) - f(self.low)) / ((f(self.high) - f(self.low)) or 1.0)
        return self.start + share * (self.end - self.start)


def ticks(low: float, high: float, about: int = 6) -> list[float]:
    """Round numbers (1, 2, 2.5 or 5 times a power of ten) within [low, high], about so many."""
    if not high > low:
        return [low]
    rough = (high - low) / max(about, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, 1 - math.floor(math.log10(step)))
    return list(dict.fromkeys(round(i * step, digits) for i in range(first, last + 1)))


def log_ticks(low: float, high: float, about: int = 7) -> list[float]:
    """Round numbers for a scale of ratios: 0.1, 0.2, 0.5, 1, 2, 5, 10, ... within [low, high]."""
    for multiples in ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,)):
        found = [
            float(f"{m * 10.0**e:.12g}")
            for e in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
            for m in multiples
            if low <= m * 10.0**e * (1 + 1e-9) and m * 10.0**e <= high * (1 + 1e-9)
        ]
        if len(found) <= about:
            break
    return found[:: math.ceil(len(found) / about)] if found else [low, high]


def text_width(text: str, size: float = 13.0) -> float:
    """At most about how wide a text is: one em for a wide (Chinese) letter, 0.62 for others, as in wide bold faces."""
    return size * sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.62 for c in text)


def fitted(text: str, width: float, size: float = 13.0) -> str:
    """The text; where it is wider than there is room for, with an ellipsis before its last letters (often a level)."""
    if text_width(text, size) <= width:
        return text
    tail = text[-6:] if len(text) > 12 else ""
    text = text[: len(text) - len(tail)]
    while text and text_width(text + "…" + tail, size) > width:
        text = text[:-1]
    return text + "…" + tail


def rows_of(widths: Sequence[float], room: float) -> list[list[int]]:
    """Positions of items of these widths, dealt to lines so that none is wider than `room`."""
    lines: list[list[int]] = []
    left = 0.0
    for i, width in enumerate(widths):
        if not lines or width > left:
            lines.append([])
            left = room
        lines[-1].append(i)
        left -= width
    return lines
