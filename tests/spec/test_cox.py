"""cox: proportional hazards, as lifelines and R fit them to all rows in one place."""

from __future__ import annotations

from typing import Any

import formulaic
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter
from lifelines.datasets import load_gbsg2, load_kidney_transplant, load_lung
from lifelines.utils import concordance_index

from drive import batch_of, build, hospitals, node_partial, plain_sum, run, schema_of, trace
from huizhen.kit import wire
from huizhen.kit.errors import BadInput, Unable
from huizhen.methods import cox
from huizhen.model.method import Done
from huizhen.model.partial import Partial
from huizhen.model.result import Curve, Model, Statistic
from huizhen.statistics import keyed, ranking

LUNG = load_lung().rename(columns={"ph.ecog": "ph_ecog"})[["time", "status", "age", "sex", "ph_ecog", "inst"]]
LUNG["died"] = LUNG.pop("status") == 1
GBSG2 = load_gbsg2()
KIDNEY = load_kidney_transplant()
BASIC = {"duration": "time", "event": "died", "formula": "age + sex + ph_ecog"}


def survival(frame: pd.DataFrame, batches: int = 2, **params: Any) -> dict[str, Any]:
    return run("cox", {**BASIC, **params}, schema_of(frame), hospitals(frame), batches=batches).values


def field(values: dict[str, Any], name: str) -> list[float]:
    return [c[name] for c in values["coefficients"]]


def pooled_fit(frame: pd.DataFrame, time: str, event: str, formula: str, strata: list[str] | None = None) -> Any:
    frame = frame.dropna()
    return CoxPHFitter().fit(frame, time, event, formula=formula, strata=strata, fit_options={"precision": 1e-13})


