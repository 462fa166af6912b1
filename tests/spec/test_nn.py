"""nn: a network trained at every hospital and averaged; where it must be, the one that the pooled rows would give."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from drive import Trace, build, hospitals, schema_of, trace
from guarding import census, limits
from huizhen.kit.errors import BadInput, Unable
from huizhen.model.partial import Partial
from huizhen.model.result import Model
from huizhen.path.guard import guard_result
from huizhen.privacy.draft import Draft
from huizhen.privacy.membership import check_membership
from huizhen.privacy.noise import OpenDpNoise
from huizhen.secure import fixed
from huizhen.statistics import nets, updates
from huizhen.statistics.gathered import Gathered
from huizhen.statistics.holdout import held_out

CELLS = load_breast_cancer(as_frame=True).frame.rename(columns=lambda name: name.replace(" ", "_"))
COLUMNS = [name for name in CELLS.columns if name != "target"]
SIZE = {"outcome": "target", "holdout": 0.3, "hidden": [8], "seed": 1}
ONE_STEP = {**SIZE, "columns": COLUMNS[:6], "hidden": [4], "rounds": 5, "batch_rows": None, "learning_rate": 0.5}


def learned(parts: list[pd.DataFrame], batches: int = 1, **params: Any) -> Trace:
    return trace("nn", {"columns": COLUMNS, **SIZE, **params}, schema_of(CELLS), parts, batches)


def weights(seen: Trace) -> np.ndarray[Any, Any]:
    return np.concatenate([np.ravel(part) for part in seen.result.values["weights"]])


@cache
def cells(**params: Any) -> Trace:
    """Five hospitals, of which one has a single row and one none."""
    return learned(hospitals(CELLS), **params)


def held(columns: list[str] = COLUMNS) -> np.ndarray[Any, Any]:
    return held_out([CELLS[name].to_numpy(float) for name in columns], len(CELLS), 0.3, 1)


@cache
def descended() -> np.ndarray[Any, Any]:
    """Five steps of gradient descent on all training rows, by PyTorch's own modules, optimizer and backward pass."""
    import torch

    columns = COLUMNS[:6]
    train = ~held(columns)
    x = CELLS.loc[train, columns].to_numpy()
    x = torch.tensor((x - x.mean(axis=0)) / x.std(axis=0, ddof=1))
    y = torch.tensor(CELLS.target[train].to_numpy(float))
    module = torch.nn.Sequential(torch.nn.Linear(6, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1)).double()
    begin = nets.Net("mlp", 6, (4,), 4, 3).initial(1)
    torch.nn.utils.vector_to_parameters(torch.tensor(begin), module.parameters())
    descent = torch.optim.SGD(module.parameters(), lr=0.5)
    for _ in range(5):
        descent.zero_grad()
        torch.nn.BCEWithLogitsLoss()(module(x).squeeze(1), y).backward()
        descent.step()
    found: np.ndarray[Any, Any] = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    return found


# -- exactness


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(1, 7), st.integers(1, 3), st.integers(0, 10**6))
def test_one_step_on_all_rows_of_each_hospital_is_gradient_descent_on_the_pooled_rows(
    count: int, batches: int, seed: int
) -> None:
    place = np.random.default_rng(seed).integers(0, count, len(CELLS))
    seen = learned([CELLS[place == i] for i in range(count)], batches, **ONE_STEP)
    np.testing.assert_allclose(weights(seen), descended(), rtol=0, atol=1e-6)


def test_in_single_precision_too() -> None:
    seen = learned(hospitals(CELLS), **ONE_STEP, precision="single")
    np.testing.assert_allclose(weights(seen), descended(), rtol=0, atol=1e-6)


def test_without_hidden_layers_it_comes_to_logistic_regression() -> None:
    columns = COLUMNS[:3]
    seen = learned(hospitals(CELLS), columns=columns, hidden=[], rounds=400, batch_rows=None, learning_rate=5, l2=0.02)
    train = ~held(columns)
    x = CELLS.loc[train, columns].to_numpy()
    x = np.column_stack([(x - x.mean(axis=0)) / x.std(axis=0, ddof=1), np.ones(len(x))])
    own = LogisticRegression(C=1 / (0.02 * len(x)), fit_intercept=False, tol=1e-10).fit(x, CELLS.target[train])
    np.testing.assert_allclose(weights(seen), own.coef_[0], atol=1e-6)


