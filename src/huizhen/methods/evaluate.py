"""How good a released model is on other data, where they lie: from sums, no score and no row leaves a hospital."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from scipy import special

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.fitted import Fitted, Profile
from huizhen.model.method import Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Result
from huizhen.model.tally import Own
from huizhen.statistics import applied, bins, evaluation, family, moments, newton, outcome, ranking
from huizhen.statistics.columns import usable
from huizhen.statistics.evaluation import Binned
from huizhen.statistics.moments import Moments

Floats = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]

RANKS = 1 << 12
"""Bins of the predicted risk from which the area under the ROC curve is counted."""
TENTHS = 10
_SURE = 36.0
"""The largest log-odds that a double tells from certainty."""
_LINE = ("intercept", "slope")


class Params(Document):
    model: Fitted | str
    """The id of the study that released it; of the methods glm, gbdt and nn."""
    outcome: str
    """The column that says what came true: for a model of risks 0/1, boolean, or a category with two levels, of which
    the second is the one foretold."""
    reference: Profile | str | None = None
    """The id of an earlier evaluation of the same model, to measure drift against: that on the data it was fitted to
    tells how far things have moved since the training."""


class _Rows(NamedTuple):
    """Rows that have an outcome and a prediction: y, prediction, score (rows,), and the inputs by name."""

    y: Floats
    prediction: Floats
    score: Floats
    inputs: Arrays
    left: int


class Evaluate(Method):
    """Values: model, method, outcome, n, left_out (rows without an outcome or a prediction). Of a model of risks:
    outcomes (how many 0 and 1), observed and predicted (mean), auc, auc_tolerance, brier, calibration (intercept and
    slope of the logistic regression of the outcome on the predicted log-odds; 0 and 1 are perfect; None where they have
    no estimate). Of a number: observed, predicted, rmse, r_squared, calibration (of the linear regression on the
    prediction). tenths: mean prediction in each bin of the score, with outcomes or the mean observed. profile: of
    score (log-odds or number) and inputs, counts by edges or levels, a last bin being of missing values. With a
    reference, drift: of score and inputs psi and ks, with what chance gives once in twenty times.

    Sources: E. W. Steyerberg et al., Assessing the performance of prediction models, Epidemiology 21 (2010); G. W.
    Brier, Monthly Weather Review 78 (1950); D. R. Cox, Two further applications of a model for binary regression,
    Biometrika 45 (1958), for calibration. Bins with fewer than 10 rows are put together with their neighbours.
    """

    name: ClassVar[str] = "evaluate"
    Params: ClassVar[type[Document]] = Params
    summary: ClassVar[Text] = Text(
        "how good a released model is on other data: discrimination, calibration, error, drift",
        "已发布模型在其他数据上的效果：区分度、校准度、误差与漂移",
    )
    reveals: ClassVar[Text] = Text(
        "For all hospitals together: how many values of the score and of each input lie in ever narrower intervals and "
        "at each level; in each of 4096 bins of predicted risk, how many rows have each outcome; sums of predictions, "
        "outcomes and squared errors by bin; at each iteration of the calibration its gradient and information.",
        "所有医院合计的：评分与各输入列在逐步收窄的区间内及各水平上的个数；4096 个预测风险区间内两种结局的行数；"
        "按区间的预测值、结局与平方误差之和；校准每次迭代的梯度与信息矩阵。",
    )
    complete_cases: ClassVar[bool] = False
    max_rounds: ClassVar[int] = 80

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.p = cast(Params, params)
        if isinstance(self.p.model, str) or isinstance(self.p.reference, str):
            raise evaluation.not_filled_in()
        self.model, self.reference = self.p.model, self.p.reference
        binary = applied.is_binary(self.model.method, self.model.values)
        if binary is None:
            raise evaluation.nothing_foretold(self.model.method)
        self.binary = binary
        self.scorer = applied.scorer(self.model.method, self.model.params, self.model.table, self.model.values)
        self.inputs = [usable(schema, name) for name in self.scorer.columns]
        for column in self.inputs:
            evaluation.check_alike(column, self.model.table.column(column.name))
        kind: family.Family = "binomial" if binary else "gaussian"
        self.family = kind
        self.outcome = outcome.read(f"`{usable(schema, self.p.outcome).name}`", schema, kind)
        evaluation.check_outcome(schema.column(self.p.outcome), self.model.table, self.scorer.columns)
        self.binned = self._binned()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.outcome.columns, *self.scorer.columns]))

    def _binned(self) -> list[Binned]:
        """The score, under the empty name, and the inputs; with the bins of the reference where there is one."""
        known = self.reference
        if known is not None and known.model != self.model.study:
            raise evaluation.of_another_model()
        found = [Binned("", None, None if known is None else known.score)]
        for column in self.inputs:
            found.append(Binned(column.name, column, None if known is None else known.inputs.get(column.name)))
        return found

    def start(self) -> State:
        spread = None if self.binary else moments.start(3)
        return {"phase": "measure", "bins": [bins.start() if b.open else None for b in self.binned], "moments": spread}

    def partial(self, batch: Batch, state: State) -> Partial:
        rows = self._rows(batch)
        of_phase = {"measure": self._measure, "calibrate": self._calibrate, "count": self._count}
        return Partial({"rows": np.asarray(len(rows.y)), **of_phase[state["phase"]](rows, state)})

    def combine(self, total: Partial, state: State) -> Next | Done:
        after: dict[str, Callable[[Partial, State], Next | Done]] = {
            "measure": self._after_measure,
            "calibrate": self._after_calibrate,
            "count": self._after_count,
        }
        return after[state["phase"]](total, state)

    def own(self, total: Partial, state: State) -> Own | None:
        return self._own(total, state) if state["phase"] == "count" else None

    # What rows add to the sums of each phase.

    def _rows(self, batch: Batch) -> _Rows:
        y = self.outcome({name: batch[name] for name in self.outcome.columns}, {})
        there = y >= 0 if self.outcome.expression is None else np.isfinite(y)
        given = {c.name: evaluation.recoded(batch[c.name], c, self.model.table.column(c.name)) for c in self.inputs}
        if self.scorer.complete:
            for c in self.inputs:
                there &= evaluation.present(given[c.name], self.model.table.column(c.name))
        kept = np.flatnonzero(there)
        model = Batch(len(kept), {name: column[kept] for name, column in given.items()})
        prediction = self.scorer.score(model)["prediction"] if len(kept) else np.empty(0)
        finite = np.isfinite(prediction)
        kept, prediction = kept[finite], prediction[finite]
        with np.errstate(divide="ignore"):
            score = np.clip(special.logit(prediction), -_SURE, _SURE) if self.binary else prediction
        inputs = {c.name: batch[c.name][kept] for c in self.inputs}
        return _Rows(y[kept], prediction, score, inputs, batch.rows - len(kept))

    def _values(self, rows: _Rows, of: Binned) -> npt.NDArray[Any]:
        return rows.score if of.column is None else rows.inputs[of.name]

    def _measure(self, rows: _Rows, state: State) -> Arrays:
        sums: Arrays = {"impossible": np.asarray(family.outside(self.family, rows.y))}
        for of, found in zip(self.binned, state["bins"], strict=True):
            if found is not None and bins.unfinished(found):
                sums[f"bins {of.name}"] = bins.partial(self._values(rows, of).astype(np.float64), found)
        if state["moments"] is not None and "shift" in state["moments"]:
            three = np.stack([rows.y, rows.prediction, rows.y - rows.prediction])
            sums |= {f"moments {k}": v for k, v in moments.partial(three, state["moments"], cross=True).items()}
        return sums

    def _calibrate(self, rows: _Rows, state: State) -> Arrays:
        x = np.stack([np.ones(len(rows.score)), rows.score])
        unit = family.unit("binomial", rows.y, state["newton"]["beta"] @ x)
        return {
            "deviance": unit.deviance.sum(),
            "score": x @ unit.residual,
            "information": (x * unit.weight) @ x.T,
        }

    def _count(self, rows: _Rows, state: State) -> Arrays:
        sums: Arrays = {"left": np.asarray(rows.left)}
        for of, edges in zip(self.binned, state["edges"], strict=True):
            sums[f"places {of.name}"] = of.counts(self._values(rows, of), edges)
        tenth = self.binned[0].places(rows.score, state["edges"][0])
        size, (y, p, error) = len(state["edges"][0]) + 1, self._on_scale(rows, state)
        sums["predicted"] = np.bincount(tenth, p, minlength=size).astype(np.float64)
        sums["observed"] = np.bincount(tenth, y, minlength=size).astype(np.float64)
        sums["squares"] = np.array([error @ error, y @ y])
        if self.binary:
            place = ranking.bins(ranking.grid(rows.score, 0.0, 1.0), 1 + np.arange(RANKS) / RANKS)
            cell = place + RANKS * (rows.y == 1)
            sums["ranks"] = np.bincount(cell, minlength=2 * RANKS).reshape(2, RANKS)
            sums["positive"] = np.bincount(tenth[rows.y == 1], minlength=size)
        return sums

    def _on_scale(self, rows: _Rows, state: State) -> tuple[Floats, Floats, Floats]:
        """Outcome, prediction and error; of a number in standard deviations of the outcome, about its mean."""
        if self.binary:
            return rows.y, rows.prediction, rows.y - rows.prediction
        centre, unit = state["centre"], state["unit"]
        return (rows.y - centre) / unit, (rows.prediction - centre) / unit, (rows.y - rows.prediction) / unit

    # What follows from the sums over all hospitals.

    def _after_measure(self, total: Partial, state: State) -> Next:
        if total["rows"] == 0:
            raise evaluation.no_rows()
        self.outcome.check(self.family, int(total["impossible"]), constant=False)
        found = [
            bins.refine(total[f"bins {of.name}"], part, TENTHS) if part is not None and bins.unfinished(part) else part
            for of, part in zip(self.binned, state["bins"], strict=True)
        ]
        spread = state["moments"]
        if spread is not None and "shift" in spread:
            sums = {k[8:]: v for k, v in total.fields.items() if k.startswith("moments ")}
            measured = moments.refine(sums, spread)
            spread = evaluation.line(measured) if isinstance(measured, Moments) else measured
        known = {"phase": "measure", "bins": found, "moments": spread}
        if any(part is not None and bins.unfinished(part) for part in found) or (spread and "shift" in spread):
            return Next(known, Text("cutting scores and inputs into bins", "正在对评分与输入分箱"))
        edges = [
            of.edges() if part is None else bins.edges(part, TENTHS, evaluation.LEAST)
            for of, part in zip(self.binned, found, strict=True)
        ]
        if self.binary:
            begun = newton.start(np.array([0.0, 1.0]))
            return Next({"phase": "calibrate", "edges": edges, "newton": begun}, Text("bins found", "分箱完成"))
        return Next({"phase": "count", "edges": edges, **cast(State, spread)}, Text("bins found", "分箱完成"))

    def _after_calibrate(self, total: Partial, state: State) -> Next:
        at = newton.Evaluation(
            int(total["rows"]), -float(total["deviance"]) / 2, total["score"], total["information"]
        )  # fmt: skip
        counting: State = {"phase": "count", "edges": state["edges"]}
        try:
            step = newton.advance(state["newton"], at, _LINE, tol=1e-8, max_iter=25, rising=newton.separation)
        except Unable:
            return Next({**counting, "line": [None, None]}, Text("no calibration line", "没有校准线"))
        if step is None:
            return Next({**counting, "line": state["newton"]["beta"].tolist()}, Text("calibrated", "校准完成"))
        return Next({**state, "newton": step}, Text("calibrating", "正在校准"))

    def _after_count(self, total: Partial, state: State) -> Done:
        n, left = int(total["rows"]), int(total["left"])
        whole = evaluation.Whole(self.binary, n, left, total.fields, state)
        found = {"model": self.model.study, "method": self.model.method, "outcome": self.outcome.name}
        values, shown = evaluation.told(whole, self.binned, None if self.reference is None else self.reference.study)
        return Done(Result(found | values, shown))

    def _own(self, total: Partial, state: State) -> Own | None:
        n = int(total["rows"])
        whole = evaluation.Whole(self.binary, n, int(total["left"]), total.fields, state)
        return evaluation.own(whole, self.binned[0]) if n else None


METHOD = Evaluate
