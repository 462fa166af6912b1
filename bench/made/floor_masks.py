"""The bare cryptography of one masked sum that holds everybody, by the library's own calls.

A hospital: a key pair and a signature under it; with each neighbour a signature verified, a key agreed on, a key
derived and a mask. The hub: nothing, for the masks cancel out. One thread; vectors of 1,000 numbers of 192 bits.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huizhen.secure.graph import degree_of_whole

VECTOR = bytes(24_000)


@dataclass(frozen=True)
class Floor:
    """Seconds of one `hospital`."""

    degree: int
    hospital: float


def measure(nodes: int) -> Floor:
    degree = degree_of_whole(nodes)
    other = X25519PrivateKey.generate().public_key()
    identity = Ed25519PrivateKey.generate()
    advert, seed = os.urandom(200), os.urandom(32)
    signature, public = identity.sign(advert), identity.public_key()

    def hospital() -> None:
        own = X25519PrivateKey.generate()
        identity.sign(advert)
        for _ in range(degree):
            public.verify(signature, advert)
            HKDF(SHA256(), 32, None, b"").derive(own.exchange(other))
            Cipher(algorithms.AES256(seed), modes.CTR(bytes(16))).encryptor().update(VECTOR)

    return Floor(degree, best(hospital))


def best(work: Callable[[], Any], times: int = 5) -> float:
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)