@pytest.mark.parametrize("params", [{}, {"precision": "quantised", "keep": 0.25}, {"module": "cnn1d"}])
def test_how_rows_are_read_and_how_often_it_is_run_changes_nothing(params: dict[str, Any]) -> None:
    once = cells(rounds=4, **params)
    shuffled = [part.sample(frac=1, random_state=3) for part in hospitals(CELLS)]
    again = learned(shuffled, batches=3, rounds=4, **params)
    np.testing.assert_allclose(weights(again), weights(once), rtol=1e-9, atol=1e-12)


# -- how well it does, and what is said of it


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"algorithm": "fedprox", "local_epochs": 3},
        {"algorithm": "fedadam"},
        {"module": "cnn1d"},
        {"precision": "quantised", "keep": 0.25},
    ],
)
def test_it_foretells_rows_that_it_was_not_trained_on(params: dict[str, Any]) -> None:
    values = cells(**params).result.values
    risk = nets.predict(values, {name: CELLS[name].to_numpy() for name in COLUMNS})
    out = held()
    assert values["holdout"]["n"] == out.sum()
    assert values["train"]["n"] == (~out).sum()
    assert roc_auc_score(CELLS.target[out], risk[out]) > 0.985
    for name, rows in (("train", ~out), ("holdout", out)):
        said = values[name]
        assert said["auc"] == pytest.approx(
            roc_auc_score(CELLS.target[rows], risk[rows]), abs=said["auc_tolerance"] + 1e-9
        )
        assert said["log_loss"] == pytest.approx(log_loss(CELLS.target[rows], risk[rows]), rel=1e-6)
        assert said["outcomes"] == np.bincount(CELLS.target[rows]).tolist()
        losses = [each[name] for each in values["history"]]
        assert losses[-1] == said["log_loss"] < losses[0]
        assert len(losses) == 31


def test_categories_go_by_their_levels() -> None:
    dice = np.random.default_rng(4)
    frame = pd.DataFrame({"kind": dice.choice(["a", "b", "c"], 400), "x": dice.normal(size=400)})
    frame["y"] = (dice.random(400) < np.where(frame.kind == "b", 0.9, 0.1)).astype(int)
    asked = {"outcome": "y", "columns": ["kind", "x"], "hidden": [2], "rounds": 40}
    values = trace("nn", asked, schema_of(frame), hospitals(frame)).result.values
    told = values["inputs"]
    assert told[1:] == [{"column": "kind", "level": "b"}, {"column": "kind", "level": "c"}]
    risk = nets.predict(values, {"kind": frame.kind.to_numpy(), "x": frame.x.to_numpy()})
    assert risk[frame.kind == "b"].mean() > 0.8
    assert risk[frame.kind == "c"].mean() < 0.3


def test_fedprox_keeps_hospitals_nearer_to_the_common_weights() -> None:
    parts = [CELLS[CELLS.target == 0].iloc[:100], CELLS[CELLS.target == 1].iloc[:100], CELLS.iloc[300:]]

    def way(**params: Any) -> float:
        seen = learned(parts, rounds=1, local_epochs=10, **params)
        return float(np.linalg.norm(weights(seen) - seen.states[1]["weights"]))

    assert way(algorithm="fedprox", proximal=5.0) < 0.7 * way()
    assert way(algorithm="fedprox", proximal=0) == pytest.approx(way())


def test_fedadam_follows_the_published_steps() -> None:
    """Reddi et al. 2021, algorithm 2, from the mean updates that were summed."""
    seen = cells(algorithm="fedadam", rounds=3)
    w, m, v = seen.states[1]["weights"], 0.0, 0.0
    for total in seen.totals[1:4]:
        m = 0.9 * m + 0.1 * total["update"]
        v = 0.99 * v + 0.01 * total["update"] ** 2
        w = w + 0.02 * m / (np.sqrt(v) + 1e-3)
    np.testing.assert_allclose(weights(seen), w, rtol=1e-12)


# -- compression


def sent(seen: Trace) -> int:
    """Bytes of a node's messages while it trains, as a secure sum sends them."""
    return sum(8 * fixed.width(total.layout()) for total in seen.totals[1:-1])


def test_compressed_updates_take_a_tenth_and_foretell_as_well() -> None:
    whole, small = cells(hidden=(16,), precision="single"), cells(hidden=(16,), precision="quantised", keep=0.2)
    assert sent(small) * 10 < 30 * 4 * 529 < sent(whole)
    assert small.result.values["holdout"]["auc"] == pytest.approx(whole.result.values["holdout"]["auc"], abs=0.005)


