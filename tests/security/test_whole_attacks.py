"""The hub against a sum that holds everybody: it leaves somebody out, swaps keys, and has nodes on its side.

As in `test_secure_sum_attacks.py`, each attack succeeds once the one thing that protects against it is taken away.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from scipy.stats import chisquare

from huizhen.kit.errors import Refused, Tampered
from huizhen.model.partial import Partial
from huizhen.path.secure_round import context
from huizhen.secure import fixed
from huizhen.secure.advert import ONLY_MASK, digests, framed, view, write_mask_advert
from huizhen.secure.graph import degree_of_whole, neighbours
from huizhen.secure.mask import add_masks, derive
from huizhen.secure.opening import acquaint, add_up
from huizhen.secure.ring import Words
from huizhen.secure.session import Member
from huizhen.secure.whole import Whole
from secure_round import CONTEXT, coins, identity, names, public

VICTIM = "hospital-00"
WIDE = 4
Nodes = Mapping[str, Whole]


def wholes(n: int, bound: bytes = CONTEXT, seed: str = "") -> dict[str, Whole]:
    return {x: Whole(bound, x, identity(x).sign, public(names(n)), coins(f"{seed}/{x}")) for x in names(n)}


def figures(n: int) -> dict[str, Partial]:
    random = np.random.default_rng(3)
    return {x: Partial({"events": random.integers(0, 90, 5), "score": random.normal(size=WIDE)}) for x in names(n)}


def encoded(parts: Mapping[str, Partial]) -> dict[str, Words]:
    return {x: fixed.encode(part, len(parts)) for x, part in parts.items()}


def play(nodes: Nodes, words: Mapping[str, Words]) -> tuple[dict[str, dict[str, bytes]], dict[str, Words]]:
    """(adverts, masked vectors) of an honest attempt."""
    adverts = {x: node.advert() for x, node in nodes.items()}
    everyone, needed = acquaint(CONTEXT, adverts, whole=True)
    masked = {x: nodes[x].mask(words[x], {o: adverts[o] for o in needed[x]}, everyone, WIDE) for x in nodes}
    return adverts, masked


def pair(key: X25519PrivateKey, adverts: Mapping[str, Mapping[str, bytes]], one: str, other: str) -> bytes:
    """The mask key of `one`, whose private key it is, and `other`."""
    shared = key.exchange(X25519PublicKey.from_public_bytes(adverts[other]["mask"]))
    seen = view(CONTEXT, digests(adverts, ONLY_MASK))
    return derive(shared, framed("huizhen/secure/whole/1", seen, *sorted((one, other))))


def keys_of(nodes: Nodes) -> dict[str, X25519PrivateKey]:
    """Taken out before they are used: what colluders know."""
    found = {x: node._key for x, node in nodes.items()}
    assert all(found.values())
    return {x: key for x, key in found.items() if key is not None}


# A hub that listens


@pytest.mark.parametrize("n", [3, 8, 60])
def test_the_sum_of_all_is_exact_and_no_vector_of_one_is_like_it(n: int) -> None:
    parts = figures(n)
    words = encoded(parts)
    _, masked = play(wholes(n), words)
    got = fixed.decode(add_up(masked, WIDE), parts[VICTIM].layout())
    assert np.array_equal(got["events"], sum(p["events"] for p in parts.values()))
    assert got["score"] == pytest.approx(sum(p["score"] for p in parts.values()), rel=1e-12)
    assert not any(set(masked[x]) & set(words[x][words[x] > 0]) for x in masked)


def test_a_masked_vector_is_uniform_whatever_is_in_it() -> None:
    zeros = {x: np.zeros(30_000, dtype=np.uint64) for x in names(3)}
    _, masked = play(wholes(3), zeros)
    bytes_seen = np.bincount(masked[VICTIM].view(np.uint8), minlength=256)
    assert chisquare(bytes_seen).pvalue > 1e-4


@pytest.mark.parametrize("n", [4, 9])
def test_without_one_vector_nothing_is_opened(n: int) -> None:
    """Control: with the key of the one that is missing, which nobody ever gives, the sum of the rest is opened."""
    parts, nodes = figures(n), wholes(n)
    keys = keys_of(nodes)
    adverts, masked = play(nodes, encoded(parts))
    gone = names(n)[-1]
    left = add_up({x: m for x, m in masked.items() if x != gone}, WIDE)
    rest = add_up({x: w for x, w in encoded(parts).items() if x != gone}, WIDE)
    assert not np.any(left == rest)
    add_masks(left, WIDE, [], [pair(keys[gone], adverts, gone, x) for x in names(n)[:-1]])
    assert np.array_equal(left, rest)


def test_a_key_masks_one_vector_and_nothing_is_told_about_it_afterwards() -> None:
    nodes = wholes(3)
    adverts, _ = play(nodes, encoded(figures(3)))
    with pytest.raises(Refused) as caught:
        nodes[VICTIM].mask(np.zeros(17, dtype=np.uint64), adverts, digests(adverts, ONLY_MASK), WIDE)
    assert caught.value.code == "out-of-order"
    assert not any(hasattr(nodes[VICTIM], step) for step in ("shares", "confirm", "unmask"))


def test_vectors_that_do_not_fit_together_are_not_added() -> None:
    with pytest.raises(Tampered, match="fit"):
        add_up({"a": np.zeros(3, dtype=np.uint64), "b": np.zeros(4, dtype=np.uint64)}, 0)


# A hub with nodes on its side


@pytest.mark.parametrize(("n", "honest"), [(5, 2), (5, 3), (9, 2)])
def test_all_but_two_may_collude_among_few(n: int, honest: int) -> None:
    """They take their own masks off the victim's vector; that with the other honest one remains. Control: with that
    one on their side, too, it is opened."""
    parts, nodes = figures(n), wholes(n)
    keys = keys_of(nodes)
    adverts, masked = play(nodes, encoded(parts))
    left, right = masked[VICTIM].copy(), fixed.encode(parts[VICTIM], n)
    for one in names(n)[honest:]:
        add_masks(left, WIDE, [], [pair(keys[one], adverts, one, VICTIM)])
    assert not np.any(left == right)
    for one in names(n)[1:honest]:
        add_masks(left, WIDE, [], [pair(keys[one], adverts, one, VICTIM)])
    assert np.array_equal(left, right)


@pytest.mark.parametrize("n", [50, 100, 620])
def test_a_fifth_that_colludes_does_not_cut_the_graph(n: int) -> None:
    """Whatever fifth it is, in ten draws: the honest ones hang together, so no part of them has a total of its own."""
    random = np.random.default_rng(n)
    for draw in range(10):
        around = neighbours(names(n), degree_of_whole(n), bytes([draw]))
        colluding = set(random.choice(names(n), n // 5, replace=False))
        honest = set(names(n)) - colluding
        reached, edge = set(), [next(iter(sorted(honest)))]
        while edge:
            at = edge.pop()
            if at not in reached:
                reached.add(at)
                edge += [o for o in around[at] if o in honest]
        assert reached == honest


# A hub that swaps keys


def test_keys_that_are_changed_or_made_up_or_of_another_attempt_are_refused() -> None:
    n, bad = 4, "hospital-01"
    adverts = {x: node.advert() for x, node in wholes(n).items()}
    value = adverts[bad]
    made_up = write_mask_advert(identity("the hub").sign, CONTEXT, bad, coins("hub")(32))
    other = wholes(n, b"another attempt")[bad].advert()
    flipped = [{**value, part: bytes([value[part][0] ^ 1]) + value[part][1:]} for part in ("mask", "signature")]
    for false in (made_up, other, *flipped, {**value, "more": b""}, {"mask": value["mask"]}, {}):
        node = wholes(n)[VICTIM]
        shown = {**adverts, bad: false}
        with pytest.raises(Refused, match=bad) as caught:
            node.mask(encoded(figures(n))[VICTIM], shown, {**digests(adverts, ONLY_MASK), bad: b"x" * 32}, WIDE)
        assert caught.value.code == "bad-advert"


def test_had_the_signature_not_been_checked_the_hub_would_be_everybody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control of the test above."""
    monkeypatch.setattr("huizhen.secure.advert._is_signed", lambda *_: True)
    parts, node = figures(4), wholes(4)[VICTIM]
    forged = {x: X25519PrivateKey.from_private_bytes(coins(x)(32)) for x in names(4)[1:]}
    adverts = {VICTIM: node.advert()}
    for x, key in forged.items():
        adverts[x] = write_mask_advert(identity("the hub").sign, CONTEXT, x, key.public_key().public_bytes_raw())
    masked = node.mask(encoded(parts)[VICTIM], adverts, digests(adverts, ONLY_MASK), WIDE)
    add_masks(masked, WIDE, [], [pair(key, adverts, x, VICTIM) for x, key in forged.items()])
    assert np.array_equal(masked, fixed.encode(parts[VICTIM], 4))


