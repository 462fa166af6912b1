"""nn with noise in every sum: what one person can change, what all rounds cost, and what is released."""

from __future__ import annotations

from typing import Any

import dp_accounting
import numpy as np
import pandas as pd
import pytest
from dp_accounting.rdp import RdpAccountant
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

import drive
from drive import Trace, build, hospitals, schema_of, trace
from guarding import census, check, limits
from huizhen.adapters.table import Work
from huizhen.kit.errors import BadInput, HuizhenError, Unable
from huizhen.methods.nn import Nn
from huizhen.model.batch import PERSON
from huizhen.model.method import Privacy
from huizhen.model.partial import Partial
from huizhen.path.guard import guard_result
from huizhen.privacy import accounting, shares
from huizhen.privacy.noise import OpenDpNoise
from huizhen.statistics import nets, noisy_net
from huizhen.statistics.holdout import held_out
from huizhen.statistics.noisy_net import UNIT, NoisyNet, Persons

CELLS = load_breast_cancer(as_frame=True).frame.rename(columns=lambda name: name.replace(" ", "_"))
COLUMNS = ["mean_radius", "mean_texture", "mean_smoothness", "worst_area", "worst_concavity"]
RANGES = {"mean_radius": [6, 29], "mean_texture": [9, 40], "mean_smoothness": [0.05, 0.17], "worst_*": [0, 4255]}
PARAMS: dict[str, Any] = {
    "outcome": "target", "columns": COLUMNS, "hidden": [3], "rounds": 8, "learning_rate": 2, "holdout": 0.3, "seed": 1,
    "ranges": {**RANGES, "worst_concavity": [0, 1.3]},
}  # fmt: skip
PROMISE = Privacy(1.0, 1e-6)


def learned(parts: list[pd.DataFrame], privacy: Privacy | None = PROMISE, **params: Any) -> Trace:
    return trace("nn", {**PARAMS, **params}, schema_of(CELLS), parts, privacy=privacy)


def weights(seen: Trace) -> np.ndarray[Any, Any]:
    return np.concatenate([np.ravel(part) for part in seen.result.values["weights"]])


def noisy(privacy: Privacy = PROMISE, **params: Any) -> NoisyNet:
    method = build("nn", {**PARAMS, **params}, schema_of(CELLS), privacy)
    assert isinstance(method, Nn) and method.noisy is not None
    return method.noisy


# -- what it costs


@pytest.mark.parametrize("rounds", [1, 30, 500])
@pytest.mark.parametrize("privacy", [Privacy(0.1, 1e-7), PROMISE, Privacy(3.0, 1e-5), Privacy(8.0, 1e-7)])
def test_all_rounds_cost_what_dp_accounting_says_of_them(privacy: Privacy, rounds: int) -> None:
    """Whoever is trained on is counted and in every step; whoever is held out is counted and graded."""
    net = noisy(privacy, rounds=rounds)
    for phase, times in (("descend", rounds), ("grade", 1)):
        accountant = RdpAccountant()
        accountant.compose(dp_accounting.GaussianDpEvent(net.sd("count")))
        accountant.compose(dp_accounting.GaussianDpEvent(net.sd(phase)), times)
        assert 0.999 * privacy.epsilon < accountant.get_epsilon(privacy.delta) <= privacy.epsilon * (1 + 1e-9)


def test_the_schedule_has_so_many_steps_and_no_more() -> None:
    net = noisy(rounds=3)
    steps = [{"phase": "count"}, *({"phase": "descend", "round": k} for k in range(3)), {"phase": "grade"}]
    told = [net.blur(state) for state in steps]
    assert [blur.step for blur in told if blur is not None] == [0, 1, 2, 3, 4]
    assert told[1].sd["slope"] == net.sd("descend") * UNIT
    for other in ({"phase": "descend", "round": 3}, {"phase": "descend", "round": -1}, {"phase": "train", "round": 0}):
        assert net.blur(other) is None


def test_a_larger_epsilon_costs_more_and_what_cannot_be_promised_is_refused() -> None:
    costs = [accounting.cost_within(epsilon, 1e-6) for epsilon in (0.05, 0.5, 1, 5, 50)]
    assert costs == sorted(costs)
    with pytest.raises(BadInput) as refused:
        accounting.cost_within(0.0001, 1e-6)
    assert refused.value.code == "epsilon-out-of-range"


# -- what one person can change


@st.composite
def rows(draw: st.DrawFn) -> tuple[np.ndarray[Any, Any], int]:
    """Rows of a node as the method gathers them, and one of its people."""
    people = draw(st.integers(1, 12))
    dice = np.random.default_rng(draw(st.integers(0, 10**6)))
    who = np.concatenate([np.arange(people), dice.integers(0, people, draw(st.integers(0, 20)))])
    x = dice.normal(size=(len(who), 3)) * 10.0 ** draw(st.integers(-3, 12))
    table = np.column_stack([x, dice.integers(0, 2, len(who)), dice.random(len(who)) < 0.4, who])
    return table, draw(st.integers(0, people - 1))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(rows(), st.floats(0.01, 100), st.sampled_from([1e-3, 1.0, 1e5]))
