"""The hub against a secure sum: it listens, asks again, swaps keys, lies about who is left, and has nodes on its side.

Each attack is played for real. Each is also played with the one thing that protects against it taken away, and then
succeeds: so it is the protection that stops it, not a mistake in the attack.
"""

import itertools
from collections.abc import Iterable, Mapping

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from scipy.stats import chisquare, spearmanr

from huizhen.kit.errors import Lost, Refused
from huizhen.model.partial import Partial
from huizhen.secure import fixed, shamir
from huizhen.secure.advert import digests, view, write_advert
from huizhen.secure.graph import degree_and_threshold, neighbours
from huizhen.secure.mask import add_masks
from huizhen.secure.opening import acquaint, open_sum, route
from huizhen.secure.ring import total
from huizhen.secure.session import Member, pair_mask_key, self_mask_key
from secure_round import CONTEXT, Seen, coins, identity, members, names, play

VICTIM = "hospital-00"


def figures(n: int, size: int = 5) -> dict[str, Partial]:
    random = np.random.default_rng(11)
    return {
        name: Partial({"events": random.integers(0, 90, size), "score": random.normal(size=size) * 1e3})
        for name in names(n)
    }


def encoded(parts: Mapping[str, Partial]) -> dict[str, np.ndarray]:
    return {name: fixed.encode(part, len(parts)) for name, part in parts.items()}


def is_opened(words: np.ndarray, part: Partial) -> bool:
    """Whether these words are this node's figures, or any one figure of them."""
    got = fixed.decode(words, part.layout())
    return any(bool(np.any(got[name] == part[name])) for name in part.fields)


def shares_for(seen: Seen, name: str, kind: str) -> dict[int, bytes]:
    """The shares of one secret that the hub was given, by place among the holders (all nodes)."""
    holders = sorted(seen.adverts)
    return {
        holders.index(by) + 1: reply[name][kind] for by, reply in seen.replies.items() if kind in reply.get(name, {})
    }


def strip(seen: Seen, name: str, seed: bytes, mask_key: bytes, wide: int) -> np.ndarray:
    """A masked vector less its own mask and all its pair masks: what the hub could do if it had both secrets."""
    seen_by_all, key = view(seen.context, digests(seen.adverts)), X25519PrivateKey.from_private_bytes(mask_key)
    plus, minus = [self_mask_key(seed, seen_by_all, name)], []
    for other in seen.sealed:
        if other != name:
            shared = key.exchange(X25519PublicKey.from_public_bytes(seen.adverts[other]["mask"]))
            (plus if name < other else minus).append(pair_mask_key(shared, seen_by_all, name, other))
    words = seen.masked[name].copy()
    add_masks(words, wide, minus, plus)
    return words


# A hub that listens


@pytest.mark.parametrize("n", [3, 7])
def test_a_listening_hub_opens_no_single_vector(n: int) -> None:
    """With all it hears it gets the seed of a node's own mask; its pair masks stay. With the mask key they go too."""
    parts, nodes = figures(n), members(n)
    seen = play(nodes, encoded(parts), 5)
    threshold = degree_and_threshold(n)[1]
    seed = shamir.recover(shares_for(seen, VICTIM, "seed"), threshold)
    assert shares_for(seen, VICTIM, "key") == {}
    best = seen.masked[VICTIM].copy()
    add_masks(best, 5, [], [self_mask_key(seed, view(seen.context, digests(seen.adverts)), VICTIM)])
    assert not is_opened(best, parts[VICTIM])
    for group in itertools.combinations(names(n), n - 1):
        without = total([seen.masked[name] for name in group], 5)
        seeds = [shamir.recover(shares_for(seen, name, "seed"), threshold) for name in group]
        add_masks(
            without,
            5,
            [],
            [self_mask_key(s, view(CONTEXT, digests(seen.adverts)), g) for s, g in zip(seeds, group, strict=True)],
        )
        lone = total([seen.open(5), complement(without, 5)], 5)
        missing = next(name for name in names(n) if name not in group)
        assert not is_opened(lone, parts[missing])

    key = nodes[VICTIM]._mask.private_bytes_raw()
    assert np.array_equal(strip(seen, VICTIM, seed, key, 5), fixed.encode(parts[VICTIM], n))


