"""A Chinese font for a PDF, embedded with only the characters that it uses, so that it is shown on any machine.

The file is the one that `HUIZHEN_FONT` names, or one of those that systems with Chinese bring. reportlab embeds
outlines of TrueType; those of PostScript (CFF, as in Noto CJK) are turned into such by fontTools, where it is there.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFError, TTFont

SETTING = "HUIZHEN_FONT"
PLACES: tuple[tuple[str, int], ...] = (
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", 0),
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", 2),
    ("C:/Windows/Fonts/simhei.ttf", 0),
    ("C:/Windows/Fonts/simsun.ttc", 0),
    ("/Library/Fonts/Arial Unicode.ttf", 0),
    ("/System/Library/Fonts/Supplemental/Arial Unicode.ttf", 0),
)
"""File, and which of its fonts is the one of Simplified Chinese."""
_ERROR = 1.0
"""How far, in units of the font (mostly 1000 to the em), a quadratic outline may be from the cubic one."""


def embedded(text: str) -> str | None:
    """The name, as reportlab knows it, of a font that has these characters and is embedded; None where there is no
    file, or none that can be embedded."""
    chars = "".join(sorted({c for c in text if not c.isspace()}))
    for path, index in _places():
        if path.is_file() and (name := _registered(path, index, chars)) is not None:
            return name
    return None


def _places() -> Iterable[tuple[Path, int]]:
    named = os.environ.get(SETTING)
    if named:
        path, _, index = named.partition("#")
        return [(Path(path), int(index) if index.isdecimal() else 0)]
    return [(Path(path), index) for path, index in PLACES]


@cache
def _registered(path: Path, index: int, chars: str) -> str | None:
    name = f"han-{sha256(f'{path}#{index}#{chars}'.encode()).hexdigest()[:12]}"
    try:
        try:
            font = TTFont(name, str(path), subfontIndex=index)
        except TTFError:  # outlines that reportlab does not embed
            font = TTFont(name, _true_type(path, index, chars, name))
    except Exception:
        return None
    if any(ord(c) not in font.face.charToGlyph for c in chars):
        return None
    pdfmetrics.registerFont(font)
    return name


def _true_type(path: Path, index: int, chars: str, called: str) -> BytesIO:
    """The same font with these characters only, its outlines quadratic, under a name of its own, by which reportlab
    tells fonts apart. Raises ImportError without fontTools."""
    from fontTools.pens.cu2quPen import Cu2QuPen
    from fontTools.pens.ttGlyphPen import TTGlyphPen
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont as Font
    from fontTools.ttLib import newTable

    font: Any = Font(path, fontNumber=index, recalcTimestamp=False)
    cut = Subsetter(
        Options(layout_features=[], hinting=False, notdef_outline=True, drop_tables=["GSUB", "GPOS", "BASE"])
    )
    cut.populate(unicodes=map(ord, chars))
    cut.subset(font)
    drawn, order, outlines = font.getGlyphSet(), font.getGlyphOrder(), {}
    for name in order:
        pen = TTGlyphPen(None)
        drawn[name].draw(Cu2QuPen(pen, _ERROR, reverse_direction=True))
        outlines[name] = pen.glyph()
    font["loca"], font["glyf"] = newTable("loca"), newTable("glyf")
    font["glyf"].glyphOrder, font["glyf"].glyphs = order, outlines
    most = font["maxp"]
    most.tableVersion, most.maxZones = 0x00010000, 1
    for field in ("TwilightPoints", "Storage", "FunctionDefs", "InstructionDefs", "StackElements",
                  "SizeOfInstructions", "ComponentElements"):  # fmt: skip
        setattr(most, f"max{field}", 0)
    font["post"].formatType, font["post"].extraNames, font["post"].mapping = 2.0, [], {}
    font["post"].glyphOrder = order
    for record in font["name"].names:
        if record.nameID in (1, 4, 6):
            record.string = called
    for gone in ("CFF ", "VORG"):
        if gone in font:
            del font[gone]
    font.sfntVersion = "\x00\x01\x00\x00"
    out = BytesIO()
    font.save(out)
    out.seek(0)
    return out
