"""How good a released model is on other data, where they lie: from sums, no score and no row leaves a hospital."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.fitted import Fitted, Profile
from huizhen.model.method import Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Result
from huizhen.model.tally import Own
from huizhen.statistics import applied, bins, evaluation, judged
from huizhen.statistics.columns import usable
from huizhen.statistics.evaluation import Binned
from huizhen.statistics.judge_outcome import OutcomeJudge
from huizhen.statistics.judge_shape import CentresJudge, ComponentsJudge
from huizhen.statistics.judge_survival import SurvivalJudge
from huizhen.statistics.judged import Arrays, Judge, Rows, Whole

TENTHS = 10


class Params(Document):
    model: Fitted | str
    """The id of the study that released it, of any method that fits a model."""
    outcome: str | None = None
    """For models of glm, gbdt and nn: the column that says what came true; for a model of risks 0/1, boolean, or a
    category with two levels, of which the second is the one foretold."""
    duration: str | None = None
    """For models of cox, as `event`: the column, where it has another name than where the model was fitted."""
    event: str | None = None
    horizon: Annotated[float, Field(gt=0)] | None = None
    """For models of cox: the time at which risks are judged, in the unit of the duration; None: the one by which half
    of the events have happened."""
    reference: Profile | str | None = None
    """The id of an earlier evaluation of the same model, to measure drift against: that on the data it was fitted to
    tells how far things have moved since the training."""


class Evaluate(Method):
    """Values: model, method, n, left_out (rows without outcome or prediction). profile: of score and inputs, counts by
    edges or levels, a last bin being of missing values; the score is the log-odds, the number, the linear predictor,
    the distance to the nearest centre, or the first component. With a reference, drift: of score and inputs psi and ks,
    with what chance gives once in twenty times. tenths: where something is foretold, the mean prediction in each bin of
    the score, with outcomes or what was observed.

    Of a model of risks: outcome, outcomes (how many 0 and 1), observed and predicted (mean), auc, auc_tolerance, brier,
    calibration (intercept and slope of the logistic regression of the outcome on the predicted log-odds; 0 and 1 are
    perfect; None where they have no estimate). Of a number: outcome, observed, predicted, rmse, r_squared, calibration
    (of the linear regression on the prediction).

    Of survival: duration, event, unit, cases (events, others), concordance (Harrell's, within the model's strata) and
    concordance_tolerance, calibration (slope of the hazard model on the linear predictor); at the horizon auc (of those
    who died by then against those who lived on, cumulative and dynamic) and auc_tolerance, observed (one less the
    product-limit estimate), and where the model was released with a baseline predicted (mean risk) and brier. Those
    whose observation ended before are made up for by weights, the inverse of the product-limit estimate of being still
    observed. Risks rest on the last released step of the baseline up to the horizon.

    Of clusters: sizes, inertia and inertia_per_row (as kmeans has it), explained (share of these rows' own sum of
    squares), silhouette (simplified: by distances to centres). Of components: total_variance and components (name,
    variance, ratio) of these rows along the model's directions; explained, the share of the squares about the model's
    mean that they keep, and reconstruction_error, the mean of the rest.

    Sources: E. W. Steyerberg et al., Assessing the performance of prediction models, Epidemiology 21 (2010); G. W.
    Brier, Monthly Weather Review 78 (1950); D. R. Cox, Two further applications of a model for binary regression,
    Biometrika 45 (1958), for calibration; F. E. Harrell et al., JAMA 247 (1982); E. Graf et al., Statistics in Medicine
    18 (1999), for the weighted Brier score; H. Uno et al., JASA 102 (2007), for the weighted AUC; H. C. van
    Houwelingen, Statistics in Medicine 19 (2000), for the slope. Bins of the score with fewer than 10 rows, or 10 of
    either outcome, are put together with their neighbours.
    """

    name: ClassVar[str] = "evaluate"
    Params: ClassVar[type[Document]] = Params
    summary: ClassVar[Text] = Text(
        "how good a released model is on other data: discrimination, calibration, error, drift",
        "已发布模型在其他数据上的效果：区分度、校准度、误差与漂移",
    )
    reveals: ClassVar[Text] = Text(
        "For all hospitals together: how many values of the score and of each input lie in ever narrower intervals and "
        "at each level. Of a model that foretells: in each of 4096 bins of predicted risk, how many rows have each "
        "outcome; sums of predictions, outcomes and squared errors by bin; at each iteration of the calibration its "
        "gradient and information. Of survival: the distinct durations, how many died and left at each of them by "
        "ranges of the score, and at each iteration sums of the score over them. Of clusters and components: sums and "
        "squares of the columns, rows and squared distances by cluster.",
        "所有医院合计的：评分与各输入列在逐步收窄的区间内及各水平上的个数。预测结局的模型：4096 个预测风险区间内两种"
        "结局的行数，按区间的预测值、结局与平方误差之和，校准每次迭代的梯度与信息矩阵。生存模型：出现过的不同时长，各时长"
        "上按评分区间的死亡与离开人数，以及每次迭代在各时长上的评分之和。聚类与主成分：各列的和与平方和，各类的行数与"
        "距离平方和。",
    )
    complete_cases: ClassVar[bool] = False
    max_rounds: ClassVar[int] = 140
    memorises: ClassVar[bool] = False

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.p = cast(Params, params)
        if isinstance(self.p.model, str) or isinstance(self.p.reference, str):
            raise judged.not_filled_in()
        self.model, self.reference = self.p.model, self.p.reference
        self.scorer = applied.scorer(self.model.method, self.model.params, self.model.table, self.model.values)
        self.inputs = [usable(schema, name) for name in self.scorer.columns]
        for column in self.inputs:
            evaluation.check_alike(column, self.model.table.column(column.name))
        self.judge = self._judge()
        self.binned = self._binned()

    def _judge(self) -> Judge:
        model, p = self.model, self.p
        kind = model.method
        named = {"outcome": p.outcome, "duration": p.duration, "event": p.event, "horizon": p.horizon}
        if kind == "cox":
            judged.check_named(kind, named, (), ("duration", "event", "horizon"))
            return SurvivalJudge(model, {"duration": p.duration, "event": p.event}, p.horizon, self.schema)
        binary = applied.is_binary(kind, model.values)
        judged.check_named(kind, named, () if binary is None else ("outcome",))
        if binary is None:
            return CentresJudge(model) if kind == "kmeans" else ComponentsJudge(model)
        return OutcomeJudge(model, str(p.outcome), self.schema, binary, self.scorer.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.judge.columns, *self.scorer.columns]))

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
        found = [bins.start() if b.open else None for b in self.binned]
        return {"phase": "measure", "bins": found, "judge": self.judge.start()}

    def partial(self, batch: Batch, state: State) -> Partial:
        rows = self._rows(batch)
        sums = self._measure(rows, state) if state["phase"] == "measure" else self._count(rows, state)
        return Partial({"rows": np.asarray(len(rows.score)), **sums})

    def close(self, total: Partial, state: State) -> Partial:
        return Partial(self.judge.close(dict(total.fields), state["judge"]))

    def combine(self, total: Partial, state: State) -> Next | Done:
        return self._after_measure(total, state) if state["phase"] == "measure" else self._after_count(total, state)

    def own(self, total: Partial, state: State) -> Own | None:
        if state["phase"] != "count" or not total["rows"]:
            return None
        return evaluation.own(self._whole(total, state), self.binned[0], self.judge)

    # What rows add to the sums of each phase.

    def _rows(self, batch: Batch) -> Rows:
        there, own = self.judge.read(batch)
        given = {c.name: evaluation.recoded(batch[c.name], c, self.model.table.column(c.name)) for c in self.inputs}
        if self.scorer.complete:
            for c in self.inputs:
                there = there & evaluation.present(given[c.name], self.model.table.column(c.name))
        kept = np.flatnonzero(there)
        model = Batch(len(kept), {name: column[kept] for name, column in given.items()})
        outputs = self.scorer.score(model) if len(kept) else {name: np.empty(0) for name in self.scorer.outputs}
        score, own = self.judge.score(outputs, model, {name: values[kept] for name, values in own.items()})
        finite = np.isfinite(score)
        kept = kept[finite]
        inputs = {c.name: batch[c.name][kept] for c in self.inputs}
        own = {name: values[finite] for name, values in own.items()}
        return Rows(score[finite], inputs, own, batch.rows - len(kept))

    def _values(self, rows: Rows, of: Binned) -> npt.NDArray[Any]:
        return rows.score if of.column is None else rows.inputs[of.name]

    def _measure(self, rows: Rows, state: State) -> Arrays:
        sums: Arrays = {}
        for of, found in zip(self.binned, state["bins"], strict=True):
            if found is not None and bins.unfinished(found):
                sums[f"bins {of.name}"] = bins.partial(self._values(rows, of).astype(np.float64), found)
        return sums if "ready" in state["judge"] else sums | self.judge.sums(rows, state["judge"])

    def _count(self, rows: Rows, state: State) -> Arrays:
        sums: Arrays = {"out": np.asarray(rows.left)}
        for of, edges in zip(self.binned, state["edges"], strict=True):
            sums[f"places {of.name}"] = of.counts(self._values(rows, of), edges)
        place = self.binned[0].places(rows.score, state["edges"][0])
        return sums | self.judge.count(rows, place, len(state["edges"][0]) + 1, state["judge"])

    # What follows from the sums over all hospitals.

    def _after_measure(self, total: Partial, state: State) -> Next:
        if total["rows"] == 0:
            raise evaluation.no_rows()
        judge = state["judge"]
        if "ready" not in judge:
            sums = {k: v for k, v in total.fields.items() if k != "rows" and not k.startswith("bins ")}
            judge = self.judge.refine(int(total["rows"]), sums | {"rows": total["rows"]}, judge)
        found = [
            bins.refine(total[f"bins {of.name}"], part, TENTHS) if part is not None and bins.unfinished(part) else part
            for of, part in zip(self.binned, state["bins"], strict=True)
        ]
        if "ready" not in judge or any(part is not None and bins.unfinished(part) for part in found):
            known = {"phase": "measure", "bins": found, "judge": judge}
            return Next(known, Text("measuring scores, inputs and calibration", "正在测量评分、输入与校准"))
        edges = [
            of.edges() if part is None else bins.edges(part, TENTHS, evaluation.LEAST)
            for of, part in zip(self.binned, found, strict=True)
        ]
        return Next({"phase": "count", "edges": edges, "judge": judge}, Text("bins found", "分箱完成"))

    def _after_count(self, total: Partial, state: State) -> Done:
        reference = None if self.reference is None else self.reference.study
        values, shown = evaluation.told(self._whole(total, state), self.binned, reference, self.judge)
        return Done(Result({"model": self.model.study, "method": self.model.method, **values}, shown))

    def _whole(self, total: Partial, state: State) -> Whole:
        return Whole(int(total["rows"]), int(total["out"]), total.fields, state["edges"], state["judge"])


METHOD = Evaluate
