"""The distinct times at which something happened, found from sums over hospitals in a few rounds.

    state = times.start()
    counts = times.partial(durations, state)                 at each node, over any split of its rows
    answer = times.refine(sum of counts, state)              a state for the next round, or the sorted distinct times

Pass only the durations whose times are wanted (events: `durations[event == 1]`).
"""

from __future__ import annotations

import numpy as np

from huizhen.kit.errors import BadInput, Conflict, Unable
from huizhen.kit.text import Text
from huizhen.statistics import order
from huizhen.statistics.order import Counts, Floats, Tree

LIMIT = 10_000
"""Distinct times at most."""
CHILDREN = 1 << 16
"""Counts that one round of splitting asks for."""
_ONE = order.image(1.0)
"""Images are counted from that of 1.0: the exponents of 1, 2, 4, ... then share their upper bits, and save a round."""


def start() -> Tree:
    """Nothing is known yet. The state is a mapping of numbers and arrays that travels."""
    return order.root()


def partial(durations: Floats, state: Tree) -> Counts:
    """(size,) int64, additive over rows: the counts of this round, and last the durations that are not a time.

    durations: (rows,) non-negative and finite, in any unit; NaN is not a time either.
    """
    valid = np.isfinite(durations) & (durations >= 0)
    return np.append(order.counts(order.image(durations[valid]) - _ONE, state), np.int64(len(durations) - valid.sum()))


def refine(total: Counts, state: Tree, limit: int = LIMIT) -> Tree | Floats:
    """The next state, or, once all are known, the distinct times in ascending order (an empty array for no rows).

    Two rounds when the times are whole numbers up to 2000 or so, about five for hundreds of arbitrary doubles.
    Raises BadInput('not-a-duration') and Unable('too-many-distinct-times').
    """
    if total[-1] > 0:
        raise BadInput(
            "not-a-duration",
            Text("Some durations are negative or infinite.", "有些时长为负数或无穷大。"),
            Text(
                "Leave these rows out with the cohort, for example 'time >= 0'.",
                "请用队列条件排除这些行，例如“time >= 0”。",
            ),
        )
    tree = order.refine(total[:-1], state, CHILDREN)
    known = len(tree["found"]["image"])
    if known + tree["open"] > limit:
        raise Unable(
            "too-many-distinct-times",
            Text(f"There are more than {limit} distinct times.", f"不同的时间点超过 {limit} 个。"),
            Text(
                "Record the duration in a coarser unit, for example whole days or months.",
                "请使用较粗的时间单位记录时长，例如整天或整月。",
            ),
        )
    return tree if tree["open"] else np.sort(order.value(tree["found"]["image"] + _ONE))


def rows_changed() -> Conflict:
    """The error where a row has a time that was not among those found."""
    return Conflict(
        "rows-changed",
        Text("Rows were added while the study ran.", "研究运行期间有新增记录。"),
        Text("Run the study again.", "请重新运行研究。"),
    )
