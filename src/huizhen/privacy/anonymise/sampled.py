"""Differential privacy of released rows, by sampling and generalisation.

Each row is drawn with chance beta; every column of it is made coarser to one level; and what fewer than k drawn rows
agree in is left out. Where the levels do not depend on the rows this is (epsilon, delta)-differentially private for any
epsilon of at least -ln(1 - beta), and where they were chosen from the drawn rows at a cost of epsilon_1, for epsilon +
epsilon_1 (N. Li, W. Qardaji and D. Su, On sampling, anonymization, and differential privacy: or, k-anonymization meets
differential privacy, ASIACCS 2012, theorems 1 and 3; R. Bild, K. Kuhn and F. Prasser, SafePub, PoPETs 2018(1)).
Neighbours are two files of which one has a row more.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.privacy.anonymise.distinct import Whole, distinct
from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.partition import Partition
from huizhen.privacy.anonymise.promise import Codes

if TYPE_CHECKING:
    from scipy import stats
else:
    stats = later("scipy.stats")

Rule = tuple[int, ...]
MOST_K = 100_000
SCALE = 1000
"""Parts in which the worth of a rule is counted, so that scores are whole numbers."""


def largest_chance(epsilon: float) -> float:
    """The largest chance to be drawn that epsilon allows: 1 - exp(-epsilon)."""
    return -math.expm1(-epsilon)


def delta_of(k: int, chance: float, epsilon: float) -> float:
    """An upper bound of d(k, beta, epsilon): the most over n of the chance that more than gamma n of n rows are drawn,
    where gamma = (exp(epsilon) - 1 + beta) / exp(epsilon), for n from k / gamma - 1 on (Li et al. 2012, theorem 1).

    The maximum is looked for until Chernoff's bound, which falls with n, says that no later term is larger. Raises
    ValueError for an epsilon below -ln(1 - beta).
    """
    if not 0 < chance <= largest_chance(epsilon) * (1 + 1e-12):
        raise ValueError("epsilon is less than -ln(1 - chance)")

    gamma = 1 - (1 - chance) * math.exp(-epsilon)
    rate = gamma * math.log(gamma / chance) - (gamma - chance)
    start, most = max(math.ceil(k / gamma - 1), 1), 0.0
    while True:
        n = np.arange(start, start + 4096)
        most = max(most, float(np.max(stats.binom.sf(np.floor(n * gamma), n, chance))))
        start += 4096
        if math.exp(-start * rate) <= most:
            return min(most * (1 + 1e-9), 1.0)


def smallest_k(epsilon: float, delta: float, chance: float) -> int:
    """The smallest k whose `delta_of` is at most delta. Raises ValueError where there is none up to MOST_K."""
    low, high = 1, 2
    while delta_of(high, chance, epsilon) > delta:
        low, high = high, 2 * high
        if high > MOST_K:
            raise ValueError("delta is too small for this epsilon and chance")
    while high - low > 1:
        middle = (low + high) // 2
        if delta_of(middle, chance, epsilon) > delta:
            low = middle
        else:
            high = middle
    return high


def drawn(rows: int, chance: float, random: Callable[[int], bytes]) -> npt.NDArray[np.bool_]:
    """(rows,) which rows are drawn, each for itself, with a chance of at most `chance` and less by at most 2**-64.

    random: so many bytes that nobody can foresee, as `os.urandom` gives them.
    """
    number = np.frombuffer(random(8 * rows), np.uint64)
    return number < np.uint64(int(chance * 2**64))


def worth(rule: Rule, levels: Sequence[int], weights: Sequence[float]) -> int:
    """How much detail a rule leaves a row, of SCALE parts: the weighted mean over columns of level / (levels - 1)."""
    shares = [w * (level / (many - 1)) for level, many, w in zip(rule, levels, weights, strict=True)]
    return round(SCALE * sum(shares) / sum(weights))


def rules(levels: Sequence[int], fixed: Sequence[int | None]) -> list[Rule]:
    """All rules: one level for each column, where none is fixed any from the root to the value."""
    return list(product(*(range(m) if f is None else (min(f, m - 1),) for m, f in zip(levels, fixed, strict=True))))


def scores(
    columns: Sequence[Codes], hierarchies: Sequence[Hierarchy], found: Sequence[Rule], k: int, worths: Sequence[int]
) -> list[int]:
    """Of each rule, its worth times the drawn rows that it leaves in the file. A row more in the file changes that by
    at most k times the worth: one combination reaches k rows."""
    first, _, count = distinct(columns)
    different = [c[first] for c in columns]
    kept = []
    for rule, each in zip(found, worths, strict=True):
        _, of, _ = distinct(_labels(different, hierarchies, rule))
        size = np.bincount(of, weights=count)
        kept.append(each * int(size[size >= k].sum()))
    return kept


def classes(columns: Sequence[Codes], hierarchies: Sequence[Hierarchy], rule: Rule, k: int, inside: Whole) -> Partition:
    """What is released: of the rows `inside`, those whose combination at the levels of the rule at least k have."""
    labels = _labels([c[inside] for c in columns], hierarchies, rule)
    first, of, size = distinct(labels)
    good = size >= k
    order = np.argsort(of, kind="stable")
    row = inside[order][good[of[order]]]
    node = np.stack([label[first[good]] for label in labels]).astype(np.int32)
    start = np.cumsum(size[good]) - size[good]
    gone = np.ones(len(columns[0]), np.bool_)
    gone[row] = False
    return Partition(row.astype(np.int64), start, node, np.flatnonzero(gone))


def _labels(columns: Sequence[Codes], hierarchies: Sequence[Hierarchy], rule: Rule) -> list[Whole]:
    return [h.node[min(level, len(h.node) - 1)][c] for c, h, level in zip(columns, hierarchies, rule, strict=True)]
