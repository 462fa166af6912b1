"""nn over images, with a head of each hospital's own, and with states that are lean on their way down."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from drive import Trace, batch_of, build, hospitals, node_finish, schema_of, trace
from huizhen.kit import wire
from huizhen.kit.errors import BadInput, Unable
from huizhen.methods.nn import Nn
from huizhen.model.method import OWN_MODEL, Done, Privacy
from huizhen.model.result import Model
from huizhen.statistics import nets, updates
from huizhen.statistics.holdout import held_out

DIGITS = load_digits(as_frame=True).frame.assign(even=lambda f: f.target % 2 == 0).drop(columns="target").astype(float)
PIXELS = [name for name in DIGITS if name != "even"]
SCHEMA = schema_of(DIGITS, types=dict.fromkeys(PIXELS, "number"))
IMAGE: dict[str, Any] = {
    "outcome": "even", "columns": ["pixel_*"], "module": "cnn2d", "image": [8, 8], "channels": 3, "hidden": [4],
}  # fmt: skip


def learned(parts: list[pd.DataFrame], batches: int = 1, **params: Any) -> Trace:
    return trace("nn", {**IMAGE, **params}, SCHEMA, parts, batches)


def weights(seen: Trace) -> np.ndarray[Any, Any]:
    return np.concatenate([np.ravel(part) for part in seen.result.values["weights"]])


# -- images


@pytest.mark.parametrize("image", [[8, 8], [4, 8, 2]])
def test_one_step_on_all_rows_is_gradient_descent_on_the_pooled_images(image: list[int]) -> None:
    """Beside PyTorch's own modules, which are given images as such: (rows, channels, height, width)."""
    import torch

    frame = DIGITS[:500]
    step = {"image": image, "rounds": 4, "batch_rows": None, "learning_rate": 0.3, "seed": 2}
    seen = learned(hospitals(frame), batches=2, **step)
    train = ~held_out([frame[name].to_numpy() for name in PIXELS], len(frame), 0.2, 2)
    x = frame.loc[train, PIXELS].to_numpy()
    spread = np.sqrt(x.var(axis=0, ddof=1).mean() + x.mean(axis=0).var())
    height, width, colours = (*image, 1)[:3]
    shaped = ((x - x.mean()) / spread).reshape(len(x), height, width, colours).transpose(0, 3, 1, 2)
    inputs, y = torch.tensor(shaped), torch.tensor(frame.even[train].to_numpy())
    module = torch.nn.Sequential(
        torch.nn.Conv2d(colours, 3, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(),
        torch.nn.Linear(3 * (height // 2) * (width // 2), 4), torch.nn.ReLU(), torch.nn.Linear(4, 1),
    ).double()  # fmt: skip
    begin = torch.tensor(nets.Net("cnn2d", 64, (4,), 3, 3, (height, width, colours)).initial(2))
    torch.nn.utils.vector_to_parameters(begin, module.parameters())
    descent = torch.optim.SGD(module.parameters(), lr=0.3)
    for _ in range(4):
        descent.zero_grad()
        torch.nn.BCEWithLogitsLoss()(module(inputs).squeeze(1), y).backward()
        descent.step()
    expected = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    np.testing.assert_allclose(weights(seen), expected, rtol=0, atol=1e-6)


def test_it_tells_even_digits_from_odd_ones() -> None:
    values = learned(hospitals(DIGITS), rounds=8, channels=4, hidden=[8]).result.values
    assert values["net"]["image"] == [8, 8, 1] and len(values["inputs"]) == 64
    out = held_out([DIGITS[name].to_numpy() for name in PIXELS], len(DIGITS), 0.2, 0)
    risk = nets.predict(values, {name: DIGITS[name].to_numpy() for name in PIXELS})
    own = roc_auc_score(DIGITS.even[out], risk[out])
    assert own > 0.95 and values["holdout"]["auc"] == pytest.approx(own, abs=1e-3)


def test_all_pixels_are_on_one_scale() -> None:
    told = learned(hospitals(DIGITS[:200]), rounds=1).result.values["inputs"]
    assert len({(each["centre"], each["size"]) for each in told}) == 1
    assert told[0]["size"] > 1


def test_a_net_of_images_may_have_noise() -> None:
    """Ranges by prefix. And slopes row by row come to the slope of all."""
    asked = {**IMAGE, "rounds": 2, "ranges": {"pixel_*": [0, 16]}}
    values = trace("nn", asked, SCHEMA, hospitals(DIGITS[:400]), privacy=Privacy(5.0, 1e-6)).result.values
    assert values["inputs"][0] == {"column": "pixel_0_0", "centre": 8.0, "size": 4.0, "low": 0.0, "high": 16.0}
    net = nets.Net("cnn2d", 64, (4,), 3, 3, (8, 8, 1))
    x, y = DIGITS[PIXELS].to_numpy()[:20] / 16, DIGITS.even.to_numpy()[:20]
    at = net.initial(1)
    each = nets.slopes(net, at, x, y)
    plan = nets.Plan(epochs=1, batch_rows=None, rate=1.0, l2=0.0, proximal=0.0)
    moved = at - nets.trained(net, at, x, y, plan, np.random.default_rng(0))
    np.testing.assert_allclose(each.mean(axis=0), moved, atol=1e-12)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"image": [8, 9]}, "bad-image"),
        ({"image": [64, 1]}, "bad-image"),
        ({"image": [8, 8, 3]}, "bad-image"),
        ({"image": None}, "bad-image"),
        ({"module": "mlp"}, "bad-image"),
        ({"image": [8]}, "bad-params"),
        ({"kernel": 2}, "bad-net"),
        ({"module": "resnet"}, "bad-params"),
        ({"columns": ["voxel_*"]}, "no-such-prefix"),
        ({"columns": ["pixel_*", "pixel_0_0"]}, "repeated-column"),
        ({"columns": ["*"]}, "outcome-among-columns"),
        ({"personal": "body"}, "bad-params"),
        ({"personal": "head", "module": "mlp", "image": None, "hidden": []}, "bad-net"),
    ],
)
def test_what_is_no_image_or_no_net_is_refused(params: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        build("nn", {**IMAGE, **params}, SCHEMA)
    assert refused.value.code == code


# -- a head of one's own


def shifted(rows: int = 900) -> list[pd.DataFrame]:
    """Three hospitals that see the same in patients and differ in how many fall ill."""
    dice = np.random.default_rng(0)
    x, place = dice.normal(size=(rows, 4)), np.arange(rows) % 3
    score = 2 * x[:, 0] * x[:, 1] + np.array([2.5, 0, -2.5])[place]
    frame = pd.DataFrame(x, columns=list("abcd")).assign(y=(dice.random(rows) < 1 / (1 + np.exp(-score))).astype(float))
    return [frame[place == k] for k in range(3)]


OWN: dict[str, Any] = {"outcome": "y", "columns": list("abcd"), "hidden": [8], "rounds": 40, "local_epochs": 2}


def heads(parts: list[pd.DataFrame], **params: Any) -> tuple[dict[str, Any], list[dict[str, Any]], list[Any]]:
    """The result, what is kept at each hospital in the end, and all states that were sent."""
    method = build("nn", {**OWN, "personal": "head", **params}, schema_of(pd.concat(parts)))
    nodes, state, sent = [batch_of(part, method) for part in parts], method.start(), []
    kept: list[dict[str, Any]] = [{} for _ in nodes]
    while True:
        told = wire.decode(wire.encode(method.told(state)))
        said = [node_finish(method, [rows], told, before) for rows, before in zip(nodes, kept, strict=True)]
        kept, sent = [after for _, after in said], [*sent, told]
        total = said[0][0]
        for partial, _ in said[1:]:
            total = total + partial
        step = method.combine(total, state)
        if isinstance(step, Done):
            return step.result.values, kept, sent
        state = step.state


def test_where_hospitals_differ_heads_of_their_own_foretell_better() -> None:
    parts = shifted()
    shared = trace("nn", OWN, schema_of(pd.concat(parts)), parts).result.values
    personal, kept, _ = heads(parts)
    assert personal["holdout"]["auc"] > shared["holdout"]["auc"] + 0.08
    assert personal["holdout"]["log_loss"] < shared["holdout"]["log_loss"] - 0.1
    risks = [nets.predict(kept[0][OWN_MODEL], {n: part[n].to_numpy() for n in "abcd"}).mean() for part in parts]
    assert min(risks) > 0.6, "the first hospital's own model has its own patients in mind"
    own = [
        roc_auc_score(part.y, nets.predict(k[OWN_MODEL], {n: part[n].to_numpy() for n in "abcd"}))
        for part, k in zip(parts, kept, strict=True)
    ]
    assert min(own) > 0.75


def test_no_head_is_in_any_sum_state_or_result() -> None:
    parts = shifted(300)
    result, kept, sent = heads(parts, rounds=5)
    assert [np.shape(t) for t in result["weights"]] == [(8, 4), (8,)]
    assert result["net"]["parameters"] == 40 and result["net"]["personal"] == "head"
    assert all(state["weights"].shape == (40,) for state in sent if "weights" in state)
    ours = [k["head"] for k in kept]
    assert all(len(head) == 9 for head in ours)
    assert min(np.abs(a - b).max() for a, b in zip(ours, [*ours[1:], ours[0]], strict=True)) > 0.01
    with pytest.raises(Unable) as refused:
        nets.predict(result, {n: parts[0][n].to_numpy() for n in "abcd"})
    assert refused.value.code == "head-stays"


def test_the_guard_counts_the_weights_that_are_released() -> None:
    parts = shifted(300)
    seen = trace("nn", {**OWN, "personal": "head", "rounds": 2}, schema_of(pd.concat(parts)), parts)
    assert [e.parameters for e in seen.result.exposures if isinstance(e, Model)] == [40]


def test_a_head_outlives_compression_and_a_round_that_only_measures() -> None:
    parts = shifted()
    plain, _, _ = heads(parts)
    lean, kept, _ = heads(parts, precision="quantised", keep=0.5)
    assert lean["holdout"]["auc"] == pytest.approx(plain["holdout"]["auc"], abs=0.03)
    assert all({"head", "rest", OWN_MODEL} <= set(k) for k in kept)


def test_a_hospital_that_lost_its_head_begins_with_the_first_one() -> None:
    method = build("nn", {**OWN, "personal": "head"}, schema_of(pd.concat(shifted(300))))
    assert isinstance(method, Nn)
    np.testing.assert_array_equal(method._whole(np.zeros(40), {}), np.r_[np.zeros(40), method.net.initial(0)[40:]])


# -- what comes down


def test_what_comes_down_is_what_is_needed_at_the_precision_asked_for() -> None:
    size = {}
    for precision in ("exact", "single", "quantised"):
        method = build("nn", {**IMAGE, "hidden": [32], "precision": precision, "algorithm": "fedadam"}, SCHEMA)
        assert isinstance(method, Nn)
        state = {
            "phase": "train", "n": np.array([90, 20]), "nodes": 3, "centre": np.zeros(64), "size": np.ones(64),
            "weights": method.net.initial(1), "momentum": np.zeros((2, method.weights)), "step": None, "round": 7,
            "history": np.zeros((7, 2)),
        }  # fmt: skip
        told = method.told(state)
        assert "momentum" not in told and "history" not in told and state["weights"].dtype == np.float64
        size[precision] = len(wire.encode(told)) / method.weights
        back = updates.full(wire.decode(wire.encode(told)), method.sizes)
        largest = np.repeat(
            [np.abs(t).max() for t in np.split(state["weights"], np.cumsum(method.sizes)[:-1])], method.sizes
        )
        assert (
            np.abs(back - state["weights"]) <= {"exact": 0, "single": 1e-7, "quantised": 1 / 253}[precision] * largest
        ).all()
    assert size["exact"] < 9 and size["single"] < 5 and size["quantised"] < 2


def test_in_single_precision_hub_and_hospitals_have_the_same_weights() -> None:
    seen = learned(hospitals(DIGITS[:200]), rounds=3, precision="single")
    for state in seen.states[2:]:
        np.testing.assert_array_equal(state["weights"], state["weights"].astype(np.float32))
