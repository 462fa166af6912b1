"""A file released with differential privacy: what is asked checked, rows drawn, levels found, and all of it told."""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from huizhen.adapters.anonymise_table import Coded
from huizhen.intake import encoding as encodings
from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation, Differential, Generalisation
from huizhen.privacy.anonymise import sampled
from huizhen.privacy.anonymise.partition import Partition, Whole
from huizhen.privacy.noise import noisy_largest

MOST_RULES = 20_000
_FOLLOWS = ("quantile", "microaggregate")
_LEVELS = {"flat": 2, "date": 5, "icd10": 5, "division": 4, "ethnic": 4, "education": 4, "occupation": 5}


@dataclass(frozen=True)
class Spent:
    """epsilon of the release itself, and of the search for levels; `chance` that a row is drawn; the k that follows."""

    release: float
    search: float
    chance: float
    k: int
    delta: float

    def as_json(self) -> dict[str, Any]:
        return {
            "epsilon": self.release + self.search, "delta": self.delta, "epsilon_release": self.release,
            "epsilon_search": self.search, "sample": self.chance, "k": self.k,
        }  # fmt: skip


def spent(asked: Anonymisation, said: Differential) -> Spent:
    """How epsilon is spent, and k. Raises Unable where no k gives that delta, and BadInput for a chance that is more
    than epsilon allows."""
    fixed = all(how.level is not None for how in asked.quasi_identifiers.values())
    search = 0.0 if fixed else said.epsilon * said.search
    release = said.epsilon - search
    chance = sampled.largest_chance(release) if said.sample is None else said.sample
    if chance > sampled.largest_chance(release):
        raise BadInput(
            "sample-above-epsilon",
            Text(f"Rows drawn with a chance of {chance:g} need an epsilon above {release:g}.",
                 f"抽样概率 {chance:g} 需要大于 {release:g} 的 epsilon。"),
            Text(f"The nearest setting: sample {math.floor(sampled.largest_chance(release) * 1e4) / 1e4:g}.",
                 f"最接近的可行设置：sample 取 {math.floor(sampled.largest_chance(release) * 1e4) / 1e4:g}。"),
        )  # fmt: skip
    try:
        k = sampled.smallest_k(release, said.delta, chance)
    except ValueError:
        raise Unable(
            "delta-too-small",
            Text("No k gives so small a delta.", "没有 k 能达到如此小的 delta。"),
            Text("Give a larger delta, or a smaller sample.", "请增大 delta 或减小 sample。"),
        ) from None
    return Spent(release, search, chance, max(k, asked.k), said.delta)


def with_its_k(asked: Anonymisation, beside: Path) -> Anonymisation:
    """What is asked, with the k that epsilon and delta lead to. Raises BadInput where something asked would make the
    release depend on the rows in a way that epsilon does not cover, and Unable where no k leads there."""
    if asked.differential is None:
        return asked
    beyond = [*asked.sensitive, *asked.keep]
    if beyond or asked.population is not None:
        what = Text(f"column '{beyond[0]}'", f"列“{beyond[0]}”") if beyond else Text("a population", "总体")
        raise BadInput(
            "differential-needs-all",
            Text(f"With differential privacy nothing is released as it is; this asks for {what.en}.",
                 f"差分隐私下任何列都不能原样发布，而此处要求{what.zh}。"),
            Text("Put every column under quasi_identifiers or drop, and leave population out.",
                 "请将所有列放入 quasi_identifiers 或 drop，并去掉 population。"),
        )  # fmt: skip
    for name, how in asked.quasi_identifiers.items():
        if how.by in _FOLLOWS:
            raise BadInput(
                "hierarchy-follows-rows",
                Text(f"Column '{name}': '{how.by}' follows the rows, which differential privacy may not.",
                     f"列“{name}”：“{how.by}”取决于数据，不能用于差分隐私。"),
                Text("Give it interval, prefix, date, a vocabulary, file or flat.",
                     "请改用 interval、prefix、date、某一词表、file 或 flat。"),
            )  # fmt: skip
    many = math.prod(_levels(how, beside) for how in asked.quasi_identifiers.values() if how.level is None)
    if many > MOST_RULES:
        raise Unable(
            "too-many-rules",
            Text(f"There are {many:,} ways to choose levels; at most {MOST_RULES:,} are looked at.",
                 f"层级组合共有 {many:,} 种，最多考察 {MOST_RULES:,} 种。"),
            Text("Give some columns their `level`, or fewer steps.", "请为部分列指定 level，或减少层级数。"),
        )  # fmt: skip
    return asked.model_copy(update={"k": spent(asked, asked.differential).k})


