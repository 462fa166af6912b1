"""Risk from class sizes by hand, and population uniqueness beside populations of which it is known."""

from __future__ import annotations

import numpy as np
import pytest

from huizhen.privacy.risk import risks
from huizhen.privacy.risk_population import pitman, snb, uniqueness, zayatz


def test_three_who_may_try_by_hand():
    """Classes of 2, 3 and 5 rows, shared by 4, 3 and 13 people."""
    alone = risks(np.array([2, 3, 5]))
    assert alone.prosecutor.highest == 1 / 2 and alone.prosecutor.average == 3 / 10
    assert alone.prosecutor.above == {"public": 10, "controlled": 5, "enclave": 2}
    assert alone.marketer == 3 / 10 and alone.journalist.highest == 1 / 2 and alone.bounded
    assert alone.verdict == {"public": False, "controlled": False, "enclave": False}
    among = risks(np.array([2, 3, 5]), np.array([4, 3, 13]))
    assert among.journalist.highest == 1 / 3 and not among.bounded
    assert among.marketer == pytest.approx((2 / 4 + 3 / 3 + 5 / 13) / 10)
    assert among.journalist.average == pytest.approx(max(3 / 20, among.marketer))
    assert among.verdict == {"public": False, "controlled": False, "enclave": True}


@pytest.mark.parametrize(("k", "fits"), [(20, "public"), (5, "controlled"), (3, "enclave")])
def test_the_thresholds_of_the_guide(k: int, fits: str):
    assert risks(np.array([k, 100])).verdict[fits] and not risks(np.array([k - 1, 100])).verdict[fits]


def pitman_population(chance: np.random.Generator, people: int, alpha: float, theta: float) -> np.ndarray:
    """Class of each person, by the process that the formula describes: one after the other takes a seat."""
    seat = np.empty(people, np.int64)
    classes = 0
    draws, pick = chance.random(people), chance.random(people)
    for i in range(people):
        if draws[i] * (theta + i) < theta + alpha * classes:
            seat[i], classes = classes, classes + 1
            continue
        while True:
            other = seat[int(pick[i] * i)]
            # A class of m people is taken with weight m - alpha: one in m of those drawn is given back with alpha.
            if chance.random() * np.count_nonzero(seat[:i] == other) >= alpha:
                break
            pick[i] = chance.random()
        seat[i] = other
    return seat


def drawn(chance: np.random.Generator, seat: np.ndarray, share: float) -> tuple[np.ndarray, float]:
    """Class sizes of a sample, and the true share of people who are unique."""
    sizes = np.bincount(seat)
    sample = chance.choice(seat, int(share * len(seat)), replace=False)
    there = np.bincount(sample)
    return there[there > 0], float((sizes == 1).sum() / len(seat))


@pytest.fixture(scope="module")
def by_pitman() -> np.ndarray:
    return pitman_population(np.random.default_rng(1), 12_000, 0.5, 400.0)


@pytest.fixture(scope="module")
def by_snb() -> np.ndarray:
    chance = np.random.default_rng(2)
    return np.repeat(np.arange(9_000), 1 + chance.negative_binomial(0.6, 0.12, 9_000))


def test_pitman_finds_the_uniqueness_of_a_population_of_its_own(by_pitman: np.ndarray):
    size, truth = drawn(np.random.default_rng(3), by_pitman, 0.1)
    assert truth > 0.05
    assert pitman(size, len(by_pitman)) == pytest.approx(truth, rel=0.2)
    assert uniqueness(size, len(by_pitman)).chosen == "pitman"


def test_the_slide_negative_binomial_too(by_snb: np.ndarray):
    size, truth = drawn(np.random.default_rng(4), by_snb, 0.2)
    assert truth > 0.05
    assert snb(size, len(by_snb)) == pytest.approx(truth, rel=0.2)
    found = uniqueness(size, len(by_snb))
    assert found.sampled == pytest.approx(0.2, abs=1e-4) and found.share == min(found.snb, found.zayatz)


def test_zayatz_nears_the_truth_as_the_sample_nears_the_population(by_snb: np.ndarray):
    """It takes the sizes in the sample for those in the population, and so errs upward where few were drawn."""
    off = []
    for share in (0.1, 0.5, 0.95):
        size, truth = drawn(np.random.default_rng(5), by_snb, share)
        off.append(zayatz(size, len(by_snb)) / truth - 1)
    assert off[0] > off[1] > off[2] and abs(off[2]) < 0.1


def test_nobody_is_unique_where_no_row_is():
    found = uniqueness(np.array([10, 12, 30] * 20), 100_000)
    assert found.zayatz == 0 and found.share < 1e-3
    assert pitman(np.array([5]), 100) is None and snb(np.ones(5, np.int64), 100) is None
