"""Small cells, and as many more as it takes that no margin gives them back: complementary cell suppression.

Every count 0 < c < min_cell is hidden. A reader who adds and subtracts the published figures must still be unable to
narrow a hidden small count down to fewer than `min_cell` whole numbers. To prove that, another table is sought, in
whole numbers, that equals the true one in every published figure and differs from it by min_cell - 1 in the cell to
protect; the published figures that have to change for it are hidden too. Which ones is chosen by a linear programme
that makes the change cheap (Kelly, Golden and Assad 1992, "Cell suppression: disclosure protection for sensitive
tabular data", Networks 22; Fischetti and Salazar 2001, Management Science 47). The other table is the proof: it is kept
in integers and checked against every equation, so no rounding of the solver can spoil it.

Zeros stay visible: they are mostly structure (nobody is pregnant among the men), and hiding them protects no count. So
a reader knows that a hidden count is at least 1, and the proof reckons with it. What a zero says by itself ("no woman
here has it") is not taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.privacy.sums import Bools, Ints, Sums

if TYPE_CHECKING:
    from scipy import optimize, sparse
else:
    optimize = later("scipy.optimize")
    sparse = later("scipy.sparse")

_TOLERANCE = 1e-6
_CHEAP = {"node_limit": 200, "mip_rel_gap": 0.2}
_ANY = {"node_limit": 1, "mip_rel_gap": 1.0, "presolve": False}

Floats = npt.NDArray[np.float64]


def to_hide(sums: Sums, min_cell: int) -> Bools:
    """By place: whether to hide the count. In the worst case all that hang together with a small one are hidden."""
    small: Bools = (sums.counts > 0) & (sums.counts < min_cell)
    hidden = small.copy()
    loss = _loss(sums)
    for part in _parts(sums):
        if small[part].any():
            equations = sums.equations[:, part]
            equations = equations[np.flatnonzero(np.diff(equations.indptr))]
            hidden[part] = _Part(equations, sums.counts[part], loss[part], min_cell - 1).protect(small[part])
    return hidden


def _loss(sums: Sums) -> Floats:
    """What hiding a count costs the reader: more for larger ones, and much more for the sums of many."""
    cost: Floats = np.log2(1.0 + sums.counts) * (1.0 + sums.terms) ** 2
    return cost


def _parts(sums: Sums) -> list[Ints]:
    """Places that hang together by equations, two and more. Zeros are known, so they tie nothing."""
    alive = np.flatnonzero(sums.counts > 0)
    tied = sparse.csr_array(abs(sums.equations[:, alive]))
    if not tied.nnz:
        return []
    both: Any = sparse.block_array([[None, tied.T], [tied, None]], format="csr")
    label = sparse.csgraph.connected_components(both, directed=False)[1][: len(alive)]
    order = np.argsort(label, kind="stable")
    groups = np.split(alive[order], np.flatnonzero(np.diff(label[order])) + 1)
    return [group for group in groups if len(group) > 1]


@dataclass(frozen=True)
class _Part:
    """Positive counts that hang together. A *change* is a whole number per count: counts + change is another table
    that a reader cannot tell from the true one where the change is 0."""

    equations: sparse.csr_array
    counts: Ints
    loss: Floats
    need: int

    def protect(self, small: Bools) -> Bools:
        """What to hide so that each small count has changes `need` apart: first those that small counts give one
        another, many at a time; then one by one, for a price."""
        hidden = small.copy()
        low, high = np.zeros_like(self.counts), np.zeros_like(self.counts)
        turn, mutual = 0, True
        while (todo := np.flatnonzero(small & (high - low < self.need))).size:
            change = self._mutual(hidden, todo, turn) if mutual else self._bought(hidden, int(todo[0]))
            if change is None:
                return np.ones_like(small)
            hidden |= change != 0
            low, high = np.minimum(low, change), np.maximum(high, change)
            mutual = mutual and (turn % 2 == 0 or bool((high - low)[todo].max() >= self.need))
            turn += 1
        return hidden

    def _mutual(self, hidden: Bools, todo: Ints, turn: int) -> Ints:
        """A change among hidden counts only that raises half of `todo` and lowers the rest, as far as they go.

        The halves are another bit of their rank every other turn, and change sides in between.
        """
        free = np.flatnonzero(hidden)
        wish = np.zeros(len(self.counts))
        wish[todo] = np.where(((np.arange(len(todo)) >> (turn // 2)) + turn) % 2, 1.0, -1.0)
        low = -np.minimum(self.counts[free] - 1, self.need).astype(np.float64)
        high = np.full(len(free), float(self.need))
        change = np.zeros_like(self.counts)
        for solution in _solutions(wish[free], self.equations[:, free], low, high, _ANY):
            change[free] = np.rint(solution)
            if _whole(solution) and self._fits(change):
                return change
        return np.zeros_like(self.counts)

    def _bought(self, hidden: Bools, target: int) -> Ints | None:
        """A change that raises `target` by `need` at the smallest loss in visible counts; None where none is found."""
        free, shown = np.flatnonzero(hidden), np.flatnonzero(~hidden)
        reach = np.full(len(self.counts), float(self.need))
        room = np.minimum(self.counts - 1.0, reach)
        low = np.concatenate([-room[free], np.zeros(2 * len(shown))])
        high = np.concatenate([reach[free], reach[shown], room[shown]])
        low[np.searchsorted(free, target)] = self.need
        price = np.concatenate([np.zeros(len(free)), self.loss[shown], self.loss[shown]])
        columns = [self.equations[:, free], self.equations[:, shown], -self.equations[:, shown]]
        for solution in _solutions(price, sparse.hstack(columns), low, high, _CHEAP):
            up, down = np.split(np.rint(solution[len(free) :]).astype(np.int64), 2)
            change = np.zeros_like(self.counts)
            change[free] = np.rint(solution[: len(free)])
            change[shown] = up - down
            if _whole(solution) and self._fits(change) and change[target] == self.need:
                return change
        return None

    def _fits(self, change: Ints) -> bool:
        return bool((self.equations @ change == 0).all() and (self.counts + change >= 1).all())


def _whole(solution: Floats) -> bool:
    return bool(np.abs(solution - np.rint(solution)).max() < _TOLERANCE)


def _solutions(cost: Floats, equations: sparse.sparray, low: Floats, high: Floats, search: Any) -> Iterator[Floats]:
    """The cheapest x with equations @ x = 0 and low <= x <= high: the linear programme, whose corners are whole for
    tables of two dimensions; then, for whoever cannot use that, the integer programme, searched as far as `search`."""
    fits = optimize.LinearConstraint(sparse.csc_array(equations).astype(np.float64), 0, 0)
    for integral, options in ((0, None), (1, search)):
        answer = optimize.milp(
            cost,
            constraints=fits,
            bounds=optimize.Bounds(low, high),
            integrality=np.full(len(cost), integral),
            options=options,
        )
        if answer.x is not None:
            yield answer.x
