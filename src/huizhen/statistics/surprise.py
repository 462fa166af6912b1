"""How surprising a count is to somebody who knows the one it is about, and the others of its kind. Pure.

Empirical Bayes: the peers give the prior, the history of one's own moves it, and what is observed is set against the
predictive distribution. Rates: Gamma and negative binomial; shares: Beta and beta-binomial (Robbins 1956; Gelman et
al., Bayesian Data Analysis, 2.5 to 2.7; priors by the method of moments, as in Casella 1985). The answer is in bits:
ten bits are one chance in 1,024.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from huizhen.kit.later import later

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = later("scipy.stats")

Floats = NDArray[np.float64]
MOST_BITS = 100.0
_LEAST = 2.0**-MOST_BITS


class Prior(NamedTuple):
    """Of a rate: Gamma(a, b), its mean a / b. Of a share: Beta(a, b), its mean a / (a + b)."""

    a: float
    b: float


def rate_prior(counts: Floats, exposures: Floats) -> Prior:
    """The Gamma prior that peers give. `counts` and `exposures`: shape (peers,), each peer's own history.

    Without peers, or with no spread beyond chance among them, the prior is worth about one unit of exposure.
    """
    seen = exposures > 0
    if not seen.any():
        return Prior(0.5, 0.5)
    rates = counts[seen] / exposures[seen]
    mean = max(float(counts[seen].sum() + 0.5) / float(exposures[seen].sum() + 1.0), 1e-3)
    between = float(np.var(rates)) - mean * float(np.mean(1.0 / exposures[seen]))
    spread = max(between, 0.05 * mean * mean)
    return Prior(mean * mean / spread, mean / spread)


def share_prior(counts: Floats, totals: Floats) -> Prior:
    """The Beta prior that peers give; shapes as in `rate_prior`, `counts` of each `totals`."""
    seen = totals > 0
    if not seen.any():
        return Prior(0.5, 4.5)
    mean = float(np.clip((counts[seen].sum() + 0.5) / (totals[seen].sum() + 5.0), 0.005, 0.9))
    shares = counts[seen] / totals[seen]
    weights = totals[seen] / totals[seen].sum()
    chance = mean * (1 - mean) * float(np.sum(weights / np.maximum(totals[seen], 1.0)))
    between = float(np.sum(weights * (shares - mean) ** 2)) - chance
    size = float(np.clip(mean * (1 - mean) / max(between, 1e-6) - 1, 2.0, 40.0))
    return Prior(mean * size, (1 - mean) * size)


def rate_bits(count: float, mean: float, variance: float) -> float:
    """-log2 of the chance of so many or more, negative binomial of this mean and variance (variance above the mean)."""
    if count <= 0 or mean <= 0:
        return 0.0 if count <= 0 else MOST_BITS
    variance = max(variance, mean * 1.0001)
    size = mean * mean / (variance - mean)
    chance = float(stats.nbinom.sf(count - 1, size, mean / variance))
    return float(-np.log2(max(chance, _LEAST)))


def share_bits(count: float, total: float, prior: Prior) -> float:
    """-log2 of the chance of so many or more of `total`, beta-binomial."""
    if count <= 0 or total <= 0:
        return 0.0
    chance = float(stats.betabinom.sf(count - 1, total, prior.a, prior.b))
    return float(-np.log2(max(chance, _LEAST)))


def dispersion(counts: Floats, means: Floats, most: float = 20.0) -> float:
    """How much counts of one and the same scatter about their mean, in variances of Poisson: 1 to `most`. Shapes
    (n,); what is far out is cut, so that the very thing that is looked for does not hide itself."""
    usable = means > 0
    if usable.sum() < 5:
        return 1.5
    terms = (counts[usable] - means[usable]) ** 2 / means[usable]
    cut = np.minimum(terms, np.quantile(terms, 0.98))
    return float(np.clip(cut.mean(), 1.0, most))
