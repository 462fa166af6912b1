"""What noise costs a network in foresight, beside no noise and beside central DP-SGD on the pooled rows by PyTorch.

`python bench/nn_noise.py [--large]`. Real people: scikit-learn's breast cancer data (569 rows, 30 columns, whose least
and largest values its own description gives: these are `ranges`), and with --large statsmodels' randhie (20,190 rows, 9
columns; did somebody see a doctor that year?). Four hospitals; a fifth of the rows held out, another fifth for each
seed; delta 1e-5, clip 1. Ours: full gradient steps with noise in shares, of which two thirds suffice. The baseline has
all rows in one place and no secure sum: Poisson-sampled batches of about 64 rows (256 of randhie), per-row gradients
cut to 1, Gaussian noise, accounted by dp-accounting's RDP accountant with amplification by sampling, as Opacus does it.
AUC of the held-out rows, exactly, by the released weights.

Breast cancer, 10 seeds: none .9907; epsilon 1 .9823 (DP-SGD .9873), 3 .9847 (.9876), 8 .9876 (.9879). Randhie, 3 seeds:
none .5991; epsilon 1 .5891 (.6071), 3 .5884 (.6065).
"""

from __future__ import annotations

import argparse
import logging
import re
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import dp_accounting
import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import roc_auc_score

from huizhen import methods
from huizhen.kit import wire
from huizhen.model.batch import PERSON, Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.method import Done, Privacy
from huizhen.model.partial import Partial
from huizhen.privacy.shares import blurred, honest
from huizhen.secure import fixed, ring
from huizhen.statistics import nets
from huizhen.statistics.holdout import held_out

Floats = npt.NDArray[np.float64]
HOSPITALS, HOLDOUT, DELTA = 4, 0.2, 1e-5
_LINE = re.compile(r"^\s*[a-z ()]+?(?:\s\((?:mean|standard error|worst)\))?:\s+([\d.]+)\s+([\d.]+)$")


class People(NamedTuple):
    name: str
    x: Floats
    y: Floats
    ranges: list[tuple[float, float]]
    batch: int
    hidden: tuple[int, ...]
    rate: float
    """Of the net without noise, whose steps nobody cuts: of 1, .5 and .3 the one with the best rows held out. At 1 all
    units died in two draws of ten of breast cancer (AUC .51 and .54), which made noise look like a gain."""


def cells() -> People:
    found = load_breast_cancer()
    pairs = [m.groups() for m in map(_LINE.match, found.DESCR.splitlines()) if m]
    ranges = [(float(a), float(b)) for a, b in pairs]
    assert len(ranges) == found.data.shape[1], "the description gives the range of every column"
    return People("breast cancer", found.data, found.target.astype(float), ranges, 64, (4,), 0.5)


def health() -> People:
    from statsmodels.datasets import randhie

    frame = randhie.load_pandas().data
    y = (frame.pop("mdvis") > 0).to_numpy(float)
    known = {"lncoins": (0, 5), "idp": (0, 1), "lpi": (0, 8), "fmde": (0, 9), "physlm": (0, 1), "disea": (0, 60),
             "hlthg": (0, 1), "hlthf": (0, 1), "hlthp": (0, 1)}  # fmt: skip
    return People("randhie", frame.to_numpy(float), y, [known[c] for c in frame.columns], 256, (8,), 1.0)


def ours(who: People, epsilon: float | None, rounds: int, rate: float, seed: int) -> tuple[float, float, float]:
    """AUC of held-out rows, the standard deviation of a step's noise in `clip`, as it is in the sum, and seconds."""
    names = [f"x{i:02d}" for i in range(who.x.shape[1])]
    schema = Schema(columns=(*(Column(name=n, type="number") for n in names), Column(name="y", type="boolean")))
    params = {
        "outcome": "y", "columns": names, "hidden": list(who.hidden), "rounds": rounds, "learning_rate": rate,
        "batch_rows": None, "holdout": HOLDOUT, "seed": seed,
        "ranges": {n: list(r) for n, r in zip(names, who.ranges, strict=True)},
    }  # fmt: skip
    kind = methods.find("nn")
    more = () if epsilon is None else (Privacy(epsilon, DELTA),)
    method = kind(kind.read_params(params), schema, *more)
    nodes = []
    for k in range(HOSPITALS):
        columns = {n: who.x[k::HOSPITALS, i] for i, n in enumerate(names)}
        size = len(who.y[k::HOSPITALS])
        nodes.append(Batch(size, {**columns, "y": who.y[k::HOSPITALS], PERSON: np.arange(size)}))
    state, begin = method.start(), time.perf_counter()
    while True:
        told = wire.decode(wire.encode(method.told(state)))
        said = [_said(method, batch, told) for batch in nodes]
        layout = said[0].layout()
        total = ring.total([fixed.encode(p, HOSPITALS) for p in said], fixed.wide(layout))
        step = method.combine(fixed.decode(total, layout), state)
        if isinstance(step, Done):
            break
        state = step.state
    values = step.result.values
    held = held_out(list(who.x.T), len(who.y), HOLDOUT, seed)
    risk = nets.predict(values, {n: who.x[held, i] for i, n in enumerate(names)})
    noise = values.get("privacy", {"noise_multiplier": 0.0})["noise_multiplier"]
    noise *= (HOSPITALS / honest(HOSPITALS)) ** 0.5
    return float(roc_auc_score(who.y[held], risk)), noise, time.perf_counter() - begin


