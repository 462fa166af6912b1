"""The mark in one column of numbers, and how likely it is there by chance.

With a tolerance of t, numbers lie in intervals of 2 t, each of two halves around multiples of t. A secret key picks a
half for each interval; a number in the other half moves by t into it. No number moves by more or out of its interval,
so that each still names its interval: a trace needs neither row numbers, nor other columns, nor the original. Halves
are centred on multiples of t, so that rounding to them leaves every number in its half.

To whom a copy did not go, its key is chance: each interval is then a fair coin, independent of the table and of what
anybody did to it. The number of intervals that agree is binomial, and its tail exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from huizhen.kit.later import later

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scale:
    """Numbers with up to `decimals` digits after the point, and the tolerance in units of the last of them."""

    decimals: int
    tolerance: int

    def units(self, numbers: npt.NDArray[np.float64]) -> Whole:
        """In half units, so that halves of intervals begin at whole ones. NaN and what is too large becomes 0."""
        scaled = numbers * 10.0**self.decimals * 2
        good = np.isfinite(scaled) & (np.abs(scaled) < 2.0**62)
        return np.rint(np.where(good, scaled, 0)).astype(np.int64)

    def cells(self, units: Whole) -> tuple[Whole, npt.NDArray[np.bool_]]:
        """The interval of each number, and whether it is in the upper half."""
        wide = 4 * self.tolerance
        moved = units + self.tolerance
        place = np.floor_divide(moved, wide)
        return place, moved - place * wide >= wide // 2


def bits(key: bytes, column: int, places: Whole) -> npt.NDArray[np.bool_]:
    """The half that the key picks for each interval of a column. key: 16 bytes, of one release."""
    blocks = np.empty((len(places), 2), ">i8")
    blocks[:, 0], blocks[:, 1] = column, places
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - a pseudo-random function of one block
    drawn = np.frombuffer(cipher.update(blocks.tobytes()), np.uint8)
    return np.asarray(drawn[::16] & 1, np.bool_)


def moves(numbers: npt.NDArray[np.float64], scale: Scale, key: bytes, column: int) -> npt.NDArray[np.int64]:
    """By how many tolerances each number is moved for its mark: -1, 0 or 1.

    Left alone: what is missing, 0, and what would leave the range of the column or become 0.
    """
    units = scale.units(numbers)
    place, upper = scale.cells(units)
    occur, which = np.unique(place, return_inverse=True)
    wanted = bits(key, column, occur)[which]
    there = np.isfinite(numbers) & (numbers != 0)
    low, high = (units[there].min(), units[there].max()) if there.any() else (0, 0)
    sign = np.where(upper, -1, 1)
    moved = units + sign * 2 * scale.tolerance
    return np.where(there & (upper != wanted) & (moved >= low) & (moved <= high) & (moved != 0), sign, 0)


def agreement(occur: tuple[Whole, Whole], key: bytes, column: int) -> tuple[int, int]:
    """How many of the intervals that were `counted` agree with a key, and how many there are; each has one vote."""
    place, votes = occur
    return int(((votes > 0) == bits(key, column, place)).sum()), len(place)


def counted(numbers: npt.NDArray[np.float64], scale: Scale) -> tuple[Whole, Whole]:
    """Intervals that occur, and by how many numbers the upper half leads, not 0; without 0 and what is missing."""
    units = scale.units(numbers[np.isfinite(numbers) & (numbers != 0)])
    place, upper = scale.cells(units)
    occur, which = np.unique(place, return_inverse=True)
    votes = np.bincount(which, weights=np.where(upper, 1.0, -1.0), minlength=len(occur)).astype(np.int64)
    return occur[votes != 0], votes[votes != 0]


def log_chance(agree: int, coins: int) -> float:
    """Decimal logarithm of how likely at least so many of so many fair coins agree: the exact tail of the binomial."""
    each = np.arange(agree, coins + 1)
    ways = special.gammaln(coins + 1) - special.gammaln(each + 1) - special.gammaln(coins - each + 1)
    return min(float((special.logsumexp(ways) - coins * np.log(2)) / np.log(10)), 0.0)


def capacity(columns: Sequence[tuple[npt.NDArray[np.float64], Scale]], share: float) -> float:
    """How many intervals may be expected in a sample of that share of the rows. columns: the number of each row."""
    total = 0.0
    for numbers, scale in columns:
        units = scale.units(numbers[np.isfinite(numbers) & (numbers != 0)])
        _, rows = np.unique(scale.cells(units)[0], return_counts=True)
        total += float((1 - (1 - share) ** rows).sum())
    return total
