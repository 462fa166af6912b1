"""A paper as PDF (reportlab). Chinese is set in a font that is embedded (`paper_font`); where there is none, in
STSong-Light, which most PDF readers bring (ISO 32000-1, 9.7.5.2, Adobe-GB1), and the paper says so at its end. What is
Latin is set in Helvetica."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from io import BytesIO
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.platypus import KeepTogether, Paragraph, SimpleDocTemplate, Spacer
from reportlab.platypus import Table as Grid

from huizhen.client.block import Block, Fact, Facts, Figure, Prose, Sentence
from huizhen.client.paper import Paper
from huizhen.client.paper_drawing import Drawing, runs_of
from huizhen.client.paper_font import SETTING, embedded
from huizhen.kit.text import Text

_BROUGHT, _LATIN, _BOLD = "STSong-Light", "Helvetica", "Helvetica-Bold"
_HAN: ContextVar[str] = ContextVar("han", default=_BROUGHT)
_NOT_EMBEDDED = Text(
    f"No Chinese font was found to embed: your reader shows its own. {SETTING} names a font file.",
    f"未找到可嵌入的中文字体，由阅读器自行显示。可用 {SETTING} 指定字体文件。",
)
_INK, _SOFT, _LINE = HexColor("#1b2430"), HexColor("#525e6b"), HexColor("#c9ced3")
_WIDTH = A4[0] - 40 * mm
_HEAD = "会诊 Huizhen · "


def pdf(paper: Paper) -> bytes:
    """A4, with page numbers; text can be selected and searched. Figures are drawn."""
    pdfmetrics.registerFont(UnicodeCIDFont(_BROUGHT))
    han = embedded("".join(c for text in (_HEAD, *_texts(paper)) for c in text if c > "\xff"))
    before = _HAN.set(han or _BROUGHT)
    try:
        return _built(paper, han is not None)
    finally:
        _HAN.reset(before)


def _texts(value: Any) -> Iterator[str]:
    """Every text in a paper, wherever it is."""
    if isinstance(value, str):
        yield value
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name))
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _texts(each)


def _built(paper: Paper, is_embedded: bool) -> bytes:
    out = BytesIO()
    document = SimpleDocTemplate(
        out, pagesize=A4, leftMargin=20 * mm, rightMargin=20 * mm, topMargin=18 * mm, bottomMargin=20 * mm,
        title=paper.title, subject=paper.kind, creator="Huizhen", lang="zh-CN" if paper.language == "zh" else "en",
        invariant=1,
    )  # fmt: skip
    flow = list(_flow(paper))
    if not is_embedded:
        flow.append(_said(_NOT_EMBEDDED.say(paper.language), 8, soft=True, before=8))
    document.build(flow, onFirstPage=_foot, onLaterPages=_foot)
    return out.getvalue()


def _style(
    size: float, han: bool, *, bold: bool = False, soft: bool = False, before: float = 0, after: float = 2
) -> Any:
    """`han`: lines may end between any two characters, as in Chinese."""
    return ParagraphStyle(
        "paper", fontName=_BOLD if bold else _LATIN, fontSize=size, leading=size * 1.5, spaceBefore=before,
        spaceAfter=after, wordWrap="CJK" if han else None, textColor=_SOFT if soft else _INK,
    )  # fmt: skip


def _is_han(text: str) -> bool:
    """Whether there is any Chinese in it."""
    return any(char > "\u2e7f" for char in text)


def _is_latin(char: str, beside_han: bool) -> bool:
    """Whether the standard fonts have it (WinAnsi); punctuation that both have goes with the Chinese beside it."""
    return char.isascii() or (bool(char.encode("cp1252", "ignore")) and not (beside_han and char in "“”‘’…—"))


def _marked(text: str) -> str:
    """The text with each run in a font that has its characters."""
    han = _is_han(text)
    runs = ((latin, escape("".join(chars))) for latin, chars in groupby(text, lambda c: _is_latin(c, han)))
    return "".join(run if latin else f'<font name="{_HAN.get()}">{run}</font>' for latin, run in runs)


def _said(text: str, size: float = 10, **style: Any) -> Paragraph:
    return Paragraph(_marked(text), _style(size, _is_han(text), **style))


def _flow(paper: Paper) -> Iterator[Any]:
    yield _said(f"{_HEAD}{paper.kind}", 9, soft=True)
    yield _said(paper.title, 19, bold=True, before=4, after=6)
    yield _said(paper.lead, 11.5, after=6)
    yield from _facts(paper.facts)
    for section in paper.sections:
        yield _said(section.heading, 14, bold=True, before=12, after=4)
        for block in section.blocks:
            yield from _block(block, paper)


def _facts(facts: tuple[Fact, ...]) -> Iterator[Any]:
    if facts:
        rows = [(_said(f.label, 9.5, soft=True), _said(f.cell.text, 9.5)) for f in facts]
        yield _grid(rows, [0.28 * _WIDTH, 0.72 * _WIDTH], heads=0)


def _grid(rows: list[tuple[Any, ...]], widths: list[float], heads: int) -> Any:
    lines = [("LINEBELOW", (0, 0), (-1, -1), 0.4, _LINE), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    lines += [("LEFTPADDING", (0, 0), (-1, -1), 2), ("RIGHTPADDING", (0, 0), (-1, -1), 5)]
    return Grid(rows, colWidths=widths, style=lines, repeatRows=heads, spaceAfter=6, splitInRow=1)


def _block(block: Block, paper: Paper) -> Iterator[Any]:
    if isinstance(block, Prose | Sentence):
        yield _said(block.text, 11 if isinstance(block, Sentence) else 10, after=4)
        return
    if isinstance(block, Figure):
        runs = runs_of(lambda char: _is_latin(char, paper.language == "zh"))
        drawn = Drawing(block.svg, _WIDTH, _LATIN, _HAN.get(), runs)
        title = _said(block.title, 10.5, bold=True, before=4)
        yield KeepTogether([title, drawn, Spacer(0, 4), _said(block.caption)])
    else:
        yield _said(block.caption, 10.5, bold=True, before=4)
    if isinstance(block, Facts):
        yield from _facts(block.facts)
    elif not isinstance(block, Figure):
        rows = [tuple(_said(h.text, 9, soft=True) for h in block.heads)]
        rows += [tuple(_said(cell.text, 9, bold=cell.strong) for cell in row) for row in block.rows]
        texts = [[h.text for h in block.heads], *([cell.text for cell in row] for row in block.rows)]
        yield _grid(rows, _widths(texts), heads=1)
    for note in block.notes:
        yield _said(note, 9, soft=True)
    yield Spacer(0, 3)


def _widths(texts: list[list[str]]) -> list[float]:
    """By how long the texts of each column are, the longest counting for no more than twelve times the shortest."""
    longest = [max(5, min(60, max(_length(row[i]) for row in texts))) for i in range(len(texts[0]))]
    return [_WIDTH * each / sum(longest) for each in longest]


def _length(text: str) -> int:
    return sum(1 if _is_latin(char, False) else 2 for char in text)


def _foot(canvas: Any, document: Any) -> None:
    canvas.setFont(_LATIN, 8)
    canvas.setFillColor(_SOFT)
    canvas.drawRightString(A4[0] - 20 * mm, 11 * mm, str(document.page))
