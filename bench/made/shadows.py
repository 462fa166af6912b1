"""A stronger attack on membership than the guard's own: the likelihood ratio against shadow models (LiRA).

N. Carlini, S. Chien, M. Nasr, S. Song, A. Terzis and F. Tramer, Membership inference attacks from first principles,
IEEE Symposium on Security and Privacy 2022. The attacker has every row in question, knows the method and all of its
settings, and fits models of its own to other halves of the same rows: nobody outside has as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from huizhen import methods
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.method import Done
from huizhen.statistics import applied
from huizhen.statistics.holdout import held_out

Floats = np.ndarray[Any, Any]
HALF = 0.5


class Fit(NamedTuple):
    """Of one model: log-odds that it gives each row's own outcome, which rows it was fitted to, and the advantage that
    its own result tells."""

    sure: Floats
    member: Floats
    told: float


class Gain(NamedTuple):
    """Of an attack: the best difference between the share of members it finds and that of others it mistakes for such;
    area under its curve; and the share of members found where one other in a hundred is mistaken."""

    advantage: float
    auc: float
    at_one_percent: float


def fit(method: str, params: Mapping[str, Any], schema: Schema, rows: Mapping[str, Floats], seed: int) -> Fit:
    """A model of half of the rows: the half that `gbdt` and `nn` train on with this seed, or for others such a half.
    rows: by name; the outcome is 0/1 in the column `y`."""
    kind, inputs = methods.find(method), [n for n in rows if n != "y"]
    n = len(rows["y"])
    held = held_out([rows[name] for name in inputs], n, HALF, seed)
    asked, own = dict(params), rows
    if "holdout" in kind.Params.model_fields:
        asked |= {"seed": seed, "holdout": HALF}
    else:
        own = {name: column[~held] for name, column in rows.items()}
    read = kind.read_params(asked)
    made = kind(read, schema)
    batch, state, kept = Batch(len(own["y"]), dict(own)), made.start(), dict[str, Any]()
    while True:
        told = made.told(state)
        total, kept = made.finish(made.partial(batch, told), told, kept)
        step = made.combine(total, state)
        if isinstance(step, Done):
            break
        state = step.state
    values = step.result.values
    scorer = applied.scorer(method, read.as_json(), schema, values)
    risk = np.clip(scorer.score(Batch(n, dict(rows)))["prediction"], 1e-9, 1 - 1e-9)
    right = np.where(rows["y"] == 1, risk, 1 - risk)
    return Fit(np.log(right) - np.log1p(-right), ~held, float(values["membership"]["advantage"]))


def gain(score: Floats, member: Floats) -> Gain:
    """Of an attack that calls the rows with the highest scores members; equal scores go together."""
    cuts = np.unique(score)[::-1]
    found, mistaken = (
        1 - np.searchsorted(np.sort(score[own]), cuts) / own.sum() for own in (member, ~member)
    )  # fmt: skip
    area = np.trapezoid(np.concatenate([[0.0], found, [1.0]]), np.concatenate([[0.0], mistaken, [1.0]]))
    few = mistaken <= 0.01
    return Gain(float((found - mistaken).max()), float(area), float(found[few].max(initial=0.0)))


def likelihood_ratio(target: Fit, shadows: list[Fit]) -> Floats:
    """(rows,) by how much likelier the target's certainty is where a row is a member, from normal distributions of that
    of the shadows that had the row and of those that had not; variances are shared, as with few shadows they should."""
    sure, member = np.array([s.sure for s in shadows]), np.array([s.member for s in shadows])
    found = []
    for own in (member, ~member):
        mean = (sure * own).sum(axis=0) / np.maximum(own.sum(axis=0), 1)
        spread = np.sqrt((((sure - mean) * own) ** 2).sum() / own.sum()) + 1e-9
        found.append(-(((target.sure - mean) / spread) ** 2) / 2 - np.log(spread))
    return found[0] - found[1]
