"""The consent filter: a set of people as a few ranges, or as a bitmap that is joined sixty-four people at a time.

Either way the filter lets through the people of the set and nobody else, whatever the table holds; see decision 0012.
"""

from __future__ import annotations

from array import array
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

MOST_RANGES = 4
"""Up to this many, ranges are faster than the bitmap; above, each costs as much again."""


class Words(NamedTuple):
    """The set in words of 64 people: person p is in it when bit p % 64 of the word of block p // 64 is set.

    A block without anybody is not there.
    """

    block: npt.NDArray[np.uint32]
    bits: npt.NDArray[np.uint64]


def ranges(people: BitMap) -> list[tuple[int, int]] | None:
    """The set as (first, last) of each unbroken run, or None where there are more than MOST_RANGES."""
    first = people - people.shift(1)
    if len(first) > MOST_RANGES:
        return None
    return list(zip(first, people - people.shift(-1), strict=True))


def words(people: BitMap) -> Words:
    """The set in words; takes some five bytes of memory for each person while it works."""
    if not people:
        return Words(np.empty(0, np.uint32), np.empty(0, np.uint64))
    members = np.frombuffer(people.to_array(), dtype=np.uint32)
    flags = np.zeros((int(members[-1]) // 64 + 1) * 64, dtype=np.bool_)
    flags[members] = True
    bits = np.packbits(flags, bitorder="little").view("<u8")
    block = np.flatnonzero(bits)
    return Words(block.astype(np.uint32), bits[block].astype(np.uint64, copy=False))


def people_of(flags: npt.NDArray[np.bool_]) -> BitMap:
    """The set of those whose flag, by person, is set."""
    return BitMap(array("I", np.flatnonzero(flags).astype(np.uint32).tobytes()))


class Seen:
    """Who was seen in a stream of rows, and who more than once; six bytes for each person up to `most`."""

    def __init__(self, most: int) -> None:
        self._once, self._twice = np.zeros(most + 1, np.bool_), np.zeros(most + 1, np.bool_)
        self._row = np.zeros(most + 1, np.int32)

    def see(self, people: npt.NDArray[np.uint32]) -> None:
        """The people of some rows, in any order. Where one has several rows, all but the last find another's number."""
        rows = np.arange(len(people), dtype=np.int32)
        self._row[people] = rows
        again = self._once[people] | (self._row[people] != rows)
        self._twice[people[again]] = True
        self._once[people] = True

    @property
    def people(self) -> BitMap:
        return people_of(self._once)

    @property
    def repeated(self) -> int:
        """How many people had more than one row."""
        return int(np.count_nonzero(self._twice))
