"""The guard, chapter by chapter: what it asks of a cohort, what it does to a result, and what it says about it."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from guarding import KnownNoise, census, check, guard, hospitals, limits, table
from huizhen.kit.errors import Refused
from huizhen.model.result import Curve, Membership, Model, Result, Statistic, Table
from huizhen.path.guard import CHECKS, CensusCheck, guard_census
from huizhen.privacy.draft import Draft
from huizhen.privacy.membership import check_membership

PLENTY = Result({"n": 300}, (Table(("n",)),))


# 1. The cohort, before any method runs


def outcome(name: str, who: Any, **changes: Any) -> str:
    return next(c.outcome for c in guard_census(who, limits(**changes)) if c.check == name)


def test_a_cohort_of_min_cell_people_is_enough_and_one_fewer_is_not() -> None:
    assert outcome("smallest-cohort", hospitals(4, 3, 3)) == "passed"
    assert outcome("smallest-cohort", hospitals(3, 3, 3)) == "refused"
    assert outcome("smallest-cohort", hospitals(3, 3, 3), min_cell=9) == "passed"


def test_two_hospitals_would_learn_each_others_sums() -> None:
    assert outcome("contributors", hospitals(100, 100, 0)) == "refused"
    assert outcome("contributors", hospitals(100, 100, 1)) == "passed"
    assert outcome("contributors", hospitals(200), min_contributors=1) == "passed"


@pytest.mark.parametrize(
    ("people", "expected"),
    [
        ((100, 100, 100), "passed"),
        ((890, 55, 55), "passed"),
        ((910, 45, 45), "refused"),
        ((910, 89, 1), "refused"),
        ((500, 499, 1), "passed"),
        ((9_001, *[1] * 1_000), "refused"),
        ((8_900, *[1] * 1_100), "passed"),
    ],
)
def test_one_hospital_may_not_be_nine_tenths_of_the_sum(people: tuple[int, ...], expected: str) -> None:
    assert outcome("one-hospital", hospitals(*people)) == expected


def test_hospitals_that_agreed_to_be_seen_are_not_weighed() -> None:
    assert outcome("one-hospital", hospitals(200), min_contributors=1) == "off"


def test_a_cohort_may_equal_an_earlier_one_but_not_differ_by_a_few_people() -> None:
    assert outcome("differencing", census(differences={"st-a": 0, "st-b": 10})) == "passed"
    assert outcome("differencing", census(differences={"st-a": 0, "st-b": 9})) == "refused"
    assert outcome("differencing", census(differences={"st-a": 1})) == "refused"


def test_a_refusal_names_the_earlier_study_and_the_remedy_but_no_number_of_people() -> None:
    who = census(people=7, people_squared=49, contributors=1, differences={"st-early": 8, "st-far": 50})
    found = guard_census(who, limits())
    for refusal in (c for c in found if c.check != "single-hospitals"):
        assert refusal.outcome == "refused", refusal.check
        assert not re.search(r"\b[178]\b|49", refusal.en + refusal.zh.replace("st-early", ""))
    close = next(c for c in found if c.check == "differencing")
    assert "st-early" in close.en and "st-early" in close.zh and "st-far" not in close.en
    assert "Use the earlier cohort" in close.en


def test_a_refused_cohort_denies_the_result_and_draws_no_noise() -> None:
    noise = KnownNoise()
    denied = guard(PLENTY, noise, census(differences={"st-a": 3}), epsilon=1.0)
    assert (denied.status, denied.values, denied.epsilon_spent) == ("denied", None, None)
    assert not noise.asked
    assert [c.check for c in denied.checks] == [row.name for row in CHECKS]


# 2. Counts


def test_counts_that_are_large_enough_are_untouched() -> None:
    result = table([[10, 20], [0, 40]], derived=["chi2"])
    assert guard(result).values == result.values
    assert check(guard(result), "small-cells").outcome == "passed"


def test_zero_is_shown() -> None:
    assert guard(table([0, 0, 50], axes=[])).values == {"cells": [0, 0, 50], "n": 50}


def test_a_small_count_alone_is_hidden() -> None:
    released = guard(Result({"n": 9}, (Table(("n",)),)))
    assert released.status == "released"
    assert released.values == {"n": None}
    assert check(released, "small-cells").paths == ("n",)


def test_with_a_total_the_next_smallest_count_is_hidden_too() -> None:
    released = guard(table([40, 3, 400, 12], axes=[]))
    assert released.values == {"cells": [40, None, 400, None], "n": 455}
    assert check(released, "small-cells").paths == ("cells.1", "cells.3")


def test_without_a_total_nothing_more_is_hidden() -> None:
    assert guard(Result({"c": [40, 3, 12]}, (Table(("c",)),))).values == {"c": [40, None, 12]}


def test_with_both_margins_a_rectangle_is_hidden() -> None:
    released = guard(table([[3, 20, 30], [40, 50, 60], [15, 25, 35]]))
    assert released.values is not None
    assert released.values["cells"] == [[None, None, 30], [40, 50, 60], [None, None, 35]]
    assert released.values["along0"] == [53, 150, 75]
    assert released.values["n"] == 278


def test_a_small_margin_is_a_small_count() -> None:
    released = guard(table([[4, 3], [200, 300], [100, 50]]))
    assert released.values is not None
    assert released.values["along0"][0] is None


def test_small_counts_whose_sum_is_small_do_not_protect_each_other() -> None:
    """2 + 3 = 5 would still be a figure on five people."""
    assert guard(table([2, 3, 40, 400], axes=[])).values == {"cells": [None, None, None, 400], "n": 445}


def test_derived_values_go_with_the_counts_they_come_from() -> None:
    released = guard(table([3, 40, 400], derived=["chi2"], axes=[]))
    assert released.values is not None
    assert released.values["chi2"] is None
    assert "chi2" in check(released, "small-cells").paths


def test_what_is_derived_from_a_derived_count_goes_too() -> None:
    values = {"rate": 0.4, "n": 297, "missing": 3}
    chain = (Table(("n",), derived=(("rate",),)), Table(("missing",), derived=(("n",),)))
    assert guard(Result(values, chain)).values == {"rate": None, "n": None, "missing": None}


def test_a_count_that_stands_in_two_tables_is_hidden_in_neither_alone() -> None:
    values = {"by_sex": [3, 97], "n": 100, "by_arm": [50, 50]}
    two = (Table(("by_sex",), ((("n",), None),)), Table(("by_arm",), ((("n",), None),)))
    assert guard(Result(values, two)).values == {"by_sex": [None, None], "n": 100, "by_arm": [50, 50]}
    copied = {"cells": [3, 97], "again": [3, 97]}
    assert guard(Result(copied, (Table(("cells",), ((("again",), 0),)),))).values == {
        "cells": [None, 97],
        "again": [None, 97],
    }


# 3. Statistics, models, curves


def test_a_statistic_of_too_few_people_is_hidden() -> None:
    shown = (Statistic((("mean",), ("sd",)), 9), Statistic((("median",),), 10))
    released = guard(Result({"mean": 1.5, "sd": 0.5, "median": 2.0}, shown))
    assert released.values == {"mean": None, "sd": None, "median": 2.0}
    assert check(released, "few-people").paths == ("mean", "sd")


@pytest.mark.parametrize(("dominance", "shown"), [(None, 7.0), (0.5, 7.0), (0.51, None), (float("nan"), None)])
def test_a_total_that_one_person_may_dominate_is_hidden(dominance: float | None, shown: float | None) -> None:
    assert guard(Result({"cost": 7.0}, (Statistic((("cost",),), 50, dominance),))).values == {"cost": shown}


def test_a_model_needs_min_cell_people_per_parameter() -> None:
    values = {"coefficients": [0.1, 0.2, 0.3]}
    attacked = Membership(200, 100, 0.1, 0.55)
    assert guard(Result(values, (Model(30, 3, attacked),))).values == values
    denied = guard(Result(values, (Model(29, 3, attacked),)))
    assert (denied.status, denied.values) == ("denied", None)
    assert "fewer terms" in check(denied, "rows-per-parameter").en
    assert guard(Result(values, (Model(9, 0, attacked),))).status == "denied"


@pytest.mark.parametrize(("advantage", "outcome"), [(0.0, "passed"), (0.2, "passed"), (0.201, "refused")])
def test_a_model_that_gives_away_its_training_rows_is_refused(advantage: float, outcome: str) -> None:
    model = Model(300, 3, Membership(200, 100, advantage, 0.5 + advantage / 2))
    told = check(guard(Result({"coefficients": [0.1]}, (model,))), "membership")
    assert told.outcome == outcome and f"{advantage:.3f}" in told.en


def test_the_worst_of_several_models_counts_and_an_attack_without_a_figure_is_no_pass() -> None:
    models = [Model(300, 3, Membership(200, 100, a, 0.5)) for a in (0.1, 0.3, 0.0)]
    assert guard(Result({"coefficients": [0.1]}, tuple(models))).status == "denied"
    unknown = Model(300, 3, Membership(200, 100, float("nan"), 0.5))
    assert guard(Result({"coefficients": [0.1]}, (models[0], unknown))).status == "denied"


@pytest.mark.parametrize(
    ("advantage", "chance", "outcome"),
    [(0.25, 0.1, "refused"), (0.25, 0.3, "passed"), (0.31, 0.3, "refused"), (0.4, 3.0, "passed"), (0.41, 3, "refused")],
)
def test_what_few_different_rows_give_by_chance_is_let_through_and_a_gross_advantage_never(
    advantage: float, chance: float, outcome: str
) -> None:
    model = Model(300, 3, Membership(200, 100, advantage, 0.6, chance))
    told = check(guard(Result({"coefficients": [0.1]}, (model,))), "membership")
    assert told.outcome == outcome and f"chance alone gives {min(chance, 1):.2f}" in told.en


def test_a_model_on_which_no_attack_was_run_is_refused_unless_it_is_differentially_private() -> None:
    result = Result({"coefficients": [0.1], "n": 300}, (Table(("n",)), Model(300, 3)))
    told = check(guard(result), "membership")
    assert told.outcome == "refused" and "holdout: 0.2" in told.en and "holdout: 0.2" in told.zh
    draft = Draft(result.values, result.exposures, census(), limits(), KnownNoise(), epsilon_spent=1.0)
    private = check_membership(draft)[1]
    assert private.outcome == "off" and "differentially private" in private.en
    assert check(guard(table([100, 200])), "membership").outcome == "passed"


def step(time: int, at_risk: int, events: int, censored: int = 0) -> dict[str, Any]:
    return {"time": time, "at_risk": at_risk, "events": events, "censored": censored, "survival": at_risk / 61}


def test_a_curve_keeps_steps_with_enough_events_before_and_people_at_risk() -> None:
    steps = [step(1, 61, 6), step(2, 55, 5, 2), step(3, 48, 12), step(4, 36, 9), step(5, 27, 17, 1), step(6, 9, 9)]
    released = guard(Result({"curve": steps}, (Curve(("curve",)),)))
    assert released.values is not None
    assert [s["time"] for s in released.values["curve"]] == [2, 3, 5]
    assert released.values["curve"][1] == steps[2]
    assert released.values["curve"][0] == {**steps[1], "events": None, "censored": None}
    assert released.values["curve"][2] == {**steps[4], "censored": None}
    assert check(released, "curves").paths == ("curve",)


@pytest.mark.parametrize(("at_risk", "events", "kept"), [(10, 10, 1), (9, 10, 0), (10, 9, 0), (50, 10, 1)])
def test_the_bounds_of_a_step_are_min_cell_itself(at_risk: int, events: int, kept: int) -> None:
    released = guard(Result({"curve": [step(1, at_risk, events)]}, (Curve(("curve",)),)))
    assert released.values is not None
    assert len(released.values["curve"]) == kept


# 4. Rounding


def test_counts_are_rounded_one_by_one_to_the_nearest_multiple() -> None:
    result = table([[12, 13], [38, 137]], derived=["chi2"])
    released = guard(result, round_to=5)
    assert released.values == {
        "cells": [[10, 15], [40, 135]],
        "along0": [25, 175],
        "along1": [50, 150],
        "n": 200,
        "chi2": None,
    }
    assert check(released, "rounding").outcome == "changed"
    assert guard(result).values == result.values


def test_counts_derived_from_each_other_are_rounded_rather_than_hidden() -> None:
    both = (Table(("n",), derived=(("missing",),)), Table(("missing",), derived=(("n",),)))
    assert guard(Result({"n": 203, "missing": 17}, both), round_to=10).values == {"n": 200, "missing": 20}


def test_what_is_hidden_stays_hidden_when_the_rest_is_rounded() -> None:
    assert guard(table([3, 12, 44], axes=[]), round_to=10).values == {"cells": [None, None, 40], "n": 60}


# 5. Differential privacy


def test_noise_falls_on_every_cell_and_margins_are_their_sums() -> None:
    noise = KnownNoise((2, -5))
    released = guard(table([[3, 4], [30, 40]], derived=["chi2"]), noise, epsilon=0.5)
    assert noise.asked == [([3, 4, 30, 40], 1, 0.5)]
    assert released.values == {
        "cells": [[5, 0], [32, 35]],
        "along0": [4, 67],
        "along1": [37, 34],
        "n": 71,
        "chi2": None,
    }
    assert released.epsilon_spent == 0.5
    assert check(released, "small-cells").outcome == "off"


def test_several_tables_share_one_epsilon() -> None:
    """A person stands in each of them: the sensitivity is their number, and the noise is drawn once."""
    values = {"a": [30, 70], "b": [60, 40], "n": 100}
    two = (Table(("a",), ((("n",), None),)), Table(("b",), ((("n",), None),)), Table(("n",)))
    noise = KnownNoise((1,))
    released = guard(Result(values, two), noise, epsilon=1.0)
    assert noise.asked == [([30, 70, 60, 40], 2, 1.0)]
    assert released.values == {"a": [31, 71], "b": [61, 41], "n": 102}


def test_noise_is_refused_where_it_is_not_proven() -> None:
    noise = KnownNoise()
    mixed = Result({"n": 300, "mean": 4.0}, (Table(("n",)), Statistic((("mean",),), 300)))
    for result, who in ((mixed, census()), (PLENTY, census(repeated=1))):
        denied = guard(result, noise, who, epsilon=1.0)
        assert (denied.status, denied.values, denied.epsilon_spent) == ("denied", None, None)
    assert "one row per person" in check(guard(PLENTY, noise, census(repeated=1), epsilon=1.0), "noise").en
    assert not noise.asked


def test_noisy_counts_may_be_rounded_too() -> None:
    assert guard(table([31, 52], axes=[]), KnownNoise((1,)), epsilon=1.0, round_to=10).values == {
        "cells": [30, 50],
        "n": 80,
    }


# 6. The report, and what is always so


EVERYTHING = Result(
    {**table([[3, 20], [30, 40]], derived=["chi2"]).values, "mean": 1 / 3, "curve": [step(1, 61, 20)]},
    (*table([[3, 20], [30, 40]], derived=["chi2"]).exposures, Statistic((("mean",),), 50), Curve(("curve",))),
)


@pytest.mark.parametrize("changes", [{}, {"round_to": 5}, {"epsilon": 1.0}, {"min_cell": 3}, {"min_contributors": 9}])
@pytest.mark.parametrize("result", [PLENTY, EVERYTHING, table([1, 2, 3]), Result({}, (Model(5, 1),))])
def test_every_check_reports_in_both_languages_and_leaves_the_result_alone(
    result: Result, changes: dict[str, Any]
) -> None:
    before = copy.deepcopy(result)
    guarded = guard(result, **changes)
    assert [c.check for c in guarded.checks] == [row.name for row in CHECKS]
    for c in guarded.checks:
        assert c.en.endswith(".") and c.zh.endswith("。") and re.search("[\u4e00-\u9fff]", c.zh)
        assert bool(c.paths) <= (c.outcome in {"changed", "hidden"})
    assert (guarded.status == "denied") == any(c.outcome == "refused" for c in guarded.checks)
    assert result == before
    if guarded.values is not None:
        guarded.values["n"] = "scribble"
        assert result == before


def test_what_is_not_hidden_keeps_its_full_precision() -> None:
    released = guard(EVERYTHING)
    assert released.values is not None
    assert released.values["mean"] == 1 / 3
    assert released.values["curve"] == EVERYTHING.values["curve"]


def test_figures_of_which_nothing_is_declared_are_refused() -> None:
    assert guard(Result({"secret": [1.5]})).status == "denied"
    assert guard(Result({"note": "nothing to see"})).values == {"note": "nothing to see"}


@pytest.mark.parametrize(
    ("values", "exposure"),
    [
        ({"n": 300}, Table(("m",))),
        ({"n": 300.5}, Table(("n",))),
        ({"n": -1}, Table(("n",))),
        ({"n": True}, Table(("n",))),
        ({"n": None}, Table(("n",))),
        ({"c": [100, 200], "n": 299}, Table(("c",), ((("n",), None),))),
        ({"c": [100, 200], "m": [100]}, Table(("c",), ((("m",), 0),))),
        ({"c": [100, 200], "m": [100, 200]}, Table(("c",), ((("m",), 1),))),
        ({"c": [100, 200], "m": [300]}, Table(("c",), ((("m",), None),))),
        ({"c": [3, 200]}, Table(("c",), derived=(("chi2",),))),
        ({"curve": [{"time": 1, "events": 4}]}, Curve(("curve",))),
        ({"mean": 1.0}, Statistic((("median",),), 3)),
    ],
)
def test_a_method_that_does_not_hold_what_it_declares_releases_nothing(values: dict[str, Any], exposure: Any) -> None:
    with pytest.raises(Refused) as caught:
        guard(Result(values, (exposure,)))
    assert caught.value.code == "exposure-mismatch"


def test_the_table_of_checks_is_the_manual() -> None:
    names = [row.name for row in CHECKS]
    assert len(set(names)) == len(names)
    for row in CHECKS:
        assert row.function.__doc__ and row.asks.en.endswith("?") and row.asks.zh.endswith("？")
        if isinstance(row, CensusCheck):
            assert row.function(census(), limits()).check == row.name
