"""What lies in a database and is worth nothing without a key that is not there: AES-256-GCM under a derived key."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class Locker:
    """`seed` is a private key of the program; each `purpose` has a key of its own from it (HKDF, RFC 5869)."""

    def __init__(self, seed: bytes, purpose: bytes) -> None:
        self._seed, self._purpose = seed, purpose

    def _cipher(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return AESGCM(HKDF(SHA256(), 32, None, self._purpose).derive(self._seed))

    def seal(self, owner: str, content: bytes) -> bytes:
        """Sealed for this owner: under another name it does not open."""
        nonce = os.urandom(_NONCE)
        return nonce + self._cipher().encrypt(nonce, content, owner.encode())

    def unseal(self, owner: str, sealed: bytes) -> bytes | None:
        """None for what was not sealed here for this owner."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher().decrypt(sealed[:_NONCE], sealed[_NONCE:], owner.encode())
        except InvalidTag:
            return None
