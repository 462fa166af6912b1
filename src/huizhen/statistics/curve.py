"""The product-limit estimate of survival, its uncertainty, and the log-rank test, from counts at each time."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

_NEAR = 1e-9


@dataclass(frozen=True)
class Survival:
    """At each of the times: (times,) arrays."""

    survival: Floats
    std_error: Floats
    """Greenwood's; NaN where survival is zero."""
    low: Floats
    high: Floats
    """Confidence limits; NaN where survival is zero, both 1 where it is one."""


def at_risk(leaving: Counts) -> Counts:
    """(..., times) how many are still under observation just before each time; leaving: (..., times) in all."""
    return np.flip(np.cumsum(np.flip(leaving, axis=-1), axis=-1), axis=-1)


def product_limit(events: Counts, risk: Counts, confidence: float) -> Survival:
    """The Kaplan-Meier estimate with confidence limits on the scale of log(-log).

    events, risk: (times,), risk above zero. confidence: between 0 and 1.
    Sources: E. L. Kaplan and P. Meier, JASA 53 (1958); M. Greenwood, Reports on Public Health 33 (1926); J. D.
    Kalbfleisch and R. L. Prentice, The Statistical Analysis of Failure Time Data (1980), 1.3.
    """
    survival = np.cumprod((risk - events) / risk, dtype=np.float64)
    z = special.ndtri((1 + confidence) / 2)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(events / (risk.astype(np.float64) * (risk - events)))
        centre = np.log(-np.log(survival))
        reach = z * np.sqrt(greenwood) / np.log(survival)
        low, high = np.exp(-np.exp(centre - reach)), np.exp(-np.exp(centre + reach))
        std_error = survival * np.sqrt(greenwood)
    low, high = (np.where(survival == 1, 1.0, limit) for limit in (low, high))
    gone = survival == 0
    return Survival(survival, *(np.where(gone, np.nan, a) for a in (std_error, low, high)))


def median_index(events: Counts, risk: Counts) -> int | None:
    """The first time at which survival is one half or less; None when it stays above.

    Where floating point cannot tell, the product is worked out in whole numbers.
    """
    survival = np.cumprod((risk - events) / risk)
    for i in np.flatnonzero(survival <= 0.5 + _NEAR):
        if survival[i] < 0.5 - _NEAR or _exact(events[: i + 1], risk[: i + 1]) <= Fraction(1, 2):
            return int(i)
    return None


def _exact(events: Counts, risk: Counts) -> Fraction:
    product = Fraction(1)
    for d, n in zip(events.tolist(), risk.tolist(), strict=True):
        if d:
            product *= Fraction(n - d, n)
    return product


@dataclass(frozen=True)
class LogRank:
    chi2: float
    dof: int
    p: float


def log_rank(events: Counts, risk: Counts) -> LogRank | None:
    """Whether groups differ in survival: Mantel's test with the hypergeometric variance.

    events, risk: (groups, times). A group in which no event is to be expected takes no part (as in R's survdiff); None
    when fewer than two are left.
    Source: N. Mantel, Cancer Chemotherapy Reports 50 (1966); R. Peto and J. Peto, JRSS A 135 (1972).
    """
    happened = events.sum(axis=0) > 0
    d, n = events[:, happened].sum(axis=0), risk[:, happened].sum(axis=0)
    share = risk[:, happened] / n
    expected = (share * d).sum(axis=1)
    groups = np.flatnonzero(expected > 0)
    if len(groups) < 2:
        return None
    share = share[groups]
    spread = d * (n - d) / np.maximum(n - 1, 1)
    variance = np.diag((share * spread).sum(axis=1)) - (share * spread) @ share.T
    excess = (events.sum(axis=1) - expected)[groups][:-1]
    statistic = float(excess @ np.linalg.pinv(variance[:-1, :-1], hermitian=True) @ excess)
    dof = len(groups) - 1
    return LogRank(statistic, dof, float(special.chdtrc(dof, max(statistic, 0.0))))
