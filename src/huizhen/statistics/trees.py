"""Decision trees on codes: followed for many rows at once, told as JSON, and read back to score other rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.model.dataset import Level
from huizhen.statistics.coding import Codes

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
State = dict[str, Any]

BLOCK = 1 << 15
"""Rows worked on at once, so that their codes stay in the processor's cache."""
_TOGETHER = 1 << 17
"""Rows times trees followed at once: few rows leave room for many trees."""
_NEVER = 255
"""A code that no code is above: at such a cut every row goes left."""


class Trees(NamedTuple):
    """t trees of the same depth, complete: below node i are 2 i + 1 (left) and 2 i + 2, in the last row the leaves.

    A node that was not split sends every row to the left, and all leaves below it have its value.
    """

    column: npt.NDArray[np.int32]
    """(t, nodes) the column that is asked; -1 where the node was not split."""
    cut: npt.NDArray[np.int32]
    """(t, nodes) codes up to this one go left; -1 where `chosen` says which do."""
    missing_left: Bools
    """(t, nodes) whether a missing value goes left too."""
    chosen: Bools
    """(t, nodes, codes) which levels go left; all others, and missing values, go right. No codes without categories."""
    value: Floats
    """(t, leaves) what the leaf adds to the score."""
    gain: Floats
    """(t, nodes) by how much the split lowered the loss; 0 where there is none."""

    @property
    def depth(self) -> int:
        return int(self.value.shape[1]).bit_length() - 1


def none(depth: int, codes: int) -> Trees:
    """No tree yet. codes: levels of the largest category, and one; 0 when there is none."""
    nodes = (1 << depth) - 1
    return Trees(
        np.empty((0, nodes), np.int32), np.empty((0, nodes), np.int32), np.empty((0, nodes), np.bool_),
        np.empty((0, nodes, codes), np.bool_), np.empty((0, 1 << depth)), np.empty((0, nodes)),
    )  # fmt: skip


def stump(depth: int, codes: int) -> Trees:
    """One tree that is a single leaf of value zero."""
    nodes = (1 << depth) - 1
    return Trees(
        np.full((1, nodes), -1, np.int32), np.full((1, nodes), -1, np.int32), np.zeros((1, nodes), np.bool_),
        np.zeros((1, nodes, codes), np.bool_), np.zeros((1, 1 << depth)), np.zeros((1, nodes)),
    )  # fmt: skip


def joined(before: Trees, after: Trees) -> Trees:
    """The trees of both, one after the other."""
    return Trees._make(np.concatenate([one, other]) for one, other in zip(tuple(before), tuple(after), strict=True))


def first(trees: Trees, count: int) -> Trees:
    return Trees._make(part[:count] for part in trees)


@dataclass(frozen=True)
class Coded:
    """A block of rows as codes. `missing`: per column its code for a missing value, -1 where no row has one."""

    codes: Codes
    """(columns, rows)"""
    missing: Sequence[int]

    @property
    def rows(self) -> int:
        return int(self.codes.shape[1])

    @cached_property
    def both(self) -> Codes:
        """(2 * columns, rows) the codes, and once more with a missing value as the smallest, which always goes left."""
        lowest = self.codes.copy()
        for codes, missing in zip(lowest, self.missing, strict=True):
            if missing >= 0:
                codes[codes == missing] = 0
        return np.concatenate([self.codes, lowest])


def places(trees: Trees, depth: int, rows: Coded) -> Codes:
    """(t, rows) the node of each tree that each row comes to after `depth` steps, from 0 at the left.

    Every question is asked of all rows, a byte each, which is faster than to ask each row its own.
    """
    columns = len(rows.codes)
    split = trees.column >= 0
    source = np.where(split, trees.column, 0) + columns * trees.missing_left
    cut = np.where(split & (trees.cut >= 0), trees.cut, _NEVER).astype(np.uint8)
    chosen = np.argwhere(split & (trees.cut < 0)).tolist()
    at: Codes = np.zeros((len(split), rows.rows), dtype=np.uint8)
    for level in range(depth):
        start = (1 << level) - 1
        right = np.zeros(at.shape, dtype=np.bool_)
        for node in range(1 << level):
            here = start + node
            if not split[:, here].any():
                continue
            answer = rows.both[source[:, here]] > cut[:, here, None]
            for i in (i for i, asked in chosen if asked == here):
                answer[i] = np.take(~trees.chosen[i, here], rows.codes[trees.column[i, here]])
            right |= answer & (at == node) if level else answer
        at = (at << np.uint8(1)) | right.view(np.uint8)
    return at


def scores(trees: Trees, base: float, rows: Coded) -> Floats:
    """(rows,) the base and what the trees add, tree by tree, so that equal rows have equal scores wherever they lie."""
    found = np.full(rows.rows, base)
    some = max(1, _TOGETHER // max(rows.rows, 1))
    for start in range(0, len(trees.value), some):
        part = Trees._make(array[start : start + some] for array in trees)
        for value, leaf in zip(part.value, places(part, trees.depth, rows), strict=True):
            found += np.take(value, leaf)
    return found


def levels_of(code: Bools, levels: Sequence[Level]) -> list[Level]:
    return [level for level, goes in zip(levels, code, strict=False) if goes]


@dataclass(frozen=True)
class Asked:
    """A column that trees ask: numbers are cut at `edges`; of a category, `levels` are told apart."""

    name: str
    edges: Floats | None = None
    levels: tuple[Level, ...] = ()


def told(trees: Trees, columns: Sequence[Asked], *, unit: float = 1.0) -> list[dict[str, Any]]:
    """Each tree as {nodes: [...]}, the root first, ready for JSON.

    A split is {node, column, gain, left, right} with the positions of both ends; of a number with `below` (smaller ones
    go left, the others right; None: every number goes left) and `missing`, the side of missing values; of a category
    with `levels` (these go left, all others and missing values right). A leaf is {node, value}. unit: that of scores.
    """
    return [{"nodes": _tree_told(trees, i, columns, unit)} for i in range(len(trees.value))]


def _tree_told(trees: Trees, i: int, columns: Sequence[Asked], unit: float) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    inner = int(trees.column.shape[1])

    def leftmost(node: int) -> int:
        while node < inner:
            node = 2 * node + 1
        return node - inner

    def tell(node: int) -> int:
        here, own = len(nodes), dict[str, Any](node=len(nodes))
        nodes.append(own)
        if node >= inner or trees.column[i, node] < 0:
            own["value"] = float(trees.value[i, leftmost(node)]) * unit
            return here
        column, cut = columns[trees.column[i, node]], int(trees.cut[i, node])
        own["column"] = column.name
        if cut < 0:
            own["levels"] = levels_of(trees.chosen[i, node], column.levels)
        else:
            assert column.edges is not None
            own["below"] = float(column.edges[cut]) if cut < len(column.edges) else None
            own["missing"] = "left" if trees.missing_left[i, node] else "right"
        own["gain"] = float(trees.gain[i, node]) * unit**2
        own["left"], own["right"] = tell(2 * node + 1), tell(2 * node + 2)
        return here

    tell(0)
    return nodes