def test_every_node_sends_the_same_places_and_they_change() -> None:
    here = [updates.places(1000, 0.1, 5, number) for number in range(60)]
    assert all(len(p) == 100 == len(set(p)) and (np.diff(p) > 0).all() for p in here)
    assert not np.array_equal(here[0], here[1])
    np.testing.assert_array_equal(here[7], updates.places(1000, 0.1, 5, 7))
    assert len(np.unique(np.concatenate(here))) > 990


@given(st.integers(1, 2000), st.integers(0, 10**6))
@settings(deadline=None, max_examples=50)
def test_what_is_sent_and_what_waits_are_the_update_and_no_sum_runs_over(nodes: int, seed: int) -> None:
    dice = np.random.default_rng(seed)
    to = updates.steps(nodes)
    update, step = dice.normal(size=200) * 10.0 ** dice.integers(-6, 3), np.full(200, 0.1)
    where = updates.places(200, 0.5, seed, 3)
    told = updates.quantised(update, where, step, to, (seed, 3))
    back = told.rest.copy()
    back[where] += told.values * 0.1
    np.testing.assert_allclose(back, update, atol=1e-12 * np.abs(update).max())
    participants = nodes + nodes // 2
    assert told.values.dtype == to.dtype
    fixed.encode(Partial({"update": told.values}), participants)


def test_rounding_is_right_on_average() -> None:
    to, step, where = updates.steps(4), np.full(50, 1.0), np.arange(50)
    update = np.linspace(-3, 3, 50)
    mean = np.mean([updates.quantised(update, where, step, to, (seed, 0)).values for seed in range(2000)], axis=0)
    np.testing.assert_allclose(mean, update, atol=0.06)


def test_without_what_waits_at_the_hospitals_sparse_updates_fall_behind() -> None:
    """Error feedback: with one weight in ten sent, what was not sent must not be lost."""
    params = {**SIZE, "columns": COLUMNS, "keep": 0.1, "rounds": 20}
    method = build("nn", params, schema_of(CELLS))
    with_it = cells(keep=0.1, rounds=20)
    forgetful = type("Forgetful", (type(method),), {"finish": lambda m, t, s, _: type(method).finish(m, t, s, {})})
    here = forgetful(method.params, method.schema)
    import drive

    state = here.start()
    nodes = [[drive.batch_of(part, here)] for part in hospitals(CELLS)]
    while not hasattr(state, "result"):
        total = drive.plain_sum([drive.node_partial(here, rows, state) for rows in nodes])
        step = here.combine(total, state)
        state = getattr(step, "state", step)
    without = step.result.values["train"]["log_loss"]
    assert with_it.result.values["train"]["log_loss"] < 0.7 * without


# -- the guard


def test_a_net_is_refused_where_a_weight_has_fewer_people_than_a_cell() -> None:
    seen = learned(hospitals(CELLS), columns=COLUMNS[:3], hidden=[2], rounds=3)
    model = next(e for e in seen.result.exposures if isinstance(e, Model))
    assert model.parameters == 11 == len(weights(seen))
    assert model.people == min(seen.result.values["train"]["outcomes"])
    most = model.people // 11
    for least, status in ((most, "released"), (most + 1, "denied")):
        guarded = guard_result(seen.result, census(), limits(min_cell=least), OpenDpNoise())
        assert guarded.status == status
        assert [c.check for c in guarded.checks if c.outcome == "refused"] == ["rows-per-parameter"] * (
            status == "denied"
        )


def test_the_attack_on_membership_is_the_one_on_each_rows_own_loss() -> None:
    """Beside scikit-learn's curve over the losses of the rows, by the released weights."""
    seen = cells()
    told = next(e.membership for e in seen.result.exposures if isinstance(e, Model))
    assert told is not None and seen.result.values["membership"] == {"advantage": told.advantage, "auc": told.auc}
    out = held()
    chance = np.clip(
        nets.predict(seen.result.values, {name: CELLS[name].to_numpy(float) for name in COLUMNS}), 1e-15, 1
    )
    loss = -np.where(CELLS.target == 1, np.log(chance), np.log1p(-chance))
    false, true, _ = roc_curve(~out, -loss)
    assert (told.members, told.others) == ((~out).sum(), out.sum())
    assert told.advantage == pytest.approx((true - false).max(), abs=0.005)
    assert told.auc == pytest.approx(roc_auc_score(~out, -loss), abs=0.005)