def check_as_lifelines(values: dict[str, Any], pooled: Any) -> None:
    table = pooled.summary
    assert [c["name"] for c in values["coefficients"]] == list(table.index)
    for name, column in (
        ("estimate", "coef"),
        ("std_error", "se(coef)"),
        ("z", "z"),
        ("ci_low", "coef lower 95%"),
        ("ci_high", "coef upper 95%"),
        ("hazard_ratio", "exp(coef)"),
        ("hazard_ratio_low", "exp(coef) lower 95%"),
        ("hazard_ratio_high", "exp(coef) upper 95%"),
    ):
        np.testing.assert_allclose(field(values, name), table[column], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(field(values, "p"), table["p"], rtol=1e-5)
    ratio = pooled.log_likelihood_ratio_test()
    assert values["loglik"] == pytest.approx(pooled.log_likelihood_, rel=1e-10)
    assert values["likelihood_ratio"]["chi2"] == pytest.approx(ratio.test_statistic, rel=1e-8)
    assert values["likelihood_ratio"]["p"] == pytest.approx(ratio.p_value, rel=1e-6)
    assert values["likelihood_ratio"]["df"] == len(table)
    assert values["concordance"] == pytest.approx(pooled.concordance_index_, abs=1e-12)
    assert values["concordance_tolerance"] == 0
    assert values["n"] == len(pooled.durations) and values["n_events"] == int(pooled.event_observed.sum())


def check_as_statsmodels(values: dict[str, Any], time: Any, event: Any, x: pd.DataFrame, ties: str) -> None:
    """lifelines stops a little before the maximum; statsmodels, asked to, does not."""
    pooled = sm.PHReg(time, x.to_numpy(), status=event.astype(int), ties=ties).fit(tol=1e-14)
    np.testing.assert_allclose(field(values, "estimate"), pooled.params, rtol=1e-9)
    np.testing.assert_allclose(field(values, "std_error"), pooled.bse, rtol=1e-9)
    assert values["loglik"] == pytest.approx(pooled.llf, rel=1e-12)


def test_lung() -> None:
    """228 patients; the coefficients are those that R prints."""
    values = survival(LUNG)
    check_as_lifelines(values, pooled_fit(LUNG.drop(columns="inst"), "time", "died", BASIC["formula"]))
    np.testing.assert_allclose(field(values, "estimate"), [0.0110668, -0.5526124, 0.4637285], atol=1e-7)
    assert values["n"] == 227


@pytest.mark.parametrize("strata", ["inst", "node"])
def test_lung_stratified_by_institution(strata: str) -> None:
    """By column or by node it is the same when every institution is a node: R's strata(inst)."""
    frames = [frame for _, frame in LUNG.groupby("inst")]
    params = {**BASIC, "strata": strata}
    values = run("cox", params, schema_of(LUNG), [*frames, LUNG.iloc[:0]], batches=2).values
    check_as_lifelines(values, pooled_fit(LUNG, "time", "died", BASIC["formula"], ["inst"]))
    np.testing.assert_allclose(field(values, "estimate"), [0.0095613, -0.5473567, 0.5972532], atol=1e-7)
    assert values["loglik"] == pytest.approx(-311.249569, abs=1e-6)
    assert values["n"] == 226


def test_breast_cancer_with_categories_and_transforms() -> None:
    formula = "horTh * menostat + scale(age) + tsize + tgrade + log(pnodes) + I(progrec**0.5)"
    values = survival(GBSG2, duration="time", event="cens", formula=formula)
    check_as_lifelines(values, pooled_fit(GBSG2, "time", "cens", formula))
    x = pd.DataFrame(formulaic.model_matrix(formula, GBSG2)).drop(columns="Intercept").astype(float)
    check_as_statsmodels(values, GBSG2.time, GBSG2.cens, x, "efron")


def test_kidney_stratified_by_two_columns() -> None:
    values = survival(KIDNEY, duration="time", event="death", formula="age", strata=["black_male", "white_male"])
    check_as_lifelines(values, pooled_fit(KIDNEY, "time", "death", "age", ["black_male", "white_male"]))


def test_strata_by_node_and_by_column_together() -> None:
    frames = [frame for _, frame in LUNG.groupby("inst")]
    params = {**BASIC, "formula": "age + ph_ecog", "strata": ["node", "sex"]}
    values = run("cox", params, schema_of(LUNG), frames, batches=2).values
    check_as_lifelines(values, pooled_fit(LUNG, "time", "died", "age + ph_ecog", ["inst", "sex"]))


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_heavy_ties(ties: str) -> None:
    """Times in months rounded up: many die at once."""
    months = LUNG.drop(columns="inst").dropna().assign(time=lambda f: np.ceil(f.time / 91.0))
    values = survival(months, ties=ties)
    check_as_statsmodels(values, months.time, months.died, months[["age", "sex", "ph_ecog"]].astype(float), ties)
    assert values["ties"] == ties


def hazard_by_hand(frame: pd.DataFrame, beta: np.ndarray[Any, Any], ties: str) -> list[tuple[float, float, int, int]]:
    x = frame[["age", "sex", "ph_ecog"]].to_numpy(dtype=float)
    risk = np.exp((x - x.mean(axis=0)) @ beta)
    steps, whole = [], 0.0
    for time in np.unique(frame.time[frame.died]):
        here, dead = frame.time >= time, (frame.time == time) & frame.died
        for k in range(dead.sum()):
            tied = k / dead.sum() if ties == "efron" else 0.0
            whole += 1 / (risk[here].sum() - tied * risk[dead].sum())
        steps.append((float(time), whole, int(here.sum()), int(dead.sum())))
    return steps


@pytest.mark.parametrize("ties", ["breslow", "efron"])
def test_baseline_hazard_is_that_of_the_mean_patient(ties: str) -> None:
    frame = LUNG.drop(columns="inst").dropna().assign(time=lambda f: np.ceil(f.time / 30.0))
    values = survival(frame, ties=ties)
    (baseline,) = values["baseline_cumulative_hazard"]
    assert baseline["stratum"] is None
    by_hand = hazard_by_hand(frame, np.array(field(values, "estimate")), ties)
    ours = [(s["time"], s["hazard"], s["at_risk"], s["events"]) for s in baseline["steps"]]
    np.testing.assert_allclose(ours, by_hand, rtol=1e-9)


def test_baseline_hazard_by_stratum_is_guarded_as_a_curve() -> None:
    result = run("cox", {**BASIC, "formula": "age", "strata": "sex"}, schema_of(LUNG), hospitals(LUNG))
    strata = [s["stratum"] for s in result.values["baseline_cumulative_hazard"]]
    assert strata == [{"sex": 1}, {"sex": 2}]
    curves = [Curve(("baseline_cumulative_hazard", i, "steps")) for i in range(2)]
    attacked = next(e.membership for e in result.exposures if isinstance(e, Model))
    gained = Statistic((("membership", "advantage"), ("membership", "auc")), 165)
    mean = Statistic((("mean_linear_predictor",),), 228)
    assert result.exposures == (Model(people=165, parameters=1, membership=attacked), gained, mean, *curves)
    assert attacked is not None and attacked.members == 228


def test_a_stratum_without_events_adds_nothing() -> None:
    frame = LUNG.drop(columns="inst").dropna().assign(died=lambda f: f.died & (f.ph_ecog < 2))
    values = survival(frame, formula="age + sex", strata="ph_ecog")
    some = frame[frame.ph_ecog < 2]
    np.testing.assert_allclose(
        field(values, "estimate"), field(survival(some, formula="age + sex", strata="ph_ecog"), "estimate"), rtol=1e-9
    )
    assert [s["stratum"]["ph_ecog"] for s in values["baseline_cumulative_hazard"]] == [0, 1]
    assert values["n"] == len(frame)


def test_times_may_be_any_numbers() -> None:
    rng = np.random.default_rng(0)
    frame = LUNG.drop(columns="inst").dropna()
    frame = frame.assign(time=frame.time.to_numpy() / 30.4375 + rng.choice([0.0, 1e-9], len(frame)))
    check_as_lifelines(survival(frame), pooled_fit(frame, "time", "died", BASIC["formula"]))
    zero = frame.assign(time=np.where(np.arange(len(frame)) < 5, 0.0, frame.time))
    check_as_lifelines(survival(zero), pooled_fit(zero, "time", "died", BASIC["formula"]))


@pytest.mark.parametrize("strata", [None, "sex", "node"])
def test_any_split_and_any_batches_give_the_same_digits(strata: str | None) -> None:
    schema, params = schema_of(LUNG), {**BASIC, "formula": "age + ph_ecog", "strata": strata}
    frames = [[LUNG], hospitals(LUNG, 6), [LUNG.iloc[::-1]]] if strata != "node" else [[LUNG], [LUNG.iloc[::-1]]]
    answers = [run("cox", params, schema, f, batches).values for f, batches in zip(frames, (1, 3, 5), strict=False)]
    for values in answers[1:]:
        for name in ("estimate", "std_error"):
            np.testing.assert_allclose(field(values, name), field(answers[0], name), rtol=1e-9)
        assert values["concordance"] == answers[0]["concordance"]


def test_by_node_only_likelihood_gradient_and_information_leave() -> None:
    totals = trace("cox", {**BASIC, "strata": "node"}, schema_of(LUNG), hospitals(LUNG)).totals
    fits = [t for t in totals if "loglik" in t.fields]
    assert len(fits) == 5
    for total in fits:
        shapes = {f.name: f.shape for f in total.layout()}
        assert shapes == {
            "rows": (), "deaths": (), "eta": (3,), "loglik": (2,), "score": (3,), "information": (3, 3),
        }  # fmt: skip
    assert max(f.shape[0] for t in totals for f in t.layout() if f.shape) <= 3


def test_a_node_without_rows_sends_the_same_layout() -> None:
    for strata in (None, "sex", "node"):
        method, frames = build("cox", {**BASIC, "formula": "age", "strata": strata}, schema_of(LUNG)), hospitals(LUNG)
        state: Any = method.start()
        while True:
            parts = [node_partial(method, [batch_of(f, method)], state) for f in frames]
            assert len({p.layout() for p in parts}) == 1
            step = method.combine(plain_sum(parts), state)
            if isinstance(step, Done):
                break
            state = step.state


@pytest.mark.parametrize("strata", [None, "sex", "node"])
def test_rows_that_leave_or_join_between_two_rounds(strata: str | None) -> None:
    """The answer is that of the rows there were in the end."""
    params, schema = {**BASIC, "formula": "age + ph_ecog", "strata": strata}, schema_of(LUNG)
    whole = LUNG.drop(columns="inst").dropna()
    for before, after in ((whole, whole.iloc[20:]), (whole.iloc[20:], whole)):
        expected = run("cox", params, schema, [after]).values
        for change_after in range(1, 5):
            method, rounds = build("cox", params, schema), 0
            state: Any = method.start()
            while True:
                there = before if rounds < change_after else after
                step = method.combine(node_partial(method, [batch_of(there, method)], state), state)
                rounds += 1
                if isinstance(step, Done):
                    break
                state = wire.decode(wire.encode(step.state))
            values = step.result.values
            np.testing.assert_allclose(field(values, "estimate"), field(expected, "estimate"), rtol=1e-8)
            assert values["loglik"] == pytest.approx(expected["loglik"], rel=1e-10)
            assert values["n_events"] == expected["n_events"]


def test_concordance_in_shared_bins_comes_with_the_most_it_is_off(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = survival(LUNG)["concordance"]
    monkeypatch.setattr(cox, "CELLS", 1 << 13)
    values = survival(LUNG)
    assert 0 < abs(values["concordance"] - exact) <= values["concordance_tolerance"] < 0.05


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.booleans(), st.integers(0, 1)), max_size=40))
def test_concordant_pairs_are_those_of_the_definition(people: list[tuple[int, int, bool, int]]) -> None:
    time, score, died, stratum = (
        (np.array(c, dtype=np.int64) for c in zip(*people, strict=True))
        if people
        else [np.empty(0, dtype=np.int64)] * 4
    )
    counted = ranking.harrell(stratum, time, score, died, 1 - died)
    pairs = [0, 0, 0]
    for t, s, d, g in people:
        for u, r, e, h in people:
            if g == h and d and (u > t or (u == t and not e)):
                pairs[0 if s > r else 1 if s < r else 2] += 1
    assert list(counted) == pairs
    if people and sum(pairs) and not stratum.any():
        assert counted.concordance == pytest.approx(concordance_index(time, -score, died))