def _said(method: Any, batch: Batch, told: dict[str, Any]) -> Partial:
    said, _ = method.finish(method.partial(batch, told), told, {})
    noise = method.blur(told)
    return said if noise is None else blurred(said, noise.sd, HOSPITALS)


def central(who: People, epsilon: float, epochs: int, rate: float, seed: int) -> float:
    """AUC of held-out rows of DP-SGD (Abadi et al. 2016) with all rows in one place."""
    import torch

    held = held_out(list(who.x.T), len(who.y), HOLDOUT, seed)
    low, high = np.array(who.ranges, dtype=float).T
    scaled = (np.clip(who.x, low, high) - (low + high) / 2) / ((high - low) / 4)
    x, y = scaled[~held], who.y[~held]
    share = who.batch / len(y)
    steps = round(epochs / share)

    def event(noise: float) -> Any:
        once = dp_accounting.PoissonSampledDpEvent(share, dp_accounting.GaussianDpEvent(noise))
        return dp_accounting.SelfComposedDpEvent(once, steps)

    noise = dp_accounting.calibrate_dp_mechanism(dp_accounting.rdp.RdpAccountant, event, epsilon, DELTA)
    net = nets.Net("mlp", x.shape[1], who.hidden, 1, 1)
    weights, dice, draw = net.initial(seed), np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    for _ in range(steps):
        chosen = dice.random(len(y)) < share
        total = np.zeros(len(weights))
        if chosen.any():
            each = nets.slopes(net, weights, x[chosen], y[chosen])
            total = (each / np.maximum(np.linalg.norm(each, axis=1), 1)[:, None]).sum(axis=0)
        total += noise * torch.randn(len(weights), generator=draw, dtype=torch.float64).numpy()
        weights = weights - rate * total / who.batch
    score = nets.scores(net, weights, scaled[held])
    return float(roc_auc_score(who.y[held], score))


def measure(who: People, epsilons: Sequence[float], rounds: int, epochs: int, seeds: int) -> None:
    plain = [ours(who, None, rounds, who.rate, seed) for seed in range(seeds)]
    base = float(np.mean([run[0] for run in plain]))
    print(f"{who.name:14s} {len(who.y):7,d} {'none':>7} {base:8.4f} {'':>8} {'':>9} {'':>8} {plain[0][2]:8.2f}")
    for epsilon in epsilons:
        runs = [ours(who, epsilon, rounds, 1.0, seed) for seed in range(seeds)]
        found = float(np.mean([run[0] for run in runs]))
        beside = float(np.mean([central(who, epsilon, epochs, 0.5, seed) for seed in range(seeds)]))
        print(
            f"{who.name:14s} {len(who.y):7,d} {epsilon:7g} {found:8.4f} {found - base:+8.4f} {beside:9.4f} "
            f"{runs[0][1]:8.1f} {np.mean([run[2] for run in runs]):8.2f}"
        )


def main() -> None:
    logging.getLogger("absl").setLevel(logging.ERROR)  # orders that the accountant leaves out, to the safe side
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="randhie, and more seeds: some minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    print(f"{HOSPITALS} hospitals, delta {DELTA:g}; noise: sd in the sum of a step, in units of clip")
    print(f"{'data':14s} {'rows':>7} {'epsilon':>7} {'AUC':>8} {'- none':>8} {'DP-SGD':>9} {'noise':>8} {'seconds':>8}")
    if asked.tiny:
        measure(cells(), [3], 3, 1, 1)
        return
    measure(cells(), [1, 3, 8], 40, 10, 10 if asked.large else 3)
    if asked.large:
        measure(health(), [1, 3, 8], 60, 5, 3)
    else:
        print("randhie         20,190 left out: see --large")


if __name__ == "__main__":
    main()
