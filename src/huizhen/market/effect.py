"""The effect of each hospital on a joint model: leave-one-out, and Shapley by permutation, from what all may know.

No sum without a hospital is ever opened. Each hospital tells its rows and, in powers of two, how far these stray; the
rest is arithmetic that anybody can do again. A fit to the rows of some hospitals, S, misses what all of them are taken
to share, in squared standard errors of the joint fit summed over its p coefficients, by about

    E(S) = p b(S) / w(S)^2,    p / w(S) where none strays,

w(S) being the share of S in all rows and b(S) the sum over S of rows x misfit by all rows. That is the variance of a
mean; straying adds to it as noise would. What S is worth is what this leaves of the gain in log-likelihood (doubled):

    v(S) = max(0, 1 - E(S) / gain),    v(nobody) = 0.

A hospital's value is worked out as if none of the others strayed. So what one says of itself changes nobody else's, its
own falls the more it strays, and below zero where it does more harm than good.
Sources: R. D. Cook, JRSS B 48 (1986); L. S. Shapley, Contributions to the Theory of Games II (1953); permutation
sampling: J. Castro et al., Computers & Operations Research 36 (2009).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.kit.canonical import digest
from huizhen.kit.text import Text
from huizhen.model.settlement import Effects, HospitalEffect, Outcome, Rule

Floats = npt.NDArray[np.float64]

LEAST, MOST = 0.25, 2.0
"""No hospital is paid less than a quarter, or more than twice, of what rows and quality alone would weigh."""
_STEP = 20
"""Effects are multiples of 1 / 20."""
ENUMERATED = 12
"""Up to so many hospitals every coalition is gone through; beyond, permutations are drawn."""
PERMUTATIONS = 4096
FEWEST_PARAMETERS = 3

RULES: Mapping[Rule, Text] = {
    "none": Text("rows and quality alone", "仅按行数与质量"),
    "leave-one-out": Text("what leaving a hospital out would change", "去掉某家医院会带来的改变"),
    "shapley": Text(
        "what a hospital adds on average, in whatever order hospitals come (Shapley value)",
        "医院以任意顺序加入时平均增加的价值（Shapley 值）",
    ),
}
OUTCOMES: Mapping[str, Text] = {
    "measured": Text("it was measured", "已测得"),
    "rows": Text(
        "of a result of this kind a hospital's rows tell as much as any measure of effect we know",
        "对此类结果，医院的行数与已知的任何贡献度量同样有效",
    ),
    "few-parameters": Text(
        "the model has fewer than three coefficients, and its fit at one hospital would be that hospital's own figure",
        "模型系数不足三个，单家医院的拟合程度会显露该院自身数据",
    ),
    "nothing-explained": Text("the joint model explains nothing", "联合模型没有解释力"),
    "without-profit": Text("the purpose forbids profit, and each is paid its cost", "该用途不得营利，各方仅收回成本"),
}


class Worth(NamedTuple):
    """How much a model explains: what leave-one-out and Shapley values are shares of."""

    parameters: int
    """Coefficients fitted; of trees and nets as many as their loss says."""
    gain: float
    """Twice the log-likelihood above that of the model that knows no columns."""


def worth_of(values: Mapping[str, Any]) -> Worth | None:
    """Of a released result; None where it is no model that foretells, or the guard has hidden how well.

    Of trees and nets both are measured: what held-out rows gain over knowing no columns, and as parameters what the
    loss of held-out rows is larger by than that of training rows, times the latter (H. Akaike, IEEE Transactions on
    Automatic Control 19, 1974, read backwards).
    """
    if "likelihood_ratio" in values:
        return Worth(len(values["coefficients"]), values["likelihood_ratio"]["chi2"])
    if "null_deviance" in values:
        gain = (values["null_deviance"] - values["deviance"]) / values["dispersion"]
        return Worth(len(values["coefficients"]), gain)
    train, holdout = values.get("train"), values.get("holdout")
    if not isinstance(train, Mapping) or not isinstance(holdout, Mapping) or "personal" in values.get("net", {}):
        return None
    try:
        excess, gain = _of_numbers(train, holdout) if "mse" in train else _of_risks(train, holdout)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):  # the guard has hidden a figure
        return None
    return Worth(max(FEWEST_PARAMETERS, round(train["n"] * excess)), values["n"] * gain)


def _of_risks(train: Mapping[str, Any], holdout: Mapping[str, Any]) -> tuple[float, float]:
    """A row's loss that held-out rows have more of than training rows, and twice what they have less than from the
    share of outcomes in the training alone."""
    share = train["outcomes"][1] / sum(train["outcomes"])
    without, having = holdout["outcomes"]
    null = -(having * math.log(share) + without * math.log(1 - share)) / (having + without)
    return holdout["log_loss"] - train["log_loss"], 2 * (null - holdout["log_loss"])


def _of_numbers(train: Mapping[str, Any], holdout: Mapping[str, Any]) -> tuple[float, float]:
    """The same of a number, as if errors were normal with the held-out variance."""
    left = 1 - holdout["r_squared"]
    return (1 - train["mse"] / holdout["mse"]) / 2, holdout["r_squared"] / left


def explained(found: Effects) -> Text:
    """One sentence: what the deed pays by, and why every effect is 1 where it is."""
    rule, why = RULES[found.rule], OUTCOMES[found.outcome]
    by = Text(
        f"The deed pays by rows x quality x effect: {rule.en}.", f"契约按“行数 × 质量 × 贡献系数”付酬：{rule.zh}。"
    )
    if found.outcome == "measured":
        return by
    return Text(f"{by.en} Here it is 1 for all: {why.en}.", f"{by.zh}此处各医院均为 1：{why.zh}。")


@dataclass(frozen=True)
class Part:
    """What one hospital told: rows used, and its misfit (None: not told)."""

    rows: int
    misfit: int | None


def value(rows: Floats, strayed: Floats, all_rows: float, worth: Worth) -> Floats:
    """v(S), element by element. `rows`, and `strayed` (rows x misfit): sums over S."""
    share = np.where(rows > 0, rows, all_rows) / all_rows
    missed = worth.parameters * strayed / all_rows / share**2
    found: Floats = np.where(rows > 0, np.maximum(0.0, 1 - missed / worth.gain), 0.0)
    return found


def added(before: Floats, rows: Floats, misfit: Floats, all_rows: float, worth: Worth) -> Floats:
    """What hospitals of so many rows and such misfits add to `before` rows that do not stray, element by element."""
    after = value(before + rows, before + rows * misfit, all_rows, worth)
    return after - value(before, before, all_rows, worth)


def leave_one_out(rows: Floats, misfit: Floats, worth: Worth) -> Floats:
    """(n,) by how much the value of all is lower without each; below 0 where it is higher."""
    all_rows = float(rows.sum())
    return added(all_rows - rows, rows, misfit, all_rows, worth)


def shapley(rows: Floats, misfit: Floats, worth: Worth, seed: int) -> Floats:
    """(n,) what each adds to those before it, on average over the orders in which all may come.

    Exact up to `ENUMERATED` hospitals; beyond, the mean over PERMUTATIONS orders drawn from the seed, half of them the
    other half backwards. Where none strays they sum to the value of all.
    """
    n, all_rows = len(rows), float(rows.sum())
    if n > ENUMERATED:
        dice = np.random.default_rng(seed)
        orders = dice.permuted(np.tile(np.arange(n), (PERMUTATIONS // 2, 1)), axis=1)
        orders = np.vstack([orders, orders[:, ::-1]])
        here = rows[orders]
        each = added(here.cumsum(axis=1) - here, here, misfit[orders], all_rows, worth)
        return np.bincount(orders.ravel(), each.ravel(), minlength=n) / len(orders)
    member = np.array(list(itertools.product((0.0, 1.0), repeat=n)))
    total, size = member @ rows, member.sum(axis=1).astype(int)
    weight = np.array([1 / (n * math.comb(n - 1, k)) for k in range(n)])
    found = np.empty(n)
    for i in range(n):
        without = member[:, i] == 0
        found[i] = weight[size[without]] @ added(total[without], rows[i], misfit[i], all_rows, worth)
    return found


def effects(study: str, rule: Rule, parts: Mapping[str, Part], worth: Worth | None, *, for_profit: bool) -> Effects:
    """The effect of each hospital: what it adds, by its share of the rows and by what all would add if none strayed,
    from LEAST to MOST.

    A hospital that does not tell its misfit has the least effect of those that do, at most 1; where nobody tells, all
    have 1. One without rows has 1, and no weight.
    """
    outcome = _outcome(worth, for_profit)
    told = {n: p for n, p in sorted(parts.items()) if p.rows > 0 and p.misfit is not None}
    found = dict.fromkeys(told, 1.0)
    if worth is not None and outcome == "measured" and len(told) > 1:
        found = _measured(study, rule, told, worth)
    least = min([1.0, *found.values()])
    return Effects(
        rule=rule,
        outcome=outcome,
        hospitals=tuple(
            HospitalEffect(node=n, misfit=p.misfit, effect=f"{found.get(n, least if p.rows else 1.0):.2f}")
            for n, p in sorted(parts.items())
        ),
    )


def _outcome(worth: Worth | None, for_profit: bool) -> Outcome:
    if not for_profit:
        return "without-profit"
    if worth is None:
        return "rows"
    if worth.parameters < FEWEST_PARAMETERS:
        return "few-parameters"
    return "measured" if worth.gain > worth.parameters else "nothing-explained"


def _measured(study: str, rule: Rule, told: Mapping[str, Part], worth: Worth) -> dict[str, float]:
    rows = np.array([p.rows for p in told.values()], dtype=np.float64)
    misfit = np.array([p.misfit for p in told.values()], dtype=np.float64)
    seed = int(digest([study, "shapley"])[:8], 16)
    alike = np.ones(len(rows))
    if rule == "shapley":
        worths, whole = shapley(rows, misfit, worth, seed), shapley(rows, alike, worth, seed).sum()
    else:
        worths, whole = leave_one_out(rows, misfit, worth), leave_one_out(rows, alike, worth).sum()
    effect = np.clip(worths / whole / (rows / rows.sum()), LEAST, MOST)
    return dict(zip(told, (np.round(effect * _STEP) / _STEP).tolist(), strict=True))
