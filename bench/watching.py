"""How well ill access behaviour is told from all that is merely different: precision and recall by kind, on labelled
simulations, beside a fixed threshold and scikit-learn's IsolationForest.

`python bench/watching.py [--large] [--tune]`. Every way is tuned on the same simulated worlds (the threshold with the
best F1 on them) and measured on others that it has not seen. Staff who open records have three kinds of ill behaviour
among them, askers three. An alarm is right when its actor was up to something then; an episode is found when an alarm
of its kind falls into it, or within the days that its count goes back over.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from sklearn.ensemble import IsolationForest

from huizhen.model.paper import Behaviour
from huizhen.statistics.behaviour import ASKERS_BULK, BITS, FEWEST, WATCHED, WINDOW, Series, bits, series
from made.accesses import World, askers, staff

FIRST_DAY = 21
"""Days in which everyone is getting to know everyone: nothing is scored before."""


class Scored(NamedTuple):
    """One actor on one day: what each way says of it, higher is worse."""

    who: str
    day: int
    score: float


Way = Callable[[list[tuple[World, Series]], Behaviour], list[list[Scored]]]


def ours(worlds: list[tuple[World, Series]], behaviour: Behaviour) -> list[list[Scored]]:
    """Bits of surprise, own history and peers together."""
    told = []
    for world, found in worlds:
        scored = [(a, d) for d in range(FIRST_DAY, world.days) for a in bits(found, behaviour, d)]
        told.append([Scored(a.who, d, a.bits) for a, d in scored if a.count >= FEWEST[behaviour]])
    return told


def fixed(worlds: list[tuple[World, Series]], behaviour: Behaviour) -> list[list[Scored]]:
    """The bare count: one limit for everybody."""
    told = []
    for world, found in worlds:
        counts = found.of[behaviour].counts
        places = [(i, d) for d in range(FIRST_DAY, world.days) for i in np.flatnonzero(counts[:, d])]
        told.append([Scored(found.who[i], d, float(counts[i, d])) for i, d in places])
    return told


def forest(own: bool) -> Way:
    """IsolationForest (Liu et al. 2008), with the counts of the day as features; with `own`, each beside what the same
    actor did on average before. One forest for all kinds, as it is usually run: it cannot say which."""

    def way(worlds: list[tuple[World, Series]], behaviour: Behaviour) -> list[list[Scored]]:  # noqa: ARG001
        told = []
        model = IsolationForest(n_estimators=200, random_state=0)
        rows = [_features(found, world.days, own) for world, found in worlds]
        model.fit(np.vstack([r[0] for r in rows]))
        for (_, found), (features, places) in zip(worlds, rows, strict=True):
            scores = -model.score_samples(features)
            told.append([Scored(found.who[i], d, float(s)) for (i, d), s in zip(places, scores, strict=True)])
        return told

    return way


def _features(found: Series, days: int, own: bool) -> tuple[np.ndarray, list[tuple[int, int]]]:
    columns, bulk = [], found.of["bulk"].counts
    for behaviour in WATCHED:
        counts, totals = found.of[behaviour]
        columns.append(counts if totals is None else counts / np.maximum(totals, 1))
        if own:
            past = np.cumsum(counts, axis=1) - counts
            columns.append(np.log1p(counts) - np.log1p(past / np.maximum(np.arange(days), 1)))
    stacked = np.stack(columns, axis=2)
    places = [(i, d) for d in range(FIRST_DAY, days) for i in np.flatnonzero(bulk[:, d])]
    return np.array([stacked[i, d] for i, d in places]), places


# -- right and wrong


class Tally(NamedTuple):
    right: int
    wrong: int
    found: int
    episodes: int

    @property
    def precision(self) -> float:
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        return self.found / max(self.episodes, 1)

    @property
    def f1(self) -> float:
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-9)


def tally(worlds: list[tuple[World, Series]], scored: list[list[Scored]], behaviour: Behaviour, least: float) -> Tally:
    """Alarms from `least` on; those of one actor on days in a row are one."""
    right = wrong = found = episodes = 0
    for (world, _), lines in zip(worlds, scored, strict=True):
        days: dict[str, list[int]] = {}
        for line in lines:
            if line.score >= least:
                days.setdefault(line.who, []).append(line.day)
        reach = WINDOW[behaviour] - 1
        ill = [(e.who, e.first, e.last + reach) for e in world.episodes]
        for who, alarms in days.items():
            for first, last in _runs(sorted(alarms)):
                hit = any(who == w and first <= b and a <= last for w, a, b in ill)
                right, wrong = right + hit, wrong + (not hit)
        own = [e for e in world.episodes if e.behaviour == behaviour]
        episodes += len(own)
        found += sum(any(e.first <= d <= e.last + reach for d in days.get(e.who, [])) for e in own)
    return Tally(right, wrong, found, episodes)


def _runs(days: list[int]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for day in days:
        if runs and day - runs[-1][1] <= 1:
            runs[-1] = (runs[-1][0], day)
        else:
            runs.append((day, day))
    return runs


def tuned(worlds: list[tuple[World, Series]], scored: list[list[Scored]], behaviour: Behaviour) -> float:
    """The limit with the best F1, the highest of those that are equally good."""
    scores = np.array([line.score for lines in scored for line in lines])
    limits = np.unique(np.round(np.quantile(scores, 1 - np.geomspace(1e-4, 0.2, 60)), 1))
    limits = np.unique(np.concatenate([limits, np.quantile(scores, [0.99, 0.995, 0.999])]))
    return float(max(limits, key=lambda x: (round(tally(worlds, scored, behaviour, x).f1, 4), x)))


def compare(make: Callable[[int], World], kinds: tuple[Behaviour, ...], size: int, tune: bool) -> None:
    """Print precision and recall of every way, by kind."""
    began = time.perf_counter()
    learn, unseen = ([(w, series(w.accesses)) for w in map(make, seeds)] for seeds in _seeds(size))
    accesses = sum(len(w.accesses) for w, _ in unseen)
    print(f"{make.__name__}: {accesses:,} accesses unseen, {time.perf_counter() - began:.1f} s to make and count")
    ways: Mapping[str, Way] = {
        "surprise (ours)": ours,
        "fixed threshold": fixed,
        "isolation forest": forest(False),
        "isolation forest, own history": forest(True),
    }
    shipped = {**BITS, "bulk": ASKERS_BULK} if "repeats" in kinds else BITS
    for behaviour in kinds:
        for called, way in ways.items():
            name = called
            limit = tuned(learn, way(learn, behaviour), behaviour)
            if name.startswith("surprise"):
                limit, best = (limit if tune else shipped[behaviour]), limit
                name = f"{name}, {limit:g} bits" + ("" if tune else f" (tuned here: {best:.1f})")
            t = tally(unseen, way(unseen, behaviour), behaviour, limit)
            print(
                f"  {behaviour:<12}{name:<44} precision {t.precision:4.2f}  recall {t.recall:4.2f}  F1 {t.f1:4.2f}"
                f"  ({t.found} of {t.episodes} episodes, {t.wrong} false)"
            )


def _seeds(size: int) -> tuple[range, range]:
    return range(size), range(1000, 1000 + size)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="24 worlds to tune on and 24 unseen, instead of 6")
    parser.add_argument("--tiny", action="store_true", help="one of each, small: to see that it runs")
    parser.add_argument("--tune", action="store_true", help="use the thresholds tuned here, not those of the product")
    asked = parser.parse_args()
    size = 24 if asked.large else 1 if asked.tiny else 6

    def staff_(seed: int) -> World:
        return staff(seed, people=24, days=60) if asked.tiny else staff(seed)

    def askers_(seed: int) -> World:
        return askers(seed, parties=15, days=80) if asked.tiny else askers(seed)

    compare(staff_, ("bulk", "one-person", "hours"), size, asked.tune)
    compare(askers_, ("bulk", "repeats", "small-cells"), size, asked.tune)


if __name__ == "__main__":
    main()
