"""Noise in shares: each node adds its part to what it sends, so that no one, the hub included, sees a sum without.

The distributed discrete Gaussian mechanism (Kairouz, Liu and Steinke 2021, "The distributed discrete Gaussian mechanism
for federated learning with secure aggregation", ICML): whole numbers only, so that no rounding of a floating-point
number can give anything away (Mironov 2012, CCS), and a sum of discrete Gaussians is as private as one Gaussian of
their total variance but for a term (tau in their theorem 1) of the order of exp(-pi^2 s^2), s being the deviation of a
share. What is added up here has units so small that s is over SMALLEST, where that term is below 1e-1000.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from huizhen.model.partial import Partial

SMALLEST = 64.0
"""Standard deviation of a share, in units."""


def honest(nodes: int) -> int:
    """Of so many nodes in a sum, how many must keep their own noise to themselves: two thirds of them.

    The others may tell the hub theirs, or add none. (Nobody can be missing: a sum holds all that the census held.)
    """
    return nodes - nodes // 3


def share_sd(sd: float, nodes: int) -> float:
    """Of the noise of one node, so that those of the honest ones together have `sd`. Raises ValueError below SMALLEST,
    where a sum of discrete Gaussians is not proven to be as good as one."""
    share = sd / math.sqrt(honest(nodes))
    if not share >= SMALLEST or not math.isfinite(share):
        raise ValueError("the units of the sum are too large for noise of this size")
    return share


def blurred(partial: Partial, sd: Mapping[str, float], nodes: int) -> Partial:
    """The Partial of one of so many nodes with its share of the noise; `sd` is that of the sum, by field.

    Raises ValueError for a field that has no noise, or is not of whole numbers of 64 bits.
    """
    if set(sd) != set(partial.fields) or any(f.dtype != "int64" for f in partial.layout()):
        raise ValueError("every field of a private sum holds whole numbers and has noise")
    return Partial({name: _with_noise(value, share_sd(sd[name], nodes)) for name, value in partial.fields.items()})


def _with_noise(value: Any, sd: float) -> Any:
    flat = np.asarray(value).ravel()
    if not len(flat):
        return value
    noisy = np.array(gaussian(sd)([int(v) for v in flat]), dtype=np.int64)
    return noisy.reshape(np.shape(value))


@lru_cache(maxsize=64)
def gaussian(sd: float) -> Any:
    """Each number plus discrete Gaussian noise (Canonne, Kamath and Steinke 2020, NeurIPS), sampled exactly and from
    the system's randomness by OpenDP. Of its sets of features "contrib" alone is on."""
    import opendp.prelude as dp

    dp.enable_features("contrib")
    space = dp.vector_domain(dp.atom_domain(T="i64")), dp.l2_distance(T="f64")
    mechanism: Any = dp.m.make_gaussian(*space, scale=sd)
    if not mechanism.map(1.0) <= (1 + 1e-9) / (2 * sd * sd):
        raise ValueError("the mechanism promises less than noise of this size should")
    return mechanism
