"""What tests of the guard share: limits, a census, noise that is known beforehand, tables with all their margins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.model.census import Census
from huizhen.model.dataset import Schema
from huizhen.model.grant import Limits
from huizhen.model.release import Check
from huizhen.model.result import Path, Result, Table
from huizhen.path.guard import Guarded, guard_result


def limits(**changes: Any) -> Limits:
    base: dict[str, Any] = {
        "columns": (), "cohort": None, "participants": (), "dataset_schema": Schema(columns=()), "purpose": "HMB",
        "method": "count", "method_version": "1", "method_code": "0" * 64, "min_cell": 10, "min_contributors": 3,
        "secure_sum": True, "round_to": None, "epsilon": None, "max_rounds": 1,
        "expires_utc": "2030-01-01T00:00:00.000000Z",
        "quorum": 3,
    }  # fmt: skip
    return Limits(**{**base, **changes})


def census(**changes: Any) -> Census:
    """300 people, 100 in each of three hospitals, one row each."""
    base: dict[str, Any] = {
        "consented": 400, "people": 300, "people_squared": 30_000, "rows": 300, "missing": 0, "contributors": 3,
        "repeated": 0, "differences": {},
    }  # fmt: skip
    return Census(**{**base, **changes})


def hospitals(*people: int, **changes: Any) -> Census:
    """The census of hospitals that hold so many people each."""
    return census(
        people=sum(people),
        rows=sum(people),
        people_squared=sum(p * p for p in people),
        contributors=sum(p > 0 for p in people),
        **changes,
    )


@dataclass
class KnownNoise:
    """Adds `steps` over and over, and remembers what it was asked."""

    steps: Sequence[int] = (0,)
    asked: list[tuple[list[int], int, float]] = field(default_factory=list)

    def add(self, counts: Sequence[int], sensitivity: int, epsilon: float) -> list[int]:
        self.asked.append((list(counts), sensitivity, epsilon))
        return [count + self.steps[i % len(self.steps)] for i, count in enumerate(counts)]


def guard(result: Result, noise: Any = None, who: Census | None = None, **changes: Any) -> Guarded:
    return guard_result(result, who or census(), limits(**changes), noise or KnownNoise())


def check(guarded: Guarded, name: str) -> Check:
    return next(c for c in guarded.checks if c.check == name)


def table(cells: npt.ArrayLike, derived: Sequence[str] = (), axes: Sequence[int] | None = None) -> Result:
    """A table of any dimension with a margin along each axis ('along0', ...) and the grand total ('n')."""
    counts = np.asarray(cells, dtype=np.int64)
    values: dict[str, Any] = {"cells": counts.tolist()}
    margins: list[tuple[Path, int | None]] = []
    for axis in range(counts.ndim) if axes is None else axes:
        others = tuple(a for a in range(counts.ndim) if a != axis)
        values[f"along{axis}"] = counts.sum(axis=others).tolist()
        margins.append(((f"along{axis}",), axis))
    values["n"] = int(counts.sum())
    margins.append((("n",), None))
    for name in derived:
        values[name] = float(counts.sum()) / 7
    return Result(values, (Table(("cells",), tuple(margins), tuple((name,) for name in derived)),))
