"""The drawings of `figures` in a PDF: the few elements that `figures.svg` has, in the colours of figures.css by day."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import groupby
from xml.etree.ElementTree import Element, fromstring

from reportlab.lib.colors import Color, HexColor, white
from reportlab.platypus import Flowable

INK, SOFT, LINE = HexColor("#1b2430"), HexColor("#525e6b"), HexColor("#dcdfe2")
SERIES = tuple(map(HexColor, ("#1f5fa8", "#b0421a", "#2a7548", "#7a3e97", "#836400", "#45505c")))
_STROKE: dict[str, tuple[Color, float]] = {
    "grid": (LINE, 1), "axis": (SOFT, 1), "zero": (INK, 1.4), "guide": (SOFT, 1), "whisker": (INK, 1.6),
    "median": (INK, 3), "veil": (SOFT, 1), "estimate": (SERIES[0], 2), "half": (SERIES[0], 1.4),
    "ring": (SERIES[1], 2.2), "stripe": (SOFT, 1.1),
}  # fmt: skip
_FILL: dict[str, Color] = {"bar": SERIES[0], "estimate": white, "sure": SERIES[0], "ring": white,
                           "half": HexColor("#cdddee")}  # fmt: skip
_DASHED = {"zero": (4, 3), "guide": (2, 3), "veil": (3, 3)}
_POINT = re.compile(r"-?\d+\.?\d*")
Runs = Callable[[str], list[tuple[bool, str]]]


class Drawing(Flowable):  # type: ignore[misc]
    """One picture, as wide as there is room. `runs` cuts a text into what the Latin font has and what it has not."""

    def __init__(self, picture: str, width: float, latin: str, han: str, runs: Runs) -> None:
        super().__init__()
        self._root = fromstring(picture)  # noqa: S314
        _, _, wide, high = map(float, self._root.attrib["viewBox"].split())
        self._scale = width / wide
        self._wide, self._high = wide, high
        self._fonts, self._runs = (han, latin), runs

    def wrap(self, _width: float, _height: float) -> tuple[float, float]:
        return self._wide * self._scale, self._high * self._scale

    def draw(self) -> None:
        self.canv.scale(self._scale, self._scale)
        for element in self._root:
            self._element(element)

    def _element(self, element: Element) -> None:
        kinds = element.get("class", "").split()
        if element.tag == "text":
            self._text(element, kinds)
            return
        if element.tag not in ("line", "rect", "circle", "path"):
            for child in element if element.tag == "g" else ():
                self._element(child)
            return
        self.canv.saveState()
        stroke, fill = self._style(element, kinds)
        at = {k: float(v) for k, v in element.attrib.items() if k in ("x1", "y1", "x2", "y2", "x", "y", "width",
                                                                       "height", "cx", "cy", "r")}  # fmt: skip
        if element.tag == "line":
            self.canv.line(at["x1"], self._high - at["y1"], at["x2"], self._high - at["y2"])
        elif element.tag == "rect":
            self.canv.rect(at["x"], self._high - at["y"] - at["height"], at["width"], at["height"], stroke, fill)
        elif element.tag == "circle":
            self.canv.circle(at["cx"], self._high - at["cy"], at["r"], stroke, fill)
        else:
            self._path(element.attrib["d"], stroke, fill)
        self.canv.restoreState()

    def _path(self, d: str, stroke: int, fill: int) -> None:
        path = self.canv.beginPath()
        for piece in d.split("M")[1:]:
            points = [tuple(map(float, _POINT.findall(p)[:2])) for p in piece.rstrip("Z").split("L")]
            path.moveTo(points[0][0], self._high - points[0][1])
            for x, y in points[1:]:
                path.lineTo(x, self._high - y)
            if piece.endswith("Z"):
                path.close()
        self.canv.drawPath(path, stroke, fill)

    def _style(self, element: Element, kinds: list[str]) -> tuple[int, int]:
        """Sets colours and dash; gives whether there is a stroke, and a fill."""
        series = next((int(k[1]) for k in kinds if re.fullmatch(r"s\d", k)), None)
        stroke = next((_STROKE[k] for k in kinds if k in _STROKE), None)
        fill = next((_FILL[k] for k in reversed(kinds) if k in _FILL), None)
        if "line" in kinds or ("guide" in kinds and series is not None):
            stroke = (SERIES[series or 0], 2.2 if "line" in kinds else 1)
        elif series is not None:
            fill = SERIES[series]
        if "open" in kinds:
            fill = None
        if "band" in kinds:
            self.canv.setFillAlpha(0.13)
        if stroke is not None:
            self.canv.setStrokeColor(stroke[0])
            self.canv.setLineWidth(stroke[1])
        if fill is not None:
            self.canv.setFillColor(fill)
        dash = element.get("stroke-dasharray")
        if dash:
            self.canv.setDash([float(x) for x in dash.split()])
        elif kinds and kinds[0] in _DASHED:
            self.canv.setDash(list(_DASHED[kinds[0]]))
        return int(stroke is not None), int(fill is not None)

    def _text(self, element: Element, kinds: list[str]) -> None:
        size = 12.0 if {"tick", "axis-name", "small", "on"} & set(kinds) else 13.0
        runs = self._runs(element.text or "")
        widths = [self.canv.stringWidth(text, self._fonts[latin], size) for latin, text in runs]
        start = {"end": -sum(widths), "middle": -sum(widths) / 2}.get(element.get("text-anchor", ""), 0.0)
        self.canv.setFillColor(white if "on" in kinds else SOFT if {"tick", "axis-name"} & set(kinds) else INK)
        x = float(element.attrib["x"]) + start
        for (latin, text), width in zip(runs, widths, strict=True):
            self.canv.setFont(self._fonts[latin], size)
            self.canv.drawString(x, self._high - float(element.attrib["y"]), text)
            x += width


def runs_of(is_latin: Callable[[str], bool]) -> Runs:
    """Texts cut where the font changes."""
    return lambda text: [(latin, "".join(chars)) for latin, chars in groupby(text, is_latin)]
