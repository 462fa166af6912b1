"""A batch of rows as a method sees it: plain arrays by column, no identifier, no order that means anything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.model.dataset import Schema


@dataclass(frozen=True)
class Batch:
    """`rows` rows. integer, number, boolean, date: float64 with NaN where missing. category: int32 position of the
    level in the schema, -1 where missing, one beyond the last where the value is no level of the agreed schema.
    A method with `complete_cases` never sees a missing value."""

    rows: int
    columns: Mapping[str, npt.NDArray[Any]]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        return self.columns[name]


def empty_batch(schema: Schema, names: tuple[str, ...]) -> Batch:
    """No rows of the given columns: its Partial has the layout, and is the zero, of every other."""
    kinds = {"category": np.int32}
    return Batch(0, {n: np.empty(0, dtype=kinds.get(schema.column(n).type, np.float64)) for n in names})
