"""How large one hospital's share can be, given only the sum and the sum of squares."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huizhen.privacy.cohort import largest_share

SIZES = st.lists(st.integers(1, 100_000), min_size=1, max_size=30)


def bound(people: list[int]) -> float:
    return largest_share(sum(people), sum(p * p for p in people), len(people))


@given(SIZES)
def test_no_hospital_holds_more_than_the_bound(people: list[int]) -> None:
    assert max(people) / sum(people) <= bound(people) + 1e-9
    assert bound(people) <= 1


@given(st.integers(1, 10_000), st.integers(1, 100), st.integers(1, 20))
def test_the_bound_is_attained_when_the_others_are_equal(largest: int, other: int, others: int) -> None:
    people = [largest + other, *[other] * others]
    assert bound(people) == pytest.approx(max(people) / sum(people), abs=1e-9)


@given(SIZES)
def test_where_one_hospital_has_most_the_bound_is_within_a_few_percent(people: list[int]) -> None:
    share = max(people) / sum(people)
    if share >= 0.8:
        assert bound(people) <= share + 0.025


def test_one_hospital_alone_holds_everything() -> None:
    assert bound([17]) == 1.0
