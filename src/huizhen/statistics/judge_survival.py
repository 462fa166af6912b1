"""A model of survival, judged by who died and when: how well it ranks, and how near its risks at a horizon came.

Hospitals first agree on the times at which patients left. From how many left and died at each follow the probability
of being still observed, by which those who died before the horizon are weighted, and a one-column hazard model on the
linear predictor, whose coefficient is 1 where the model neither exaggerates nor understates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from huizhen.kit.errors import Unable
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.fitted import Fitted
from huizhen.model.method import State
from huizhen.model.result import Exposure, Statistic, Table
from huizhen.statistics import columns, curve, moments, newton, ranking, strata, survival, times
from huizhen.statistics.judged import Arrays, Bools, Counts, Floats, Outputs, Rows, Told, Whole
from huizhen.statistics.moments import Moments

CELLS = 1 << 17
"""Cells of the table of times by scores, from which the concordance is counted."""
RANKS = 1 << 12
FEWEST_RANKS = 16


class SurvivalJudge:
    """Implements `judged.Judge`. `strata` are the model's: only patients of one stratum are compared by concordance and
    calibration slope; AUC, Brier score and tenths are of the linear predictor whatever the stratum."""

    def __init__(self, model: Fitted, named: Mapping[str, str | None], horizon: float | None, schema: Schema) -> None:
        asked = model.params
        self.duration = columns.duration(schema, named["duration"] or asked["duration"])
        self.event = columns.event(schema, named["event"] or asked["event"])
        given = [asked["strata"]] if isinstance(asked["strata"], str) else list(asked["strata"] or ())
        self.local, self.ties = "node" in given, asked["ties"]
        self.strata = strata.read([name for name in given if name != "node"], schema)
        self.horizon = horizon
        self.centre = model.values.get("mean_linear_predictor")
        self.baseline = self._steps(model.values.get("baseline_cumulative_hazard") or [])

    def _steps(self, told: list[dict[str, Any]]) -> list[tuple[Floats, Floats] | None]:
        """By stratum, times and cumulative hazards as they were released; None where there are none."""
        by_label = {tuple((own["stratum"] or {}).items()): own["steps"] for own in told}
        labels = [self.strata.label(s) if self.strata.columns else {} for s in range(self.strata.count)]
        steps = [by_label.get(tuple(label.items())) for label in labels]
        return [
            None if not own else (np.array([s["time"] for s in own]), np.array([s["hazard"] for s in own]))
            for own in steps
        ]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.duration.name, self.event.name, *(c.name for c in self.strata.columns))

    def read(self, batch: Batch) -> tuple[Bools, Arrays]:
        time, happened = batch[self.duration.name], columns.positions(self.event, batch[self.event.name])
        there: Bools = ~np.isnan(time) & (happened < len(columns.levels(self.event)))
        for column in self.strata.columns:
            there &= columns.positions(column, batch[column.name]) < len(columns.levels(column))
        stratum, _ = self.strata.index(batch.columns, batch.rows)
        return there, {"time": time, "died": batch[self.event.name] == 1, "stratum": stratum}

    def score(self, outputs: Outputs, model: Batch, own: Arrays) -> tuple[Floats, Arrays]:  # noqa: ARG002
        return outputs["linear_predictor"], own

    # What is measured first.

    def start(self) -> State:
        return {"times": times.start(), "moments": moments.start(1)}

    def sums(self, rows: Rows, state: State) -> Arrays:
        if "grid" in state:
            return self._fit(rows, state)
        found: Arrays = {}
        if isinstance(state["times"], dict):
            found["times"] = times.partial(rows.own["time"], state["times"])
        if "shift" in state["moments"]:
            found |= {f"moments {k}": v for k, v in moments.partial(rows.score[None], state["moments"]).items()}
        return found

    def _fit(self, rows: Rows, state: State) -> Arrays:
        """The sums of one Newton step of the calibration, by stratum and time."""
        place, stray = self._place(rows, state)
        x = ((rows.score - state["mean"]) / state["sd"])[None]
        eta = float(state["newton"]["beta"][0]) * x[0]
        size = self.strata.count * len(state["grid"])
        sums = survival.tally(place, size, rows.own["died"], x, eta)
        return {**sums, "stray": stray.sum(), "eta": survival.eta_sums(eta)}

    def _place(self, rows: Rows, state: State) -> tuple[Counts, Bools]:
        """(rows,) where each row's stratum and time stand among all, and whose time was not there a round ago."""
        grid: Floats = state["grid"]
        at = np.minimum(np.searchsorted(grid, rows.own["time"]), len(grid) - 1)
        place: Counts = rows.own["stratum"] * len(grid) + at
        return place, grid[at] != rows.own["time"]

    def close(self, sums: Arrays, state: State) -> Arrays:
        if not self.local or "grid" not in state:
            return sums
        if "risk" in sums:
            first = np.arange(self.strata.count + 1) * len(state["grid"])
            own = survival.closed({**sums, "eta": sums["eta"][None]}, first, 1, self.ties)
            kept = {k: v for k, v in sums.items() if k not in ("risk", "dead", "fallen")}
            return kept | {k: own[k] for k in ("loglik", "score", "information")}
        pairs = _pairs(sums["pairs"].reshape(2, self.strata.count, len(state["grid"]), -1))
        return {**sums, "pairs": np.array(pairs, dtype=np.int64)}

    def refine(self, n: int, sums: Arrays, state: State) -> State:
        if "grid" in state:
            return self._after_fit(n, sums, state)
        known = dict(state)
        if "times" in sums:
            known["times"] = times.refine(sums["times"], state["times"])
        if "shift" in state["moments"]:
            found = moments.refine({k[8:]: v for k, v in sums.items() if k.startswith("moments ")}, state["moments"])
            spread = {"mean": float(found.mean[0]), "sd": float(found.sd()[0])} if isinstance(found, Moments) else found
            known["moments"] = spread
        if isinstance(known["times"], dict) or "shift" in known["moments"]:
            return known
        spread = known["moments"]
        unit = spread["sd"] if spread["sd"] > 0 else 1.0
        begun = newton.start(np.array([unit]))
        return {"grid": known["times"], "mean": spread["mean"], "sd": unit, "newton": begun}

    def _after_fit(self, n: int, sums: Arrays, state: State) -> State:
        if sums["stray"] > 0:
            raise times.rows_changed()
        first = np.arange(self.strata.count + 1) * len(state["grid"])
        found = survival.opened(sums) if self.local else survival.likelihood(sums, first, 1, self.ties)
        left, deaths = (sums[k].reshape(self.strata.count, -1).sum(axis=0) for k in ("left", "deaths"))
        if not deaths.sum():
            raise survival.no_events()
        loglik = -np.inf if sums["eta"][2] > 0 else found.loglik
        at, slope = newton.Evaluation(n, loglik, found.score, found.information), None
        try:
            step = newton.advance(
                state["newton"], at, ("linear_predictor",), tol=1e-9, max_iter=25, rising=newton.monotone
            )
            if step is not None:
                return {**state, "newton": step}
            slope = float(state["newton"]["beta"][0]) / state["sd"]
        except Unable:
            pass
        kept = {k: state[k] for k in ("grid", "mean", "sd")}
        return {"ready": True, **kept, "slope": slope, **self._horizon(state["grid"], left, deaths)}

    def _horizon(self, grid: Floats, left: Counts, deaths: Counts) -> State:
        """Where the risks are judged, who is still observed by then, and the released hazard of each stratum there."""
        half = grid[np.searchsorted(np.cumsum(deaths), deaths.sum() / 2)]
        horizon = float(half) if self.horizon is None else self.horizon
        risk = curve.at_risk(left)
        still = np.cumprod(1 - (left - deaths) / np.maximum(risk - deaths, 1))
        upto = grid <= horizon
        hazard = [None if own is None else float(_at(own, horizon)) for own in self.baseline]
        known = self.centre is not None and not self.local and None not in hazard
        return {
            "horizon": horizon,
            "seen": np.where(upto, still, 1.0),
            "seen_at": float(still[upto][-1]) if upto.any() else 1.0,
            "hazard": np.array(hazard if known else [], dtype=np.float64),
        }

    # The last pass.

    def count(self, rows: Rows, place: Counts, size: int, state: State) -> Arrays:
        grid, horizon = state["grid"], state["horizon"]
        cell, stray = self._place(rows, state)
        at = cell % len(grid)
        late = rows.own["time"] > horizon
        early = rows.own["died"] & ~late
        weight = np.where(early, 1 / np.maximum(state["seen"][at], 1e-300), 0.0)
        ranks = max(FEWEST_RANKS, min(RANKS, CELLS // (len(grid) * self.strata.count)))
        marks = ranking.grid(rows.score, state["mean"], state["sd"])
        rank, fine = (ranking.bins(marks, 1 + np.arange(k) / k) for k in (ranks, RANKS))
        pairs = (cell * ranks + rank) + len(grid) * self.strata.count * ranks * ~rows.own["died"]
        upto = int((grid <= horizon).sum())
        leaving = place * (upto + 1) + np.minimum(at, upto)
        died = rows.own["died"] & (at < upto)
        sums: Arrays = {
            "stray": stray.sum(),
            "pairs": np.bincount(pairs, minlength=2 * len(grid) * self.strata.count * ranks),
            "early": np.bincount(fine, weight, minlength=RANKS).astype(np.float64),
            "late": np.bincount(fine[late], minlength=RANKS),
            "leaving": np.bincount(leaving, minlength=size * (upto + 1)).reshape(size, -1),
            "dying": np.bincount(leaving[died], minlength=size * (upto + 1)).reshape(size, -1),
            "cases": np.array([rows.own["died"].sum(), (~rows.own["died"]).sum()]),
        }
        if len(state["hazard"]):
            risk = self._risk(rows, state)
            squares = weight * (1 - risk) ** 2 + late * risk**2 / max(state["seen_at"], 1e-300)
            sums["predicted"] = np.bincount(place, risk, minlength=size).astype(np.float64)
            sums["squares"] = np.asarray(squares.sum())
        return sums

    def _risk(self, rows: Rows, state: State) -> Floats:
        hazard = state["hazard"][rows.own["stratum"]]
        risk: Floats = -np.expm1(-hazard * np.exp(np.minimum(rows.score - float(self.centre or 0.0), 700.0)))
        return risk

    def _by_then(self, whole: Whole) -> tuple[Counts, Counts]:
        """By bin of the score, who had died by the horizon, and who was still observed after it."""
        return whole.sums["dying"].sum(axis=1), whole.sums["leaving"][:, -1]

    def rarer(self, whole: Whole) -> tuple[Counts, Counts] | None:
        return self._by_then(whole)

    def figures(self, whole: Whole) -> tuple[dict[str, Any], int]:
        if whole.sums["stray"] > 0:
            raise times.rows_changed()
        sums, state = whole.sums, whole.judge
        pairs = sums["pairs"]
        shape = (2, self.strata.count, len(state["grid"]), -1)
        found = ranking.Pairs(*pairs.tolist()) if self.local else _pairs(pairs.reshape(shape))
        early, late = sums["early"], sums["late"]
        below, ties = float(early @ (np.cumsum(late) - late)), float(early @ late)
        every = float(early.sum()) * int(late.sum())
        dead, left = self._by_then(whole)
        told: dict[str, Any] = {
            "concordance": found.concordance,
            "concordance_tolerance": found.tolerance,
            "auc": (below + ties / 2) / every if every else None,
            "auc_tolerance": ties / 2 / every if every else 0.0,
            "observed": _died(sums["leaving"].sum(axis=0), sums["dying"].sum(axis=0)),
        }
        if len(state["hazard"]):
            told["predicted"] = float(sums["predicted"].sum()) / whole.n
            told["brier"] = float(sums["squares"]) / whole.n
        return told, int(min(dead.sum(), left.sum()))

    def told(self, whole: Whole, groups: Sequence[Sequence[int]]) -> Told:
        found, least = self.figures(whole)
        sums, state = whole.sums, whole.judge
        values: dict[str, Any] = {
            "duration": self.duration.name,
            "event": self.event.name,
            "unit": self.duration.unit,
            "cases": sums["cases"].tolist(),
            "horizon": state["horizon"],
            **found,
            "calibration": {"slope": state["slope"]},
        }
        chosen = (("horizon",),) if self.horizon is None else ()
        shown: list[Exposure] = [
            Table(("cases",), ((("n",), None),)),
            Statistic((*((k,) for k in found), *chosen, ("calibration", "slope")), least),
        ]
        tenths: dict[str, list[float]] = {k: [] for k in ("observed", "predicted") if k in found}
        for i, group in enumerate(map(list, groups)):
            leaving, dying = (sums[k][group].sum(axis=0) for k in ("leaving", "dying"))
            tenths["observed"].append(_died(leaving, dying))
            if "predicted" in found:
                tenths["predicted"].append(float(sums["predicted"][group].sum()) / max(int(leaving.sum()), 1))
            people = int(min(dying.sum(), leaving[-1]))
            shown.append(Statistic(tuple(("tenths", k, i) for k in tenths), people))
        return values | {"tenths": tenths}, tuple(shown)


def _at(steps: tuple[Floats, Floats], horizon: float) -> float:
    """The cumulative hazard of a step curve at a time; 0 before its first step."""
    place = int(np.searchsorted(steps[0], horizon, side="right")) - 1
    return float(steps[1][place]) if place >= 0 else 0.0


def _died(leaving: Counts, dying: Counts) -> float:
    """One less the product-limit estimate at the horizon; (times + 1,) each, the last of those beyond it."""
    risk = curve.at_risk(leaving)
    return float(1 - np.prod(1 - dying / np.maximum(risk, 1)))


def _pairs(by: Counts) -> ranking.Pairs:
    """Harrell's pairs from (2, strata, times, ranks) deaths and others."""
    stratum, time, score = np.nonzero(by.sum(axis=0))
    return ranking.harrell(stratum, time, score, by[0, stratum, time, score], by[1, stratum, time, score])
