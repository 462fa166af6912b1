"""Columns that are published as the mean of a class: their numbers, what is written, what it cost."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.adapters.anonymise_table import Coded
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.hierarchy import ANY, Hierarchy
from huizhen.privacy.anonymise.partition import Partition
from huizhen.privacy.attack_rows import Codes, Known, Ranged

Floats = npt.NDArray[np.float64]
_DECIMALS = 6


def mean_columns(asked: Anonymisation) -> list[str]:
    return [n for n, how in asked.quasi_identifiers.items() if how.by == "microaggregate"]


def check_means(asked: Anonymisation) -> None:
    """Raises BadInput for means among a population, where who counts for k need not be in the file."""
    if asked.population is not None and (names := mean_columns(asked)):
        raise BadInput(
            "means-of-a-population",
            Text(f"Column '{names[0]}': microaggregate does not go with population.",
                 f"列“{names[0]}”：microaggregate 不能与 population 同用。"),
            Text("Give the column quantile or interval, or leave population out.",
                 "请改用 quantile 或 interval，或去掉 population。"),
        )  # fmt: skip


def numbers(tree: Hierarchy) -> Floats:
    """(codes,) the number that each code is; NaN for the missing value."""
    return np.array([float(tree.label[leaf]) if tree.label[leaf] else np.nan for leaf in tree.node[-1]])


def decimals(tree: Hierarchy) -> int:
    """Of a mean: two more than the column's own values have."""
    own = max((len(tree.label[leaf].partition(".")[2]) for leaf in tree.node[-1].tolist()), default=0)
    return min(own + 2, _DECIMALS)


class Means:
    """One column as it is published: `label` by class, and the smallest and largest number of each class."""

    def __init__(self, given: Coded, asked: Anonymisation, found: Partition, name: str) -> None:
        place = list(given.hierarchies).index(name)
        tree = given.hierarchies[name]
        self.number = numbers(tree)
        value = self.number[given.columns[place][found.row]]
        there = ~np.isnan(value)
        size = found.size
        known = np.add.reduceat(there.astype(np.int64), found.start)
        self.mean = np.add.reduceat(np.where(there, value, 0), found.start) / np.maximum(known, 1)
        self.low = np.minimum.reduceat(np.where(there, value, np.inf), found.start)
        self.high = np.maximum.reduceat(np.where(there, value, -np.inf), found.start)
        places = decimals(tree)
        self.label = [
            "" if many == 0 else ANY if many < all_ else f"{mean:.{places}f}"
            for mean, many, all_ in zip(self.mean.tolist(), known.tolist(), size.tolist(), strict=True)
        ]
        kinds = [i for i, how in enumerate(asked.quasi_identifiers.values()) if how.by != "microaggregate"]
        self._several = len(kinds) < len(given.hierarchies) - 1
        self._family = np.unique(found.node[kinds], axis=1, return_inverse=True)[1].reshape(-1)
        self._value, self._of = value, np.repeat(np.arange(len(found.start)), size)

    def as_json(self) -> dict[str, Any]:
        """The share of the squared error about the mean that is kept; rows in a mean; different means."""
        whole = np.array([label not in ("", ANY) for label in self.label])
        rows = whole[self._of]
        value, mean = self._value[rows], self.mean[self._of][rows]
        about = float(((value - value.mean()) ** 2).sum()) if len(value) else 0.0
        within = float(((value - mean) ** 2).sum())
        return {
            "rows": int(rows.sum()),
            "means": len({label for label, good in zip(self.label, whole.tolist(), strict=True) if good}),
            "variance_kept": 1 - within / about if about > 0 else 1.0,
        }

    def known(self, place: Mapping[str, int], codes: Codes) -> Known:
        """As an attacker sees it who knows the range behind each mean, which the file does not say, and takes what lies
        between two ranges for the nearer of them. codes: the place of each released row's label."""
        low, high = np.full(len(place), math.inf), np.full(len(place), -math.inf)
        for label, a, b in zip(self.label, *(x.tolist() for x in self._reach()), strict=True):
            if label not in ("", ANY):
                low[place[label]], high[place[label]] = min(low[place[label]], a), max(high[place[label]], b)
        missing = np.zeros(len(place), np.bool_)
        for label in ("", ANY):
            if label in place:
                missing[place[label]] = True
        if ANY in place:
            low[place[ANY]], high[place[ANY]] = -math.inf, math.inf
        return Ranged(codes, np.zeros((0, 0), np.int32), len(place), self.number, low, high, missing)

    def _reach(self) -> tuple[Floats, Floats]:
        """(classes,) the range of each, up to half the way to the next mean among classes that agree in all that is no
        mean. Where several columns are means together a class is no interval, and its range is taken twice as wide."""
        low, high = self.low.copy(), self.high.copy()
        if self._several:
            half = (self.high - self.low) / 2
            low, high = low - half, high + half
        order = np.lexsort((self.mean, self._family))
        mean, next_to = self.mean[order], np.diff(self._family[order]) == 0
        between = (mean[:-1] + mean[1:]) / 2
        low[order[1:]] = np.minimum(low[order[1:]], np.where(next_to, between, -np.inf))
        high[order[:-1]] = np.maximum(high[order[:-1]], np.where(next_to, between, np.inf))
        if len(order):
            low[order[0]], high[order[-1]] = -np.inf, np.inf
        return low, high

    def places(self) -> dict[str, int]:
        return {label: i for i, label in enumerate(dict.fromkeys(self.label))}
