"""A net trained with noise: what one person adds to a sum is cut to a known length, in whole numbers.

One step of gradient descent per round: each person's mean gradient is cut to the length `clip` (Abadi et al. 2016,
"Deep learning with differential privacy", ACM CCS) and rounded towards zero to whole units, UNIT of which are `clip`;
its length is checked once more in whole numbers, so that no rounding error of floating point is left in the promise.
All persons take part in every step: no privacy is claimed from drawing some of them at random.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.method import Blur, Privacy, State
from huizhen.model.partial import Partial
from huizhen.statistics import nets, updates
from huizhen.statistics.net_params import Params
from huizhen.statistics.nets import Net

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

UNIT = 1 << 20
"""Whole units in the most that one person adds to any sum; noise is many units wide."""
COUNTING = 0.02
"""The share of the cost that goes into how many persons there are."""
FIELDS = {"count": "persons", "descend": "slope", "grade": "ranks"}
BINS = 16
"""Of predicted risk, for the area under the ROC curve of persons held out."""
DRAWS = 200
_CHUNK = 1 << 22
"""Gradients held in memory at a time, in numbers."""


class Persons(NamedTuple):
    """Rows in order of person, and within a person by value. `first`: where each person begins."""

    x: Floats
    y: Floats
    first: Ints

    @staticmethod
    def of(rows: Floats, held: bool) -> Persons:
        """From (rows, inputs + 3): inputs, outcome, held out or not, person; those who are held out, or the others.

        On which side a person is, the first of its rows says: that depends on nobody else's, and on no outcome.
        """
        rows = rows[np.lexsort([rows[:, -3], *rows[:, :-3].T[::-1], rows[:, -1]])]  # by the last of these first
        first = np.flatnonzero(np.diff(rows[:, -1], prepend=np.nan) != 0)
        size = np.diff(first, append=len(rows))
        side = np.repeat(rows[first, -2] == float(held), size) if len(rows) else np.zeros(0, dtype=np.bool_)
        kept = rows[side]
        begins = np.flatnonzero(np.diff(kept[:, -1], prepend=np.nan) != 0)
        return Persons(kept[:, :-3], np.clip(kept[:, -3], 0.0, 1.0), begins)

    def __len__(self) -> int:
        return len(self.first)


class Fit(NamedTuple):
    n: int
    values: dict[str, Any]


@dataclass(frozen=True)
class NoisyNet:
    """The rounds of a net with noise: persons are counted; so many steps; those held out are graded. `cost` is what all
    sums together may cost, in zero-concentrated differential privacy (`privacy.accounting`).

    One person is counted, and then either trained on or held out: that costs COUNTING of the whole, and the rest.
    """

    net: Net
    p: Params
    privacy: Privacy
    cost: float

    def sd(self, phase: str) -> float:
        """Standard deviation of the noise in a sum, in the most that one person adds: of `times` sums that together
        cost c, sqrt(times / (2 c)) (Bun and Steinke 2016, TCC, proposition 1.6)."""
        share, times = (COUNTING, 1) if phase == "count" else (1 - COUNTING, self.p.rounds if phase == "descend" else 1)
        return math.sqrt(times / (2 * share * self.cost))

    def blur(self, state: State) -> Blur | None:
        """None for a round that is none of them."""
        phase, rounds = state["phase"], self.p.rounds
        steps = {"count": 0, "grade": rounds + 1}
        if phase == "descend" and state["round"] in range(rounds):
            steps["descend"] = 1 + int(state["round"])
        return Blur(steps[phase], {FIELDS[phase]: self.sd(phase) * UNIT}) if phase in steps else None

    def check_people(self, people: int) -> None:
        """Raises Unable('noise-drowns', 'delta-beyond-people') before anything is spent.

        T steps of the longest mean gradient, all in one direction, go T clip far; their noise, a random walk in as many
        directions as there are weights, sqrt(T weights) sd clip / people, where sd is sqrt(T / (2 cost)). Where that is
        more, the net says nothing but noise, however many steps there are.
        """
        size = int(self.net.sizes.sum())
        ratio = math.sqrt(size / (2 * (1 - COUNTING) * self.cost)) / max(people, 1)
        if ratio > 1:
            raise Unable(
                "noise-drowns",
                Text(
                    f"With epsilon {self.privacy.epsilon:g} the noise in {size} weights would be {ratio:.2g} times "
                    f"what {people} people can say at most.",
                    f"在 epsilon 为 {self.privacy.epsilon:g} 时，{size} 个权重中的噪声将是 {people} 人所能表达的上限的 "
                    f"{ratio:.2g} 倍。",
                ),
                Text(
                    "Nothing was spent. Use fewer weights (hidden, columns), a larger epsilon, or more people.",
                    "未消耗预算。请减少权重（hidden、columns）、提高 epsilon，或扩大人群。",
                ),
            )
        if self.privacy.delta * people >= 1:
            raise Unable(
                "delta-beyond-people",
                Text(
                    f"A delta of {self.privacy.delta:g} would let one of {people} people be shown whole.",
                    f"delta 为 {self.privacy.delta:g} 意味着 {people} 人中可有一人被完全暴露。",
                ),
                Text("Nothing was spent. Leave delta out: it is 1e-7 then.", "未消耗预算。请不设 delta：此时为 1e-7。"),
            )

    def sums(self, rows: Floats, state: State) -> Partial:
        """What the persons of a node add, before its share of the noise; rows as `Persons.of` takes them."""
        phase = state["phase"]
        if phase == "count":
            said = counted(rows)
        elif phase == "grade":
            said = ranked(self.net, state["weights"], rows)
        else:
            said = slope(self.net, updates.full(state, self.net.sizes), rows, self.p.clip)
        return Partial({FIELDS[phase]: said})

    def after(self, total: Partial, state: State) -> State | Fit:
        """The next state, with the mean gradient as `slope` after a step; or the end."""
        phase = state["phase"]
        told = total[FIELDS[phase]] / UNIT
        if phase == "count":
            begin = self.net.initial(self.p.seed)
            momentum = np.zeros((2, len(begin) if self.p.algorithm == "fedadam" else 0))
            persons = np.maximum(told, 1.0)
            return {"phase": "descend", "n": persons, "round": 0, "weights": begin, "momentum": momentum}
        if phase == "descend":
            number = int(state["round"]) + 1
            last = {"phase": "grade"} if number == self.p.rounds else {}
            return {**state, "round": number, **last, "slope": told * (self.p.clip / state["n"][0])}
        train, held = (round(float(k)) for k in state["n"])
        promise = {"epsilon": self.privacy.epsilon, "delta": self.privacy.delta}
        noise = {"noise_multiplier": self.sd("descend"), "rounds": self.p.rounds}
        fitted = {**fit(told, self.sd("grade")), "n": held}
        return Fit(train + held, {"privacy": {**promise, **noise}, "train": {"n": train}, "holdout": fitted})


def start() -> State:
    return {"phase": "count"}


def counted(rows: Floats) -> Ints:
    """(2,) persons to train on and held out, in units: one more person changes one of them by UNIT."""
    return UNIT * np.array([len(Persons.of(rows, False)), len(Persons.of(rows, True))], dtype=np.int64)


def slope(net: Net, weights: Floats, rows: Floats, clip: float) -> Ints:
    """(weights,) the sum over the persons trained on; one more changes it by UNIT at most, in Euclidean length."""
    total = np.zeros(len(weights), dtype=np.int64)
    for x, y, first in _chunks(Persons.of(rows, False), max(1, _CHUNK // len(weights))):
        each = nets.slopes(net, weights, x, y)
        size = np.diff(first, append=len(x))
        total += clipped(np.add.reduceat(each, first) / size[:, None], clip).sum(axis=0)
    return total


def clipped(each: Floats, clip: float) -> Ints:
    """(persons, k) whole units; none is longer than UNIT, also where rounding errors would have it so."""
    with np.errstate(all="ignore"):
        length = np.sqrt((each**2).sum(axis=1))
        each = each * (UNIT / np.maximum(length, clip))[:, None]
    good = np.isfinite(length) & np.isfinite(each).all(axis=1)
    whole = np.trunc(np.where(good[:, None], each, 0.0))
    long = (whole**2).sum(axis=1) > float(UNIT) ** 2  # of whole numbers below 2**53: exact
    whole[long] = np.trunc(whole[long] * (1 - 2.0**-10))
    assert ((whole**2).sum(axis=1) <= float(UNIT) ** 2).all()
    return whole.astype(np.int64)


def ranked(net: Net, weights: Floats, rows: Floats) -> Ints:
    """(2, BINS) held-out persons by outcome and even bin of predicted risk, in units; of each the first row counts."""
    out = Persons.of(rows, True)
    x, y = out.x[out.first], out.y[out.first]
    risk = 1 / (1 + np.exp(-np.clip(nets.scores(net, weights, x), -700, 700)))
    place = np.clip(risk * BINS, 0, BINS - 1).astype(np.int64)
    return UNIT * np.bincount(place + BINS * (y == 1), minlength=2 * BINS).reshape(2, BINS).astype(np.int64)


def fit(noisy: Floats, sd: float) -> dict[str, Any]:
    """What noisy counts (2, BINS) of persons say of the area under the ROC curve, and how far noise of `sd` moves it:
    the same counts with as much noise once more, DRAWS times."""
    dice = np.random.default_rng(0)
    again = [_area(noisy + dice.normal(0, sd, noisy.shape)) for _ in range(DRAWS)]
    spread = [a for a in again if a is not None]
    outcomes = [max(0, round(float(n))) for n in noisy.sum(axis=1)]
    enough = len(spread) == DRAWS
    return {
        "n": sum(outcomes),
        "outcomes": outcomes,
        "auc": _area(noisy),
        "auc_noise": float(np.std(spread)) if enough else None,
    }


def _area(counts: Floats) -> float | None:
    """None where noise has left nobody of an outcome. Not rounded to whole persons: that would be no better."""
    low, high = counts
    if low.sum() < 1 or high.sum() < 1:
        return None
    below = np.cumsum(low) - low / 2
    return float(np.clip((high * below).sum() / (low.sum() * high.sum()), 0.0, 1.0))


def _chunks(people: Persons, most: int) -> Iterator[tuple[Floats, Floats, Ints]]:
    """Whole persons, about so many rows at a time."""
    ends = np.append(people.first, len(people.x))
    at = 0
    while at < len(people):
        to = max(at + 1, int(np.searchsorted(ends, ends[at] + most, side="right")) - 1)
        here = slice(ends[at], ends[to])
        yield people.x[here], people.y[here], people.first[at:to] - people.first[at]
        at = to
