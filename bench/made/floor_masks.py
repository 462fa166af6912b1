"""The bare cryptography of one masked sum, by the library's own calls; of ours, only Shamir's shares.

A hospital: two key pairs; with each neighbour two key agreements, two derivations, a share sealed and one opened, a
signature verified and a tag made and checked; two secrets shared; a mask for each neighbour and its own. The hub: for
each hospital one secret recovered and one mask. One thread; vectors of 1,000 numbers of 192 bits.
"""

from __future__ import annotations

import hmac
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huizhen.secure import shamir
from huizhen.secure.graph import degree_and_threshold

VECTOR = bytes(24_000)


@dataclass(frozen=True)
class Floor:
    """Seconds of one `hospital`, and of the `hub` for all."""

    degree: int
    threshold: int
    hospital: float
    hub: float


def measure(nodes: int) -> Floor:
    degree, threshold = degree_and_threshold(nodes)
    other = X25519PrivateKey.generate().public_key()
    identity = Ed25519PrivateKey.generate()
    advert, seed = os.urandom(200), os.urandom(32)
    signature, public = identity.sign(advert), identity.public_key()
    shares = dict(enumerate(shamir.share(seed, degree + 1, threshold, os.urandom), start=1))

    def hospital() -> None:
        own = [X25519PrivateKey.generate() for _ in range(2)]
        identity.sign(advert)
        for _ in range(2):
            shamir.share(seed, degree + 1, threshold, os.urandom)
        stream()
        for _ in range(degree):
            public.verify(signature, advert)
            for key, size in zip(own, (128, 32), strict=True):
                HKDF(SHA256(), size, None, b"").derive(key.exchange(other))
            sealed = AESGCM(seed).encrypt(bytes(12), advert[:66], None)
            AESGCM(seed).decrypt(bytes(12), sealed, None)
            hmac.compare_digest(hmac.digest(seed, advert, "sha256"), hmac.digest(seed, advert, "sha256"))
            stream()

    def stream() -> None:
        Cipher(algorithms.AES256(seed), modes.CTR(bytes(16))).encryptor().update(VECTOR)

    def hub() -> None:
        for _ in range(nodes):
            shamir.recover(shares, threshold)
            stream()

    return Floor(degree, threshold, best(hospital), best(hub))


def best(work: Callable[[], Any], times: int = 5) -> float:
    spent = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)
