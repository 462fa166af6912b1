"""Tables on a terminal: what tells rows apart is never broken over lines, and where there is no room for columns, each
row is told as a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Styled

from huizhen.cli.folding import fold
from huizhen.kit.text import Language, Text

Kind = Literal["word", "id", "number"]
_NARROWEST = 12
"""A column of words is folded to no less than this."""


class Head(NamedTuple):
    """A column's name. `id` and `number` are never broken; `word` may be folded where there is little room, and a
    `spare` column is left out where even that does not help."""

    name: Text
    kind: Kind = "word"
    spare: bool = False


def widths(heads: Sequence[str], kinds: Sequence[Kind], rows: Sequence[Sequence[str]], room: int) -> list[int] | None:
    """The width of each column so that a table with borders fits into `room` cells; None where it cannot.

    What is left is shared among the columns of words in proportion to what they would like.
    """
    cells = [max((cell_len(row[i]) for row in rows), default=0) for i in range(len(heads))]
    firm = [max(n, _longest_word(head)) for n, head in zip(cells, heads, strict=True)]
    wish = [max(n, cell_len(head)) for n, head in zip(cells, heads, strict=True)]
    room -= 3 * len(heads) + 1
    if sum(wish) <= room:
        return wish
    least = [f if kind != "word" else min(w, _NARROWEST) for f, w, kind in zip(firm, wish, kinds, strict=True)]
    left = room - sum(least)
    if left < 0:
        return None
    more = [w - n for w, n in zip(wish, least, strict=True)]
    return [n + left * m // sum(more) for n, m in zip(least, more, strict=True)]


def render(
    title: Text, heads: Sequence[Head], rows: Sequence[Sequence[Any]], language: Language, room: int
) -> RenderableType:
    """The table; columns that are empty in every row are left out."""
    texts = [["" if cell is None else str(cell) for cell in row] for row in rows]
    kept = [i for i in range(len(heads)) if not rows or any(text[i] for text in texts)]
    said, all_kept = title.say(language), kept
    found = _widths(heads, kept, texts, language, room)
    while found is None and any(heads[i].spare for i in kept):
        kept = [i for i in kept if i != max(k for k in kept if heads[k].spare)]
        found = _widths(heads, kept, texts, language, room)
    if found is None:
        names = [heads[i].name.say(language) for i in all_kept]
        return Group(Styled(said, "bold"), *(_listed(names, [text[i] for i in all_kept], room) for text in texts))
    table = Table(title=said, title_justify="left", title_style="bold")
    for i, width in zip(kept, found, strict=True):
        side: Literal["left", "right"] = "right" if heads[i].kind == "number" else "left"
        table.add_column(heads[i].name.say(language), width=width, justify=side, overflow="fold")
    for text in texts:
        table.add_row(*(Styled(text[i]) for i in kept))
    return table


def _widths(
    heads: Sequence[Head], kept: Sequence[int], texts: Sequence[Sequence[str]], language: Language, room: int
) -> list[int] | None:
    names, kinds = [heads[i].name.say(language) for i in kept], [heads[i].kind for i in kept]
    return widths(names, kinds, [[text[i] for i in kept] for text in texts], room)


def _longest_word(head: str) -> int:
    return max((cell_len(word) for word in head.split()), default=0)


def _listed(names: Sequence[str], texts: Sequence[str], room: int) -> Styled:
    lines = [f"  {name}: {text}" for name, text in zip(names[1:], texts[1:], strict=True) if text]
    folded = [line for one in lines for line in fold(one, room, hang=2)]
    return Styled("\n".join([texts[0], *folded]), no_wrap=True, overflow="ignore")
