"""How well a joint model suits the rows of one hospital, told so coarsely that it says little else of them.

Only the hospital can know: from sums with it and without it anybody could take its own away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.model.method import Method, State
from huizhen.model.partial import Partial

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Floats = npt.NDArray[np.float64]

FEWEST = 3
"""With fewer coefficients the misfit would be a hospital's own figure but for its sign: with one, how far its mean is
from the joint one."""
MOST = 1 << 10
BY_CHANCE = 0.01
"""Of hospitals whose rows follow the joint model, so many are said to stray from it."""
_EMPTY = 1e-9
"""A direction with less than this share of the largest information has none of its own."""


class HeldOut(Method):
    """A method that holds rows out, and whose misfit is of these: `partial` in the phase "suit" gives `calibration`."""

    def alone(self, state: State) -> State:
        return {**state, "phase": "suit"}

    def misfit(self, total: Partial, state: State) -> int:  # noqa: ARG002
        return level(total["score"], total["information"])


def statistic(score: Floats, information: Floats) -> tuple[float, int]:
    """Rao's score statistic of the joint coefficients on these rows alone, and its degrees of freedom.

    score: (p,) gradient of their log-likelihood; information: (p, p). Chi-square where the rows follow the same model.
    Directions in which the rows have no information are left out.
    Source: C. R. Rao, Proceedings of the Cambridge Philosophical Society 44 (1948).
    """
    size = np.sqrt(np.diagonal(information))
    there = size > 0
    size, score = size[there], score[there]
    scaled = information[np.ix_(there, there)] / np.outer(size, size)
    values, directions = np.linalg.eigh(scaled)
    kept = values > _EMPTY * values.max(initial=0.0)
    along = directions[:, kept].T @ (score / size)
    return float((along**2 / values[kept]).sum()), int(kept.sum())


def calibration(score: Floats, y: Floats, held: npt.NDArray[np.bool_], variance: float | None) -> dict[str, Any]:
    """What held-out rows add to score and information of a calibration of the model: of the outcome on 1, the score and
    its square, at 0, 1 and 0, where the joint model stands. Additive over rows.

    score: (rows,) log-odds, or a number where `variance`, that of the joint errors, is given. Only rows that were held
    out are looked at: to its training rows a tree or a net has bent itself, and to those of a large hospital more.
    Source: D. R. Cox, Biometrika 45 (1958); the square tells a risk that is wrong in the middle.
    """
    eta, y = score[held], y[held]
    mean, weight = (special.expit(eta), None) if variance is None else (eta, 1 / max(variance, 1e-20))
    each = mean * (1 - mean) if weight is None else np.full(len(eta), weight)
    x = np.stack([np.ones(len(eta)), eta, eta**2])
    return {"score": x @ ((y - mean) * (1.0 if weight is None else weight)), "information": (x * each) @ x.T}


def level(score: Floats, information: Floats) -> int:
    """The statistic by its degrees of freedom, cut down to a power of two, at most 1024.

    1 is all that is said of a hospital whose rows stray no further than chance takes all but BY_CHANCE of them; also of
    one whose rows have information in fewer than FEWEST directions.
    """
    if not (np.isfinite(score).all() and np.isfinite(information).all()):
        return MOST
    chi2, freedom = statistic(score, information)
    if freedom < FEWEST or special.chdtrc(freedom, chi2) > BY_CHANCE:
        return 1
    return 1 << int(np.clip(np.floor(np.log2(max(chi2 / freedom, 1.0))), 0, np.log2(MOST)))


def of_glm(sums: Mapping[str, npt.NDArray[Any]], state: Mapping[str, Any], penalty: Floats, gaussian: bool) -> int:
    """The level of one hospital's sums at the joint fit of `state`; of a ridge penalty (p,) each has its part by rows.

    A gaussian model reaches its maximum in one step, so the joint variance there is known from where that step began.
    """
    joint, dispersion = state["newton"], 1.0
    pull = penalty * joint["beta"] / state["null_rows"]
    if gaussian:
        before = 1.0 if joint["loglik"] is None else -2 * joint["loglik"] / joint["rows"]
        dispersion = max(before * (1 - (joint["decrement"] or 0.0) / max(joint["rows"], 1)), 1e-20)
    return level((sums["score"] - pull * sums["rows"]) / dispersion, sums["information"] / dispersion)
