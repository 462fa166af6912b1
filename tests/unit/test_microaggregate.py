"""Numbers in groups of at least k: the best there is for one column, and what is promised of others still holds."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.privacy.anonymise.hierarchy import flat, quantile
from huizhen.privacy.anonymise.microaggregate import groups, regrouped
from huizhen.privacy.anonymise.partition import partition
from huizhen.privacy.anonymise.promise import Diversity, Sensitive


def error(values: np.ndarray, of: np.ndarray) -> float:
    return float(sum(((values[of == g] - values[of == g].mean()) ** 2).sum() for g in np.unique(of)))


def best(values: list[float], k: int) -> float:
    """By trying every way to cut the sorted values."""

    @cache
    def rest(start: int) -> float:
        if start == len(ordered):
            return 0.0
        ends = range(start + k, len(ordered) + 1)
        return min(
            (float(((x := ordered[start:e]) - x.mean()).__pow__(2).sum()) + rest(e) for e in ends), default=np.inf
        )

    ordered = np.sort(np.array(values))
    return rest(0)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(-50, 50), min_size=2, max_size=16), st.integers(2, 5))
def test_one_column_is_grouped_with_the_least_error(values: list[int], k: int):
    points = np.array(values, float)
    of = groups(points[:, None], k)
    if len(values) >= k:
        assert np.bincount(of).min() >= k
        assert error(points, of) == pytest.approx(best([float(v) for v in values], k), abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(2, 6), st.integers(0, 3))
def test_several_columns_are_in_groups_of_k_to_less_than_2_k(rows: int, k: int, seed: int):
    points = np.random.default_rng(seed).normal(size=(rows, 3))
    size = np.bincount(groups(points, k))
    assert size.sum() == rows and (rows < k or size.min() >= k) and size.max() <= max(2 * k - 1, min(rows, 2 * k - 1))


@settings(max_examples=30, deadline=None)
@given(st.integers(20, 120), st.integers(2, 6), st.integers(0, 1000), st.sampled_from([None, 2]))
def test_classes_stay_of_k_rows_alike_in_the_rest_and_as_diverse_as_promised(
    rows: int, k: int, seed: int, least: int | None
):
    chance = np.random.default_rng(seed)
    values = [str(v) for v in range(40)] + [""]
    tree, sex = quantile(values, [1] * 41, (2, 4, 8), "x"), flat(["f", "m"])
    code = tree.code[chance.integers(0, 41, rows)].astype(np.int32)
    columns = [code, chance.integers(0, 2, rows).astype(np.int32)]
    secret = Sensitive(chance.integers(0, 2, rows).astype(np.int32), 2, Diversity(distinct=least))
    if len(np.unique(secret.code)) < 2:
        return
    number = np.array([float(tree.label[x]) if tree.label[x] else np.nan for x in tree.node[-1]])
    found = partition(columns, [tree, sex], k, [secret])
    made = regrouped(found, columns, [tree, sex], [number, None], k, [secret])
    assert sorted(made.row) == list(range(rows)) and made.size.min() >= k
    for start, size, node in zip(made.start, made.size, made.node.T, strict=True):
        row = made.row[start : start + size]
        assert least is None or len(np.unique(secret.code[row])) >= least
        assert (tree.node[:, code[row]] == node[0]).any(axis=0).all()
        assert (sex.node[:, columns[1][row]] == node[1]).any(axis=0).all()
    kept = [np.where(np.isnan(number[code]), 0, number[code]) for _ in (0, 1)]
    of = [p.of(rows) for p in (found, made)]
    whole = ~np.isnan(number[code])
    if least is None and whole.all():
        assert error(kept[1], of[1]) <= error(kept[0], of[0]) + 1e-9