def test_sums_by_key_add_in_any_order() -> None:
    rng = np.random.default_rng(0)
    key, value = rng.integers(0, 4, (50, 2)).astype(float), rng.integers(0, 9, (50, 3))
    whole = keyed.Keyed.of(key, {"value": value})
    parts = [keyed.Keyed.of(key[i::3], {"value": value[i::3]}) for i in (2, 0, 1)]
    added = parts[0] + parts[1] + keyed.Keyed.of(key[:0], {"value": value[:0]}) + parts[2]
    assert (added["key"] == whole["key"]).all() and (added["value"] == whole["value"]).all()
    table = pd.DataFrame(value).groupby([key[:, 0], key[:, 1]]).sum()
    assert (whole["value"] == table.to_numpy()).all() and [tuple(k) for k in whole["key"]] == list(table.index)
    with pytest.raises(ValueError, match="same key"):
        whole + Partial({"value": value})


def unable(frame: pd.DataFrame, **params: Any) -> Unable:
    with pytest.raises(Unable) as error:
        survival(frame, **params)
    assert error.value.what.zh and error.value.remedy.zh
    return error.value


COMPLETE = LUNG.drop(columns="inst").dropna()


def test_collinear_columns_are_named() -> None:
    error = unable(COMPLETE.assign(months=COMPLETE.age * 12), formula="age + sex + months")
    assert error.code == "collinear-columns" and "'months' follows from age" in str(error)
    error = unable(COMPLETE, formula="age + sex", strata="sex")
    assert error.code == "collinear-columns" and "'sex' carries no information" in str(error)


