"""Strata by columns: every combination of their levels, numbered from 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Level, Schema
from huizhen.statistics import columns
from huizhen.statistics.expression import Rows

MOST = 10_000


@dataclass(frozen=True)
class Strata:
    """The columns whose combinations of levels are the strata; no column: one stratum of all."""

    columns: tuple[Column, ...]

    @property
    def count(self) -> int:
        """How many there are; one when there is no column."""
        return int(np.prod([len(columns.levels(c)) for c in self.columns], dtype=np.int64))

    def index(self, rows: Rows, n: int) -> tuple[npt.NDArray[np.int64], int]:
        """(n,) the stratum of each row, the last column's level changing fastest, and how many rows hold a value that
        is no declared level (they are put into some stratum)."""
        index, outside = np.zeros(n, dtype=np.int64), np.zeros(n, dtype=bool)
        for column in self.columns:
            size = len(columns.levels(column))
            place = columns.positions(column, rows[column.name])
            outside |= place == size
            index = index * size + np.minimum(place, size - 1)
        return index, int(outside.sum())

    def label(self, index: int) -> dict[str, Level]:
        """The level of each column in that stratum."""
        found: dict[str, Level] = {}
        for column in reversed(self.columns):
            known = columns.levels(column)
            index, place = divmod(index, len(known))
            found[column.name] = known[place]
        return dict(reversed(found.items()))


def read(names: Sequence[str], schema: Schema) -> Strata:
    """Raises BadInput: 'too-many-strata', and as `columns.levelled` and `columns.check_different` do."""
    if names:
        columns.check_different(names, "strata")
    found = Strata(tuple(columns.levelled(schema, name) for name in names))
    if found.count > MOST:
        raise BadInput(
            "too-many-strata",
            Text(f"These columns make more than {MOST} strata.", f"这些列构成的分层超过 {MOST} 个。"),
            Text("Stratify by fewer or coarser columns.", "请按较少或较粗的列分层。"),
        )
    return found
