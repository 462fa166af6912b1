"""The top-down partition from sums alone: groups of rows are cut on counts that many hospitals add up.

A group is known by its number and by the node of each column that covers it. Of each group that is looked at, the rows
below each child of these nodes are counted; where one child has them all, the node moves down to it, and the group is
parted along the column that saves most loss for each bit of the split, as by `kernel`. Where something is promised of
sensitive columns, the rows of each child are then counted by their values too, and parts that do not hold are put into
the rest. Everything follows from sums of whole numbers, so it is the same however rows lie in hospitals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.privacy.anonymise.domain import Codes, Domain
from huizhen.privacy.anonymise.hierarchy import build
from huizhen.privacy.anonymise.holding import held
from huizhen.privacy.anonymise.promise import Diversity, Sensitive, packed

Whole = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
EXPONENT = 0.85
"""Of the bits of a split, in its score; as in `kernel`."""


class Tree(NamedTuple):
    """Cuts (c, 3): group, column, node; `to`: by cut and child of the node, the group after it, -1 for none."""

    cuts: Whole
    to: Whole
    groups: int

    def widths(self, domains: Sequence[Domain]) -> Whole:
        """(c,) how many children each cut tells apart."""
        width = np.zeros(len(self.cuts), np.int64)
        for j, domain in enumerate(domains):
            own = self.cuts[:, 1] == j
            width[own] = domain.children[self.cuts[own, 2]]
        return width

    def places(self, domains: Sequence[Domain], codes: Sequence[Codes]) -> Whole:
        """(rows,) the group that each row is in, -1 of those in none."""
        rows = len(codes[0])
        cut_of = np.full(self.groups, -1, np.int64)
        cut_of[self.cuts[:, 0]] = np.arange(len(self.cuts))
        width = self.widths(domains)
        offset = np.cumsum(width) - width
        here, left = np.zeros(rows, np.int64), np.arange(rows)
        while len(left):
            cut = cut_of[here[left]]
            left, cut = left[cut >= 0], cut[cut >= 0]
            after = np.full(len(left), -1, np.int64)
            for j, domain in enumerate(domains):
                of = np.flatnonzero(self.cuts[cut, 1] == j)
                child = domain.child(self.cuts[cut[of], 2], codes[j][left[of]])
                inside = (child >= 0) & (child < width[cut[of]])
                after[of[inside]] = self.to[offset[cut[of[inside]]] + child[inside]]
            here[left] = after
            left = left[after >= 0]
        return here

    def cut(self, parted: Sequence[tuple[int, int, int, Whole, Whole]]) -> tuple[Tree, list[tuple[int, int, Whole]]]:
        """With groups parted: each (group, column, node, part of each child, rows of each child). And the new groups:
        their number, which of the list they come from, and the children that are in them."""
        cuts = np.array([[group, column, node] for group, column, node, _, _ in parted], np.int64).reshape(-1, 3)
        to, number, born = [self.to], self.groups, []
        for i, (*_, part, rows) in enumerate(parted):
            ids = np.full(int(part.max(initial=0)) + 1, -1, np.int64)
            for one in range(len(ids)):
                some = np.flatnonzero(part == one)
                if rows[some].any():
                    ids[one] = number
                    born.append((number, i, some))
                    number += 1
            to.append(ids[part])
        return Tree(np.concatenate([self.cuts, cuts]), np.concatenate(to), number), born


class Look(NamedTuple):
    """Groups that are looked at: their number, the node of each column (groups, q), and the column whose children are
    counted by sensitive value, -1 where those of all columns are counted."""

    group: Whole
    at: Whole
    column: Whole

    def slots(self, tree: Tree, domains: Sequence[Domain], codes: Sequence[Codes]) -> Whole:
        """(rows,) which of the groups each row is in, -1 for none of them or outside its nodes."""
        slot_of = np.full(tree.groups + 1, -1, np.int64)
        slot_of[self.group] = np.arange(len(self.group))
        slot = slot_of[tree.places(domains, codes)]
        for j, domain in enumerate(domains):
            node = self.at[slot, j]
            outside = (codes[j] < domain.low[node]) | (codes[j] > domain.high[node])
            slot[outside] = -1
        return slot

    def widths(self, domains: Sequence[Domain]) -> Whole:
        """(groups, q) children that are counted."""
        width = np.stack([d.children[self.at[:, j]] for j, d in enumerate(domains)], axis=1)
        alone = self.column[:, None] >= 0
        wanted: Whole = np.where(alone & (np.arange(len(domains)) != self.column[:, None]), 0, width)
        return wanted


def counts(look: Look, slot: Whole, domains: Sequence[Domain], codes: Sequence[Codes]) -> Whole:
    """Of the groups whose columns are all counted, one after the other: the rows, and those below each child of each
    column's node. Additive over rows."""
    width = np.where(look.column[:, None] >= 0, 0, look.widths(domains))
    size = (look.column < 0) + width.sum(axis=1)
    start = np.cumsum(size) - size
    inside = np.flatnonzero(slot >= 0)
    inside = inside[look.column[slot[inside]] < 0]
    at = slot[inside]
    total = np.bincount(start[at], minlength=int(size.sum()))
    begin = start + 1
    for j, domain in enumerate(domains):
        some = width[at, j] > 0
        child = domain.child(look.at[at[some], j], codes[j][inside[some]])
        total += np.bincount(begin[at[some]] + child, minlength=len(total))
        begin = begin + width[:, j]
    return total


