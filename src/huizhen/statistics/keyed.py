"""Sums by key, for use inside one node: added up like any Partial, but with as many rows as there are keys.

Its layout depends on the data, so it never leaves a node; `Method.close` turns it into a Partial of known layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.partial import Partial

Array = npt.NDArray[Any]

LIMIT = 1 << 26
"""Numbers that one node holds at most (0.5 GB)."""


class Keyed(Partial):
    """Field 'key' is (m, k), its rows distinct and in lexicographic order; every other field is (m, ...), sums."""

    @classmethod
    def of(cls, key: Array, fields: Mapping[str, Array]) -> Keyed:
        """From rows whose keys may repeat: rows of equal key are added. Raises Unable('too-many-distinct-times')."""
        order, starts = _runs(key)
        width = sum(int(np.prod(f.shape[1:])) for f in fields.values())
        if len(starts) * width > LIMIT:
            raise _too_many()
        summed = {n: np.add.reduceat(f[order], starts, axis=0) if len(starts) else f[:0] for n, f in fields.items()}
        return cls({"key": key[order[starts]], **summed})

    def __add__(self, other: Partial) -> Keyed:
        if not isinstance(other, Keyed) or self.fields.keys() != other.fields.keys():
            raise ValueError("sums by key add to sums by the same key only")
        both = {name: np.concatenate([value, other.fields[name]]) for name, value in self.fields.items()}
        return Keyed.of(both.pop("key"), both)


def distinct(key: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """The distinct rows of (n, k) in lexicographic order, and for each row which of them it is."""
    order, starts = _runs(key)
    which = np.empty(len(key), dtype=np.int64)
    which[order] = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(key))))
    return key[order[starts]], which


def _runs(key: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """An order that sorts the rows, and where in it each run of equal rows starts."""
    order = np.lexsort(key.T[::-1])
    by = key[order]
    new = np.ones(len(by), dtype=bool)
    new[1:] = (by[1:] != by[:-1]).any(axis=1)
    return order, np.flatnonzero(new)


def _too_many() -> Unable:
    return Unable(
        "too-many-distinct-times",
        Text(
            "There are more distinct times at a hospital than its memory holds.",
            "某医院不同的时间点过多，内存无法容纳。",
        ),
        Text(
            "Record the duration in a coarser unit, such as days or months, or use fewer columns.",
            "请使用较粗的时间单位（如天或月）记录时长，或减少自变量。",
        ),
    )
