"""Complementary suppression on any table: the auditor, who shares no step with it, can recover nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from guarding import guard, table
from huizhen.model.result import Path, Result, Table
from huizhen.privacy.audit import intervals, recoverable
from huizhen.privacy.places import at, leaves, replaced
from huizhen.privacy.rounding import nearest

COUNTS = st.one_of(st.just(0), st.integers(1, 9), st.integers(1, 30), st.integers(10, 500))


@st.composite
def tables(draw: st.DrawFn) -> Result:
    """Tables of one to three dimensions, sparse and dense, with some or all of their margins."""
    shape = draw(st.sampled_from([(2,), (5,), (2, 2), (3, 4), (4, 3), (2, 2, 2), (3, 2, 3)]))
    size = int(np.prod(shape))
    cells = np.array(draw(st.lists(COUNTS, min_size=size, max_size=size))).reshape(shape)
    axes = draw(st.sets(st.sampled_from(range(len(shape))))) if len(shape) > 1 else set()
    return table(cells, axes=sorted(axes))


@st.composite
def pairs(draw: st.DrawFn) -> Result:
    """The same people counted by two questions, with one total."""
    first = draw(st.lists(COUNTS, min_size=2, max_size=4))
    rest = sum(first)
    second = []
    for _ in range(draw(st.integers(1, 3))):
        second.append(draw(st.integers(0, rest)))
        rest -= second[-1]
    values = {"a": first, "b": [*second, rest], "n": sum(first)}
    margin = ((("n",), None),)
    return Result(values, (Table(("a",), margin), Table(("b",), margin)))


def counts(result: Result) -> dict[Path, Any]:
    paths = {p for t in result.exposures for p in (t.path, *(path for path, _ in t.margins))}  # type: ignore[union-attr]
    return {place: count for path in paths for place, count in leaves(at(result.values, path), path)}


@given(st.one_of(tables(), pairs()), st.integers(3, 12))
@settings(max_examples=60, deadline=None)
def test_no_small_count_is_shown_or_can_be_narrowed_down(result: Result, min_cell: int) -> None:
    released = guard(result, min_cell=min_cell).values
    assert released is not None
    exact = counts(result)
    small = {place for place, count in exact.items() if 0 < count < min_cell}
    for place, count in exact.items():
        shown = at(released, place)
        assert shown is None or (shown == count and place not in small)
        assert count > 0 or shown == 0
    for place, (low, high) in intervals(released, result.exposures, only=small).items():  # type: ignore[arg-type]
        assert low <= exact[place]
        assert high is None or (exact[place] <= high and high - low + 1 >= min_cell), place


@given(tables())
@settings(max_examples=30, deadline=None)
def test_nothing_is_hidden_without_a_small_count(result: Result) -> None:
    assume(all(count == 0 or count >= 3 for count in counts(result).values()))
    assert guard(result, min_cell=3).values == result.values


TRIED = np.stack(np.meshgrid(*[np.arange(17)] * 4, indexing="ij"), axis=-1).reshape(-1, 2, 2)
"""Every table of two by two with cells up to 16, which is as large as a total of the test below can be."""
PLACES: tuple[Path, ...] = (
    ("cells", 0, 0), ("cells", 0, 1), ("cells", 1, 0), ("cells", 1, 1),
    ("along0", 0), ("along0", 1), ("along1", 0), ("along1", 1), ("n",),
)  # fmt: skip
FIGURES = np.column_stack([TRIED.reshape(-1, 4), TRIED.sum(axis=2), TRIED.sum(axis=1), TRIED.sum(axis=(1, 2))])


@given(st.lists(st.integers(0, 4), min_size=4, max_size=4), st.sets(st.integers(0, 8), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_the_auditor_finds_what_trying_every_table_finds(cells: list[int], hide: set[int]) -> None:
    result = table(np.array(cells).reshape(2, 2))
    exact = np.array([at(result.values, place) for place in PLACES])
    hidden = np.isin(np.arange(len(PLACES)), list(hide)) & (exact > 0)
    assume(hidden.any())
    fits = FIGURES[(np.where(hidden, FIGURES >= 1, exact == FIGURES)).all(axis=1)]
    published = replaced(result.values, {PLACES[i]: None for i in np.flatnonzero(hidden)})
    spans = intervals(published, result.exposures)  # type: ignore[arg-type]
    exactly = recoverable(published, result.exposures)  # type: ignore[arg-type]
    assert spans.keys() == {PLACES[i] for i in np.flatnonzero(hidden)}
    for i in np.flatnonzero(hidden):
        low, high = spans[PLACES[i]]
        seen = fits[:, i]
        assert low == seen.min()
        assert seen.max() == high if high is not None else seen.max() >= 16
        assert (PLACES[i] in exactly) == (seen.min() == seen.max())


@given(st.integers(-10_000, 10_000), st.integers(2, 100))
def test_rounding_goes_to_the_nearest_multiple_and_halves_to_the_even_one(count: int, base: int) -> None:
    rounded = nearest(count, base)
    assert rounded % base == 0
    assert 2 * abs(rounded - count) <= base
    if 2 * abs(rounded - count) == base:
        assert (rounded // base) % 2 == 0
