"""What a release is still good for: by entropy, by the distance of each column and pair of columns from the
original."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.partition import Partition, Whole
from huizhen.privacy.anonymise.promise import Codes

if TYPE_CHECKING:
    from scipy import sparse
else:
    sparse = later("scipy.sparse")

Floats = npt.NDArray[np.float64]
BINS = 24
"""Groups of about equally many rows that a column is cut into for the distance of a pair."""


@dataclass(frozen=True)
class Utility:
    """`granularity` (0 to 1, by column): 1 less the penalty of its cells; `loss`: ARX's one figure of it;
    `average_class` over k; `entropy` (0 to 1, by column) the information lost; `marginal` and `pair` (0 to 1) total
    variation distance.
    """

    granularity: dict[str, float]
    loss: float
    average_class: float
    discernibility: float
    entropy: dict[str, float]
    marginal: dict[str, float]
    pair: dict[str, float]

    def as_json(self) -> dict[str, Any]:
        return {
            "granularity": self.granularity,
            "arx_loss": self.loss,
            "average_class_over_k": self.average_class,
            "discernibility": self.discernibility,
            "non_uniform_entropy": self.entropy,
            "marginal_distance": self.marginal,
            "pair_distance": self.pair,
        }


def utility(
    found: Partition,
    hierarchies: Mapping[str, Hierarchy],
    columns: Sequence[Codes],
    sensitive: Mapping[str, tuple[Codes, int]],
    k: int,
) -> Utility:
    """Of a release of rows whose quasi-identifiers are `columns` (rows,), in order of `hierarchies`; sensitive columns
    are codes and how many there are.

    Loss: V. Iyengar, Transforming data to satisfy privacy constraints, KDD 2002, a suppressed cell counting 1, put
    together over columns as ARX does, by the geometric mean of 1 + loss [M]. Average class: K. LeFevre et al.,
    Mondrian, ICDE 2006. Discernibility: R. Bayardo and R. Agrawal, ICDE 2005, each suppressed row counting all rows,
    as a share of rows squared. Non-uniform entropy: A. Gionis and T. Tassa, k-anonymization with minimal loss of
    information, TKDE 2009, as a part of what is lost where every cell is the root. Distances take a generalised cell
    for each of its values alike; pairs are looked at in BINS groups of each column.
    """
    rows = len(found.row) + len(found.gone)
    size = found.size.astype(np.float64)
    gone = len(found.gone)
    losses = {n: float(((h.penalty[node] * size).sum() + gone) / rows)
              for (n, h), node in zip(hierarchies.items(), found.node, strict=True)}  # fmt: skip
    of = np.repeat(np.arange(len(found.start)), found.size)
    entropy, marginal = dict[str, float](), dict[str, float]()
    group, cells = dict[str, Whole](), dict[str, _Cells]()
    for (name, hierarchy), node, column in zip(hierarchies.items(), found.node, columns, strict=True):
        before = np.bincount(column, minlength=hierarchy.node.shape[1]).astype(np.float64)
        bins = _bins(before)
        entropy[name] = _entropy(hierarchy, node[of], column[found.row], before, gone, column[found.gone])
        spread = _spread(hierarchy, np.bincount(node, weights=size, minlength=len(hierarchy.label)).astype(np.float64))
        marginal[name] = _apart(before, spread)
        group[name], cells[name] = bins[column], _Cells(node, _shares(hierarchy, bins))
    secret = {}
    for name, (code, values) in sensitive.items():
        before = np.bincount(code, minlength=values).astype(np.float64)
        marginal[name] = _apart(before, np.bincount(code[found.row], minlength=values).astype(np.float64))
        group[name] = _bins(before)[code]
        secret[name] = group[name][found.row]
    return Utility(
        granularity={n: 1 - x for n, x in losses.items()},
        loss=float(np.exp(np.mean(np.log1p(list(losses.values())))) - 1),
        average_class=(rows - gone) / len(size) / k,
        discernibility=float(((size * size).sum() + gone * rows) / rows**2),
        entropy=entropy,
        marginal=marginal,
        pair=_pairs(group, cells, secret, size, of),
    )


def _entropy(hierarchy: Hierarchy, node: Any, kept: Codes, before: Floats, gone: int, lost: Codes) -> float:
    """Mean of -log(rows of the value / rows below the label), as a part of that where all labels are the root."""
    below = np.zeros(len(hierarchy.label))
    for names in hierarchy.node:
        below += np.bincount(names, weights=before, minlength=len(below))
    rows = before.sum()
    information = np.log(np.maximum(below[node], 1)) - np.log(np.maximum(before[kept], 1))
    all_lost = (np.log(rows) - np.log(before[before > 0])) @ before[before > 0]
    of_gone = gone * np.log(rows) - np.log(np.maximum(before[lost], 1)).sum()
    return float((information.sum() + of_gone) / all_lost) if all_lost > 0 else 0.0


def _spread(hierarchy: Hierarchy, mass: Floats) -> Floats:
    """(codes,) where each node's mass lies evenly on its values; a node stands at one level."""
    spread: Floats = (mass / hierarchy.leaves)[hierarchy.node].sum(axis=0)
    return spread


def _bins(before: Floats) -> Whole:
    """(codes,) the group of each value: neighbours in the order of codes, of about equally many rows."""
    middle = np.cumsum(before) - before / 2
    group: Whole = np.minimum((middle * BINS / max(before.sum(), 1)).astype(np.int64), BINS - 1)
    return group


def _indicator(group: Whole) -> sparse.csr_array:
    places = np.arange(len(group))
    return sparse.csr_array((np.ones(len(group)), (places, group)), shape=(len(group), BINS))


def _shares(hierarchy: Hierarchy, group: Whole) -> sparse.csr_array:
    """(nodes, BINS) the share of each node's values in each group."""
    indicator, shape = _indicator(group), (len(hierarchy.label), hierarchy.node.shape[1])
    total = sparse.csr_array((shape[0], BINS))
    for names in hierarchy.node:
        member = sparse.csr_array((1 / hierarchy.leaves[names], (names, np.arange(shape[1]))), shape=shape)
        total = total + member @ indicator
    return total


@dataclass(frozen=True)
class _Cells:
    """A generalised column: the node of each class, and (nodes, BINS) the share of each node in each group."""

    node: Whole
    share: sparse.csr_array


def _pairs(
    group: Mapping[str, Whole], cells: Mapping[str, _Cells], secret: Mapping[str, Whole], size: Floats, of: Whole
) -> dict[str, float]:
    """Distance of each pair of which one at least is generalised. group: of each original row; secret: of each released
    row; size: of each class; of: the class of each released row."""
    pair = {}
    for a, b in combinations(group, 2):
        if a not in cells:
            continue
        before = np.bincount(group[a] * BINS + group[b], minlength=BINS * BINS).astype(np.float64)
        left = cells[a].share
        if b in cells:
            right = cells[b].share
            shape = (left.shape[0], right.shape[0])
            count = sparse.coo_array((size, (cells[a].node, cells[b].node)), shape=shape).tocsr() @ right
        else:
            shape = (left.shape[0], BINS)
            places = cells[a].node[of] * BINS + secret[b]
            flat = np.bincount(places, minlength=shape[0] * BINS).astype(np.float64)
            count = sparse.csr_array(flat.reshape(shape))
        pair[f"{a} x {b}"] = _apart(before, (left.T @ count).toarray().ravel())
    return pair


def _apart(before: Floats, after: Floats) -> float:
    """Total variation distance of two counts, as shares."""
    return float(np.abs(before / max(before.sum(), 1e-300) - after / max(after.sum(), 1e-300)).sum() / 2)
