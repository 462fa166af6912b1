"""What a release promises: how many rows share each combination, and how varied each sensitive column is among them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Diversity:
    """What holds for one sensitive column in every class. None: not promised.

    `distinct`: different values (Machanavajjhala et al., TKDD 2007, distinct l). `entropy`: exp of the entropy is at
    least this (entropy l). `recursive` (c, l): the commonest value has fewer rows than c times all from the l-th
    commonest on. `t`: half the sum of absolute differences from the whole table's shares is at most this (Li et al.,
    ICDE 2007, equal distance).
    """

    distinct: int | None = None
    entropy: float | None = None
    recursive: tuple[float, int] | None = None
    t: float | None = None


def diverse(
    group: Whole, value: npt.NDArray[np.int32], groups: int, share: npt.NDArray[np.float64], asked: Diversity
) -> Flags:
    """For each of `groups` groups: does it hold what is asked? `group` and `value` are by row; `share` is by value."""
    values = len(share)
    cell, count = np.unique(group * values + value, return_counts=True)
    of = cell // values
    size = np.bincount(of, weights=count, minlength=groups)
    good = np.ones(groups, np.bool_)
    if asked.distinct is not None:
        good &= np.bincount(of, minlength=groups) >= asked.distinct
    part = count / size[of]
    if asked.entropy is not None:
        entropy = np.bincount(of, weights=-part * np.log(part), minlength=groups)
        good &= entropy >= np.log(asked.entropy) - 1e-12
    if asked.recursive is not None:
        good &= _recursive(of, count, groups, *asked.recursive)
    if asked.t is not None:
        good &= np.bincount(of, weights=np.maximum(0, part - share[cell % values]), minlength=groups) <= max(
            asked.t - 1e-12, 0
        )
    return good


def _recursive(of: Whole, count: Whole, groups: int, c: float, level: int) -> Flags:
    order = np.lexsort((-count, of))
    of, count = of[order], count[order]
    first = np.searchsorted(of, np.arange(groups))
    rank = np.arange(len(of)) - first[of]
    rest = np.bincount(of, weights=count * (rank >= level - 1), minlength=groups)
    return np.asarray(count[first] < c * rest)


def all_diverse(
    group: Whole, groups: int, sensitive: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], Diversity]]
) -> Flags:
    """For each group: do all sensitive columns (value by row, share by value, what is asked) hold?"""
    good = np.ones(groups, np.bool_)
    for value, share, asked in sensitive:
        good &= diverse(group, value, groups, share, asked)
    return good
