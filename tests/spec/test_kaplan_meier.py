"""kaplan_meier: survival over time, altogether or by group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_gbsg2, load_kidney_transplant, load_lung
from lifelines.statistics import multivariate_logrank_test

from drive import build, hospitals, run, schema_of, trace
from huizhen.kit.errors import BadInput, Conflict, Unable
from huizhen.model.method import Next
from huizhen.model.result import Curve, Statistic, Table

LUNG = load_lung()
LUNG["died"] = LUNG.status == 1
TRIALS = {
    "lung": (LUNG, "time", "died", "sex"),
    "lung by ecog": (LUNG[LUNG["ph.ecog"] < 3], "time", "died", "ph.ecog"),
    "breast cancer": (load_gbsg2(), "time", "cens", "tgrade"),
    "kidney": (load_kidney_transplant(), "time", "death", "black_male"),
}


def survival(frame: pd.DataFrame, **params: Any) -> dict[str, Any]:
    return run("kaplan_meier", params, schema_of(frame), hospitals(frame), batches=2).values


def column(group: dict[str, Any], name: str) -> list[float]:
    return [step[name] for step in group["curve"]]


@pytest.mark.parametrize("confidence", [0.95, 0.8])
@pytest.mark.parametrize("trial", TRIALS)
def test_every_step_is_that_of_lifelines(trial: str, confidence: float) -> None:
    frame, time, event, by = TRIALS[trial]
    found = survival(frame, duration=time, event=event, group=by, confidence=confidence)
    for group in found["groups"]:
        mine = frame[frame[by] == group["group"]]
        pooled = KaplanMeierFitter(alpha=1 - confidence).fit(mine[time], mine[event])
        table = pooled.event_table[pooled.event_table.removed > 0]
        assert column(group, "time") == table.index.tolist()
        assert column(group, "at_risk") == table.at_risk.tolist()
        assert column(group, "events") == table.observed.tolist()
        assert column(group, "censored") == table.censored.tolist()
        assert np.allclose(column(group, "survival"), pooled.survival_function_.loc[table.index].iloc[:, 0], rtol=1e-12)
        limits = pooled.confidence_interval_.loc[table.index].to_numpy()
        error = column(group, "survival") * np.sqrt(pooled._cumulative_sq_.loc[table.index].to_numpy())
        alive = sum(survival > 0 for survival in column(group, "survival"))
        assert alive >= len(table) - 1
        assert np.allclose(column(group, "ci_low")[:alive], limits[:alive, 0], rtol=1e-11)
        assert np.allclose(column(group, "ci_high")[:alive], limits[:alive, 1], rtol=1e-11)
        assert np.allclose(column(group, "std_error")[:alive], error[:alive], rtol=1e-12)
        median = pooled.median_survival_time_
        assert group["median"] == (None if np.isinf(median) else median)
        assert (group["n"], group["events"]) == (len(mine), mine[event].sum())


@pytest.mark.parametrize("trial", TRIALS)
def test_the_log_rank_test_between_groups_is_that_of_lifelines(trial: str) -> None:
    frame, time, event, by = TRIALS[trial]
    found = survival(frame, duration=time, event=event, group=by)["logrank"]
    pooled = multivariate_logrank_test(frame[time], frame[by], frame[event])
    assert (found["chi2"], found["p"]) == pytest.approx((pooled.test_statistic, pooled.p_value), rel=1e-9)
    assert found["dof"] == pooled.degrees_of_freedom


def test_without_groups_there_is_one_curve_and_no_test() -> None:
    found = survival(LUNG, duration="time", event="died")
    (only,) = found["groups"]
    assert (only["group"], only["n"], only["events"], only["median"]) == (None, 228, 165, 310.0)
    assert found["logrank"] is None


def test_durations_may_be_any_numbers_and_are_found_exactly_in_a_few_rounds() -> None:
    frame = LUNG.assign(years=LUNG.time / 365.25)
    seen = trace("kaplan_meier", {"duration": "years", "event": "died"}, schema_of(frame), hospitals(frame))
    assert column(seen.result.values["groups"][0], "time") == sorted(frame.years.unique())
    assert seen.rounds <= 8


def test_whole_days_take_three_rounds() -> None:
    asked = {"duration": "time", "event": "died"}
    assert trace("kaplan_meier", asked, schema_of(LUNG), hospitals(LUNG)).rounds == 3


def test_the_median_is_decided_in_whole_numbers_where_survival_is_exactly_one_half() -> None:
    """(23/24)(22/23) ... (12/13) is one half; in floating point it comes out a hair above."""
    frame = pd.DataFrame({"t": range(1, 25), "e": [True] * 24})
    risk = np.arange(24, 12, -1)
    assert np.cumprod((risk - 1) / risk)[-1] > 0.5
    assert survival(frame, duration="t", event="e")["groups"][0]["median"] == 12.0


def test_a_median_that_is_not_reached_is_none_and_rests_on_nobody() -> None:
    frame = pd.DataFrame({"t": [1, 2, 3, 4], "e": [True, False, False, False]})
    result = run("kaplan_meier", {"duration": "t", "event": "e"}, schema_of(frame), [frame])
    assert result.values["groups"][0]["median"] is None
    assert Statistic((("groups", 0, "median"),), 0) in result.exposures


def test_once_nobody_is_left_alive_error_and_limits_are_not_defined() -> None:
    frame = pd.DataFrame({"t": [1, 2], "e": [True, True]})
    first, last = survival(frame, duration="t", event="e")["groups"][0]["curve"]
    assert first["ci_low"] < 0.5 < first["ci_high"]
    assert (last["survival"], last["std_error"], last["ci_low"], last["ci_high"]) == (0.0, None, None, None)


def test_before_the_first_event_survival_is_certain() -> None:
    frame = pd.DataFrame({"t": [1, 2, 3], "e": [False, True, False]})
    first = survival(frame, duration="t", event="e")["groups"][0]["curve"][0]
    assert (first["survival"], first["std_error"], first["ci_low"], first["ci_high"]) == (1.0, 0.0, 1.0, 1.0)


def test_a_group_of_nobody_stands_in_the_list_and_takes_no_part_in_the_test() -> None:
    frame = pd.DataFrame({"t": [1, 2, 3, 4], "e": [True] * 4, "arm": list("aabb")})
    schema = schema_of(frame, categories={"arm": ["a", "b", "c"]})
    asked = {"duration": "t", "event": "e", "group": "arm"}
    found = run("kaplan_meier", asked, schema, hospitals(frame)).values
    assert (found["groups"][2]["n"], found["groups"][2]["median"], found["groups"][2]["curve"]) == (0, None, [])
    assert found["logrank"]["dof"] == 1


def test_groups_without_any_event_have_no_test() -> None:
    frame = pd.DataFrame({"t": [1, 2, 3, 4], "e": [False] * 4, "arm": list("aabb")})
    assert survival(frame, duration="t", event="e", group="arm")["logrank"] is None


def test_n_and_events_are_margins_of_the_cases_and_the_test_is_computed_from_them() -> None:
    result = run(
        "kaplan_meier", {"duration": "time", "event": "died", "group": "sex"}, schema_of(LUNG), hospitals(LUNG)
    )
    assert result.values["cases"] == [[112, 26], [53, 37]]
    test = (("logrank", "chi2"), ("logrank", "dof"), ("logrank", "p"))
    assert Table(("cases",), ((("n",), None),), test) in result.exposures
    assert Table(("cases", 1), ((("groups", 1, "n"), None),)) in result.exposures
    assert Table(("cases", 1, 0), ((("groups", 1, "events"), None),)) in result.exposures
    assert Curve(("groups", 0, "curve")) in result.exposures


def test_a_median_rests_on_the_fewer_of_those_before_it_and_those_after() -> None:
    result = run("kaplan_meier", {"duration": "time", "event": "died"}, schema_of(LUNG), [LUNG])
    before = int((LUNG.died & (LUNG.time <= 310)).sum())
    after = int((LUNG.time >= 310).sum())
    assert (before, after) == (107, 85)
    assert Statistic((("groups", 0, "median"),), 85) in result.exposures


def test_few_events_before_the_median_count_more_than_many_people_after() -> None:
    frame = pd.DataFrame({"t": [1] * 90 + [2] * 5 + [3] * 5, "e": [False] * 90 + [True] * 5 + [False] * 5})
    result = run("kaplan_meier", {"duration": "t", "event": "e"}, schema_of(frame), [frame])
    assert result.values["groups"][0]["median"] == 2.0
    assert Statistic((("groups", 0, "median"),), 5) in result.exposures


@pytest.mark.parametrize(
    ("frame", "error", "code"),
    [
        (pd.DataFrame({"t": [1.5, -2.0], "e": [True, False]}), BadInput, "not-a-duration"),
        (pd.DataFrame({"t": [1.5, np.nan], "e": [True, False]}).iloc[1:], Unable, "no-rows"),
    ],
)
def test_what_has_no_answer_is_a_named_error(frame: pd.DataFrame, error: type[Exception], code: str) -> None:
    schema = schema_of(frame, types={"t": "number"})
    with pytest.raises(error) as raised:
        run("kaplan_meier", {"duration": "t", "event": "e"}, schema, hospitals(frame))
    assert raised.value.code == code  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("duration", "event", "code"),
    [("time", "sex", "not-an-event"), ("died", "died", "repeated-column"), ("site", "died", "not-a-duration")],
)
def test_columns_that_will_not_do_are_refused_before_anything_runs(duration: str, event: str, code: str) -> None:
    schema = schema_of(LUNG.assign(site=LUNG.inst.astype(str)))
    with pytest.raises(BadInput) as refused:
        build("kaplan_meier", {"duration": duration, "event": event}, schema)
    assert refused.value.code == code


def test_a_person_who_withdraws_between_two_rounds_is_in_none_of_the_figures() -> None:
    method = build("kaplan_meier", {"duration": "time", "event": "died"}, schema_of(LUNG))
    assert _run_with(LUNG, LUNG.iloc[5:], method)["groups"][0]["n"] == 223
    left = survival(LUNG.iloc[5:], duration="time", event="died")
    assert _run_with(LUNG, LUNG.iloc[5:], method) == left


def test_a_person_who_appears_between_two_rounds_stops_the_study() -> None:
    method = build("kaplan_meier", {"duration": "time", "event": "died"}, schema_of(LUNG))
    late = pd.concat([LUNG, LUNG.iloc[:1].assign(time=7777)])
    with pytest.raises(Conflict) as stopped:
        _run_with(LUNG, late, method)
    assert stopped.value.code == "rows-changed"


def _run_with(first: pd.DataFrame, later: pd.DataFrame, method: Any) -> dict[str, Any]:
    from drive import batch_of

    state, frame = method.start(), first
    while isinstance(step := method.combine(method.partial(batch_of(frame, method), state), state), Next):
        state, frame = step.state, later
    return dict(step.result.values)
