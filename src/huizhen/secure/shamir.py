"""Shamir's secret sharing (Shamir 1979, "How to share a secret") of 32 bytes over the field modulo 2**256 + 297."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache

PRIME = 2**256 + 297
"""The smallest prime above 2**256, so that every 32 bytes are an element."""
SECRET_BYTES = 32
SHARE_BYTES = 33
_COEFFICIENT_BYTES = 48
"""128 bits more than the prime: a coefficient modulo it is uniform to within 2**-127."""


def share(secret: bytes, holders: int, threshold: int, random: Callable[[int], bytes]) -> list[bytes]:
    """One share for each of `holders`: any `threshold` of them give the secret back, fewer say nothing about it.

    The first share belongs to place 1, the next to place 2, and so on. Raises ValueError for a secret of another
    length, or unless 1 <= threshold <= holders.
    """
    if len(secret) != SECRET_BYTES or not 1 <= threshold <= holders:
        raise ValueError("a secret of 32 bytes is shared among at least as many holders as the threshold")
    coefficients = [
        int.from_bytes(random(_COEFFICIENT_BYTES), "big") % PRIME for _ in range(threshold - 1)
    ]  # highest power first
    coefficients.append(int.from_bytes(secret, "big"))
    return [_at(place, coefficients).to_bytes(SHARE_BYTES, "big") for place in range(1, holders + 1)]


def recover(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """The secret from shares by place (1, 2, ...); exactly `threshold` of them are used, lowest places first.

    Raises ValueError when there are too few, when a place or a share is not possible, or when they belong to no
    secret of 32 bytes. Shares of different secrets give another secret: check what comes out against a commitment.
    """
    if threshold < 1 or len(shares) < threshold:
        raise ValueError("too few shares")
    places = tuple(sorted(shares))[:threshold]
    values = [int.from_bytes(shares[place], "big") for place in places]
    if places[0] < 1 or any(len(shares[p]) != SHARE_BYTES for p in places) or any(v >= PRIME for v in values):
        raise ValueError("not a share")
    secret = sum(weight * value for weight, value in zip(_weights(places), values, strict=True)) % PRIME
    if secret >> (8 * SECRET_BYTES):
        raise ValueError("the shares do not belong together")
    return secret.to_bytes(SECRET_BYTES, "big")


def _at(place: int, coefficients: list[int]) -> int:
    value = 0
    for coefficient in coefficients:
        value = value * place + coefficient
    return value % PRIME


@lru_cache(maxsize=256)
def _weights(places: tuple[int, ...]) -> tuple[int, ...]:
    """Lagrange's weights of the value at 0."""
    weights = []
    for i in places:
        above, below = 1, 1
        for j in places:
            if j != i:
                above = above * j % PRIME
                below = below * (j - i) % PRIME
        weights.append(above * pow(below, -1, PRIME) % PRIME)
    return tuple(weights)
