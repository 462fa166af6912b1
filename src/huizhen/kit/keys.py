"""Ed25519 keys: 32 raw bytes each, signatures over domain-separated bytes."""

from __future__ import annotations

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

Sign = Callable[[bytes], bytes]
Random = Callable[[int], bytes]


class SigningKey:
    """A private key from its 32-byte seed. `sign` gives 64 bytes over exactly what it is given."""

    def __init__(self, seed: bytes) -> None:
        self.private = Ed25519PrivateKey.from_private_bytes(seed)
        self.public: bytes = self.private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self.private.sign(message)


def check_signature(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature is that key's over that message; False for anything malformed."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