def complement(words: np.ndarray, wide: int) -> np.ndarray:
    """Minus a vector: every bit turned, plus one."""
    one = np.zeros_like(words)
    one[:wide] = 1
    one[3 * wide :] = 1
    return total([~words, one], wide)


def test_what_comes_out_is_the_total_and_nothing_more_fine_grained() -> None:
    """Two ways to spread one total over the hospitals give the same words to the last bit, carries included.

    Limbs added apart from each other would tell them apart: control below.
    """
    spread = {
        "even": [Partial({"x": np.array([10000.0, -3.5])}) for _ in range(4)],
        "one has it all": [Partial({"x": np.array([x, y])}) for x, y in ((39997.0, -17.0), *[(1.0, 1.0)] * 3)],
    }
    opened, apart = [], []
    for parts in spread.values():
        words = encoded(dict(zip(names(4), parts, strict=True)))
        opened.append(play(members(4), words, 2).open(2))
        apart.append(np.sum(list(words.values()), axis=0, dtype=np.uint64))
    assert np.array_equal(*opened)
    assert not np.array_equal(*apart)


# What a masked vector looks like


def bytes_of(part: Partial, seed: str, masked: bool = True) -> np.ndarray:
    """The first node's vector as the hub sees it, in bytes."""
    words = {name: fixed.encode(part, 3) for name in names(3)}
    wide = fixed.wide(part.layout())
    return (play(members(3, seed=seed), words, wide).masked if masked else words)[VICTIM].view(np.uint8)


ZEROS = Partial({"x": np.zeros(20000)})
COUNTS = Partial({"x": np.arange(20000) % 7 * 1.0})


@pytest.mark.parametrize("part", [ZEROS, COUNTS], ids=["zeros", "counts"])
def test_a_masked_vector_is_uniform_whatever_is_in_it(part: Partial) -> None:
    def p_value(seen: np.ndarray) -> float:
        return float(chisquare(np.bincount(seen, minlength=256)).pvalue)

    assert p_value(bytes_of(part, "uniform")) > 1e-4
    assert p_value(bytes_of(part, "uniform", masked=False)) < 1e-100


def test_the_same_figures_twice_look_unrelated() -> None:
    def alike(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean(a == b))

    first, second = bytes_of(COUNTS, "first"), bytes_of(COUNTS, "second")
    expected, spread = 1 / 256, (1 / 256 / len(first)) ** 0.5
    assert abs(alike(first, second) - expected) < 5 * spread
    assert alike(bytes_of(COUNTS, "first", masked=False), bytes_of(COUNTS, "second", masked=False)) == 1


def test_a_masked_vector_does_not_follow_the_figures_in_it() -> None:
    figure = COUNTS["x"]
    for limb in range(3):
        part = slice(limb * len(figure), (limb + 1) * len(figure))
        masked = bytes_of(COUNTS, "follow").view(np.uint64)[part]
        assert spearmanr(masked.astype(np.float64), figure).pvalue > 1e-4
    plain = bytes_of(COUNTS, "follow", masked=False).view(np.uint64)[len(figure) : 2 * len(figure)]
    assert spearmanr(plain.astype(np.float64), figure).statistic > 0.99


def test_which_of_two_data_sets_it_was_cannot_be_told_better_than_by_chance() -> None:
    """A distinguisher that is perfect on plain words guesses on masked ones."""

    def guess(seen: np.ndarray) -> bool:
        return bool(np.mean(seen) > 255 / 2)

    few = {False: Partial({"x": np.zeros(40)}), True: Partial({"x": np.full(40, -1.0)})}
    runs = [(truth, str(i)) for i in range(60) for truth in few]
    plain = sum(guess(bytes_of(few[truth], seed, masked=False)) == truth for truth, seed in runs[:4])
    masked = sum(guess(bytes_of(few[truth], seed)) == truth for truth, seed in runs)
    assert plain == 4
    assert abs(masked - len(runs) / 2) < 4 * (len(runs) / 4) ** 0.5


# A hub that asks again, or for more


def until_masked(nodes: Mapping[str, Member], words: Mapping[str, np.ndarray], wide: int) -> Seen:
    seen = Seen(adverts={n: m.advert() for n, m in nodes.items()})
    seen.sealed = {n: m.shares(seen.adverts) for n, m in nodes.items()}
    incoming = route(seen.sealed)
    seen.masked = {n: m.mask(words[n], incoming[n], wide) for n, m in nodes.items()}
    return seen


