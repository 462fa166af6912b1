"""What a head of each hospital's own gains where hospitals differ, beside the shared net and beside nets of their own.

`python bench/nn_heads.py [--large]`. Two kinds of hospitals, three to four of them: made-up ones that see the same in
their patients and differ in how many fall ill, as by another threshold of admission; and scikit-learn's breast cancer
patients, dealt so that 90, 70, 30 and 10 % of a hospital's are benign (label shift). Log loss and AUC of the held-out
rows of all hospitals together, mean of seeds; `alone`: each hospital trains a net of the same shape on its own rows.

Ten seeds: made up, AUC .717 shared, .912 own heads, .910 alone; breast cancer, log loss .088, .069, .110.
"""

from __future__ import annotations

import argparse
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss, roc_auc_score

from huizhen import methods
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.method import OWN_MODEL, Done
from huizhen.statistics import nets
from huizhen.statistics.holdout import held_out

Floats = npt.NDArray[np.float64]
HOLDOUT = 0.2


class Hospitals(NamedTuple):
    name: str
    x: list[Floats]
    y: list[Floats]


def made_up(seed: int) -> Hospitals:
    dice = np.random.default_rng(seed)
    x, place = dice.normal(size=(1500, 4)), np.arange(1500) % 3
    score = 2 * x[:, 0] * x[:, 1] + np.array([2.5, 0, -2.5])[place]
    y = (dice.random(len(x)) < 1 / (1 + np.exp(-score))).astype(float)
    return Hospitals("made up, 3 hospitals", [x[place == k] for k in range(3)], [y[place == k] for k in range(3)])


def shifted(seed: int) -> Hospitals:
    x, y = load_breast_cancer(return_X_y=True)
    dice = np.random.default_rng(seed)
    odds = np.array([[0.05, 0.15, 0.35, 0.45], [0.45, 0.35, 0.15, 0.05]])
    place = np.array([dice.choice(4, p=odds[int(k)]) for k in y])
    return Hospitals(
        "breast cancer, 4", [x[place == k] for k in range(4)], [y[place == k].astype(float) for k in range(4)]
    )


def learned(who: Hospitals, only: int | None, seed: int, **params: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The result, and the model that each hospital is left with."""
    names = [f"x{i:02d}" for i in range(who.x[0].shape[1])]
    schema = Schema(columns=(*(Column(name=n, type="number") for n in names), Column(name="y", type="boolean")))
    asked = {"outcome": "y", "columns": names, "hidden": [8], "holdout": HOLDOUT, "seed": seed, **params}
    kind = methods.find("nn")
    method = kind(kind.read_params(asked), schema)
    here = range(len(who.y)) if only is None else [only]
    nodes = [Batch(len(who.y[k]), {**{n: who.x[k][:, i] for i, n in enumerate(names)}, "y": who.y[k]}) for k in here]
    state = method.start()
    kept: list[dict[str, Any]] = [{} for _ in nodes]
    while True:
        told = method.told(state)
        said = [
            method.finish(method.partial(rows, told), told, before) for rows, before in zip(nodes, kept, strict=True)
        ]
        kept, total = [after for _, after in said], said[0][0]
        for partial, _ in said[1:]:
            total = total + partial
        step = method.combine(total, state)
        if isinstance(step, Done):
            values = step.result.values
            return values, [k.get(OWN_MODEL, values) for k in kept]
        state = step.state


def foretold(who: Hospitals, models: list[dict[str, Any]], seed: int) -> tuple[float, float]:
    """(log loss, AUC) of the held-out rows, each scored by its hospital's model."""
    risks, truth = [], []
    for x, y, model in zip(who.x, who.y, models, strict=True):
        held = held_out(list(x.T), len(y), HOLDOUT, seed)
        risks.append(nets.predict(model, {f"x{i:02d}": x[held, i] for i in range(x.shape[1])}))
        truth.append(y[held])
    risk, y = np.concatenate(risks), np.concatenate(truth)
    return float(log_loss(y, risk)), float(roc_auc_score(y, risk))


def measure(make: Any, seeds: int, **params: Any) -> None:
    found: dict[str, list[tuple[float, float]]] = {"shared": [], "own heads": [], "alone": []}
    for seed in range(seeds):
        who = make(seed)
        values, _ = learned(who, None, seed, **params)
        found["shared"].append(foretold(who, [values] * len(who.y), seed))
        found["own heads"].append(foretold(who, learned(who, None, seed, personal="head", **params)[1], seed))
        alone = [learned(who, k, seed, **params)[0] for k in range(len(who.y))]
        found["alone"].append(foretold(who, alone, seed))
    base = np.mean(found["shared"], axis=0)
    for name, figures in found.items():
        loss, area = np.mean(figures, axis=0)
        print(f"{who.name:22s} {name:10s} {loss:9.4f} {loss / base[0]:9.2f} {area:8.4f} {area - base[1]:+9.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="more seeds: some minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    print(f"{'hospitals':22s} {'net':10s} {'log loss':>9} {'/ shared':>9} {'AUC':>8} {'- shared':>9}")
    if asked.tiny:
        measure(made_up, 1, rounds=2)
        return
    seeds = 10 if asked.large else 3
    measure(made_up, seeds, rounds=60, local_epochs=2)
    measure(shifted, seeds, rounds=30)


if __name__ == "__main__":
    main()
