"""The use itself: a model grown on the released rows, beside the same model grown on the original ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.adapters.anonymise_release import Released
from huizhen.adapters.anonymise_table import Coded
from huizhen.kit.errors import Unable
from huizhen.methods import find
from huizhen.model.batch import Batch, empty_batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.method import Done
from huizhen.privacy.anonymise.partition import Partition
from huizhen.privacy.anonymise.promise import Codes
from huizhen.statistics.scoring import predict

Floats = npt.NDArray[np.float64]
MOST = 10_000
"""Rows that a model is grown on, and as many others that it is judged by, at most."""
TREES = 30


def use(released: Released, name: str, seed: int) -> dict[str, Any] | None:
    """`use_of` a sensitive column."""
    return use_of(released.coded, released.found, released.coded.sensitive[name].code, name, seed)


def use_of(given: Coded, found: Partition, code: Codes, name: str, seed: int) -> dict[str, Any] | None:
    """Whether a row has the commonest value of a column (rows,) of codes, told from the quasi-identifiers by boosted
    trees (our method gbdt): area under the ROC curve and accuracy on original rows that neither model has seen.

    A column is the place of its value in its hierarchy's order; of a released cell the middle of what it covers. None
    where either group is too small to tell.
    """
    chance = np.random.default_rng(seed)
    outcome = (code == np.bincount(code).argmax()).astype(np.float64)
    place = np.argsort(found.row)[chance.permutation(len(found.row))]
    half = min(len(place) // 2, MOST)
    train, test = place[:half], found.row[place[half : 2 * half]]
    if min(outcome[found.row[train]].sum(), outcome[test].sum()) < 50 or half - outcome[test].sum() < 50:
        return None
    of = np.repeat(np.arange(len(found.start)), found.size)[train]
    before, after, others = {}, {}, {}
    for (column, hierarchy), codes, node in zip(given.hierarchies.items(), given.columns, found.node, strict=True):
        before[column], others[column] = codes[found.row[train]].astype(float), codes[test].astype(float)
        after[column] = _middle(hierarchy.node)[node[of]]
    names, truth = tuple(given.hierarchies), outcome[found.row[train]]
    told: dict[str, Any] = {"column": name, "rows": half, "commonest_share": float(outcome[test].mean())}
    for when, columns in (("original", before), ("released", after)):
        model = grown(tuple(n for n in names if np.ptp(columns[n]) > 0), columns, truth, seed)
        score = np.full(half, truth.mean()) if model is None else predict(model, others)
        told[when] = {"auc": auc(score, outcome[test]), "accuracy": float(((score > 0.5) == outcome[test]).mean())}
    return told


def grown(names: tuple[str, ...], columns: dict[str, Floats], outcome: Floats, seed: int) -> dict[str, Any] | None:
    """A model (our method gbdt) of an outcome of 0 and 1, (rows,) as each column. None where no column varies, or no
    tree can be grown."""
    if not names:
        return None
    given = [f"x{i}" for i in range(len(names))]
    schema = Schema(columns=tuple(Column(name=n, type="number") for n in (*given, "y")))
    kind = find("gbdt")
    params = kind.read_params(
        {"outcome": "y", "columns": given, "trees": TREES, "depth": 3, "learning_rate": 0.2, "holdout": 0.0,
         "early_stopping_rounds": None, "seed": seed}
    )  # fmt: skip
    method = kind(params, schema)
    batch = Batch(len(outcome), {**{g: columns[n] for g, n in zip(given, names, strict=True)}, "y": outcome})
    state, kept = method.start(), dict[str, Any]()
    zero = empty_batch(schema, method.columns)
    try:
        for _ in range(method.max_rounds):
            told = method.told(state)
            sent, kept = method.finish(method.partial(zero, told) + method.partial(batch, told), told, kept)
            step = method.combine(sent, state)
            if isinstance(step, Done):
                return _called(step.result.values, dict(zip(given, names, strict=True)))
            state = step.state
    except Unable:
        return None
    return None


def _called(model: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """The model with its columns called as in the table."""
    trees = [
        {"nodes": [{**n, "column": names[n["column"]]} if "column" in n else n for n in tree["nodes"]]}
        for tree in model["trees"]
    ]
    return {**model, "trees": trees}


def _middle(node: npt.NDArray[np.int64]) -> Floats:
    """(nodes,) the middle of the codes below each node."""
    many = int(node.max()) + 1
    codes = np.tile(np.arange(node.shape[1], dtype=np.float64), len(node))
    below = np.bincount(node.ravel(), minlength=many)
    middle: Floats = np.bincount(node.ravel(), weights=codes, minlength=many) / np.maximum(below, 1)
    return middle


def auc(score: Floats, outcome: Floats) -> float:
    """Area under the ROC curve; equal scores count half (Mann and Whitney)."""
    _, rank, many = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(many) - (many - 1) / 2
    ones = outcome > 0
    n, m = int(ones.sum()), int((~ones).sum())
    return float((middle[rank][ones].sum() - n * (n + 1) / 2) / (n * m))
