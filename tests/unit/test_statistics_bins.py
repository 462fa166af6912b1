"""Bins from sums: about equally many rows in each, none of them too few, whatever the values and wherever they lie."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.statistics import bins, coding, order

DICE = np.random.default_rng(4)
SHAPES = {
    "normal": DICE.normal(size=5000),
    "lognormal": np.exp(3 * DICE.normal(size=5000)),
    "far off zero": 1e9 + DICE.random(5000) / 1000,
    "both signs, with zeros": np.where(DICE.random(5000) < 0.3, 0.0, DICE.normal(size=5000) * 1e-5),
    "one value half of the time": np.where(DICE.random(5000) < 0.5, 7.25, DICE.normal(size=5000)),
    "an outlier": np.append(DICE.normal(size=4999), 1e300),
    "whole numbers": DICE.integers(-3, 40, 5000).astype(float),
}


def found(values: np.ndarray[Any, Any], most: int, least: int, parts: int = 3) -> tuple[np.ndarray[Any, Any], int]:
    """The edges, and how many rounds it took."""
    state, rounds = bins.start(), 0
    while bins.unfinished(state):
        rounds += 1
        total = reduce(add, [bins.partial(values[i::parts], state) for i in range(parts)])
        state = bins.refine(total, state, most)
    return bins.edges(state, most, least), rounds


def sizes(values: np.ndarray[Any, Any], edges: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("most", [4, 64, 254])
def test_bins_are_at_most_as_many_as_asked_and_about_equally_full(shape: str, most: int) -> None:
    values = SHAPES[shape]
    edges, rounds = found(values, most, 5)
    full, share = sizes(values, edges), len(values) / most
    heavy = np.unique(values, return_counts=True)[1].max()
    assert rounds <= 6
    assert 2 <= len(full) <= most
    assert full.min() >= 5
    assert (np.diff(edges) > 0).all()
    assert full.max() <= max(heavy, 2 * share) + share / 2


def test_ordinary_numbers_take_two_or_four_rounds() -> None:
    assert found(SHAPES["far off zero"], 64, 5)[1] == 2
    assert found(SHAPES["normal"], 64, 5)[1] == 4


def test_few_different_values_have_a_bin_each_cut_in_between() -> None:
    values = np.repeat([-1.5, 0.0, 2.0, 2.25, 1e6], [50, 20, 20, 30, 10])
    edges, _ = found(values, 64, 10)
    assert sizes(values, edges).tolist() == [50, 20, 20, 30, 10]
    assert edges[0] == pytest.approx(-0.75, abs=0.06) and 2 < edges[2] < 2.25
    assert sizes(values, found(values, 64, 11)[0]).tolist() == [50, 20, 20, 40]


def test_missing_and_infinite_values_and_no_values_at_all_are_no_bin() -> None:
    assert found(np.array([np.nan, np.inf, -np.inf]), 64, 3)[0].size == 0
    assert found(np.array([]), 64, 3)[0].size == 0
    assert found(np.full(100, 3.5), 64, 3)[0].size == 0


def test_an_edge_has_as_few_digits_as_tell_two_values_apart() -> None:
    assert bins.between(46.0, 47.0) == 46.5
    assert bins.between(46.2, 53.1) == 50
    assert bins.between(1.0, np.nextafter(1.0, 2)) == np.nextafter(1.0, 2)
    assert -1e308 < bins.between(-1.7e308, 1.7e308) < 1e308


@settings(max_examples=50, deadline=None)
@given(
    values=st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=200),
    least=st.integers(1, 9),
    parts=st.integers(1, 5),
)
def test_any_values_however_split_give_the_same_bins_none_of_them_too_small(
    values: list[float], least: int, parts: int
) -> None:
    array = np.array(values)
    edges, _ = found(array, 8, least, parts)
    assert np.array_equal(edges, found(array, 8, least, 1)[0])
    full = sizes(array, edges)
    assert len(full) <= 8
    assert len(full) == 1 or full.min() >= least


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(allow_nan=False), min_size=1, max_size=60))
def test_cells_hold_the_values_that_lie_in_them(values: list[float]) -> None:
    images = order.image(values)
    tree = order.refine(order.counts(images, order.root()), order.root(), 16)
    if tree["open"] == 0:
        return
    cells = order.cells(order.counts(images, tree), tree)
    ascending = np.sort(images)
    for low, high, below, rows, whole in zip(*cells, strict=True):
        inside = ascending[below : below + rows]
        assert (low <= inside).all() and (inside <= high).all()
        assert not whole or (inside == low).all()
    assert (cells.low[1:] > cells.high[:-1]).all()
    assert cells.rows.sum() == len(values)


# -- values as codes


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [1, 5, 60, 253])
def test_the_code_of_a_value_is_how_many_edges_are_at_or_below_it(shape: str, count: int) -> None:
    values = SHAPES[shape].copy()
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 2)[1:-1]))
    values[::7] = np.resize(edges, len(values[::7]))
    gaps = DICE.random(len(values)) < 0.1
    codes, some = coding.Binner(edges)(np.where(gaps, np.nan, values))
    assert some
    assert (codes[gaps] == len(edges) + 1).all()
    assert np.array_equal(codes[~gaps], np.searchsorted(edges, values[~gaps], side="right"))


def test_a_column_of_one_bin_knows_missing_from_known() -> None:
    codes, some = coding.Binner(np.empty(0))(np.array([1.0, np.nan]))
    assert (codes.tolist(), some) == ([0, 1], True)
    assert coding.Binner(np.empty(0))(np.array([1.0]))[1] is False


def test_levels_have_their_position_and_all_else_the_last_code() -> None:
    codes, some = coding.level_codes(np.array([0, 2, -1, 3], dtype=np.int32), 3)
    assert (codes.tolist(), some) == ([0, 2, 3, 3], True)
    assert coding.level_codes(np.array([0, 2], dtype=np.int32), 3)[1] is False
