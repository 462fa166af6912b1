"""Quantiles as R and numpy define them by default, and whom each one rests on."""

from __future__ import annotations

import numpy as np

from huizhen.statistics.order import Counts, Floats


def ranks(n: int, p: Floats) -> Counts:
    """The positions (from 0) in n sorted values between which the quantiles p lie, each once, ascending."""
    if n == 0:
        return np.empty(0, dtype=np.int64)
    place = (n - 1) * p
    return np.unique(np.concatenate([np.floor(place), np.ceil(place)]).astype(np.int64))


def interpolate(n: int, p: float, where: Counts, values: Floats) -> float:
    """Hyndman and Fan's type 7: linear between the two values around position (n - 1) * p.

    where: positions, ascending, as `ranks` gave them; values: what stands there.
    Source: R. J. Hyndman and Y. Fan, Sample quantiles in statistical packages, The American Statistician 50 (1996).
    """
    place = (n - 1) * p
    low, high = values[np.searchsorted(where, [int(np.floor(place)), int(np.ceil(place))])]
    share = place - np.floor(place)
    return float(low + (high - low) * share if share < 0.5 else high - (high - low) * (1 - share))


def thinner_side(n: int, p: float) -> int:
    """How many of n people lie at or beyond the quantile on the side that has fewer."""
    place = (n - 1) * p
    return min(int(np.floor(place)) + 1, n - int(np.ceil(place)))
