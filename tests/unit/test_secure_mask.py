"""Masks: the published key stream and key derivation, added and taken away without a trace."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from huizhen.secure import mask, ring

A, B, C = (bytes([i]) * 32 for i in (1, 2, 3))


def counted(key: bytes, part: int, words: int) -> np.ndarray:
    """AES-256 of the numbers part * 2**64, part * 2**64 + 1, ...: the key stream from its definition."""
    cipher = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
    blocks = b"".join((part * 2**64 + i).to_bytes(16, "big") for i in range(-(-words // 2)))
    return np.frombuffer(cipher.update(blocks), dtype="<u8")[:words]


def numbers(key: bytes, wide: int) -> list[int]:
    """The mask of the wide numbers as Python integers: block by block the low, the middle, the high words."""
    stream = counted(key, 0, 3 * wide)
    got = []
    for start in range(0, wide, ring.BLOCK):
        size = min(ring.BLOCK, wide - start)
        block = stream[3 * start : 3 * (start + size)].reshape(3, size)
        got += [int(a) + (int(b) << 64) + (int(c) << 128) for a, b, c in block.T]
    return got


def test_derivation_is_hkdf_as_published() -> None:
    """RFC 5869, test case 3: SHA-256, no salt, no info."""
    assert mask.derive(b"\x0b" * 22, b"", 42).hex() == (
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
    )
    assert mask.derive(A, b"one") != mask.derive(A, b"other")


@pytest.mark.parametrize(("wide", "single"), [(0, 7), (5, 0), (4, 3), (ring.BLOCK + 3, 5)])
def test_masks_are_added_as_whole_numbers(wide: int, single: int) -> None:
    words = np.random.default_rng(1).integers(0, 2**64, 3 * wide + single, dtype=np.uint64)
    masked = words.copy()
    mask.add_masks(masked, wide, [A, B], [C])
    before, after = ring.split(words, wide), ring.split(masked, wide)
    whole = [[int(a) + (int(b) << 64) + (int(c) << 128) for a, b, c in part[0].T] for part in (before, after)]
    pads = zip(*(numbers(key, wide) for key in (A, B, C)), strict=True)
    assert whole[1] == [(x + a + b - c) % 2**192 for x, (a, b, c) in zip(whole[0], pads, strict=True)]
    a, b, c = (counted(key, 1, single) for key in (A, B, C))
    assert np.array_equal(after[1], before[1] + a + b - c)


@pytest.mark.parametrize(("wide", "single"), [(3 * ring.BLOCK + 11, 0), (0, 7 * ring.BLOCK), (2 * ring.BLOCK, 9)])
def test_threads_give_the_same_and_swapping_undoes(wide: int, single: int) -> None:
    words = np.random.default_rng(2).integers(0, 2**64, 3 * wide + single, dtype=np.uint64)
    alone, together = words.copy(), words.copy()
    mask.add_masks(alone, wide, [A], [B, C])
    mask.add_masks(together, wide, [A], [B, C], threads=3)
    assert np.array_equal(alone, together)
    assert not np.any(alone == words)
    mask.add_masks(alone, wide, [B, C], [A], threads=2)
    assert np.array_equal(alone, words)


def test_no_keys_or_no_words_is_nothing_to_do() -> None:
    words = np.arange(5, dtype=np.uint64)
    mask.add_masks(words, 1, [], [])
    assert words.tolist() == [0, 1, 2, 3, 4]
    mask.add_masks(words[:0], 0, [A], [B], threads=4)
