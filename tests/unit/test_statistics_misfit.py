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
