"""Differential privacy by sampling and generalisation: its numbers by definition, and an attack on the sampler."""

from __future__ import annotations

import math
import os
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import beta as beta_distribution
from scipy.stats import binom

from huizhen.privacy.anonymise.hierarchy import build, flat
from huizhen.privacy.anonymise.sampled import classes, delta_of, drawn, largest_chance, rules, scores, smallest_k
from huizhen.privacy.noise import noisy_largest


def by_definition(k: int, chance: Fraction, epsilon: float, upto: int) -> float:
    """Li et al. 2012, theorem 1, in exact fractions."""
    gamma = 1 - (1 - float(chance)) / math.exp(epsilon)
    most = 0.0
    for n in range(max(math.ceil(k / gamma - 1), 1), upto):
        total = sum(
            math.comb(n, j) * chance**j * (1 - chance) ** (n - j) for j in range(math.floor(gamma * n) + 1, n + 1)
        )
        most = max(most, float(total))
    return most


@pytest.mark.parametrize(("k", "chance", "epsilon"), [(5, "1/2", 1.0), (20, "1/10", 0.5), (12, "3/5", 1.0)])
def test_delta_is_the_papers_sum(k: int, chance: str, epsilon: float):
    share = Fraction(chance)
    assert delta_of(k, float(share), epsilon) == pytest.approx(by_definition(k, share, epsilon, 160), rel=1e-6)


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 1e-5), (1.0, 1e-5)])
def test_k_is_that_of_arxs_loop_less_the_one_that_it_adds(epsilon: float, delta: float):
    """ARX 3.9, ParameterCalculationDouble: beta = 1 - exp(-epsilon); k counts up, once more after delta is reached."""
    chance = 1 - math.exp(-epsilon)
    gamma = (math.exp(epsilon) - 1 + chance) / math.exp(epsilon)
    k, found = 1, 1.0
    while found > delta:
        n, found, bound = math.ceil(k / gamma - 1), -1.0, 2.0
        while found < bound:
            found = max(found, float(binom.sf(math.floor(n * gamma), n, chance)))
            bound = math.exp(-n * (gamma * math.log(gamma / chance) - (gamma - chance)))
            n += 1
        k += 1
    assert smallest_k(epsilon, delta, largest_chance(epsilon)) == k - 1


def leak(k: int, chance: float, epsilon: float, most: int) -> float:
    """The least delta that one combination of n against n + 1 rows really has with epsilon, over n: the mass by which
    one distribution of what is published (0 below k) exceeds exp(epsilon) times the other."""
    worst = 0.0
    for n in range(most):
        seen = []
        for rows in (n, n + 1):
            p = binom.pmf(np.arange(most + 2), rows, chance)
            p[0] += p[1:k].sum()
            p[1:k] = 0
            seen.append(p)
        for a, b in (seen, seen[::-1]):
            worst = max(worst, float(np.maximum(a - math.exp(epsilon) * b, 0).sum()))
    return worst


def test_what_one_person_changes_is_within_epsilon_and_delta_and_is_not_with_more_rows_drawn():
    chance, k = largest_chance(1.0), 30
    assert leak(k, chance, 1.0, 120) <= delta_of(k, chance, 1.0)
    assert leak(k, 0.9, 1.0, 120) > 10 * delta_of(k, chance, 1.0)
    with pytest.raises(ValueError, match="epsilon"):
        delta_of(k, 0.9, 1.0)


def epsilon_seen(with_all: np.ndarray, without: np.ndarray, delta: float) -> float:
    """A lower bound of epsilon, but for one in 10,000, by telling the two files apart by how many rows come out."""
    best = 0.0
    for line in range(int(max(with_all.max(), without.max())) + 1):
        for above in (True, False):
            hits = [int(((x >= line) if above else (x < line)).sum()) for x in (with_all, without)]
            for a, b in (hits, hits[::-1]):
                low = float(beta_distribution.ppf(5e-5, a, len(with_all) - a + 1)) if a else 0.0
                high = float(beta_distribution.ppf(1 - 5e-5, b + 1, len(with_all) - b))
                if low > delta:
                    best = max(best, math.log((low - delta) / high))
    return best


def test_an_attack_on_the_sampler_stays_below_epsilon_and_finds_a_broken_one():
    """The attacker knows every row but one, which is or is not there, and sees what is released many times over."""
    epsilon, delta, times = 1.0, 1e-3, 4000
    chance = largest_chance(epsilon)
    k = smallest_k(epsilon, delta, chance)
    rows = round(k / chance)
    tree = flat(["a"])

    def released(n: int, share: float) -> np.ndarray:
        column = [np.zeros(n, np.int32)]
        out = np.empty(times, np.int64)
        for i in range(times):
            inside = np.flatnonzero(drawn(n, share, os.urandom)) if share < 1 else np.arange(n)
            out[i] = len(classes(column, [tree], (1,), k, inside).row)
        return out

    assert epsilon_seen(released(rows + 1, chance), released(rows, chance), delta) < epsilon
    assert epsilon_seen(released(k, 1.0), released(k - 1, 1.0), delta) > epsilon


def test_rows_are_drawn_by_the_bytes_they_are_given():
    half = np.array([0, 2**63 - 1, 2**63, 2**64 - 1], np.uint64).tobytes()
    assert drawn(4, 0.5, lambda n: half[:n]).tolist() == [True, True, False, False]


def test_what_is_released_is_at_one_level_and_of_at_least_k_drawn_rows():
    tree = build([("1", "11"), ("1", "12"), ("2", "21"), ("2", "22")])
    chance = np.random.default_rng(4)
    column = [tree.code[chance.integers(0, 4, 500)].astype(np.int32)]
    inside = np.flatnonzero(chance.random(500) < 0.5)
    found = classes(column, [tree], (1,), 100, inside)
    assert set(found.row) <= set(inside) and found.size.min() >= 100
    assert {tree.label[n] for n in found.node[0]} <= {"1", "2"} and len(found.row) + len(found.gone) == 500


def test_a_row_more_changes_a_score_by_at_most_k_times_its_worth():
    chance = np.random.default_rng(5)
    trees = [flat(["a", "b", "c"]), flat(["x", "y"])]
    all_rules, k = rules([2, 2], [None, None]), 4
    for _ in range(60):
        n = int(chance.integers(4, 30))
        columns = [chance.integers(0, 3, n).astype(np.int32), chance.integers(0, 2, n).astype(np.int32)]
        one = [np.array(scores(c, trees, all_rules, k, [1000] * 4)) for c in (columns, [x[:-1] for x in columns])]
        assert np.abs(one[0] - one[1]).max() <= 1000 * k


def test_the_choice_follows_the_scores_and_with_little_epsilon_hardly_does():
    assert noisy_largest([0, 10_000, 0], 10, 5.0) == 1
    picked = np.bincount([noisy_largest([0, 10], 1000, 0.001) for _ in range(300)], minlength=2)
    assert picked.min() > 80
    with pytest.raises(ValueError, match="positive"):
        noisy_largest([1], 1, 0.0)
