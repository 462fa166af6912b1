"""Top-down partition: the whole table is split again and again, where that saves most loss for each bit of the split.

All groups are looked at together, round by round, so every step is over whole arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.promise import Diversity, Flags, Whole, all_diverse

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
EXPONENT = 0.85
"""Of the bits of a split, in its score."""
Sensitive = tuple[Codes, Floats, Diversity]


@dataclass(frozen=True)
class Partition:
    """`row` has the rows' places, class after class; `start` the place in it where each class begins; `node`
    (columns x classes) the node of each column's hierarchy that a class is published as."""

    row: Whole
    start: Whole
    node: Whole

    @property
    def size(self) -> Whole:
        """Rows in each class."""
        return np.diff(np.append(self.start, len(self.row)))


@dataclass
class _Split:
    """How one column would split each group. Cells are the children that occur, group after group."""

    score: Floats
    key: Whole
    part: Whole
    offset: Whole
    level: Whole


def partition(
    columns: Sequence[Codes],
    hierarchies: Sequence[Hierarchy],
    k: int,
    sensitive: Sequence[Sensitive],
    heard: Callable[[int], None] = lambda _done: None,
) -> Partition:
    """Classes of at least k rows, each as diverse as asked. The whole table has to be so; columns are not changed.

    `heard` is told after each round how many rows are settled.
    """
    rows = len(columns[0])
    row, start = np.arange(rows, dtype=np.int64), np.zeros(1, np.int64)
    blocked = np.zeros((len(columns), 1), np.bool_)
    done_rows: list[Whole] = []
    done_sizes: list[Whole] = []
    while len(row):
        size = np.diff(np.append(start, len(row)))
        group = np.repeat(np.arange(len(size)), size)
        splits = [
            _split(column[row], hierarchy, start, size, group, k)
            for column, hierarchy in zip(columns, hierarchies, strict=True)
        ]
        score = np.where(blocked, -1.0, np.stack([s.score for s in splits]))
        best, over = score.argmax(axis=0), score.max(axis=0) <= 0
        settled = over[group]
        done_rows.append(row[settled])
        done_sizes.append(size[over])
        heard(sum(map(len, done_rows)))
        part = _parts(columns, hierarchies, splits, row, group, best)
        row, group, part = row[~settled], group[~settled], part[~settled]
        row, start, blocked = _regroup(row, group, part, best, blocked, sensitive)
    found = np.concatenate(done_rows)
    sizes = np.concatenate(done_sizes)
    begin = np.cumsum(sizes) - sizes
    return Partition(found, begin, _nodes(columns, hierarchies, found, begin))


def _nodes(columns: Sequence[Codes], hierarchies: Sequence[Hierarchy], row: Whole, start: Whole) -> Whole:
    node = np.empty((len(columns), len(start)), np.int64)
    for j, (column, hierarchy) in enumerate(zip(columns, hierarchies, strict=True)):
        code = column[row]
        low, high = np.minimum.reduceat(code, start), np.maximum.reduceat(code, start)
        node[j] = hierarchy.node[hierarchy.common(low, high), low]
    return node


def _split(code: Codes, hierarchy: Hierarchy, start: Whole, size: Whole, group: Whole, k: int) -> _Split:
    low, high = np.minimum.reduceat(code, start), np.maximum.reduceat(code, start)
    level = hierarchy.common(low, high)
    below = np.minimum(level + 1, len(hierarchy.node) - 1)
    first = hierarchy.node[below, low]
    width = hierarchy.node[below, high] - first + 1
    offset = np.cumsum(width) - width
    key = offset[group] + hierarchy.node[below[group], code] - first[group]
    found, count = _counted(key, int(width.sum()))
    of = np.searchsorted(offset, found, side="right") - 1
    big = _big(of, count, len(size), k)
    rest = np.bincount(of, weights=count * ~big, minlength=len(size))
    parts = np.bincount(of, weights=big, minlength=len(size)) + (rest > 0)
    penalty = hierarchy.penalty
    kept = count * (penalty[hierarchy.node[level, low]][of] - penalty[first[of] + found - offset[of]])
    saved = np.bincount(of, weights=kept * big, minlength=len(size))
    bits = np.bincount(of, weights=np.where(big, count * np.log2(size[of] / count), 0), minlength=len(size))
    bits += np.where(rest > 0, rest * np.log2(size / np.maximum(rest, 1)), 0)
    score = np.where(parts >= 2, saved / np.maximum(bits, 1e-300) ** EXPONENT, 0)
    return _Split(score, found, np.where(big, found - offset[of] + 1, 0), offset, below)


def _counted(key: Whole, most: int) -> tuple[Whole, Whole]:
    if most > 4 * len(key) + 1_000_000:
        return np.unique(key, return_counts=True)
    count = np.bincount(key, minlength=most)
    found = np.flatnonzero(count)
    return found, count[found]


def _big(of: Whole, count: Whole, groups: int, k: int) -> Flags:
    """Which children stand alone. What is left over becomes one rest; where it has fewer than k rows, the smallest
    that could stand alone joins it."""
    big = count >= k
    rest = np.bincount(of, weights=count * ~big, minlength=groups)
    short = (rest > 0) & (rest < k)
    if short.any():
        candidates = np.flatnonzero(big & short[of])
        order = candidates[np.lexsort((count[candidates], of[candidates]))]
        _, smallest = np.unique(of[order], return_index=True)
        big[order[smallest]] = False
    return big


def _parts(
    columns: Sequence[Codes],
    hierarchies: Sequence[Hierarchy],
    splits: Sequence[_Split],
    row: Whole,
    group: Whole,
    best: Whole,
) -> Whole:
    """The part of its group that each row goes to, by the best column of the group."""
    part = np.zeros(len(row), np.int64)
    for j, (column, hierarchy, split) in enumerate(zip(columns, hierarchies, splits, strict=True)):
        mine = np.flatnonzero(best[group] == j)
        if len(mine):
            of, code = group[mine], column[row[mine]]
            low = np.minimum.reduceat(code, np.flatnonzero(np.diff(of, prepend=-1)))
            place = np.cumsum(np.diff(of, prepend=of[0]) > 0)
            first = hierarchy.node[split.level[of], low[place]]
            key = split.offset[of] + hierarchy.node[split.level[of], code] - first
            part[mine] = split.part[np.searchsorted(split.key, key)]
    return part


def _regroup(
    row: Whole, group: Whole, part: Whole, best: Whole, blocked: Flags, sensitive: Sequence[Sensitive]
) -> tuple[Whole, Whole, Flags]:
    """Rows in their new groups; a split of which a part is not diverse is undone, and its column blocked there."""
    if not len(row):
        return row, np.zeros(0, np.int64), blocked[:, :0]
    order = np.lexsort((part, group))
    row, group, part = row[order], group[order], part[order]
    fresh = (np.diff(group, prepend=-1) != 0) | (np.diff(part, prepend=-1) != 0)
    if sensitive:
        child = np.cumsum(fresh) - 1
        good = all_diverse(child, int(child[-1]) + 1, [(v[row], share, asked) for v, share, asked in sensitive])
        bad = np.zeros(blocked.shape[1], np.bool_)
        bad[group[fresh][~good]] = True
        fresh &= ~bad[group] | (np.diff(group, prepend=-1) != 0)
    start = np.flatnonzero(fresh)
    parent = group[start]
    after = np.zeros((len(blocked), len(start)), np.bool_)
    if sensitive:
        undone = bad[parent]
        after[:, undone] = blocked[:, parent[undone]]
        after[best[parent[undone]], np.flatnonzero(undone)] = True
    return row, start, after
