"""Seconds of several works that are compared: taken in turns, so that whatever disturbs the machine disturbs all."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Taken:
    """Seconds of one work, turn by turn."""

    turns: tuple[float, ...]

    @property
    def middle(self) -> float:
        return statistics.median(self.turns)

    def times(self, factor: float) -> Taken:
        return Taken(tuple(t * factor for t in self.turns))

    def over(self, other: Taken) -> str:
        """The ratio to another's time in the same turn: the middle one, the least and the most."""
        ratios = [mine / theirs for mine, theirs in zip(self.turns, other.turns, strict=True)]
        return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f}) x"


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(works: Mapping[str, Callable[[], Any]], times: int, warm: bool = True) -> dict[str, Taken]:
    """Each work so many times, one after the other; with `warm` each once before, which does not count."""
    if warm:
        for work in works.values():
            work()
    turns = [{name: seconds(work) for name, work in works.items()} for _ in range(times)]
    return {name: Taken(tuple(turn[name] for turn in turns)) for name in works}
