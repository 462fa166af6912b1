"""Drift: how far the distribution of a score or an input has moved from what it was, from two lists of counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Counts = npt.NDArray[np.int64]

LEAST = 10
"""Rows of a bin; neighbours are put together until they have so many."""


def groups(counts: Sequence[int] | Counts, least: int = LEAST) -> list[list[int]]:
    """Positions of neighbours that share a bin, so that each has at least so many rows; one group where there are
    fewer in all."""
    found: list[list[int]] = []
    held = least
    for i, count in enumerate(counts):
        if held >= least:
            found.append([])
            held = 0
        found[-1].append(i)
        held += int(count)
    if held < least and len(found) > 1:
        found[-2:] = [[*found[-2], *found[-1]]]
    return found


def together(counts: Counts, bins: Sequence[Sequence[int]]) -> Counts:
    """(bins,) the counts of the positions of each."""
    return np.array([counts[list(own)].sum() for own in bins], dtype=np.int64)


def stability_index(now: Counts, then: Counts) -> float | None:
    """The population stability index, sum (p - q) log(p / q) over bins: the symmetrised divergence of Kullback and
    Leibler (J, H. Jeffreys, Proceedings of the Royal Society A 186, 1946; as PSI in N. Siddiqi, Credit risk scorecards,
    2006). A bin without rows counts as half a row. None with fewer than two bins, or without rows.
    """
    if len(now) < 2 or not now.sum() or not then.sum():
        return None
    p, q = (np.maximum(counts, 0.5) / counts.sum() for counts in (now, then))
    return float(((p - q) * np.log(p / q)).sum())


def stability_chance(bins: int, now: int, then: int) -> float:
    """The index that two samples of one distribution exceed once in twenty times: the 0.95 quantile of chi squared with
    bins - 1 degrees of freedom, times 1 / now + 1 / then (B. Yurdakul and J. Naranjo, Statistical properties of the
    population stability index, Journal of Risk Model Validation 14, 2020)."""
    return float(special.chdtri(bins - 1, 0.05) * (1 / now + 1 / then))


def largest_gap(now: Counts, then: Counts) -> float | None:
    """The statistic of Kolmogorov and Smirnov, at the edges of ordered bins; None as `stability_index`."""
    if len(now) < 2 or not now.sum() or not then.sum():
        return None
    return float(np.abs(np.cumsum(now) / now.sum() - np.cumsum(then) / then.sum()).max())


def gap_chance(now: int, then: int) -> float:
    """The gap that two samples of one distribution exceed once in twenty times, at most: sqrt(log(40) / 2 (1/n + 1/m))
    (N. V. Smirnov, Annals of Mathematical Statistics 19, 1948)."""
    return float(np.sqrt(np.log(40) / 2 * (1 / now + 1 / then)))
