"""Rows sealed to their recipient, so that whoever carries them reads nothing: X25519, HKDF-SHA256, AES-256-GCM.

A base-mode sealing in the manner of RFC 9180. The sender's key is one of its own for this one content and recipient,
so that a piece sealed anew after a crash is the same piece. Each piece says of what it is, which one, and of how many:
none passes for another, and none can be left out.
"""

from __future__ import annotations

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.secure.advert import framed

_KEY_BYTES = 32


def _derived(secret: bytes, what: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, None, what).derive(secret)


def opener(seed: bytes) -> X25519PrivateKey:
    """The key that opens what is sealed to a party, from the 32 bytes of the key it signs with."""
    return X25519PrivateKey.from_private_bytes(_derived(seed, b"huizhen/sealing/recipient/1"))


class Sealer:
    """Seals the pieces of one content. `secret`: 32 bytes that only the sender knows; `about`: what the content is,
    its digest included, so that no two contents share a key; `to`: the recipient's public key (X25519, 32 bytes).

    Raises ValueError for a key that is none.
    """

    def __init__(self, secret: bytes, to: bytes, about: bytes, pieces: int) -> None:
        own = X25519PrivateKey.from_private_bytes(_derived(secret, framed("huizhen/sealing/sender/1", to, about)))
        self._public, self._about, self._pieces = own.public_key().public_bytes_raw(), about, pieces
        shared = own.exchange(X25519PublicKey.from_public_bytes(to))
        self._cipher = AESGCM(_content_key(shared, self._public, to))

    def seal(self, number: int, piece: bytes) -> bytes:
        """32 bytes of the sender's key, then the piece and its tag."""
        said = _said(self._about, number, self._pieces)
        return self._public + self._cipher.encrypt(number.to_bytes(12, "big"), piece, said)


def opened(key: X25519PrivateKey, sealed: bytes, about: bytes, number: int, pieces: int) -> bytes:
    """The piece. Raises Refused 'not-sealed-to-you' where it was sealed to another key, or is not that piece."""
    try:
        sender, content = sealed[:_KEY_BYTES], sealed[_KEY_BYTES:]
        shared = key.exchange(X25519PublicKey.from_public_bytes(sender))
        cipher = AESGCM(_content_key(shared, sender, key.public_key().public_bytes_raw()))
        return cipher.decrypt(number.to_bytes(12, "big"), content, _said(about, number, pieces))
    except (InvalidTag, ValueError) as error:
        raise Refused(
            "not-sealed-to-you",
            Text("The rows are sealed to another key, or were changed on their way.",
                 "数据行并非以此密钥封装，或在途中被改动。"),
            Text("Give the key file that the study was signed with (`huizhen study sign`).",
                 "请给出签署该研究时所用的密钥文件（`huizhen study sign`）。"),
        ) from error  # fmt: skip


def _content_key(shared: bytes, sender: bytes, to: bytes) -> bytes:
    return _derived(shared, framed("huizhen/sealing/content/1", sender, to))


def _said(about: bytes, number: int, pieces: int) -> bytes:
    return framed("huizhen/sealing/piece/1", about, str(number), str(pieces))
