"""Attacks on what is released: each succeeds against the unguarded figures and fails against the guarded ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from guarding import KnownNoise, census, check, guard, hospitals, table
from huizhen.kit.errors import Conflict
from huizhen.model.result import Result, Table
from huizhen.path.guard import Guarded
from huizhen.privacy.audit import intervals, recoverable
from huizhen.privacy.budget import Reservation, advance, check_budget, move
from huizhen.privacy.noise import OpenDpNoise

LUNG = [[3, 20, 30], [40, 50, 60], [15, 25, 35]]


def values(guarded: Guarded) -> dict[str, Any]:
    assert guarded.values is not None
    return guarded.values


def only_small_hidden(result: Result) -> dict[str, Any]:
    """What a guard without complementary suppression would publish."""

    def shown(value: Any) -> Any:
        return [shown(v) for v in value] if isinstance(value, list) else None if 0 < value < 10 else value

    return {key: shown(value) for key, value in result.values.items()}


# The reader who subtracts


@pytest.mark.parametrize(
    "cells",
    [
        LUNG,
        [3, 40, 400],
        [[4, 3], [200, 300], [100, 50]],
        np.full((3, 3, 3), 20) - 17 * np.eye(27)[13].reshape(3, 3, 3),
    ],
)
def test_small_cells_alone_are_recovered_from_margins_and_the_guards_are_not(cells: Any) -> None:
    result = table(cells)
    tables: Any = result.exposures
    naive = only_small_hidden(result)
    small = set(intervals(naive, tables))
    assert small and set(recoverable(naive, tables)) == small
    guarded = values(guard(result))
    spans = intervals(guarded, tables)
    assert small <= spans.keys()
    assert not set(recoverable(guarded, tables, fewer_than=10)) & small


def test_row_total_minus_the_visible_cells_is_no_longer_the_hidden_one() -> None:
    naive = only_small_hidden(table(LUNG))
    assert naive["along0"][0] - sum(c for c in naive["cells"][0] if c) == LUNG[0][0]
    guarded = values(guard(table(LUNG)))
    assert guarded["along0"][0] - sum(c for c in guarded["cells"][0] if c) >= 10


def test_a_zero_that_is_shown_does_not_pin_its_neighbours() -> None:
    """1 + 1 + 0 = 2 says that both are 1, since a hidden count is not zero: the total has to go as well."""
    result = table([[1, 1, 0], [0, 40, 60], [50, 0, 70]])
    tables: Any = result.exposures
    careless = {**result.values, "cells": [[None, None, 0], [0, None, 60], [None, 0, 70]]}
    assert ("cells", 0, 0) in recoverable(careless, tables)
    assert not recoverable(values(guard(result)), tables, fewer_than=10)


def test_one_table_does_not_give_away_what_another_hides() -> None:
    counted = {"by_sex": [3, 97], "by_arm": [50, 50]}
    apart = (Table(("by_sex",)), Table(("by_arm",)))
    with_total = (Table(("by_sex",), ((("n",), None),)), Table(("by_arm",), ((("n",), None),)))
    naive = {"by_sex": [None, 97], "by_arm": [50, 50], "n": 100}
    assert sum(naive["by_arm"]) - naive["by_sex"][1] == 3
    assert values(guard(Result({**counted, "n": 100}, with_total)))["by_sex"] == [None, None]
    assert values(guard(Result(counted, apart)))["by_sex"] == [None, 97]


@pytest.mark.parametrize(
    ("one", "other"), [([40, 3, 400, 12], [40, 5, 400, 10]), (LUNG, [[7, 16, 30], LUNG[1], [11, 29, 35]])]
)
def test_what_is_released_is_the_same_for_tables_that_differ_only_in_what_is_hidden(one: Any, other: Any) -> None:
    assert guard(table(one, axes=None if isinstance(one[0], list) else [])) == guard(
        table(other, axes=None if isinstance(other[0], list) else [])
    )


def test_rounding_leaves_no_derived_value_that_undoes_it() -> None:
    counts = [[38, 137], [62, 103]]
    result = Result({"cells": counts, "share": counts[0][0] / 340}, (Table(("cells",), derived=(("share",),)),))
    assert round(result.values["share"] * 340) == 38
    assert values(guard(result, round_to=5)) == {"cells": [[40, 135], [60, 105]], "share": None}


def test_large_tables_are_protected_in_seconds_and_completely() -> None:
    cells = np.random.default_rng(1).negative_binomial(0.4, 0.05, (40, 30))
    result = table(cells)
    guarded = values(guard(result))
    assert int(cells.sum()) == guarded["n"]
    few = [("cells", int(i), int(j)) for i, j in np.argwhere((cells > 0) & (cells < 10))[::60]]
    spans = intervals(guarded, result.exposures, only=few)  # type: ignore[arg-type]
    assert len(spans) == len(few) > 5
    assert all(high is None or high - low + 1 >= 10 for low, high in spans.values())


# The asker who asks twice


def test_the_second_of_two_cohorts_that_differ_by_one_person_is_refused() -> None:
    everyone, all_but_one = Result({"n": 300}, (Table(("n",)),)), Result({"n": 299}, (Table(("n",)),))
    first = guard(everyone)
    unguarded = guard(all_but_one, who=census(people=299))
    assert values(first)["n"] - values(unguarded)["n"] == 1
    denied = guard(all_but_one, who=census(people=299, differences={"st-first": 1}))
    assert denied.status == "denied" and denied.values is None
    assert check(denied, "differencing").outcome == "refused"


# The hospital that takes away its own share


def test_a_hospital_cannot_learn_the_only_other_ones_sum() -> None:
    own, other = 120, 180
    total = Result({"n": own + other}, (Table(("n",)),))
    assert values(guard(total, who=hospitals(own, other), min_contributors=2))["n"] - own == other
    assert guard(total, who=hospitals(own, other)).status == "denied"


def test_a_sum_that_is_nearly_one_hospitals_own_is_refused() -> None:
    sizes = (960, 30, 10)
    total = Result({"n": sum(sizes)}, (Table(("n",)),))
    assert abs(sum(sizes) - sizes[0]) / sizes[0] < 0.05
    assert guard(total, who=hospitals(*sizes)).status == "denied"


# The reader of noisy counts

TRIALS, SLIP = 20_000, math.sqrt(math.log(2 / 1e-10) / (2 * 20_000))
"""Dvoretzky-Kiefer-Wolfowitz-Massart: no empirical distribution of 20,000 is off by SLIP anywhere, but once in 1e10."""


@pytest.mark.parametrize("epsilon", [0.2, 1.0])
def test_guessing_who_is_in_the_table_gains_no_more_than_epsilon_allows(epsilon: float) -> None:
    """Twenty thousand cells with 40 people, and as many with 41: the best guess at a threshold, for every threshold."""
    without = Result({"c": [40] * TRIALS}, (Table(("c",)),))
    having = Result({"c": [41] * TRIALS}, (Table(("c",)),))
    assert values(guard(without))["c"][0] < values(guard(having))["c"][0]
    a = np.array(values(guard(without, OpenDpNoise(), epsilon=epsilon))["c"])
    b = np.array(values(guard(having, OpenDpNoise(), epsilon=epsilon))["c"])
    best = 0.0
    for cut in range(20, 62):
        for p, q in (((a >= cut).mean(), (b >= cut).mean()), ((a < cut).mean(), (b < cut).mean())):
            assert q - SLIP <= math.exp(epsilon) * (p + SLIP)
            assert p - SLIP <= math.exp(epsilon) * (q + SLIP)
            best = max(best, abs(q - p))
    bound = math.tanh(epsilon / 2)
    assert bound - 2 * SLIP <= best <= bound + 2 * SLIP


def test_asking_again_to_average_the_noise_away_ends_with_the_budget() -> None:
    spent: list[float] = []
    while (decision := check_budget(spent, 0.25, 1.0, 0.0)).allowed:
        spent.append(0.25)
    assert len(spent) == 4
    assert decision.remaining == 0


def test_noise_once_drawn_is_paid_for_whatever_happens_next() -> None:
    drawn = advance(Reservation("st-1", 0.5, "reserved"), "commit")
    for event in ("release", "reserve"):
        with pytest.raises(Conflict):
            move(drawn.state, event)  # type: ignore[arg-type]
    assert drawn.holds


def test_a_study_that_is_denied_has_drawn_nothing() -> None:
    noise = KnownNoise((5,))
    for who in (census(people=9), census(differences={"st-1": 2}), hospitals(950, 25, 25), census(repeated=4)):
        denied = guard(table([30, 50]), noise, who, epsilon=1.0)
        assert denied.status == "denied" and denied.epsilon_spent is None
    assert noise.asked == []