def test_a_node_gives_one_kind_of_share_and_one_answer() -> None:
    nodes = members(6)
    until_masked(nodes, encoded(figures(6)), 5)
    left = names(6)[:5]
    tags = route({n: nodes[n].confirm(left) for n in left})
    for n in left:
        reply = nodes[n].unmask(left, tags[n])
        assert all(len(kinds) == 1 for kinds in reply.values())
        assert {name for name, kinds in reply.items() if "key" in kinds} == {"hospital-05"}
        for again in (left, names(6)):
            for ask in (lambda n=n, s=again: nodes[n].confirm(s), lambda n=n, s=again: nodes[n].unmask(s, tags[n])):
                with pytest.raises(Refused) as caught:
                    ask()
                assert caught.value.code == "out-of-order"


def test_survivors_changed_between_confirming_and_unmasking_are_refused() -> None:
    nodes = members(6)
    until_masked(nodes, encoded(figures(6)), 5)
    everyone = names(6)
    tags = route({n: nodes[n].confirm(everyone) for n in everyone})
    with pytest.raises(Refused) as caught:
        nodes[VICTIM].unmask(everyone[:5], tags[VICTIM])
    assert caught.value.code == "no-agreement"


def test_with_both_kinds_of_share_a_vector_would_open() -> None:
    """Control of the test above: a node that answers twice gives the hub both secrets, and they open the vector."""

    class Forgetful(Member):
        def unmask(self, survivors, confirmations):  # type: ignore[no-untyped-def]
            return {name: {"seed": seed, "key": key} for name, (seed, key) in self._held.items()}

    parts = figures(6)
    seen = play(members(6, kind=Forgetful), encoded(parts), 5)
    threshold = degree_and_threshold(6)[1]
    secrets = [shamir.recover(shares_for(seen, VICTIM, kind), threshold) for kind in ("seed", "key")]
    assert np.array_equal(strip(seen, VICTIM, *secrets, 5), fixed.encode(parts[VICTIM], 6))


@pytest.mark.parametrize("ask", ["shares", "mask"])
def test_a_member_masks_one_vector(ask: str) -> None:
    """A second vector under the same masks would give the hub the difference of the two."""
    nodes = members(3)
    parts = figures(3)
    seen = until_masked(nodes, encoded(parts), 5)
    with pytest.raises(Refused) as caught:
        if ask == "shares":
            nodes[VICTIM].shares(seen.adverts)
        else:
            nodes[VICTIM].mask(encoded(parts)[VICTIM], route(seen.sealed)[VICTIM], 5)
    assert caught.value.code == "out-of-order"

    other = fixed.encode(Partial({"events": np.arange(5), "score": np.ones(5)}), 3)
    again = members(3)
    for node in again.values():
        node.advert()
    sealed = {n: m.shares(seen.adverts) for n, m in again.items()}
    reused = again[VICTIM].mask(other, route(sealed)[VICTIM], 5)
    difference = total([seen.masked[VICTIM], complement(reused, 5)], 5)
    assert np.array_equal(difference, total([encoded(parts)[VICTIM], complement(other, 5)], 5))


# A hub with nodes on its side


@pytest.mark.parametrize("n", [4, 7, 12])
def test_colluding_nodes_short_of_the_threshold_open_nothing(n: int) -> None:
    """They pool every share they hold; with one node more they would have both secrets of the victim."""
    parts, nodes = figures(n), members(n)
    seen = until_masked(nodes, encoded(parts), 5)
    threshold = degree_and_threshold(n)[1]
    crowd = [name for name in names(n) if name != VICTIM]

    def pooled(colluders: Iterable[str], kind: int) -> dict[int, bytes]:
        return {names(n).index(c) + 1: nodes[c]._held[VICTIM][kind] for c in colluders}

    few = crowd[: threshold - 1]
    with pytest.raises(ValueError, match="too few"):
        shamir.recover(pooled(few, 0), threshold)
    wrong = shamir.recover(pooled(few, 0), threshold - 1)
    assert wrong != nodes[VICTIM]._seed
    if threshold <= len(crowd):
        secrets = [shamir.recover(pooled(crowd[:threshold], kind), threshold) for kind in (0, 1)]
        assert np.array_equal(strip(seen, VICTIM, *secrets, 5), fixed.encode(parts[VICTIM], n))


