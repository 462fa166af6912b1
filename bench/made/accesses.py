"""Made-up accesses over months: staff who open records and askers who submit studies, in all their differences, and ill
behaviour put among them, labelled. Nothing of it looks at how it is detected."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from huizhen.model.paper import Behaviour
from huizhen.statistics.behaviour import Access, question_of

START = datetime(2026, 1, 5)
METHODS = ("count", "crosstab", "histogram", "glm", "cox")
COLUMNS = ("age", "sex", "bmi", "glucose", "stage", "smoker", "therapy", "site")


class Episode(NamedTuple):
    """Ill behaviour of one actor from the first to the last day, as indices."""

    behaviour: Behaviour
    who: str
    first: int
    last: int


class World(NamedTuple):
    accesses: list[Access]
    episodes: list[Episode]
    days: int


def staff(seed: int, people: int = 90, days: int = 90, ill: int = 12) -> World:
    """Three roles of different pace and shift; weekends, waves that everyone feels, nights by rota, patients who are
    looked after for days; and staff who do what they should not."""
    rng = np.random.default_rng(seed)
    wave = np.ones(days)
    for _ in range(3):
        wave[(begin := int(rng.integers(5, days))) : begin + int(rng.integers(2, 7))] *= rng.uniform(1.3, 2.2)
    found: list[Access] = []
    names, plans = [], {}
    for i in range(people):
        role = ("physician", "nurse", "clerk")[i % 3]
        names.append(name := f"{role}-{i}")
        pace = {"physician": 9.0, "nurse": 14.0, "clerk": 25.0}[role] * rng.lognormal(0, 0.45)
        middle = {"physician": 13.0, "nurse": 14.0, "clerk": 12.0}[role] + rng.normal(0, 0.8)
        plans[name] = (role, pace, middle)
        rota = int(rng.integers(8, 20)) if role == "nurse" else (int(rng.integers(15, 40)) if rng.random() < 0.4 else 0)
        panel = [f"p{rng.integers(1_000_000)}" for _ in range(10)]
        for day in range(int(rng.integers(0, days // 3)) if rng.random() < 0.15 else 0, days):
            night = rota > 0 and day % rota >= rota - 3
            if day % 7 >= 5 and rng.random() < (0.5 if role == "nurse" else 0.85):
                continue
            panel = [p if rng.random() > 0.25 else f"p{rng.integers(1_000_000)}" for p in panel]
            mood = rng.gamma(4.0, 0.25) * wave[day]
            for _ in range(rng.poisson(pace * mood)):
                hour = (rng.normal(1.5, 2.5) if night else rng.normal(middle, 2.6)) % 24
                looked_after = role != "clerk" and rng.random() < 0.45
                subject = panel[int(rng.integers(10))] if looked_after else f"p{rng.integers(1_000_000)}"
                found.append(_opened(name, role, day, hour, subject))
    episodes = [_staff_ill(rng, found, names, plans, days, n) for n in range(ill)]
    return World(found, episodes, days)


def _opened(name: str, role: str, day: int, hour: float, subject: str) -> Access:
    return Access(name, role, START + timedelta(days=day, hours=float(hour)), subject=subject)


def _staff_ill(
    rng: np.random.Generator, found: list[Access], names: list[str], plans: dict[str, tuple[str, float, float]],
    days: int, number: int,
) -> Episode:  # fmt: skip
    behaviour: Behaviour = ("bulk", "one-person", "hours")[number % 3]  # type: ignore[assignment]
    name = names[int(rng.integers(len(names)))]
    role, pace, middle = plans[name]
    day = int(rng.integers(30, days - 8))
    if behaviour == "bulk":
        for _ in range(int(pace * rng.uniform(2.5, 8.0)) + 15):
            hour = rng.normal(middle, 2.6) % 24
            found.append(_opened(name, role, day, hour, f"p{rng.integers(1_000_000)}"))
        return Episode(behaviour, name, day, day)
    if behaviour == "one-person":
        victim, length = f"victim-{number}", int(rng.integers(2, 7))
        for _ in range(int(rng.integers(10, 30))):
            hour = rng.normal(middle, 2.6) % 24
            found.append(_opened(name, role, day + int(rng.integers(length)), hour, victim))
        return Episode(behaviour, name, day, day + length - 1)
    length, away = int(rng.integers(1, 4)), (middle + 12.0) % 24
    for each in range(length):
        for _ in range(int(rng.integers(5, 15))):
            hour = (away + rng.normal(0, 1.0)) % 24
            found.append(_opened(name, role, day + each, hour, f"p{rng.integers(1_000_000)}"))
    return Episode(behaviour, name, day, day + length - 1)


def askers(seed: int, parties: int = 45, days: int = 150, ill: int = 12) -> World:
    """Askers who come in bursts, refine a question a few times, and some of whom study rare diseases, so that small
    cohorts are their trade; and some who probe."""
    rng = np.random.default_rng(seed + 1_000_000)
    found: list[Access] = []
    plans: dict[str, tuple[str, float]] = {}
    for i in range(parties):
        kind = ("academic", "commercial", "public")[i % 3]
        name, pace = f"{kind}-{i}", 0.5 * float(rng.lognormal(0, 0.7))
        rare = 0.35 if rng.random() < 0.12 else float(rng.beta(1.2, 40))
        plans[name] = kind, rare
        for day in range(days):
            if day % 7 >= 5 and rng.random() < 0.8:
                continue
            for _ in range(rng.poisson(pace * rng.gamma(0.5, 2.0))):
                words, line = _question(rng), 1 + (rng.geometric(0.5) if rng.random() < 0.3 else 0)
                for _ in range(min(line, 6)):
                    found.append(_asked(rng, name, kind, day, words, rng.random() < rare))
                    words = {**words, "cohort": f"age >= {rng.integers(30, 70)}"}
    episodes = []
    names = list(plans)
    for number in range(ill):
        behaviour: Behaviour = ("bulk", "repeats", "small-cells")[number % 3]  # type: ignore[assignment]
        name, day, length = names[int(rng.integers(len(names)))], int(rng.integers(40, days - 8)), 1
        kind, rare = plans[name]
        if behaviour == "bulk":
            for _ in range(int(rng.integers(18, 45))):
                found.append(_asked(rng, name, kind, day, _question(rng), rng.random() < rare))
        else:
            length, words = int(rng.integers(1, 7)), _question(rng)
            for step in range(int(rng.integers(10, 25) if behaviour == "repeats" else rng.integers(6, 16))):
                probing = {**words, "cohort": f"age >= 50 and bmi > {20 + step}"}
                small = behaviour == "small-cells"
                asked, few = (_question(rng) if small else probing), small or rng.random() < rare
                found.append(_asked(rng, name, kind, day + int(rng.integers(length)), asked, few))
        episodes.append(Episode(behaviour, name, day, day + length - 1))
    return World(found, episodes, days)


def _question(rng: np.random.Generator) -> dict[str, object]:
    first, second, third = rng.choice(COLUMNS, 3, replace=False)
    return {
        "dataset": f"d{rng.integers(6)}",
        "method": METHODS[int(rng.integers(5))],
        "params": f"{first} {second}",
        "cohort": f"{third} >= {rng.integers(20, 80)} and age < {rng.integers(40, 90)}",
    }


def _asked(
    rng: np.random.Generator, name: str, kind: str, day: int, words: dict[str, object], few: bool
) -> Access:  # fmt: skip
    hour = float(rng.normal(14, 3) % 24)
    return Access(name, kind, START + timedelta(days=day, hours=hour), question=question_of(words), few=bool(few))