def test_a_person_with_any_rows_moves_no_sum_by_more_than_one(
    drawn: tuple[np.ndarray[Any, Any], int], clip: float, size: float
) -> None:
    table, one = drawn
    net = nets.Net("mlp", 3, (2,), 1, 1)
    at = net.initial(3) * size
    without = table[table[:, -1] != one]
    for told in (
        noisy_net.counted(table) - noisy_net.counted(without),
        noisy_net.slope(net, at, table, clip) - noisy_net.slope(net, at, without, clip),
        noisy_net.ranked(net, at, table) - noisy_net.ranked(net, at, without),
    ):
        assert sum(int(k) ** 2 for k in told.ravel()) <= UNIT**2


def test_a_person_is_either_trained_on_or_held_out_with_all_rows() -> None:
    table = np.array([[1.0, 0, 1, 7], [2, 1, 0, 7], [3, 1, 0, 8], [0, 0, 1, 8], [5, 1, 0, 9]])
    train, out = Persons.of(table, False), Persons.of(table, True)
    assert train.x.ravel().tolist() == [5] and out.x.ravel().tolist() == [1, 2, 0, 3]
    assert len(train) == 1 and out.first.tolist() == [0, 2]
    assert noisy_net.counted(table).tolist() == [UNIT, 2 * UNIT]


def test_another_process_builds_the_same_private_method() -> None:
    """As Spark's executors do, from words and numbers."""
    method = build("nn", PARAMS, schema_of(CELLS), PROMISE)
    there = Work.read(Work(method, {"phase": "count"}).as_bytes()).method
    assert there.privacy == PROMISE and there.by_person and there.params == method.params


def test_gradients_that_are_no_numbers_count_for_nothing() -> None:
    each = np.array([[np.nan, 1], [np.inf, 0], [3, 4], [0.3, 0.4], [1e308, 1e308]])
    told = noisy_net.clipped(each, 1.0)
    assert told[:2].tolist() == [[0, 0], [0, 0]] and told[4].tolist() == [0, 0]
    np.testing.assert_allclose(told[2:4] / UNIT, [[0.6, 0.8], [0.3, 0.4]], atol=2 / UNIT)


# -- the noise


@pytest.mark.parametrize(("nodes", "needed"), [(3, 2), (4, 3), (5, 4), (10, 7), (620, 414)])
def test_two_thirds_of_the_nodes_are_enough_for_the_noise(nodes: int, needed: int) -> None:
    assert shares.honest(nodes) == needed
    assert shares.share_sd(1e6, nodes) * np.sqrt(needed) == pytest.approx(1e6)


def test_a_field_without_noise_or_of_fractions_is_no_private_sum() -> None:
    for partial, sd in (
        (Partial({"a": np.arange(2), "b": np.arange(2)}), {"a": 1e6}),
        (Partial({"a": np.array([0.5])}), {"a": 1e6}),
        (Partial({"a": np.arange(2)}), {"a": 3.0}),
    ):
        with pytest.raises(ValueError):
            shares.blurred(partial, sd, 3)


def test_it_is_of_the_right_size_and_never_the_same() -> None:
    zero = Partial({"a": np.zeros(20_000, dtype=np.int64)})
    one, two = (shares.blurred(zero, {"a": 1e6 * np.sqrt(2)}, 3)["a"] for _ in range(2))
    assert one.std() == pytest.approx(1e6, rel=0.03) and abs(one.mean()) < 5e4
    assert (one != two).mean() > 0.99 and np.corrcoef(one, two)[0, 1] < 0.05


# -- what is learned


def test_but_for_noise_and_cuts_it_is_gradient_descent_on_the_pooled_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive, "blurred", lambda exact, sd, nodes: exact)
    plain = trace("nn", {**PARAMS, "batch_rows": None}, schema_of(CELLS), hospitals(CELLS))
    np.testing.assert_allclose(weights(learned(hospitals(CELLS), clip=50.0)), weights(plain), atol=1e-3)
    cut = learned(hospitals(CELLS), clip=0.05)
    assert np.abs(weights(cut) - weights(plain)).max() > 0.01, "gradients are cut"
    one = weights(learned([CELLS], clip=0.05))
    np.testing.assert_allclose(weights(cut), one, rtol=0, atol=1e-9)


def test_rows_of_one_person_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drive, "blurred", lambda exact, sd, nodes: exact)
    own = CELLS.assign(**{PERSON: np.arange(len(CELLS))})
    twice = pd.concat([own, own[:200]], ignore_index=True)
    np.testing.assert_allclose(weights(learned([twice])), weights(learned([own])), atol=1e-9)


