"""One secure sum, step by step: who may be lost and when, and what each step refuses."""

import itertools

import numpy as np
import pytest

from huizhen.kit import wire
from huizhen.kit.errors import HuizhenError, Lost, Refused, Tampered
from huizhen.secure.advert import check_adverts, digests, view, write_advert
from huizhen.secure.graph import degree_and_threshold, neighbours
from huizhen.secure.opening import open_sum, route
from huizhen.secure.ring import total
from huizhen.secure.session import Member
from secure_round import CONTEXT, Seen, coins, identity, members, names, play, public

WIDE = 4
STEPS = ("shares", "mask", "confirm", "unmask")


def vectors(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.integers(0, 2**64, 3 * WIDE + 5, dtype=np.uint64) for name in names(n)}


def code_of(caught: pytest.ExceptionInfo[HuizhenError]) -> str:
    return caught.value.code


@pytest.mark.parametrize("n", range(3, 13))
def test_a_third_may_be_lost_at_any_step_and_no_more(n: int) -> None:
    """Every number of losses at every step, and a mixture of steps; always the exact total over those left."""
    words = vectors(n)
    may_go = n - degree_and_threshold(n)[1]
    assert may_go == (n // 3 if n > 3 else 0)
    patterns = [dict.fromkeys(names(n)[-k:], step) for k in range(1, may_go + 2) for step in STEPS] + [{}]
    patterns.append(dict(zip(names(n)[:may_go], itertools.cycle(STEPS), strict=False)))
    for lost in patterns:
        nodes = members(n)
        if len(lost) > may_go:
            with pytest.raises((Refused, Lost)) as caught:
                play(nodes, words, WIDE, lost).open(WIDE)
            assert code_of(caught) in {"too-few-left", "too-few-answered", "no-agreement"}
            continue
        seen = play(nodes, words, WIDE, lost)
        left = [name for name in names(n) if lost.get(name) not in {"shares", "mask"}]
        assert list(seen.masked) == left
        assert np.array_equal(seen.open(WIDE), total([words[name] for name in left], WIDE))


@pytest.mark.parametrize("when", list(itertools.product(STEPS, repeat=2)), ids="-".join)
def test_any_two_of_six_may_be_lost_at_any_two_steps(when: tuple[str, str]) -> None:
    words = vectors(6)
    for who in (("hospital-00", "hospital-01"), ("hospital-02", "hospital-05"), ("hospital-04", "hospital-03")):
        lost = dict(zip(who, when, strict=True))
        seen = play(members(6), words, WIDE, lost)
        left = [name for name in names(6) if lost.get(name) not in {"shares", "mask"}]
        assert np.array_equal(seen.open(WIDE), total([words[name] for name in left], WIDE))


def test_any_one_of_four_may_be_lost_at_any_step() -> None:
    words = vectors(4)
    for who, step in itertools.product(names(4), STEPS):
        left = [name for name in names(4) if name != who or step in {"confirm", "unmask"}]
        seen = play(members(4), words, WIDE, {who: step})
        assert np.array_equal(seen.open(WIDE), total([words[name] for name in left], WIDE))


def test_one_that_is_lost_before_its_advert_is_simply_not_there() -> None:
    words = vectors(9)
    seen = play(members(9), words, WIDE, dict.fromkeys(names(9)[:3], "advert"))
    assert np.array_equal(seen.open(WIDE), total([words[name] for name in names(9)[3:]], WIDE))
    with pytest.raises(Refused, match="Only 5 of 9"):
        play(members(9), words, WIDE, dict.fromkeys(names(9)[:4], "advert"))


def test_sixty_four_nodes_on_a_sparse_graph_lose_a_tenth_at_each_step() -> None:
    n = 64
    degree, _ = degree_and_threshold(n)
    assert degree < n - 1
    words = vectors(n)
    for step in STEPS:
        lost = dict.fromkeys(names(n)[5::10], step)
        seen = play(members(n), words, WIDE, lost)
        assert all(len(sealed) == degree for sealed in seen.sealed.values())
        left = [name for name in names(n) if step in {"confirm", "unmask"} or name not in lost]
        assert np.array_equal(seen.open(WIDE), total([words[name] for name in left], WIDE))


def test_a_whole_neighbourhood_lost_on_a_sparse_graph_ends_the_round_in_words() -> None:
    n, words = 64, vectors(64)
    nodes = members(n)
    degree, _ = degree_and_threshold(n)
    seen = play(nodes, words, WIDE)
    around = neighbours(names(n), degree, view(CONTEXT, digests(seen.adverts)))
    silent = around["hospital-00"][: degree // 2]
    replies = {name: reply for name, reply in seen.replies.items() if name not in silent}
    with pytest.raises(Lost) as caught:
        open_sum(CONTEXT, seen.adverts, seen.sealed, seen.masked, replies, wide=WIDE)
    assert code_of(caught) == "too-few-answered"
    assert caught.value.what.zh


def test_all_messages_travel() -> None:
    """The same sum with every message as bytes on the wire."""
    words, nodes = vectors(4), members(4)

    def carry(message: object) -> object:
        return wire.decode(wire.encode(message))

    adverts = carry({n: m.advert() for n, m in nodes.items()})
    sealed = carry({n: m.shares(carry(adverts)) for n, m in nodes.items()})
    incoming = carry(route(sealed))
    masked = carry({n: m.mask(words[n], incoming[n], WIDE) for n, m in nodes.items()})
    tags = carry(route({n: m.confirm(sorted(masked)) for n, m in nodes.items()}))
    replies = carry({n: m.unmask(sorted(masked), tags[n]) for n, m in nodes.items()})
    got = open_sum(CONTEXT, adverts, sealed, masked, replies, wide=WIDE)
    assert np.array_equal(got, total(list(words.values()), WIDE))


def test_threads_do_not_change_the_masked_vector() -> None:
    words = vectors(3)
    plain, threaded = members(3), members(3)
    outcome = []
    for nodes, threads in ((plain, 1), (threaded, 3)):
        adverts = {n: m.advert() for n, m in nodes.items()}
        incoming = route({n: m.shares(adverts) for n, m in nodes.items()})
        outcome.append([m.mask(words[n], incoming[n], WIDE, threads) for n, m in nodes.items()])
    assert all(np.array_equal(a, b) for a, b in zip(*outcome, strict=True))


def test_the_callers_vector_is_left_as_it_was() -> None:
    words = vectors(3)
    before = {name: v.copy() for name, v in words.items()}
    play(members(3), words, WIDE)
    assert all(np.array_equal(words[name], before[name]) for name in words)


@pytest.mark.parametrize("skip", range(5))
def test_steps_come_in_order_and_once(skip: int) -> None:
    node = members(3)["hospital-00"]
    asks = [
        node.advert,
        lambda: node.shares({}),
        lambda: node.mask(np.zeros(3, dtype=np.uint64), {}, 1),
        lambda: node.confirm([]),
        lambda: node.unmask([], {}),
    ]
    with pytest.raises(Refused) as caught:
        for ask in (asks[skip], asks[skip]) if skip == 0 else (asks[skip],):
            ask()
    assert code_of(caught) == "out-of-order"
    with pytest.raises(Refused):
        node.advert()


def test_a_step_that_was_refused_is_the_last() -> None:
    nodes = members(3)
    adverts = {n: m.advert() for n, m in nodes.items()}
    node = nodes["hospital-00"]
    with pytest.raises(Refused):
        node.shares({n: a for n, a in adverts.items() if n != "hospital-01"})
    for again in (lambda: node.shares(adverts), lambda: node.mask(np.zeros(3, dtype=np.uint64), {}, 1)):
        with pytest.raises(Refused) as caught:
            again()
        assert code_of(caught) == "out-of-order"


@pytest.mark.parametrize("n", [1, 2])
def test_two_nodes_do_not_sum(n: int) -> None:
    with pytest.raises(Refused) as caught:
        members(n)
    assert code_of(caught) == "too-few-nodes"


def test_one_identity_under_two_names_is_one_node() -> None:
    keys = public(names(3))
    keys["hospital-02"] = keys["hospital-01"]
    with pytest.raises(Refused) as caught:
        Member(CONTEXT, "hospital-00", identity("hospital-00").sign, keys, coins(""))
    assert code_of(caught) == "too-few-nodes"
    with pytest.raises(Refused):
        Member(CONTEXT, "nobody", identity("nobody").sign, public(names(3)), coins(""))


@pytest.mark.parametrize(
    "told",
    [
        ["hospital-01", "hospital-02", "hospital-03"],
        ["hospital-00", "hospital-01", "hospital-02", "hospital-99"],
        ["hospital-00", "hospital-01", "hospital-02", "hospital-02"],
    ],
    ids=["without itself", "with a stranger", "one twice"],
)
def test_survivors_that_cannot_be_are_refused(told: list[str]) -> None:
    with pytest.raises(Refused) as caught:
        masked_members(4)["hospital-00"].confirm(told)
    assert code_of(caught) == "bad-survivors"


def test_one_whose_shares_never_came_cannot_be_among_the_left() -> None:
    nodes = masked_members(4, silent="hospital-03")
    with pytest.raises(Refused) as caught:
        nodes["hospital-00"].confirm(names(4))
    assert code_of(caught) == "bad-survivors"


def test_too_few_survivors_are_refused() -> None:
    with pytest.raises(Refused, match="Only 5 of 9"):
        masked_members(9)["hospital-00"].confirm(names(9)[:5])


def test_a_share_that_was_tampered_with_is_named() -> None:
    nodes = members(4)
    adverts = {n: m.advert() for n, m in nodes.items()}
    incoming = route({n: m.shares(adverts) for n, m in nodes.items()})
    to_first = incoming["hospital-00"]
    swapped = {**to_first, "hospital-01": to_first["hospital-02"]}
    with pytest.raises(Refused, match="hospital-01") as caught:
        nodes["hospital-00"].mask(np.zeros(3, dtype=np.uint64), swapped, 1)
    assert code_of(caught) == "bad-share"
    flipped = {**incoming["hospital-01"], "hospital-03": bytes([to_first["hospital-03"][0] ^ 1]) + bytes(81)}
    with pytest.raises(Refused, match="hospital-03"):
        nodes["hospital-01"].mask(np.zeros(3, dtype=np.uint64), flipped, 1)
    with pytest.raises(Refused, match="stranger"):
        nodes["hospital-02"].mask(np.zeros(3, dtype=np.uint64), {**incoming["hospital-02"], "stranger": b""}, 1)


def test_too_few_shares_that_came_in_are_too_few_to_mask_with() -> None:
    nodes = members(9)
    adverts = {n: m.advert() for n, m in nodes.items()}
    incoming = route({n: m.shares(adverts) for n, m in nodes.items()})["hospital-00"]
    with pytest.raises(Refused, match="Only 5 of 9"):
        nodes["hospital-00"].mask(np.zeros(3, dtype=np.uint64), dict(list(incoming.items())[:4]), 1)


def test_one_false_share_is_done_without_and_too_many_are_called_so() -> None:
    words = vectors(6)
    seen = play(members(6), words, WIDE)
    give_false_shares(seen, ["hospital-02"])
    assert np.array_equal(seen.open(WIDE), total(list(words.values()), WIDE))
    give_false_shares(seen, ["hospital-00", "hospital-04"])
    with pytest.raises(Tampered, match="hospital-00") as caught:
        seen.open(WIDE)
    assert code_of(caught) == "false-shares"


def test_false_shares_of_a_lost_key_are_called_so() -> None:
    words = vectors(4)
    seen = play(members(4), words, WIDE, {"hospital-03": "mask"})
    give_false_shares(seen, ["hospital-02"])
    with pytest.raises(Tampered):
        seen.open(WIDE)


def give_false_shares(seen: Seen, liars: list[str]) -> None:
    for liar in liars:
        at = 1 + names(len(seen.adverts)).index(liar)
        seen.replies[liar] = {
            name: {kind: share[:at] + bytes([share[at] ^ 1]) + share[at + 1 :] for kind, share in one.items()}
            for name, one in seen.replies[liar].items()
        }


def masked_members(n: int, silent: str | None = None, **more: object) -> dict[str, Member]:
    nodes = members(n, **more)
    adverts = {name: m.advert() for name, m in nodes.items()}
    sealed = {name: m.shares(adverts) for name, m in nodes.items() if name != silent}
    for name, incoming in route(sealed).items():
        nodes[name].mask(np.zeros(3, dtype=np.uint64), incoming, 1)
    return nodes


def test_a_low_order_key_is_a_bad_advert() -> None:
    """An all-zero X25519 key gives everybody the same secret (RFC 7748, section 6.1)."""
    nodes = members(3)
    adverts = {n: m.advert() for n, m in nodes.items()}
    for part in (0, 1):
        key = [adverts["hospital-02"]["cipher"], adverts["hospital-02"]["mask"]]
        key[part] = bytes(32)
        forged = write_advert(identity("hospital-02").sign, CONTEXT, "hospital-02", (key[0], key[1]), b"s" * 32)
        with pytest.raises(Refused, match="hospital-02") as caught:
            nodes[f"hospital-0{part}"].shares({**adverts, "hospital-02": forged})
        assert code_of(caught) == "bad-advert"


def test_an_advert_that_is_no_advert_is_refused_in_words() -> None:
    keys = public(names(3))
    good = {n: m.advert() for n, m in members(3).items()}
    one = good["hospital-01"]
    for bad in (b"", {}, {**one, "more": b""}, {**one, "mask": one["mask"][:31]}, {**one, "mask": "x" * 32}):
        with pytest.raises(Refused, match="hospital-01"):
            check_adverts(CONTEXT, {**good, "hospital-01": bad}, keys)


def test_junk_from_a_node_is_refused_in_words_or_done_without() -> None:
    words = vectors(5)
    for junk in ({}, {"hospital-00": {}}, {"hospital-00": {"seed": "text"}}, {"hospital-00": None}, None):
        seen = play(members(5), words, WIDE)
        seen.replies["hospital-04"] = junk
        assert np.array_equal(seen.open(WIDE), total(list(words.values()), WIDE))
    seen = play(members(5), words, WIDE)
    seen.masked["hospital-04"] = seen.masked["hospital-04"][:-1]
    with pytest.raises(Tampered) as caught:
        seen.open(WIDE)
    assert code_of(caught) == "bad-vector"


def test_junk_from_the_hub_is_refused_in_words() -> None:
    nodes = members(3)
    adverts = {n: m.advert() for n, m in nodes.items()}
    incoming = route({n: m.shares(adverts) for n, m in nodes.items()})
    with pytest.raises(Refused, match="hospital-01"):
        nodes["hospital-00"].mask(np.zeros(3, dtype=np.uint64), {**incoming["hospital-00"], "hospital-01": "text"}, 1)
    node = masked_members(3)["hospital-00"]
    node.confirm(names(3))
    with pytest.raises(Refused) as caught:
        node.unmask(names(3), {"hospital-01": "text", "hospital-02": None})
    assert code_of(caught) == "no-agreement"


def test_among_many_a_third_that_is_lost_at_once_takes_a_second_attempt() -> None:
    """Each node has few holders, and of some too many are gone; drawn anew, the graph is of those who are there."""
    gone, words = names(60)[::3], vectors(60)
    with pytest.raises(Refused) as caught:
        play(members(60), words, WIDE, dict.fromkeys(gone, "mask"))
    assert caught.value.code == "too-few-left"
    seen = play(members(60, seed="again"), words, WIDE, dict.fromkeys(gone, "advert"))
    left = [name for name in names(60) if name not in gone]
    assert sorted(seen.masked) == left and len(left) == 40
    assert np.array_equal(seen.open(WIDE), total([words[name] for name in left], WIDE))
