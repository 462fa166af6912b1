"""Can one tell from a model who was in its training? The loss-threshold attack, worked out from counts that add up.

The attacker calls a row a member when the model's loss on it is small. How well that works is known from two counts of
rows by size of loss, one over the rows that the model was grown on and one over rows like them that were held out; or,
where a method holds none out, over the same rows under the model without each of them (`statistics.leave_one_out`).
Source: S. Yeom, I. Giacomelli, M. Fredrikson and S. Jha, Privacy risk in machine learning: analyzing the connection to
overfitting, IEEE Computer Security Foundations Symposium 2018, adversary 2 with the best threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.model.result import Membership, Statistic
from huizhen.statistics import ranking

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

SIZE = 1 << 10
"""Sizes of loss that rows are counted by."""
ONCE_IN = 20
"""How seldom chance alone reaches `Membership.chance`."""


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


def attack(counts: Counts, alike: Counts | None = None) -> Membership | None:
    """What the attack gains, from (2, k) training and held-out rows by loss, smallest first; None without either.

    alike: (2, groups) of both by `holdout.alike`. Losses in one bin count as equal, so that the true figures can be
    larger by the width of a bin only.
    """
    members, others = (int(k) for k in counts.sum(axis=1))
    if not members or not others:
        return None
    found, mistaken = np.cumsum(counts[0]) / members, np.cumsum(counts[1]) / others
    pairs = ranking.roc(counts[0], counts[1])
    advantage, auc = max(0.0, float((found - mistaken).max())), float(pairs.concordance or 0.0)
    return Membership(members, others, advantage, auc, 0.0 if alike is None else chance(alike))


def attack_left_out(counts: Counts) -> Membership | None:
    """What the attack gains, from (2, SIZE) rows by root loss with the row in the fit and without it, as
    `leave_one_out.Losses.counts` gives them; None without rows.

    With a row and without it are two models, and an attacker has one. Between fits to n other rows like these a usual
    loss moves by some 1 / sqrt(n) of itself, so nobody can set a threshold more finely: both distributions are blurred
    by that much. Otherwise a model that says nearly the same of everyone, such as a mean, would seem to give everyone
    away.
    """
    rows = int(counts[0].sum())
    if not rows:
        return None
    size = counts.shape[1]
    root = np.tan(np.pi * (np.arange(size) + 0.5) / (2 * size))
    here, width = np.flatnonzero(counts.any(axis=0)), 1 / np.sqrt(rows)
    share, at = counts[:, here] / rows, root[here]
    marks = np.concatenate([at - width, at, at + width])
    found, mistaken = share @ special.ndtr((marks - at[:, None]) / width)
    auc = share[0] @ special.ndtr((at - at[:, None]) / (width * np.sqrt(2))) @ share[1]
    return Membership(rows, rows, max(0.0, float((found - mistaken).max())), float(auc), against="leave-one-out")


def chance(alike: Counts) -> float:
    """The advantage that two samples of one distribution have once in ONCE_IN times, with ever so many rows but only
    so many different ones: sqrt(log(20) / 2 (1/m + 1/n)), by the limit of the one-sided statistic of N. V. Smirnov,
    1939 (F. Wei and R. M. Dudley, Statistics and Probability Letters 82, 2012: at small m and n it is less).

    m and n are how many groups of equal rows would be as even: 1 / sum of squared shares (L. Kish, Survey sampling,
    1965, for clusters), from rows by hash, where groups that meet by chance are allowed for.
    """
    rows, groups = alike.sum(axis=1), alike.shape[1]
    share = ((alike / np.maximum(rows, 1)[:, None]) ** 2).sum(axis=1)
    even = (share - 1 / groups) / (1 - 1 / groups)
    different = np.clip(1 / np.maximum(even, 1 / np.maximum(rows, 1)), 1.0, None)
    return float(np.sqrt(np.log(ONCE_IN) / 2 * (1 / different).sum()))


def told(attacked: Membership | None, people: int) -> tuple[dict[str, Any], tuple[Statistic, ...]]:
    """What a result says of the attack, resting on so many people; nothing where none could be run."""
    if attacked is None:
        return {}, ()
    figures = {"advantage": attacked.advantage, "auc": attacked.auc}
    return {"membership": figures}, (Statistic((("membership", "advantage"), ("membership", "auc")), people),)
