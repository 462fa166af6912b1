"""Which rows are held out: decided from the row's own values, so alike in every round, batch and hospital.

A row has no number and no order that means anything, and what it is must not depend on where it lies; so its values
are hashed with the seed. Rows with equal values are held out together, which keeps a twin of a held-out row from being
trained on; where few rows differ, the share held out is only about the one asked for. The outcome must not be among the
values: who is held out would then depend on how it went with them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text

GROUPS = 64
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_MISSING = np.uint64(0x7FF8 << 48)


def held_out(columns: Iterable[npt.NDArray[Any]], rows: int, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """(rows,) true for about `share` of the different rows.

    columns: float64 (every NaN is alike, and -0.0 is 0.0), or whole numbers, (rows,) each, in an order that is always
    the same. The mixing is that of SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, Fast splittable pseudorandom
    number generators, OOPSLA 2014).
    """
    if share == 0:
        return np.zeros(rows, dtype=np.bool_)
    return _mixed(columns, rows, seed) < np.uint64(share * 2.0**64)


def alike(columns: Iterable[npt.NDArray[Any]], held: npt.NDArray[np.bool_], seed: int) -> npt.NDArray[np.int64]:
    """(2, GROUPS) rows that are not held out, and those that are, by another part of the same hash; additive.

    Equal rows fall into one group: the more uneven the groups, the fewer different rows there are. They are few, so
    that a count tells of no single row.
    """
    group = (_mixed(columns, len(held), seed) % np.uint64(GROUPS)).astype(np.int64)
    return np.bincount(group + GROUPS * held, minlength=2 * GROUPS).reshape(2, GROUPS).astype(np.int64)


def _mixed(columns: Iterable[npt.NDArray[Any]], rows: int, seed: int) -> npt.NDArray[np.uint64]:
    mixed = np.full(rows, seed, dtype=np.uint64)
    for column in columns:
        mixed ^= _bits(column)
        mixed *= _GOLDEN
        mixed ^= mixed >> np.uint64(32)
    mixed += _GOLDEN
    mixed ^= mixed >> np.uint64(30)
    mixed *= _FIRST
    mixed ^= mixed >> np.uint64(27)
    mixed *= _SECOND
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _bits(column: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    if column.dtype.kind != "f":
        return column.astype(np.int64).view(np.uint64)
    values = np.asarray(column, dtype=np.float64) + 0.0
    bits = values.view(np.uint64)
    gaps = np.isnan(values)
    return np.where(gaps, _MISSING, bits) if gaps.any() else bits


def nothing_held_out() -> Unable:
    """The error where all rows, or none, are held out."""
    return Unable(
        "nothing-held-out",
        Text(
            "There are too few different rows to train on some and hold out others.",
            "不同的行过少，无法既训练又留出。",
        ),
        Text("Widen the cohort, or raise holdout.", "请放宽队列条件，或提高 holdout。"),
    )
