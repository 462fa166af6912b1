"""The attack on a table with hidden cells: what can a reader who knows all that was published still work out?

For every hidden count, the smallest and the largest whole number that fit the published figures and margins (Fischetti
and Salazar 2001, "Solving the cell suppression problem on tabular data with linear constraints", Management Science
47; Hundepool et al. 2012, "Statistical Disclosure Control", chapter 4). It shares no step with `suppress`, which
it tests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from huizhen.kit.later import later
from huizhen.model.result import Path, Table
from huizhen.privacy.sums import Ints, sums_of

if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize = later("scipy.optimize")
    sparse = later("scipy.sparse")


def intervals(
    values: Mapping[str, Any], tables: Iterable[Table], only: Collection[Path] | None = None
) -> dict[Path, tuple[int, int | None]]:
    """Smallest and largest possible value of each hidden count, or of those in `only`; None: without an upper bound.

    The reader knows that a hidden count is not zero, since zeros stay visible. Three programmes per hidden count: for
    tables of some hundred hidden cells. Raises ValueError when no table fits what was published.
    """
    sums = sums_of(values, tables)
    unknown = np.flatnonzero(sums.hidden)
    if not unknown.size:
        return {}
    known = sums.equations @ sums.counts
    equations = sparse.csc_array(sums.equations[:, unknown])
    found: dict[Path, tuple[int, int | None]] = {}
    for k, place in enumerate(unknown):
        if only is None or sums.places[place] in only:
            low = _least(equations, -known, k, 1)
            high = None if _endless(equations, k) else -_least(equations, -known, k, -1)
            found[sums.places[place]] = (low, high)
    return found


def _least(equations: sparse.csc_array, sums: Ints, k: int, sign: int) -> int:
    """The least of sign * x[k] over whole numbers x >= 1 with equations @ x = sums."""
    goal = np.zeros(equations.shape[1])
    goal[k] = sign
    fits = optimize.LinearConstraint(equations, sums, sums)
    answer = optimize.milp(
        goal, constraints=fits, bounds=optimize.Bounds(1, np.inf), integrality=np.ones(len(goal), dtype=np.int64)
    )
    if answer.x is None:
        raise ValueError("no table fits what was published")
    return sign * round(float(answer.x[k]))


def _endless(equations: sparse.csc_array, k: int) -> bool:
    """Whether x[k] can grow for ever: there is a direction d >= 0 with d[k] > 0 that changes no equation."""
    goal = np.zeros(equations.shape[1])
    goal[k] = -1
    answer = optimize.milp(goal, constraints=optimize.LinearConstraint(equations, 0, 0), bounds=optimize.Bounds(0, 1))
    return answer.x is not None and bool(answer.x[k] > 1e-9)


def recoverable(values: Mapping[str, Any], tables: Iterable[Table], fewer_than: int = 2) -> list[Path]:
    """The hidden counts of which a reader can narrow the value down to fewer than `fewer_than` whole numbers.

    With the default: those that the published figures give away exactly.
    """
    spans = intervals(values, tables)
    return [place for place, (low, high) in spans.items() if high is not None and high - low + 1 < fewer_than]