def test_noise_is_never_the_same_and_the_net_foretells_all_the_same() -> None:
    one, two = (learned(hospitals(CELLS), Privacy(8.0, 1e-5), rounds=15, hidden=[]) for _ in range(2))
    assert np.abs(weights(one) - weights(two)).max() > 1e-3
    out = held_out([CELLS[name].to_numpy(float) for name in COLUMNS], len(CELLS), 0.3, 1)
    risk = nets.predict(one.result.values, {name: CELLS[name].to_numpy() for name in COLUMNS})
    assert roc_auc_score(CELLS.target[out], risk[out]) > 0.9


def test_the_area_under_the_curve_is_that_of_persons_but_for_noise() -> None:
    dice = np.random.default_rng(1)
    y = dice.integers(0, 2, 4000)
    risk = np.clip(0.5 + 0.2 * (y - 0.5) + dice.normal(0, 0.15, len(y)), 0, 0.999)
    place = (risk * noisy_net.BINS).astype(int) + noisy_net.BINS * y
    exact = np.bincount(place, minlength=2 * noisy_net.BINS).reshape(2, -1).astype(float)
    true = roc_auc_score(y, risk)
    assert noisy_net.fit(exact, 0.0)["auc"] == pytest.approx(true, abs=0.01)
    told = noisy_net.fit(exact + dice.normal(0, 20, exact.shape), 20.0)
    assert abs(told["auc"] - true) < 5 * told["auc_noise"] and 0.001 < told["auc_noise"] < 0.05
    nobody = noisy_net.fit(exact * 0 - 3, 1.0)
    assert nobody["auc"] is None and nobody["auc_noise"] is None and nobody["outcomes"] == [0, 0]


def test_values_beyond_their_range_are_taken_as_its_end() -> None:
    values = learned(hospitals(CELLS), rounds=1).result.values
    given = {name: CELLS[name].to_numpy(float)[:1].copy() for name in COLUMNS}
    far, end = {**given, "mean_radius": np.array([1e9])}, {**given, "mean_radius": np.array([29.0])}
    assert nets.predict(values, far) == nets.predict(values, end)


# -- what is released


def test_the_hub_gets_three_kinds_of_sums_and_nothing_else() -> None:
    seen = learned(hospitals(CELLS))
    assert [sorted(total.fields) for total in seen.totals] == [["persons"], *([["slope"]] * 8), ["ranks"]]
    assert all(total.layout()[0].dtype == "int64" for total in seen.totals)
    values = seen.result.values
    assert "history" not in values and "membership" not in values and set(values["train"]) == {"n"}
    assert values["privacy"]["epsilon"] == 1.0 and values["privacy"]["rounds"] == 8
    known = {"mean_radius": (6, 29), "worst_area": (0, 4255), "worst_concavity": (0, 1.3)}
    told = {each["column"]: (each["low"], each["high"]) for each in values["inputs"]}
    assert {name: told[name] for name in known} == known


def test_the_guard_lets_it_pass_where_noise_was_asked_for_and_only_there() -> None:
    result = learned(hospitals(CELLS), hidden=[64], rounds=1).result  # more weights than people
    who = census(repeated=40)
    guarded = guard_result(result, who, limits(epsilon=1.0), OpenDpNoise())
    assert guarded.status == "released" and guarded.epsilon_spent == 1.0
    assert guarded.values == result.values
    assert "0.462" in check(guarded, "membership").en  # tanh(1 / 2)
    with pytest.raises(ValueError):
        guard_result(result, who, limits(), OpenDpNoise())


# -- what has no answer


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ranges": {"mean_radius": [6, 29]}}, "ranges-missing"),
        ({"ranges": None}, "ranges-missing"),
        ({"ranges": {**PARAMS["ranges"], "age": [1, 2]}}, "bad-range"),
        ({"ranges": {**PARAMS["ranges"], "mean_radius": [29, 6]}}, "bad-range"),
        ({"batch_rows": 32}, "not-with-noise"),
        ({"local_epochs": 2}, "not-with-noise"),
        ({"algorithm": "fedprox"}, "not-with-noise"),
        ({"precision": "quantised"}, "not-with-noise"),
        ({"personal": "head"}, "not-with-noise"),
        ({"clip": 0}, "bad-params"),
    ],
)
def test_parameters_are_checked(params: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        build("nn", {**PARAMS, **params}, schema_of(CELLS), PROMISE)
    assert refused.value.code == code


def test_where_noise_would_drown_what_people_say_it_ends_before_anything_is_drawn() -> None:
    def refusal(people: int, privacy: Privacy) -> str:
        try:
            build("nn", PARAMS, schema_of(CELLS), privacy).check_people(people)
        except HuizhenError as problem:
            assert isinstance(problem, Unable) and "Nothing was spent" in problem.remedy.en
            return problem.code
        return ""

    assert refusal(500, PROMISE) == ""
    assert refusal(100, Privacy(0.05, 1e-6)) == "noise-drowns"
    assert refusal(50_000, Privacy(0.05, 1e-6)) == ""
    assert refusal(2000, Privacy(1.0, 1e-3)) == "delta-beyond-people"
