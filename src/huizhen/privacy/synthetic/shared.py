"""The tree of a synthetic table from sums over hospitals: three sums with noise, and all else follows from these.

As `tree`, where one holder has all rows, but for the choice of pairs. There a score that is no sum (how far a pair is
from independent) is looked at exactly, and chosen from by chance; here every pair is counted with noise, in a few
groups of neighbouring values, and the choice is made of the noisy counts, at no further cost. A pair that is chosen is
counted once more, in as many groups as the noise then leaves room for.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.privacy.synthetic.sample import drawn
from huizhen.privacy.synthetic.source import Ints, deviation
from huizhen.privacy.synthetic.tree import (
    CELLS,
    MEAN,
    ROOM,
    Floats,
    Forest,
    downwards,
    edge,
    grouped_pair,
    in_groups,
    margins,
    summed,
)

PHASES = ("single", "choice", "pairs")
SHARES = {"single": 0.25, "choice": 0.25, "pairs": 0.5}
"""Of the cost of all three."""
MOST_COLUMNS = 30
_COARSE = (16, 1024)
"""Cells of a pair that is looked at to choose."""
_SURE = 2.0
"""Deviations of a score by chance that a pair has to be away from independent."""
_WHOLE = 100_000
"""Rows that are drawn to see how near the tree is to the noisy counts of all pairs."""
State = Mapping[str, Any]


@dataclass(frozen=True)
class Plan:
    """`sizes`: how many values each column has; `cost`: of all three sums together, in zCDP (inf: without noise)."""

    sizes: tuple[int, ...]
    cost: float

    @property
    def every_pair(self) -> list[tuple[int, int]]:
        return list(combinations(range(len(self.sizes)), 2))

    def sd(self, state: State) -> float:
        """Standard deviation of the noise in the counts of a sum, of which one person moves one in each table by 1."""
        phase, many = state["phase"], len(self.sizes)
        tables = {"single": many, "choice": len(self.every_pair), "pairs": len(state.get("pairs", ()))}[phase]
        share = 1.0 if many == 1 else SHARES[phase]
        return deviation(share * self.cost / max(tables, 1))

    def counts(self, codes: npt.NDArray[np.int64], state: State) -> Ints:
        """What rows add to the sum of a state: all of its tables, one behind the other. codes: (columns, rows).
        Raises ValueError for a state that this plan does not lead to."""
        if state["phase"] == "single":
            found = [np.bincount(c, minlength=n) for c, n in zip(codes, self.sizes, strict=True)]
        else:
            found = []
            for (a, b), (high, wide), (first, second) in self._tables(state):
                key = first[codes[a]] * wide + second[codes[b]]
                found.append(np.bincount(key, minlength=high * wide))
        return np.concatenate(found).astype(np.int64)

    def after_single(self, total: Floats) -> dict[str, Any]:
        """The state in which pairs are chosen. total: noisy counts of all single columns."""
        noisy = np.split(total, np.cumsum(self.sizes)[:-1])
        rows, single = margins(noisy)
        known: dict[str, Any] = {"rows": rows, "single": single}
        if len(self.sizes) == 1:
            return {**known, "phase": "end", "pairs": [], "tables": []}
        sd = self.sd({"phase": "choice"})
        side = math.isqrt(int(np.clip(ROOM * rows / (MEAN * max(sd, 1e-9)), *_COARSE)))
        return {**known, "phase": "choice", "groups": [in_groups(x, side) for x in single]}

    def after_choice(self, total: Floats, state: State) -> dict[str, Any]:
        """The state in which the pairs of the tree are counted."""
        tables = self._split(total, state)
        rows, single, sd = state["rows"], state["single"], self.sd(state)
        before = self.sd({"phase": "single"})
        scores = {}
        for (a, b), noisy in zip(self.every_pair, tables, strict=True):
            alone = np.outer(summed(single[a], state["groups"][a]), summed(single[b], state["groups"][b])) / rows
            chance = np.sqrt(sd * sd + alone)
            sides = before * sum(np.sqrt(np.bincount(state["groups"][i])).sum() for i in (a, b))
            wide = math.sqrt(1 - MEAN**2) * float(np.sqrt((chance**2).sum()))
            scores[a, b] = float(np.abs(noisy - alone).sum() - MEAN * (chance.sum() + sides) - _SURE * wide)
        pairs = downwards(_spanning(scores, len(self.sizes)), len(self.sizes))
        kept = {"rows": rows, "single": single, "groups": state["groups"], "tables": tables}
        if not pairs:
            return {**kept, "phase": "end", "pairs": [], "grouped": []}
        sd = self.sd({"phase": "pairs", "pairs": pairs})
        cells = int(np.clip(ROOM * rows / (MEAN * max(sd, 1e-9)), *CELLS))
        grouped = [list(grouped_pair(single[a], single[b], cells)) for a, b in pairs]
        return {**kept, "phase": "pairs", "pairs": [list(p) for p in pairs], "grouped": grouped}

    def forest(self, total: Floats | None, state: State) -> Forest:
        """What is known at the end; total: noisy counts of the pairs of the tree, None where it has none."""
        rows, single, edges = float(state["rows"]), list(state["single"]), []
        for i, noisy in enumerate(() if total is None else self._split(total, state)):
            a, b = state["pairs"][i]
            grouped = state["grouped"][i][0], state["grouped"][i][1]
            edges.append(edge(a, b, grouped, self._with_choice(noisy, (a, b), grouped, state), single, rows))
        return Forest(rows, single, edges, {})

    def nearness(self, forest: Forest, state: State) -> dict[str, list[dict[str, Any]]]:
        """How near the tree is to the noisy counts, at no further cost: of each column the total variation distance
        that its noise makes; of each pair, in the groups that it was looked at in, that of drawn rows from the noisy
        counts, beside what the noise in these makes alone. Places of columns stand for them."""
        rows, before = forest.rows, self.sd({"phase": "single"})
        columns = [{"column": i, "noise": min(MEAN * before * n / 2 / rows, 1.0)} for i, n in enumerate(self.sizes)]
        if not state["tables"]:
            return {"columns": columns, "pairs": []}
        sd = self.sd({"phase": "choice"})
        codes = drawn(forest, min(max(round(rows), 1), _WHOLE), np.random.default_rng(0))
        share = rows / len(codes[0])
        pairs = []
        for (a, b), noisy in zip(self.every_pair, state["tables"], strict=True):
            one, other = state["groups"][a], state["groups"][b]
            key = one[codes[a]] * noisy.shape[1] + other[codes[b]]
            made = np.bincount(key, minlength=noisy.size).reshape(noisy.shape) * share
            pairs.append({
                "first": a, "second": b,
                "distance": float(min(np.abs(noisy - made).sum() / 2 / rows, 1.0)),
                "noise": float(min(MEAN * sd * noisy.size / 2 / rows, 1.0)),
            })  # fmt: skip
        return {"columns": columns, "pairs": pairs}

    def _tables(self, state: State) -> list[tuple[tuple[int, int], tuple[int, int], tuple[Ints, Ints]]]:
        """Of each pair of a state: the columns, how many groups each has, and the group of each value."""
        if state["phase"] == "choice":
            pairs: Sequence[Any] = self.every_pair
            grouped = [(state["groups"][a], state["groups"][b]) for a, b in pairs]
        elif state["phase"] == "pairs":
            pairs, grouped = state["pairs"], state["grouped"]
        else:
            raise ValueError("no such sum")
        if not 0 < len(pairs) == len(grouped) <= len(self.every_pair):
            raise ValueError("not so many pairs")
        found = []
        for (a, b), (one, other) in zip(pairs, grouped, strict=True):
            sides = [np.asarray(g, np.int64) for g in (one, other)]
            fits = [0 <= i < len(self.sizes) and len(g) == self.sizes[i] for i, g in zip((a, b), sides, strict=True)]
            if a == b or not all(fits) or any(g.min() < 0 or g.max() >= len(g) for g in sides):
                raise ValueError("groups that do not fit the columns")
            high, wide = int(sides[0].max()) + 1, int(sides[1].max()) + 1
            if high * wide > 2 * CELLS[1]:
                raise ValueError("more groups than are ever looked at")
            found.append(((int(a), int(b)), (high, wide), (sides[0], sides[1])))
        return found

    def _split(self, total: Floats, state: State) -> list[Floats]:
        shapes = [shape for _, shape, _ in self._tables(state)]
        ends = np.cumsum([high * wide for high, wide in shapes])[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(total, ends), shapes, strict=True)]

    def _with_choice(self, noisy: Floats, pair: tuple[int, int], grouped: Any, state: State) -> Floats:
        """Weighed with what it was looked at by, where that was in the same groups."""
        first = [state["groups"][i] for i in pair]
        if not all(np.array_equal(one, other) for one, other in zip(first, grouped, strict=True)):
            return noisy
        place = self.every_pair.index((min(pair), max(pair)))
        looked = state["tables"][place] if pair[0] < pair[1] else state["tables"][place].T
        weight = [1 / max(self.sd({**state, "phase": phase}), 1e-9) ** 2 for phase in ("pairs", "choice")]
        joined: Floats = (noisy * weight[0] + looked * weight[1]) / sum(weight)
        return joined


def _spanning(scores: Mapping[tuple[int, int], float], many: int) -> list[tuple[int, int]]:
    """The pairs of the heaviest forest among those that score above 0 (Kruskal 1956)."""
    tree, found = list(range(many)), []
    for a, b in sorted(scores, key=lambda pair: (-scores[pair], pair)):
        if scores[a, b] > 0 and tree[a] != tree[b]:
            found.append((a, b))
            tree = [tree[a] if t == tree[b] else t for t in tree]
    return found


def odds(forest: Forest, column: int, common: int) -> list[Floats]:
    """Of each column by value, by how much (in log odds) it speaks for the value `common` of `column`, as far as the
    tree says: the pairs that the column is in. What is so beforehand stands at its own place, alike."""
    found = [np.zeros(len(x)) for x in forest.single]
    for e in forest.edges:
        if column not in (e.parent, e.child):
            continue
        flip = column == e.child
        table = e.table.T if flip else e.table
        own, other = e.grouped[::-1] if flip else e.grouped
        inside = forest.single[column][common] / max(summed(forest.single[column], own)[own[common]], 1e-12)
        yes = table[own[common]] * inside
        no = np.maximum(table.sum(axis=0) - yes, 0.0)
        speaks = np.log((yes + 0.5) / (yes.sum() + 0.5)) - np.log((no + 0.5) / (no.sum() + 0.5))
        found[e.parent if flip else e.child] = speaks[other]
    with_it = float(forest.single[column][common])
    found[column][:] = math.log((with_it + 0.5) / (max(forest.rows - with_it, 0.0) + 0.5))
    return found
