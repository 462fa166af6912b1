"""The group in which vectors are added: whole numbers modulo 2**192 for doubles, modulo 2**64 for everything else.

A vector of words is `[low words][middle words][high words][single words]`: the first three parts have `wide` words
each and together hold `wide` numbers of 192 bits; the rest are numbers of 64 bits. Carries travel from low to middle
to high, so that a total is the total and nothing else: limbs added apart from each other would also tell how often
each of them had run over, which depends on how the total is spread over the hospitals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

BLOCK = 16384
"""Values worked on at a time, so that they stay in the second-level cache. Masks are generated in this order: it is
part of the protocol."""
_SETTLE_AFTER = 250
"""Carries are counted in bytes."""


class Adder:
    """Adds numbers of 192 bits, up to `size` at a time, in room that is used again and again."""

    def __init__(self, size: int) -> None:
        self._sum = np.empty(3 * size, dtype=np.uint64)
        self._flag = np.empty(2 * size, dtype=np.bool_)
        self._carry = np.empty(2 * size, dtype=np.uint8)

    def add(self, target: Words, parts: Iterable[Words]) -> None:
        """Add every part to the target, in place, modulo 2**192.

        Shapes (3, n), n <= size: rows are the low, middle and high words. A part may be (3, 1), for all alike.
        """
        n = target.shape[1]
        total = self._sum[: 3 * n].reshape(3, n)
        flag, carry = self._flag[: 2 * n].reshape(2, n), self._carry[: 2 * n].reshape(2, n)
        bits = flag.view(np.uint8)
        total[...] = target
        carry.fill(0)
        for number, part in enumerate(parts, start=1):
            np.add(total, part, out=total)
            np.less(total[:2], part[:2], out=flag)
            np.add(carry, bits, out=carry)
            if number % _SETTLE_AFTER == 0:
                _settle(total, flag, carry)
        _settle(total, flag, carry)
        target[...] = total


def _settle(total: Words, flag: npt.NDArray[np.bool_], carry: npt.NDArray[np.uint8]) -> None:
    np.add(total[1], carry[0], out=total[1])
    np.less(total[1], carry[0], out=flag[0])
    np.add(carry[1], flag[0].view(np.uint8), out=carry[1])
    np.add(total[2], carry[1], out=total[2])
    carry.fill(0)


def split(words: Words, wide: int) -> tuple[Words, Words]:
    """Views of the wide numbers, shape (3, wide), and of the single words."""
    return words[: 3 * wide].reshape(3, wide), words[3 * wide :]


def total(vectors: Sequence[Words], wide: int) -> Words:
    """The sum of vectors of equal length. Raises ValueError when there is none or they do not fit together."""
    if not vectors or any(v.ndim != 1 or v.dtype != np.uint64 or len(v) != len(vectors[0]) for v in vectors):
        raise ValueError("vectors of words must all have one length")
    if len(vectors[0]) < 3 * wide:
        raise ValueError("a vector of words is shorter than its wide part")
    result = np.array(vectors[0])
    numbers, single = split(result, wide)
    rest = [split(v, wide) for v in vectors[1:]]
    adder = Adder(min(BLOCK, wide))
    for start in range(0, wide, BLOCK):
        at = slice(start, min(start + BLOCK, wide))
        adder.add(numbers[:, at], (v[0][:, at] for v in rest))
    for view in rest:
        np.add(single, view[1], out=single)
    return result
