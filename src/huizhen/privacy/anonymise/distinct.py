"""Rows given column by column, as the different ones among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]


def distinct(columns: Sequence[npt.NDArray[Any]]) -> tuple[Whole, Whole, Whole]:
    """Of rows given by column: where each different one first stands, which one each is, and how many of each."""
    key = np.zeros(len(columns[0]), np.int64)
    room = 1
    for column in columns:
        least = int(column.min(initial=0))
        width = int(column.max(initial=0)) - least + 1
        if room > 2**62 // width:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            room = int(key.max(initial=0)) + 1
        key = key * width + (column - least)
        room *= width
    _, first, of, count = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return first, of.astype(np.int64), count.astype(np.int64)
