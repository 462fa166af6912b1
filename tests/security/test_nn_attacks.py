"""The hub tries to tell from all sums of a net with noise whether one person is in them: it gains what epsilon allows.

The attacker is the strongest there is in the model: a hub that sees every sum, chooses the weights of every round so
that the person's gradient is as long as it may be, knows everybody else's rows, and has a third of the hospitals on its
side, which tell it their noise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from drive import batch_of, build, schema_of
from huizhen.methods.nn import Nn
from huizhen.model.method import Privacy
from huizhen.model.partial import Partial
from huizhen.privacy import shares
from huizhen.statistics.noisy_net import UNIT

TRIALS, ROUNDS, NODES = 4_000, 3, 3
SLIP = math.sqrt(math.log(2 / 1e-10) / (2 * TRIALS))
"""Dvoretzky-Kiefer-Wolfowitz-Massart: no empirical distribution of so many is off by more, but once in 1e10."""
PARAMS: dict[str, Any] = {
    "outcome": "ill", "columns": ["x"], "hidden": [], "rounds": ROUNDS, "clip": 0.5, "ranges": {"x": [0, 1]},
}  # fmt: skip


def sums(privacy: Privacy, canary: bool) -> tuple[Nn, list[np.ndarray[Any, Any]], dict[str, float]]:
    """What the rows of the victim's hospital make in each round, with the canary or without, and the noise."""
    frame = pd.DataFrame({"x": np.linspace(0.1, 0.4, 40), "ill": np.arange(40) % 2})
    method = build("nn", PARAMS, schema_of(frame, types={"x": "number"}), privacy)
    assert isinstance(method, Nn)
    if canary:
        told = {"x": [*frame.x, 1.0], "ill": [*frame.ill, 0]}
        held = method._held(batch_of(pd.DataFrame(told), method))
        assert not held[-1], "the canary is one of those trained on"
        frame = pd.DataFrame(told)
    rows = batch_of(frame, method)
    exact = []
    for k in range(ROUNDS):
        state = {"phase": "descend", "round": k, "weights": np.array([50.0, 0.0]), "n": np.array([40.0, 0.0])}
        said, _ = method.finish(method.partial(rows, state), state, {})
        exact.append(said["slope"])
        sd = method.blur(state).sd
    return method, exact, dict(sd)


def seen(exact: list[np.ndarray[Any, Any]], sd: dict[str, float]) -> np.ndarray[Any, Any]:
    """(TRIALS, ROUNDS, weights) what the hub opens, less the noise of the colluding hospital: that of the others."""
    others = NODES - NODES // 3
    zero = np.zeros(TRIALS * ROUNDS * 2, dtype=np.int64)
    noise = sum(shares.blurred(Partial({"slope": zero}), sd, NODES)["slope"] for _ in range(others))
    told: np.ndarray[Any, Any] = np.asarray(noise).reshape(TRIALS, ROUNDS, 2) + np.array(exact)
    return told


def gains(privacy: Privacy) -> tuple[float, float, float]:
    """(worst breach of the promise, best advantage, advantage that the accounting foresees)."""
    method, inside, sd = sums(privacy, canary=True)
    _, outside, _ = sums(privacy, canary=False)
    way = inside[0] - outside[0]
    length = float(np.linalg.norm(way.astype(float)))
    assert 0.999 * UNIT < length <= UNIT, "the canary is as loud as anyone may be"
    a, b = (seen(exact, sd).sum(axis=1) @ way / length for exact in (inside, outside))
    a, b = (found - np.sum(outside, axis=0) @ way / length for found in (a, b))
    breach = best = -math.inf
    for cut in np.quantile(np.concatenate([a, b]), np.linspace(0.002, 0.998, 400)):
        for p, q in (((a >= cut).mean(), (b >= cut).mean()), ((b < cut).mean(), (a < cut).mean())):
            breach = max(breach, p - SLIP - math.exp(privacy.epsilon) * (q + SLIP) - privacy.delta)
            best = max(best, p - q)
    assert method.noisy is not None
    foreseen = 2 * norm.cdf(math.sqrt(ROUNDS) / method.noisy.sd("descend") / 2) - 1
    return breach, best, foreseen


@pytest.mark.parametrize("epsilon", [0.5, 2.0, 8.0])
def test_telling_whether_a_person_is_in_the_sums_gains_no_more_than_epsilon_allows(epsilon: float) -> None:
    breach, best, foreseen = gains(Privacy(epsilon, 1e-6))
    assert breach <= 0
    assert best - 2 * SLIP <= math.tanh(epsilon / 2)
    assert foreseen - 2 * SLIP <= best <= foreseen + 2 * SLIP, "the noise is neither less nor more than accounted for"


def test_without_noise_the_same_attack_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shares, "blurred", lambda exact, sd, nodes: exact)
    breach, best, _ = gains(Privacy(2.0, 1e-6))
    assert best == 1.0 and breach > 0.3


def test_without_the_cut_a_loud_person_would_be_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """The canary's gradient, uncut, is over twice as long as what the noise was sized for."""
    monkeypatch.setattr(
        "huizhen.statistics.noisy_net.clipped", lambda each, clip: np.rint(each / clip * UNIT).astype(int)
    )
    _, inside, _ = sums(Privacy(2.0, 1e-6), canary=True)
    _, outside, _ = sums(Privacy(2.0, 1e-6), canary=False)
    assert np.linalg.norm((inside[0] - outside[0]).astype(float)) > 2 * UNIT
