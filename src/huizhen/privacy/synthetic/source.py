"""Where the chance comes from that protects people: a small protocol, and OpenDP behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from huizhen.privacy.shares import gaussian

Ints = npt.NDArray[np.int64]


def deviation(cost: float) -> float:
    """Standard deviation of the noise on counts that one person moves by 1, at a cost in zCDP (`accounting`)."""
    return 1 / math.sqrt(2 * cost)


class Source(Protocol):
    """Both spend `cost` in zero-concentrated differential privacy, where one person moves one count, or every score, by
    at most 1."""

    def noisy(self, counts: Ints, cost: float) -> Ints:
        """Each count plus noise of `deviation(cost)`."""
        ...

    def best(self, scores: Sequence[int], cost: float) -> int:
        """The place of a score that is likely to be the largest."""
        ...


class OpenDpSource:
    """Discrete Gaussian noise, and permute-and-flip (McKenna and Sheldon 2020, NeurIPS), which as an exponential
    mechanism of epsilon costs epsilon^2 / 8 (Cesar and Rogers 2021, ALT): sampled exactly and from the system's
    randomness by OpenDP. No seed makes them repeatable."""

    def noisy(self, counts: Ints, cost: float) -> Ints:
        flat = np.asarray(counts, np.int64).ravel()
        if not len(flat):
            return flat
        answer = gaussian(deviation(cost))(flat.tolist())
        return np.array(answer, np.int64).reshape(np.shape(counts))

    def best(self, scores: Sequence[int], cost: float) -> int:
        return int(_chooser(cost)([int(s) for s in scores]))


@lru_cache(maxsize=64)
def _chooser(cost: float) -> Any:
    """The measurement whose own privacy map promises at most `cost`."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.linf_distance(T="i64")
    scale = deviation(cost)
    while True:
        mechanism: Any = dp.m.make_noisy_max(*space, dp.zero_concentrated_divergence(), scale=scale)
        if mechanism.map(1) <= cost * (1 + 1e-9):
            return mechanism
        scale *= 1.01
