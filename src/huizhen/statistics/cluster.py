"""Lloyd's k-means as sums: rows and their totals by nearest centre; and centres to start from that are nobody's row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_EQUAL = 1e-9


def nearest(points: Floats, centres: Floats) -> Counts:
    """(rows,) which of the centres is nearest; among equally near ones (to 1e-9 of their distance) the first.

    points: (rows, c); centres: (k, c).
    """
    squares = (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
    least = squares.min(axis=1, keepdims=True)
    near: Counts = np.argmax(squares <= least + _EQUAL * (1 + np.abs(least)), axis=1)
    return near


def assign(points: Floats, centres: Floats) -> tuple[Counts, Floats, float]:
    """(k,) rows of each centre, (k, c) their totals, and the sum of squared distances to the nearest centre.

    Source: S. P. Lloyd, Least squares quantization in PCM, IEEE Transactions on Information Theory 28 (1982).
    """
    own = nearest(points, centres)
    k = len(centres)
    counts: Counts = np.bincount(own, minlength=k)
    totals = np.stack([np.bincount(own, weights=column, minlength=k) for column in points.T], axis=1).astype(np.float64)
    return counts, totals, float(((points - centres[own]) ** 2).sum())


def two_nearest(points: Floats, centres: Floats, own: Counts) -> tuple[Floats, Floats]:
    """(rows,) distances to the own centre and to the nearest other one; infinite where there is no other.

    Their difference by the larger one is the simplified silhouette (E. R. Hruschka, L. N. de Castro and R. J. G. B.
    Campello, Evolutionary algorithms for clustering gene-expression data, ICDM 2004): unlike P. J. Rousseeuw's, which
    asks how far each row is from each other, it is a sum over rows.
    """
    away = np.stack([np.sqrt(((points - centre) ** 2).sum(axis=1)) for centre in centres], axis=1)
    each = np.arange(len(points))
    near = away[each, own]
    away[each, own] = np.inf
    other: Floats = away.min(axis=1)
    return near, other


def draw_starts(covariance: Floats, k: int, starts: int, seed: int) -> Floats:
    """(starts, k, c) points drawn from the normal distribution with mean zero and this (c, c) covariance.

    They rest on sums only; the same seed gives the same points.
    """
    c = len(covariance)
    ridge = 1e-9 * np.trace(covariance) / c
    root = np.linalg.cholesky(covariance + ridge * np.eye(c))
    drawn: Floats = np.random.default_rng(seed).standard_normal((starts, k, c)) @ root.T
    return drawn
