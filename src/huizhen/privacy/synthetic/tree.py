"""A forest over the columns of a table, and noisy marginals along it: all that is learned of the rows.

In the manner of R. McKenna, G. Miklau and D. Sheldon, Winning the NIST contest: a scalable and general approach to
differentially private synthetic data, Journal of Privacy and Confidentiality 11(3), 2021 (MST): every single column is
measured with noise; pairs of columns are chosen privately by how far they are from independent; these are measured with
noise. Two things differ. A pair is scored by what its measurement would tell beyond its own noise, as in AIM (the same
authors with B. Mullins, VLDB 2022), and no more pairs are measured than tell something. And a pair of columns with many
values is measured in groups of neighbouring values, as many as the noise leaves room for; within a group a value is
drawn as in the single column.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.privacy.synthetic.source import Ints, Source, deviation

Codes = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
SINGLES, CHOICE = 0.3, 0.1
"""Of the cost, what is spent on single columns and on the choice of pairs; the rest is for the pairs."""
ROOM = 0.1
"""Noise in a pair, added up over its cells, beside the rows: at most this."""
CELLS = (16, 8192)
MEAN = float(np.sqrt(2 / np.pi))
"""Of the size of a Gaussian number, in its deviations."""
_FITS = 50


@dataclass(frozen=True)
class Edge:
    """A pair of columns: how values of `parent` and of `child` are grouped (values,), and `table` (parent's groups,
    child's groups), which sums to the rows."""

    parent: int
    child: int
    grouped: tuple[Ints, Ints]
    table: Floats


@dataclass(frozen=True)
class Forest:
    """What is known of a table: `single` (values,) by column, none below 0, each summing to `rows`; and edges in an
    order in which each parent is drawn before its children. `spent`: the cost of each step, in zCDP."""

    rows: float
    single: list[Floats]
    edges: list[Edge]
    spent: dict[str, float]

    @property
    def roots(self) -> list[int]:
        below = {e.child for e in self.edges}
        return [i for i in range(len(self.single)) if i not in below]


def grown(columns: Sequence[Codes], sizes: Sequence[int], cost: float, source: Source) -> Forest:
    """Learn a table from its columns' codes, each below its size. Neighbouring tables differ by one row; the whole
    costs `cost` in zCDP at most, adaptively composed (Bun and Steinke 2016)."""
    many = len(columns)
    each = (SINGLES if many > 1 else 1.0) * cost / many
    noisy = [source.noisy(_counted(c, n), each) for c, n in zip(columns, sizes, strict=True)]
    rows, single = margins(noisy)
    spent = {"single": each * many}
    if many == 1:
        return Forest(rows, single, [], spent)
    pairs = (1 - SINGLES - CHOICE) * cost
    chosen, groups = _chosen(columns, single, rows, CHOICE * cost, each, pairs, source)
    spent["choice"] = CHOICE * cost
    edges = []
    for parent, child in chosen:
        grouped = groups[parent, child]
        noisy_pair = source.noisy(_pair(columns, parent, child, grouped), pairs / len(chosen))
        edges.append(edge(parent, child, grouped, noisy_pair, single, rows))
    spent["pairs"] = pairs if chosen else 0.0
    return Forest(rows, single, edges, spent)


def margins(noisy: Sequence[Any]) -> tuple[float, list[Floats]]:
    """How many rows there are by noisy counts of single columns, and counts that sum to that, none below 0."""
    weight = np.array([1 / len(x) for x in noisy])
    rows = max(float(np.dot(weight, [x.sum() for x in noisy]) / weight.sum()), 1.0)
    return rows, [projected(x.astype(np.float64), rows) for x in noisy]


def projected(noisy: Floats, total: float) -> Floats:
    """The nearest figures that are not below 0 and sum to `total` (Euclidean; Duchi et al., ICML 2008)."""
    high = np.sort(noisy)[::-1]
    over = (np.cumsum(high) - total) / np.arange(1, len(high) + 1)
    last = int(np.flatnonzero(high > over)[-1])
    nearest: Floats = np.maximum(noisy - over[last], 0.0)
    return nearest


def edge(
    parent: int, child: int, grouped: tuple[Ints, Ints], noisy: Any, single: Sequence[Floats], rows: float
) -> Edge:
    """A pair from its noisy table (parent's groups, child's groups), made to agree with the single columns."""
    table = projected(noisy.ravel().astype(np.float64), rows).reshape(noisy.shape)
    sides = [summed(single[i], g) for i, g in zip((parent, child), grouped, strict=True)]
    return Edge(parent, child, grouped, fitted(table, *sides))


def fitted(table: Floats, rows: Floats, columns: Floats) -> Floats:
    """The table scaled in turns until its margins are these (Deming and Stephan 1940); margins have the same sum. Where
    a margin has something and the table nothing, independence fills in."""
    table = table + 1e-9 * np.outer(rows, columns) / max(rows.sum(), 1.0)
    for _ in range(_FITS):
        table = table * (rows / np.maximum(table.sum(axis=1), 1e-300))[:, None]
        table = table * (columns / np.maximum(table.sum(axis=0), 1e-300))[None, :]
        if np.abs(table.sum(axis=1) - rows).max() < 1e-6 * max(rows.sum(), 1.0):
            break
    return table


def in_groups(counts: Floats, most: int) -> Ints:
    """(values,) neighbouring values in at most so many groups of about equal counts; as they are where they fit."""
    if len(counts) <= most:
        return np.arange(len(counts))
    middle = np.cumsum(counts) - counts / 2
    place = np.floor(middle / max(counts.sum(), 1e-300) * most).clip(0, most - 1)
    return np.unique(place, return_inverse=True)[1].astype(np.int64)


def _chosen(
    columns: Sequence[Codes],
    single: list[Floats],
    rows: float,
    cost: float,
    singles: float,
    pairs: float,
    source: Source,
) -> tuple[list[tuple[int, int]], dict[tuple[int, int], tuple[Ints, Ints]]]:
    """Edges (parent, child) in the order of drawing, and how each pair is grouped.

    In each round one of the pairs that would join two trees is chosen, or none: then nothing more is worth its noise.
    A pair's score is how many rows (times 2) it is away from what the noisy single columns say, less what the noise of
    its measurement, of the single columns and of a sample from independent columns comes to. One row more moves it
    by 1.
    """
    steps = len(columns) - 1
    sd, before = deviation(pairs / steps), deviation(singles)
    cells = int(np.clip(ROOM * rows / (MEAN * sd), *CELLS))
    groups, scores = {}, {}
    for a, b in combinations(range(len(columns)), 2):
        grouped = grouped_pair(single[a], single[b], cells)
        alone = np.outer(summed(single[a], grouped[0]), summed(single[b], grouped[1])) / rows
        apart = np.abs(_pair(columns, a, b, grouped) - np.rint(alone).astype(np.int64)).sum()
        groups[a, b], groups[b, a] = grouped, grouped[::-1]
        chance = np.sqrt(sd * sd + alone).sum() + before * sum(np.sqrt(np.bincount(g)).sum() for g in grouped)
        scores[a, b] = int(apart) - int(MEAN * chance)
    tree = list(range(len(columns)))
    found: list[tuple[int, int]] = []
    for _ in range(steps):
        left = [(a, b) for a, b in scores if tree[a] != tree[b]]
        place = source.best([0, *(scores[pair] for pair in left)], cost / steps)
        if place == 0:
            break
        a, b = left[place - 1]
        found.append((a, b))
        tree = [tree[a] if t == tree[b] else t for t in tree]
    return downwards(found, len(columns)), groups


def downwards(found: Sequence[tuple[int, int]], many: int) -> list[tuple[int, int]]:
    """Each pair from what is drawn earlier to what is drawn later."""
    beside: list[list[int]] = [[] for _ in range(many)]
    for a, b in found:
        beside[a].append(b)
        beside[b].append(a)
    seen: set[int] = set()
    edges = []
    for root in range(many):
        open_ = [] if root in seen else [root]
        seen.add(root)
        while open_:
            parent = open_.pop(0)
            for child in beside[parent]:
                if child not in seen:
                    seen.add(child)
                    edges.append((parent, child))
                    open_.append(child)
    return edges


def grouped_pair(a: Floats, b: Floats, cells: int) -> tuple[Ints, Ints]:
    """How values of two columns with these counts are grouped, so that their pair has about so many cells at most."""
    side = max(int(np.sqrt(cells)), 2)
    most_a = max(cells // max(len(b), 1), side) if len(b) <= side else side
    most_b = max(cells // max(len(a), 1), side) if len(a) <= side else side
    return in_groups(a, most_a), in_groups(b, most_b)


def _counted(codes: Codes, size: int) -> Ints:
    return np.bincount(codes, minlength=size).astype(np.int64)


def summed(single: Floats, grouped: Ints) -> Floats:
    """(groups,) counts of a column's values by group."""
    found: Floats = np.bincount(grouped, weights=single).astype(np.float64)
    return found


def _pair(columns: Sequence[Codes], a: int, b: int, grouped: tuple[Ints, Ints]) -> Any:
    """(groups of a, groups of b) how many rows."""
    wide, high = (int(g.max()) + 1 for g in grouped)
    key = (grouped[0] * high)[columns[a]] + grouped[1][columns[b]]
    return np.bincount(key, minlength=wide * high).astype(np.int64).reshape(wide, high)
