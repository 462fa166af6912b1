"""Means, spreads and cross-products from sums: as exact as the data, in any unit, whoever leaves on the way."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from huizhen.kit.errors import BadInput
from huizhen.model.partial import Partial
from huizhen.secure import fixed, ring
from huizhen.statistics import moments, standard
from huizhen.statistics.moments import Moments

Floats = np.ndarray[Any, np.dtype[np.float64]]


any_size = st.floats(-1e150, 1e150).filter(lambda v: v == 0 or abs(v) > 1e-290)
"""Short of the smallest doubles, whose mean no double holds."""


def find(rounds: list[Floats], cross: bool = False) -> Moments:
    """Over three hospitals, one of them empty, added as the hub adds them; the n-th round reads the n-th rows, later
    ones the last. All of the rounds are needed."""
    state: Any = moments.start(rounds[0].shape[1])
    while not isinstance(state, Moments):
        values = rounds.pop(0) if len(rounds) > 1 else rounds[0]
        parts = [Partial(moments.partial(part.T, state, cross)) for part in np.split(values, [0, len(values) // 3])]
        layout = parts[0].layout()
        words = ring.total([fixed.encode(part, 3) for part in parts], fixed.wide(layout))
        state = moments.refine(dict(fixed.decode(words, layout).fields), state)
    assert len(rounds) == 1
    return state


def count_rounds(values: Floats) -> int:
    """Rounds that a (rows, k) table takes."""
    state, rounds = moments.start(values.shape[1]), 0
    found: Any = state
    while not isinstance(found, Moments):
        found, rounds = moments.refine(moments.partial(values.T, found), found), rounds + 1
    return rounds


@settings(max_examples=60, derandomize=True, deadline=None)
@given(arrays(np.float64, st.integers(2, 30), elements=any_size))
def test_mean_and_spread_are_those_of_exact_arithmetic(values: Floats) -> None:
    found = find([values[:, None]])
    size = float(np.abs(values).max()) or 1.0
    exact = [Fraction(v) / Fraction(size) for v in values]
    mean = sum(exact) / len(exact)
    square = float(sum((v - mean) ** 2 for v in exact) / (len(exact) - 1))
    assert found.mean[0] / size == pytest.approx(float(mean), rel=1e-13, abs=1e-14)
    assert found.sd()[0] / size == pytest.approx(np.sqrt(square), rel=1e-10, abs=1e-17)


def test_cross_products_are_those_of_numpy_whatever_the_units() -> None:
    values = np.random.default_rng(0).normal(size=(50, 3)) @ np.diag([1e-9, 1, 1e9]) + [1e-3, 5, 1e12]
    found = find([values], cross=True)
    unit = values.std(axis=0)
    covariance = found.products / 49 * np.outer(found.scale, found.scale)
    assert np.allclose(covariance / np.outer(unit, unit), np.cov(values.T) / np.outer(unit, unit), rtol=1e-11)


def test_missing_values_are_left_out_column_by_column() -> None:
    found = find([np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, 8.0]])])
    assert found.n.tolist() == [2, 1]
    assert found.mean.tolist() == [2.0, 8.0]
    assert found.sd()[0] == pytest.approx(np.sqrt(2))
    assert np.isnan(found.sd()[1])


def test_ordinary_numbers_take_one_round_and_no_numbers_more_than_four() -> None:
    rng = np.random.default_rng(2)
    ordinary = np.column_stack([rng.normal(60, 12, 200), rng.random(200) < 0.02, rng.lognormal(5, 3, 200)])
    assert count_rounds(ordinary) == 1
    assert count_rounds(2000 + 5 * rng.normal(size=(200, 1))) == 2
    assert count_rounds(1e-40 * rng.normal(size=(200, 1))) == 2
    assert count_rounds(1e200 * (1e8 + rng.normal(size=(200, 1)))) == 3
    for centre in (1e-280, 3.0, 1e280):
        for spread in (0, 1e-15, 1e-5):
            assert count_rounds(centre * (1 + spread * rng.normal(size=(9, 1)))) <= 4


def test_a_column_known_to_hold_ones_takes_no_round_of_its_own() -> None:
    found = moments.refine(moments.partial(np.ones((1, 7)), moments.start(1, 0)), moments.start(1, 0))
    assert isinstance(found, Moments) and found.mean.tolist() == [1.0] and found.sd().tolist() == [0.0]


@pytest.mark.parametrize(
    ("centre", "unit"),
    [(0.0, 1.0), (2000.0, 1.0), (1e9, 1.0), (0.0, 1e-12), (5e-12, 1e-13), (1e20, 1e16), (-3e5, 2e-4), (1e9, 1e-6)],
)
def test_mean_and_spread_in_any_unit(centre: float, unit: float) -> None:
    values = centre + unit * np.random.default_rng(0).normal(size=(500, 1))
    found = find([values])
    exact = [Fraction(v) for v in values[:, 0].tolist()]
    mean = sum(exact) / 500
    assert found.mean[0] == pytest.approx(float(mean), rel=1e-12, abs=unit * 1e-9)
    assert found.sd()[0] == pytest.approx(float(sum((v - mean) ** 2 for v in exact) / 499) ** 0.5, rel=1e-10)
    assert standard.constant(found)[0] == (unit < 1e-12 * abs(centre))


@pytest.mark.parametrize("value", [0.0, 3.7, 0.1, -1e-20, 1e19])
def test_a_constant_is_seen_as_one(value: float) -> None:
    found = find([np.full((333, 1), value)])
    assert standard.constant(found)[0] and found.sd()[0] == 0
    assert found.mean[0] == pytest.approx(value)


@pytest.mark.parametrize("round_number", [1, 2])
def test_who_leaves_between_two_rounds_is_in_no_figure(round_number: int) -> None:
    values = 1e200 * (1e8 + np.random.default_rng(1).normal(size=(40, 2)))
    found = find([values] * round_number + [values[7:]], cross=True)
    left = find([values[7:]], cross=True)
    assert found.n.tolist() == [33, 33]
    assert np.allclose(found.mean, values[7:].mean(axis=0), rtol=1e-13)
    correlations = [m.products / np.sqrt(np.outer(np.diag(m.products), np.diag(m.products))) for m in (found, left)]
    assert np.allclose(found.sd(), left.sd(), rtol=1e-10)
    assert np.allclose(*correlations, rtol=1e-10)


def test_no_column_is_fine_and_an_infinite_value_is_not() -> None:
    assert find([np.empty((5, 0))]).n.shape == (0,)
    with pytest.raises(BadInput, match="infinite"):
        find([np.array([[1.0], [np.inf]])])
