"""How good a released model of survival is on other rows: beside lifelines, and formulas written out, pooled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.datasets import load_gbsg2
from lifelines.utils import concordance_index

from drive import Trace, batch_of, build, hospitals, node_partial, schema_of, trace
from guarding import census, limits
from huizhen.kit.errors import BadInput
from huizhen.model.tally import Own
from huizhen.path.guard import guard_result
from huizhen.privacy.noise import OpenDpNoise
from released import fitted, outcome, profile

GBSG2 = load_gbsg2()
OLD, NEW = GBSG2.iloc[:400], GBSG2.iloc[400:]
FIT = {"duration": "time", "event": "cens", "formula": "horTh + age + log(pnodes)"}
PLAIN = outcome("cox", OLD, **FIT)
BY_GRADE = outcome("cox", OLD, **FIT, strata="tgrade")
OWN = outcome("cox", OLD, **FIT, strata="node")
HORIZON = 1000.0


def evaluated(found: dict[str, Any], frame: pd.DataFrame = NEW, **params: Any) -> Trace:
    return trace("evaluate", {"model": fitted(found), **params}, schema_of(GBSG2), hospitals(frame))


def predictor(found: dict[str, Any], frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    b = {c["name"]: c["estimate"] for c in found["result"]["coefficients"]}
    linear = b["horTh[T.yes]"] * (frame.horTh == "yes") + b["age"] * frame.age + b["log(pnodes)"] * np.log(frame.pnodes)
    return linear.to_numpy(float)


def risk(found: dict[str, Any], frame: pd.DataFrame, horizon: float) -> np.ndarray[Any, Any]:
    def hazard(steps: list[dict[str, Any]]) -> float:
        return max((s["hazard"] for s in steps if s["time"] <= horizon), default=0.0)

    told = {(b["stratum"] or {}).get("tgrade"): hazard(b["steps"])
            for b in found["result"]["baseline_cumulative_hazard"]}  # fmt: skip
    base = np.array([told[None] if None in told else told[g] for g in frame.tgrade])
    return 1 - np.exp(-base * np.exp(predictor(found, frame) - found["result"]["mean_linear_predictor"]))


def still_observed(frame: pd.DataFrame, at: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The product-limit estimate of not being censored; who dies at a time is not at risk of being censored then."""
    found = np.ones(len(at))
    for t in np.unique(frame.time):
        left = ((frame.time > t) | ((frame.time == t) & (frame.cens == 0))).sum()
        gone = ((frame.time == t) & (frame.cens == 0)).sum()
        found *= np.where(at >= t, 1 - gone / max(left, 1), 1.0)
    return found


def test_the_mean_linear_predictor_is_that_of_the_patient_whom_the_baseline_is_of() -> None:
    rows = pd.DataFrame({"yes": OLD.horTh == "yes", "age": OLD.age, "nodes": np.log(OLD.pnodes)}).astype(float)
    theirs = CoxPHFitter().fit(rows.assign(time=OLD.time, cens=OLD.cens), "time", "cens")
    assert PLAIN["result"]["mean_linear_predictor"] == pytest.approx(theirs.params_ @ rows.mean(), rel=1e-6)
    assert 1 - risk(PLAIN, NEW, HORIZON) == pytest.approx(
        theirs.predict_survival_function(
            pd.DataFrame({"yes": NEW.horTh == "yes", "age": NEW.age, "nodes": np.log(NEW.pnodes)}).astype(float),
            times=[HORIZON],
        ).to_numpy()[0],
        abs=5e-3,  # of tied deaths lifelines has Breslow's baseline, we Efron's
    )


@pytest.mark.parametrize("found", [PLAIN, BY_GRADE, OWN], ids=["plain", "by grade", "own baselines"])
def test_concordance_and_slope_are_those_of_the_pooled_rows(found: dict[str, Any]) -> None:
    values, eta = evaluated(found).result.values, predictor(found, NEW)
    assert values["cases"] == [int(NEW.cens.sum()), int((1 - NEW.cens).sum())]
    rows = NEW[["time", "cens"]].assign(eta=eta)
    if found is BY_GRADE:
        rows, strata = rows.assign(stratum=NEW.tgrade), ["stratum"]
    elif found is OWN:
        rows = rows.assign(stratum=pd.concat([p.time * 0 + i for i, p in enumerate(hospitals(NEW))]))
        strata = ["stratum"]
    else:
        strata = None
    theirs = CoxPHFitter().fit(rows, "time", "cens", strata=strata)
    assert values["calibration"]["slope"] == pytest.approx(theirs.params_["eta"], rel=1e-6)
    if found is PLAIN:
        exact = concordance_index(NEW.time, -eta, NEW.cens)
        assert values["concordance"] == pytest.approx(exact, abs=values["concordance_tolerance"] + 1e-12)
        assert values["concordance_tolerance"] < 0.02
    assert ("brier" in values) == (found is not OWN)


