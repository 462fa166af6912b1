"""How large a row's loss is under a model, and how large it would be had the model been fitted without that row.

By one step from the fit, so that one more pass over the rows is enough: nothing is fitted anew. Both losses are given
as their roots, (rows,) each, so that they are of the size of an error; infinite where a row alone holds up a parameter.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.statistics import family, keyed, survival
from huizhen.statistics.membership import SIZE, by_error
from huizhen.statistics.survival import LARGEST_ETA, Likelihood, Ties

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

LEAST_EVENTS = 10
"""Deaths between two steps of the baseline that hospitals are told, and so of the risk sets' means in between."""
MOST_STEPS = 50
_ALONE = 1e-9
_ODD = 1.1377
"""Losses that are alike in a small table would otherwise lie on the edge of a bin, where rounding decides."""


class Losses(NamedTuple):
    own: Floats
    without: Floats

    def counts(self, reach: float) -> Counts:
        """(2, SIZE) rows by loss with the row in the fit and without it, smallest first; additive. reach: a usual
        one."""
        left_out = np.repeat([False, True], len(self.own))
        return by_error(np.concatenate(self), left_out, reach * _ODD, SIZE)


def of_glm(kind: family.Family, x: Floats, y: Floats, eta: Floats, inverse: Floats) -> Losses:
    """Root deviances. x: (p, rows); eta: (rows,) at the maximum; inverse: (p, p) of the information, with the penalty
    where there is one.

    Without row i the linear predictor is eta - x' H^-1 x r / (1 - h), h being its leverage w x' H^-1 x and r its
    residual: exact for least squares (the PRESS residual: D. M. Allen, Technometrics 16, 1974), one Newton step from
    the estimate otherwise (D. Pregibon, Logistic regression diagnostics, Annals of Statistics 9, 1981).
    """
    unit = family.unit(kind, y, eta)
    reach = np.einsum("ij,ij->j", x, inverse @ x)
    left = 1 - unit.weight * reach
    shifted, _ = family.bounded(kind, eta - reach * unit.residual / np.maximum(left, _ALONE))
    without = np.sqrt(np.maximum(family.unit(kind, y, shifted).deviance, 0))
    return Losses(np.sqrt(np.maximum(unit.deviance, 0)), np.where(left > _ALONE, without, np.inf))


class Baseline(NamedTuple):
    """A baseline in steps of LEAST_EVENTS deaths and more, so that neither it nor the means show single people.

    first: (strata + 1,) where each stratum's steps begin; time, hazard: (steps,) end of the step and cumulative hazard
    there; moment: (steps, p) the integral of the risk sets' mean of x over the hazard.
    """

    first: Counts
    time: Floats
    hazard: Floats
    moment: Floats


