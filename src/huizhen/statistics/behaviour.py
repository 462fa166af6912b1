"""Access behaviour, per person or organisation, against its own history and its peers. Pure.

From who accessed what when, five counts a day are made, and each is set against what one would expect of this actor
(`statistics.surprise`): reads in bulk, one patient many times, at hours far from the day's own work, nearly the same
question again and again, cohorts just above the cell limit.
Thresholds are tuned on labelled simulations: `bench/watching.py`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from huizhen.model.paper import Behaviour
from huizhen.statistics.surprise import (
    Floats,
    Prior,
    dispersion,
    rate_bits,
    rate_prior,
    share_bits,
    share_prior,
)

WATCHED: tuple[Behaviour, ...] = ("bulk", "one-person", "hours", "repeats", "small-cells")
WINDOW: Mapping[Behaviour, int] = {"bulk": 1, "one-person": 7, "hours": 1, "repeats": 7, "small-cells": 7}
"""Days that a count goes back over, the day itself included."""
BITS: Mapping[Behaviour, float] = {
    "bulk": 11.0, "one-person": 11.0, "hours": 12.0, "repeats": 13.5, "small-cells": 10.5,
}  # fmt: skip
"""From so many bits of surprise on it is an alarm (`python bench/watching.py --tune`)."""
ASKERS_BULK = 16.0
"""The same for askers who ask much in a day: they come in bursts."""
FEWEST: Mapping[Behaviour, int] = {"bulk": 8, "one-person": 5, "hours": 3, "repeats": 4, "small-cells": 3}
"""And never below this count, however surprising."""
HISTORY = 30
"""Windows of one's own history that count, at most."""
_KAPPA = 8.0
"""Of the kernel over the hours of a day: about an hour and a half to either side."""
_FAR = 6
"""Hours from the middle of the day's work, by the clock, beyond which an access is far from it."""


class Access(NamedTuple):
    """`who` accessed something: a record of `subject`, or a study with this question. `at` is by the actor's clock.

    `group`: whose peers it is (a role, a kind of party). `question`: what is asked, as words (`question_of`).
    `few`: whether its cohort was just above the cell limit; None where that is not known.
    """

    who: str
    group: str
    at: datetime
    subject: str | None = None
    question: frozenset[str] | None = None
    few: bool | None = None


@dataclass(frozen=True)
class Alarming:
    """A count that stands out, with what it was set against."""

    behaviour: Behaviour
    who: str
    day: date
    bits: float
    count: int
    of: int
    """Of how many accesses; the count itself where it is no share."""
    own: float
    """What this actor's own history led one to expect in such a window."""
    peers: float
    """What peers do in such a window, on average."""


class Counts(NamedTuple):
    """Per actor and day: `counts` and, for shares, `totals`. Shapes (actors, days)."""

    counts: Floats
    totals: Floats | None


class Series(NamedTuple):
    who: tuple[str, ...]
    group: tuple[str, ...]
    first: date
    since: NDArray[np.int64]
    """The first day on which each was seen, as an index."""
    of: Mapping[Behaviour, Counts]


