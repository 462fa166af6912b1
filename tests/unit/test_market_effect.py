"""Leave-one-out and Shapley values from rows and misfits."""

from __future__ import annotations

import itertools
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.market import effect
from huizhen.market.effect import Part, Worth

WORTH = Worth(4, 60.0)


def one_by_one(rows: np.ndarray, misfit: np.ndarray, worth: Worth) -> np.ndarray:
    """Shapley's definition: over every order, what each adds when it comes; those before it are taken to fit."""
    found, orders = np.zeros(len(rows)), list(itertools.permutations(range(len(rows))))
    for order in orders:
        before = 0.0
        for k in order:
            with_it = effect.value(
                np.array(before + rows[k]), np.array(before + rows[k] * misfit[k]), rows.sum(), worth
            )
            found[k] += float(with_it - effect.value(np.array(before), np.array(before), rows.sum(), worth))
            before += rows[k]
    return found / len(orders)


@pytest.mark.parametrize("misfit", [[1, 1, 1, 1, 1], [1, 8, 1, 2, 1]])
def test_shapley_is_the_mean_over_every_order(misfit: list[int]) -> None:
    rows, strays = np.array([10.0, 20, 30, 25, 90]), np.array(misfit, dtype=float)
    assert effect.shapley(rows, strays, WORTH, 0) == pytest.approx(one_by_one(rows, strays, WORTH), abs=1e-12)


def test_where_none_strays_the_values_sum_to_that_of_all() -> None:
    rows = np.array([10.0, 20, 30, 25, 90])
    assert effect.shapley(rows, np.ones(5), WORTH, 0).sum() == pytest.approx(1 - WORTH.parameters / WORTH.gain)


def test_orders_drawn_come_near_every_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.array([10.0, 20, 30, 25, 90, 40, 15, 60])
    strays = np.array([1.0, 8, 1, 2, 1, 1, 4, 1])
    exact = effect.shapley(rows, strays, WORTH, 0)
    monkeypatch.setattr(effect, "ENUMERATED", 4)
    drawn = effect.shapley(rows, strays, WORTH, 7)
    assert drawn == pytest.approx(exact, abs=0.01)
    assert (drawn == effect.shapley(rows, strays, WORTH, 7)).all()


def test_where_none_strays_a_share_of_the_rows_is_worth_what_a_sample_of_them_is() -> None:
    rows = np.array([25.0, 75.0])
    quarter, all_of_them = 1 - WORTH.parameters / 0.25 / WORTH.gain, 1 - WORTH.parameters / WORTH.gain
    assert effect.value(rows[:1], rows[:1], 100.0, WORTH)[0] == pytest.approx(quarter)
    assert effect.leave_one_out(rows, np.ones(2), WORTH)[1] == pytest.approx(all_of_them - quarter)


def test_who_strays_far_takes_value_away() -> None:
    rows, strays = np.array([100.0, 100, 100, 100]), np.array([1.0, 64, 1, 1])
    worth = Worth(4, 6000.0)
    assert effect.leave_one_out(rows, strays, worth)[1] < 0 < effect.leave_one_out(rows, strays, worth)[0]
    assert effect.shapley(rows, strays, Worth(4, 600.0), 0)[1] < 0 < effect.shapley(rows, strays, worth, 0)[1]


def found(rule: str, parts: dict[str, Part], worth: Worth | None = WORTH, for_profit: bool = True) -> dict[str, str]:
    said = effect.effects("st-1", rule, parts, worth, for_profit=for_profit)  # type: ignore[arg-type]
    return {h.node: h.effect for h in said.hospitals} | {"": said.outcome}


PARTS = {"a": Part(100, 1), "b": Part(100, 16), "c": Part(100, 1), "d": Part(100, 1)}


@pytest.mark.parametrize("rule", ["shapley", "leave-one-out"])
def test_straying_is_paid_less(rule: str) -> None:
    told = found(rule, PARTS)
    assert told[""] == "measured"
    assert float(told["b"]) < 1 == float(told["a"]) == float(told["c"])


