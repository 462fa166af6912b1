"""A generalisation that several hospitals agreed on, by which each can release rows of its own."""

from __future__ import annotations

from pydantic import Field

from huizhen.kit.canonical import digest
from huizhen.model.anonymisation import Generalisation, Variety
from huizhen.model.dataset import Column
from huizhen.model.document import Document

Whole = tuple[int, ...]


class Recoded(Generalisation):
    """How one column is made coarser where no hospital may look the other's values up: all that there can be follows
    from the schema and from this. Of `by`, quantile cuts numbers at edges found by secure sums."""

    range: tuple[int, int] | None = None
    """For interval, the smallest and the largest whole number, where the schema lists no levels; for date, the first
    and the last year. What is outside is one value, `(other)`."""
    rows: tuple[tuple[str, ...], ...] = ()
    """For file, in its place: a row for each level, from the level up to `*`."""


class Ruled(Document):
    """A column of a rule: how it is read, and its hierarchy, from which numbers of nodes in the rule are understood."""

    column: Column
    how: Recoded
    edges: tuple[float, ...] = ()
    """Of a column by quantile: bin i holds what is at or above edge i - 1 and below edge i."""
    sha256: str
    """Over the hierarchy: whoever builds another one does not apply the rule."""


class Cut(Document):
    """A group of rows is parted by one column."""

    group: int
    """0 is everybody."""
    column: int
    node: int
    """Of the column's hierarchy: the children of this node are told apart."""
    to: Whole
    """By child, the group that its rows are in then; -1: in none."""


class AgreedRule(Document):
    columns: tuple[Ruled, ...]
    sensitive: dict[str, Variety]
    k: int
    """Rows of all hospitals together that share each class, at least."""
    per_hospital_min: int = Field(ge=1)
    """A hospital releases its rows of a class only where it has as many of them."""
    cuts: tuple[Cut, ...]
    classes: tuple[Whole, ...]
    """A group that is not parted further, and by column the node of the hierarchy that its rows are released as. Rows
    of any other group are not released."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(ruled.column.name for ruled in self.columns)

    def sha256(self) -> str:
        """Over everything that decides how a row is released."""
        return digest(self.as_json())
