"""Who masks with whom: everybody with everybody among few, a random k-regular graph among many (Bell et al. 2020).

Bell, Bonawitz, Gascon, Lepoint, Raykova: "Secure single-server aggregation with (poly)logarithmic overhead", CCS 2020.
Every node's secrets are shared among its holders: its neighbours and itself, h of them. t of them open a secret.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

SMALLEST = 3
"""With two, each learns what the other sent."""
SPARSE_FROM = 50
"""Fewer nodes than this: the complete graph."""
CURIOUS, LYING, LOST = 1 / 5, 1 / 20, 1 / 10
"""Fractions of all nodes that may collude with a hub that listens, with a hub that lies, or be lost in one round."""
SECRECY_BITS, RECOVERY_BITS = 40, 20


def two_thirds(n: int) -> int:
    """At least two thirds of n, and at least three."""
    return max(SMALLEST, -(-2 * n // 3))


@lru_cache(maxsize=64)
def degree_and_threshold(n: int) -> tuple[int, int]:
    """(neighbours of each node, shares that open a secret) among n nodes.

    The threshold is always two thirds of the holders, so that a third of them may be lost. Fewer than SPARSE_FROM
    nodes: the complete graph, n holders. Any fewer than t nodes that collude with a listening hub open nothing; a hub
    that lies about who is left opens nothing with up to 2t - h - 2 nodes on its side (see `secure.session`).

    More nodes: the smallest even degree for which, over the random places of nodes and with a union bound over all
    (hypergeometric tails, as in Bell et al. 2020, section 3.5), all of this fails with probability 2**-40 or less:
    a fifth of all nodes, colluding, hold t shares of some secret; a twentieth of all nodes, colluding, hold more than
    2t - h - 2; a fifth colluding and a tenth lost cut the graph in two. With a tenth of all nodes lost, some secret
    cannot be recovered with probability 2**-20 or less. When more are lost between two steps (at 620 nodes, 15 of 100
    with probability .005, 18 of 100 with .13) the nodes refuse to go on, and the attempt is made anew without them.

    Raises ValueError for fewer than three.
    """
    if n < SMALLEST:
        raise ValueError("a secure sum needs three nodes")
    if n >= SPARSE_FROM:
        for degree in range(2, n - 1, 2):
            if _is_enough(n, degree):
                return degree, two_thirds(degree + 1)
    return n - 1, two_thirds(n)


@lru_cache(maxsize=64)
def degree_of_whole(n: int) -> int:
    """Neighbours of each of n nodes in a sum that holds all of them or is not opened (`secure.whole`).

    There are no shares, so colluders open nothing by their number; they only know their own masks. What must not be is
    that they cut the graph: then the hub would have the total of a part. Fewer than SPARSE_FROM nodes: the complete
    graph, which nobody cuts. More: the smallest even degree for which a fifth of all nodes, colluding, hold a run of
    degree / 2 places on the circle, which it takes, with probability 2**-40 or less (union bound over all places).

    Raises ValueError for fewer than three.
    """
    if n < SMALLEST:
        raise ValueError("a secure sum needs three nodes")
    if n >= SPARSE_FROM:
        for degree in range(2, n - 1, 2):
            if _log2_all(n, int(CURIOUS * n), degree // 2) <= -SECRECY_BITS - math.log2(n):
                return degree
    return n - 1


def neighbours(names: Sequence[str], degree: int, seed: bytes) -> dict[str, tuple[str, ...]]:
    """The neighbours of each node, in order of name.

    The complete graph when degree >= n - 1. Otherwise a Harary graph: the nodes on a circle in an order that the seed
    alone decides, each joined to the degree / 2 next on either side. Raises ValueError for an odd degree, or names
    that are not distinct.
    """
    if len(set(names)) != len(names):
        raise ValueError("names must be distinct")
    if degree < len(names) - 1 and degree % 2:
        raise ValueError("a circle has neighbours in pairs")
    return dict(_graph(tuple(sorted(names)), degree, seed))


@lru_cache(maxsize=8)
def _graph(names: tuple[str, ...], degree: int, seed: bytes) -> tuple[tuple[str, tuple[str, ...]], ...]:
    n = len(names)
    if degree >= n - 1:
        return tuple((name, names[:i] + names[i + 1 :]) for i, name in enumerate(names))
    circle = sorted(names, key=lambda name: hashlib.sha256(seed + name.encode()).digest())
    half = degree // 2
    steps = [*range(-half, 0), *range(1, half + 1)]
    return tuple((name, tuple(sorted(circle[(i + s) % n] for s in steps))) for i, name in enumerate(circle))


def _is_enough(n: int, degree: int) -> bool:
    holders = degree + 1
    threshold = two_thirds(holders)
    curious, lying, lost = int(CURIOUS * n), int(LYING * n), int(LOST * n)
    union = math.log2(n)
    secrecy, recovery = -SECRECY_BITS - union, -RECOVERY_BITS - union
    return (
        _log2_tail(n - 1, curious, degree, threshold) <= secrecy
        and _log2_tail(n - 1, lying, degree, 2 * threshold - holders - 1) <= secrecy
        and _log2_all(n, curious + lost, degree // 2) <= secrecy
        and _log2_tail(n, lost, holders, holders - threshold + 1) <= recovery
    )


def _log2_tail(n: int, marked: int, drawn: int, least: int) -> float:
    """log2 P[at least `least` of `drawn` out of n are among the `marked`] (hypergeometric)."""
    hits = np.arange(max(least, drawn - (n - marked), 0), min(drawn, marked) + 1)
    if not len(hits):
        return -math.inf
    ways = _log_choose(marked, hits) + _log_choose(n - marked, drawn - hits) - _log_choose(n, drawn)
    return float(special.logsumexp(ways)) / math.log(2)


def _log2_all(n: int, marked: int, drawn: int) -> float:
    """log2 P[all of `drawn` out of n are among the `marked`]."""
    return _log2_tail(n, marked, drawn, drawn)


def _log_choose(n: int, k: npt.NDArray[np.int64] | int) -> npt.NDArray[np.float64]:
    return np.asarray(
        special.gammaln(n + 1) - special.gammaln(np.asarray(k) + 1) - special.gammaln(n - np.asarray(k) + 1)
    )
