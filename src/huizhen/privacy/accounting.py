"""What Gaussian noise in several sums costs in privacy, and how much noise a promise needs.

All is counted in zero-concentrated differential privacy (Bun and Steinke 2016, TCC): a sum that one person can move by
at most 1 (in Euclidean length), with noise of standard deviation z, costs 1 / (2 z^2), and costs add up, also where
each question depends on the answers before. What the total means as (epsilon, delta) is what dp-accounting's Renyi
accountant says; the tighter one by privacy loss distributions is not used, since it is proven for the continuous
Gaussian and not for a sum of discrete ones.
"""

from __future__ import annotations

import math
from functools import lru_cache

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

_LEAST, _MOST = 1e-10, 1e4
"""Costs between which a promise can lie."""


@lru_cache(maxsize=4096)
def epsilon_of(cost: float, delta: float) -> float:
    """The epsilon at `delta` of a total cost."""
    from dp_accounting import GaussianDpEvent
    from dp_accounting.rdp import RdpAccountant

    accountant = RdpAccountant()
    accountant.compose(GaussianDpEvent(math.sqrt(1 / (2 * cost))))
    return float(accountant.get_epsilon(delta))


@lru_cache(maxsize=256)
def cost_within(epsilon: float, delta: float) -> float:
    """The largest cost whose epsilon at `delta` is at most `epsilon`, to a part in a million, rounded to the safe side.

    Raises BadInput('epsilon-out-of-range').
    """
    low, high = _LEAST, _MOST
    if not epsilon_of(low, delta) <= epsilon < epsilon_of(high, delta):
        raise BadInput(
            "epsilon-out-of-range",
            Text(
                f"No noise gives an epsilon of {epsilon:g} at a delta of {delta:g}.",
                f"在 delta 为 {delta:g} 时，没有噪声能给出 {epsilon:g} 的 epsilon。",
            ),
            Text("Choose an epsilon between 0.01 and 100.", "请选择 0.01 与 100 之间的 epsilon。"),
        )
    while high / low > 1 + 1e-6:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if epsilon_of(middle, delta) <= epsilon else (low, middle)
    return low