def test_colluding_nodes_know_their_own_masks_and_still_not_the_victims() -> None:
    """They take their pair masks off the victim's vector; those it shares with two honest nodes remain."""
    parts, nodes = figures(5), members(5)
    seen = play(nodes, encoded(parts), 5)
    crowd = ["hospital-03", "hospital-04"]
    seed = shamir.recover(shares_for(seen, VICTIM, "seed"), 4)
    left = seen.masked[VICTIM].copy()
    add_masks(left, 5, [], [self_mask_key(seed, view(CONTEXT, digests(seen.adverts)), VICTIM)])
    for c in crowd:
        add_masks(left, 5, [], [nodes[c]._channels[VICTIM].mask])
    assert not is_opened(left, parts[VICTIM])
    for honest in ("hospital-01", "hospital-02"):
        add_masks(left, 5, [], [nodes[honest]._channels[VICTIM].mask])
    assert np.array_equal(left, fixed.encode(parts[VICTIM], 5))


# A hub that swaps keys


@pytest.mark.parametrize("part", ["cipher", "mask", "seed", "signature"])
@pytest.mark.parametrize("whose", ["hospital-01", VICTIM])
def test_an_advert_changed_by_one_bit_is_refused_and_named(part: str, whose: str) -> None:
    nodes = members(4)
    adverts = {n: m.advert() for n, m in nodes.items()}
    value = adverts[whose][part]
    adverts[whose] = {**adverts[whose], part: bytes([value[0] ^ 1]) + value[1:]}
    for name in (VICTIM, "hospital-02"):
        with pytest.raises(Refused, match=whose) as caught:
            nodes[name].shares(adverts)
        assert caught.value.code == "bad-advert"


def test_keys_that_the_hub_made_up_are_refused() -> None:
    nodes = members(4)
    adverts = {n: m.advert() for n, m in nodes.items()}
    adverts["hospital-01"] = hubs_advert("hospital-01")[0]
    with pytest.raises(Refused, match="hospital-01"):
        nodes[VICTIM].shares(adverts)


def hubs_advert(name: str) -> tuple[dict[str, bytes], tuple[X25519PrivateKey, X25519PrivateKey]]:
    private = tuple(X25519PrivateKey.from_private_bytes(coins(f"hub/{name}/{i}")(32)) for i in range(2))
    public = tuple(key.public_key().public_bytes_raw() for key in private)
    return write_advert(identity("the hub").sign, CONTEXT, name, public, coins(name)(32)), private


def test_had_the_signature_not_been_checked_the_hub_would_be_everybody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: with signatures unchecked, a hub in the middle plays all other nodes and opens the victim's vector."""
    monkeypatch.setattr("huizhen.secure.advert._is_signed", lambda *_: True)
    parts = figures(4)
    node = members(4)[VICTIM]
    forged = {n: hubs_advert(n) for n in names(4)[1:]}
    adverts = {VICTIM: node.advert(), **{n: advert for n, (advert, _) in forged.items()}}
    assert set(node.shares(adverts)) == set(forged)
    puppets = {}
    for n, (advert, (cipher, mask)) in forged.items():
        puppet = members(4)[n]
        puppet._cipher, puppet._mask, puppet._advert = cipher, mask, advert
        puppet.advert()
        puppets[n] = puppet
    incoming = {n: p.shares(adverts)[VICTIM] for n, p in puppets.items()}
    masked = node.mask(encoded(parts)[VICTIM], incoming, 5)
    tags = dict.fromkeys(puppets, b"")
    for n, puppet in puppets.items():
        puppet._survivors = frozenset(names(4))
        from hmac import digest

        tags[n] = digest(puppet._channels[VICTIM].tag, puppet._told(), "sha256")
    node.confirm(names(4))
    node.unmask(names(4), tags)
    add_masks(masked, 5, [], [self_mask_key(node._seed, node._view, VICTIM)])
    for puppet in puppets.values():
        add_masks(masked, 5, [], [puppet._channels[VICTIM].mask])
    assert np.array_equal(masked, fixed.encode(parts[VICTIM], 4))


