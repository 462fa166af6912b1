"""A batch of rows as a method sees it: plain arrays by column, no identifier, no order that means anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.model.dataset import Schema

PERSON = "__person"
"""The column that says which rows are of the same person, for methods that ask for it."""


@dataclass(frozen=True)
class Batch:
    """`rows` rows. integer, number, boolean, date: float64 with NaN where missing. category: int32 position of the
    level in the schema, -1 where missing, one beyond the last where the value is no level of the agreed schema.
    A method with `complete_cases` never sees a missing value."""

    rows: int
    columns: Mapping[str, npt.NDArray[Any]]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]

    @property
    def person(self) -> npt.NDArray[np.int64]:
        """(rows,) numbers that mean nothing but who is the same, at this node. KeyError where rows come without."""
        if not self.rows:
            return np.empty(0, dtype=np.int64)
        found: npt.NDArray[np.int64] = self.columns[PERSON].astype(np.int64)
        return found


def empty_batch(schema: Schema, names: tuple[str, ...]) -> Batch:
    """No rows of the given columns: its Partial has the layout, and is the zero, of every other."""
    kinds = {"category": np.int32}
    return Batch(0, {n: np.empty(0, dtype=kinds.get(schema.column(n).type, np.float64)) for n in names})
