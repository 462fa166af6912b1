"""Rates by hand, and attacks on tables of which it is known what they give away."""

from __future__ import annotations

import numpy as np
import pytest

from huizhen.privacy.attack import Attack, advantage, beyond, wilson
from huizhen.privacy.attack_rows import Known, Seen, singled, tried


def test_wilsons_interval_and_what_is_beyond_control():
    rate = wilson(8, 10)  # Wilson 1927; figures as in Newcombe 1998, table I, case 81/263 and by hand for 8/10
    assert (rate.share, round(rate.low, 4), round(rate.high, 4)) == (0.8, 0.4902, 0.9433)
    again = wilson(81, 263)
    assert (round(again.low, 4), round(again.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0).high == 1.0 and wilson(0, 50).low == 0.0
    assert beyond(wilson(75, 100), wilson(50, 100)).share == pytest.approx(0.5)
    difference = advantage(wilson(56, 70), wilson(48, 80))  # Newcombe 1998, table II, case (a), method 10
    assert (round(difference.low, 4), round(difference.high, 4)) == (0.0524, 0.3339)
    assert beyond(wilson(10, 100), wilson(50, 100)).share == 0.0


def test_an_attack_is_beyond_its_promise_only_where_chance_seldom_does_that():
    def held(successes: int, tries: int) -> bool:
        rate = wilson(successes, tries)
        return Attack("linkage", "", tries, 0, rate, wilson(0, 0), 0.0, rate, 0.1).held

    assert held(100, 1000) and held(3, 20) and not held(130, 1000) and not held(20, 20)


def column(released: list[int], covers: list[list[int]]) -> Known:
    return Known(np.array(released, np.int32), np.array(covers, np.int32), 10)


def test_who_matches_which_row_by_hand():
    """Values 0 to 3; label 4 covers 0 and 1, label 5 covers 2 and 3, label 6 everything."""
    covers = [[6, 6, 6, 6], [4, 4, 5, 5], [0, 1, 2, 3]]
    seen = Seen([column([4, 4, 5, 6, 2], covers), column([0, 0, 1, 1, 1], [[0, 1]])])
    people = [np.array([0, 2, 3, -1], np.int32), np.array([0, 1, 1, 1], np.int32)]
    secret = (np.array([7, 8, 9, 9, 7], np.int32), np.array([7, 9, 9, 9], np.int32))
    found = tried(seen, people, np.array([0, 4, 2, -1]), [secret], np.random.default_rng(0), lambda _n: None)
    assert found.linked.tolist() == [1 / 2, 1 / 3, 1 / 2, 0] and found.there.tolist() == [True, True, True, False]
    assert found.fewest == 2
    # Rows 0, 1 (7 or 8); rows 2, 3, 4 (9); rows 2, 3 (9); nobody: the file's commonest, 7 or 9.
    assert found.guessed.tolist() == [[1 / 2, 1, 1, 1 / 2]]


def test_a_row_that_can_be_described_alone_is_found_and_one_in_a_class_is_not():
    chance = np.random.default_rng(1)
    codes = [chance.integers(0, 30, 400).astype(np.int32) for _ in range(4)]
    each = [np.arange(30, dtype=np.int32)[None, :]] * 4
    bare = Seen([Known(c, e, 30) for c, e in zip(codes, each, strict=True)])
    plain = singled(bare, codes, codes[:1] * 4, 100, np.random.default_rng(2))
    assert plain.alone > 80 and plain.chance < 40
    classes = [np.repeat(np.arange(40, dtype=np.int32) % 30, 10) for _ in range(4)]
    safe = Seen([Known(c, e, 30) for c, e in zip(classes, each, strict=True)])
    assert singled(safe, classes, classes, 100, np.random.default_rng(2)).alone == 0
