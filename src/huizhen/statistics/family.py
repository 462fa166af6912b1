"""Exponential families with their canonical links: what one block of rows adds to deviance, score and information.

Source: P. McCullagh and J. A. Nelder, Generalized Linear Models, 2nd ed. (1989), 2.2 and 2.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Floats = npt.NDArray[np.float64]
Family = Literal["gaussian", "binomial", "poisson"]

LARGEST_ETA = 40.0
"""A Poisson mean beyond exp(40) is no count of anything; such a beta is never accepted."""


class Unit(NamedTuple):
    """Per row: deviance, residual y - mu, and weight d mu / d eta."""

    deviance: Floats
    residual: Floats
    weight: Floats


def unit(family: Family, y: Floats, eta: Floats) -> Unit:
    """y and eta: (rows,), or a single eta for all. Poisson eta must not be above LARGEST_ETA."""
    if family == "gaussian":
        residual = y - eta
        return Unit(residual**2, residual, np.ones_like(residual))
    if family == "binomial":
        small = np.exp(-np.abs(eta))
        share = 1 / (1 + small)
        mu = np.where(eta >= 0, share, small * share)
        deviance = 2 * (np.maximum(eta, 0) - y * eta + np.log1p(small))
        return Unit(deviance, y - mu, np.broadcast_to(small * share**2, y.shape))
    mu = np.exp(eta)
    deviance = 2 * (special.xlogy(y, y) - y * eta - (y - mu))
    return Unit(deviance, y - mu, np.broadcast_to(mu, y.shape))


def bounded(family: Family, eta: Floats | float) -> tuple[Floats, int]:
    """eta, for poisson no larger than LARGEST_ETA, and in how many rows it was larger."""
    eta = np.asarray(eta)
    if family != "poisson":
        return eta, 0
    return np.minimum(eta, LARGEST_ETA), int((eta > LARGEST_ETA).sum())


def outside(family: Family, y: Floats) -> int:
    """How many outcomes the family cannot have: binomial other than 0 and 1, poisson other than 0, 1, 2, ..."""
    if family == "binomial":
        return int(((y != 0) & (y != 1)).sum())
    if family == "poisson":
        return int(((y < 0) | (y != np.floor(y))).sum())
    return 0


def link(family: Family, mean: float) -> float:
    """The canonical link: the identity, the logit, the logarithm."""
    if family == "gaussian":
        return mean
    return float(special.logit(mean)) if family == "binomial" else float(np.log(mean))


def loglik(family: Family, deviance: float, n: int, saturated: float) -> float:
    """Gaussian: at the variance deviance / n that maximises it. Others: that of the saturated model, less half the
    deviance; the saturated model's is 0 for 0/1 outcomes and the sum of y log y - y - log y! for counts."""
    if family == "gaussian":
        return float(-n / 2 * (np.log(2 * np.pi * deviance / n) + 1))
    return float(saturated - deviance / 2)


def saturated(family: Family, y: Floats) -> float:
    """What these rows add to the log-likelihood of the saturated model (0 for gaussian, which has none)."""
    if family == "poisson":
        return float((special.xlogy(y, y) - y - special.gammaln(y + 1)).sum())
    return 0.0