def test_a_key_of_the_protocol_that_recovers_is_refused_here_and_the_other_way_round() -> None:
    """Of those keys shares are dealt out, and given to the hub for who was lost: it could then take masks off."""
    assert context("s", "g", "a", names(3)) != context("s", "g", "a", names(3), whole=True)
    bound, apart = context("s", "g", "a", names(3), whole=True), context("s", "g", "a", names(3))
    recovering = Member(apart, "hospital-01", identity("hospital-01").sign, public(names(3)), coins("r"))
    theirs = recovering.advert()
    nodes = wholes(3, bound)
    adverts = {x: node.advert() for x, node in nodes.items()}
    for false in (theirs, {"mask": theirs["mask"], "signature": theirs["signature"]}):
        node = wholes(3, bound)[VICTIM]
        shown = {**adverts, "hospital-01": false}
        with pytest.raises(Refused, match="hospital-01"):
            node.mask(encoded(figures(3))[VICTIM], shown, digests(shown, ONLY_MASK), WIDE)
    member = Member(apart, VICTIM, identity(VICTIM).sign, public(names(3)), coins("m"))
    own = member.advert()
    with pytest.raises(Refused, match="hospital-01"):
        member.shares({**adverts, VICTIM: own})


def test_somebody_left_out_of_the_list_is_noticed() -> None:
    nodes = wholes(5)
    adverts = {x: node.advert() for x, node in nodes.items()}
    fewer = {x: advert for x, advert in adverts.items() if x != "hospital-04"}
    with pytest.raises(Refused) as caught:
        nodes[VICTIM].mask(encoded(figures(5))[VICTIM], fewer, digests(fewer, ONLY_MASK), WIDE)
    assert caught.value.code == "not-everyone"