def valued(
    look: Look, slot: Whole, domains: Sequence[Domain], codes: Sequence[Codes], secret: Codes, values: int
) -> Whole:
    """(children, values): of the groups of which one column is counted, rows below each child by sensitive value."""
    width = np.where(look.column >= 0, look.widths(domains).sum(axis=1), 0)
    start = np.cumsum(width) - width
    inside = np.flatnonzero(slot >= 0)
    inside = inside[look.column[slot[inside]] >= 0]
    total = np.zeros(int(width.sum()) * values, np.int64)
    for j, domain in enumerate(domains):
        own = inside[look.column[slot[inside]] == j]
        child = domain.child(look.at[slot[own], j], codes[j][own])
        total += np.bincount((start[slot[own]] + child) * values + secret[own], minlength=len(total))
    return total.reshape(-1, values)


class Scored(NamedTuple):
    """Of each group and column: what a cut is worth at most (0: none can be made), and the node it moves down to."""

    bound: Floats
    at: Whole
    size: Whole
    begin: Whole
    """(groups, q) where the counts of each column's children begin."""


class Promised:
    """What is promised of a sensitive column, beside its values in the whole: (values,) of the column's domain."""

    def __init__(self, domain: Domain, asked: Diversity, whole: Whole):
        self.there = np.flatnonzero(whole)
        node, label = domain.hierarchy.node, domain.hierarchy.label
        paths = [tuple(dict.fromkeys(label[n] for n in node[1:, code].tolist())) for code in self.there.tolist()]
        rows = np.repeat(np.arange(len(paths), dtype=np.int32), whole[self.there])
        one = Sensitive(rows, len(paths), asked, build(paths, order=range(len(paths))))
        self.promise = packed([one])
        self.room = np.zeros((2, 1, self.promise[2].shape[2]), np.int64)

    def holds(self, count: Whole) -> bool:
        """Do rows with so many of each value hold it? No rows do."""
        if not len(self.promise[1]):
            return True
        rows = np.repeat(np.arange(len(self.there), dtype=np.int32), count[self.there])[:, None]
        ends, which = np.array([len(rows)]), np.ones(1, np.bool_)
        return bool(held(rows, 0, self.promise, self.room, 0, ends, which))


