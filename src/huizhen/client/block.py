"""What a report is made of: cells, tables, figures, facts and sentences. The template knows these and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from markupsafe import Markup

Style = Literal["number", "text", "hidden", "none"]


@dataclass(frozen=True)
class Part:
    """A piece of text; `title` is what a reader sees who rests on it: the exact figure, or why it is hidden."""

    text: str
    title: str | None = None
    soft: bool = False
    """Said in passing: smaller and lighter."""


@dataclass(frozen=True)
class Cell:
    parts: tuple[Part, ...]
    style: Style = "text"
    head: bool = False
    """A row's header."""
    strong: bool = False
    shade: int = 0
    """From -5 to 5: how strongly, and in which of two colours, the cell is tinted."""

    @property
    def text(self) -> str:
        return "".join(part.text for part in self.parts)


@dataclass(frozen=True)
class Head:
    text: str
    title: str | None = None
    number: bool = True


@dataclass(frozen=True)
class Table:
    caption: str
    heads: tuple[Head, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()
    folded: bool = False
    """Shown only when opened: long tables behind a figure."""
    kind: str = field(default="table", init=False)


@dataclass(frozen=True)
class Figure:
    title: str
    svg: Markup
    caption: str
    notes: tuple[str, ...] = ()
    kind: str = field(default="figure", init=False)


@dataclass(frozen=True)
class Fact:
    label: str
    cell: Cell
    title: str | None = None


@dataclass(frozen=True)
class Facts:
    caption: str
    facts: tuple[Fact, ...]
    notes: tuple[str, ...] = ()
    kind: str = field(default="facts", init=False)


@dataclass(frozen=True)
class Sentence:
    """What the numbers say, in words."""

    text: str
    kind: str = field(default="sentence", init=False)


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str
    kind: str = field(default="prose", init=False)


Block = Table | Figure | Facts | Sentence | Prose


@dataclass(frozen=True)
class Shown:
    """What a shape makes of a result: the keys it has shown in full, and how."""

    keys: frozenset[str]
    blocks: tuple[Block, ...]


def words(text: str, *, head: bool = False, strong: bool = False, title: str | None = None) -> Cell:
    return Cell((Part(text, title),), head=head, strong=strong)
