"""Plays one secure sum among nodes in memory, with nodes lost at any step, and keeps everything that the hub sees."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.secure.opening import acquaint, open_sum, route
from huizhen.secure.session import Member

Words = npt.NDArray[np.uint64]
CONTEXT = b"study digest, grant digest, round 3, attempt 1"


def coins(seed: str) -> Callable[[int], bytes]:
    """Random bytes that are the same in every run of a test."""
    count = 0

    def toss(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.shake_256(f"{seed}/{count}".encode()).digest(size)

    return toss


def names(n: int) -> list[str]:
    return [f"hospital-{i:02d}" for i in range(n)]


def identity(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


def public(everyone: Iterable[str]) -> dict[str, bytes]:
    return {name: identity(name).public_key().public_bytes_raw() for name in everyone}


def members(
    n: int, context: bytes = CONTEXT, seed: str = "", kind: type[Member] = Member, **more: Any
) -> dict[str, Member]:
    keys = public(names(n))
    return {name: kind(context, name, identity(name).sign, keys, coins(f"{seed}/{name}"), **more) for name in names(n)}


@dataclass
class Seen:
    """Everything that went through the hub."""

    context: bytes = CONTEXT
    adverts: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    sealed: dict[str, dict[str, bytes]] = field(default_factory=dict)
    masked: dict[str, Words] = field(default_factory=dict)
    tags: dict[str, dict[str, bytes]] = field(default_factory=dict)
    replies: dict[str, dict[str, dict[str, bytes]]] = field(default_factory=dict)

    def open(self, wide: int) -> Words:
        return open_sum(self.context, self.adverts, self.sealed, self.masked, self.replies, wide=wide)


def context_of(nodes: Mapping[str, Member]) -> bytes:
    return next(iter(nodes.values()))._context


def play(
    nodes: Mapping[str, Member], words: Mapping[str, Words], wide: int, lost: Mapping[str, str] | None = None
) -> Seen:
    """All five steps. `lost` names the step before which a node falls silent: shares, mask, confirm or unmask."""
    gone = dict(lost or {})
    steps = ("advert", "shares", "mask", "confirm", "unmask")

    def here(step: str) -> list[str]:
        return [n for n in nodes if n not in gone or steps.index(gone[n]) > steps.index(step)]

    seen = Seen()
    seen.adverts = {n: nodes[n].advert() for n in here("advert")}
    everyone, needed = acquaint(context_of(nodes), seen.adverts)
    seen.sealed = {n: nodes[n].shares({m: seen.adverts[m] for m in needed[n]}, everyone) for n in here("shares")}
    incoming = route(seen.sealed)
    seen.masked = {n: nodes[n].mask(words[n], incoming[n], wide) for n in here("mask")}
    survivors = sorted(seen.masked)
    seen.tags = {n: nodes[n].confirm(survivors) for n in here("confirm")}
    confirmed = route(seen.tags)
    seen.replies = {n: nodes[n].unmask(survivors, confirmed[n]) for n in here("unmask")}
    return seen
