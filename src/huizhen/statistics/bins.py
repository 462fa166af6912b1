"""Bins of about equally many rows, found from sums: where a column is cut before trees are grown on it.

As for exact quantiles (`statistics.order`), rows are counted in ever narrower intervals, but only until an interval
holds few of them. An edge lies between two values where these are known, written with as few digits as tell them apart,
and otherwise where an interval begins, at a round binary fraction; it is never looked up from a row. Two rounds for a
column of ordinary numbers, six at most.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from huizhen.statistics import order
from huizhen.statistics.order import Cells, Counts, Floats, Images

CHILDREN = 1 << 12
"""Intervals in which a round counts rows, per column."""
SPLITS = 3
"""How often an interval is narrowed down at most: 12 bits of the value at first, then more."""
FINE = 4
"""An interval is narrow enough when it holds no more than this part of a bin."""
State = dict[str, Any]


def start() -> State:
    none = np.empty(0, dtype=np.uint64)
    return {"tree": order.root(), "splits": 0, "low": none, "high": none, "rows": np.empty(0, dtype=np.int64)}


def unfinished(state: State) -> bool:
    return bool(state["tree"]["open"])


def partial(values: Floats, state: State) -> Counts:
    """What this round counts of these rows (NaN and infinite ones are left out); additive."""
    return order.counts(order.image(values[np.isfinite(values)]), state["tree"])


def refine(total: Counts, state: State, most: int) -> State:
    """The next state, from the sum of `partial` over all rows. most: bins that are wanted at most."""
    tree = state["tree"]
    if tree["phase"] == "bits":
        return {**state, "tree": order.refine(total, tree, CHILDREN)}
    rows = int(total.sum()) if state["splits"] == 0 else state["total"]
    narrow = max(rows // (FINE * most), 1)
    found = order.cells(total, tree)
    heavy = ~found.whole & (found.rows > narrow) & (state["splits"] + 1 < SPLITS)
    low, high, held = _merged(found, heavy, narrow, most)
    after = order.refine(total, tree, CHILDREN, found.below[heavy]) if heavy.any() else {**tree, "open": 0}
    return {
        "tree": after,
        "splits": state["splits"] + 1,
        "total": rows,
        "low": np.concatenate([state["low"], low]),
        "high": np.concatenate([state["high"], high]),
        "rows": np.concatenate([state["rows"], held]),
    }


def edges(state: State, most: int, least: int) -> Floats:
    """(bins - 1,) ascending: bin i holds what is at or above edge i - 1 and below edge i.

    A column with no more than `most` different values has a bin for each, otherwise bins hold about equally many rows,
    and a value that fills a bin has one of its own (as LightGBM cuts: G. Ke et al., LightGBM, NeurIPS 2017). Values
    share a bin where otherwise one would hold fewer than `least` rows.
    """
    found = state["tree"]["found"]
    low = np.concatenate([state["low"], found["image"]])
    high = np.concatenate([state["high"], found["image"]])
    by = np.argsort(low, kind="stable")
    rows = np.concatenate([state["rows"], found["rows"]])[by]
    low_values, high_values = order.value(low[by]), order.value(high[by])
    return np.array([between(high_values[i], low_values[i + 1]) for i in _cuts(rows, most, least)], dtype=np.float64)


def between(a: float, b: float) -> float:
    """A number between a and b near their middle, with as few digits as there is one; b when there is none."""
    middle = a / 2 + b / 2
    for digits in range(1, 17):
        short = float(f"{middle:.{digits}g}")
        if a < short < b:
            return short
    return float(middle) if a < middle < b else float(b)


def _merged(found: Cells, heavy: Counts, narrow: int, most: int) -> tuple[Images, Images, Counts]:
    """Low, high and rows of the cells that are not heavy; neighbours merged up to `narrow` where there are many."""
    kept = np.flatnonzero(~heavy)
    if len(kept) <= FINE * most:
        return found.low[kept], found.high[kept], found.rows[kept]
    rows = found.rows[kept]
    part = (np.cumsum(rows) - 1) // narrow
    run = np.cumsum(heavy)[kept]
    first = np.flatnonzero(np.append(True, (np.diff(part) != 0) | (np.diff(run) != 0)))
    last = np.append(first[1:], len(kept)) - 1
    return found.low[kept[first]], found.high[kept[last]], np.add.reduceat(rows, first)


def _cuts(rows: Counts, most: int, least: int) -> list[int]:
    """Positions after which to cut, of values with so many rows each, in ascending order."""
    each = len(rows) <= most
    left, bins, held = int(rows.sum()), most, 0
    cuts = []
    for i, (here, ahead) in enumerate(pairwise(rows.tolist())):
        held += here
        share = left / bins
        full = held >= (least if each else max(least, share)) or (ahead >= share and held >= max(least, share / 2))
        if full and left - held >= least and bins > 1:
            cuts.append(i)
            left, bins, held = left - held, bins - 1, 0
    return cuts
