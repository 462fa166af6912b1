"""How many people stand alone in the population, estimated from a file that was drawn from it.

Each estimate takes the sizes of the file's classes and how many people the population has, and gives the share of the
population that nobody else is like. All rest on a model, and each says when it does not fit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Model = Literal["pitman", "zayatz", "snb"]
FEW = 0.1
"""Up to this share of the population in the file, Pitman's model is the better one (Dankar et al. 2012)."""


@dataclass(frozen=True)
class Uniqueness:
    """`share` of the population that is unique, by the model that `chosen` names; each model's own, None where it does
    not fit. `sampled`: the share of the population that is in the file."""

    chosen: Model
    share: float
    pitman: float | None
    zayatz: float
    snb: float | None
    sampled: float

    def as_json(self) -> dict[str, Any]:
        return {
            "model": self.chosen,
            "share": self.share,
            "pitman": self.pitman,
            "zayatz": self.zayatz,
            "snb": self.snb,
            "sampled": self.sampled,
        }


def uniqueness(size: Whole, population: int) -> Uniqueness:
    """Of the population that classes of `size` (classes,) rows were drawn from: at least as many people as rows.

    Which estimate counts follows F. Dankar, K. El Emam, A. Neisa and T. Roffey, Estimating the re-identification risk
    of clinical data sets, BMC Medical Informatics and Decision Making 12:66, 2012: Pitman's where at most a tenth of
    the population is in the file and it fits, else the smaller of Zayatz's and the slide negative binomial's.
    """
    rows = int(size.sum())
    sampled = rows / population
    by_pitman, by_zayatz, by_snb = pitman(size, population), zayatz(size, population), snb(size, population)
    chosen: Model = "zayatz"
    if sampled <= FEW and by_pitman is not None:
        chosen = "pitman"
    elif by_snb is not None and by_snb < by_zayatz:
        chosen = "snb"
    share = {"pitman": by_pitman, "zayatz": by_zayatz, "snb": by_snb}[chosen]
    return Uniqueness(chosen, float(share or 0.0), by_pitman, by_zayatz, by_snb, sampled)


def pitman(size: Whole, population: int) -> float | None:
    """Pitman's sampling formula, both parameters by maximum likelihood; None where it does not fit.

    With u classes of n rows, L = sum_{i<u} ln(theta + i alpha) - sum_{i<n} ln(theta + i) + sum_classes sum_{i<f}
    ln(i - alpha); a person of N is unique with probability G(theta + 1) G(theta + alpha + N - 1) / (G(theta + alpha)
    G(theta + N)). Source: N. Hoshino, Applying Pitman's sampling formula to microdata disclosure risk assessment,
    Journal of Official Statistics 17(4), 2001.
    """
    rows, classes = int(size.sum()), len(size)
    if classes in (1, rows):
        return None
    each, many = np.unique(size, return_counts=True)

    def lost(at: Floats) -> float:
        alpha, theta = _pitman(at)
        steps = (classes - 1) * np.log(alpha)
        steps += special.gammaln(theta / alpha + classes) - special.gammaln(theta / alpha + 1)
        whole = special.gammaln(theta + rows) - special.gammaln(theta + 1)
        inside = (many * (special.gammaln(each - alpha) - special.gammaln(1 - alpha))).sum()
        return float(whole - steps - inside) if np.isfinite(steps) else np.inf

    found = _least(lost, [(0.0, np.log(classes)), (-2.0, np.log(classes) - 2), (2.0, 0.0)])
    if found is None:
        return None
    alpha, theta = _pitman(found)
    log = special.gammaln(theta + 1) - special.gammaln(theta + population)
    log += special.gammaln(theta + alpha + population - 1) - special.gammaln(theta + alpha)
    return float(min(np.exp(log), 1.0))


def _pitman(at: Floats) -> tuple[float, float]:
    """alpha in (0, 1), theta above -alpha."""
    alpha = float(np.clip(special.expit(at[0]), 1e-6, 1 - 1e-6))
    return alpha, float(np.exp(np.clip(at[1], -20, 40))) - alpha + 1e-9


