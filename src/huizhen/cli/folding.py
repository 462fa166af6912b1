"""Folds lines: between words, between Chinese characters, never inside a study's id, never before a closing sign."""

from __future__ import annotations

import re

from rich.cells import cell_len

_OPENING, _CLOSING = "（《“［〔", "，。；：、）》”！？］〕"
_PIECE = re.compile(rf"[{_OPENING}]*(?:[!-~]+|[^\s!-~{_OPENING}{_CLOSING}])?[{_CLOSING}]*|\s+")


def fold(text: str, width: int, hang: int = 0) -> list[str]:
    """The lines of one line of text, each at most `width` cells wide, those after the first set in by `hang` more than
    the text itself. What has no place to break, and is too long for a line, stays whole."""
    indent = len(text) - len(text.lstrip(" "))
    lines, line = [], " " * indent
    empty = True
    for piece in (p for p in _PIECE.findall(text[indent:]) if p):
        if not empty and cell_len((line + piece).rstrip()) > width:
            lines.append(line.rstrip())
            line, empty = " " * (indent + hang), True
        if not (empty and piece.isspace()):
            line, empty = line + piece, False
    return [*lines, line.rstrip()]
