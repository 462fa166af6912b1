"""Updates of a model on their way into a sum: a part of them, as small whole numbers, the rest kept for next time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text

Floats = npt.NDArray[np.float64]
_DECAY = 0.9, 0.99
_ADAPTIVITY = 1e-3
"""Of FedAdam: how fast it forgets the mean update and its square, and what is added to the root."""
Places = npt.NDArray[np.int64]
Precision = Literal["exact", "single", "quantised"]

_SPREADS = 4.5
"""What an update may be at most, in root mean squares over hospitals; the rest of a larger one waits."""
_LOST = 1.5
"""Participants to members of a sum, at most: up to a third may be lost in the census."""
_SMALLEST = 1e-12
_LARGEST = 2.0**18
_FEWEST = 3
"""Steps on either side of zero that are worth sending."""


class Steps(NamedTuple):
    dtype: Literal["int8", "int16"]
    most: int
    """Steps on either side of zero, so that the sum over all nodes still fits the type."""


class Sent(NamedTuple):
    values: npt.NDArray[np.float64] | npt.NDArray[np.int8] | npt.NDArray[np.int16]
    rest: Floats
    """What was not sent: added to the next update (error feedback, Karimireddy et al. 2019, "Error feedback fixes
    SignSGD and other gradient compression schemes", ICML)."""


def steps(nodes: int) -> Steps:
    """The narrowest whole numbers that so many nodes can add. Raises Unable('too-many-nodes')."""
    share = int(np.ceil(_LOST * nodes))
    if 127 // share >= _FEWEST:
        return Steps("int8", 127 // share)
    if 32767 // share >= _FEWEST:
        return Steps("int16", 32767 // share)
    raise Unable(
        "too-many-nodes",
        Text(f"Quantised updates of {nodes} hospitals cannot be added.", f"{nodes} 家医院的量化更新无法相加。"),
        Text("Set precision: single.", "请设 precision: single。"),
    )


def places(size: int, keep: float, seed: int, number: int) -> Places:
    """In order, the places of round `number` that are sent: random, and the same at every node, so that they add up
    (random-k, Stich, Cordonnier and Jaggi 2018, "Sparsified SGD with memory", NeurIPS)."""
    if keep == 1:
        return np.arange(size)
    dice = np.random.default_rng([seed, number, 1])
    return np.sort(dice.choice(size, max(1, round(keep * size)), replace=False))


def step_sizes(energy: Floats, sizes: Places, nodes: int, most: int) -> Floats:
    """(tensors,) the size of a step for each tensor, from the sums over nodes of the squares of their updates."""
    return np.maximum(_SPREADS * np.sqrt(np.maximum(energy, 0) / np.maximum(sizes * nodes, 1)) / most, _SMALLEST)


def relative(energy: Floats, step: Floats) -> npt.NDArray[np.float32]:
    """(tensors,) sums of squares in squared steps, for a sum in single precision: steps grow at most so far in a
    round."""
    return np.minimum(energy / step**2, _LARGEST).astype(np.float32)


def quantised(update: Floats, where: Places, step: Floats, to: Steps, key: Sequence[int]) -> Sent:
    """Of (size,) an update, the places `where` in whole steps, step (size,), rounded up or down at random so that the
    mean is right (Alistarh et al. 2017, "QSGD", NeurIPS). The dice follow from `key`, so that a node which is asked
    again says the same; it should differ between nodes, so that these do not err alike."""
    dice = np.random.default_rng(list(key))
    size = step[where]
    scaled = np.divide(update[where], size, out=np.zeros(len(where)), where=size > 0)
    whole = np.clip(np.floor(scaled + dice.random(len(where))), -to.most, to.most)
    rest = update.copy()
    rest[where] -= whole * size
    return Sent(whole.astype(to.dtype), rest)


def lean(weights: Floats, sizes: Places, precision: Precision) -> dict[str, npt.NDArray[Any]]:
    """Common weights on their way down to the nodes: as they are; in single precision; or, quantised, each tensor in
    whole steps of 1/127 of its largest. `full` gives what the nodes then train from."""
    if precision == "exact":
        return {"weights": weights}
    if precision == "single":
        return {"weights": weights.astype(np.float32)}
    largest = np.maximum.reduceat(np.abs(weights), np.cumsum(sizes) - sizes)
    unit = (np.maximum(largest, _SMALLEST) / 127).astype(np.float32)
    whole = np.rint(weights / np.repeat(unit.astype(np.float64), sizes))
    return {"weights": np.clip(whole, -127, 127).astype(np.int8), "unit": unit}


def full(told: Mapping[str, Any], sizes: Places) -> Floats:
    """(size,) from what `lean` gave."""
    weights: Floats = told["weights"].astype(np.float64)
    return weights * np.repeat(told["unit"].astype(np.float64), sizes) if "unit" in told else weights


def unchanged(update: Floats, where: Places) -> Sent:
    """Of (size,) an update, the places `where` as they are."""
    rest = update.copy()
    rest[where] = 0.0
    return Sent(update[where], rest)


def adam(update: Floats, momentum: Floats, rate: float) -> tuple[Floats, Floats]:
    """The step that FedAdam makes of a mean update, and the momentum (2, weights) after it (Reddi et al. 2021)."""
    first = _DECAY[0] * momentum[0] + (1 - _DECAY[0]) * update
    second = _DECAY[1] * momentum[1] + (1 - _DECAY[1]) * update**2
    return rate * first / (np.sqrt(second) + _ADAPTIVITY), np.stack([first, second])


def diverged() -> Unable:
    """The error where weights are on their way to infinity."""
    return Unable(
        "diverged",
        Text("The weights of the net grow without end.", "神经网络的权重无限增大。"),
        Text("Lower learning_rate, or use fewer local_epochs.", "请降低 learning_rate 或减少 local_epochs。"),
    )