def released_so(given: Coded, asked: Anonymisation, said: Differential, beside: Path, without: Whole) -> Partition:
    """Draw rows, find levels and release what k of the drawn rows agree in; as if the rows `without` were not there.

    The chance is the system's. Raises Unable where no combination is left.
    """
    uses, k = spent(asked, said), asked.k
    there = sampled.drawn(given.rows, uses.chance, os.urandom)
    there[without] = False
    inside = np.random.default_rng().permutation(np.flatnonzero(there))
    hows = list(asked.quasi_identifiers.values())
    trees, levels = list(given.hierarchies.values()), [_levels(how, beside) for how in hows]
    rules = sampled.rules(levels, [how.level for how in hows])
    rule = rules[0]
    if len(rules) > 1:
        worths = [sampled.worth(r, levels, [how.weight for how in hows]) for r in rules]
        scored = sampled.scores([c[inside] for c in given.columns], trees, rules, k, worths)
        rule = rules[noisy_largest(scored, sampled.SCALE * k, uses.search)]
    found = sampled.classes(given.columns, trees, rule, k, inside)
    if len(found.row) == 0:
        raise Unable(
            "nothing-left",
            Text(f"No combination is shared by {k} of the drawn rows.", f"抽中的行中没有任何组合达到 {k} 行。"),
            Text("The levels were too fine for so few rows: give coarser ones, a larger epsilon or delta, or more "
                 "rows. This try has spent its epsilon.",
                 "行数相对所选层级太少：请改用更粗的层级、更大的 epsilon 或 delta，或更多的行。"
                 "本次尝试已消耗 epsilon。"),
        )  # fmt: skip
    gone = found.gone[~np.isin(found.gone, without)]
    return Partition(found.row, found.start, found.node, gone)


def told_so(found: Partition, given: Coded, asked: Anonymisation, said: Differential) -> dict[str, Any]:
    """Epsilon, delta, the chance to be drawn, k, and at which level each column is."""
    return spent(asked, said).as_json() | {"levels": _found_levels(found, given)}


def at_its_levels(asked: Anonymisation, said: Differential, found: Partition, given: Coded) -> Anonymisation:
    """The same at the levels that were found: what an attacker knows of how the release was made."""
    levels, uses = _found_levels(found, given), spent(asked, said)
    return asked.model_copy(
        update={
            "differential": said.model_copy(update={"epsilon": uses.release, "sample": uses.chance}),
            "quasi_identifiers": {
                n: how.model_copy(update={"level": levels[n]}) for n, how in asked.quasi_identifiers.items()
            },
        }
    )


def _found_levels(found: Partition, given: Coded) -> dict[str, int]:
    levels = {}
    for (name, tree), node in zip(given.hierarchies.items(), found.node, strict=True):
        levels[name] = next(at for at, names in enumerate(tree.node) if np.isin(node, names).all())
    return levels


def _levels(how: Generalisation, beside: Path) -> int:
    """Levels of a hierarchy, the root and the value among them, by what it is and never by the rows."""
    if how.by in _LEVELS:
        return _LEVELS[how.by]
    if how.by == "file" and how.file is not None:
        place = beside / how.file
        with place.open(encoding=encodings.recognise(place), newline="") as file:
            return max((len(row) for row in csv.reader(file, delimiter=";")), default=2)
    return 2 + len(how.lengths or how.widths)
