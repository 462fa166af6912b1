"""Order statistics and distinct times from sums alone: exact for any doubles, in few rounds, of bounded size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from huizhen.kit import wire
from huizhen.kit.errors import BadInput, Unable
from huizhen.statistics import order, times

Floats = np.ndarray[Any, np.dtype[np.float64]]
doubles = st.floats(allow_nan=False, allow_infinity=False)
quick = settings(max_examples=60, derandomize=True, deadline=None)


def find_times(durations: Floats, limit: int = times.LIMIT) -> tuple[Floats, int, int]:
    """The distinct times over three hospitals, the rounds it took, and the longest vector that was added."""
    state, rounds, longest = times.start(), 0, 0
    while True:
        total = np.sum([times.partial(part, state) for part in np.array_split(durations, 3)], axis=0)
        rounds, longest = rounds + 1, max(longest, len(total))
        found = times.refine(total, wire.decode(wire.encode(state)), limit)
        if not isinstance(found, dict):
            return found, rounds, longest
        state = found


def find_ranks(values: Floats, ranks: list[int], children: int = 1 << 12) -> Floats:
    tree, wanted = order.root(), np.array(ranks)
    while tree["open"]:
        total = order.counts(order.image(values), tree)
        tree = order.refine(total, tree, children, wanted)
    return order.at_rank(tree, wanted)


@quick
@given(arrays(np.float64, st.integers(0, 50), elements=doubles))
def test_images_are_in_the_order_of_the_doubles_and_lead_back_to_them(values: Floats) -> None:
    images = order.image(values)
    assert np.array_equal(order.value(images), values)
    assert np.array_equal(values[np.argsort(images, kind="stable")], np.sort(values))


def test_minus_zero_is_zero() -> None:
    assert order.image(-0.0) == order.image(0.0)


@quick
@given(arrays(np.float64, st.integers(1, 60), elements=doubles), st.data())
def test_the_value_at_any_rank_is_that_of_a_sort(values: Floats, data: st.DataObject) -> None:
    ranks = sorted(data.draw(st.sets(st.integers(0, len(values) - 1), min_size=1, max_size=4)))
    children = data.draw(st.sampled_from([1, 4, 256, 4096]))
    assert np.array_equal(find_ranks(values, ranks, children), np.sort(values)[ranks])


@quick
@given(arrays(np.float64, st.integers(0, 60), elements=st.floats(0, allow_nan=False, allow_infinity=False)))
def test_distinct_times_are_those_of_numpy(durations: Floats) -> None:
    assert np.array_equal(find_times(durations)[0], np.unique(durations))


@pytest.mark.parametrize(
    ("durations", "most"),
    [
        (np.arange(4000.0), 4),
        (np.arange(2000.0), 2),
        (np.arange(400) / 10, 6),
        (np.arange(2000) / 365.25, 7),
        (np.random.default_rng(0).exponential(1, 5000), 7),
        (2.0 ** np.arange(-1000, 1000), 4),
        (np.array([1.0, 2.0**512]), 2),
    ],
    ids=["4000 days", "2000 days", "tenths", "years", "any", "powers of two", "one bit"],
)
def test_it_takes_few_rounds(durations: Floats, most: int) -> None:
    found, rounds, _ = find_times(durations)
    assert len(found) == len(durations)
    assert rounds <= most


def test_no_round_adds_more_than_65_counts_for_each_time_or_one_block_of_children() -> None:
    durations = np.random.default_rng(1).random(3000)
    _, _, longest = find_times(durations)
    assert longest <= max(65 * 3000, times.CHILDREN) + 1


def test_more_distinct_times_than_the_limit_are_a_named_error() -> None:
    assert len(find_times(np.arange(50.0), limit=50)[0]) == 50
    with pytest.raises(Unable) as too_many:
        find_times(np.arange(51.0), limit=50)
    assert too_many.value.code == "too-many-distinct-times"


@pytest.mark.parametrize("bad", [-1.0, np.inf, np.nan])
def test_what_is_no_duration_is_a_named_error_raised_over_the_sum_so_that_no_hospital_is_named(bad: float) -> None:
    assert times.partial(np.array([bad, 1.0]), times.start())[-1] == 1
    with pytest.raises(BadInput) as refused:
        find_times(np.array([1.0, 2.0, bad]))
    assert refused.value.code == "not-a-duration"


def test_rows_that_leave_between_rounds_leave_ranks_that_still_have_a_value() -> None:
    values = np.random.default_rng(2).normal(size=200)
    tree, ranks, left = order.root(), np.array([0, 100, 199]), values
    while tree["open"]:
        tree = order.refine(order.counts(order.image(left), tree), tree, 64, ranks)
        left = left[1:]
    assert np.isin(order.at_rank(tree, ranks), values).all()
