"""Adverts: the fresh public keys of a node for one round attempt, signed with its identity key and bound to what for.

An advert is a mapping of bytes: `cipher` and `mask` are X25519 public keys (for the shares, for the masks), `seed` is
a commitment to the seed of the node's own mask, `signature` is Ed25519 (RFC 8032). Where nothing is to be recovered
(`secure.whole`) there is `mask` and the signature, and no more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.secure.graph import two_thirds

Advert = Mapping[str, bytes]

FULL, ONLY_MASK = ("cipher", "mask", "seed"), ("mask",)
"""What an advert holds besides its signature."""
_PART_BYTES, _SIGNATURE_BYTES, _DIGEST_BYTES = 32, 64, 32


def framed(*parts: bytes | str) -> bytes:
    """Parts one after the other, each behind its length: what is signed, tagged or derived can be read one way only."""
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join([len(part).to_bytes(4, "big") + part for part in raw])


def write_advert(
    sign: Callable[[bytes], bytes], context: bytes, name: str, public: tuple[bytes, bytes], seed: bytes
) -> dict[str, bytes]:
    """The signed advert of a node: its two public keys, for sealing and for masks, and the commitment to its seed."""
    return _written(sign, context, name, dict(zip(FULL, (*public, commitment(seed)), strict=True)))


def write_mask_advert(sign: Callable[[bytes], bytes], context: bytes, name: str, mask: bytes) -> dict[str, bytes]:
    """The signed advert of a node in a sum where nothing is to be recovered: its public key for masks."""
    return _written(sign, context, name, {"mask": mask})


def _written(sign: Callable[[bytes], bytes], context: bytes, name: str, parts: Mapping[str, bytes]) -> dict[str, bytes]:
    return {**parts, "signature": sign(_message(context, name, *parts.values()))}


def commitment(seed: bytes) -> bytes:
    """What is published of a seed so that the hub can tell whether shares gave back the right one."""
    return hashlib.sha256(b"huizhen/secure/seed/1" + seed).digest()


def digests(adverts: Mapping[str, Advert], parts: Sequence[str] = FULL) -> dict[str, bytes]:
    """SHA-256 of each advert, signature and all: what a node is shown of those that it does not mask with.

    Raises Refused 'bad-advert' for what is no advert.
    """
    found = {}
    for name, advert in adverts.items():
        try:
            said = [advert[part] for part in (*parts, "signature")]
            found[name] = hashlib.sha256(framed("huizhen/secure/advert/1", *said)).digest()
        except (KeyError, TypeError, AttributeError) as error:
            raise bad_advert(name) from error
    return found


def check_adverts(
    context: bytes,
    adverts: Mapping[str, Advert],
    keys: Mapping[str, bytes],
    everyone: Mapping[str, bytes] | None = None,
    parts: Sequence[str] = FULL,
) -> None:
    """Every advert is well formed and signed by its node for this very context, and no key is there twice.

    `keys` are the identity keys of all participants; `everyone` the digest of each participant's advert, of which
    `adverts` are then some, and only these are checked in full: their neighbours check the others. Raises Refused
    'bad-advert', naming the node, or 'too-few-left' when fewer than two thirds of the participants, or fewer than
    three, have sent one.
    """
    _check_signed(context, adverts, keys, parts)
    told = adverts if everyone is None else everyone
    if everyone is not None:
        found = digests(adverts, parts)
        seen: set[object] = set()
        for name in (*adverts, *everyone):
            if name not in keys or everyone.get(name) != found.get(name, everyone.get(name)):
                raise bad_advert(name)
        for name, digest in everyone.items():
            if not isinstance(digest, bytes) or len(digest) != _DIGEST_BYTES or digest in seen:
                raise bad_advert(name)
            seen.add(digest)
    check_enough(len(told), len(keys))


def _check_signed(
    context: bytes, adverts: Mapping[str, Advert], keys: Mapping[str, bytes], parts: Sequence[str]
) -> None:
    seen: set[bytes] = set()
    for name, advert in adverts.items():
        try:
            said = [advert[part] for part in parts]
            whole = len(advert) == len(parts) + 1
            signed = whole and _is_signed(keys[name], context, name, advert["signature"], *said)
        except (KeyError, TypeError):
            signed = False
        if not signed:
            raise bad_advert(name)
        seen.update(said)
    if len(seen) < len(parts) * len(adverts):
        raise bad_advert(_copier(adverts, parts))


def check_enough(left: int, of: int) -> None:
    """At least two thirds, and at least three, of so many nodes are there. Raises Refused 'too-few-left'."""
    if left < two_thirds(of):
        raise Refused(
            "too-few-left",
            Text(
                f"Only {left} of {of} nodes are left that a secure sum needs.",
                f"安全求和所需的 {of} 个节点仅剩 {left} 个。",
            ),
            Text(
                "Run it again when at least two thirds of the nodes, and at least three, answer.",
                "请待至少三分之二（且不少于三个）的节点在线后重试。",
            ),
        )


def view(context: bytes, everyone: Mapping[str, bytes]) -> bytes:
    """SHA-256 over the context and the digests of all adverts: two nodes that were shown different ones share no key.

    It also decides the graph of neighbours, so that every node has its hand in it.
    """
    parts = [part for name in sorted(everyone) for part in (name, everyone[name])]
    return hashlib.sha256(framed("huizhen/secure/view/2", context, *parts)).digest()


def bad_advert(name: str) -> Refused:
    """The refusal of an advert that node did not sign for this."""
    return Refused(
        "bad-advert",
        Text(
            f"The key advert in the name of node '{name}' is not one that it signed for this round.",
            f"以节点“{name}”名义发布的密钥公告并非其为本轮签署。",
        ),
        Text(
            "Check the identity key of that node; if it is right, someone has altered the message on its way.",
            "请核对该节点的身份公钥；若无误，则消息在传输途中被篡改。",
        ),
    )


def _message(context: bytes, name: str, *parts: bytes) -> bytes:
    return framed("huizhen/secure/advert/1", context, name, *parts)


def _copier(adverts: Mapping[str, Advert], parts: Sequence[str]) -> str:
    """The first node whose advert repeats a key, or a commitment, that was there before."""
    seen: set[bytes] = set()
    for name, advert in adverts.items():
        for part in parts:
            if advert[part] in seen:
                return name
            seen.add(advert[part])
    raise ValueError("nothing is repeated")


@lru_cache(maxsize=4096)
def _is_signed(key: bytes, context: bytes, name: str, signature: bytes, *parts: bytes) -> bool:
    """Remembered, so that nodes that live in one process check the same advert once."""
    sized = [(signature, _SIGNATURE_BYTES), *((part, _PART_BYTES) for part in parts)]
    if not all(isinstance(said, bytes) and len(said) == size for said, size in sized):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, _message(context, name, *parts))
    except (InvalidSignature, ValueError):
        return False
    return True
