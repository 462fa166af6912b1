"""A released model of boosted trees, read back from its values to score rows that it was not grown on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.statistics.coding import Binner, Codes, level_codes
from huizhen.statistics.trees import BLOCK, Asked, Coded, Trees, joined, none, scores, stump

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Floats = npt.NDArray[np.float64]


def predict(model: Mapping[str, Any], columns: Mapping[str, npt.NDArray[Any]]) -> Floats:
    """(rows,) what a released model of the method `gbdt` says of other rows: the risk for a 0/1 outcome, else the
    outcome itself.

    model: the values of its result. columns: by name, numbers as float64 with NaN where missing, categories as arrays
    of levels (None, and levels that the model does not name, go as its missing values do).
    Raises KeyError for a column that is not there, ValueError for a tree that is none.
    """
    known = _columns(model)
    trees = _read(model, known)
    rows = len(next(iter(columns.values())))
    coders = [_coder(column) for column in known]
    found = np.empty(rows)
    for start in range(0, rows, BLOCK):
        pieces = [code(columns[c.name][start : start + BLOCK]) for c, code in zip(known, coders, strict=True)]
        size = min(BLOCK, rows - start)
        codes = np.array([codes for codes, _ in pieces], dtype=np.uint8).reshape(len(pieces), size)
        missing = [_missing(column) if some else -1 for column, (_, some) in zip(known, pieces, strict=True)]
        found[start : start + size] = scores(trees, float(model["base"]), Coded(codes, missing))
    return special.expit(found) if model["objective"] == "logistic" else found


def _columns(model: Mapping[str, Any]) -> list[Asked]:
    """The columns that a told model asks, with the edges and levels that it names."""
    splits = [n for tree in model["trees"] for n in tree["nodes"] if "column" in n]
    columns = []
    for name in dict.fromkeys(n["column"] for n in splits):
        own = [n for n in splits if n["column"] == name]
        named = dict.fromkeys(level for n in own for level in n.get("levels", ()))
        cuts = {n["below"] for n in own if n.get("below") is not None}
        columns.append(Asked(name, None if "levels" in own[0] else np.array(sorted(cuts), float), tuple(named)))
    return columns


def _read(model: Mapping[str, Any], columns: Sequence[Asked]) -> Trees:
    depth = max((_depth(tree["nodes"], 0) for tree in model["trees"]), default=0)
    codes = max((len(c.levels) + 1 for c in columns if c.edges is None), default=0)
    position = {c.name: k for k, c in enumerate(columns)}
    trees = none(depth, codes)
    for tree in model["trees"]:
        grown = stump(depth, codes)
        _fill(grown, tree["nodes"], 0, 0, columns, position)
        trees = joined(trees, grown)
    return trees


def _depth(nodes: Sequence[Mapping[str, Any]], at: int) -> int:
    node = nodes[at]
    if "column" not in node:
        return 0
    if not at < min(node["left"], node["right"]):
        raise ValueError("a node of a tree does not come before what is below it")
    return 1 + max(_depth(nodes, node["left"]), _depth(nodes, node["right"]))


def _fill(
    tree: Trees,
    nodes: Sequence[Mapping[str, Any]],
    at: int,
    to: int,
    columns: Sequence[Asked],
    position: dict[str, int],
) -> None:
    node, inner = nodes[at], tree.column.shape[1]
    if "column" not in node:
        low, high = to, to
        while low < inner:
            low, high = 2 * low + 1, 2 * high + 2
        tree.value[0, low - inner : high - inner + 1] = node["value"]
        return
    column = columns[position[node["column"]]]
    tree.column[0, to] = position[column.name]
    if column.edges is None:
        chosen = set(node["levels"])
        tree.chosen[0, to, : len(column.levels)] = [level in chosen for level in column.levels]
    else:
        below = node["below"]
        tree.cut[0, to] = len(column.edges) if below is None else int(np.searchsorted(column.edges, below))
        tree.missing_left[0, to] = node["missing"] == "left"
    _fill(tree, nodes, node["left"], 2 * to + 1, columns, position)
    _fill(tree, nodes, node["right"], 2 * to + 2, columns, position)


def _coder(column: Asked) -> Callable[[npt.NDArray[Any]], tuple[Codes, bool]]:
    if column.edges is not None:
        return Binner(column.edges)
    position = {level: i for i, level in enumerate(column.levels)}
    size = len(column.levels)
    return lambda values: level_codes(np.array([position.get(v, size) for v in values], dtype=np.int64), size)


def _missing(column: Asked) -> int:
    return len(column.levels) if column.edges is None else len(column.edges) + 1
