"""Full-domain generalisation: one level of its hierarchy for each column, and of all such rules the one with the least
loss. The answer is exact.

A rule is a node of a lattice: coarser in a column is above. Two facts keep the search short. The loss of a rule without
the rows it suppresses is at least that of its levels alone, which is known beforehand: rules are looked at from the
least bound up, until the bound reaches the best loss found. And a coarser rule leaves no more rows in classes below k,
so what fails by k fails with all below it; chains upward are halved to find where that ends (after F. Kohlmayer et al.,
Flash: efficient, stable and optimal k-anonymity, PASSAT 2012). Diversity and closeness are asked only of rules that
hold k: with suppression they are not monotone, and nothing is concluded from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.privacy.anonymise.distinct import Whole, distinct
from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.holding import PRESENT_LEAST, held_each
from huizhen.privacy.anonymise.partition import Partition
from huizhen.privacy.anonymise.promise import Codes, Sensitive, packed

Rule = tuple[int, ...]


def optimal(
    columns: Sequence[Codes],
    hierarchies: Sequence[Hierarchy],
    k: int,
    sensitive: Sequence[Sensitive] = (),
    *,
    suppress: int = 0,
    inside: npt.NDArray[np.bool_] | None = None,
    heard: Callable[[int], None] = lambda _done: None,
) -> Partition:
    """The rule of least mean penalty of all cells, where suppressed rows count 1; among equals the least by levels.

    suppress: rows in classes that do not hold what is asked may be left out, at most so many. inside (rows,): which
    rows are of the file, where others are of a population around it: these count for k, and neither as loss nor as
    left out; a class that has none of the file's rows is not published, and only where a least share present is
    promised has it to hold that, too. `heard` is told how many
    rules were looked at. Raises Unable("nothing-reachable") where even the coarsest rule does not hold.
    """
    table = _Combinations(columns, hierarchies, sensitive, k, inside)
    shape = tuple(len(h.node) for h in hierarchies)
    bound = _bounds(table, hierarchies, shape)
    fails = np.zeros(shape, np.bool_)
    best: tuple[float, Rule] | None = None
    looked = 0

    def too_small(rule: Rule) -> bool:
        nonlocal looked
        looked += 1
        heard(looked)
        if table.small(rule) <= suppress:
            return False
        fails[tuple(slice(level, None) for level in rule)] = True
        return True

    for place in np.argsort(bound, axis=None, kind="stable"):
        rule = tuple(int(x) for x in np.unravel_index(place, shape))
        if best is not None and bound[rule] >= best[0]:
            break
        if fails[rule]:
            continue
        if not _halved(rule, fails, too_small):
            continue
        good, of = table.good(rule)
        if table.everywhere and not good.all():
            continue
        gone = table.gone(good, of)
        rows = int(gone.sum())
        loss = _loss(table, hierarchies, rule, gone)
        if rows <= suppress and rows < table.rows and (best is None or (loss, rule) < best):
            best = loss, rule
    if best is None:
        raise Unable(
            "nothing-reachable",
            Text("No rule for whole columns holds what is asked.", "没有任何整列规则能达到要求。"),
            Text("Allow more suppression, ask for less, or use the algorithm topdown.",
                 "请允许更多抑制，降低要求，或改用 topdown 算法。"),
        )  # fmt: skip
    return table.released(best[1])


def _halved(rule: Rule, fails: npt.NDArray[np.bool_], too_small: Callable[[Rule], bool]) -> bool:
    """Does the rule hold k? Where not, rules on a chain above it are asked too, so that more is known to fail.

    Levels count from the root (0) down, so that a coarser rule has smaller numbers.
    """
    if not too_small(rule):
        return True
    chain, at = [], list(rule)
    while any(at):
        j = max(range(len(at)), key=lambda i: at[i])
        at[j] -= 1
        chain.append(tuple(at))
    low, high = 0, len(chain)
    while low < high:
        middle = (low + high) // 2
        if fails[chain[middle]] or too_small(chain[middle]):
            low = middle + 1
        else:
            high = middle
    return False


def _bounds(table: _Combinations, hierarchies: Sequence[Hierarchy], shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """The loss of each rule without suppression."""
    bound = np.zeros(shape)
    for j, hierarchy in enumerate(hierarchies):
        each = np.array(
            [np.average(hierarchy.penalty[at[table.code[j]]], weights=table.weight) for at in hierarchy.node]
        )
        bound += each.reshape([-1 if i == j else 1 for i in range(len(shape))]) / len(shape)
    return bound


def _loss(table: _Combinations, hierarchies: Sequence[Hierarchy], rule: Rule, gone: Whole) -> float:
    """Mean penalty of all cells; `gone` has the suppressed rows of each combination: all of it or none."""
    kept = table.weight - gone
    cells = [
        (h.penalty[h.node[level][code]] * kept).sum()
        for h, level, code in zip(hierarchies, rule, table.code, strict=True)
    ]
    return float((sum(cells) / len(cells) + gone.sum()) / table.rows)


class _Combinations:
    """The table as its distinct combinations of quasi-identifiers: what is asked of a rule follows from them."""

    def __init__(
        self,
        columns: Sequence[Codes],
        hierarchies: Sequence[Hierarchy],
        sensitive: Sequence[Sensitive],
        k: int,
        inside: npt.NDArray[np.bool_] | None,
    ) -> None:
        self.k, self.hierarchies = k, hierarchies
        first, self.of, self.count = distinct(columns)
        self.weight = self.count if inside is None else np.bincount(self.of[inside], minlength=len(first))
        self.rows = int(self.weight.sum())
        self.code = [c[first] for c in columns]
        self.promise = packed(sensitive)
        self.everywhere = bool((self.promise[0][:, PRESENT_LEAST] > 0).any())
        self.secret = np.stack([s.code for s in sensitive], axis=1).astype(np.int32) if sensitive else None
        self.room = np.zeros((2, len(self.promise[1]), self.promise[2].shape[2]), np.int64)

    def classes(self, rule: Rule) -> tuple[Whole, Whole]:
        """The class of each combination, and the rows of each class."""
        general = [h.node[level][code] for h, level, code in zip(self.hierarchies, rule, self.code, strict=True)]
        first, of, _ = distinct(general)
        return of, np.bincount(of, weights=self.count, minlength=len(first)).astype(np.int64)

    def small(self, rule: Rule) -> int:
        """Rows of the file in classes of fewer than k."""
        of, size = self.classes(rule)
        return int(self.weight[size[of] < self.k].sum())

    def good(self, rule: Rule) -> tuple[npt.NDArray[np.bool_], Whole]:
        """The classes that hold what is asked, and the class of each combination."""
        of, size = self.classes(rule)
        good = size >= self.k
        if self.secret is not None and len(self.promise[1]):
            group = of[self.of]
            ordered = self.secret[np.argsort(group, kind="stable")]
            good &= held_each(ordered, 0, self.promise, self.room, np.cumsum(size))
        return good, of

    def gone(self, good: npt.NDArray[np.bool_], of: Whole) -> Whole:
        """Rows of each combination that have to be suppressed: all of it or none."""
        return np.where(good[of], 0, self.weight)

    def released(self, rule: Rule) -> Partition:
        good, of = self.good(rule)
        group = of[self.of]
        row = np.argsort(group, kind="stable")
        there = good[group[row]]
        kept = np.bincount(group, minlength=len(good))[good]
        first = np.full(len(good), -1, np.int64)
        first[of[::-1]] = np.arange(len(of))[::-1]
        node = np.stack(
            [h.node[level][code][first[good]] for h, level, code in zip(self.hierarchies, rule, self.code, strict=True)]
        )
        return Partition(row[there], np.cumsum(kept) - kept, node, row[~there])
