"""The misfit of one hospital: what it says, and that it says no more."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from huizhen.statistics import misfit


def test_it_is_the_score_test_of_statsmodels() -> None:
    dice = np.random.default_rng(0)
    x = sm.add_constant(dice.normal(size=(300, 3)))
    y = (dice.random(300) < 0.4).astype(float)
    joint = np.array([-0.2, 0.3, 0.0, 0.1])
    mu = 1 / (1 + np.exp(-x @ joint))
    chi2, freedom = misfit.statistic(x.T @ (y - mu), (x.T * (mu * (1 - mu))) @ x)
    theirs = sm.GLM(y, x, sm.families.Binomial()).score_test(joint, k_constraints=4)
    assert freedom == 4
    assert chi2 == pytest.approx(theirs[0], rel=1e-9)


def test_rows_of_the_same_model_stray_within_chance_in_99_of_100_hospitals() -> None:
    dice = np.random.default_rng(1)
    told = []
    for _ in range(2000):
        x = np.column_stack([np.ones(60), dice.normal(size=(60, 3))])
        y = x @ [1.0, 0.5, 0.0, -0.5] + dice.normal(size=60)
        told.append(misfit.level(x.T @ (y - x @ [1.0, 0.5, 0.0, -0.5]), x.T @ x))
    assert 0.003 < np.mean(np.array(told) > 1) < 0.02


def test_it_is_a_power_of_two_and_never_beyond_1024() -> None:
    information = np.eye(4)
    said = [misfit.level(np.array([s, 0.0, 0.0, 0.0]), information) for s in np.geomspace(0.01, 1e6, 200)]
    assert set(said) <= {1 << k for k in range(11)}
    assert said == sorted(said) and said[0] == 1 and said[-1] == 1024


def test_with_fewer_than_three_directions_nothing_is_said() -> None:
    score = np.array([1e3, -1e3, 0.0])
    assert misfit.level(score, np.diag([1.0, 1.0, 0.0])) == 1
    assert misfit.level(score, np.diag([1.0, 1.0, 1.0])) > 1
    collinear = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    assert misfit.level(np.array([1e3, 1e3, 5.0]), collinear) == 1


def test_no_rows_say_nothing_and_no_number_says_the_most() -> None:
    assert misfit.level(np.zeros(4), np.zeros((4, 4))) == 1
    assert misfit.level(np.array([np.nan, 0, 0, 0]), np.eye(4)) == 1024


# -- of trees and nets, by held-out rows


@pytest.mark.parametrize("variance", [None, 2.25])
def test_a_models_misfit_is_that_of_a_calibration_on_its_score_and_the_square(variance: float | None) -> None:
    dice = np.random.default_rng(2)
    score, held = dice.normal(size=400), dice.random(400) < 0.3
    y = dice.normal(score, 1.5) if variance else (dice.random(400) < 1 / (1 + np.exp(-score))).astype(float)
    sums = misfit.calibration(score, y, held, variance)
    x = np.column_stack([np.ones(400), score, score**2])[held]
    family = sm.families.Gaussian() if variance else sm.families.Binomial()
    if variance is None:
        theirs = sm.GLM(y[held], x, family).score_test(np.array([0.0, 1.0, 0.0]), k_constraints=3)[0].item()
    else:
        theirs = ((x.T @ (y - score)[held]) @ np.linalg.solve(x.T @ x, x.T @ (y - score)[held])) / variance
    assert misfit.statistic(sums["score"], sums["information"]) == (pytest.approx(float(theirs), rel=1e-9), 3)
    parts = [misfit.calibration(score[a], y[a], held[a], variance) for a in (slice(0, 90), slice(90, 400))]
    assert sum(p["information"] for p in parts) == pytest.approx(sums["information"])


def test_rows_that_the_model_was_trained_on_say_nothing() -> None:
    dice = np.random.default_rng(3)
    score, held = dice.normal(size=300), np.zeros(300, dtype=bool)
    sums = misfit.calibration(score, 1.0 * (score < 0), held, None)
    assert misfit.level(sums["score"], sums["information"]) == 1
    sums = misfit.calibration(score, 1.0 * (score < 0), ~held, None)
    assert misfit.level(sums["score"], sums["information"]) > 8


def test_hospitals_that_a_good_model_suits_are_within_chance_in_99_of_100() -> None:
    dice, told = np.random.default_rng(4), []
    for _ in range(1500):
        score = dice.normal(size=60)
        sums = misfit.calibration(score, 1.0 * (dice.random(60) < 1 / (1 + np.exp(-score))), np.ones(60, bool), None)
        told.append(misfit.level(sums["score"], sums["information"]))
    assert np.mean(np.array(told) > 1) < 0.03
