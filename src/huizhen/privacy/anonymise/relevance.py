"""How useful each column is for telling another: mutual information, and weights that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.promise import Codes

ROWS_PER_CELL = 10
"""Rows that a cell of column by use has on average, at least: with fewer, information is seen where there is none."""
LEAST = 0.1
SENSITIVE = 4.0
"""By how much less a column counts that identifies a person by what it is."""


def told(codes: Codes, hierarchy: Hierarchy, use: npt.NDArray[np.int64]) -> float:
    """The share (0 to 1) of the use's entropy that a column tells: their mutual information over it, with the bias of
    each entropy taken off (G. Miller, Note on the bias of information estimates, 1955).

    codes (rows,) of the column; use (rows,) classes from 0 on. Of the column's levels the finest is taken that leaves
    ROWS_PER_CELL rows for each cell.
    """
    kinds = int(use.max(initial=0)) + 1
    whole = _entropy(use)
    if whole <= 0:
        return 0.0
    best = 0.0
    for names in hierarchy.node:
        label = np.unique(names[codes], return_inverse=True)[1].astype(np.int64)
        if (int(label.max(initial=0)) + 1) * kinds * ROWS_PER_CELL > len(use):
            break
        best = max(best, (_entropy(label) + whole - _entropy(label * kinds + use)) / whole)
    return min(best, 1.0)


def weights(shares: Mapping[str, float], identifying: Sequence[str]) -> dict[str, float]:
    """How much the loss of each column counts, of a mean of 1 and with two decimals: more for what tells more of the
    use, and less for a column that identifies a person by what it is."""
    most = max(shares.values(), default=0.0)
    raw = {n: LEAST + (share / most if most > 0 else 1.0) for n, share in shares.items()}
    raw = {n: w / (SENSITIVE if n in identifying else 1.0) for n, w in raw.items()}
    mean = sum(raw.values()) / max(len(raw), 1)
    return {n: max(round(w / mean, 2), 0.01) for n, w in raw.items()}


def _entropy(codes: npt.NDArray[np.int64]) -> float:
    count = np.unique(codes, return_counts=True)[1]
    share = count / count.sum()
    return float(-(share * np.log(share)).sum() + (len(count) - 1) / (2 * count.sum()))
