"""Whatever the table: every class holds what was asked, by the definitions, and is published as what covers it."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.kit.errors import Unable
from huizhen.privacy.anonymise.cost import measure
from huizhen.privacy.anonymise.hierarchy import Hierarchy, build, flat
from huizhen.privacy.anonymise.lattice import optimal
from huizhen.privacy.anonymise.partition import Partition, partition
from huizhen.privacy.anonymise.promise import Diversity, Presence, Sensitive, all_held

TREE = build([("a", "aa", "0"), ("a", "aa", "1"), ("a", "ab", "2"), ("b", "ba", "3"), ("b", "bb", "4")])
"""Of the sensitive values 0 to 4."""


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
        draw(st.sampled_from([None, 0.0, 0.1, 0.2, 0.5])),
        draw(st.sampled_from(["equal", "ordered", "hierarchical"])),
        draw(st.sampled_from([None, None, 0.5, 2.0])),
        draw(st.booleans()),
    )
    return columns, hierarchies, secret, draw(st.integers(1, 8)), asked


def distance(values: list[int], whole: list[int], ground: str) -> float:
    """The earth mover's distance, by the definition of each ground distance, from shares of the five values."""
    apart = [values.count(v) / len(values) - whole.count(v) / len(whole) for v in range(5)]
    if ground == "equal":
        return sum(map(abs, apart)) / 2
    if ground == "ordered":
        return sum(abs(sum(apart[: i + 1])) for i in range(5)) / 4
    total = 0.0
    for height, groups in [(1, [[0, 1], [2], [3], [4]]), (2, [[0, 1, 2], [3, 4]]), (3, [[0, 1, 2, 3, 4]])]:
        below = {1: [[v] for v in range(5)], 2: [[0, 1], [2], [3], [4]], 3: [[0, 1, 2], [3, 4]]}[height]
        for group in groups:
            child = [sum(apart[v] for v in part) for part in below if set(part) <= set(group)]
            total += height / 3 * min(sum(x for x in child if x > 0), -sum(x for x in child if x < 0))
    return total


def holds(values: list[int], whole: list[int], asked: Diversity) -> bool:
    """From the definitions, one class at a time."""
    n, counts = len(values), sorted(Counter(values).values(), reverse=True)
    if asked.distinct and len(counts) < asked.distinct:
        return False
    if asked.entropy and -sum(c / n * math.log(c / n) for c in counts) < math.log(asked.entropy) - 1e-9:
        return False
    if asked.recursive and counts[0] >= asked.recursive[0] * sum(counts[asked.recursive[1] - 1 :]):
        return False
    if asked.beta:
        for v, c in Counter(values).items():
            share = whole.count(v) / len(whole)
            most = min(asked.beta, -math.log(share)) if asked.enhanced else asked.beta
            if (c / n - share) / share > most + 1e-9:
                return False
    return asked.t is None or distance(values, whole, asked.ground) <= asked.t + 1e-9


def checked(found: Partition, columns: Any, hierarchies: Any, secret: Any, k: int, asked: Diversity) -> None:
    assert sorted([*found.row, *found.gone]) == list(range(len(secret)))
    for i, (start, size) in enumerate(zip(found.start, found.size, strict=True)):
        row = found.row[start : start + size]
        assert size >= k
        assert holds(secret[row].tolist(), secret.tolist(), asked)
        for column, hierarchy, node in zip(columns, hierarchies, found.node[:, i], strict=True):
            assert (hierarchy.node[:, column[row]] == node).any(axis=0).all()


@settings(max_examples=300, deadline=None)
@given(tables(), st.integers(0, 10))
def test_every_class_holds_what_was_asked(table: Any, suppress: int):
    columns, hierarchies, secret, k, asked = table
    rows, before = len(secret), [c.copy() for c in columns]
    sensitive = [Sensitive(secret, 5, asked, TREE)]
    fits = holds(secret.tolist(), secret.tolist(), asked)
    assert all_held(sensitive) == fits
    if rows < k or not fits:
        return
    found = partition(columns, hierarchies, k, sensitive, suppress=suppress)
    assert all((a == b).all() for a, b in zip(columns, before, strict=True))
    assert len(found.gone) <= suppress
    checked(found, columns, hierarchies, secret, k, asked)


def loss(found: Partition, hierarchies: list[Hierarchy]) -> float:
    return float(measure(found, hierarchies, list("abc"))["ncp"])