@pytest.mark.parametrize("strata", [None, "node"])
def test_a_coefficient_without_end_is_named(strata: str | None) -> None:
    frame = COMPLETE.assign(died=COMPLETE.died & (COMPLETE.sex == 1))
    error = unable(frame, formula="age + sex", strata=strata)
    assert error.code == "monotone-likelihood" and " sex " in str(error)


@pytest.mark.parametrize(
    ("code", "frame", "params"),
    [
        ("no-rows", LUNG.iloc[:0].assign(time=1, sex=1), {"formula": "age"}),
        ("too-few-rows", COMPLETE.iloc[:2], {"formula": "age + sex"}),
        ("no-events", COMPLETE.assign(died=False), {"formula": "age"}),
        ("no-events", COMPLETE.assign(died=False), {"formula": "age", "strata": "node"}),
        ("constant-column", COMPLETE.assign(age=1.0), {"formula": "sex + age"}),
        ("not-finite", COMPLETE, {"formula": "log(ph_ecog) + age"}),
        ("no-convergence", COMPLETE, {"max_iter": 1}),
    ],
)
def test_what_has_no_answer_is_named(code: str, frame: pd.DataFrame, params: dict[str, Any]) -> None:
    assert unable(frame, **params).code == code


def test_a_level_without_rows_is_named() -> None:
    params = {**BASIC, "formula": "age + C(ph_ecog)"}
    with pytest.raises(Unable, match=r"C\(ph_ecog\)\[T.3\]") as error:
        run("cox", params, schema_of(LUNG), hospitals(LUNG[LUNG.ph_ecog < 3]))
    assert error.value.code == "empty-level"


def test_too_many_times_is_an_error_with_a_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cox, "NUMBERS", 1000)
    error = unable(COMPLETE)
    assert (
        error.code == "too-many-distinct-times" and "strata: node" in error.say() and "strata: node" in error.say("zh")
    )
    assert survival(COMPLETE, formula="age + ph_ecog", strata="node")["n"] == len(COMPLETE)
    monkeypatch.setattr(keyed, "LIMIT", 1000)
    assert unable(COMPLETE, strata="node").code == "too-many-distinct-times"


def test_a_negative_duration_is_refused() -> None:
    for strata in (None, "node"):
        with pytest.raises(BadInput, match="negative") as error:
            survival(COMPLETE.assign(time=COMPLETE.time - 100), strata=strata)
        assert error.value.code == "not-a-duration"


@pytest.mark.parametrize(
    ("code", "params"),
    [
        ("not-an-event", {"event": "sex"}),
        ("not-a-duration", {"duration": "died"}),
        ("unknown-column", {"formula": "weight"}),
        ("bad-formula", {"formula": "time ~ age"}),
        ("no-levels", {"strata": "age"}),
        ("repeated-column", {"strata": ["sex", "sex"]}),
        ("outcome-in-formula", {"formula": "age + log(time)"}),
    ],
)
def test_what_cannot_be_asked_is_refused_before_anything_runs(code: str, params: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as error:
        build("cox", {**BASIC, **params}, schema_of(LUNG))
    assert error.value.code == code
