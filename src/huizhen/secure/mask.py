"""Masks: AES-256 in counter mode turns a short secret into as many random words as a vector has, added or taken away.

Secrets are X25519 shared secrets (RFC 7748) or random seeds, made into keys by HKDF-SHA256 (RFC 5869) bound to what
they are for. Each key masks one vector, once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huizhen.secure.ring import BLOCK, Adder, Words, split

_WIDE, _SINGLE = 0, 1
_RUN = 3 * BLOCK
_FLIP = {False: memoryview(bytes(8 * _RUN)), True: memoryview(b"\xff" * (8 * _RUN))}
"""What is encrypted. Ones instead of zeros give every bit of the mask turned, which is minus the mask, minus one."""

Source = tuple[CipherContext, bool]


def derive(secret: bytes, purpose: bytes, size: int = 32) -> bytes:
    """HKDF-SHA256 without salt: `size` bytes from a secret, for this purpose alone."""
    return HKDF(SHA256(), size, None, purpose).derive(secret)


def keystream(key: bytes, part: int, first_word: int = 0) -> CipherContext:
    """The words of a mask as a cipher stream: AES-256-CTR (NIST SP 800-38A), the part as upper half of the counter.

    Part 0 masks wide numbers: for each block of BLOCK numbers its low, its middle, its high words. Part 1 masks the
    single words. `first_word` is even (the counter counts 16 bytes).
    """
    return Cipher(algorithms.AES256(key), modes.CTR((part << 64 | first_word // 2).to_bytes(16, "big"))).encryptor()


def add_masks(words: Words, wide: int, plus: Sequence[bytes], minus: Sequence[bytes], threads: int = 1) -> None:
    """Add the mask of every key in `plus` and take away that of every key in `minus`, in place.

    Swapping `plus` and `minus` undoes it. The answer does not depend on `threads`, which share the work by blocks.
    """
    keys = [(key, False) for key in plus] + [(key, True) for key in minus]
    if not keys:
        return
    owed = np.uint64(len(minus))
    numbers, single = split(words, wide)

    def wide_run(start: int, stop: int) -> None:
        _mask_wide(numbers[:, start:stop], _open(keys, _WIDE, 3 * start), owed)

    def single_run(start: int, stop: int) -> None:
        _mask_single(single[start:stop], _open(keys, _SINGLE, start), owed)

    jobs = [(wide_run, *run) for run in _runs(wide, BLOCK, threads)]
    jobs += [(single_run, *run) for run in _runs(len(single), _RUN, threads)]
    if threads <= 1 or len(words) <= _RUN:
        for job, start, stop in jobs:
            job(start, stop)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(job, start, stop) for job, start, stop in jobs]:
            done.result()


def _open(keys: Sequence[tuple[bytes, bool]], part: int, first_word: int) -> list[Source]:
    return [(keystream(key, part, first_word), flip) for key, flip in keys]


def _runs(size: int, block: int, threads: int) -> Iterator[tuple[int, int]]:
    """[0, size) in at most `threads` runs that begin where blocks begin."""
    blocks = -(-size // block)
    step = -(-blocks // max(threads, 1)) * block
    return ((start, min(start + step, size)) for start in range(0, size, step or 1))


def _mask_wide(numbers: Words, sources: Sequence[Source], owed: np.uint64) -> None:
    size = numbers.shape[1]
    adder = Adder(min(BLOCK, size))
    buffer = np.empty(3 * min(BLOCK, size), dtype=np.uint64)
    last = np.array([[owed], [0], [0]], dtype=np.uint64)

    def parts(n: int) -> Iterator[Words]:
        target = buffer[: 3 * n]
        raw = target.view(np.uint8).data
        for stream, flip in sources:
            stream.update_into(_FLIP[flip][: len(raw)], raw)
            yield target.reshape(3, n)
        yield last

    for start in range(0, size, BLOCK):
        block = numbers[:, start : start + BLOCK]
        adder.add(block, parts(block.shape[1]))


def _mask_single(single: Words, sources: Sequence[Source], owed: np.uint64) -> None:
    buffer = np.empty(min(_RUN, len(single)), dtype=np.uint64)
    for start in range(0, len(single), _RUN):
        at = single[start : start + _RUN]
        target = buffer[: len(at)]
        raw = target.view(np.uint8).data
        for stream, flip in sources:
            stream.update_into(_FLIP[flip][: len(raw)], raw)
            np.add(at, target, out=at)
        np.add(at, owed, out=at)
