"""Does one class hold what is promised of a sensitive column? Compiled, from the counts of the class.

What it costs follows the rows of the class and the values that occur in it, not how many values there are. The
definitions are with `promise.Diversity` and `promise.Presence`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

EPSILON = 1e-12
DISTINCT, ENTROPY, C, L, T, GROUND, BETA, ENHANCED, PRESENT_LEAST, PRESENT_MOST, FEWEST = range(11)
"""Places of the figures of a promise in its row; NaN where it is not made."""
_FEW = 32
EQUAL, ORDERED, HIERARCHICAL = 0.0, 1.0, 2.0
"""Ground distances of t-closeness."""


@njit(cache=True, nogil=True)
def held(rows: Any, q: Any, promise: Any, room: Any, start: Any, ends: Any, which: Any) -> bool:
    """Do the rows of these parts, taken together, hold every promise?

    rows: see `kernel`, sensitive columns from q on; ends (parts,): where each part ends, the first of which begins at
    `start`; which (parts,) bool; promise: see `promise.packed`; room (2, s, values) int64, zero in the
    first half. Rows with a code below 0 do not count.
    """
    asked, known, share, node, under = promise
    good = True
    for a in range(len(known)):
        column, kinds, size, begin = q + known[a, 0], np.int64(0), np.int64(0), start
        count, seen = room[0, a], room[1, a]
        for p in range(len(ends)):
            if which[p]:
                for i in range(begin, ends[p]):
                    v = rows[i, column]
                    if v < 0:
                        continue
                    if count[v] == 0:
                        seen[kinds] = v
                        kinds += 1
                    count[v] += 1
                    size += 1
            begin = ends[p]
        sort(seen, kinds)
        good = size == 0 or _holds(
            asked[a], seen, kinds, count, size, share[a], known[a, 1], node[a], known[a, 2], under[a]
        )
        for i in range(kinds):
            count[seen[i]] = 0
        if not good:
            return False
    return good


@njit(cache=True, nogil=True)
def held_by(promise: Any, counts: Any) -> bool:
    """`held`, of rows of which only counts (s, values) are known: how many have each value."""
    asked, known, share, node, under = promise
    for a in range(len(known)):
        seen = np.flatnonzero(counts[a])
        size = counts[a].sum()
        if size > 0 and not _holds(
            asked[a], seen, len(seen), counts[a], size, share[a], known[a, 1], node[a], known[a, 2], under[a]
        ):
            return False
    return True


@njit(cache=True, nogil=True)
def held_each(rows: Any, q: Any, promise: Any, room: Any, ends: Any) -> Any:
    """`held` for each of the parts by itself: (parts,) bool."""
    good, which = np.empty(len(ends), np.bool_), np.ones(1, np.bool_)
    one, start = np.empty(1, np.int64), np.int64(0)
    for p in range(len(ends)):
        one[0] = ends[p]
        good[p] = held(rows, q, promise, room, start, one, which)
        start = ends[p]
    return good


@njit(cache=True, nogil=True)
def sort(values: Any, n: Any) -> None:
    """The first n, ascending: few by insertion, more by heap sort, which is short to compile and never slow."""
    if n <= _FEW:
        for i in range(1, n):
            value, at = values[i], i
            while at > 0 and values[at - 1] > value:
                values[at] = values[at - 1]
                at -= 1
            values[at] = value
        return
    for end in range(n - 1, -n, -1):
        at, last = (end, n) if end >= 0 else (0, n + end)
        if end < 0:
            values[0], values[last] = values[last], values[0]
        while 2 * at + 1 < last:
            child = 2 * at + 1
            if child + 1 < last and values[child + 1] > values[child]:
                child += 1
            if values[child] <= values[at]:
                break
            values[at], values[child] = values[child], values[at]
            at = child


@njit(cache=True, nogil=True)
def _holds(  # noqa: PLR0911
    asked: Any, seen: Any, kinds: Any, count: Any, size: Any, share: Any, values: Any, node: Any, levels: Any,
    under: Any,
) -> bool:  # fmt: skip
    """asked (11,); seen: codes that occur, ascending, `kinds` of them; share (3, values + 1): the shares in the table,
    their running sum, and the running sum of that; node (levels, values), under (nodes,): hierarchy and shares below.
    """
    if kinds < asked[DISTINCT]:
        return False
    if asked[PRESENT_MOST] >= 0:
        inside = count[1]
        if 0 < inside < asked[FEWEST] or inside > asked[PRESENT_MOST] * size + EPSILON:
            return False
        if inside < asked[PRESENT_LEAST] * size - EPSILON:
            return False
    entropy, equal = 0.0, 0.0
    for i in range(kinds):
        p, q = count[seen[i]] / size, share[0, seen[i]]
        entropy -= p * np.log(p)
        equal += max(0.0, p - q)
        if asked[BETA] >= 0:
            most = min(asked[BETA], -np.log(q)) if asked[ENHANCED] > 0 else asked[BETA]
            if (p - q) / q > most + EPSILON:
                return False
    if entropy < asked[ENTROPY] - EPSILON:
        return False
    if asked[C] >= 0 and not _recursive(seen, kinds, count, asked[C], int(asked[L])):
        return False
    if asked[T] >= 0:
        distance = equal
        if asked[GROUND] == ORDERED:
            distance = _ordered(seen, kinds, count, size, share, values)
        elif asked[GROUND] == HIERARCHICAL:
            distance = _hierarchical(seen, kinds, count, size, node, levels, under)
        return bool(distance <= asked[T] + EPSILON)
    return True


@njit(cache=True, nogil=True)
def _recursive(seen: Any, kinds: Any, count: Any, c: float, level: Any) -> bool:
    """The commonest value has fewer rows than c times all from the l-th commonest on."""
    sizes = np.empty(kinds, np.int64)
    for i in range(kinds):
        sizes[i] = count[seen[i]]
    sort(sizes, kinds)
    rest = 0
    for i in range(kinds - level + 1):
        rest += sizes[i]
    return bool(sizes[kinds - 1] < c * rest)


@njit(cache=True, nogil=True)
def _ordered(seen: Any, kinds: Any, count: Any, size: Any, share: Any, values: Any) -> float:
    """Sum over all but the last value of |running share here - running share in the table|, over values - 1.

    Between two codes that occur the share here is level, and that of the table rises: a search finds where they cross,
    and differences of the summed sums give both sides.
    """
    last, here, total, start = values - 1, 0.0, 0.0, 0
    if last < 1:
        return 0.0
    for i in range(kinds + 1):
        end = min(seen[i], last) if i < kinds else last
        if end > start:
            middle, high = start, end
            while middle < high:
                at = (middle + high) // 2
                if share[1, at] < here:
                    middle = at + 1
                else:
                    high = at
            total += here * (middle - start) - (share[2, middle] - share[2, start])
            total += (share[2, end] - share[2, middle]) - here * (end - middle)
            start = end
        if i < kinds:
            here += count[seen[i]] / size
    return float(total / last)


@njit(cache=True, nogil=True)
def _hierarchical(seen: Any, kinds: Any, count: Any, size: Any, node: Any, levels: Any, under: Any) -> float:
    """Earth mover's distance where moving costs the height of the least common ancestor (Li et al. 2007, 3.3).

    At each inner node what has to cross it is the smaller of the surplus and the shortage of its children; children
    that do not occur are short, so that both follow from those that do: shortage = surplus - (here - table).
    """
    top, total = levels - 1, 0.0
    if top < 1:
        return 0.0
    names, shares, first = np.empty(kinds, np.int64), np.empty(kinds), np.empty(kinds, np.int64)
    for i in range(kinds):
        names[i], shares[i], first[i] = node[top, seen[i]], count[seen[i]] / size, seen[i]
    for level in range(top - 1, -1, -1):
        i, kept = 0, 0
        while i < kinds:
            above, here, surplus, start = node[level, first[i]], 0.0, 0.0, first[i]
            while i < kinds and node[level, first[i]] == above:
                here += shares[i]
                surplus += max(0.0, shares[i] - under[names[i]])
                i += 1
            total += (top - level) / top * min(surplus, max(0.0, surplus - (here - under[above])))
            names[kept], shares[kept], first[kept] = above, here, start
            kept += 1
        kinds = kept
    return total
