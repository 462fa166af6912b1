"""What an update of a network costs in bytes, and what compressing it costs in foresight, beside PyTorch on pooled
rows.

`python bench/nn.py [--large]`. Real patients (scikit-learn's breast cancer data, 569 rows, 30 columns) at four
hospitals; a fifth of them held out, another fifth for each seed. The baseline of the AUC is one network of the same
shape and first weights, trained by PyTorch on the pooled training rows for as many epochs. The baseline of the bytes is
four a weight and round each way, which is what plain federated averaging sends, without masks; ours are all that a node
sends while it trains, as a secure sum sends it, and all of the states that it is sent, whatever else they hold.

With --large (2 cores, shared), 4,097 weights and 100 rounds, mean of ten seeds: exact updates 9.8 MB up, 3.3 MB down,
0.2 of the plain bytes' worth, AUC .9973; quantised 415 and 458 kB, 3.9 and 3.6 times fewer than plain, .9973; a quarter
of them 107 kB up, 15.3 times fewer, 5.8 both ways together, .9972; a tenth 47 kB up, 35 times, 6.5 together, .9969;
pooled .9955. Down, the weights as doubles are 3.3 MB.
"""

from __future__ import annotations

import argparse
import time
from typing import Any, NamedTuple

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from huizhen import methods
from huizhen.kit import wire
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.method import Done
from huizhen.secure import fixed, ring
from huizhen.statistics import nets
from huizhen.statistics.holdout import held_out

HOSPITALS = 4
HOLDOUT = 0.2
HOW: dict[str, dict[str, Any]] = {
    "exact": {},
    "single": {"precision": "single"},
    "quantised": {"precision": "quantised"},
    "quantised, a quarter": {"precision": "quantised", "keep": 0.25},
    "quantised, a tenth": {"precision": "quantised", "keep": 0.1},
}
CELLS, KIND = load_breast_cancer(return_X_y=True)
COLUMNS = [f"x{i:02d}" for i in range(CELLS.shape[1])]


class Learned(NamedTuple):
    values: dict[str, Any]
    sent: int
    """Bytes of a node's updates."""
    back: int
    """Bytes of the states that a node was sent."""
    seconds: float


def by_sums(params: dict[str, Any]) -> Learned:
    schema = Schema(columns=(*(Column(name=n, type="number") for n in COLUMNS), Column(name="y", type="boolean")))
    kind = methods.find("nn")
    method = kind(kind.read_params({"outcome": "y", "columns": COLUMNS, "holdout": HOLDOUT, **params}), schema)
    nodes = []
    for k in range(HOSPITALS):
        rows = {name: CELLS[k::HOSPITALS, i] for i, name in enumerate(COLUMNS)} | {
            "y": KIND[k::HOSPITALS].astype(float)
        }
        nodes.append(Batch(len(rows["y"]), rows))
    state, kept, sent, back = method.start(), [{} for _ in nodes], 0, 0
    start = time.perf_counter()
    while True:
        packed = wire.encode(method.told(state))
        told = [
            method.finish(method.partial(b, here := wire.decode(packed)), here, k)
            for b, k in zip(nodes, kept, strict=True)
        ]
        kept, layout = [after for _, after in told], told[0][0].layout()
        words = [fixed.encode(said, HOSPITALS) for said, _ in told]
        if state["phase"] == "train":
            sent, back = sent + words[0].nbytes, back + len(packed)
        step = method.combine(fixed.decode(ring.total(words, fixed.wide(layout)), layout), state)
        if isinstance(step, Done):
            return Learned(step.result.values, sent, back, time.perf_counter() - start)
        state = step.state


def pooled(hidden: int, rounds: int, seed: int) -> float:
    """AUC of held-out rows after as many epochs by PyTorch alone."""
    import torch

    held = held_out(list(CELLS.T), len(CELLS), HOLDOUT, seed)
    mean, spread = CELLS[~held].mean(axis=0), CELLS[~held].std(axis=0, ddof=1)
    x = torch.from_numpy((CELLS - mean) / spread)
    y = torch.from_numpy(KIND.astype(float))
    module = torch.nn.Sequential(torch.nn.Linear(x.shape[1], hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1))
    module = module.double()
    begin = nets.Net("mlp", x.shape[1], (hidden,), 1, 1).initial(seed)
    torch.nn.utils.vector_to_parameters(torch.from_numpy(begin), module.parameters())
    descent, train, dice = (
        torch.optim.SGD(module.parameters(), lr=0.1),
        np.flatnonzero(~held),
        np.random.default_rng(seed),
    )
    for _ in range(rounds):
        order = dice.permutation(train)
        for a in range(0, len(order), 32):
            at = torch.from_numpy(order[a : a + 32])
            descent.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(module(x[at]).squeeze(1), y[at]).backward()
            descent.step()
    with torch.no_grad():
        return float(roc_auc_score(KIND[held], module(x).squeeze(1).numpy()[held]))


def measure(hidden: int, rounds: int, seeds: int) -> None:
    base = [pooled(hidden, rounds, seed) for seed in range(seeds)]
    weights = int(nets.Net("mlp", CELLS.shape[1], (hidden,), 1, 1).sizes.sum())
    plain = 4 * weights * rounds
    aucs: dict[str, float] = {}
    for name, how in HOW.items():
        runs = [by_sums({"hidden": [hidden], "rounds": rounds, "seed": seed, **how}) for seed in range(seeds)]
        aucs[name] = float(np.mean([run.values["holdout"]["auc"] for run in runs]))
        print(
            f"{weights:8,d} {rounds:7d}  {name:22s} {runs[0].sent:10,d} {plain / runs[0].sent:9.1f} "
            f"{runs[0].back:10,d} {plain / runs[0].back:9.1f} {2 * plain / (runs[0].sent + runs[0].back):9.1f} "
            f"{np.mean([run.seconds for run in runs]):8.2f} {aucs[name]:8.4f} "
            f"{aucs[name] - aucs['exact']:+9.4f} {np.mean(base):8.4f}"
        )
    if seeds > 1 and abs(aucs["quantised, a quarter"] - aucs["exact"]) > 0.005:
        raise SystemExit("compression costs more than 0.005 of the area under the curve")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="more weights, rounds and seeds: some minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    print(f"{HOSPITALS} hospitals, {len(CELLS)} rows; bytes of a node in training; AUC of held-out rows, mean of seeds")
    print(
        f"{'weights':>8} {'rounds':>7}  {'updates':22s} {'bytes up':>10} {'4-byte /':>9} {'down':>10} {'4-byte /':>9} "
        f"{'both':>9} {'seconds':>8} "
        f"{'AUC':>8} {'- exact':>9} {'pooled':>8}"
    )
    if asked.tiny:
        measure(4, 3, 1)
        return
    measure(16, 30, 5)
    if asked.large:
        measure(128, 30, 10)
        measure(128, 100, 10)
    else:
        print("   4,097           left out: see --large")


if __name__ == "__main__":
    main()
