"""Rows drawn from what is known of a table. Nothing here sees the table: it costs no privacy."""

from __future__ import annotations

from typing import Any

import numpy as np

from huizhen.privacy.synthetic.tree import Codes, Floats, Forest


def drawn(forest: Forest, rows: int, chance: np.random.Generator) -> list[Codes]:
    """(rows,) codes by column, with marginals as near to the forest's as whole rows can be; rows in random order."""
    columns: list[Any] = [None] * len(forest.single)
    for root in forest.roots:
        nobody = np.zeros(rows, np.int64)
        columns[root] = _spread(nobody, forest.single[root][None, :], chance).astype(np.int32)
    for edge in forest.edges:
        groups = _spread(edge.grouped[0][columns[edge.parent]], edge.table, chance)
        columns[edge.child] = _within(groups, edge.grouped[1], forest.single[edge.child], chance)
    return columns


def _spread(given: Any, table: Floats, chance: np.random.Generator) -> Any:
    """(rows,) a column of the table for each row, that has a line of it `given`. Of the rows of one line as many get
    each column as its share says, up to less than one row (systematic sampling), by chance which."""
    counts = np.bincount(given, minlength=len(table))
    total = table.sum(axis=1)
    share = np.where(total[:, None] > 0, table / np.maximum(total, 1e-300)[:, None], 1 / table.shape[1])
    upto = np.cumsum(share, axis=1) * counts[:, None]
    upto[:, -1] = counts
    whole = np.floor(upto + chance.random(len(table))[:, None]).astype(np.int64)
    whole[:, -1] = counts
    many = np.diff(whole.clip(0, counts[:, None]), axis=1, prepend=0)
    anyone = chance.permutation(len(given))
    order = anyone[np.argsort(given[anyone].astype(np.int32), kind="stable")]
    answer = np.empty(len(given), np.int64)
    answer[order] = np.repeat(np.tile(np.arange(table.shape[1]), len(table)), many.ravel())
    return answer


def _within(groups: Any, grouped: Any, single: Floats, chance: np.random.Generator) -> Codes:
    """(rows,) a value for each row, of the group that it is in, by its share there. Groups are of neighbours."""
    if len(grouped) == int(grouped.max()) + 1:
        return np.asarray(groups, np.int32)
    upto = np.cumsum(single)
    first = np.searchsorted(grouped, np.arange(int(grouped.max()) + 1))
    last = np.append(first[1:], len(grouped)) - 1
    low, high = upto[first] - single[first], upto[last]
    at = low[groups] + chance.random(len(groups)) * (high - low)[groups]
    found = np.searchsorted(upto, at, side="right")
    value: Codes = np.clip(found, first[groups], last[groups]).astype(np.int32)
    return value