class Rules:
    """What decides about cuts: the hierarchies, what a node of each costs, k, and what is promised besides."""

    def __init__(self, domains: Sequence[Domain], weights: Sequence[float], k: int, promised: Sequence[Promised]):
        self.domains, self.k = list(domains), k
        self.loss = [w * d.hierarchy.penalty for w, d in zip(weights, domains, strict=True)]
        self.most = float(sum(weights))
        self.promised = list(promised)

    def holds(self, values: Sequence[Whole]) -> bool:
        """Do rows with so many of each value, by sensitive column, hold every promise?"""
        return all(one.holds(count) for one, count in zip(self.promised, values, strict=True))

    def score(self, look: Look, total: Whole) -> Scored:
        """From `counts`, of groups whose columns are all counted."""
        width = look.widths(self.domains)
        size_of = 1 + width.sum(axis=1)
        start = np.cumsum(size_of) - size_of
        size = total[start]
        bound, at, begins = np.zeros(width.shape), look.at.copy(), np.zeros_like(width)
        begin = start + 1
        spent = np.sum([loss[look.at[:, j]] for j, loss in enumerate(self.loss)], axis=0)
        for j, domain in enumerate(self.domains):
            begins[:, j] = begin
            of = np.flatnonzero(width[:, j])
            if len(of):
                node = look.at[of, j]
                bound[of, j], only = self._bound(
                    j, node, domain.first[node], begin[of], width[of, j], total, size[of], self.most - spent[of]
                )
                alone = only >= 0
                at[of[alone], j] = [domain.tight(n) for n in (domain.first[node] + only)[alone].tolist()]
            begin = begin + width[:, j]
        return Scored(bound, at, size, begins)

    def _bound(
        self, j: int, node: Whole, first: Whole, begin: Whole, width: Whole, total: Whole, size: Whole, cost: Floats
    ) -> tuple[Floats, Whole]:
        """Of one column in several groups: the score of the cut, and the child that has all rows, -1 where none has."""
        starts = np.cumsum(width) - width
        of = np.repeat(np.arange(len(width)), width)
        child = np.arange(len(of)) - starts[of]
        c = total[begin[of] + child]
        saving = c * (self.loss[j][node][of] - self.loss[j][first[of] + child])
        n = np.add.reduceat(c, starts)
        keep = c >= self.k
        with np.errstate(divide="ignore", invalid="ignore"):
            bit = np.where(keep, c * np.log2(n[of] / c), 0.0)
        saved, bits = np.add.reduceat(np.where(keep, saving, 0.0), starts), np.add.reduceat(bit, starts)
        big, rest = np.add.reduceat(keep.astype(np.int64), starts), np.add.reduceat(np.where(keep, 0, c), starts)
        smallest = _smallest(c, keep, starts, of)
        its = c[smallest]
        joined = (rest > 0) & (rest < self.k) & (big > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            saved = np.where(joined, saved - saving[smallest], saved)
            bits = np.where(joined, bits - its * np.log2(n / its), bits)
            rest, big = np.where(joined, rest + its, rest), np.where(joined, big - 1, big)
            bits += np.where(rest > 0, rest * np.log2(n / rest), 0.0)
        saved -= (size - n) * cost
        good = (big >= 1) & (saved > 0) & ~((big == 1) & (rest == 0))
        worth = np.where(good, saved / np.maximum(bits, 1e-300) ** EXPONENT, 0.0)
        found = np.add.reduceat((c > 0).astype(np.int64), starts)
        only = np.where((found == 1) & (n == size), np.maximum.reduceat(np.where(c > 0, child, -1), starts), -1)
        return worth, only

    def parted(self, c: Whole) -> Whole:
        """The part of each child with so many rows: from 1 on those that stand alone, 0 the rest, where that is as
        many as k or nobody."""
        alone = c >= self.k
        rest = int(c[~alone].sum())
        if 0 < rest < self.k:
            big = np.flatnonzero(alone)
            alone[big[c[big].argmin()]] = False
        return np.where(alone, np.cumsum(alone), 0)

    def tested(self, j: int, node: int, values: Sequence[Whole]) -> tuple[Whole, float]:
        """From the rows of each child by value (children, values), by sensitive column: the part of each child, and
        what the cut is worth; 0 where it cannot be made."""
        c = values[0].sum(axis=1)
        part = self.parted(c)
        saving = c * (self.loss[j][node] - self.loss[j][self.domains[j].first[node] + np.arange(len(c))])
        for one in range(1, int(part.max(initial=0)) + 1):
            if not self._hold(values, part == one):
                part[part == one] = 0
        while (rest := int(c[part == 0].sum())) > 0:
            if rest >= self.k and self._hold(values, part == 0):
                break
            left = np.unique(part[part > 0])
            if not len(left):
                return part, 0.0
            part[part == min(left, key=lambda one: (saving[part == one].sum(), one))] = 0
        alone = np.flatnonzero(part)
        saved, n = float(saving[alone].sum()), int(c.sum())
        sizes = [int(x) for x in [*c[alone], rest] if x > 0]
        if not len(alone) or saved <= 0 or len(sizes) < 2:
            return part, 0.0
        bits = sum(x * float(np.log2(n / x)) for x in sizes)
        _, again = np.unique(part, return_inverse=True)
        return np.where(part > 0, again + (0 if (part == 0).any() else 1), 0), saved / bits**EXPONENT

    def _hold(self, values: Sequence[Whole], which: npt.NDArray[np.bool_]) -> bool:
        return self.holds([v[which].sum(axis=0) for v in values])


def _smallest(c: Whole, keep: npt.NDArray[np.bool_], starts: Whole, of: Whole) -> Whole:
    """By stretch, the place of the first of the smallest that are kept; of none where nothing is, any."""
    big = np.iinfo(np.int64).max
    least = np.minimum.reduceat(np.where(keep, c, big), starts)
    place = np.where(keep & (c == least[of]), np.arange(len(c)), len(c) - 1)
    found: Whole = np.minimum.reduceat(place, starts)
    return found


def seed() -> Tree:
    """Everybody is in group 0."""
    return Tree(np.empty((0, 3), np.int64), np.empty(0, np.int64), 1)
