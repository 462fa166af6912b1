"""How good a released model is on other data: beside scikit-learn, statsmodels and scipy on the pooled rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from lifelines.datasets import load_gbsg2
from scipy import special, stats
from sklearn.datasets import load_diabetes
from sklearn.metrics import brier_score_loss, mean_squared_error, r2_score, roc_auc_score

from drive import Trace, batch_of, build, hospitals, node_partial, run, schema_of, trace
from guarding import census, limits
from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Column, Schema
from huizhen.model.grant import Participant
from huizhen.model.tally import Own
from huizhen.path.guard import guard_result
from huizhen.privacy.noise import OpenDpNoise
from huizhen.privacy.own import may_show, shown
from huizhen.statistics import drift
from huizhen.statistics.scoring import predict
from released import fitted, outcome, profile

GBSG2 = load_gbsg2()
OLD, NEW = GBSG2.iloc[:400], GBSG2.iloc[400:]
GRADES = {"horTh": ["no", "yes"], "menostat": ["Post", "Pre"], "tgrade": ["I", "II", "III"]}
SUGAR = load_diabetes(as_frame=True, scaled=False).frame
LOGISTIC = outcome("glm", OLD, formula="cens ~ horTh + scale(age) + C(tgrade) * log(pnodes)", family="binomial")
LINEAR = outcome("glm", SUGAR.iloc[:200], formula="target ~ age + bmi + bp", family="gaussian")
TREES = outcome("gbdt", OLD, outcome="cens", columns=["horTh", "age", "tgrade", "pnodes"], trees=10, depth=2)


def evaluated(found: dict[str, Any], frame: pd.DataFrame, outcome: str = "cens", **params: Any) -> Trace:
    schema = schema_of(GBSG2 if "cens" in frame else frame)
    return trace("evaluate", {"model": fitted(found), "outcome": outcome, **params}, schema, hospitals(frame))


def risk(found: dict[str, Any], frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """By patsy and numpy from the told coefficients; or as the trees say."""
    if found is TREES:
        names = TREES["result"]["columns"]
        return predict(found["result"], {c: frame[c].to_numpy(object if c in GRADES else float) for c in names})
    spread = found["result"]["spreads"][0]
    rows = frame.assign(age=(frame.age - spread["mean"]) / spread["sd"], nodes=np.log(frame.pnodes))
    beta = {c["name"]: c["estimate"] for c in found["result"]["coefficients"]}
    told = np.full(len(frame), beta["Intercept"]) + beta["scale(age)"] * rows.age + beta["log(pnodes)"] * rows.nodes
    for name, b in beta.items():
        if "T." in name:
            level = (rows.horTh == "yes") if "horTh" in name else (rows.tgrade == name.split("T.")[1].split("]")[0])
            told += b * level * (rows.nodes if ":" in name else 1)
    return special.expit(told.to_numpy())


@pytest.mark.parametrize("found", [LOGISTIC, TREES], ids=["glm", "gbdt"])
def test_a_model_of_risks_is_as_good_as_on_the_pooled_rows(found: dict[str, Any]) -> None:
    values, p, y = evaluated(found, NEW).result.values, risk(found, NEW), NEW.cens.to_numpy()
    assert (values["n"], values["outcomes"]) == (len(y), [int((y == 0).sum()), int((y == 1).sum())])
    assert values["auc"] == pytest.approx(roc_auc_score(y, p), abs=values["auc_tolerance"] + 1e-12)
    assert values["auc_tolerance"] < (0.002 if found is LOGISTIC else 0.1)  # trees give many rows the same risk
    assert values["brier"] == pytest.approx(brier_score_loss(y, p), rel=1e-9)
    assert (values["observed"], values["predicted"]) == pytest.approx((y.mean(), p.mean()), rel=1e-9)
    line = sm.GLM(y, sm.add_constant(special.logit(p)), family=sm.families.Binomial()).fit(tol=1e-13).params
    assert list(values["calibration"].values()) == pytest.approx(line, rel=1e-6)


def test_by_tenths_every_row_is_in_one_and_means_and_outcomes_are_its_rows_own() -> None:
    values, p, y = evaluated(LOGISTIC, NEW).result.values, risk(LOGISTIC, NEW), NEW.cens.to_numpy()
    edges, counts = values["profile"]["score"]["edges"], values["profile"]["score"]["counts"]
    assert len(counts) >= 5 and sum(counts) == len(y)
    place = np.searchsorted(edges, special.logit(p), side="right")
    assert min(min(pair) for pair in values["tenths"]["outcomes"]) >= 10
    for i in range(len(counts)):
        assert counts[i] == (place == i).sum()
        assert values["tenths"]["outcomes"][i] == [((place == i) & (y == k)).sum() for k in (0, 1)]
        assert values["tenths"]["predicted"][i] == pytest.approx(p[place == i].mean(), rel=1e-9)


def test_a_model_of_a_number_has_its_error_and_its_line() -> None:
    rows = SUGAR.iloc[200:]
    values = evaluated(LINEAR, rows, "target").result.values
    beta = {c["name"]: c["estimate"] for c in LINEAR["result"]["coefficients"]}
    p = beta["Intercept"] + sum(beta[c] * rows[c] for c in ("age", "bmi", "bp"))
    assert values["rmse"] == pytest.approx(mean_squared_error(rows.target, p) ** 0.5, rel=1e-9)
    assert values["r_squared"] == pytest.approx(r2_score(rows.target, p), rel=1e-9)
    line = stats.linregress(p, rows.target)
    assert list(values["calibration"].values()) == pytest.approx([line.intercept, line.slope], rel=1e-9)
    place = np.searchsorted(values["profile"]["score"]["edges"], p, side="right")
    assert values["tenths"]["observed"] == pytest.approx(rows.target.groupby(place).mean().tolist(), rel=1e-9)


def test_rows_without_an_outcome_or_a_needed_value_are_left_out_and_trees_take_gaps() -> None:
    gaps = np.random.default_rng(4).random(NEW.shape) < 0.1
    frame = NEW.mask(gaps)
    whole = frame[["cens", "horTh", "age", "tgrade", "pnodes"]].notna().all(axis=1)
    of_formula = evaluated(LOGISTIC, frame).result.values
    assert (of_formula["n"], of_formula["left_out"]) == (whole.sum(), (~whole).sum())
    of_trees = evaluated(TREES, frame).result.values
    assert (of_trees["n"], of_trees["left_out"]) == (frame.cens.notna().sum(), frame.cens.isna().sum())
    missing = (frame.age.isna() & frame.cens.notna()).sum()
    assert missing >= 10 and of_trees["profile"]["inputs"]["age"]["counts"][-1] == missing


def test_levels_go_by_name_and_an_unknown_one_has_no_prediction() -> None:
    frame = NEW.assign(tgrade=NEW.tgrade.where(NEW.tgrade != "I", "IV"))
    schema = schema_of(frame, categories={**GRADES, "tgrade": ["IV", "III", "II"], "horTh": ["yes", "no"]})
    params = {"model": fitted(LOGISTIC), "outcome": "cens"}
    values = run("evaluate", params, schema, hospitals(frame)).values
    known = frame[frame.tgrade != "IV"]
    assert (values["n"], values["left_out"]) == (len(known), (frame.tgrade == "IV").sum())
    assert values["brier"] == pytest.approx(brier_score_loss(known.cens, risk(LOGISTIC, known)), rel=1e-9)


# -- drift


def test_drift_is_that_of_the_counts_in_the_bins_of_the_reference() -> None:
    then = evaluated(LOGISTIC, OLD).result.values
    moved = NEW.assign(age=NEW.age + 12)
    values = evaluated(LOGISTIC, moved, reference=profile(then)).result.values
    for name, numbers in (("age", moved.age), ("pnodes", moved.pnodes)):
        here = values["profile"]["inputs"][name]
        edges = [-np.inf, *here["edges"], np.inf]
        now, before = (np.histogram(np.nextafter(v, np.inf), edges)[0] for v in (numbers, OLD[name]))
        assert here["counts"] == now.tolist() and min(now) >= 10
        p, q = now / now.sum(), before / before.sum()
        found = values["drift"]["inputs"][name]
        assert found["psi"] == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=1e-9)
        assert found["ks"] == pytest.approx(np.abs(np.cumsum(p) - np.cumsum(q)).max(), rel=1e-9)
        assert found["ks"] <= stats.ks_2samp(numbers, OLD[name]).statistic + 1e-12
    assert values["drift"]["inputs"]["age"]["psi"] > 0.25 > values["drift"]["inputs"]["pnodes"]["psi"]
    grade = values["drift"]["inputs"]["tgrade"]
    p, q = (v.tgrade.value_counts(normalize=True).sort_index().to_numpy() for v in (moved, OLD))
    assert grade["psi"] == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=1e-9) and grade["ks"] is None


def test_two_samples_of_one_distribution_drift_by_more_than_chance_once_in_twenty() -> None:
    lot, beyond = np.random.default_rng(2), np.zeros(2)
    for _ in range(1000):
        now, then = (np.bincount(lot.integers(0, 10, n), minlength=10) for n in (800, 500))
        index, gap = drift.stability_index(now, then), drift.largest_gap(now, then)
        assert index is not None and gap is not None
        beyond += [index > drift.stability_chance(10, 800, 500), gap > drift.gap_chance(800, 500)]
    assert 25 < beyond[0] < 80 and beyond[1] < 55


def test_an_evaluation_on_the_rows_of_the_reference_finds_no_drift() -> None:
    then = evaluated(TREES, OLD).result.values
    again = evaluated(TREES, OLD, reference=profile(then)).result.values
    assert again["drift"]["score"]["psi"] == 0 and again["drift"]["score"]["ks"] == 0
    assert all(part["psi"] == 0 for part in again["drift"]["inputs"].values())


# -- what cannot be asked


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model": "st-0"}, "model-not-filled-in"),
        ({"outcome": "age"}, "outcome-among-inputs"),
        ({"outcome": "nobody"}, "unknown-column"),
        ({"reference": {"study": "st-1", "model": "st-9", "score": None, "inputs": {}}}, "reference-of-another-model"),
    ],
)
def test_what_cannot_be_evaluated_is_a_named_error(change: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        build("evaluate", {"model": fitted(LOGISTIC), "outcome": "cens", **change}, schema_of(GBSG2))
    assert refused.value.code == code


def test_a_column_of_another_type_or_an_outcome_with_other_levels_is_refused() -> None:
    schema = schema_of(GBSG2)
    text = Schema(columns=tuple(
        Column(name=c.name, type="category", levels=("a", "b")) if c.name == "age" else c for c in schema.columns
    ))  # fmt: skip
    with pytest.raises(BadInput) as refused:
        build("evaluate", {"model": fitted(LOGISTIC), "outcome": "cens"}, text)
    assert refused.value.code == "column-of-another-type"
    of_therapy = outcome("glm", OLD, formula="horTh ~ age", family="binomial")
    turned = schema_of(GBSG2, categories={**GRADES, "horTh": ["yes", "no"]})
    with pytest.raises(BadInput) as refused:
        build("evaluate", {"model": fitted(of_therapy), "outcome": "horTh"}, turned)
    assert refused.value.code == "outcome-levels-differ"


# -- what is released


def test_small_cells_of_a_profile_are_hidden_and_what_is_worked_out_from_them_too() -> None:
    then = evaluated(LOGISTIC, OLD).result.values
    seen = evaluated(LOGISTIC, NEW, reference=profile(then))
    assert guard_result(seen.result, census(), limits(), OpenDpNoise()).status == "released"
    rough = guard_result(seen.result, census(), limits(min_cell=30), OpenDpNoise()).values
    assert rough is not None
    hidden = [name for name, part in rough["profile"]["inputs"].items() if None in part["counts"]]
    assert hidden and all(rough["drift"]["inputs"][name]["psi"] is None for name in hidden)


def test_own_figures_are_those_of_that_hospitals_rows_and_only_come_with_the_last_pass() -> None:
    then = evaluated(LOGISTIC, OLD).result.values
    seen = evaluated(LOGISTIC, NEW, reference=profile(then))
    params = {"model": fitted(LOGISTIC), "outcome": "cens", "reference": profile(then)}
    method = build("evaluate", params, schema_of(GBSG2))
    own = [method.own(node_partial(method, [batch_of(NEW[::3], method)], s), s) for s in seen.states]
    assert own[:-1] == [None] * (len(own) - 1)
    told, rows = own[-1], NEW[::3]
    assert isinstance(told, Own) and told.rows == len(rows)
    assert told.figures["brier"] == pytest.approx(brier_score_loss(rows.cens, risk(LOGISTIC, rows)), rel=1e-9)
    assert told.figures["auc"] == pytest.approx(roc_auc_score(rows.cens, risk(LOGISTIC, rows)), abs=0.02)
    assert told.least == min(rows.cens.sum(), (1 - rows.cens).sum()) and "psi" in told.figures


def test_a_hospital_shows_its_figures_rounded_from_ten_cells_of_rows_on() -> None:
    own = Own(104, 20, {"auc": 0.73561, "rmse": 1234.5})
    assert shown(own, 10) == {"rows": 100.0, "auc": 0.74, "rmse": 1200.0}
    assert shown(own, 11) is None and shown(own._replace(least=9), 10) is None


@pytest.mark.parametrize(("withhold", "expected"), [(0, True), (1, False), (2, False), (3, True), (6, True)])
def test_figures_are_shown_only_where_those_withheld_are_none_or_three(withhold: int, expected: bool) -> None:
    six = [Participant(name=f"h{i}", key="", consent_epoch=0, own_figures=i >= withhold) for i in range(6)]
    assert may_show(six, [p.name for p in six]) == expected
    assert not may_show(six, ["h5", "stranger"])
