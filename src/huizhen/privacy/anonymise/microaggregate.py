"""Numbers in groups of at least k rows, which are published as the mean of their group.

One column: the groups of least squared error there are, by dynamic programming (S. Hansen and S. Mukherjee, A
polynomial algorithm for optimal univariate microaggregation, TKDE 15(4), 2003). Several: MDAV, around the rows farthest
from the middle (J. Domingo-Ferrer and V. Torra, Ordinal, continuous and heterogeneous k-anonymity through
microaggregation, Data Mining and Knowledge Discovery 11, 2005), of columns in units of their deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.holding import held
from huizhen.privacy.anonymise.partition import Partition, Whole
from huizhen.privacy.anonymise.promise import Codes, Sensitive, packed

Floats = npt.NDArray[np.float64]
MOST = 20_000
"""Rows that are put into groups by MDAV at once: its time is in their square. More are cut where they lie."""


def groups(points: Floats, k: int) -> Whole:
    """(rows,) the group of each of the points (rows, columns), at least k rows in each; all in one below 2 k rows."""
    rows, columns = points.shape
    if rows < 2 * k:
        return np.zeros(rows, np.int64)
    if columns == 1:
        order = np.argsort(points[:, 0], kind="stable")
        of = np.empty(rows, np.int64)
        of[order] = _optimal(points[order, 0] - points[:, 0].mean(), k)
        return of
    wide = points.std(axis=0)
    scaled = (points - points.mean(axis=0)) / np.where(wide > 0, wide, 1)
    given: Whole = _mdav(np.ascontiguousarray(scaled), k)
    return given


@njit(cache=True, nogil=True)
def _optimal(value: Any, k: Any) -> Any:
    """(rows,) groups of ascending values with the least sum of squares within; each has k to 2 k - 1."""
    n = len(value)
    one, two = np.zeros(n + 1), np.zeros(n + 1)
    for i in range(n):
        one[i + 1], two[i + 1] = one[i] + value[i], two[i] + value[i] * value[i]
    best, begins = np.full(n + 1, np.inf), np.zeros(n + 1, np.int64)
    best[0] = 0.0
    for end in range(k, n + 1):
        for start in range(max(end - 2 * k + 1, 0), end - k + 1):
            if best[start] == np.inf:
                continue
            total = one[end] - one[start]
            cost = best[start] + (two[end] - two[start]) - total * total / (end - start)
            if cost < best[end]:
                best[end], begins[end] = cost, start
    of, end, group = np.zeros(n, np.int64), n, 0
    while end > 0:
        for i in range(begins[end], end):
            of[i] = group
        group += 1
        end = begins[end]
    return of


@njit(cache=True, nogil=True)
def _mdav(points: Any, k: Any) -> Any:
    n, columns = points.shape
    of, left = np.full(n, -1, np.int64), np.arange(n)
    group = 0
    while len(left) >= 2 * k:
        middle = np.zeros(columns)
        for i in left:
            middle += points[i]
        middle /= len(left)
        far = left[np.argmax(_apart(points, left, middle))]
        other = left[np.argmax(_apart(points, left, points[far]))]
        for seed in np.array([far, other])[: 2 if len(left) >= 3 * k else 1]:
            near = np.argsort(_apart(points, left, points[seed]), kind="mergesort")[:k]
            out = np.zeros(len(left), np.bool_)
            for i in near:
                of[left[i]] = group
                out[i] = True
            group += 1
            left = left[~out]
    for i in left:
        of[i] = group
    return of


@njit(cache=True, nogil=True)
def _apart(points: Any, left: Any, of: Any) -> Any:
    far = np.zeros(len(left))
    for i in range(len(left)):
        for j in range(points.shape[1]):
            far[i] += (points[left[i], j] - of[j]) ** 2
    return far


def regrouped(
    found: Partition,
    columns: Sequence[Codes],
    hierarchies: Sequence[Hierarchy],
    numbers: Sequence[Floats | None],
    k: int,
    sensitive: Sequence[Sensitive],
) -> Partition:
    """A partition whose classes that agree in every other column are grouped anew by their numbers.

    columns (rows,) codes; numbers: of each column that is published as means the number of each code, NaN for none;
    None of the other columns. Classes in which a number is missing stay, and so do those whose groups would not hold
    what is promised of sensitive columns, even all together. Every class has at least k rows, as before.
    """
    means = [j for j, number in enumerate(numbers) if number is not None]
    others = [j for j, number in enumerate(numbers) if number is None]
    points = np.stack([np.asarray(numbers[j])[columns[j]] for j in means], axis=1)[found.row]
    of = np.repeat(np.arange(len(found.start)), found.size)
    missing = np.zeros(len(found.start), np.bool_)
    missing[of[np.isnan(points).any(axis=1)]] = True
    family = _families(found.node[others], missing)
    promise = packed(sensitive)
    secret = np.stack([s.code for s in sensitive], axis=1).astype(np.int32)[found.row] if sensitive else None
    order = np.argsort(family[of], kind="stable")
    edges = np.flatnonzero(np.diff(family[of][order], prepend=-1, append=-1))
    place, new = np.empty(len(order), np.int64), np.empty(len(order), np.int64)
    made = 0
    for begin, end in pairwise(edges.tolist()):
        rows, first = order[begin:end], begin
        for part in _parts(rows, of, len(means), k):
            group = None if missing[of[part[0]]] else _held_groups(points[part], k, secret, part, promise)
            if group is None:
                group = np.unique(of[part], return_inverse=True)[1]
            by = np.argsort(group, kind="stable")
            place[first : first + len(part)], new[first : first + len(part)] = part[by], made + group[by]
            first, made = first + len(part), made + int(group.max()) + 1
    start = np.flatnonzero(np.diff(new, prepend=-1))
    row = found.row[place]
    node = found.node[:, of[place[start]]].copy()
    for j in means:
        codes = columns[j][row]
        low, high = np.minimum.reduceat(codes, start), np.maximum.reduceat(codes, start)
        node[j] = hierarchies[j].node[hierarchies[j].common(low, high), low]
    return Partition(row, start, node, found.gone)


def _families(node: npt.NDArray[np.int32], missing: npt.NDArray[np.bool_]) -> Whole:
    """(classes,) which classes agree in every other column; those with a missing number agree with none."""
    classes = node.shape[1]
    alone = np.where(missing, np.arange(classes) + 1, 0)
    given: Whole = np.unique(np.vstack([node, alone]), axis=1, return_inverse=True)[1].reshape(-1)
    return given


def _parts(rows: Whole, of: Whole, columns: int, k: int) -> list[Whole]:
    """Rows of one family in parts that MDAV can bear, whole classes in each."""
    if columns == 1 or len(rows) <= MOST:
        return [rows]
    ends = np.flatnonzero(np.diff(of[rows], append=-1)) + 1
    parts, begin = [], 0
    for end in ends.tolist():
        if end - begin >= max(MOST // 2, k):
            parts.append(rows[begin:end])
            begin = end
    return [*parts, *([rows[begin:]] if begin < len(rows) else [])]


def _held_groups(points: Floats, k: int, secret: Any, part: Whole, promise: Any) -> Whole | None:
    """Groups of at least k rows; one that does not hold what is promised goes with its neighbours, in order of the
    first column. None where not even all together hold it."""
    group = groups(points, k)
    if secret is None or len(promise[1]) == 0:
        return group
    middle = np.bincount(group, weights=points[:, 0]) / np.bincount(group)
    rank = np.empty(len(middle), np.int64)
    rank[np.argsort(middle, kind="stable")] = np.arange(len(middle))
    by = np.argsort(rank[group], kind="stable")
    ends = np.append(np.flatnonzero(np.diff(rank[group][by])) + 1, len(part))
    rows = np.ascontiguousarray(secret[part[by]])
    room = np.zeros((2, len(promise[1]), promise[2].shape[2]), np.int64)
    one = np.ones(1, np.bool_)

    def holds(begin: int, end: int) -> bool:
        return bool(held(rows, 0, promise, room, begin, np.array([end]), one))

    cuts = [0]
    for end in ends.tolist():
        if holds(cuts[-1], end):
            cuts.append(end)
    while cuts[-1] != len(part):
        if len(cuts) == 1:
            return None
        cuts.pop()
        if holds(cuts[-1], len(part)):
            cuts.append(len(part))
    merged = np.empty(len(part), np.int64)
    merged[by] = np.repeat(np.arange(len(cuts) - 1), np.diff(cuts))
    return merged
