"""A node in one secure sum (Bonawitz et al. 2017, with the sparse graph of Bell et al. 2020): masks that cancel out.

Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", CCS 2017. The hub carries
every message and opens nothing but one total over the nodes left at the end.

    advert -> shares -> mask -> confirm -> unmask        each once, in this order, for one vector

What holds, with h holders of each secret (the node and its neighbours), t of whom open it (`graph`):

- A hub that listens, and fewer than t holders of a node on its side, learn the total over the nodes left and no more.
- A hub that swaps or replays keys is refused: every key is signed by its node's identity for this context, and every
  derived key is bound to the digests of all adverts as the node saw them. A node is shown in full, and checks, those of
  its neighbours, which keeps its cost at O(log n) signatures and keys; whoever has a neighbour in the graph is checked
  by it, so an advert that nobody signed stands only where all its neighbours collude, who could have signed one.
- A hub that tells nodes different stories about who is left opens no vector by itself, as long as at most 2t - h - 2
  holders are on its side. Write c for those. To open u's own mask it needs the seed shares of t - c honest holders.
  Each of these, w, revealed only after t of its own holders confirmed the same survivors, w among them: at least
  t - c of those are honest, say "w is left" and never give w's key; h - t + c < t shares of it remain. And w masks
  with u: at least 2t - h - 1 - c >= 1 of these w do on both sides. So what opens holds such a w together with u.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.secure import shamir
from huizhen.secure.advert import Advert, bad_advert, check_adverts, check_enough, digests, framed, view, write_advert
from huizhen.secure.graph import SMALLEST, degree_and_threshold, neighbours, two_thirds
from huizhen.secure.mask import add_masks, derive
from huizhen.secure.ring import Words

Stage = Literal["new", "adverted", "shared", "masked", "confirmed", "done"]
_NONCE = bytes(12)
"""Each key encrypts one message, so the nonce may be the same for all."""


@dataclass(frozen=True)
class Channel:
    """The keys between a node and one neighbour: to seal and to tag, to open and to check, and to mask."""

    seal: bytes
    tag: bytes
    open: bytes
    check: bytes
    mask: bytes


def pair_mask_key(shared: bytes, seen: bytes, one: str, other: str) -> bytes:
    """The mask key of two nodes, the same from either side."""
    return derive(shared, framed("huizhen/secure/pair/1", seen, *sorted((one, other))))


def self_mask_key(seed: bytes, seen: bytes, name: str) -> bytes:
    return derive(seed, framed("huizhen/secure/self/1", seen, name))


class Member:
    """One node, one round attempt, one vector. Its secrets live in memory only and are fresh for every attempt."""

    def __init__(
        self,
        context: bytes,
        name: str,
        sign: Callable[[bytes], bytes],
        keys: Mapping[str, bytes],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """`context` binds study, grant, round, attempt and participants; `sign` makes Ed25519 signatures with the
        node's identity key; `keys` are the raw public identity keys of all participants, itself included.

        Raises Refused 'too-few-nodes' for fewer than three participants with an identity of their own.
        """
        check_participants(name, keys)
        self._context, self._name, self._keys, self._random = context, name, dict(keys), random
        self._cipher = X25519PrivateKey.from_private_bytes(random(32))
        self._mask = X25519PrivateKey.from_private_bytes(random(32))
        self._seed = random(32)
        public = self._cipher.public_key().public_bytes_raw(), self._mask.public_key().public_bytes_raw()
        self._advert = write_advert(sign, context, name, public, self._seed)
        self._stage: Stage = "new"
        self._view = b""
        self._channels: dict[str, Channel] = {}
        self._held: dict[str, tuple[bytes, bytes]] = {}
        self._everyone: frozenset[str] = frozenset()
        self._survivors: frozenset[str] = frozenset()

    def advert(self) -> dict[str, bytes]:
        """The node's signed public keys for this attempt."""
        with self._step("new", "adverted"):
            return dict(self._advert)

    def shares(self, adverts: Mapping[str, Advert], everyone: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
        """For each neighbour, sealed for its eyes only: a share of the seed of the own mask, and of the mask key.

        `everyone`: the digest of each participant's advert (`advert.digests`), where `adverts` are those of the
        neighbours and the own one only; None: they are all there. Raises Refused 'bad-advert', naming the node, for
        any advert that is not its node's for this context, that is another than its digest says or that is missing of
        a neighbour, and when the own one is not there unchanged; 'too-few-left' when too few are there.
        """
        with self._step("adverted", "shared"):
            check_adverts(self._context, adverts, self._keys, everyone)
            if dict(adverts.get(self._name, {})) != self._advert:
                raise bad_advert(self._name)
            told = digests(adverts) if everyone is None else everyone
            self._everyone = frozenset(told)
            self._view = view(self._context, told)
            degree, threshold = degree_and_threshold(len(told))
            around = neighbours(list(told), degree, self._view)[self._name]
            for name in around:
                if name not in adverts:
                    raise bad_advert(name)
            self._channels = {name: self._channel(name, adverts[name]) for name in around}
            holders = sorted((*around, self._name))
            seeds = shamir.share(self._seed, len(holders), threshold, self._random)
            keys = shamir.share(self._mask.private_bytes_raw(), len(holders), threshold, self._random)
            dealt = dict(zip(holders, zip(seeds, keys, strict=True), strict=True))
            self._held[self._name] = dealt.pop(self._name)
            return {
                name: AESGCM(self._channels[name].seal).encrypt(_NONCE, seed + key, self._view)
                for name, (seed, key) in dealt.items()
            }

    def mask(self, words: Words, incoming: Mapping[str, bytes], wide: int, threads: int = 1) -> Words:
        """The vector under its own mask, and one with each neighbour whose shares came in.

        `words` has shape (any,), its first 3 * wide words being `wide` numbers of three words (`secure.fixed`);
        `incoming` are the sealed shares addressed to this node. Raises Refused 'bad-share', naming the node, when one
        does not open, and 'too-few-left' when too few came in.
        """
        with self._step("shared", "masked"):
            for name, sealed in incoming.items():
                self._held[name] = self._unseal(name, sealed)
            check_enough(len(self._held), len(self._channels) + 1)
            plus = [self_mask_key(self._seed, self._view, self._name)]
            plus += [self._channels[name].mask for name in incoming if self._name < name]
            minus = [self._channels[name].mask for name in incoming if self._name > name]
            masked = words.copy()
            add_masks(masked, wide, plus, minus, threads)
            return masked

    def confirm(self, survivors: Collection[str]) -> dict[str, bytes]:
        """For each neighbour left: a tag that says who, as this node was told, is left.

        Raises Refused 'bad-survivors' for a set that cannot be, 'too-few-left' when too few are left in all, or among
        the holders of this node. Two totals of the same figures over two sets would give away the difference: who
        calls this remembers, over all attempts, which set was opened for which question, and asks for no other.
        """
        with self._step("masked", "confirmed"):
            left = frozenset(survivors)
            strangers = left & self._channels.keys() - self._held.keys()
            if len(left) != len(survivors) or self._name not in left or not left <= self._everyone or strangers:
                raise _bad_survivors()
            check_enough(len(left), len(self._keys))
            check_enough(len(left & self._held.keys()), len(self._channels) + 1)
            self._survivors = left
            told = self._told()
            return {
                name: hmac.digest(channel.tag, told, "sha256")
                for name, channel in self._channels.items()
                if name in left
            }

    def unmask(self, survivors: Collection[str], confirmations: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
        """By node: a share of the seed ('seed') of one that is left, of the mask key ('key') of one that was lost.

        Never both, and once, for one set of survivors: the one that this node confirmed, and that enough of its
        holders confirmed too. Raises Refused 'no-agreement'.
        """
        with self._step("confirmed", "done"):
            if frozenset(survivors) != self._survivors or not self._is_agreed(confirmations):
                raise _no_agreement()
            return {
                name: {"seed": seed} if name in self._survivors else {"key": key}
                for name, (seed, key) in self._held.items()
            }

    @contextmanager
    def _step(self, before: Stage, after: Stage) -> Iterator[None]:
        """Each step once and in order; a step that fails is the last."""
        ready, self._stage = self._stage == before, "done"
        if not ready:
            raise out_of_order()
        yield
        self._stage = after

    def _channel(self, name: str, advert: Advert) -> Channel:
        try:
            shared = self._cipher.exchange(X25519PublicKey.from_public_bytes(advert["cipher"]))
            shared_mask = self._mask.exchange(X25519PublicKey.from_public_bytes(advert["mask"]))
        except ValueError as error:
            raise bad_advert(name) from error
        first, second = sorted((self._name, name))
        keys = derive(shared, framed("huizhen/secure/channel/1", self._view, first, second), 128)
        mine, other = (keys[:64], keys[64:]) if self._name == first else (keys[64:], keys[:64])
        mask = pair_mask_key(shared_mask, self._view, first, second)
        return Channel(seal=mine[:32], tag=mine[32:], open=other[:32], check=other[32:], mask=mask)

    def _unseal(self, name: str, sealed: bytes) -> tuple[bytes, bytes]:
        try:
            plain = AESGCM(self._channels[name].open).decrypt(_NONCE, sealed, self._view)
        except (KeyError, TypeError, InvalidTag) as error:
            raise _bad_share(name) from error
        if len(plain) != 2 * shamir.SHARE_BYTES:
            raise _bad_share(name)
        return plain[: shamir.SHARE_BYTES], plain[shamir.SHARE_BYTES :]

    def _told(self) -> bytes:
        return hashlib.sha256(framed("huizhen/secure/left/1", self._view, *sorted(self._survivors))).digest()

    def _is_agreed(self, confirmations: Mapping[str, bytes]) -> bool:
        """At least two thirds of the holders, this node among them, were told the same survivors."""
        told = self._told()
        agreed = {
            name
            for name, channel in self._channels.items()
            if name in self._survivors and _is_tag(confirmations.get(name), hmac.digest(channel.check, told, "sha256"))
        }
        return len(agreed) + 1 >= two_thirds(len(self._channels) + 1)


def _is_tag(given: object, right: bytes) -> bool:
    return isinstance(given, bytes) and hmac.compare_digest(given, right)


def check_participants(name: str, keys: Mapping[str, bytes]) -> None:
    """This node is one of at least three, each with an identity of its own. Raises Refused 'too-few-nodes'."""
    if name not in keys or len(set(keys.values())) < max(len(keys), SMALLEST):
        raise Refused(
            "too-few-nodes",
            Text(
                "A secure sum needs at least three nodes, each with an identity key of its own.",
                "安全求和至少需要三个节点，且各有独立的身份密钥。",
            ),
            Text("Ask more nodes to take part.", "请邀请更多节点参与。"),
        )


def _bad_share(name: str) -> Refused:
    return Refused(
        "bad-share",
        Text(
            f"The sealed share in the name of node '{name}' does not open.",
            f"以节点“{name}”名义发送的密钥分片无法解封。",
        ),
        Text(
            "Start a new attempt; if it happens again, leave that node out or do not trust the hub.",
            "请重新开始本轮；若再次发生，请排除该节点，或视中心为不可信。",
        ),
    )


def _bad_survivors() -> Refused:
    return Refused(
        "bad-survivors",
        Text("The list of nodes left in a secure sum cannot be right.", "安全求和的剩余节点名单有误。"),
        Text("The hub must name each node that sent its vector, once.", "中心须逐一列出已提交向量的节点。"),
    )


def _no_agreement() -> Refused:
    return Refused(
        "no-agreement",
        Text(
            "Too few nodes were told the same about who is left in a secure sum; nothing is opened.",
            "被告知相同剩余节点名单的节点过少，安全求和不予解密。",
        ),
        Text(
            "Start a new attempt; if it happens again, do not trust the hub.",
            "请重新开始本轮；若再次发生，请视中心为不可信。",
        ),
    )


def out_of_order() -> Refused:
    return Refused(
        "out-of-order",
        Text("A step of a secure sum was asked for twice or out of order.", "安全求和的步骤被重复或乱序请求。"),
        Text("Start a new attempt of the round.", "请重新开始本轮。"),
    )