@pytest.mark.parametrize("rule", ["shapley", "leave-one-out"])
@given(
    rows=st.lists(st.integers(1, 1000), min_size=3, max_size=6),
    strays=st.lists(st.integers(0, 10), min_size=6, max_size=6),
    gain=st.floats(1, 5000),
    p=st.integers(3, 12),
)
@settings(max_examples=60, deadline=None)
def test_overstating_gains_nothing(rule: str, rows: list[int], strays: list[int], gain: float, p: int) -> None:
    parts = {f"h{i}": Part(n, 1 << strays[i]) for i, n in enumerate(rows)}
    paid = [share(rule, {**parts, "h0": Part(rows[0], 1 << k)}, Worth(p, gain)) for k in range(11)]
    assert all(after <= before for before, after in pairwise(paid))


def share(rule: str, parts: dict[str, Part], worth: Worth) -> float:
    """Of what is paid to hospitals, the share of h0 where all have the same quality."""
    weights = {n: parts[n].rows * float(e) for n, e in found(rule, parts, worth).items() if n}
    return weights["h0"] / sum(weights.values())


def test_hiding_that_one_strays_gains_no_more_than_being_paid_as_one_that_does_not() -> None:
    assert set(found("shapley", {**PARTS, "b": Part(100, 1)}).values()) == {"1.00", "measured"}


def test_who_does_not_tell_is_paid_as_the_least_and_at_most_by_rows() -> None:
    silent = found("shapley", {**PARTS, "d": Part(100, None)})
    assert silent["d"] == silent["b"] == min(silent[n] for n in "abcd")
    assert found("shapley", {n: Part(100, None if n == "d" else 1) for n in "abcd"})["d"] == "1.00"
    assert found("shapley", {"a": Part(10, None), "b": Part(9, None)}) == {"a": "1.00", "b": "1.00", "": "measured"}


def test_effects_are_between_a_quarter_and_twice() -> None:
    parts = {"a": Part(1000, 1), "b": Part(1, 1), "c": Part(500, 1024), "e": Part(0, 1)}
    for rule in ("shapley", "leave-one-out"):
        told = {n: float(e) for n, e in found(rule, parts).items() if n}
        assert min(told.values()) >= effect.LEAST and max(told.values()) <= effect.MOST
        assert told["e"] == 1.0


def test_where_it_cannot_be_measured_it_is_one_and_says_why() -> None:
    assert found("shapley", PARTS, None)[""] == "rows"
    assert found("shapley", PARTS, Worth(2, 60.0))[""] == "few-parameters"
    assert found("shapley", PARTS, Worth(4, 0.0))[""] == "nothing-explained"
    assert found("shapley", PARTS, WORTH, for_profit=False)[""] == "without-profit"
    for outcome in effect.OUTCOMES:
        assert effect.OUTCOMES[outcome].en and effect.OUTCOMES[outcome].zh
    assert set(found("shapley", PARTS, None).values()) == {"1.00", "rows"}


# -- what trees and nets explain


def test_of_trees_and_nets_gain_and_parameters_are_those_of_their_losses() -> None:
    train = {"n": 800, "outcomes": [600, 200], "log_loss": 0.40}
    holdout = {"n": 200, "outcomes": [150, 50], "log_loss": 0.42}
    null = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    found = effect.worth_of({"n": 1000, "train": train, "holdout": holdout, "net": {}})
    assert found is not None and found.parameters == 16 and found.gain == pytest.approx(2000 * (null - 0.42))
    numbers = {"train": {"n": 800, "mse": 0.9, "r_squared": 0.55}, "holdout": {"n": 200, "mse": 1.0, "r_squared": 0.5}}
    found = effect.worth_of({"n": 1000, **numbers})
    assert found is not None and found == (40, pytest.approx(1000.0))


@pytest.mark.parametrize(
    "change",
    [{"net": {"personal": "head"}}, {"holdout": {"n": 200, "outcomes": [None, None], "log_loss": 0.4}}, {"train": None},
     {"holdout": {"n": 200, "outcomes": [150, 50], "log_loss": None}}],
)  # fmt: skip
def test_where_that_is_hidden_or_each_has_a_head_of_its_own_rows_are_the_effect(change: dict[str, object]) -> None:
    train = {"n": 800, "outcomes": [600, 200], "log_loss": 0.40}
    holdout = {"n": 200, "outcomes": [150, 50], "log_loss": 0.42}
    values = {"n": 1000, "train": train, "holdout": holdout, "net": {}}
    assert effect.worth_of(values) is not None and effect.worth_of({**values, **change}) is None
