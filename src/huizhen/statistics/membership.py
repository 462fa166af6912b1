"""Can one tell from a model who was in its training? The loss-threshold attack, worked out from counts that add up.

The attacker calls a row a member when the model's loss on it is small. How well that works is known from two counts of
rows by size of loss, one over the rows that the model was grown on and one over rows like them that were held out.
Source: S. Yeom, I. Giacomelli, M. Fredrikson and S. Jha, Privacy risk in machine learning: analyzing the connection to
overfitting, IEEE Computer Security Foundations Symposium 2018, adversary 2 with the best threshold.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from huizhen.model.result import Membership
from huizhen.statistics import ranking

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def by_error(error: Floats, held: npt.NDArray[np.bool_], reach: float, size: int) -> Counts:
    """(2, size) training and held-out rows by absolute error, smallest first; additive. reach: a usual error."""
    place = ranking.bins(ranking.grid(np.abs(error), 0.0, reach), 1.5 + np.arange(size) / (2 * size))
    return np.bincount(place + size * held, minlength=2 * size).reshape(2, size).astype(np.int64)


def by_loss(ranks: Counts, base: float) -> Counts:
    """(2, 2 size) rows of each set by log-loss, smallest first, from (2, 2, size) counts by set, outcome and even bin
    of `ranking.grid(log-odds, base, 1)`.

    In one outcome the loss is monotone in the log-odds, so both lists are sorted; the middles of the bins merge them.
    """
    size = ranks.shape[2]
    score = base + np.tan(np.pi * ((np.arange(size) + 0.5) / size - 0.5))
    order = np.argsort(np.concatenate([score, -score]), kind="stable")
    return ranks.reshape(2, 2 * size)[:, order]


def attack(counts: Counts) -> Membership | None:
    """What the attack gains, from (2, k) training and held-out rows by loss, smallest first; None without either.

    Losses in one bin count as equal, so that the true figures can be larger by the width of a bin only.
    """
    members, others = (int(k) for k in counts.sum(axis=1))
    if not members or not others:
        return None
    found, mistaken = np.cumsum(counts[0]) / members, np.cumsum(counts[1]) / others
    pairs = ranking.roc(counts[0], counts[1])
    return Membership(members, others, max(0.0, float((found - mistaken).max())), float(pairs.concordance or 0.0))
