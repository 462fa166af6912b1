"""How well scores rank outcomes: the area under the ROC curve and Harrell's concordance, from counts that add up.

Scores are laid on a grid of 2**32 steps, in which equal scores stay equal and outliers keep their place. While the
distinct scores are few, each has a bin of its own and the answer is exact (scores nearer than a step count as equal);
otherwise bins are shared, a pair inside one bin counts half, and the answer comes with the most it can be off.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.statistics import order
from huizhen.statistics.order import Counts, Floats, Tree

CHILDREN = 1 << 16
_STEPS = 2.0**32
State = dict[str, Any]


class Pairs(NamedTuple):
    """Pairs of rows whose outcomes differ: the score agrees with the outcome, disagrees, or is the same."""

    concordant: int
    discordant: int
    tied: int

    @property
    def concordance(self) -> float | None:
        """(concordant + tied / 2) / all; None when there is no pair."""
        whole = sum(self)
        return (self.concordant + self.tied / 2) / whole if whole else None

    @property
    def tolerance(self) -> float:
        """The most that the concordance is off when tied pairs are really ordered one way or the other."""
        return self.tied / 2 / max(sum(self), 1)


def grid(scores: Floats, mean: float, sd: float) -> Floats:
    """Scores as numbers in [1, 2] on a grid of 2**32 steps, evenly used: 1.5 + atan((score - mean) / sd) / pi."""
    share = 0.5 + np.arctan((scores - mean) / (sd if sd > 0 else 1.0)) / np.pi
    return 1 + np.rint(share * _STEPS) / _STEPS


def start() -> State:
    """Finding the distinct scores; `edges` is None until they are found."""
    return {"tree": order.root(), "edges": None, "exact": True}


def partial(marks: Floats, state: State) -> Counts:
    """What this round counts of these rows' marks (as `grid` gives them); additive."""
    return order.counts(order.image(marks), state["tree"])


def refine(total: Counts, state: State, limit: int) -> State:
    """The next state: with `edges`, the lower ends of the bins in ascending order, once they are known.

    limit: bins at most. With more distinct scores than that, bins of equal width that are not `exact`.
    """
    tree: Tree = order.refine(total, state["tree"], CHILDREN)
    if len(tree["found"]["image"]) + tree["open"] > limit:
        return {"tree": None, "edges": 1 + np.arange(limit) / limit, "exact": False}
    if tree["open"]:
        return {**state, "tree": tree}
    return {"tree": None, "edges": np.sort(order.value(tree["found"]["image"])), "exact": True}


def bins(marks: Floats, edges: Floats) -> Counts:
    """(rows,) the bin of each mark."""
    return np.maximum(np.searchsorted(edges, marks, side="right") - 1, 0)


def roc(negative: Counts, positive: Counts) -> Pairs:
    """Pairs of a positive and a negative row, from both counts by bin in ascending order of score.

    Their concordance is the area under the ROC curve (Hanley and McNeil, Radiology 143, 1982).
    """
    below = np.cumsum(negative) - negative
    concordant, tied = int(positive @ below), int(positive @ negative)
    return Pairs(concordant, int(positive.sum()) * int(negative.sum()) - concordant - tied, tied)


def harrell(stratum: Counts, time: Counts, score: Counts, deaths: Counts, others: Counts) -> Pairs:
    """Pairs in which one is known to have died before the other, in the same stratum; the score is a risk.

    Per row of input: the position of its stratum, time and score among those there are, how many died then with that
    score, and how many left alive then, at once after the deaths of that time. Two deaths at one time are no pair.
    Source: F. E. Harrell et al., JAMA 247 (1982); counted by halving the times again and again, O(n log(n)^2).
    """
    place = np.concatenate([2 * time, 2 * time + 1])
    stratum, score = np.tile(stratum, 2), np.tile(score, 2)
    died = np.concatenate([deaths, np.zeros_like(deaths)])
    weight = np.concatenate([deaths, others])
    kept = weight > 0
    place, stratum, score, died, weight = (a[kept].astype(np.int64) for a in (place, stratum, score, died, weight))
    whole = Pairs(0, 0, 0)
    for bit in range(int(place.max(initial=0)).bit_length()):
        late = (place >> bit) & 1
        counted = _halves(stratum, place >> (bit + 1), score, died * (1 - late), weight * late)
        whole = Pairs(*(a + b for a, b in zip(whole, counted, strict=True)))
    return whole


def harrell_by_key(key: Floats, deaths: Counts, others: Counts) -> Pairs:
    """The same from keys (m, 3): stratum, time and score as numbers."""
    stratum, time, score = (np.unique(column, return_inverse=True)[1] for column in key.T)
    return harrell(stratum, time, score, deaths, others)


def _halves(stratum: Counts, block: Counts, score: Counts, died: Counts, later: Counts) -> Pairs:
    """Pairs of a death and a later row in one block of one stratum."""
    by = np.lexsort((score, block, stratum))
    stratum, block, score, died = stratum[by], block[by], score[by], died[by]
    running = np.concatenate([[0], np.cumsum(later[by])])
    new_block = np.append(True, (np.diff(stratum) != 0) | (np.diff(block) != 0)) if len(by) else np.empty(0, dtype=bool)
    new_score = new_block | np.append(True, np.diff(score) != 0) if len(by) else new_block
    low, high = _run(new_score)
    first, last = _run(new_block)
    below = running[low] - running[first]
    same = running[high] - running[low]
    above = running[last] - running[high]
    return Pairs(int(died @ below), int(died @ above), int(died @ same))


def _run(new: npt.NDArray[np.bool_]) -> tuple[Counts, Counts]:
    """Per row, where the run it is in starts and ends."""
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(new)) if len(starts) else starts
    which = np.cumsum(new) - 1
    return starts[which], ends[which]
