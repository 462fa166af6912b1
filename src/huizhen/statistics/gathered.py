"""Rows of one node side by side, for what is no sum over rows: they add up by being put together.

Its layout depends on the data, so it never leaves a node; `Method.finish` turns it into a Partial of known layout.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.partial import Partial

LIMIT = 1 << 26
"""Numbers that one node holds at most (0.5 GB)."""


class Gathered(Partial):
    """The one field 'rows' is (n, k) float64. `a + b` has the rows of both."""

    def __add__(self, other: Partial) -> Gathered:
        """Raises Unable('too-many-rows')."""
        if not isinstance(other, Gathered):
            raise ValueError("gathered rows add to gathered rows only")
        if self["rows"].size + other["rows"].size > LIMIT:
            raise _too_many()
        return Gathered({"rows": np.concatenate([self["rows"], other["rows"]])})

    def in_order(self) -> npt.NDArray[Any]:
        """(n, k) the rows by their values, from the first column on: the same however they were split and read."""
        rows: npt.NDArray[Any] = self["rows"]
        return rows[np.lexsort(rows.T[::-1])]


def _too_many() -> Unable:
    return Unable(
        "too-many-rows",
        Text(
            "A hospital has more rows than this method holds in memory at once.",
            "某医院的行数超过该方法一次可载入内存的上限。",
        ),
        Text(
            "Use fewer columns, or narrow the cohort.",
            "请减少列数，或缩小队列。",
        ),
    )