def baseline(found: Likelihood, times: Floats, deaths: Counts, first: Counts) -> Baseline:
    """From the fit: times, deaths (times,); first: (strata + 1,) where each stratum's times begin."""
    starts, ends = [0], []
    for a, b in pairwise(first.tolist()):
        each = max(LEAST_EVENTS, -(-int(deaths[a:b].sum()) // MOST_STEPS))
        reached = np.cumsum(deaths[a:b])
        own = np.flatnonzero(np.diff(reached // each, prepend=0) > 0)
        last = np.flatnonzero(deaths[a:b])[-1:]
        own = np.concatenate([own[:-1], last])
        ends += (a + own).tolist()
        starts.append(len(ends))
    jumps = found.hazard[:, None] * np.hstack([np.ones((len(times), 1)), found.mean])
    whole = [np.cumsum(jumps[a:b], axis=0) for a, b in pairwise(first.tolist())]
    summed = np.vstack([*whole, np.empty((0, jumps.shape[1]))])[ends]
    return Baseline(np.array(starts), times[ends], summed[:, 0], summed[:, 1:])


def own_baseline(rows: Any, strata: int, ties: Ties) -> Baseline:
    """The baseline that these rows have by themselves, at their eta; rows as in `of_cox`, strata: how many."""
    key, place = keyed.distinct(np.column_stack([rows.stratum, rows.time]))
    first = np.searchsorted(key[:, 0], np.arange(strata + 1))
    sums = survival.tally(place, len(key), rows.died, rows.x, rows.eta)
    found = survival.likelihood(sums, first, len(rows.x), ties)
    return baseline(found, key[:, 1], sums["deaths"], first)


def cox_step(rows: Any, told: Baseline, inverse: Floats) -> tuple[Floats, Floats]:
    """(rows,) the cumulative baseline hazard at each row's time, and by how much its linear predictor is less without
    the row: by x times the inverse information times its score residual (K. C. Cain and N. T. Lange, Biometrics 40,
    1984). rows: x (p, rows), eta, time, died, stratum (rows,). `told` is straight between its steps."""
    x, eta, time, died, stratum = rows
    eta = np.minimum(eta, LARGEST_ETA)
    hazard, moment, mean = np.zeros(len(eta)), np.zeros_like(x), np.zeros_like(x)
    for s in np.unique(stratum):
        here, (a, b) = np.flatnonzero(stratum == s), told.first[s : s + 2].tolist()
        if a == b:
            continue
        at, lies = np.concatenate([[0.0], told.time[a:b]]), time[here]
        heights = np.vstack([np.zeros(1 + len(x)), np.column_stack([told.hazard[a:b], told.moment[a:b]])])
        found = np.stack([np.interp(lies, at, column) for column in heights.T])
        hazard[here], moment[:, here] = found[0], found[1:]
        steps = np.diff(heights, axis=0)
        own = np.minimum(np.searchsorted(told.time[a:b], lies), b - a - 1)
        mean[:, here] = (steps[:, 1:] / np.maximum(steps[:, :1], 1e-300))[own].T
    residual = died * (x - mean) - np.exp(eta) * (x * hazard - moment)
    return hazard, np.einsum("ij,ij->j", x, inverse @ residual)


def of_cox(rows: Any, told: Baseline, inverse: Floats) -> Losses:
    """Root deviances of survival (T. M. Therneau, P. M. Grambsch and T. R. Fleming, Biometrika 77, 1990), both at the
    baseline of the whole fit; arguments as in `cox_step`."""
    hazard, shift = cox_step(rows, told, inverse)
    _, eta, _, died, _ = rows
    eta = np.minimum(eta, LARGEST_ETA)
    expected = np.log(np.maximum(hazard, 1e-12))
    happened = died.astype(np.float64)

    def loss(at: Floats) -> Floats:
        bounded, _ = family.bounded("poisson", expected + at)
        return np.sqrt(np.maximum(family.unit("poisson", happened, bounded).deviance, 0))

    return Losses(loss(eta), loss(eta - shift))


def of_centres(points: Floats, centres: Floats, sizes: Counts) -> Losses:
    """Distances to the nearest centre. points: (rows, c); centres: (k, c) means of the rows nearest to them, of which
    there are sizes (k,).

    Without row i its own centre is further away by n / (n - 1), exactly; rows do not change their cluster for it.
    """
    away = np.stack([np.sqrt(((points - centre) ** 2).sum(axis=1)) for centre in centres], axis=1)
    own = away.argmin(axis=1)
    each = np.arange(len(points))
    near, size = away[each, own], sizes[own].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        moved = np.where(size > 1, near * size / (size - 1), np.inf)
    away[each, own] = np.inf
    return Losses(near, np.minimum(moved, away.min(axis=1)))


def of_components(scores: Floats, variance: Floats, n: int) -> Losses:
    """Mahalanobis distances from the mean within the components. scores: (rows, k) about the mean; variance: (k,),
    n - 1 below; n: rows of the fit.

    Without row i both mean and covariance change; by the formula of Sherman and Morrison the square of its distance d
    is then a^2 (n - 2) q / (1 - a q), q being d^2 / (n - 1) and a = n / (n - 1). Exact within the components.
    """
    square = (scores**2 / variance).sum(axis=1)
    share, a = square / (n - 1), n / (n - 1)
    left = 1 - a * share
    without = np.sqrt(a**2 * max(n - 2, 0) * share / np.maximum(left, _ALONE))
    return Losses(np.sqrt(square), np.where(left > _ALONE, without, np.inf))