@pytest.mark.parametrize("other", [b"study digest, grant digest, round 4, attempt 1", b"another study"])
def test_an_advert_of_another_round_does_not_pass_for_this_one(other: bytes) -> None:
    old = members(3, context=other)["hospital-01"].advert()
    nodes = members(3)
    adverts = {n: m.advert() for n, m in nodes.items()}
    with pytest.raises(Refused, match="hospital-01"):
        nodes[VICTIM].shares({**adverts, "hospital-01": old})
    nodes[VICTIM] = members(3)[VICTIM]
    nodes[VICTIM].advert()
    assert nodes[VICTIM].shares(adverts)


def test_keys_replayed_from_this_very_round_are_the_nodes_own_or_refused() -> None:
    """A node that restarted has new keys: its old advert, though signed by it for this context, is not its own now."""
    old = members(3, seed="before the restart")[VICTIM].advert()
    nodes = members(3)
    adverts = {n: m.advert() for n, m in nodes.items()}
    with pytest.raises(Refused, match=VICTIM):
        nodes[VICTIM].shares({**adverts, VICTIM: old})


def test_one_nodes_keys_do_not_serve_for_another() -> None:
    nodes = members(3)
    adverts = {n: m.advert() for n, m in nodes.items()}
    with pytest.raises(Refused, match="hospital-02"):
        nodes[VICTIM].shares({**adverts, "hospital-02": adverts["hospital-01"]})
    mine = adverts["hospital-01"]
    copied = write_advert(identity("hospital-02").sign, CONTEXT, "hospital-02", (mine["cipher"], mine["mask"]), b"")
    nodes = members(3)
    adverts = {n: m.advert() for n, m in nodes.items()}
    with pytest.raises(Refused, match="hospital-02"):
        nodes[VICTIM].shares({**adverts, "hospital-02": copied})


def test_nodes_that_were_shown_different_adverts_share_no_key() -> None:
    """The hub shows one node fewer adverts than the others: all are signed, but what is sealed does not open."""
    nodes = members(6)
    adverts = {n: m.advert() for n, m in nodes.items()}
    fewer = {n: a for n, a in adverts.items() if n != "hospital-05"}
    sealed = {n: m.shares(fewer if n == VICTIM else adverts) for n, m in nodes.items()}
    incoming = route(sealed)
    for name in (VICTIM, "hospital-01"):
        others = {n: s for n, s in incoming[name].items() if n != "hospital-05"}
        with pytest.raises(Refused) as caught:
            nodes[name].mask(encoded(figures(6))[name], others, 5)
        assert caught.value.code == "bad-share"


# A hub that lies about who is left


class Trusting(Member):
    """A node that does not compare with its neighbours what it was told."""

    def _is_agreed(self, confirmations: Mapping[str, bytes]) -> bool:
        return True


def lie(nodes: Mapping[str, Member], opened: list[str]) -> dict[str, list[str]]:
    """For each of 12 nodes a list of 8 survivors, such that each outside `opened` is called lost by 8 nodes."""
    lost = [n for n in nodes if n not in opened]
    told = {}
    for group in (opened, lost):
        for i, name in enumerate(group):
            gone = {lost[(i + s) % 6] for s in range(1, 5)}
            told[name] = [n for n in nodes if n not in gone]
    return told


def test_a_hub_that_tells_each_node_another_story_opens_nothing() -> None:
    """12 nodes, 8 shares open a secret. Each node is told of 8 survivors, as it demands, but each of others."""
    n, opened = 12, names(12)[:6]
    parts = figures(n)

    def attempt(kind: type[Member]) -> np.ndarray:
        nodes = members(n, kind=kind)
        seen = until_masked(nodes, encoded(parts), 5)
        told = lie(nodes, opened)
        tags = route({name: nodes[name].confirm(told[name]) for name in nodes})
        seen.replies = {name: nodes[name].unmask(told[name], tags[name]) for name in nodes}
        chosen = {name: seen.masked[name] for name in opened}
        return open_sum(seen.context, seen.adverts, seen.sealed, chosen, seen.replies, wide=5)

    with pytest.raises(Refused) as caught:
        attempt(Member)
    assert caught.value.code == "no-agreement"
    assert np.array_equal(attempt(Trusting), total([encoded(parts)[name] for name in opened], 5))


