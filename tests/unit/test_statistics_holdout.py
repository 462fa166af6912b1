"""How many different rows a sample really has, and what chance then gives an attack that compares two samples."""

from __future__ import annotations

import numpy as np
import pytest

from huizhen.statistics.holdout import GROUPS, alike, held_out
from huizhen.statistics.membership import chance


def counted(
    values: np.ndarray[tuple[int], np.dtype[np.float64]], share: float = 0.5
) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return alike([values], held_out([values], len(values), share, 1), 1)


def test_groups_add_up_over_any_split_and_equal_rows_share_one() -> None:
    rows = np.random.default_rng(1).normal(size=500)
    whole = counted(rows)
    assert whole.shape == (2, GROUPS) and whole.sum() == 500
    assert np.array_equal(whole, counted(rows[:200]) + counted(rows[200:]))
    assert (counted(np.full(90, 2.5)) > 0).sum() == 1


@pytest.mark.parametrize(("different", "copies"), [(400, 1), (400, 20), (40, 1), (40, 200), (12, 500)])
def test_chance_goes_by_different_rows_not_by_rows(different: int, copies: int) -> None:
    values = np.repeat(np.random.default_rng(different).normal(size=different), copies)
    held = held_out([values], len(values), 0.5, 1)
    m, n = (len(np.unique(values[part])) for part in (~held, held))
    expected = np.sqrt(np.log(20) / 2 * (1 / m + 1 / n))
    assert chance(counted(values)) == pytest.approx(expected, rel=0.25)


def test_two_samples_of_one_distribution_differ_by_more_than_chance_once_in_twenty() -> None:
    """Not oftener; and not much seldomer, so that it is no excuse either."""
    lot = np.random.default_rng(7)
    beyond = 0
    for _ in range(2000):
        one, other = lot.normal(size=160), lot.normal(size=40)
        marks = np.sort(np.concatenate([one, other]))
        gap = np.searchsorted(np.sort(one), marks, "right") / 160 - np.searchsorted(np.sort(other), marks, "right") / 40
        beyond += gap.max() > np.sqrt(np.log(20) / 2 * (1 / 160 + 1 / 40))
    assert 0.02 < beyond / 2000 < 0.055