def test_a_neighbour_that_is_not_shown_is_noticed_among_many() -> None:
    nodes = wholes(60)
    adverts = {x: node.advert() for x, node in nodes.items()}
    everyone, needed = acquaint(CONTEXT, adverts, whole=True)
    assert len(needed[VICTIM]) == degree_of_whole(60) + 1 < 60
    shown = {o: adverts[o] for o in needed[VICTIM] if o != needed[VICTIM][1]}
    with pytest.raises(Refused, match=needed[VICTIM][1]):
        nodes[VICTIM].mask(encoded(figures(60))[VICTIM], shown, everyone, WIDE)


def test_nodes_that_were_told_different_digests_share_no_mask() -> None:
    """Of somebody far away, whose advert neither is shown: what they add does not cancel, so nothing is opened."""
    parts, nodes = figures(60), wholes(60)
    words = encoded(parts)
    adverts = {x: node.advert() for x, node in nodes.items()}
    everyone, needed = acquaint(CONTEXT, adverts, whole=True)
    masked = {x: nodes[x].mask(words[x], {o: adverts[o] for o in needed[x]}, everyone, WIDE) for x in names(60)[1:]}

    def bent_at(far: str) -> tuple[dict[str, bytes], tuple[str, ...]]:
        bent = {**everyone, far: b"\x01" * 32}
        return bent, neighbours(names(60), degree_of_whole(60), view(CONTEXT, bent))[VICTIM]

    bent, around = next((b, a) for x in names(60)[1:] for b, a in [bent_at(x)] if x not in a)
    masked[VICTIM] = nodes[VICTIM].mask(words[VICTIM], {o: adverts[o] for o in (VICTIM, *around)}, bent, WIDE)
    assert not np.any(add_up(masked, WIDE)[: 3 * WIDE] == add_up(words, WIDE)[: 3 * WIDE])
