"""Whatever the table: every class holds what was asked, by the definitions, and is published as what covers it."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.privacy.anonymise.hierarchy import build, flat
from huizhen.privacy.anonymise.partition import partition
from huizhen.privacy.anonymise.promise import Diversity, all_diverse


@st.composite
def tables(draw: Any) -> tuple[Any, Any, Any, int, Diversity]:
    rows = draw(st.integers(1, 60))
    paths = draw(st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=1, max_size=12, unique=True))
    hierarchies = [build([(a, a + b, a + b + c) for a, b, c in paths]), flat(["x", "y"]), flat(["only"])]
    columns = [
        np.array(draw(st.lists(st.integers(0, len(h.code) - 1), min_size=rows, max_size=rows)), np.int32)
        for h in hierarchies
    ]
    secret = np.array(draw(st.lists(st.integers(0, 4), min_size=rows, max_size=rows)), np.int32)
    asked = Diversity(
        draw(st.sampled_from([None, 2, 3])),
        draw(st.sampled_from([None, 1.5, 2.0])),
        draw(st.sampled_from([None, (2.0, 2), (3.0, 3)])),
        draw(st.sampled_from([None, 0.0, 0.2, 0.5])),
    )
    return columns, hierarchies, secret, draw(st.integers(1, 8)), asked


def holds(values: list[int], whole: list[int], asked: Diversity) -> bool:
    """From the definitions, one class at a time."""
    n, counts = len(values), sorted(Counter(values).values(), reverse=True)
    if asked.distinct and len(counts) < asked.distinct:
        return False
    if asked.entropy and -sum(c / n * math.log(c / n) for c in counts) < math.log(asked.entropy) - 1e-9:
        return False
    if asked.recursive and counts[0] >= asked.recursive[0] * sum(counts[asked.recursive[1] - 1 :]):
        return False
    apart = sum(abs(values.count(v) / n - whole.count(v) / len(whole)) for v in set(whole)) / 2
    return asked.t is None or apart <= asked.t + 1e-9


@settings(max_examples=300, deadline=None)
@given(tables())
def test_every_class_holds_what_was_asked(table: Any):
    columns, hierarchies, secret, k, asked = table
    rows, before = len(secret), [c.copy() for c in columns]
    sensitive = [(secret, np.bincount(secret, minlength=5) / rows, asked)]
    fits = holds(secret.tolist(), secret.tolist(), asked)
    assert bool(all_diverse(np.zeros(rows, np.int64), 1, sensitive)[0]) == fits
    if rows < k or not fits:
        return
    found = partition(columns, hierarchies, k, sensitive)
    assert sorted(found.row) == list(range(rows))
    assert all((a == b).all() for a, b in zip(columns, before, strict=True))
    for i, (start, size) in enumerate(zip(found.start, found.size, strict=True)):
        row = found.row[start : start + size]
        assert size >= k
        assert holds(secret[row].tolist(), secret.tolist(), asked)
        for column, hierarchy, node in zip(columns, hierarchies, found.node[:, i], strict=True):
            assert (hierarchy.node[:, column[row]] == node).any(axis=0).all()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=2, max_size=80), st.integers(1, 5))
def test_of_one_column_no_class_could_be_split_once_more(values: list[int], k: int):
    hierarchy = build([(str(v // 4), str(v // 2), str(v)) for v in range(8)])
    column = hierarchy.code[values]
    if len(values) < k:
        return
    found = partition([column], [hierarchy], k, [])
    for start, size in zip(found.start, found.size, strict=True):
        inside = Counter(column[found.row[start : start + size]].tolist())
        level = hierarchy.common(*(np.array([f(inside)], np.int32) for f in (min, max)))[0]
        below = Counter()
        for code, count in inside.items():
            below[int(hierarchy.node[min(level + 1, 3), code])] += count
        alone = [c for c in below.values() if c >= k]
        assert len(below) == 1 or not alone or (len(alone) == 1 and 0 < size - alone[0] < k)
