"""Newton's method on a log-likelihood whose value, score and information arrive as sums, one evaluation a round.

Works on standardised columns, so that a step's size means the same whatever the units. A step that lowers the
log-likelihood is halved. What cannot be fitted is named: columns that depend on each other, a likelihood that keeps
rising towards infinity, no convergence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.later import later
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Floats = npt.NDArray[np.float64]
State = dict[str, Any]

DEPENDENT = 1e-9
"""A column of which less than this share of its information is its own cannot be told from the others to 1e-6."""
MOST_EVALUATIONS = 60
_MOST_HALVINGS = 20
_MONOTONE_AFTER = 3
_SLACK = 1e-11
_STUCK = 1e-13
"""Where the decrement no longer falls below this, rounding is all that is left of it."""


@dataclass(frozen=True)
class Evaluation:
    """At one beta, over `rows` rows: the log-likelihood (-inf where it cannot be computed), its gradient (p,), and
    the negative of its Hessian (p, p)."""

    rows: int
    loglik: float
    score: Floats
    information: Floats


def start(beta: Floats) -> State:
    """Where to begin; `beta` is always where the next evaluation is wanted."""
    return {
        "beta": beta,
        "origin": beta,
        "direction": np.zeros_like(beta),
        "step": 1.0,
        "iteration": 0,
        "loglik": None,
        "rows": -1,
        "decrement": None,
        "halvings": 0,
        "rising": 0,
    }


def advance(
    state: State,
    at: Evaluation,
    names: Sequence[str],
    *,
    tol: float,
    max_iter: int,
    rising: Callable[[Sequence[str]], Unable],
) -> State | None:
    """The next state, or None once `at` is the maximum: less than `tol` standard errors from it.

    The distance is Newton's decrement, sqrt(score' information^-1 score) (Boyd and Vandenberghe, Convex Optimization,
    9.5.1). Rows that left or joined since the last evaluation make a fresh start from the same beta.
    Raises Unable: 'collinear-columns', 'no-convergence', and what `rising` makes of the columns that go to infinity.
    """
    first = state["loglik"] is None or state["rows"] != at.rows
    if not first and not at.loglik >= state["loglik"] - _SLACK * (abs(state["loglik"]) + 1):
        return _halve(state)
    if not np.isfinite(at.loglik):
        raise no_convergence()
    found = dependent(at.information)
    if found and state["iteration"] == 0:
        raise collinear(names, found)
    if found:
        raise rising([names[j] for j, _ in found])
    step = solve(at.information, at.score)
    squared = max(float(at.score @ step), 0.0)
    before = state["decrement"]
    stuck = before is not None and not first and squared > before / 10
    if squared <= tol**2 or (stuck and squared <= _STUCK):
        return None
    growing = 0
    if squared < 1e-2 and stuck and np.abs(step).max() > 0.5 * np.abs(state["direction"]).max():
        growing = state["rising"] + 1
    last = state["iteration"] + 1 > max_iter
    if growing >= _MONOTONE_AFTER or (last and growing):
        raise rising([n for n, s in zip(names, np.abs(step), strict=True) if s > 0.3 * np.abs(step).max()])
    if last:
        raise no_convergence()
    return {
        "beta": state["beta"] + step,
        "origin": state["beta"],
        "direction": step,
        "step": 1.0,
        "iteration": state["iteration"] + 1,
        "loglik": at.loglik,
        "rows": at.rows,
        "decrement": squared,
        "halvings": state["halvings"],
        "rising": growing,
    }


def _halve(state: State) -> State:
    if state["halvings"] >= _MOST_HALVINGS:
        raise no_convergence()
    step = state["step"] / 2
    beta = state["origin"] + step * state["direction"]
    return {**state, "beta": beta, "step": step, "halvings": state["halvings"] + 1}


def dependent(information: Floats) -> list[tuple[int, list[int]]]:
    """The columns that depend on those before them, each with those it depends on (none: it carries no information).

    A Cholesky factorisation in order, on the scale of a correlation matrix.
    """
    own = np.diagonal(information)
    size = np.sqrt(np.where(own > DEPENDENT * max(own.max(initial=0.0), 1e-300), own, np.inf))
    scaled = information / np.outer(size, size)
    kept: list[int] = []
    found: list[tuple[int, list[int]]] = []
    lower = np.zeros_like(scaled)
    for j in range(len(scaled)):
        for i, k in enumerate(kept):
            lower[j, i] = (scaled[j, k] - lower[j, :i] @ lower[k, :i]) / lower[k, i]
        rest = scaled[j, j] - lower[j, : len(kept)] @ lower[j, : len(kept)]
        if rest > DEPENDENT:
            lower[j, len(kept)] = np.sqrt(rest)
            kept.append(j)
            continue
        weights = np.linalg.solve(scaled[np.ix_(kept, kept)], scaled[kept, j]) if kept else np.empty(0)
        found.append((j, [k for k, w in zip(kept, weights, strict=True) if abs(w) > 1e-4]))
    return found


def solve(information: Floats, right: Floats) -> Floats:
    """information^-1 right, on the scale of a correlation matrix."""
    size = np.sqrt(np.diagonal(information))
    sized = size if right.ndim == 1 else size[:, None]
    solved: Floats = np.linalg.solve(information / np.outer(size, size), right / sized) / sized
    return solved


def inverse(information: Floats) -> Floats:
    """(p, p) the inverse, symmetric."""
    inverted = solve(information, np.eye(len(information)))
    return (inverted + inverted.T) / 2


def coefficients(
    names: Sequence[str], estimate: Floats, covariance: Floats, confidence: float
) -> list[dict[str, str | float]]:
    """Wald statistics by name: estimate, standard error, z, two-sided p, confidence limits."""
    quantile = float(special.ndtri(0.5 + confidence / 2))
    error = np.sqrt(np.diagonal(covariance))
    z = estimate / error
    return [
        {
            "name": name,
            "estimate": float(b),
            "std_error": float(e),
            "z": float(t),
            "p": float(2 * special.ndtr(-abs(t))),
            "ci_low": float(b - quantile * e),
            "ci_high": float(b + quantile * e),
        }
        for name, b, e, t in zip(names, estimate, error, z, strict=True)
    ]


def collinear(names: Sequence[str], found: Sequence[tuple[int, Sequence[int]]]) -> Unable:
    """The error that names dependent columns."""
    en, zh = [], []
    for j, others in found:
        rest = [names[k] for k in others if names[k] != "Intercept"]
        en.append(f"'{names[j]}' follows from {', '.join(rest)}" if rest else f"'{names[j]}' carries no information")
        zh.append(f"“{names[j]}”可由 {'、'.join(rest)} 推出" if rest else f"“{names[j]}”不含信息")
    return Unable(
        "collinear-columns",
        Text(
            f"Columns of the formula depend on each other: {'; '.join(en)}.", f"公式中的列线性相关：{'；'.join(zh)}。"
        ),
        Text(
            "Leave one of them out; powers of one column are told apart by centring it first, as I(center(x)**2).",
            "请去掉其中一列；若为同一列的幂，可先中心化，如 I(center(x)**2)。",
        ),
    )


def no_convergence() -> Unable:
    return Unable(
        "no-convergence",
        Text("The fit did not converge.", "模型拟合未收敛。"),
        Text(
            "Use fewer columns, check for extreme values, or allow more iterations (max_iter).",
            "请减少自变量、检查极端值，或增加迭代次数（max_iter）。",
        ),
    )


def separation(names: Sequence[str]) -> Unable:
    """The error of a regression whose likelihood rises for ever along these columns."""
    named = _without_intercept(names)
    return Unable(
        "separation",
        Text(
            f"The coefficients of {', '.join(named)} grow without end: these columns predict the outcome perfectly, at "
            "least for some rows.",
            f"{'、'.join(named)} 的系数趋于无穷：这些列至少对部分行完全预测了结局。",
        ),
        Text(
            "Leave such a column out, merge its rare levels, or add a small ridge.",
            "请去掉该列、合并稀少的水平，或加入较小的岭惩罚（ridge）。",
        ),
    )


def monotone(names: Sequence[str]) -> Unable:
    """The error of a hazard model whose likelihood rises for ever along these columns."""
    named = _without_intercept(names)
    return Unable(
        "monotone-likelihood",
        Text(
            f"The coefficients of {', '.join(named)} grow without end: at every event, it happened to those for whom "
            "these columns are highest (or lowest).",
            f"{'、'.join(named)} 的系数趋于无穷：每次事件都发生在这些列取值最高（或最低）者身上。",
        ),
        Text(
            "Leave such a column out, merge its rare levels, or widen the cohort.",
            "请去掉该列、合并稀少的水平，或放宽队列条件。",
        ),
    )


def _without_intercept(names: Sequence[str]) -> list[str]:
    return [n for n in names if n != "Intercept"] or list(names)