def is_alike(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two questions are nearly the same: four of five words in common (Jaccard)."""
    return len(one & other) >= 0.8 * len(one | other)


def series(accesses: Iterable[Access], last: date | None = None) -> Series:
    """The five counts of every actor on every day from the first access to `last` (else the last access)."""
    found = sorted(accesses, key=lambda a: a.at)
    if not found:
        return Series((), (), last or date(1970, 1, 1), np.zeros(0, dtype=np.int64), {})
    first, days = found[0].at.date(), ((last or found[-1].at.date()) - found[0].at.date()).days + 1
    by: dict[str, list[Access]] = defaultdict(list)
    for access in found:
        by[access.who].append(access)
    names = tuple(sorted(by))
    groups = tuple(by[name][-1].group for name in names)
    shape = (len(names), days)
    table = {b: np.zeros(shape) for b in WATCHED}
    totals = {b: np.zeros(shape) for b in ("hours", "small-cells")}
    clock = np.zeros((*shape, 24))
    for i, name in enumerate(names):
        own = [(min((a.at.date() - first).days, days - 1), a) for a in by[name]]
        for day, access in own:
            table["bulk"][i, day] += 1
            clock[i, day, access.at.hour] += 1
            if access.few is not None:
                totals["small-cells"][i, day] += 1
                table["small-cells"][i, day] += access.few
        table["one-person"][i] = _most_of_one(own, days)
        table["repeats"][i] = _repeats(own, days)
    for behaviour in ("small-cells",):
        table[behaviour] = _trailing(table[behaviour], WINDOW[behaviour])
        totals[behaviour] = _trailing(totals[behaviour], WINDOW[behaviour])
    since = np.array([(by[name][0].at.date() - first).days for name in names])
    table["hours"], totals["hours"] = _apart(clock)
    counts = {b: Counts(table[b], totals.get(b)) for b in WATCHED}
    return Series(names, groups, first, since, counts)


def _trailing(daily: Floats, window: int) -> Floats:
    """Sums over each day and the `window` - 1 before it. Shape (actors, days)."""
    summed = np.cumsum(daily, axis=1)
    before = np.zeros_like(summed)
    before[:, window:] = summed[:, :-window]
    return np.asarray(summed - before)


def _most_of_one(own: Sequence[tuple[int, Access]], days: int) -> Floats:
    """By day: how often the subject was accessed that was accessed most within the window."""
    window, most = WINDOW["one-person"], np.zeros(days)
    by: dict[str, list[int]] = defaultdict(list)
    for day, access in own:
        if access.subject is not None:
            by[access.subject].append(day)
    for seen in by.values():
        for day in sorted(set(seen)):
            count = sum(day - window < d <= day for d in seen)
            most[day : day + window] = np.maximum(most[day : day + window], count)
    return most


def _repeats(own: Sequence[tuple[int, Access]], days: int) -> Floats:
    """By day: questions within the window that were nearly asked before, within the window before each."""
    window, daily = WINDOW["repeats"], np.zeros((1, days))
    asked = [(day, a.question) for day, a in own if a.question is not None]
    start = 0
    for i, (day, question) in enumerate(asked):
        while asked[start][0] <= day - window:
            start += 1
        daily[0, day] += any(is_alike(question, other) for _, other in asked[start:i])
    return np.asarray(_trailing(daily, window)[0])


def _apart(clock: Floats) -> tuple[Floats, Floats]:
    """(accesses at hours far from the middle of that very day's work, all accesses) over the window. `clock`: accesses
    by hour, shape (actors, days, 24).

    The middle is the mode of the day's hours under a von Mises kernel on the circle (Fisher, Statistical Analysis of
    Circular Data, 2.2), so it moves with the shift: a night on duty has its middle at night and nothing far from it,
    and who reads at night after a day's work has not. Whether the count is much is asked of own history and peers, as
    of every share.
    """
    around = np.cos(2 * np.pi * np.arange(24) / 24)
    kernel = np.fft.fft(np.exp(_KAPPA * (around - 1)))
    smooth = np.real(np.fft.ifft(np.fft.fft(clock, axis=2) * kernel, axis=2))
    away = np.abs(np.arange(24) - smooth.argmax(axis=2)[:, :, None])
    far = (clock * (np.minimum(away, 24 - away) > _FAR)).sum(axis=2)
    window = WINDOW["hours"]
    return _trailing(far, window), _trailing(clock.sum(axis=2), window)


def bits(found: Series, behaviour: Behaviour, day: int) -> list[Alarming]:
    """How surprising each actor's count of one day is (an index into the series); those of count 0 are left out."""
    counts, totals = found.of[behaviour]
    window = WINDOW[behaviour]
    past = np.arange(day - window, -1, -window)[:HISTORY]
    told = []
    for group in sorted(set(found.group)):
        members = np.flatnonzero([g == group for g in found.group])
        if not len(members) or not counts[members, day].any():
            continue
        known = past[None, :] >= found.since[members][:, None]
        kept = counts[np.ix_(members, past)] * known
        if totals is not None:
            told += _of_shares(found, behaviour, day, members, kept, totals[np.ix_(members, past)] * known)
        else:
            told += _of_rates(found, behaviour, day, members, kept, known.sum(axis=1).astype(float))
    return told


def _of_rates(
    found: Series, behaviour: Behaviour, day: int, members: NDArray[np.int64], kept: Floats, exposure: Floats
) -> list[Alarming]:
    now, total = found.of[behaviour].counts[members, day], kept.sum(axis=1)
    means = np.divide(total, exposure, out=np.zeros_like(total), where=exposure > 0)
    spread = np.repeat(means[:, None], kept.shape[1], axis=1)
    within = dispersion(kept[spread > 0], spread[spread > 0])
    told = []
    for k in np.flatnonzero(now):
        others = np.arange(len(members)) != k
        prior = rate_prior(total[others], exposure[others])
        posterior = Prior(prior.a + total[k] / within, prior.b + exposure[k] / within)
        usual = (means[others].sum() + 1.0) or 1.0
        busy = float(np.clip((np.minimum(now[others], 3 * means[others] + 3).sum() + 1.0) / usual, 1.0, 3.0))
        mean = busy * posterior.a / posterior.b
        surprise = rate_bits(now[k], mean, within * mean + mean * mean / posterior.a)
        told.append(_alarming(found, behaviour, day, members[k], surprise, now[k], (means[k], prior.a / prior.b)))
    return told


def _of_shares(
    found: Series, behaviour: Behaviour, day: int, members: NDArray[np.int64], kept: Floats, of: Floats
) -> list[Alarming]:
    counts, totals = found.of[behaviour]
    assert totals is not None
    now, out_of, total, whole = counts[members, day], totals[members, day], kept.sum(axis=1), of.sum(axis=1)
    told = []
    for k in np.flatnonzero(now):
        others = np.arange(len(members)) != k
        prior = share_prior(total[others], whole[others])
        weight = min(1.0, 40.0 / max(whole[k], 1.0))
        own = Prior(prior.a + weight * total[k], prior.b + weight * (whole[k] - total[k]))
        surprise = share_bits(now[k], out_of[k], own)
        expected = out_of[k] * total[k] / whole[k] if whole[k] else 0.0
        of_peers = out_of[k] * prior.a / (prior.a + prior.b)
        told.append(
            _alarming(found, behaviour, day, members[k], surprise, now[k], (expected, of_peers), int(out_of[k]))
        )
    return told


def _alarming(
    found: Series, behaviour: Behaviour, day: int, i: int, surprise: float, count: float,
    expected: tuple[float, float], of: int | None = None,
) -> Alarming:  # fmt: skip
    when = date.fromordinal(found.first.toordinal() + day)
    n = int(count)
    return Alarming(behaviour, found.who[i], when, surprise, n, n if of is None else of, *map(float, expected))


def alarming(found: Series, days: Sequence[int], least: Mapping[Behaviour, float] = BITS) -> list[Alarming]:
    """What stands out on these days (indices into the series), by day. `least`: bits, by behaviour."""
    told = [a for day in days for behaviour in found.of for a in bits(found, behaviour, day)]
    return [a for a in told if a.bits >= least[a.behaviour] and a.count >= FEWEST[a.behaviour]]


def question_of(words: Mapping[str, object]) -> frozenset[str]:
    """A question as words to be compared: a number counts by its place and not by its value, so that moving a limit by
    one is nearly the same question."""
    told: Counter[str] = Counter()
    for key, value in words.items():
        for token in str(value).replace("(", " ").replace(")", " ").replace(",", " ").split():
            told[f"{key}:{'#' if _is_number(token) else token}"] += 1
    return frozenset(f"{word} {n}" for word, count in told.items() for n in range(count))


def _is_number(token: str) -> bool:
    try:
        float(token.strip("'\""))
    except ValueError:
        return False
    return True
