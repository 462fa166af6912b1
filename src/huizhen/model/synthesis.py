"""What a data holder says beforehand about a table of which a synthetic one is made."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from huizhen.model.document import Document

Bound = float | date


class Domain(Document):
    """What a column can hold, as is known without its rows: `values`, or `low` and `high`, or that it is a code."""

    values: tuple[str | int | float, ...] = ()
    """All values; whatever else there is counts as one other value, and is written as *."""
    low: Bound | None = None
    """The smallest number or date. What is below counts as near it."""
    high: Bound | None = None
    """The largest."""
    decimals: int = Field(default=0, ge=0, le=6)
    """Of numbers."""
    code: bool = False
    """Digits that are no number: never put into bins. Then neither `values` nor bounds are needed."""


class Synthesis(Document):
    columns: dict[str, Domain] = {}
    """Columns of which it is known what they can hold. Of all others it is found with noise, for a fifth of the
    budget."""
    drop: tuple[str, ...] = ()
    """Columns left out."""
    person: str | None = None
    """The column that says whose row it is, where people have several rows. One row of each is taken, by chance, and
    the column is left out."""
    epsilon: float = Field(default=1.0, gt=0, le=100)
    """How far anyone can tell whether one row (or `person`) is in the file; for the whole synthetic file."""
    delta: float = Field(default=1e-8, gt=0, le=1e-3)
    """With what chance that may fail: far less than 1 over the people."""
    rows: int | None = Field(default=None, ge=1, le=1_000_000_000)
    """Rows to draw; else about as many as there are, by the noisy count."""
