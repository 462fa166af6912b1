"""What a data holder decides about a file to be anonymised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from huizhen.model.document import Document

Positive = Annotated[int, Field(ge=1)]


class Generalisation(Document):
    by: Literal["flat", "prefix", "interval", "file"]
    """flat: the value or nothing; prefix: codes and dates by their first characters; interval: whole numbers; file: a
    hierarchy written out."""
    lengths: tuple[Positive, ...] = ()
    """For prefix: how many characters remain, as 2 and 4; 4 and 7 for dates."""
    widths: tuple[Positive, ...] = ()
    """For interval: each a multiple of the one below, as 5, 10, 20."""
    file: str | None = None
    """For file: CSV separated by semicolons, beside this document; a row for each value, up to *."""


class Variety(Document):
    distinct: int | None = Field(default=None, ge=2)
    """Different values in every class."""
    entropy: float | None = Field(default=None, gt=1)
    """Entropy l-diversity."""
    c: float | None = Field(default=None, gt=0)
    """With l, recursive (c, l)-diversity."""
    l: int | None = Field(default=None, ge=2)  # noqa: E741
    """With c."""
    t: float | None = Field(default=None, ge=0, le=1)
    """t-closeness with equal distance."""


class Anonymisation(Document):
    quasi_identifiers: dict[str, Generalisation] = Field(min_length=1)
    """Columns that may be known from elsewhere, and how each is made coarser."""
    sensitive: dict[str, Variety] = {}
    """Columns nobody may learn about a person."""
    keep: tuple[str, ...] = ()
    """Columns released as they are."""
    drop: tuple[str, ...] = ()
    """Columns left out, as names and numbers of people. Every column has to be named somewhere."""
    k: int = Field(default=10, ge=2)
    """Rows that share each combination of quasi-identifiers, at least."""
