"""The hub in a secure sum: it carries sealed messages from node to node and, at the end, opens the total.

The masks of nodes that were left in pairs cancel out by themselves. What remains is each one's own mask, and half a
pair for every node lost on the way: shares from two thirds of the holders give back the seed of the one, the mask key
of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from huizhen.kit.errors import Lost, Tampered
from huizhen.kit.text import Text
from huizhen.secure import shamir
from huizhen.secure.advert import FULL, ONLY_MASK, Advert, commitment, digests, view
from huizhen.secure.graph import SMALLEST, degree_and_threshold, degree_of_whole, neighbours
from huizhen.secure.mask import add_masks
from huizhen.secure.ring import Words, total
from huizhen.secure.session import pair_mask_key, self_mask_key


def route(outgoing: Mapping[str, Mapping[str, bytes]]) -> dict[str, dict[str, bytes]]:
    """Messages by sender, then recipient, as messages by recipient, then sender, among those who sent any."""
    incoming: dict[str, dict[str, bytes]] = {name: {} for name in outgoing}
    for sender, messages in outgoing.items():
        for recipient, message in messages.items():
            if recipient in incoming:
                incoming[recipient][sender] = message
    return incoming


def acquaint(
    context: bytes, adverts: Mapping[str, Advert], whole: bool = False
) -> tuple[dict[str, bytes], dict[str, tuple[str, ...]]]:
    """The digests of all adverts, for every node to see, and by node whose adverts it needs: its own among them.

    `whole`: of a sum that holds all of them (`secure.whole`). Raises Refused 'bad-advert' for what is no advert. Too
    few are for the nodes to refuse.
    """
    everyone = digests(adverts, ONLY_MASK if whole else FULL)
    few = len(adverts) < SMALLEST
    degree = len(adverts) if few else degree_of_whole(len(adverts)) if whole else degree_and_threshold(len(adverts))[0]
    around = neighbours(list(adverts), degree, view(context, everyone))
    return everyone, {name: (name, *others) for name, others in around.items()}


def open_sum(
    context: bytes,
    adverts: Mapping[str, Advert],
    present: Mapping[str, object],
    masked: Mapping[str, Words],
    replies: Mapping[str, Mapping[str, Mapping[str, bytes]]],
    *,
    wide: int,
    threads: int = 1,
) -> Words:
    """The sum of the vectors of the nodes left, and of no others.

    `present`: the nodes whose shares were carried on (keys are enough); `masked`: the vectors of those left, which
    must have been told to all of them as the survivors; `replies`: by node that answered, what `unmask` gave. `wide`
    as in `Member.mask`. Raises Lost 'too-few-answered' when fewer than two thirds of a secret's holders answered, and
    Tampered 'false-shares' when their shares give back another secret than the node committed to, 'bad-vector' when the
    vectors do not fit together.
    """
    seen = view(context, digests(adverts))
    degree, threshold = degree_and_threshold(len(adverts))
    around = neighbours(list(adverts), degree, seen)
    masks: list[bytes] = []
    plus: list[bytes] = []
    minus: list[bytes] = []
    for name in present:
        holders = sorted((*around[name], name))
        left = [other for other in around[name] if other in masked]
        if name in masked:
            shares = _shares(name, "seed", holders, replies)
            masks.append(self_mask_key(_seed(name, shares, threshold, adverts[name]), seen, name))
        elif left:
            shares = _shares(name, "key", holders, replies)
            key = _mask_key(name, shares, threshold, adverts[name])
            for other in left:
                shared = key.exchange(X25519PublicKey.from_public_bytes(adverts[other]["mask"]))
                (plus if other < name else minus).append(pair_mask_key(shared, seen, name, other))
    words = add_up(masked, wide)
    add_masks(words, wide, minus, [*masks, *plus], threads)
    return words


def add_up(masked: Mapping[str, Words], wide: int) -> Words:
    """The sum of masked vectors: the total, where masks came in pairs alone and all of them are there. Raises Tampered
    'bad-vector'."""
    try:
        return total(list(masked.values()), wide)
    except ValueError as error:
        raise _bad_vectors() from error


def _shares(
    name: str, kind: str, holders: list[str], replies: Mapping[str, Mapping[str, Mapping[str, bytes]]]
) -> dict[int, bytes]:
    """The shares of one secret by place, from those holders who gave one of this kind."""
    shares = {}
    for place, holder in enumerate(holders, start=1):
        try:
            share = replies[holder][name][kind]
        except (KeyError, TypeError):
            continue
        if isinstance(share, bytes):
            shares[place] = share
    return shares


def _seed(name: str, shares: Mapping[int, bytes], threshold: int, advert: Advert) -> bytes:
    for seed in _candidates(shares, threshold):
        if commitment(seed) == advert["seed"]:
            return seed
    raise _bad_shares(name)


def _mask_key(name: str, shares: Mapping[int, bytes], threshold: int, advert: Advert) -> X25519PrivateKey:
    for secret in _candidates(shares, threshold):
        key = X25519PrivateKey.from_private_bytes(secret)
        if key.public_key().public_bytes_raw() == advert["mask"]:
            return key
    raise _bad_shares(name)


def _candidates(shares: Mapping[int, bytes], threshold: int) -> Iterator[bytes]:
    """What the shares give back; where one of them is wrong, some of the runs round the circle do without it."""
    if len(shares) < threshold:
        raise Lost(
            "too-few-answered",
            Text(
                f"Only {len(shares)} of the {threshold} nodes answered that it takes to open the sum.",
                f"解开求和结果需要 {threshold} 个节点应答，目前仅有 {len(shares)} 个。",
            ),
            Text("Run the round again when the nodes answer.", "请待节点恢复应答后重试本轮。"),
        )
    places = sorted(shares)
    for first in range(len(places) if len(places) > threshold else 1):
        run = [places[(first + i) % len(places)] for i in range(threshold)]
        try:
            yield shamir.recover({place: shares[place] for place in run}, threshold)
        except ValueError:
            continue


def _bad_shares(name: str) -> Tampered:
    return Tampered(
        "false-shares",
        Text(
            f"The shares given back do not open the mask of node '{name}'.", f"返回的分片无法解开节点“{name}”的掩码。"
        ),
        Text(
            "Run the round again; if it happens again, one of the nodes gives false shares.",
            "请重试本轮；若再次发生，则有节点返回了虚假分片。",
        ),
    )


def _bad_vectors() -> Tampered:
    return Tampered(
        "bad-vector",
        Text("The masked vectors do not fit together.", "各节点的掩码向量形状不一致。"),
        Text(
            "Use the same version of Huizhen at hub and nodes, and run the round again.",
            "请在中心和各节点使用同一版本后重试本轮。",
        ),
    )
