"""Boosted trees of a released model as one node of an ONNX graph (TreeEnsembleRegressor).

Cuts and leaves are doubles, so that every row goes where it went in training; the sum comes out in single precision,
seven digits, since the operator has no other.

A question on a category becomes a column of its own that is 0 for the levels that go left and 1 for all others, a
missing value among them, so that every question of the ensemble is whether a number lies below another.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from huizhen.client.onnx_export import Graph

ML = "ai.onnx.ml"


def trees(graph: Graph, values: Mapping[str, Any]) -> str:
    """(rows, 1) the scores, before any link. values: the result of the method `gbdt`."""
    if not any("column" in tree["nodes"][0] for tree in values["trees"]):
        return _constant(graph, values)
    features: dict[str, int] = {}
    columns: list[str] = []
    rows: dict[str, list[Any]] = {name: [] for name in _NODES}
    leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "ids": [], "weights": []}
    for t, tree in enumerate(values["trees"]):
        for node in tree["nodes"]:
            leaf = "column" not in node
            place = 0 if leaf else _feature(graph, node, features, columns)
            left, right = (0, 0) if leaf else (node["left"], node["right"])
            mode, gaps_left = "LEAF" if leaf else "BRANCH_LT", int(node.get("missing") == "left")
            told = (t, node["node"], mode, place, _cut(node), left, right, gaps_left)
            for name, value in zip(_NODES, told, strict=True):
                rows[name].append(value)
            if leaf:
                for name, value in zip(leaves, (t, node["node"], 0, node["value"]), strict=True):
                    leaves[name].append(value)
    table = graph.op("Concat", *columns, axis=1)
    doubles = graph.onnx.numpy_helper.from_array
    score = graph.op(
        "TreeEnsembleRegressor",
        table,
        domain=ML,
        n_targets=1,
        base_values_as_tensor=doubles(np.array([float(values["base"])]), "base"),
        nodes_values_as_tensor=doubles(np.array(rows.pop("nodes_values"), dtype=np.float64), "cuts"),
        target_weights_as_tensor=doubles(np.array(leaves["weights"], dtype=np.float64), "leaves"),
        target_treeids=leaves["treeids"],
        target_nodeids=leaves["nodeids"],
        target_ids=leaves["ids"],
        **rows,
    )
    return graph.double(score)


_NODES = (
    "nodes_treeids", "nodes_nodeids", "nodes_modes", "nodes_featureids", "nodes_values", "nodes_truenodeids",
    "nodes_falsenodeids", "nodes_missing_value_tracks_true",
)  # fmt: skip


def _cut(node: Mapping[str, Any]) -> float:
    """What goes left is below it: every number where `below` is None; the 0 of a level that goes left."""
    if "column" not in node:
        return 0.0
    if "levels" in node:
        return 0.5
    return np.inf if node["below"] is None else float(node["below"])


def _feature(graph: Graph, node: Mapping[str, Any], features: dict[str, int], columns: list[str]) -> int:
    """The position of the column of numbers that a question is asked of, made when it is first needed."""
    key = repr((node["column"], node.get("levels")))
    if key not in features:
        features[key] = len(columns)
        columns.append(_other(graph, node) if "levels" in node else graph.column(node["column"]))
    return features[key]


def _other(graph: Graph, node: Mapping[str, Any]) -> str:
    """1 where the category has none of the levels that go left."""
    among = [graph.is_level(node["column"], level) for level in node["levels"]]
    some = among[0]
    for one in among[1:]:
        some = graph.op("Or", some, one)
    return graph.double(graph.op("Not", some))


def _constant(graph: Graph, values: Mapping[str, Any]) -> str:
    """Where no tree asks anything: the base and all leaves, for as many rows as there are."""
    first = next(iter(graph.inputs))
    shape = graph.op("Shape", first)
    whole = float(values["base"]) + sum(tree["nodes"][0]["value"] for tree in values["trees"])
    return graph.op("Expand", graph.constant(whole), shape)
