"""Where noise comes from: a small protocol, so that the guard stays a pure function of it, and OpenDP behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol


class Noise(Protocol):
    def add(self, counts: Sequence[int], sensitivity: int, epsilon: float) -> list[int]:
        """Each count plus fresh noise, as whole numbers of any sign.

        The answer is epsilon-differentially private for any two vectors of counts whose L1 distance is at most
        `sensitivity`. Every call spends epsilon: whoever keeps the budget commits it before the first call.
        """
        ...


class OpenDpNoise:
    """Discrete Laplace noise (Ghosh, Roughgarden and Sundararajan 2012, "Universally utility-maximizing privacy
    mechanisms", SIAM J. Comput. 41), sampled exactly and from the system's randomness by OpenDP's `make_laplace`.

    OpenDP's "contrib" set is switched on for this one constructor; "floating-point" and "honest-but-curious" are not.
    """

    def add(self, counts: Sequence[int], sensitivity: int, epsilon: float) -> list[int]:
        """See Noise. Raises ValueError unless epsilon is positive and finite and sensitivity at least 1."""
        if not (math.isfinite(epsilon) and epsilon > 0 and sensitivity >= 1):
            raise ValueError("noise needs a positive, finite epsilon and a sensitivity of at least 1")
        if not counts:
            return []
        answer: list[int] = _mechanism(sensitivity, epsilon)([int(c) for c in counts])
        return answer


@cache
def _mechanism(sensitivity: int, epsilon: float) -> Any:
    """The measurement whose own privacy map promises at most epsilon. The import takes seconds, so it comes late."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l1_distance(T="i64")
    scale, more = sensitivity / epsilon, 2.0**-52
    while True:
        mechanism: Any = dp.m.make_laplace(*space, scale=scale)
        if mechanism.map(sensitivity) <= epsilon:
            return mechanism
        scale, more = scale * (1 + more), 2 * more


def noisy_largest(scores: Sequence[int], sensitivity: int, epsilon: float) -> int:
    """The place of one of the scores, the largest with the greatest chance, by the exponential mechanism (F. McSherry
    and K. Talwar, Mechanism design via differential privacy, FOCS 2007), sampled from the system's randomness by
    OpenDP's `make_noisy_max`: epsilon-differentially private where a neighbour changes each score by at most
    `sensitivity`. Raises ValueError unless epsilon is positive and finite and sensitivity at least 1."""
    if not (math.isfinite(epsilon) and epsilon > 0 and sensitivity >= 1):
        raise ValueError("a choice needs a positive, finite epsilon and a sensitivity of at least 1")
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.linf_distance(T="i64")
    mechanism: Any = dp.m.make_noisy_max(*space, dp.max_divergence(), 2 * sensitivity / epsilon * (1 + 2.0**-40))
    if not mechanism.map(sensitivity) <= epsilon:
        raise ValueError("the mechanism promises less than asked")
    chosen: int = mechanism([int(s) for s in scores])
    return chosen
