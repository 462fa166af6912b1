"""Anchors of a ledger on a chain: sizes and roots, each linked to the one before, as the contract `anchors.vy` keeps
them. What a chain says is computed again here; only that it says the same to everybody is the chain's own matter."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from huizhen.kit.errors import Tampered
from huizhen.kit.text import Text

NOTHING = bytes(32)
"""The link before the first anchor."""


class Anchor(NamedTuple):
    """The ledger had `size` entries with this root when the block of time `at_unix_s` was made."""

    size: int
    root: bytes
    link: bytes
    at_unix_s: int


def origin_hash(origin: str) -> bytes:
    """How a contract names the ledger: SHA-256 of its origin; 32 bytes."""
    return sha256(origin.encode()).digest()


def link(previous: bytes, origin: str, size: int, root: bytes, at_unix_s: int) -> bytes:
    """SHA-256(previous || SHA-256(origin) || size || root || time), numbers as 32 bytes, big-endian."""
    numbers = size.to_bytes(32, "big"), at_unix_s.to_bytes(32, "big")
    return sha256(previous + origin_hash(origin) + numbers[0] + root + numbers[1]).digest()


def check_linked(origin: str, anchors: Sequence[Anchor]) -> None:
    """Whether these are all anchors of the ledger from the first on. Raises Tampered("anchors-broken")."""
    last = Anchor(0, b"", NOTHING, 0)
    for number, each in enumerate(anchors):
        linked = link(last.link, origin, each.size, each.root, each.at_unix_s)
        if each.size <= last.size or each.at_unix_s < last.at_unix_s or each.link != linked:
            raise Tampered(
                "anchors-broken",
                Text(f"Anchor {number} on the chain does not follow from the one before.",
                     f"链上第 {number} 个锚点与前一个不相衔接。"),
                Text("Rely on no anchor from there on; compare with another node of the chain.",
                     "请勿采信其后的锚点；并与该链的其他节点核对。"),
            )  # fmt: skip
        last = each