def test_a_net_that_has_learnt_its_rows_by_heart_is_refused() -> None:
    """Of forty rows with an outcome drawn by lot there is nothing to learn but the rows."""
    lot = np.random.default_rng(5)
    frame = pd.DataFrame({name: lot.normal(size=60) for name in "abcdef"} | {"target": lot.integers(0, 2, 60)})
    params = {"columns": list("abcdef"), "outcome": "target", "holdout": 0.5, "hidden": [16], "rounds": 60, "seed": 1}
    seen = trace(
        "nn", {**params, "learning_rate": 0.5, "local_epochs": 5}, schema_of(frame), [frame[:30], frame[30:]], 1
    )
    assert seen.result.values["membership"]["advantage"] > 0.5
    draft = Draft(seen.result.values, seen.result.exposures, census(), limits(), OpenDpNoise())
    assert check_membership(draft)[1].outcome == "refused"


def test_an_exact_net_is_not_released_as_a_private_one() -> None:
    seen = learned(hospitals(CELLS), columns=COLUMNS[:3], hidden=[2], rounds=3)
    assert guard_result(seen.result, census(), limits(epsilon=1.0), OpenDpNoise()).status == "denied"


# -- the module


@pytest.mark.parametrize("net", [nets.Net("mlp", 5, (3, 2), 4, 3), nets.Net("cnn1d", 6, (4,), 2, 5)])
def test_the_shapes_are_those_of_the_module_and_nothing_outside_notices(net: nets.Net) -> None:
    import torch

    torch.manual_seed(3)
    expected = torch.rand(1).item()
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    begin = net.initial(0)
    with nets._torch() as inner:
        module = nets._built(inner, net, begin)
        assert [tuple(p.shape) for p in module.parameters()] == list(net.shapes)
    assert torch.rand(1).item() == expected
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    dice = np.random.default_rng(1)
    x, y = dice.normal(size=(20, net.inputs)), dice.integers(0, 2, 20).astype(float)
    plan = nets.Plan(epochs=2, batch_rows=8, rate=0.1, l2=0.0, proximal=0.0)
    after = nets.trained(net, begin, x, y, plan, np.random.default_rng(5))
    assert nets.losses(nets.scores(net, after, x), y).mean() < nets.losses(nets.scores(net, begin, x), y).mean()
    assert nets.trained(net, begin, x[:0], y[:0], plan, dice) is begin


# -- what has no answer


def test_where_pytorch_is_missing_it_says_so_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(BadInput) as refused:
        build("nn", {"outcome": "target", "columns": COLUMNS}, schema_of(CELLS))
    assert refused.value.code == "torch-missing"


def test_what_has_no_answer_is_a_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusal(frame: pd.DataFrame, **params: Any) -> str:
        with pytest.raises((Unable, BadInput)) as refused:
            trace("nn", {"outcome": "y", "columns": ["x"], **params}, schema_of(frame), [frame])
        return refused.value.code

    frame = pd.DataFrame({"x": np.arange(60) / 7, "y": np.arange(60) % 2})
    assert refusal(frame.iloc[:0]) == "nothing-held-out"
    assert refusal(frame.assign(y=1)) == "constant-outcome"
    assert refusal(frame.assign(y=np.arange(60))) == "outcome-out-of-range"
    assert refusal(frame.assign(x=[np.inf] + [0.1] * 59), holdout=0.5) in {"infinite-value", "nothing-held-out"}
    assert refusal(frame, learning_rate=10, l2=10, rounds=40) == "diverged"
    with pytest.raises(Unable) as many:
        updates.steps(10_000)
    assert many.value.code == "too-many-nodes"
    monkeypatch.setattr("huizhen.statistics.gathered.LIMIT", 5)
    with pytest.raises(Unable) as large:
        _ = Gathered({"rows": np.ones((2, 2))}) + Gathered({"rows": np.ones((1, 2))})
    assert large.value.code == "too-many-rows"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"columns": ["x", "y"]}, "outcome-among-columns"),
        ({"columns": ["x", "x"]}, "repeated-column"),
        ({"holdout": 0}, "bad-params"),
        ({"module": "transformer"}, "bad-params"),
        ({"module": "cnn1d", "kernel": 4}, "bad-net"),
        ({"module": "cnn1d", "columns": ["x", "kind"]}, "bad-net"),
        ({"hidden": [512, 512]}, "bad-net"),
        ({"keep": 0}, "bad-params"),
        ({"outcome": "z"}, "unknown-column"),
        ({"outcome": "kind"}, "outcome-not-binary"),
    ],
)
def test_parameters_are_checked(params: dict[str, Any], code: str) -> None:
    frame = pd.DataFrame({"x": [0.5, 1.5, 2.5], "y": [0, 1, 1], "kind": ["a", "b", "c"]})
    with pytest.raises(BadInput) as refused:
        build("nn", {"outcome": "y", "columns": ["x"], **params}, schema_of(frame))
    assert refused.value.code == code
