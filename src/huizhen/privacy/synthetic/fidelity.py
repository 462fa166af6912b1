"""How near a synthetic table is to the original. Looked at without noise: these figures are the holder's own."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np

from huizhen.privacy.synthetic.tree import Codes, in_groups

GROUPS = 32
"""Of a column in a pair, at most, by their counts in the original."""


def fidelity(original: Mapping[str, Codes], synthetic: Mapping[str, Codes], sizes: Mapping[str, int]) -> dict[str, Any]:
    """Total variation distance (0: alike, 1: nothing in common) of each column, `single`, and of each pair of columns,
    `pairs`, in groups of neighbouring values; and the mean of each."""
    counts = {n: np.bincount(c, minlength=sizes[n]).astype(np.float64) for n, c in original.items()}
    drawn = {n: np.bincount(c, minlength=sizes[n]).astype(np.float64) for n, c in synthetic.items()}
    single = {n: _apart(counts[n], drawn[n]) for n in original}
    grouped = {n: in_groups(counts[n], GROUPS).astype(np.int32) for n in original}
    pairs = {}
    for a, b in combinations(original, 2):
        wide = int(grouped[b].max()) + 1
        both = [grouped[a][x[a]] * wide + grouped[b][x[b]] for x in (original, synthetic)]
        most = (int(grouped[a].max()) + 1) * wide
        pairs[f"{a} x {b}"] = _apart(*(np.bincount(x, minlength=most).astype(np.float64) for x in both))
    return {
        "single": single,
        "pairs": pairs,
        "single_mean": float(np.mean(list(single.values()))),
        "pairs_mean": float(np.mean(list(pairs.values()))) if pairs else None,
    }


def _apart(a: Any, b: Any) -> float:
    return float(np.abs(a / max(a.sum(), 1) - b / max(b.sum(), 1)).sum() / 2)