def surround(nodes: Mapping[str, Member]) -> dict[str, list[str]]:
    """On a sparse graph: for each node a list of survivors of two thirds of all, such that every neighbour of the
    victim is called lost by as many of its holders as it takes to open its mask key."""
    n = len(nodes)
    threshold = degree_and_threshold(n)[1]
    gone: dict[str, set[str]] = {name: set() for name in nodes}
    for target in nodes[VICTIM]._channels:
        holders = sorted(nodes[target]._channels, key=lambda name: (len(gone[name]), name))
        for holder in holders[:threshold]:
            gone[holder].add(target)
    assert all(len(lost) <= n // 3 and VICTIM not in lost for lost in gone.values())
    return {name: [other for other in nodes if other not in gone[name]] for name in nodes}


def test_a_sparse_neighbourhood_cannot_be_talked_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 nodes: by lies to each, all neighbours of one node are called lost, and it would stand alone in the sum."""
    n = 64
    parts = figures(n)

    def attempt(kind: type[Member]) -> np.ndarray:
        nodes = members(n, kind=kind)
        seen = until_masked(nodes, encoded(parts), 5)
        told = surround(nodes)
        tags = {name: nodes[name].confirm(told[name]) for name in nodes}
        carried = {name: {by: tags[by].get(name, b"") for by in nodes} for name in nodes}
        seen.replies = {name: nodes[name].unmask(told[name], carried[name]) for name in nodes}
        present = {VICTIM: None, **dict.fromkeys(nodes[VICTIM]._channels)}
        masked = {VICTIM: seen.masked[VICTIM]}
        return open_sum(seen.context, seen.adverts, present, masked, seen.replies, wide=5)

    with pytest.raises(Refused) as caught:
        attempt(Member)
    assert caught.value.code == "too-few-left"
    monkeypatch.setattr("huizhen.secure.session.check_enough", lambda *_: None)
    with pytest.raises(Refused) as caught:
        attempt(Member)
    assert caught.value.code == "no-agreement"
    assert np.array_equal(attempt(Trusting), fixed.encode(parts[VICTIM], n))


def test_two_survivor_sets_never_both_find_agreement() -> None:
    """However the hub splits the nodes between two stories, at most one story opens."""
    n = 6
    stories = names(6), names(6)[:5]
    for size in range(7):
        nodes = members(n)
        seen = until_masked(nodes, encoded(figures(n)), 5)
        told = {name: stories[0] if i < size or i == 5 else stories[1] for i, name in enumerate(names(n))}
        tags = route({name: nodes[name].confirm(told[name]) for name in nodes})
        answered: dict[tuple[str, ...], dict[str, dict[str, dict[str, bytes]]]] = {}
        for name in nodes:
            try:
                answered.setdefault(tuple(told[name]), {})[name] = nodes[name].unmask(told[name], tags[name])
            except Refused as refused:
                assert refused.code == "no-agreement"
        opened = []
        for story, replies in answered.items():
            chosen = {name: seen.masked[name] for name in story}
            try:
                opened.append(open_sum(seen.context, seen.adverts, seen.sealed, chosen, replies, wide=5))
            except Lost as lost:
                assert lost.code == "too-few-answered"
        assert len(opened) <= 1


def test_both_secrets_of_a_node_are_out_of_reach_of_any_lie() -> None:
    """Even among nodes that compare nothing, no split of the holders gives the hub t shares of each kind."""
    n = 7
    threshold = degree_and_threshold(n)[1]
    others = [name for name in names(n) if name != VICTIM]
    for size in range(n):
        nodes = members(n, kind=Trusting)
        seen = until_masked(nodes, encoded(figures(n)), 5)
        say_left = [VICTIM, *others[:size]]
        for name in names(n):
            told = names(n) if name in say_left else others
            nodes[name].confirm(told)
            seen.replies[name] = nodes[name].unmask(told, {})
        got = [len(shares_for(seen, VICTIM, kind)) >= threshold for kind in ("seed", "key")]
        assert not all(got)


def test_a_confirmation_is_for_one_pair_one_way_and_one_story() -> None:
    """Tags of other pairs, tags sent back to where they came from, and tags of another story do not count."""
    nodes = members(4)
    until_masked(nodes, encoded(figures(4)), 5)
    everyone = names(4)
    sent = {n: nodes[n].confirm(everyone) for n in everyone}
    tags = route(sent)
    own = sent[VICTIM]
    shuffled = dict(zip(tags[VICTIM], [*list(tags[VICTIM].values())[1:], b""], strict=True))
    for forged in (own, shuffled, tags["hospital-01"], {}):
        twin = members(4)
        until_masked(twin, encoded(figures(4)), 5)
        twin[VICTIM].confirm(everyone)
        with pytest.raises(Refused) as caught:
            twin[VICTIM].unmask(everyone, forged)
        assert caught.value.code == "no-agreement"
    assert nodes[VICTIM].unmask(everyone, tags[VICTIM])


# -- on a sparse graph: a node is shown its neighbours' keys, and a digest of everybody's


def acquainted(n: int = 64) -> tuple[dict[str, Member], dict[str, bytes], dict[str, Mapping[str, bytes]]]:
    """Nodes that have adverted, the digests, and the adverts that the victim is shown."""
    nodes = members(n)
    adverts = {name: m.advert() for name, m in nodes.items()}
    everyone, needed = acquaint(CONTEXT, adverts)
    assert 3 < len(needed[VICTIM]) < n
    return nodes, everyone, {name: adverts[name] for name in needed[VICTIM]}


def test_a_neighbours_advert_that_is_not_the_one_of_its_digest_is_refused() -> None:
    """The neighbour signed both; it would stand with two different keys before two nodes."""
    nodes, everyone, shown = acquainted()
    other = next(name for name in shown if name != VICTIM)
    second = members(64, seed="another")[other].advert()
    with pytest.raises(Refused, match=other) as caught:
        nodes[VICTIM].shares({**shown, other: second}, everyone)
    assert caught.value.code == "bad-advert"


def test_a_neighbour_that_the_hub_does_not_show_or_makes_up_is_refused() -> None:
    for forge in (False, True):
        nodes, everyone, shown = acquainted()
        other = next(name for name in shown if name != VICTIM)
        if forge:
            shown[other] = hubs_advert(other)[0]
            everyone |= digests({other: shown[other]})
        else:
            del shown[other]
        with pytest.raises(Refused) as caught:
            nodes[VICTIM].shares(shown, everyone)
        assert caught.value.code == "bad-advert"


@pytest.mark.parametrize("how", ["stranger", "twice", "short", "own"])
def test_digests_that_cannot_be_are_refused(how: str) -> None:
    nodes, everyone, shown = acquainted()
    far = [name for name in everyone if name not in shown]
    if how == "stranger":
        everyone["stranger"] = bytes(32)
    elif how == "twice":
        everyone[far[0]] = everyone[far[1]]
    elif how == "short":
        everyone[far[0]] = b""
    else:
        everyone[VICTIM] = bytes(32)
    with pytest.raises(Refused) as caught:
        nodes[VICTIM].shares(shown, everyone)
    assert caught.value.code == "bad-advert"


def test_nodes_that_were_told_different_digests_of_somebody_far_away_share_no_key() -> None:
    nodes, everyone, shown = acquainted()
    adverts = {name: m._advert for name, m in nodes.items()}
    far = next(name for name in everyone if name not in shown)
    bent = {**everyone, far: bytes(32)}
    around = neighbours(list(bent), degree_and_threshold(64)[0], view(CONTEXT, bent))[VICTIM]
    sealed = nodes[VICTIM].shares({name: adverts[name] for name in (VICTIM, *around)}, bent)
    other = next(name for name in around if name in shown and name != far)
    _, needed = acquaint(CONTEXT, adverts)
    theirs = nodes[other].shares({name: adverts[name] for name in needed[other]}, everyone)
    with pytest.raises(Refused, match=VICTIM) as caught:
        nodes[other].mask(np.zeros(3, dtype=np.uint64), {VICTIM: sealed[other]}, 1)
    assert caught.value.code == "bad-share"
    with pytest.raises(Refused, match=other):
        nodes[VICTIM].mask(np.zeros(3, dtype=np.uint64), {other: theirs[VICTIM]}, 1)