@settings(max_examples=150, deadline=None)
@given(tables(), st.integers(0, 10))
def test_the_lattice_finds_what_looking_at_every_rule_finds(table: Any, suppress: int):
    columns, hierarchies, secret, k, asked = table
    rows = len(secret)
    least = math.inf
    for rule in itertools.product(*(range(len(h.node)) for h in hierarchies)):
        nodes = [h.node[level][c] for h, level, c in zip(hierarchies, rule, columns, strict=True)]
        classes: dict[Any, list[int]] = {}
        for i, key in enumerate(zip(*nodes, strict=True)):
            classes.setdefault(key, []).append(i)
        kept = [
            i for c in classes.values() if len(c) >= k and holds(secret[c].tolist(), secret.tolist(), asked) for i in c
        ]
        if kept and rows - len(kept) <= suppress:
            cells = sum(h.penalty[n[kept]].sum() for h, n in zip(hierarchies, nodes, strict=True)) / 3
            least = min(least, (cells + rows - len(kept)) / rows)
    try:
        found = optimal(columns, hierarchies, k, [Sensitive(secret, 5, asked, TREE)], suppress=suppress)
    except Unable:
        assert least == math.inf
        return
    checked(found, columns, hierarchies, secret, k, asked)
    assert len(found.gone) <= suppress
    assert loss(found, hierarchies) == pytest.approx(least, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(
    tables(),
    st.lists(st.booleans(), min_size=60, max_size=60),
    st.integers(1, 4),
    st.sampled_from([0.5, 0.8, 1.0]),
    st.booleans(),
    st.integers(0, 5),
)
def test_among_a_population(table: Any, drawn: list[bool], fewest: int, most: float, rule: bool, suppress: int):
    """k-map counts everyone; who is in the file is neither few nor nearly all of a class; with suppression, and with
    one rule for each column, too."""
    columns, hierarchies, secret, k, _ = table
    inside = np.array(drawn[: len(secret)], np.int32)
    presence = Sensitive(inside, 2, Presence(fewest, 0.0, most))
    if len(secret) < k or not all_held([presence]):
        return
    there_all = inside.astype(bool)
    if rule:
        try:
            everyone = optimal(columns, hierarchies, k, [presence], suppress=suppress, inside=there_all)
        except Unable:
            return
    else:
        everyone = partition(columns, hierarchies, k, [presence], suppress=suppress)
    found = everyone.only(np.arange(len(inside)), there_all)
    assert sorted([*found.row, *found.gone]) == np.flatnonzero(inside).tolist()
    assert len(found.gone) <= suppress
    for start, size in zip(everyone.start, everyone.size, strict=True):
        row = everyone.row[start : start + size]
        there = inside[row].sum()
        assert size >= k and (there == 0 or there >= fewest) and there <= most * size + 1e-9
    assert (found.size >= fewest).all()
    assert found.people is None or (found.people >= np.maximum(found.size, k)).all()


def test_the_same_classes_whatever_the_number_of_threads():
    chance = np.random.default_rng(3)
    hierarchies = [build([(str(v // 64), str(v // 8), str(v)) for v in range(512)]) for _ in range(3)]
    columns = [chance.integers(0, 512, 20_000).astype(np.int32) for _ in hierarchies]
    secret = [Sensitive(chance.integers(0, 5, 20_000).astype(np.int32), 5, Diversity(t=0.3), TREE)]
    one, four = (partition(columns, hierarchies, 5, secret, suppress=500, threads=n) for n in (1, 4))
    assert all(np.array_equal(getattr(one, part), getattr(four, part)) for part in ("row", "start", "node", "gone"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 7), min_size=2, max_size=80), st.integers(1, 5))
def test_of_one_column_no_class_could_be_split_once_more(values: list[int], k: int):
    hierarchy = build([(str(v // 4), str(v // 2), str(v)) for v in range(8)])
    column = hierarchy.code[values]
    if len(values) < k:
        return
    found = partition([column], [hierarchy], k)
    for start, size in zip(found.start, found.size, strict=True):
        inside = Counter(column[found.row[start : start + size]].tolist())
        level = max(n for n in range(4) if hierarchy.node[n, min(inside)] == hierarchy.node[n, max(inside)])
        below = Counter()
        for code, count in inside.items():
            below[int(hierarchy.node[min(level + 1, 3), code])] += count
        alone = [c for c in below.values() if c >= k]
        assert len(below) == 1 or not alone or (len(alone) == 1 and 0 < size - alone[0] < k)
