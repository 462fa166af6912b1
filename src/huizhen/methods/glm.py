"""Generalised linear models, equal to the pooled fit: Newton's method (IRLS) on sums over hospitals.

Gaussian, binomial and Poisson families with their canonical links, offset, ridge; what statsmodels' GLM reports, with
R squared for gaussian, and accuracy and the area under the ROC curve for binomial.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Membership, Model, Result
from huizhen.statistics import design, expression, family, misfit, moments, newton, outcome, ranking, standard
from huizhen.statistics.leave_one_out import of_glm
from huizhen.statistics.membership import attack_left_out, told

Floats = npt.NDArray[np.float64]
Fields = dict[str, npt.NDArray[Any]]

BLOCK = 1 << 14
"""Rows worked on at once, so that they stay in the processor's cache."""
BINS = 1 << 16
"""Distinct scores up to which the area under the ROC curve is exact."""
PERFECT = 1e-20
"""A gaussian fit that leaves less than this share of the variance leaves nothing to measure errors by."""


class Params(Document):
    formula: str
    """Outcome and predictors, for example 'y ~ age + C(sex)'. A binomial outcome is 0/1, or a category with two
    levels, of which the second is the one modelled."""
    family: family.Family
    offset: str | None = None
    """A column, or an expression such as log(person_years), that enters with coefficient 1."""
    ridge: float = Field(default=0.0, ge=0)
    """Adds ridge / 2 * sum(b^2), over all coefficients but the intercept in the columns' own units, to the negative
    log-likelihood (gaussian: to half the residual sum of squares). So ridge is sklearn's Ridge(alpha), 1 / C of its
    LogisticRegression, and n times the alpha of its PoissonRegressor. Standard errors are then those of the penalised
    estimate, without its bias."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    tol: float = Field(default=1e-10, gt=0, le=1e-4)
    """How near to the maximum iteration ends, in standard errors."""
    max_iter: int = Field(default=25, ge=1, le=40)


class _Block(NamedTuple):
    """Some rows: the design (p, rows), outcome and offset."""

    x: Floats
    y: Floats
    offset: Floats | float


class Glm(Method):
    """Values: n, family, formula, outcome, coefficients, confidence, loglik, deviance, null_deviance, aic, bic,
    dispersion, df_resid, iterations; for gaussian r_squared; for binomial auc, auc_tolerance and accuracy (at a
    predicted risk of one half); membership (advantage and auc of an attack on who was in the fit); spreads (n, mean,
    sd of what scale() and its like in the formula rest on).

    As in statsmodels' GLM: z statistics and normal limits for every family; the gaussian dispersion is the residual
    variance with n - p below, its log-likelihood that at the variance with n below; the null model has an intercept
    (and the offset) only. A row is left out when any column used has no value.
    """

    name: ClassVar[str] = "glm"
    Params: ClassVar[type[Document]] = Params
    summary: ClassVar[Text] = Text(
        "generalised linear model: linear, logistic, Poisson", "广义线性模型：线性、逻辑、泊松"
    )
    reveals: ClassVar[Text] = Text(
        "Count, mean and variance of the outcome and of each column of the design, and how many values are of which "
        "size; at each iteration the deviance, its gradient and the information matrix; how many rows have a loss of "
        "each of 1024 sizes, with the row in the fit and without it; for a 0/1 outcome also how many rows have each "
        "outcome at each distinct predicted risk, which where few rows share a risk comes near to "
        "a list of single risks without names.",
        "结局及设计矩阵各列的计数、均值与方差，以及各数量级的个数；每次迭代的偏差、梯度与信息矩阵；1024 "
        "档损失大小各自的"
        "行数（该行在拟合之内与之外）；若结局为 0/1，还包括"
        "每个不同预测风险处两种结局的行数（当很少行共享同一风险时，近似于一份不含姓名的单个风险清单）。",
    )
    max_rounds: ClassVar[int] = 100
    memorises: ClassVar[bool] = False
    largest: ClassVar[float] = moments.LARGEST

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.p = cast(Params, params)
        left, self.design = design.read(self.p.formula, schema)
        self.outcome = outcome.read(left, schema, self.p.family)
        self.offset = None if self.p.offset is None else expression.read(self.p.offset, schema)
        parts = (*self.design.expressions, self.outcome.expression, self.offset)
        self.inner = design.inner(*(e for e in parts if e is not None))

    @property
    def columns(self) -> tuple[str, ...]:
        offset = () if self.offset is None else self.offset.columns
        return tuple(dict.fromkeys([*self.outcome.columns, *self.design.columns, *offset]))

    def start(self) -> State:
        return {"phase": "inner", "moments": moments.start(len(self.inner))} if self.inner else self._to_columns({})

    def partial(self, batch: Batch, state: State) -> Partial:
        if state["phase"] == "scores":
            marks = [self._marks(batch, a, state) for a in _starts(batch)]
            return Partial({"counts": ranking.partial(np.concatenate(marks), state["ranking"])})
        of_block = {
            "inner": self._inner_sums,
            "columns": self._column_sums,
            "fit": self._fit_sums,
            "roc": self._roc_sums,
            "attack": self._attack_sums,
        }[state["phase"]]
        blocks = [of_block(batch, a, state) for a in _starts(batch)]
        return Partial({name: np.sum([block[name] for block in blocks], axis=0) for name in blocks[0]})

    def combine(self, total: Partial, state: State) -> Next | Done:
        return {
            "inner": self._after_inner,
            "columns": self._after_columns,
            "fit": self._after_fit,
            "scores": self._after_scores,
            "roc": self._after_attack,
            "attack": self._after_attack,
        }[state["phase"]](total, state)

    def misfit(self, total: Partial, state: State) -> int:
        return misfit.of_glm(total.fields, state, self._penalty(state), self.p.family == "gaussian")

    # What a block of rows adds to the sums of each phase.

    def _rows(self, batch: Batch, start: int) -> tuple[int, dict[str, npt.NDArray[Any]]]:
        end = min(start + BLOCK, batch.rows)
        return end - start, {name: batch[name][start:end] for name in self.columns}

    def _inner_sums(self, batch: Batch, start: int, state: State) -> Fields:
        n, rows = self._rows(batch, start)
        return moments.partial(standard.stack(self.inner, rows, n), state["moments"])

    def _block(self, batch: Batch, start: int, state: State) -> _Block:
        """Design, outcome and offset in their own units."""
        n, rows = self._rows(batch, start)
        spreads = standard.spreads(self.inner, state)
        x = self.design.matrix(rows, n, spreads)
        y = self.outcome(rows, spreads)
        return _Block(x, y, 0.0 if self.offset is None else self.offset(rows, spreads))

    def _column_sums(self, batch: Batch, start: int, state: State) -> Fields:
        block = self._block(batch, start, state)
        fit = self.p.family
        y = block.y - block.offset if fit == "gaussian" else block.y
        extra = [y] if self.offset is None else [y, block.offset]
        return {
            **moments.partial(np.vstack([block.x, *extra]), state["moments"]),
            "outside": self.design.outside(self._rows(batch, start)[1]),
            "impossible": np.asarray(family.outside(fit, block.y)),
        }

    def _scaled(self, batch: Batch, start: int, state: State) -> _Block:
        """Design, outcome and offset on the fitting scale; a gaussian offset has gone into the outcome."""
        x, y, offset = self._block(batch, start, state)
        x = standard.apply(x, state["scale"])
        if self.p.family == "gaussian":
            y, offset = (y - offset - state["outcome_centre"]) / state["outcome_size"], 0.0
        return _Block(x, y, offset)

    def _fit_sums(self, batch: Batch, start: int, state: State) -> Fields:
        x, y, offset = self._scaled(batch, start, state)
        eta, over = family.bounded(self.p.family, state["newton"]["beta"] @ x + offset)
        unit = family.unit(self.p.family, y, eta)
        sums = {
            "rows": np.asarray(len(y)),
            "over": np.asarray(over),
            "deviance": unit.deviance.sum(),
            "score": x @ unit.residual,
            "information": (x if self.p.family == "gaussian" else x * unit.weight) @ x.T,
        }
        if state["null_deviance"] is None:
            null = family.unit(self.p.family, y, family.bounded(self.p.family, state["null"] + offset)[0])
            saturated = family.saturated(self.p.family, y)
            sums["null"] = np.array([null.deviance.sum(), null.residual.sum(), null.weight.sum(), saturated])
        if self.p.family == "binomial":
            sums["eta"] = np.array([eta.sum(), eta @ eta])
            sums["right"] = ((eta > 0) == (y == 1)).sum()
            sums["positive"] = (y == 1).sum()
        return sums

    def _marks(self, batch: Batch, start: int, state: State) -> Floats:
        """Scores added column by column, so that equal rows have equal scores wherever they lie."""
        x, _, offset = self._scaled(batch, start, state)
        eta = np.zeros(x.shape[1]) + offset
        for b, column in zip(state["newton"]["beta"], x, strict=True):
            eta += b * column
        return ranking.grid(eta, *state["fitted"]["eta"])

    def _roc_sums(self, batch: Batch, start: int, state: State) -> Fields:
        edges = state["ranking"]["edges"]
        place = ranking.bins(self._marks(batch, start, state), edges)
        y = self._block(batch, start, state).y
        return {
            "positive": np.bincount(place[y == 1], minlength=len(edges)),
            "negative": np.bincount(place[y == 0], minlength=len(edges)),
            **self._attack_sums(batch, start, state),
        }

    def _attack_sums(self, batch: Batch, start: int, state: State) -> Fields:
        x, y, offset = self._scaled(batch, start, state)
        eta, _ = family.bounded(self.p.family, state["newton"]["beta"] @ x + offset)
        losses = of_glm(self.p.family, x, y, eta, state["fitted"]["inverse"])
        return {"losses": losses.counts(float(np.sqrt(state["fitted"]["deviance"] / state["fitted"]["n"])))}

    # What follows from the sums over all hospitals.

    def _after_inner(self, total: Partial, state: State) -> Next:
        found = standard.refine(list(self.inner), dict(total.fields), state["moments"])
        if isinstance(found, dict):
            return Next({**state, "moments": found})
        return Next(self._to_columns({"inner": standard.after_inner(list(self.inner), found)}))

    def _to_columns(self, known: State) -> State:
        size = len(self.design.names) + (1 if self.offset is None else 2)
        return {"phase": "columns", "moments": moments.start(size, self.design.intercept), **known}

    def _after_columns(self, total: Partial, state: State) -> Next:
        p = len(self.design.names)
        self.design.check_inside(total["outside"])
        names = [*self.design.names, self.outcome.name, *([] if self.p.offset is None else [self.p.offset])]
        found = standard.refine(names, dict(total.fields), state["moments"])
        if isinstance(found, dict):
            return Next({**state, "moments": found})
        standard.check_rows(found.rows, p)
        self.outcome.check(self.p.family, int(total["impossible"]), bool(standard.constant(found)[p]))
        centred = self.design.intercept is not None
        scale = standard.scale(self.design, found, centred)
        mean, size = float(found.mean[p]), float(found.sd()[p])
        gaussian = self.p.family == "gaussian"
        shift = 0.0 if gaussian or self.offset is None else float(found.mean[p + 1])
        null = 0.0 if gaussian and centred else family.link(self.p.family, mean) - shift
        beta = np.zeros(p)
        if self.design.intercept is not None:
            beta[self.design.intercept] = null
        state = {
            "phase": "fit",
            "inner": state.get("inner"),
            "scale": scale,
            "outcome_centre": mean if centred else 0.0,
            "outcome_size": size if gaussian else 1.0,
            "newton": newton.start(beta),
            "null": null / size if gaussian else null,
            "null_rows": 0,
            "null_steps": 0,
            "null_deviance": None,
            "saturated": 0.0,
        }
        return Next(state, Text("Columns measured", "已测量各列"))

    def _after_fit(self, total: Partial, state: State) -> Next | Done:
        standard.check_rows(int(total["rows"]), len(self.design.names))
        state = _advance_null(total, state, self.p.family, self.p.tol)
        at, information = self._evaluation(total, state)
        step = newton.advance(
            state["newton"], at, self.design.names,
            tol=self.p.tol, max_iter=self.p.max_iter, rising=newton.separation,
        )  # fmt: skip
        if step is not None or state["null_deviance"] is None:
            iteration = state["newton"]["iteration"] + 1
            known = state["newton"] if step is None else step
            return Next({**state, "newton": known}, Text(f"Iteration {iteration}", f"第 {iteration} 次迭代"))
        n = int(total["rows"])
        fitted: State = {"n": n, "deviance": float(total["deviance"]), "information": information}
        fitted["inverse"] = newton.inverse(information + np.diag(self._penalty(state)))
        if self.p.family != "binomial":
            return Next(
                {**state, "phase": "attack", "fitted": fitted}, Text("Fitted; attacking it", "拟合完成；正在攻击")
            )
        mean = float(total["eta"][0]) / n
        sd = float(np.sqrt(max(float(total["eta"][1]) / n - mean**2, 0.0)))
        fitted |= {"eta": [mean, sd], "right": int(total["right"]), "positive": int(total["positive"])}
        state = {**state, "phase": "scores", "fitted": fitted, "ranking": ranking.start()}
        return Next(state, Text("Fitted; ranking the predicted risks", "拟合完成；正在对预测风险排序"))

    def _evaluation(self, total: Partial, state: State) -> tuple[newton.Evaluation, Floats]:
        """The penalised log-likelihood at this beta, and the information without the penalty."""
        n, deviance = int(total["rows"]), float(total["deviance"])
        dispersion = deviance / n if self.p.family == "gaussian" else 1.0
        if dispersion < PERFECT:
            raise _perfect(self.outcome.name)
        beta, penalty = state["newton"]["beta"], self._penalty(state)
        loglik = -(deviance + float(penalty @ beta**2)) / 2 if int(total["over"]) == 0 else -np.inf
        at = newton.Evaluation(
            rows=n,
            loglik=loglik,
            score=(total["score"] - penalty * beta) / dispersion,
            information=(total["information"] + np.diag(penalty)) / dispersion,
        )
        return at, total["information"]

    def _penalty(self, state: State) -> Floats:
        penalty: Floats = self.p.ridge / state["scale"]["size"] ** 2
        if self.design.intercept is not None:
            penalty[self.design.intercept] = 0.0
        return penalty

    def _after_scores(self, total: Partial, state: State) -> Next:
        found = ranking.refine(total["counts"], state["ranking"], BINS)
        return Next({**state, "phase": "scores" if found["edges"] is None else "roc", "ranking": found})

    def _after_attack(self, total: Partial, state: State) -> Done:
        pairs = ranking.roc(total["negative"], total["positive"]) if state["phase"] == "roc" else None
        return Done(self._result(state, pairs, attack_left_out(total["losses"])))

    def _result(self, state: State, pairs: ranking.Pairs | None, attacked: Membership | None) -> Result:
        fitted, p = state["fitted"], len(self.design.names)
        n, unit = fitted["n"], state["outcome_size"] ** 2
        deviance, null_deviance = fitted["deviance"] * unit, state["null_deviance"] * unit
        dispersion = deviance / (n - p) if self.p.family == "gaussian" else 1.0
        loglik = family.loglik(self.p.family, deviance, n, state["saturated"])
        values: dict[str, Any] = {
            "n": n,
            "family": self.p.family,
            "formula": self.p.formula,
            "outcome": self.outcome.name,
            "coefficients": self._coefficients(state, dispersion),
            "confidence": self.p.confidence,
            "loglik": loglik,
            "deviance": deviance,
            "null_deviance": null_deviance,
            "aic": 2 * p - 2 * loglik,
            "bic": float(np.log(n)) * p - 2 * loglik,
            "dispersion": dispersion,
            "df_resid": n - p,
            "iterations": int(state["newton"]["iteration"]),
        }
        people = n
        if self.p.family == "gaussian":
            values["r_squared"] = 1 - deviance / null_deviance
        if pairs is not None:
            people = min(fitted["positive"], n - fitted["positive"])
            values |= {
                "auc": pairs.concordance,
                "auc_tolerance": 0.0 if state["ranking"]["exact"] else pairs.tolerance,
                "accuracy": fitted["right"] / n,
            }
        spreads, shown = standard.told(self.inner, state)
        gained, rests = told(attacked, people)
        model = Model(people=people, parameters=p, membership=attacked)
        return Result(values | gained | spreads, (model, *rests, *shown))

    def _coefficients(self, state: State, dispersion: float) -> list[dict[str, str | float]]:
        information = state["fitted"]["information"]
        unit = state["outcome_size"]
        bread = state["fitted"]["inverse"]
        covariance = bread @ information @ bread if self.p.ridge else bread
        back = standard.back(self.design, state["scale"])
        estimate = back @ state["newton"]["beta"] * unit
        if self.p.family == "gaussian" and self.design.intercept is not None:
            estimate[self.design.intercept] += state["outcome_centre"]
        covariance = back @ covariance @ back.T * dispersion
        return newton.coefficients(self.design.names, estimate, covariance, self.p.confidence)


METHOD = Glm


def _starts(batch: Batch) -> range:
    return range(0, max(batch.rows, 1), BLOCK)


def _advance_null(total: Partial, state: State, kind: family.Family, tol: float) -> State:
    """One Newton step of the model with an intercept only, until it stands still; anew when rows left or joined."""
    rows = int(total["rows"])
    if state["null_deviance"] is not None:
        return state if rows == state["null_rows"] else {**state, "null_deviance": None}
    deviance, score, information, saturated = total["null"].tolist()
    dispersion = deviance / rows if kind == "gaussian" else 1.0
    if not information > 0 or state["null_steps"] > newton.MOST_EVALUATIONS:
        raise newton.no_convergence()
    if score**2 <= max(tol, 1e-10) ** 2 * information * dispersion:
        return {**state, "null_deviance": deviance, "null_rows": rows, "saturated": saturated}
    return {**state, "null": state["null"] + score / information, "null_steps": state["null_steps"] + 1}


def _perfect(name: str) -> Unable:
    return Unable(
        "perfect-fit",
        Text(
            f"The formula gives {name} exactly, so that no error is left to measure.",
            f"公式恰好等于 {name}，没有误差可供估计。",
        ),
        Text("Leave out the columns that the outcome was computed from.", "请去掉用于计算该结局的列。"),
    )
