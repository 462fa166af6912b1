"""Format-preserving encryption FF1 (NIST SP 800-38G revision 1), over whole arrays of numbers at once.

A string of n digits in a radix is taken as one number, most significant digit first.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

SMALLEST = 1_000_000
"""Strings there are, at least: of fewer, the same key gives too much away (SP 800-38G r1, 5.1)."""
Numbers = npt.NDArray[Any]
"""(N,) uint64; or Python's whole numbers where 63 bits do not hold them."""
Bytes = npt.NDArray[np.uint8]
_WORD = 1 << 32
_LONGEST = 1 << 63


def check_domain(size: int) -> None:
    """Raises BadInput where there are fewer than a million strings of that form."""
    if size < SMALLEST:
        raise BadInput(
            "domain-too-small",
            Text(f"There are only {size:,} values of that form; encryption that keeps the form needs a million.",
                 f"这种格式只有 {size:,} 种取值；保留格式的加密至少需要一百万种。"),
            Text("Keep less of it, or give the column kind `token` or `blank`.",
                 "请少保留一些部分，或将该列的 kind 改为 token 或 blank。"),
        )  # fmt: skip


def encrypt(key: bytes, radix: int, length: int, numbers: Numbers, tweak: Bytes) -> Numbers:
    """Each number, of `length` digits, as another of as many. tweak: (N, t), a row for each number; t may be 0.

    key: 16, 24 or 32 bytes. The same key and tweak permute the numbers of that length. Raises BadInput for fewer than a
    million of them.
    """
    whole = radix**length
    check_domain(whole)
    left = length // 2
    right = length - left
    narrow = whole <= _LONGEST and radix**right <= _WORD
    numbers = numbers.astype(np.uint64 if narrow else object)
    size = (radix**left, radix**right)
    a, b = numbers // _as(size[1], narrow), numbers % _as(size[1], narrow)
    t = tweak.shape[1]
    wide = math.ceil((size[1] - 1).bit_length() / 8)
    first = bytes([1, 2, 1]) + radix.to_bytes(3, "big") + bytes([10, left % 256])
    first += length.to_bytes(4, "big") + t.to_bytes(4, "big")
    block = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the block cipher that FF1 is made of
    begun = np.frombuffer(block.update(first), np.uint8)
    q = np.zeros((len(numbers), t + (-t - wide - 1) % 16 + 1 + wide), np.uint8)
    q[:, :t] = tweak
    for i in range(10):
        q[:, -wide - 1] = i
        q[:, -wide:] = _bytes(b, wide)
        y = _digest(block, begun, q, 4 * math.ceil(wide / 4) + 4, size[i % 2], narrow)
        a, b = b, (a + y) % _as(size[i % 2], narrow)
    # after ten rounds a has the left half's digits again
    out: Numbers = a * _as(size[1], narrow) + b
    return out


def permute(key: bytes, size: int, numbers: Numbers, tweak: Bytes) -> Numbers:
    """Numbers from 0 to below `size`, permuted: FF1 on as many bits, again and again until it is below `size`.

    Raises BadInput for a size below a million.
    """
    check_domain(size)
    bits = max((size - 1).bit_length(), SMALLEST.bit_length())
    out = encrypt(key, 2, bits, numbers, tweak)
    while (beyond := np.flatnonzero(out >= _as(size, out.dtype != object))).size:
        out[beyond] = encrypt(key, 2, bits, out[beyond], tweak[beyond])
    return out


def _digest(block: Any, begun: Bytes, q: Bytes, wide: int, size: int, narrow: bool) -> Numbers:
    """The number that the first `wide` bytes are, modulo `size`: CBC-MAC over q, lengthened in counter mode."""
    state = np.broadcast_to(begun, (len(q), 16))
    for at in range(0, q.shape[1], 16):
        state = _encrypted(block, state ^ q[:, at : at + 16])
    parts = [state]
    for j in range(1, math.ceil(wide / 16)):
        parts.append(_encrypted(block, state ^ np.frombuffer(j.to_bytes(16, "big"), np.uint8)))
    words = np.ascontiguousarray(np.concatenate(parts, axis=1)[:, :wide]).view(">u4")
    out = np.zeros(len(q), np.uint64) if narrow else np.zeros(len(q), object)
    for word in words.T:
        more = word.astype(np.uint64) if narrow else word.astype(object)
        out = (out * _as(_WORD, narrow) + more) % _as(size, narrow)
    return out


def _encrypted(block: Any, blocks: Bytes) -> Bytes:
    return np.frombuffer(block.update(np.ascontiguousarray(blocks).tobytes()), np.uint8).reshape(-1, 16)


def _bytes(numbers: Numbers, wide: int) -> Bytes:
    """(N, wide), big-endian."""
    if numbers.dtype == object:
        text = b"".join(int(n).to_bytes(wide, "big") for n in numbers)
        return np.frombuffer(text, np.uint8).reshape(-1, wide)
    return numbers.astype(">u8").view(np.uint8).reshape(-1, 8)[:, 8 - wide :]


def _as(number: int, narrow: bool) -> Any:
    return np.uint64(number) if narrow else number
