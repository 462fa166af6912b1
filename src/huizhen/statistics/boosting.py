"""Gradient boosting as sums: gradients and losses of rows, and histograms of gradients by node, column and bin.

Gradients, Hessians and losses are rounded to whole multiples of a small unit, row by row, and summed as integers: a sum
is then exact in whatever order it is taken, equal gains are equal everywhere, and any split of rows into hospitals and
batches grows the very same trees.

Sources: J. H. Friedman, Greedy function approximation: a gradient boosting machine, Annals of Statistics 29 (2001);
histograms: G. Ke et al., LightGBM: a highly efficient gradient boosting decision tree, NeurIPS 2017.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.statistics.trees import Coded

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Objective = Literal["logistic", "squared_error"]

GRADIENT = 2.0**24
"""Units in a gradient of 1, and in a loss of 1."""
HESSIAN = 2.0**22
_ROWS_BITS = 16
"""A block has fewer rows than 2**16, so that a count and a sum of Hessians fit into the 53 bits of one double."""


class Unit(NamedTuple):
    """Per row, in whole units: gradient, Hessian (None: 1 for every row), and loss."""

    gradient: Floats
    hessian: Floats | None
    loss: Ints


def unit(objective: Objective, y: Floats, score: Floats) -> Unit:
    """logistic: the negative log-likelihood of a 0/1 outcome at log-odds `score`. squared_error: (y - score)**2, the
    gradient that of half of it."""
    if objective == "squared_error":
        rest = score - y
        return Unit(np.rint(rest * GRADIENT), None, np.rint(rest * rest * GRADIENT).astype(np.int64))
    small = np.exp(-np.abs(score))
    share = 1 / (1 + small)
    risk = np.where(score >= 0, share, small * share)
    loss = np.maximum(score, 0) - y * score + np.log1p(small)
    return Unit(
        np.rint((risk - y) * GRADIENT),
        np.rint(small * share**2 * HESSIAN),
        np.rint(loss * GRADIENT).astype(np.int64),
    )


class Histogram(NamedTuple):
    """(nodes, columns, codes) each, in whole units; a column with fewer codes than the widest ends in zeros."""

    rows: Ints
    gradient: Ints
    hessian: Ints | None
    """None where it is 1 for every row."""


def histogram(rows: Coded, slot: npt.NDArray[np.intp], nodes: int, codes: int, at: Unit) -> Histogram:
    """Of one block. slot: (rows,) which of the nodes each row is in; `nodes` for a row that is in none."""
    start = slot * codes
    columns = len(rows.codes)
    gradient, packed = np.empty((2, columns, (nodes + 1) * codes))
    both = None if at.hessian is None else at.hessian * 2.0**_ROWS_BITS + 1
    for k in range(columns):
        cell = start + rows.codes[k]
        gradient[k] = np.bincount(cell, weights=at.gradient, minlength=gradient.shape[1])
        packed[k] = np.bincount(cell, weights=both, minlength=gradient.shape[1])
    counts = _by_node(packed, nodes, codes)
    rough = counts >> _ROWS_BITS
    if at.hessian is None:
        return Histogram(counts, _by_node(gradient, nodes, codes), None)
    return Histogram(counts - (rough << _ROWS_BITS), _by_node(gradient, nodes, codes), rough)


def _by_node(table: Floats, nodes: int, codes: int) -> Ints:
    whole = table.astype(np.int64).reshape(len(table), nodes + 1, codes)
    return np.ascontiguousarray(whole[:, :nodes].transpose(1, 0, 2))


def sums(found: Histogram) -> Floats:
    """(3, nodes, columns, codes) float64: rows, gradient and Hessian in units of 1, exact up to 2**29 rows."""
    hessian = found.rows if found.hessian is None else found.hessian / HESSIAN
    return np.stack([found.rows, found.gradient / GRADIENT, hessian]).astype(np.float64)


def scale(mean: Floats, sd: Floats) -> tuple[float, float, float]:
    """Base, shift and unit of scores of an outcome: score = (y - shift) / unit, base the score of the training mean.

    mean, sd: (2,) of all rows, and of the training rows. Shift and unit are rounded, the unit to a power of two above
    the spread, so that the last digits of a mean, which depend on the order of adding, do not matter.
    """
    unit = float(np.ldexp(1.0, int(np.frexp(sd[0] * 1.37)[1])))
    shift = float(np.rint(mean[0] / unit * 2.0**10) / 2.0**10 * unit)
    return float(np.rint((mean[1] - shift) / unit * 2.0**20) / 2.0**20), shift, unit
