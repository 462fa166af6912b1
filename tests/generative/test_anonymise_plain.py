"""The compiled partition finds the very classes that the same steps find when they are written plainly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.privacy.anonymise.hierarchy import Hierarchy, build, flat
from huizhen.privacy.anonymise.laid import Rows
from huizhen.privacy.anonymise.partition import split

EXPONENT = 0.85
Class = tuple[frozenset[int], tuple[int, ...]]


def plain(columns: list[Any], trees: list[Hierarchy], k: int, suppress: int, weights: list[float]) -> set[Class]:
    """Classes as sets of rows with their nodes; rows in none are suppressed."""
    found: set[Class] = set()
    cost = [[w * p for p in h.penalty] for h, w in zip(trees, weights, strict=True)]

    def common(rows: list[int], j: int) -> int:
        return max(level for level, line in enumerate(trees[j].node) if len({line[columns[j][r]] for r in rows}) == 1)

    def settle(rows: list[int], allowed: int) -> None:
        level = [common(rows, j) for j in range(len(trees))]
        node = [int(h.node[at][columns[j][rows[0]]]) for j, (h, at) in enumerate(zip(trees, level, strict=True))]
        best: tuple[float, list[list[int]], list[int]] = (0.0, [], [])
        loss = sum(cost[j][n] for j, n in enumerate(node))
        for j, tree in enumerate(trees):
            if level[j] == len(tree.node) - 1 or (len(rows) < 2 * k and allowed == 0):
                continue
            children: dict[int, list[int]] = {}
            for r in sorted(rows, key=lambda r: columns[j][r]):
                children.setdefault(int(tree.node[level[j] + 1][columns[j][r]]), []).append(r)
            alone = {c: some for c, some in children.items() if len(some) >= k}
            rest = [r for r in rows if int(tree.node[level[j] + 1][columns[j][r]]) not in alone]
            saving = {c: len(some) * (cost[j][node[j]] - cost[j][c]) for c, some in alone.items()}
            gone: list[int] = []
            if 0 < len(rest) < k and alone:
                least = min(alone, key=lambda c: len(alone[c]))
                dear = len(rest) * (sum(weights) - loss)
                if len(rest) <= allowed and (dear < saving[least] or len(alone) == 1):
                    gone, rest = rest, []
                else:
                    there = {*rest, *alone.pop(least)}
                    rest = [r for r in rows if r in there]
            saved = sum(saving[c] for c in alone) - len(gone) * (sum(weights) - loss)
            parts = [p for p in (rest, *alone.values()) if p]
            if not alone or saved <= 0 or (len(alone) == 1 and not rest and not gone):
                continue
            pieces = [*parts, gone] if gone else parts
            bits = sum(len(p) * math.log2(len(rows) / len(p)) for p in pieces)
            score = saved / max(bits, 1e-300) ** EXPONENT
            if score > best[0] * (1 + 1e-12):
                best = (score, parts, gone)
        _, parts, gone = best
        if not parts or len(rows) <= k:
            found.add((frozenset(rows), tuple(node)))
            return
        for part in parts:
            settle(part, (allowed - len(gone)) * len(part) // len(rows))

    settle(list(range(len(columns[0]))), suppress)
    return found


@settings(max_examples=250, deadline=None)
@given(st.data(), st.integers(1, 90), st.integers(1, 8), st.integers(0, 12), st.booleans())
def test_the_same_classes_as_the_plain_steps(data: Any, rows: int, k: int, suppress: int, wide: bool):
    paths = data.draw(st.lists(st.tuples(*[st.sampled_from("abc")] * 3), min_size=1, max_size=14, unique=True))
    trees = [build([(a, a + b, a + b + c) for a, b, c in paths]), flat(["x", "y", "z"]), flat(["only"])]
    weights = data.draw(st.sampled_from([[1.0, 1.0, 1.0], [3.0, 0.7, 1.0]]))
    columns = [
        np.array(data.draw(st.lists(st.integers(0, len(h.code) - 1), min_size=rows, max_size=rows)), np.int32)
        for h in trees
    ]
    if rows < k:
        return
    laid = Rows.room(rows, 3, 14, signed=wide)
    laid.fill(0, columns)
    found = split(laid, trees, k, suppress=suppress, weights=weights)
    start, end = found.start[found.kept], found.end[found.kept]
    classes = {
        (frozenset(laid.place[a:b].tolist()), tuple(map(int, node)))
        for a, b, node in zip(start, end, found.node.T, strict=True)
    }
    assert classes == plain(columns, trees, k, suppress, weights)
