"""The budget: sums of epsilons, their tighter composition, and the life of a reservation."""

from __future__ import annotations

import math
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.kit.errors import BadInput, Conflict
from huizhen.privacy.budget import (
    HOLDS,
    TRANSITIONS,
    BudgetDecision,
    Reservation,
    advance,
    check_budget,
    move,
    total_epsilon,
)


def exact_delta(epsilons: list[float], epsilon: float) -> float:
    """Hockey-stick divergence of composed randomised response: the sum over every pattern of losses +-epsilon_i."""
    delta = 0.0
    for signs in product((1, -1), repeat=len(epsilons)):
        loss = sum(s * e for s, e in zip(signs, epsilons, strict=True))
        chance = math.prod(1 / (1 + math.exp(-s * e)) for s, e in zip(signs, epsilons, strict=True))
        delta += chance * max(0.0, -math.expm1(epsilon - loss))
    return delta


@given(st.lists(st.sampled_from([0.05, 0.1, 0.3, 0.7]), min_size=2, max_size=8), st.sampled_from([1e-6, 1e-3, 0.05]))
@settings(max_examples=25, deadline=None)
def test_composition_is_never_less_than_the_truth_and_close_to_it(epsilons: list[float], delta: float) -> None:
    total = total_epsilon(epsilons, delta)
    assert exact_delta(epsilons, total) <= delta * (1 + 1e-9)
    assert total <= sum(epsilons) + 1e-12
    slack = 1e-3 * sum(epsilons)
    assert total <= slack or exact_delta(epsilons, total - slack) > delta


def test_many_small_releases_cost_less_than_their_sum() -> None:
    assert total_epsilon([0.05] * 200, 1e-6) < 0.5 * 10.0
    assert total_epsilon([0.05] * 200, 0.0) == 10.0


def test_order_does_not_matter_and_more_is_never_less() -> None:
    assert total_epsilon([0.1, 0.5, 0.1], 1e-6) == total_epsilon([0.5, 0.1, 0.1], 1e-6)
    assert total_epsilon([], 1e-6) == 0.0
    assert total_epsilon([0.4], 1e-6) == 0.4


def test_epsilons_add_up_as_people_write_them() -> None:
    """In binary, 0.1 + 0.1 + 0.1 is more than 0.3."""
    assert sum([0.1] * 3) > 0.3
    assert check_budget([0.1, 0.1], 0.1, 0.3, 0.0) == BudgetDecision(True, 0.2, 0.3, 0.0)


def test_a_release_beyond_the_cap_is_not_allowed_and_leaves_what_was_left() -> None:
    assert check_budget([0.5], 0.6, 1.0, 0.0) == BudgetDecision(False, 0.5, 1.1, 0.5)
    assert check_budget([], 0.6, 1.0, 0.0) == BudgetDecision(True, 0.0, 0.6, 0.4)
    assert check_budget([2.0], 0.1, 1.0, 0.0) == BudgetDecision(False, 2.0, 2.1, 0.0)


def test_deltas_of_the_releases_are_taken_from_the_regions() -> None:
    """What they leave is for the composition; more than all of it is not allowed, whatever the epsilons."""
    many = [0.05] * 100
    full, half = (check_budget(many, 0.05, 3.0, 1e-6, deltas) for deltas in (0.0, 5e-7))
    assert full.after < half.after == total_epsilon([*many, 0.05], 5e-7) < 5.05
    assert check_budget([], 0.5, 3.0, 1e-6, 1e-6) == BudgetDecision(True, 0.0, 0.5, 2.5)
    assert not check_budget([], 0.5, 3.0, 1e-6, 1.1e-6).allowed
    assert not check_budget([], 0.5, 3.0, 0.0, 1e-7).allowed


@pytest.mark.parametrize(
    ("asked", "delta"), [(0.0, 0.0), (-1.0, 0.0), (math.inf, 0.0), (math.nan, 0.0), (1.0, 1.0), (1.0, -0.1)]
)
def test_a_budget_that_means_nothing_is_an_error(asked: float, delta: float) -> None:
    with pytest.raises(BadInput) as caught:
        check_budget([], asked, 1.0, delta)
    assert caught.value.code == "bad-budget"


def test_the_life_of_a_reservation() -> None:
    reserved = Reservation("st-1", 0.5, move(None, "reserve"))
    assert reserved.state == "reserved" and reserved.holds
    committed, released = advance(reserved, "commit"), advance(reserved, "release")
    assert (committed.state, committed.holds, committed.epsilon) == ("committed", True, 0.5)
    assert (released.state, released.holds) == ("released", False)


@pytest.mark.parametrize(
    ("state", "event"), [("reserved", "reserve"), ("committed", "commit"), ("released", "release")]
)
def test_a_step_that_runs_again_after_a_crash_changes_nothing(state: str, event: str) -> None:
    assert move(state, event) == state  # type: ignore[arg-type]


def test_what_the_table_does_not_hold_cannot_happen() -> None:
    known = {(row.before, row.event) for row in TRANSITIONS}
    assert len(known) == len(TRANSITIONS)
    states: list[str | None] = [None, "reserved", "committed", "released"]
    for state, event in product(states, ("reserve", "commit", "release")):
        if (state, event) not in known:
            with pytest.raises(Conflict) as caught:
                move(state, event)  # type: ignore[arg-type]
            assert caught.value.code == "budget-state"


def test_no_path_leads_out_of_committed() -> None:
    assert {row.after for row in TRANSITIONS if row.before == "committed"} == {"committed"}
    assert {row.after for row in TRANSITIONS if row.before == "released"} == {"released"}
    assert {"reserved", "committed"} == HOLDS
