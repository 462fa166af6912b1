"""Where a node of a tree is best split, from the sums of its rows by column and bin; and the tree that follows.

Gain and leaf values: T. Chen and C. Guestrin, XGBoost: a scalable tree boosting system, KDD 2016, equations 5 and 7.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.statistics.trees import Trees

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

SMOOTH = 10.0
"""Added to the Hessian of a level before levels are put in order, as cat_smooth in LightGBM and in scikit-learn."""
_NOTHING = 1e-9
"""A gain below this share of what the two sides explain is rounding."""
_ROWS, _GRADIENT, _HESSIAN = 0, 1, 2


class Rule(NamedTuple):
    """What a split must keep to."""

    min_rows: int
    """Rows on either side; and rows with a missing value, before these choose a side of their own."""
    min_weight: float
    """Sum of Hessians on either side, above zero."""
    l2: float
    min_gain: float


class Columns(NamedTuple):
    """What the codes of each column mean. `size`: codes but for that of a missing value, which is the next one.
    `unordered`: they are levels of a category."""

    size: Ints
    unordered: Bools

    @property
    def widest(self) -> int:
        """Codes of the column that has most, that of a missing value included."""
        return int(self.size.max()) + 1

    @property
    def widest_category(self) -> int:
        """The same of categories; 0 when there is none."""
        return int(self.size[self.unordered].max()) + 1 if self.unordered.any() else 0


class Splits(NamedTuple):
    """The best split of each node, (nodes,) each; `column` is -1 where there is none. As in Trees."""

    column: Ints
    cut: Ints
    missing_left: Bools
    chosen: Bools
    """(nodes, codes)"""
    gain: Floats
    left: Floats
    """(3, nodes) rows, gradient and Hessian of what goes left."""
    right: Floats


def best(sums: Floats, columns: Columns, rule: Rule) -> Splits:
    """The split of the largest gain of each node; of equal ones that of the first column, then of the smallest cut.

    sums: (3, nodes, columns, codes) rows, gradient and Hessian. Levels of a category are put in the order of
    gradient / (Hessian + SMOOTH), where the best partition into two is a cut (W. D. Fisher, On grouping for maximum
    homogeneity, JASA 53, 1958; so do LightGBM and scikit-learn); levels with fewer rows than min_rows go with the
    missing values. These go where the gain is larger; when they are fewer than min_rows, to where more of the other
    rows go, so that nothing about them can be told from it.
    """
    known, missing = _missing_apart(sums, columns)
    size = np.broadcast_to(columns.size, known.shape[1:3])
    levels = np.broadcast_to(np.arange(known.shape[3]), known.shape[1:])
    if columns.unordered.any():
        known, missing, size, levels = _in_order(known, missing, columns, rule)
    gain, left = _gains(known, missing, size, rule)
    nodes = np.arange(len(gain))
    at = np.unravel_index(gain.reshape(len(gain), -1).argmax(axis=1), gain.shape[1:])
    column, cut, side = (np.asarray(part, dtype=np.int64) for part in at)
    found, missing_left, category = gain[nodes, column, cut, side], side == 1, columns.unordered[column]
    here = left[:, nodes, column, cut, side]
    there = (known.sum(axis=3) + missing)[:, nodes, column] - here
    splits = np.isfinite(found)
    chosen = np.zeros((len(nodes), columns.widest_category), dtype=np.bool_)
    for node in np.flatnonzero(splits & category):
        low, end = cut[node] + 1, size[node, column[node]]
        of = slice(low, end) if missing_left[node] else slice(0, low)
        chosen[node, levels[node, column[node], of]] = True
    turned = missing_left & category
    return Splits(
        column=np.where(splits, column, -1),
        cut=np.where(splits & ~category, cut, -1),
        missing_left=missing_left & ~category & splits,
        chosen=chosen,
        gain=np.where(splits, found, 0.0),
        left=np.where(turned, there, here),
        right=np.where(turned, here, there),
    )


def _missing_apart(sums: Floats, columns: Columns) -> tuple[Floats, Floats]:
    """(3, nodes, columns, codes - 1) without missing values, and (3, nodes, columns) those."""
    each = np.arange(len(columns.size))
    missing = sums[:, :, each, columns.size]
    known = sums.copy()
    known[:, :, each, columns.size] = 0.0
    return known[:, :, :, :-1], missing


def _in_order(known: Floats, missing: Floats, columns: Columns, rule: Rule) -> tuple[Floats, Floats, Ints, Ints]:
    """The same with the codes of categories in the order of their ratios, rare levels moved to the missing values; how
    many codes are left of each column, by node; and which code stands at each place."""
    rare = columns.unordered[None, :, None] & (known[_ROWS] < rule.min_rows)
    missing = missing + (known * rare).sum(axis=3)
    known = np.where(rare, 0.0, known)
    ratio = known[_GRADIENT] / (known[_HESSIAN] + SMOOTH)
    codes = np.arange(known.shape[3])
    rank = np.where(columns.unordered[None, :, None], np.where(rare, np.inf, ratio), codes)
    levels = np.argsort(rank, axis=2, kind="stable")
    size = np.where(columns.unordered, (~rare).sum(axis=2), columns.size)
    return np.take_along_axis(known, levels[None], axis=3), missing, size, levels


def _gains(known: Floats, missing: Floats, size: Ints, rule: Rule) -> tuple[Floats, Floats]:
    """(nodes, columns, codes, 2) gain of a cut after each code, missing values to the right or left, -inf where the
    rule forbids it; and (3, ...) the sums of what then goes left."""
    up_to = np.cumsum(known, axis=3)
    whole = up_to[..., -1:]
    here, there = up_to[_ROWS], (whole - up_to)[_ROWS]
    many = (missing[_ROWS] >= rule.min_rows)[..., None]
    both = (here >= rule.min_rows) & (there >= rule.min_rows)
    alone = (here >= rule.min_rows) & many & (np.arange(known.shape[3]) == size[..., None] - 1)
    to_left = both & (many | (here >= there))
    to_right = (both & (many | (here < there))) | alone
    left = np.stack([up_to, up_to + missing[..., None]], axis=-1)
    everything = (whole + missing[..., None])[..., None]
    right = everything - left
    explained = _explained(left, rule) + _explained(right, rule)
    gain = (explained - _explained(everything, rule)) / 2
    allowed = np.stack([to_right, to_left], axis=-1)
    allowed &= (left[_HESSIAN] >= rule.min_weight) & (right[_HESSIAN] >= rule.min_weight)
    allowed &= (gain > rule.min_gain) & (gain > _NOTHING * explained)
    return np.where(allowed, gain, -np.inf), left


def _explained(sums: Floats, rule: Rule) -> Floats:
    weight = sums[_HESSIAN] + rule.l2
    squares: Floats = sums[_GRADIENT] ** 2 / np.where(weight > 0, weight, np.inf)
    return squares


class Growing(NamedTuple):
    """A tree of which the upper levels are known. It travels as a mapping."""

    level: int
    open: Ints
    """Which nodes of this level may be split, from 0 at the left."""


def step(
    tree: Trees, growing: Growing, sums: Floats, columns: Columns, rule: Rule, rate: float
) -> tuple[Trees, Growing]:
    """The tree with one level more, and what of the next may be split; `open` is empty when it is complete.

    rate: what the weights of the leaves, - gradient / (Hessian + l2), are multiplied with.
    """
    found = best(sums, columns, rule)
    grown = Trees._make(part.copy() for part in tree)
    below = tree.depth - growing.level - 1
    after: list[int] = []
    for k, node in enumerate(growing.open.tolist()):
        if found.column[k] < 0:
            continue
        at = (1 << growing.level) - 1 + node
        grown.column[0, at], grown.cut[0, at], grown.gain[0, at] = found.column[k], found.cut[k], found.gain[k]
        grown.missing_left[0, at], grown.chosen[0, at] = found.missing_left[k], found.chosen[k]
        for child, side in ((2 * node, found.left[:, k]), (2 * node + 1, found.right[:, k])):
            leaves = slice(child << below, (child + 1) << below)
            grown.value[0, leaves] = -rate * side[_GRADIENT] / (side[_HESSIAN] + rule.l2)
            if below > 0 and side[_ROWS] >= 2 * rule.min_rows:
                after.append(child)
    return grown, Growing(growing.level + 1, np.array(after, dtype=np.int64))


def seed() -> Growing:
    """A tree of which only the root is there."""
    return Growing(0, np.zeros(1, dtype=np.int64))


def as_state(part: Any) -> dict[str, Any]:
    """Trees or Growing as a mapping that travels."""
    return dict(part._asdict())