@pytest.mark.parametrize("found", [PLAIN, BY_GRADE], ids=["plain", "by grade"])
def test_brier_score_and_auc_at_the_horizon_are_the_weighted_ones_of_the_pooled_rows(found: dict[str, Any]) -> None:
    values = evaluated(found, horizon=HORIZON).result.values
    p, eta = risk(found, NEW, HORIZON), predictor(found, NEW)
    early, late = ((NEW.cens == 1) & (NEW.time <= HORIZON)).to_numpy(), (NEW.time > HORIZON).to_numpy()
    weight = early / np.maximum(still_observed(NEW, NEW.time.to_numpy()), 1e-9)
    brier = weight * (1 - p) ** 2 + late * p**2 / still_observed(NEW, np.array([HORIZON]))
    assert (values["horizon"], values["unit"]) == (HORIZON, None)
    assert values["brier"] == pytest.approx(brier.mean(), rel=1e-9)
    assert values["predicted"] == pytest.approx(p.mean(), rel=1e-9)
    above = (eta[:, None] > eta[None, :]) + 0.5 * (eta[:, None] == eta[None, :])
    pairs = weight[:, None] * late[None, :]
    assert values["auc"] == pytest.approx((above * pairs).sum() / pairs.sum(), abs=values["auc_tolerance"] + 1e-12)
    assert values["auc_tolerance"] < 0.005
    curve = KaplanMeierFitter().fit(NEW.time, NEW.cens)
    assert values["observed"] == pytest.approx(1 - curve.predict(HORIZON), rel=1e-9)


def test_by_tenths_predicted_and_observed_risk_are_those_of_the_rows_in_them() -> None:
    values, eta = evaluated(PLAIN, horizon=HORIZON).result.values, predictor(PLAIN, NEW)
    place = np.searchsorted(values["profile"]["score"]["edges"], eta, side="right")
    assert len(values["tenths"]["observed"]) == len(values["profile"]["score"]["counts"]) >= 3
    for i, observed in enumerate(values["tenths"]["observed"]):
        rows = NEW[place == i]
        curve = KaplanMeierFitter().fit(rows.time, rows.cens)
        assert observed == pytest.approx(1 - curve.predict(HORIZON), rel=1e-9)
        assert values["tenths"]["predicted"][i] == pytest.approx(risk(PLAIN, rows, HORIZON).mean(), rel=1e-9)
        assert ((rows.cens == 1) & (rows.time <= HORIZON)).sum() >= 10 <= (rows.time > HORIZON).sum()


def test_without_a_horizon_it_is_where_half_of_the_events_have_happened() -> None:
    values = evaluated(PLAIN).result.values
    died = np.sort(NEW.time[NEW.cens == 1])
    assert (died <= values["horizon"]).mean() >= 0.5 > (died < values["horizon"]).mean()


def test_columns_of_another_name_are_named_and_rows_without_an_outcome_are_left_out() -> None:
    frame = NEW.assign(days=NEW.time.where(NEW.age > 40), dead=NEW.cens).drop(columns=["time", "cens"])
    params = {"model": fitted(PLAIN), "duration": "days", "event": "dead", "horizon": HORIZON}
    values = trace("evaluate", params, schema_of(frame), hospitals(frame)).result.values
    assert (values["n"], values["left_out"]) == ((NEW.age > 40).sum(), (NEW.age <= 40).sum())
    assert values["brier"] == pytest.approx(evaluated(PLAIN, NEW[NEW.age > 40], horizon=HORIZON).result.values["brier"])


def test_drift_small_cells_and_own_figures_are_as_for_any_model() -> None:
    then = evaluated(PLAIN, OLD).result.values
    params = {"reference": profile(then), "horizon": HORIZON}
    seen = evaluated(PLAIN, NEW.assign(age=NEW.age + 12), **params)
    assert seen.result.values["drift"]["inputs"]["age"]["psi"] > 0.25
    assert guard_result(seen.result, census(), limits(), OpenDpNoise()).status == "released"
    hidden = guard_result(seen.result, census(), limits(min_cell=300), OpenDpNoise()).values
    assert hidden is not None and hidden["auc"] is hidden["brier"] is hidden["calibration"]["slope"] is None
    for found in (PLAIN, OWN):
        seen = evaluated(found, horizon=HORIZON)
        method = build("evaluate", {"model": fitted(found), "horizon": HORIZON}, schema_of(GBSG2))
        told = method.own(node_partial(method, [batch_of(NEW[::2], method)], seen.states[-1]), seen.states[-1])
        assert isinstance(told, Own) and told.rows == len(NEW[::2])
        exact = concordance_index(NEW.time[::2], -predictor(found, NEW[::2]), NEW.cens[::2])
        assert told.figures["concordance"] == pytest.approx(exact, abs=0.01)


@pytest.mark.parametrize("change", [{"outcome": "cens"}, {"duration": "horTh"}, {"event": "age"}])
def test_what_is_no_survival_is_a_named_error(change: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        build("evaluate", {"model": fitted(PLAIN), **change}, schema_of(GBSG2))
