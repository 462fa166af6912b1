"""OpenDP's noise has the distribution that the privacy proof speaks of, and is never the same twice."""

from __future__ import annotations

import math

import numpy as np
import pytest

from huizhen.privacy import noise
from huizhen.privacy.noise import OpenDpNoise

SIZE = 40_000
SLIP = math.sqrt(math.log(2 / 1e-10) / (2 * SIZE))
"""Dvoretzky-Kiefer-Wolfowitz-Massart: the empirical distribution is nowhere further off, but once in 1e10 runs."""


def discrete_laplace(k: np.ndarray, epsilon: float) -> np.ndarray:
    """P(noise <= k) for scale 1 / epsilon (Ghosh, Roughgarden and Sundararajan 2012)."""
    a = math.exp(-epsilon)
    return np.where(k >= 0, 1 - a ** (np.abs(k) + 1.0) / (1 + a), a ** np.abs(k * 1.0) / (1 + a))


def distance(sample: np.ndarray, epsilon: float) -> float:
    k = np.arange(-80, 81)
    return float(np.abs((sample[:, None] <= k).mean(axis=0) - discrete_laplace(k, epsilon)).max())


@pytest.mark.parametrize(("sensitivity", "epsilon"), [(1, 0.3), (1, 1.0), (3, 1.5)])
def test_noise_is_discrete_laplace_of_the_right_scale(sensitivity: int, epsilon: float) -> None:
    sample = np.array(OpenDpNoise().add([1000] * SIZE, sensitivity, epsilon)) - 1000
    assert distance(sample, epsilon / sensitivity) < SLIP
    assert distance(sample, 1.25 * epsilon / sensitivity) > SLIP


def test_the_measure_of_distance_tells_true_from_false() -> None:
    k = np.arange(-80, 81)
    assert np.diff(discrete_laplace(k, 1.0)).sum() == pytest.approx(1)
    assert discrete_laplace(np.array([0]), 1.0)[0] - discrete_laplace(np.array([-1]), 1.0)[0] == pytest.approx(
        math.tanh(0.5)
    )
    assert distance(np.zeros(SIZE, dtype=int), 1.0) > SLIP


def test_noise_is_fresh_at_every_draw() -> None:
    assert OpenDpNoise().add([0] * 100, 1, 0.1) != OpenDpNoise().add([0] * 100, 1, 0.1)


def test_large_counts_and_none_at_all() -> None:
    assert abs(OpenDpNoise().add([2**62], 1, 1.0)[0] - 2**62) < 1000
    assert OpenDpNoise().add([], 1, 1.0) == []


@pytest.mark.parametrize(("sensitivity", "epsilon"), [(1, 0.0), (1, -1.0), (1, math.inf), (1, math.nan), (0, 1.0)])
def test_noise_that_would_protect_nobody_is_refused(sensitivity: int, epsilon: float) -> None:
    with pytest.raises(ValueError, match="positive, finite epsilon"):
        OpenDpNoise().add([1], sensitivity, epsilon)


@pytest.mark.parametrize(("sensitivity", "epsilon"), [(1, 0.7), (3, 0.3), (7, 0.07), (1, 1.0), (2, 3.3)])
def test_the_loss_that_opendp_proves_is_never_more_than_asked(sensitivity: int, epsilon: float) -> None:
    """Plain division rounds to a scale whose proven loss at 0.7 is 0.7000000000000001."""
    assert epsilon * (1 - 1e-9) < noise._mechanism(sensitivity, epsilon).map(sensitivity) <= epsilon
