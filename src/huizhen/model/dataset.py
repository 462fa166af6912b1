"""A dataset: columns with units, codes and grades; the card a hospital publishes of it; the schema many agree on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.document import Document

ColumnType = Literal["integer", "number", "boolean", "category", "date", "text"]
Level = int | str


class Column(Document):
    """One column. In a Batch, integer, number, boolean (0/1) and date (days since 1970-01-01) are float64;
    a category is the int32 position of its level in `levels`; text is never computed on."""

    name: str
    type: ColumnType
    unit: str | None = None
    code_system: str | None = None
    levels: tuple[Level, ...] | None = None
    """What the column may hold: always there for a category that is pinned or agreed on; for an integer with few
    values, so that C(x) works. Where a card was inferred from too few rows to list them without showing who is there,
    a category has none (null) and an integer an empty list: the other holders' levels hold."""
    missing_codes: tuple[int | float | str, ...] = ()
    grade: int = Field(default=3, ge=1, le=5)
    sensitive: bool = False
    identifier: bool = False
    label: str | None = None


class Schema(Document):
    """The columns of a logical dataset that all its holders agree on."""

    columns: tuple[Column, ...]
    category: str = "clinical"

    def names(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.columns)

    def column(self, name: str) -> Column:
        for c in self.columns:
            if c.name == name:
                return c
        raise BadInput(
            "unknown-column",
            Text(f"There is no column '{name}'.", f"没有名为“{name}”的列。"),
            Text(f"The columns are: {', '.join(self.names())}.", f"可用的列：{'、'.join(self.names())}。"),
        )


class Dataset(Document):
    """Asset card of one holder's share of a logical dataset; it holds no row and no identifier."""

    name: str
    holder: str
    table: Schema
    pinned: bool
    rows: int
    subjects: int
    quality: float = Field(ge=0, le=1)
    """Share of cells that are filled, over the columns that are not identifiers."""
    version: str
    """SHA-256 over the table as it was read: another file, another version."""
