"""What a release promises of each class, and of a sensitive column in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from huizhen.privacy.anonymise import holding
from huizhen.privacy.anonymise.hierarchy import Hierarchy

Codes = npt.NDArray[np.int32]
Ground = Literal["equal", "ordered", "hierarchical"]
_AT_ONCE = 1 << 22
_GROUNDS = {"equal": holding.EQUAL, "ordered": holding.ORDERED, "hierarchical": holding.HIERARCHICAL}


@dataclass(frozen=True)
class Diversity:
    """What holds for one sensitive column in every class. None: not promised.

    `distinct`: different values (Machanavajjhala et al., TKDD 2007, distinct l). `entropy`: exp of the entropy is at
    least this (entropy l). `recursive` (c, l): the commonest value has fewer rows than c times all from the l-th
    commonest on. `t`: the earth mover's distance from the whole table's shares is at most this (Li et al., ICDE 2007),
    where moving costs 1 (equal), steps in the order of values (ordered), or the height of the least common ancestor
    (hierarchical). `beta`: no value's share is more than 1 + beta times that of the table; `enhanced`: nor more than
    1 - ln(its share) times (Cao and Karras, VLDB 2012, beta-likeness).
    """

    distinct: int | None = None
    entropy: float | None = None
    recursive: tuple[float, int] | None = None
    t: float | None = None
    ground: Ground = "equal"
    beta: float | None = None
    enhanced: bool = True


@dataclass(frozen=True)
class Presence:
    """What holds where the table is a population of which only some are released (value 1 of a column of 0 and 1).

    Released rows of a class are `fewest` or none; their share of the class is at most `most`, and at least `least`
    (Nergiz et al., SIGMOD 2007, delta-presence). k then counts the population (k-map).
    """

    fewest: int = 1
    least: float = 0.0
    most: float = 1.0


@dataclass(frozen=True)
class Sensitive:
    """A column of codes (rows,), how many values there are, what is promised, and their hierarchy if one is needed.

    A code below 0: the row is of the population only, and has no value."""

    code: Codes
    values: int
    asked: Diversity | Presence
    hierarchy: Hierarchy | None = None

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """(values,) rows that have each, some rows at once: they may lie on the disk."""
        counts = np.zeros(self.values, np.int64)
        for start in range(0, len(self.code), _AT_ONCE):
            code = self.code[start : start + _AT_ONCE]
            counts += np.bincount(code[code >= 0], minlength=self.values)
        return counts

    @property
    def row(self) -> npt.NDArray[np.float64]:
        """The promise as the compiled tests take it."""
        asked, figures = self.asked, np.full(11, np.nan)
        if isinstance(asked, Presence):
            figures[holding.FEWEST], figures[holding.PRESENT_LEAST] = asked.fewest, asked.least
            figures[holding.PRESENT_MOST] = asked.most
            return figures
        for place, figure in (
            (holding.DISTINCT, asked.distinct),
            (holding.ENTROPY, None if asked.entropy is None else np.log(asked.entropy)),
            (holding.T, asked.t),
            (holding.BETA, asked.beta),
        ):
            if figure is not None:
                figures[place] = figure
        if asked.recursive is not None:
            figures[holding.C], figures[holding.L] = asked.recursive
        figures[holding.GROUND], figures[holding.ENHANCED] = _GROUNDS[asked.ground], float(asked.enhanced)
        return figures


def packed(sensitive: Sequence[Sensitive]) -> tuple[Any, ...]:
    """All promises as arrays, for the compiled code: (asked, known, share, node, under), by sensitive column.

    asked (s, 11): `holding`'s figures. known (s, 3): which column, how many values, how many levels. share (s, 3, most
    values + 1): the values' shares in the table, their running sum, and the running sum of that up to before the value.
    node (s, levels, values) and under (s, nodes): the hierarchy, and the share below each node.
    """
    promised = [(i, s) for i, s in enumerate(sensitive) if not np.isnan(s.row[list(_ASKED)]).all()]
    trees = [s.hierarchy.node if s.hierarchy is not None else np.zeros((1, s.values), np.int64) for _, s in promised]
    known = np.array([(i, s.values, len(t)) for (i, s), t in zip(promised, trees, strict=True)], np.int64).reshape(
        -1, 3
    )
    most, levels = (int(known[:, place].max(initial=1)) for place in (1, 2))
    share = np.zeros((len(known), 3, most + 1))
    node = np.zeros((len(known), levels, most), np.int64)
    under = np.zeros((len(known), max((int(t.max(initial=0)) + 1 for t in trees), default=1)))
    asked = np.full((len(known), 11), np.nan)
    for a, ((_, s), tree) in enumerate(zip(promised, trees, strict=True)):
        asked[a] = s.row
        counts = s.counts
        share[a, 0, : s.values] = counts / max(int(counts.sum()), 1)
        share[a, 1, : s.values] = np.cumsum(share[a, 0, : s.values])
        share[a, 2, 1 : s.values + 1] = np.cumsum(share[a, 1, : s.values])
        node[a, : len(tree), : s.values] = tree
        for names in tree:
            under[a] += np.bincount(names, weights=share[a, 0, : s.values], minlength=under.shape[1])
    return asked, known, share, node, under


_ASKED = (holding.DISTINCT, holding.ENTROPY, holding.C, holding.T, holding.BETA, holding.PRESENT_MOST)


def all_held(sensitive: Sequence[Sensitive]) -> bool:
    """Do all rows, taken together, hold every promise?"""
    promise = packed(sensitive)
    if len(promise[1]) == 0:
        return True
    counts = np.zeros((len(promise[1]), promise[2].shape[2]), np.int64)
    for a, column in enumerate(promise[1][:, 0]):
        counts[a, : sensitive[column].values] = sensitive[column].counts
    return bool(holding.held_by(promise, counts))
