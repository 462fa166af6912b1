"""Cox's proportional-hazards model, equal to the pooled fit: exact partial likelihood from sums over hospitals.

With `strata: node` each hospital keeps its own baseline hazard and works out its share of the likelihood by itself, so
that only a log-likelihood, its gradient and its information leave it. Otherwise the hospitals first agree on the times
at which patients died, and add up who is at risk at each of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field
from scipy import special

from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Curve, Exposure, Model, Result, Statistic
from huizhen.statistics import columns, design, keyed, moments, newton, ranking, standard, strata, survival, times
from huizhen.statistics.gathered import Gathered
from huizhen.statistics.leave_one_out import Baseline, baseline, of_cox, own_baseline
from huizhen.statistics.membership import attack_left_out, told
from huizhen.statistics.misfit import level

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

NUMBERS = 1 << 22
"""Numbers that a hospital sends at most in one round."""
CELLS = 1 << 20
"""Cells of the table of times by risk scores, from which the concordance is counted."""
BINS = 1 << 16


class Params(Document):
    duration: str
    event: str
    """1 (or true) where the event happened at the end of the duration, 0 where observation ended without it."""
    formula: str
    """Columns as in R, without a left side: 'age + C(sex)'. There is no intercept, whatever the formula says of it."""
    ties: survival.Ties = "efron"
    strata: str | tuple[str, ...] | None = None
    """'node': each hospital has its own baseline hazard. A column with levels, or several: each combination has."""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    tol: float = Field(default=1e-10, gt=0, le=1e-4)
    """How near to the maximum iteration ends, in standard errors."""
    max_iter: int = Field(default=25, ge=1, le=40)


class _Rows(NamedTuple):
    """A batch on the fitting scale: x (p, rows), eta, time, died, stratum (rows,)."""

    x: Floats
    eta: Floats
    time: Floats
    died: npt.NDArray[np.bool_]
    stratum: Counts


class Cox(Method):
    """Values: n, n_events, formula, ties, strata, coefficients (with hazard_ratio and its limits), confidence, loglik,
    loglik_null, likelihood_ratio (chi2, df, p), concordance (Harrell's, within strata) and concordance_tolerance,
    iterations, baseline_cumulative_hazard, mean_linear_predictor, membership (advantage and auc of an attack on who was
    in the fit), spreads (n, mean, sd of what scale() and its like rest on).

    The baseline is that of a patient with the mean of every column, as lifelines and R's basehaz give it: for each
    stratum with events its steps (time, cumulative hazard, at_risk, events). With `strata: node` it stays at hospitals.
    """

    name: ClassVar[str] = "cox"
    Params: ClassVar[type[Document]] = Params
    summary: ClassVar[Text] = Text("proportional-hazards regression of survival (Cox)", "比例风险生存回归（Cox 模型）")
    reveals: ClassVar[Text] = Text(
        "Count, mean and variance of each column, and how many values are of which size. With strata: node, per "
        "iteration only the log-likelihood, its gradient and the information matrix, then three counts of pairs, "
        "and how many rows have a loss of each of 1024 sizes, with the row in the fit and without it. "
        "Otherwise the distinct times of events, and at each of them, per iteration, sums of the columns over those at "
        "risk, from which, where few patients leave between two times, the columns of a single patient can be worked "
        "out, without a name; then how many die and leave at each time by risk score, and the losses as above.",
        "各列的计数、均值与方差，以及各数量级的个数。若 strata: node，每次迭代仅有对数似然、梯度与信息矩阵，最后是三个"
        "配对计数，以及 1024 档损失大小各自的行数（该行在拟合之内与之外）。否则还包括事件发生的不同时间点，"
        "以及每次迭代在各时间点上处于风险中的患者各列之和（当相邻两个时间点之间离开的患者很少时，"
        "可推算出单个患者的各列取值，但不含姓名）；最后是各时间点按风险评分的死亡与离开人数，以及上述损失计数。",
    )
    max_rounds: ClassVar[int] = 140
    memorises: ClassVar[bool] = False
    largest: ClassVar[float] = moments.LARGEST

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.p = cast(Params, params)
        self.duration = columns.duration(schema, self.p.duration)
        self.event = columns.event(schema, self.p.event)
        self.design = design.read_hazard(self.p.formula, schema)
        self.inner = design.inner(*self.design.expressions)
        given = (self.p.strata,) if isinstance(self.p.strata, str) else self.p.strata or ()
        self.local = "node" in given
        self.strata = strata.read([name for name in given if name != "node"], schema)
        self._check_names()

    @property
    def columns(self) -> tuple[str, ...]:
        used = [self.duration.name, self.event.name, *self.design.columns, *(c.name for c in self.strata.columns)]
        return tuple(dict.fromkeys(used))

    def start(self) -> State:
        return {"phase": "inner", "moments": moments.start(len(self.inner))} if self.inner else self._to_columns({})

    def partial(self, batch: Batch, state: State) -> Partial:
        sums: dict[str, Callable[[Batch, State], Partial]] = {
            "inner": self._inner_sums,
            "columns": self._column_sums,
            "times": self._time_sums,
            "fit": self._local_sums if self.local else self._fit_sums,
            "scores": self._score_sums,
            "pairs": self._local_pairs if self.local else self._pair_sums,
            "attack": self._attack_rows,
            "alone": self._local_sums,
        }
        return sums[state["phase"]](batch, state)

    def close(self, total: Partial, state: State) -> Partial:
        if state["phase"] == "alone" or (self.local and state["phase"] == "fit"):
            return self._close_fit(total)
        if self.local and state["phase"] == "pairs":
            pairs = ranking.harrell_by_key(total["key"], total["deaths"], total["others"])
            return Partial({"pairs": np.array(pairs, dtype=np.int64)})
        return Partial({"losses": self._local_losses(total, state)}) if state["phase"] == "attack" else total

    def combine(self, total: Partial, state: State) -> Next | Done:
        after: dict[str, Callable[[Partial, State], Next | Done]] = {
            "inner": self._after_inner,
            "columns": self._after_columns,
            "times": self._after_times,
            "fit": self._after_fit,
            "scores": self._after_scores,
            "pairs": self._after_pairs,
            "attack": self._after_pairs,
        }
        return after[state["phase"]](total, state)

    def alone(self, state: State) -> State:
        return {**state, "phase": "alone"}

    def misfit(self, total: Partial, state: State) -> int:  # noqa: ARG002
        """By the partial likelihood of these rows alone, so whatever the baseline hazard is here."""
        return level(total["score"], total["information"])

    # What a batch adds to the sums of each phase.

    def _inner_sums(self, batch: Batch, state: State) -> Partial:
        return Partial(moments.partial(standard.stack(self.inner, batch.columns, batch.rows), state["moments"]))

    def _column_sums(self, batch: Batch, state: State) -> Partial:
        rows = batch.columns
        x = self.design.matrix(rows, batch.rows, standard.spreads(self.inner, state))
        time = batch[self.duration.name]
        happened = columns.positions(self.event, batch[self.event.name])
        return Partial(
            {
                **moments.partial(x, state["moments"]),
                "outside": self.design.outside(rows),
                "outside_strata": np.asarray(self.strata.index(rows, batch.rows)[1]),
                "outside_event": (happened >= len(columns.levels(self.event))).sum(),
                "not_a_time": (~(np.isfinite(time) & (time >= 0))).sum(),
                "events": (batch[self.event.name] == 1).sum(),
            }
        )

    def _time_sums(self, batch: Batch, state: State) -> Partial:
        """Counts towards the distinct times of death, for each stratum whose times are not yet known."""
        stratum, _ = self.strata.index(batch.columns, batch.rows)
        died, time = batch[self.event.name] == 1, batch[self.duration.name]
        trees = state["trees"]
        return Partial({f"counts {s}": times.partial(time[died & (stratum == s)], trees[s]) for s in _open(trees)})

    def _scaled(self, batch: Batch, state: State) -> _Rows:
        x = self.design.matrix(batch.columns, batch.rows, standard.spreads(self.inner, state))
        x = standard.apply(x, state["scale"])
        eta = np.zeros(batch.rows)
        for b, column in zip(state["newton"]["beta"], x, strict=True):
            eta += b * column
        stratum, _ = self.strata.index(batch.columns, batch.rows)
        return _Rows(x, eta, batch[self.duration.name], batch[self.event.name] == 1, stratum)

    def _fit_sums(self, batch: Batch, state: State) -> Partial:
        x, eta, time, died, stratum = self._scaled(batch, state)
        place = survival.places(stratum, time, state["times"], state["first"])
        stray = died & ((place < 0) | (state["times"][place] != time))
        kept = np.flatnonzero((place >= 0) & ~stray)
        sums = survival.tally(place[kept], len(state["times"]), died[kept], x[:, kept], eta[kept])
        sums["fallen"] = sums["fallen"].sum(axis=0)
        return Partial({**sums, "rows": np.asarray(batch.rows), "stray": stray.sum(), "eta": survival.eta_sums(eta)})

    def _local_sums(self, batch: Batch, state: State) -> Partial:
        x, eta, time, died, stratum = self._scaled(batch, state)
        key, place = keyed.distinct(np.column_stack([stratum, time]))
        sums = survival.tally(place, len(key), died, x, eta)
        high = (np.abs(eta) > survival.LARGEST_ETA).astype(np.float64)
        sums["eta"] = survival.by_place(place, len(key), (eta, eta**2, high))
        return keyed.Keyed({"key": key, **sums})

    def _close_fit(self, total: Partial) -> Partial:
        first = np.searchsorted(total["key"][:, 0], np.arange(self.strata.count + 1))
        return Partial(survival.closed(total.fields, first, len(self.design.names), self.p.ties))

    def _score_sums(self, batch: Batch, state: State) -> Partial:
        eta = self._scaled(batch, state).eta
        return Partial({"counts": ranking.partial(ranking.grid(eta, *state["eta"]), state["ranking"])})

    def _pair_sums(self, batch: Batch, state: State) -> Partial:
        rows = self._scaled(batch, state)
        _, eta, time, died, stratum = rows
        edges = state["ranking"]["edges"]
        losses = of_cox(rows, Baseline(**state["baseline"]), state["inverse"])
        place = survival.places(stratum, time, state["times"], state["first"])
        cell = place * len(edges) + ranking.bins(ranking.grid(eta, *state["eta"]), edges)
        size = len(state["times"]) * len(edges)
        return Partial(
            {
                "deaths": np.bincount(cell[died & (place >= 0)], minlength=size),
                "others": np.bincount(cell[~died & (place >= 0)], minlength=size),
                "losses": losses.counts(1.0),
            }
        )

    def _local_pairs(self, batch: Batch, state: State) -> Partial:
        _, eta, time, died, stratum = self._scaled(batch, state)
        key = np.column_stack([stratum, time, ranking.grid(eta, *state["eta"])])
        return keyed.Keyed.of(key, {"deaths": died.astype(np.int64), "others": (~died).astype(np.int64)})

    def _attack_rows(self, batch: Batch, state: State) -> Partial:
        return Gathered({"rows": np.column_stack([part.T for part in self._scaled(batch, state)])})

    def _local_losses(self, total: Partial, state: State) -> Counts:
        """By this hospital's own baseline, which it works out anew."""
        *x, eta, time, died, stratum = total["rows"].T
        rows = _Rows(np.array(x), eta, time, died == 1, stratum.astype(np.int64))
        steps = own_baseline(rows, self.strata.count, self.p.ties)
        return of_cox(rows, steps, state["inverse"]).counts(1.0)

    # What follows from the sums over all hospitals.

    def _after_inner(self, total: Partial, state: State) -> Next:
        found = standard.refine(list(self.inner), dict(total.fields), state["moments"])
        if isinstance(found, dict):
            return Next({**state, "moments": found})
        return Next(self._to_columns({"inner": standard.after_inner(list(self.inner), found)}))

    def _to_columns(self, known: State) -> State:
        return {"phase": "columns", "moments": moments.start(len(self.design.names)), **known}

    def _after_columns(self, total: Partial, state: State) -> Next:
        self.design.check_inside(total["outside"])
        columns.check_inside(int(total["outside_strata"]), [c.name for c in self.strata.columns])
        columns.check_inside(int(total["outside_event"]), [self.event.name])
        if total["not_a_time"] > 0:
            raise survival.not_a_duration(self.duration.name)
        found = standard.refine(self.design.names, dict(total.fields), state["moments"])
        if isinstance(found, dict):
            return Next({**state, "moments": found})
        standard.check_rows(found.rows, len(self.design.names))
        if total["events"] == 0:
            raise survival.no_events()
        scale = standard.scale(self.design, found, centred=True)
        known = {"inner": state.get("inner"), "scale": scale, "newton": newton.start(np.zeros(len(self.design.names)))}
        return Next(
            {"phase": "fit", **known} if self.local else self._to_times(known), Text("Columns measured", "已测量各列")
        )

    def _to_times(self, known: State) -> State:
        kept = {name: known[name] for name in ("inner", "scale", "newton")}
        return {"phase": "times", "trees": [times.start() for _ in range(self.strata.count)], **kept}

    def _after_times(self, total: Partial, state: State) -> Next:
        trees = list(state["trees"])
        limit = NUMBERS // survival.width(len(self.design.names))
        for s in _open(trees):
            trees[s] = times.refine(total[f"counts {s}"], trees[s], limit=NUMBERS)
        if sum(len(t["found"]["image"]) + t["open"] if isinstance(t, dict) else len(t) for t in trees) > limit:
            raise survival.too_many_times(limit)
        if _open(trees):
            return Next({**state, "trees": trees}, Text("Finding the times of events", "正在确定事件发生的时间点"))
        if not any(len(t) for t in trees):
            raise survival.no_events()
        state = {k: v for k, v in state.items() if k != "trees"}
        first = np.cumsum([0, *(len(t) for t in trees)])
        return Next({**state, "phase": "fit", "times": np.concatenate(trees), "first": first})

    def _after_fit(self, total: Partial, state: State) -> Next | Done:
        standard.check_rows(int(total["rows"]), len(self.design.names))
        if total["deaths"].sum() == 0:
            raise survival.no_events()
        if not self.local and total["stray"] > 0:
            return Next(
                self._to_times(state), Text("Events were added; finding their times", "有新增事件，正在确定其时间点")
            )
        sums, p = total.fields, len(self.design.names)
        found = survival.opened(sums) if self.local else survival.likelihood(sums, state["first"], p, self.p.ties)
        rising = total["eta"][2] > 0
        at = newton.Evaluation(int(total["rows"]), -np.inf if rising else found.loglik, found.score, found.information)
        step = newton.advance(
            state["newton"], at, self.design.names,
            tol=self.p.tol, max_iter=self.p.max_iter, rising=newton.monotone,
        )  # fmt: skip
        if step is not None:
            iteration = step["iteration"]
            return Next({**state, "newton": step}, Text(f"Iteration {iteration}", f"第 {iteration} 次迭代"))
        fitted = {"rows": at.rows, "events": int(total["deaths"].sum()), "loglik": [found.loglik, found.null]}
        fitted |= {"hazard": found.hazard, "at_risk": found.at_risk}
        fitted |= {} if self.local else {"deaths": total["deaths"]}
        spread = survival.eta_spread(total["eta"], at.rows)
        state = {**state, "fitted": fitted, "eta": spread, "phase": "pairs" if self.local else "scores"}
        state["inverse"] = newton.inverse(found.information)
        if not self.local:
            steps = baseline(found, state["times"], total["deaths"], state["first"])
            state |= {"ranking": ranking.start(), "baseline": steps._asdict()}
        return Next(state, Text("Fitted; counting concordant pairs", "拟合完成；正在统计一致的配对"))

    def _after_scores(self, total: Partial, state: State) -> Next:
        limit = max(16, min(BINS, CELLS // len(state["times"])))
        found = ranking.refine(total["counts"], state["ranking"], limit)
        return Next({**state, "phase": "scores" if found["edges"] is None else "pairs", "ranking": found})

    def _after_pairs(self, total: Partial, state: State) -> Next | Done:
        if self.local:
            if state["phase"] == "attack":
                return Done(self._result(state, ranking.Pairs(*state["pairs"].tolist()), True, total["losses"]))
            return Next({**state, "phase": "attack", "pairs": total["pairs"]}, Text("Attacking it", "正在攻击"))
        edges, first = state["ranking"]["edges"], state["first"]
        cell = np.flatnonzero(total["deaths"] + total["others"])
        time, score = np.divmod(cell, len(edges))
        stratum = np.searchsorted(first, time, side="right") - 1
        pairs = ranking.harrell(stratum, time - first[stratum], score, total["deaths"][cell], total["others"][cell])
        return Done(self._result(state, pairs, state["ranking"]["exact"], total["losses"]))

    def _result(self, state: State, pairs: ranking.Pairs, exact: bool, losses: Counts) -> Result:
        fitted, p = state["fitted"], len(self.design.names)
        (loglik, null), baseline = fitted["loglik"], [] if self.local else self._baseline(state)
        ratio = 2 * (loglik - null)
        values = {
            "n": fitted["rows"],
            "n_events": fitted["events"],
            "formula": self.p.formula,
            "ties": self.p.ties,
            "strata": list(self.p.strata) if isinstance(self.p.strata, tuple) else self.p.strata,
            "coefficients": self._coefficients(state),
            "confidence": self.p.confidence,
            "loglik": loglik,
            "loglik_null": null,
            "likelihood_ratio": {"chi2": ratio, "df": p, "p": float(special.chdtrc(p, max(ratio, 0.0)))},
            "concordance": pairs.concordance,
            "concordance_tolerance": 0.0 if exact else pairs.tolerance,
            "iterations": int(state["newton"]["iteration"]),
            "baseline_cumulative_hazard": baseline,
            "mean_linear_predictor": standard.at_centre(state["scale"], state["newton"]["beta"]),
        }
        (spreads, spread), attacked = standard.told(self.inner, state), attack_left_out(losses)
        gained, rests = told(attacked, fitted["events"])
        shown: list[Exposure] = [Model(people=fitted["events"], parameters=p, membership=attacked), *rests, *spread]
        curves = (Curve(("baseline_cumulative_hazard", i, "steps")) for i in range(len(baseline)))
        shown += [Statistic((("mean_linear_predictor",),), fitted["rows"]), *curves]
        return Result(values | gained | spreads, tuple(shown))

    def _coefficients(self, state: State) -> list[dict[str, str | float | None]]:
        back = standard.back(self.design, state["scale"])
        covariance = back @ state["inverse"] @ back.T
        estimate = back @ state["newton"]["beta"]
        found = newton.coefficients(self.design.names, estimate, covariance, self.p.confidence)
        return [
            {**c, **survival.hazard_ratios(float(c["estimate"]), float(c["ci_low"]), float(c["ci_high"]))}
            for c in found
        ]

    def _baseline(self, state: State) -> list[dict[str, Any]]:
        fitted = state["fitted"]
        by_time = (state["times"], fitted["hazard"], fitted["at_risk"], fitted["deaths"])
        steps = [survival.steps(*(values[here] for values in by_time)) for here in survival.strata(state["first"])]
        labels = [self.strata.label(s) if self.strata.columns else None for s in range(len(steps))]
        return [{"stratum": label, "steps": own} for label, own in zip(labels, steps, strict=True) if own]

    def _check_names(self) -> None:
        columns.check_different([self.p.duration, self.p.event], "duration, event")
        both = {self.duration.name, self.event.name} & set(self.design.columns)
        if both:
            raise survival.outcome_in_formula(sorted(both)[0])


METHOD = Cox


def _open(trees: list[Any]) -> list[int]:
    """The strata whose times of events are not yet known."""
    return [s for s, tree in enumerate(trees) if isinstance(tree, dict)]
