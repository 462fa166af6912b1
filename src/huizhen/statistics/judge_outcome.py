"""A model of risks or of a number, judged by what came true."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from huizhen.kit.errors import Unable
from huizhen.kit.later import later
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.fitted import Fitted
from huizhen.model.method import State
from huizhen.model.result import Exposure, Statistic, Table
from huizhen.statistics import drift, evaluation, family, moments, newton, outcome, ranking
from huizhen.statistics.columns import usable
from huizhen.statistics.judged import CONSTANT, Arrays, Bools, Counts, Floats, Outputs, Rows, Told, Whole
from huizhen.statistics.moments import Moments

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

RANKS = 1 << 12
"""Bins of the predicted risk from which the area under the ROC curve is counted."""
_SURE = 36.0
"""The largest log-odds that a double tells from certainty."""
_LINE = ("intercept", "slope")


class OutcomeJudge:
    """Implements `judged.Judge`."""

    def __init__(self, model: Fitted, named: str, schema: Schema, binary: bool, inputs: Sequence[str]) -> None:
        self.binary = binary
        self.family: family.Family = "binomial" if binary else "gaussian"
        self.outcome = outcome.read(f"`{usable(schema, named).name}`", schema, self.family)
        evaluation.check_outcome(schema.column(named), model.table, inputs)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.outcome.columns

    def read(self, batch: Batch) -> tuple[Bools, Arrays]:
        y = self.outcome({name: batch[name] for name in self.outcome.columns}, {})
        there: Bools = y >= 0 if self.outcome.expression is None else np.isfinite(y)
        return there, {"y": y}

    def score(self, outputs: Outputs, model: Batch, own: Arrays) -> tuple[Floats, Arrays]:  # noqa: ARG002
        told = outputs["prediction"]
        with np.errstate(divide="ignore"):
            score = np.clip(special.logit(told), -_SURE, _SURE) if self.binary else told
        return np.where(np.isfinite(told), score, np.nan), {**own, "told": told}

    def start(self) -> State:
        return {"newton": newton.start(np.array([0.0, 1.0]))} if self.binary else moments.start(3)

    def sums(self, rows: Rows, state: State) -> Arrays:
        y, told = rows.own["y"], rows.own["told"]
        impossible = np.asarray(family.outside(self.family, y))
        if not self.binary:
            return {"impossible": impossible, **moments.partial(np.stack([y, told, y - told]), state, cross=True)}
        x = np.stack([np.ones(len(y)), rows.score])
        unit = family.unit("binomial", y, state["newton"]["beta"] @ x)
        return {
            "impossible": impossible,
            "deviance": unit.deviance.sum(),
            "score": x @ unit.residual,
            "information": (x * unit.weight) @ x.T,
        }

    def close(self, sums: Arrays, state: State) -> Arrays:  # noqa: ARG002
        return sums

    def refine(self, n: int, sums: Arrays, state: State) -> State:
        self.outcome.check(self.family, int(sums["impossible"]), constant=False)
        if not self.binary:
            found = moments.refine({k: v for k, v in sums.items() if k != "impossible"}, state)
            return {"ready": True, **_line(found)} if isinstance(found, Moments) else found
        at = newton.Evaluation(n, -float(sums["deviance"]) / 2, sums["score"], sums["information"])
        try:
            step = newton.advance(state["newton"], at, _LINE, tol=1e-8, max_iter=25, rising=newton.separation)
        except Unable:
            return {"ready": True, "line": [None, None]}
        return {"newton": step} if step is not None else {"ready": True, "line": state["newton"]["beta"].tolist()}

    def count(self, rows: Rows, place: Counts, size: int, state: State) -> Arrays:
        y, p, error = self._on_scale(rows, state)
        sums: Arrays = {
            "predicted": np.bincount(place, p, minlength=size).astype(np.float64),
            "observed": np.bincount(place, y, minlength=size).astype(np.float64),
            "squares": np.array([error @ error, y @ y]),
        }
        if self.binary:
            rank = ranking.bins(ranking.grid(rows.score, 0.0, 1.0), 1 + np.arange(RANKS) / RANKS)
            cell = rank + RANKS * (y == 1)
            sums["ranks"] = np.bincount(cell, minlength=2 * RANKS).reshape(2, RANKS)
            sums["positive"] = np.bincount(place[y == 1], minlength=size)
        return sums

    def _on_scale(self, rows: Rows, state: State) -> tuple[Floats, Floats, Floats]:
        """Outcome, prediction and error; of a number in standard deviations of the outcome, about its mean."""
        y, told = rows.own["y"], rows.own["told"]
        if self.binary:
            return y, told, y - told
        centre, unit = state["centre"], state["unit"]
        return (y - centre) / unit, (told - centre) / unit, (y - told) / unit

    def rarer(self, whole: Whole) -> tuple[Counts, Counts] | None:
        if not self.binary:
            return None
        positive = whole.sums["positive"]
        return positive, whole.sums["places "][: len(positive)] - positive

    def figures(self, whole: Whole) -> tuple[dict[str, Any], int]:
        n, sums = whole.n, whole.sums
        squares, spread = (float(x) / n for x in sums["squares"])
        seen = {"observed": float(sums["observed"].sum()) / n, "predicted": float(sums["predicted"].sum()) / n}
        if self.binary:
            pairs, outcomes = ranking.roc(*sums["ranks"]), sums["ranks"].sum(axis=1)
            ranked = {"auc": pairs.concordance, "auc_tolerance": pairs.tolerance}
            return {**seen, **ranked, "brier": squares}, int(outcomes.min())
        unit, centre = whole.judge["unit"], whole.judge["centre"]
        varied = spread - seen["observed"] ** 2
        found = {key: value * unit + centre for key, value in seen.items()}
        share = 1 - squares / varied if varied > CONSTANT else None
        return {**found, "rmse": float(np.sqrt(squares)) * unit, "r_squared": share}, n

    def told(self, whole: Whole, groups: Sequence[Sequence[int]]) -> Told:
        found, least = self.figures(whole)
        intercept, slope = whole.judge["line"]
        values: dict[str, Any] = {"outcome": self.outcome.name}
        if self.binary:
            values["outcomes"] = whole.sums["ranks"].sum(axis=1).tolist()
        values |= {**found, "calibration": {"intercept": intercept, "slope": slope}}
        lines = (("calibration", "intercept"), ("calibration", "slope"))
        tenths, more = self._tenths(whole, groups)
        return values | {"tenths": tenths}, (Statistic((*((k,) for k in found), *lines), least), *more)

    def _tenths(self, whole: Whole, groups: Sequence[Sequence[int]]) -> tuple[dict[str, Any], list[Exposure]]:
        """Mean prediction and what came true, by bin of the score; counts of outcomes are a table of their own."""
        sums, held = whole.sums, drift.together(whole.sums["places "], groups)
        means = {k: np.array([sums[k][list(g)].sum() for g in groups]) / np.maximum(held, 1)
                 for k in ("predicted", "observed")}  # fmt: skip
        if not self.binary:
            unit, centre = whole.judge["unit"], whole.judge["centre"]
            told = {k: (v * unit + centre).tolist() for k, v in means.items()}
            rests = [
                Statistic((("tenths", "predicted", i), ("tenths", "observed", i)), int(k)) for i, k in enumerate(held)
            ]
            return told, list(rests)
        positive = drift.together(sums["positive"], groups)
        outcomes = np.stack([held - positive, positive], axis=1).tolist()
        margins = ((("profile", "score", "counts"), 0), (("outcomes",), 1), (("n",), None))
        shown: list[Exposure] = [Table(("tenths", "outcomes"), margins=margins)]
        shown += [Statistic((("tenths", "predicted", i),), int(k)) for i, k in enumerate(held)]
        return {"predicted": means["predicted"].tolist(), "outcomes": outcomes}, shown


def _line(found: Moments) -> State:
    """Of a number, from moments of outcome, prediction and error: the calibration line and the scale of the outcome."""
    centre, unit = float(found.mean[0]), float(found.sd()[0])
    products = found.products * np.outer(found.scale, found.scale)
    flat = not products[1, 1] > CONSTANT * max(products[0, 0], found.mean[1] ** 2)
    slope = None if flat else float(products[0, 1] / products[1, 1])
    calibrated = [None if slope is None else centre - slope * float(found.mean[1]), slope]
    return {"centre": centre, "unit": unit if unit > 0 else 1.0, "line": calibrated}
