"""What boosting by sums costs beside boosting where all rows lie in one place, and that it foretells as well.

`python bench/gbdt.py [--large]`. The baseline is scikit-learn's HistGradientBoostingClassifier on the pooled rows, in
the same run, on one core as ours. A node keeps nothing between rounds, in any memory but that of one block: for every
level of every tree it codes its rows and follows all earlier trees anew. That is the price of a node without state,
and grows with the square of the trees; the column "a row and round" is what one node pays, whoever else takes part.

1 M rows, 20 columns, 30 trees of depth 4, on a core that others used, too: 329 s at all three nodes together, 0.7 s at
the hub, pooled 21 s: 16 times; 2.6 microseconds a row and round; AUC .7833, pooled .7843.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from huizhen import methods
from huizhen.kit import wire
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.method import Done
from huizhen.model.partial import Partial
from huizhen.statistics.scoring import predict

HOSPITALS = 3
BATCH = 122_880
"""Rows that the reader of a node hands over at a time."""
Frame = dict[str, np.ndarray[Any, Any]]


@dataclass
class Cost:
    rounds: int = 0
    nodes: float = 0.0
    """Seconds, of all nodes together, one after the other."""
    hub: float = 0.0
    sent: int = 0
    """Bytes of all sums of one node, as numbers of eight bytes before they are masked."""
    state: int = 0
    """Bytes of all states that one node was sent."""


def patients(rows: int, columns: int, seed: int) -> tuple[Frame, np.ndarray[Any, Any]]:
    """Numbers of several kinds with gaps; the outcome follows some of them, one only together with another."""
    dice = np.random.default_rng(seed)
    x = dice.normal(size=(columns, rows))
    risk = x[0] - 0.7 * np.abs(x[1]) + x[2] * (x[3] > 0) + 0.5 * x[4]
    x[4::5] = np.exp(x[4::5])
    x[3::5] = np.round(4 * x[3::5])
    x[dice.random(x.shape) < 0.03] = np.nan
    y = (dice.random(rows) < 1 / (1 + np.exp(1.5 - risk))).astype(np.float64)
    return {f"x{i:02d}": values for i, values in enumerate(x)}, y


def by_sums(frame: Frame, y: np.ndarray[Any, Any], trees: int, depth: int) -> tuple[dict[str, Any], Cost]:
    """The released values, and what it took."""
    schema = Schema(columns=(*(Column(name=n, type="number") for n in frame), Column(name="y", type="boolean")))
    params = {"outcome": "y", "columns": list(frame), "trees": trees, "depth": depth, "holdout": 0}
    kind = methods.find("gbdt")
    method = kind(kind.read_params(params), schema)
    whole = {**frame, "y": y}
    parts = [{n: np.ascontiguousarray(v[k::HOSPITALS]) for n, v in whole.items()} for k in range(HOSPITALS)]
    batches = [
        [
            Batch(len(part["y"][a : a + BATCH]), {n: v[a : a + BATCH] for n, v in part.items()})
            for a in range(0, len(part["y"]), BATCH)
        ]
        for part in parts
    ]
    cost, state = Cost(), method.start()
    while True:
        packed = wire.encode(state)
        start = time.perf_counter()
        totals: list[Partial] = []
        for node in batches:
            here = wire.decode(packed)
            sums = [method.partial(batch, here) for batch in node]
            totals.append(sum(sums[1:], start=sums[0]))
        between = time.perf_counter()
        step = method.combine(sum(totals[1:], start=totals[0]), wire.decode(packed))
        cost.nodes, cost.hub = cost.nodes + between - start, cost.hub + time.perf_counter() - between
        cost.rounds, cost.state = cost.rounds + 1, cost.state + len(packed)
        cost.sent += sum(array.nbytes for array in totals[0].fields.values())
        if isinstance(step, Done):
            return step.result.values, cost
        state = step.state


def measure(rows: int, columns: int, trees: int, depth: int) -> None:
    frame, y = patients(rows, columns, 1)
    fresh, truth = patients(20_000, columns, 2)
    values, cost = by_sums(frame, y, trees, depth)
    pooled = HistGradientBoostingClassifier(
        max_iter=trees, max_depth=depth, max_leaf_nodes=None, max_bins=64, l2_regularization=1.0, early_stopping=False
    )
    table = np.column_stack(list(frame.values()))
    start = time.perf_counter()
    pooled.fit(table, y)
    spent = time.perf_counter() - start
    score, theirs = predict(values, fresh), pooled.predict_proba(np.column_stack(list(fresh.values())))[:, 1]
    auc, expected = roc_auc_score(truth, score), roc_auc_score(truth, theirs)
    if abs(auc - expected) > 0.01:
        raise SystemExit(f"the area under the curve is {auc:.4f}, pooled {expected:.4f}")
    print(
        f"{rows:10,d} {columns:4d} {trees:6d} {cost.rounds:7d} {cost.nodes:9.2f} {cost.hub:7.2f} {spent:9.2f} "
        f"{cost.nodes / spent:7.1f} {cost.nodes / rows / cost.rounds * 1e9:9.0f} {cost.sent / 1e6:8.1f} "
        f"{cost.state / 1e6:8.1f} {auc:8.4f} {expected:8.4f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="a million rows and 100 trees: several minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    print(f"{HOSPITALS} hospitals, trees of depth 4, 64 bins; seconds on one core; fresh rows for the AUC")
    print(
        f"{'rows':>10} {'cols':>4} {'trees':>6} {'rounds':>7} {'nodes s':>9} {'hub s':>7} {'pooled s':>9} {'ratio':>7} "
        f"{'ns a row':>9} {'MB sent':>8} {'MB back':>8} {'AUC':>8} {'pooled':>8}\n{'':>62}{'and round':>10} "
        f"{'a node':>8} {'a node':>8}"
    )
    with threadpool_limits(1):
        measure(5_000, 20, 3 if asked.tiny else 30, 4)
        if asked.tiny:
            return
        measure(50_000, 20, 30, 4)
        measure(50_000, 20, 100, 4)
        if asked.large:
            measure(1_000_000, 20, 30, 4)
            measure(1_000_000, 20, 100, 4)
    if not asked.large:
        print(" 1,000,000   left out: takes several minutes, see --large")


if __name__ == "__main__":
    main()