def zayatz(size: Whole, population: int) -> float:
    """A row that is unique in the file is so in the population with probability P(1) h(1) / sum_j P(j) h(j), where
    P(j) is the share of classes of j rows in the file, as if it were that of the population, and h(j) the
    hypergeometric probability that of j people one is drawn. Source: L. Zayatz, Estimation of the percent of unique
    population elements on a microdata file using the sample, US Census Bureau, Statistical Research Report 91/08, 1991.
    """
    rows = int(size.sum())
    each, many = np.unique(size, return_counts=True)
    alone = int(many[each == 1].sum())
    if alone == 0:
        return 0.0
    chosen = _choose(population - each, rows - 1) - _choose(np.array([population]), rows)
    drawn = np.where(population - each >= rows - 1, each * np.exp(chosen), 0.0)
    sure = float(many[each == 1][0] * drawn[each == 1][0] / (many * drawn).sum())
    return min(alone * sure / rows, 1.0)


def snb(size: Whole, population: int) -> float | None:
    """Slide negative binomial: a class of the population has one more person than a negative binomial count; None where
    it does not fit.

    Of a share pi drawn, f is Bernoulli(pi) plus negative binomial with p' = p / (p + pi (1 - p)), so that r and p
    follow by maximum likelihood from the classes that were seen (f > 0); there are u / P(f > 0) classes, of which p^r
    have one person. Source of the model: G. Chen and S. Keller-McNulty, Estimation of identification disclosure risk
    in microdata, Journal of Official Statistics 14(1), 1998, who solve for the first moments instead.
    """
    rows, classes = int(size.sum()), len(size)
    pi = rows / population
    if classes in (1, rows) or pi >= 1:
        return float((size == 1).sum() / rows) if pi >= 1 else None
    each, many = np.unique(size, return_counts=True)

    def lost(at: Floats) -> float:
        r, p = _snb(at)
        chance, none = _seen(each, r, p, pi)
        inside = float((many * np.log(np.maximum(chance, 1e-300))).sum())
        return classes * float(np.log(max(1 - none, 1e-300))) - inside

    found = _least(lost, [(0.0, 0.0), (-2.0, -2.0), (2.0, -4.0)])
    if found is None:
        return None
    r, p = _snb(found)
    _, none = _seen(each, r, p, pi)
    return float(min(classes / max(1 - none, 1e-300) * p**r / population, 1.0))


def _snb(at: Floats) -> tuple[float, float]:
    return float(np.exp(np.clip(at[0], -12, 12))), float(np.clip(special.expit(at[1]), 1e-9, 1 - 1e-9))


def _seen(each: Whole, r: float, p: float, pi: float) -> tuple[Floats, float]:
    """The probability of each number of rows, and of none."""
    thinned = p / (p + pi * (1 - p))
    chance: Floats = (1 - pi) * _negative_binomial(each, r, thinned) + pi * _negative_binomial(each - 1, r, thinned)
    return chance, float((1 - pi) * thinned**r)


def _choose(n: Whole, k: int) -> Floats:
    """Logarithm of n over k; of what cannot be, anything."""
    left = np.maximum(n - k, 0)
    found: Floats = special.gammaln(n + 1.0) - special.gammaln(k + 1.0) - special.gammaln(left + 1.0)
    return found


def _negative_binomial(x: Whole, r: float, p: float) -> Floats:
    log = special.gammaln(x + r) - special.gammaln(r) - special.gammaln(x + 1.0) + r * np.log(p) + x * np.log1p(-p)
    found: Floats = np.exp(log)
    return found


def _least(lost: Any, starts: Sequence[tuple[float, float]]) -> Floats | None:
    """The lowest point found from any of the starts; None where the search did not end, or ended at the rim."""
    from scipy import optimize

    best: Any = None
    for start in starts:
        found = optimize.minimize(lost, np.array(start, np.float64), method="Nelder-Mead", options={"maxiter": 2000})
        if found.success and np.isfinite(found.fun) and (best is None or found.fun < best.fun):
            best = found
    if best is None or np.abs(best.x).max() > 30:
        return None
    where: Floats = best.x
    return where
