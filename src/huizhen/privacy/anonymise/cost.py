"""What a partition cost the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.partition import Partition


def measure(found: Partition, hierarchies: Sequence[Hierarchy], names: Sequence[str]) -> dict[str, Any]:
    """`ncp`: mean normalised certainty penalty of all cells, and by column, from 0 to 1 (Xu et al., KDD
    2006), where a suppressed row counts 1; `discernibility`: the sum of squared class sizes (Bayardo and Agrawal, ICDE
    2005). Prosecutor risk is 1 over the class size; its mean over rows is the marketer's."""
    size, gone = found.size, len(found.gone)
    rows = len(found.row) + gone
    ncp = {
        name: float(((hierarchy.penalty[node] * size).sum() + gone) / rows)
        for name, hierarchy, node in zip(names, hierarchies, found.node, strict=True)
    }
    return {
        "rows": rows - gone,
        "suppressed": gone,
        "classes": len(size),
        "smallest_class": int(size.min()),
        "average_class": (rows - gone) / len(size),
        "discernibility": int((size * size).sum()),
        "ncp": float(np.mean(list(ncp.values()))),
        "ncp_by_column": ncp,
    }
