"""What a partition cost the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.partition import Partition, Whole


def measure(found: Partition, hierarchies: Sequence[Hierarchy], names: Sequence[str]) -> dict[str, Any]:
    """`ncp`: mean normalised certainty penalty of all cells, and by column, from 0 to 1 (Xu et al., KDD
    2006), where a suppressed row counts 1; `discernibility`: the sum of squared class sizes (Bayardo and Agrawal, ICDE
    2005). Prosecutor risk is 1 over the class size; its mean over rows is the marketer's."""
    return measured(found.size, len(found.gone), found.node, dict(zip(names, hierarchies, strict=True)))


def measured(
    size: Whole, gone: int, nodes: npt.NDArray[np.int32], hierarchies: Mapping[str, Hierarchy]
) -> dict[str, Any]:
    """`measure`, of classes of these sizes, published as these nodes (columns x classes), and so many rows left out."""
    rows = int(size.sum()) + gone
    ncp = {
        name: float(((hierarchy.penalty[node] * size).sum() + gone) / rows)
        for (name, hierarchy), node in zip(hierarchies.items(), nodes, strict=True)
    }
    return {
        "rows": rows - gone,
        "suppressed": gone,
        "classes": len(size),
        "smallest_class": int(size.min()),
        "class_sizes": _sizes(size),
        "average_class": (rows - gone) / len(size),
        "discernibility": int((size * size).sum()),
        "ncp": float(np.mean(list(ncp.values()))),
        "ncp_by_column": ncp,
    }


def _sizes(size: Whole) -> list[tuple[int, int]]:
    """How many rows are in classes of at least so many rows, by steps of 1, 2 and 5 times a power of ten."""
    steps = np.array([m * 10**e for e in range(10) for m in (1, 2, 5)])
    place = np.searchsorted(steps, size, side="right") - 1
    rows = np.bincount(place, weights=size, minlength=len(steps)).astype(np.int64)
    there = np.flatnonzero(rows)
    return [(int(steps[i]), int(rows[i])) for i in range(there[0], there[-1] + 1)] if len(there) else []
