"""Attacks on a ledger: by a thief with the hub's disk, by the hub with its key, by a hub that plays hospitals off.

Each is carried out on a real signed and witnessed ledger of a whole study, and each is found, at the right entry.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.kit.canonical import canonical
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput, HuizhenError
from huizhen.ledger import checkpoint as cp
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.finding import codes
from huizhen.ledger.merkle import Tree, leaf_hash
from huizhen.ledger.note import COSIGNATURE, VerifierKey
from huizhen.ledger.story import StoredDocument, Story, WitnessCopy, verify_story
from ledger_region import HUB, HUB_KEY, KEYS, NODES, ORIGIN, OTHER, PRICE, SETTLEMENT, START, Region, region

SOUND = region()
PROPOSED, OPENED, GUARDED, RELEASED, SETTLED = 7, 9, 13, 14, 15
LAST = len(SOUND.leaves) - 1


def sound() -> Region:
    return copy.deepcopy(SOUND)


def test_the_untouched_ledger_holds() -> None:
    assert SOUND.findings() == ()
    without = sound()
    without.hashes = None
    assert without.findings() == ()


Attack = Callable[[Region], Region | None]
ATTACKS: dict[str, tuple[Attack, str, int | None]] = {}


def attack(code: str, index: int | None) -> Callable[[Attack], Attack]:
    """Register an attack with the finding that must name it, and the entry."""

    def register(function: Attack) -> Attack:
        ATTACKS[function.__name__] = (function, code, index)
        return function

    return register


@attack("bad-entry", RELEASED)
def a_thief_adds_a_space_to_an_entry(r: Region) -> None:
    r.leaves[RELEASED] = r.leaves[RELEASED].replace(b'":"', b'": "', 1)


@attack("changed-entry", OPENED)
def a_thief_swaps_the_actor_of_an_entry(r: Region) -> None:
    r.edit(OPENED, actor="somebody")


@attack("changed-hash", OPENED)
def a_thief_changes_the_kept_hash_only(r: Region) -> None:
    assert r.hashes is not None
    r.hashes[OPENED] = bytes(32)


@attack("root-differs", 11)
def a_thief_changes_an_entry_and_its_kept_hash(r: Region) -> None:
    """The checkpoints still tell, as exactly as they can: between the second (11 entries) and the third."""
    assert r.hashes is not None
    r.edit(RELEASED, actor="somebody")
    r.hashes[RELEASED] = leaf_hash(r.leaves[RELEASED])


@attack("root-differs", 0)
def a_thief_puts_two_entries_in_the_other_order(r: Region) -> None:
    r.hashes = None
    r.leaves[1], r.leaves[2] = r.leaves[2], r.leaves[1]


@attack("entries-missing", 11)
def a_thief_removes_the_settlement(r: Region) -> None:
    r.hashes = None
    del r.leaves[SETTLED]


@attack("entries-missing", 11)
def a_thief_removes_the_last_entry(r: Region) -> None:
    r.hashes = None
    del r.leaves[LAST]


@attack("changed-document", RELEASED)
def a_thief_rewrites_a_release(r: Region) -> None:
    hashed = json.loads(r.leaves[RELEASED])["refs"]["release"]
    r.documents[hashed] = r.documents[hashed]._replace(content=b"releasE")


@attack("missing-document", RELEASED)
def a_thief_deletes_a_release(r: Region) -> None:
    del r.documents[json.loads(r.leaves[RELEASED])["refs"]["release"]]


@attack("stray-document", None)
def somebody_leaves_a_document_behind(r: Region) -> None:
    r.documents["00" * 32] = StoredDocument(b"salt" * 4, b"content")


@attack("bad-checkpoint", 7)
def a_thief_changes_a_checkpoint(r: Region) -> None:
    r.checkpoints[1] = r.checkpoints[1].replace(b"\n11\n", b"\n12\n")


@attack("bad-checkpoint", 7)
def the_hub_moves_old_cosignatures_to_a_new_checkpoint(r: Region) -> None:
    text, _, lines = r.checkpoints[1].decode().partition("\n\n")
    fresh = cp.sign(Checkpoint(ORIGIN, 9, r.tree().root(9)), HUB).decode()
    assert text
    r.checkpoints[1] = (fresh + "".join(f"{line}\n" for line in lines.split("\n")[1:-1])).encode()


@attack("no-checkpoint", None)
def the_hub_deletes_all_checkpoints(r: Region) -> None:
    r.checkpoints = []


@attack("unwitnessed", None)
def the_hub_strips_the_cosignatures(r: Region) -> None:
    r.checkpoints = [cp.sign(cp.open_signed(c, HUB_KEY).checkpoint, HUB) for c in r.checkpoints]


@attack("unwitnessed", None)
def the_verifier_is_told_to_ask_for_no_witness(r: Region) -> None:
    r.quorum = 0
    the_hub_strips_the_cosignatures(r)


@attack("unwitnessed", None)
def the_verifier_is_given_no_witnesses(r: Region) -> None:
    r.copies, r.quorum = {}, 0


@attack("witness-differs", 0)
def the_hub_rewrites_history_with_its_own_key(r: Region) -> None:
    """Entry, kept hash and every later checkpoint, all signed by the hub: only the hospitals' own copies differ."""
    r.edit(RELEASED, actor="somebody")
    resign(r)


@attack("witness-differs", 0)
def the_hub_rewrites_history_with_two_hospitals(r: Region) -> None:
    """Two of three collude and keep new copies; a quorum of two is met, and the third still tells."""
    r.edit(RELEASED, actor="somebody")
    resign(r)
    r.copies["east"] = r.copies["west"] = None
    r.checkpoint("east", "west")
    r.quorum = 2


@attack("witness-differs", 11)
def the_hub_shows_two_hospitals_two_ledgers(r: Region) -> None:
    """A fork after entry 10: north and east follow one branch, west is shown the other."""
    del r.leaves[11:], r.checkpoints[2:]
    r.hashes, r.quorum = None, 2
    r.copies = dict.fromkeys(NODES, r.checkpoints[1])
    r.documents = {h: d for h, d in r.documents.items() if any(h.encode() in leaf for leaf in r.leaves)}
    fork = copy.deepcopy(r)
    r.record("consent-changed", "north", epoch=5)
    r.checkpoint("north", "east")
    fork.record("consent-changed", "north", epoch=6)
    fork.checkpoint("west")
    r.copies["west"] = fork.copies["west"]


@attack("bad-checkpoint", 7)
def a_thief_renames_a_witness(r: Region) -> None:
    r.checkpoints[1] = r.checkpoints[1].replace("— north".encode(), "— nortg".encode())


@attack("witness-saw-more", LAST - 3)
def the_hub_forgets_what_the_hospitals_saw(r: Region) -> None:
    del r.leaves[-4:], r.checkpoints[-1:]
    r.hashes = None
    resign(r)


@attack("witness-copy-bad", None)
def a_thief_changes_a_hospitals_own_copy(r: Region) -> None:
    kept = r.copies["north"]
    assert kept
    r.copies["north"] = kept.replace(ORIGIN.encode(), b"hub.example/other")


@attack("witness-silent", None)
def a_hospital_has_never_cosigned(r: Region) -> None:
    r.copies["north"], r.quorum = None, 2


@attack("checkpoint-order", None)
def the_hub_signs_a_shorter_ledger_again(r: Region) -> None:
    r.checkpoints.append(r.checkpoints[0])


@attack("not-yet-witnessed", LAST + 1)
def the_hub_records_what_no_hospital_has_seen(r: Region) -> None:
    r.record("consent-changed", "north", epoch=5)
    r.checkpoint()


@attack("not-yet-witnessed", LAST + 1)
def one_hospital_is_missing(r: Region) -> None:
    r.record("consent-changed", "north", epoch=5)
    r.checkpoint("east", "west")


@attack("time-backwards", RELEASED)
def an_entry_is_dated_back_and_everyone_signs(r: Region) -> Region:
    return forged(r, RELEASED, at_utc=stamp(START))


@attack("time-backwards", RELEASED)
def an_entry_is_dated_in_no_known_form(r: Region) -> Region:
    return forged(r, RELEASED, at_utc="2026-03-01")


@attack("unknown-kind", OPENED)
def an_entry_is_of_an_unknown_kind(r: Region) -> Region:
    return forged(r, OPENED, kind="study-opened-secretly")


@attack("wrong-beginning", 0)
def a_ledger_starts_in_the_middle(r: Region) -> Region:
    return forged(r, 0, kind="consent-changed")


@attack("wrong-beginning", OPENED + 1)
def a_region_is_created_twice(r: Region) -> Region:
    return forged(r, OPENED + 1, kind="region-created")


@attack("wrong-order", GUARDED)
def a_result_is_released_unguarded(r: Region) -> Region:
    return region(leave_out="study-guarded")


@attack("wrong-order", PROPOSED + 1)
def a_study_runs_without_being_authorised(r: Region) -> Region:
    return region(leave_out="study-authorised")


@attack("wrong-order", SETTLED + 1)
def a_study_is_settled_twice(r: Region) -> Region:
    return region(extra="study-settled")


@attack("round-order", 12)
def a_round_is_counted_twice(r: Region) -> Region:
    return forged(r, 12, facts={"round": 0})


@attack("wrong-study", PROPOSED + 1)
def another_study_is_authorised_than_was_proposed(r: Region) -> Region:
    refs = json.loads(r.leaves[PROPOSED + 1])["refs"]
    other = next(h for h, d in r.documents.items() if d.content == OTHER.canonical())
    return forged(r, PROPOSED + 1, refs={**refs, "study": other})


def settlement(**change: object) -> bytes:
    return canonical({**SETTLEMENT.as_json(), **change})


def line(party: str, fen: int) -> dict[str, object]:
    return {"party": party, "role": "hospital", "fen": fen}


@attack("bad-settlement", SETTLED)
def a_settlement_creates_a_fen(r: Region) -> Region:
    return region(settlement(lines=[line("east", PRICE + 1)]))


@attack("bad-settlement", SETTLED)
def a_settlement_takes_from_one_to_give_another(r: Region) -> Region:
    return region(settlement(lines=[line("east", PRICE + 1), line("west", -1)]))


@attack("bad-settlement", SETTLED)
def a_settlement_charges_more_than_was_offered(r: Region) -> Region:
    return region(settlement(price_fen=PRICE + 1, lines=[line("east", PRICE + 1)]))


@attack("bad-settlement", SETTLED)
def a_settlement_is_charged_to_another(r: Region) -> Region:
    return region(settlement(asker="somebody-else"))


@attack("bad-settlement", SETTLED)
def a_settlement_is_of_another_study(r: Region) -> Region:
    return region(settlement(study=OTHER.id))


@attack("bad-settlement", SETTLED)
def a_settlement_has_no_document(r: Region) -> Region:
    return forged(r, SETTLED, refs={})


def resign(r: Region) -> None:
    """All checkpoints again, over the entries as they now are, by the hub alone."""
    tree = r.tree()
    sizes = [cp.open_signed(c, HUB_KEY).checkpoint.size for c in r.checkpoints]
    r.checkpoints = [cp.sign(Checkpoint(ORIGIN, size, tree.root(size)), HUB) for size in sizes]
    if r.hashes is not None:
        r.hashes = [leaf_hash(leaf) for leaf in r.leaves]


def forged(r: Region, index: int, **change: object) -> Region:
    """The entry was wrong from the start: signed, co-signed, and wrong."""
    r.edit(index, **change)
    r.hashes, r.checkpoints, r.copies = None, [], dict.fromkeys(NODES)
    r.checkpoint(*NODES)
    return r


@pytest.mark.parametrize("name", ATTACKS)
def test_the_attack_is_found_and_its_entry_named(name: str) -> None:
    perform, code, index = ATTACKS[name]
    given_up = sound()
    attacked = perform(given_up) or given_up
    found = attacked.findings()
    assert [f.code for f in found if f.code == code], [f.code for f in found]
    named = next(f for f in found if f.code == code)
    assert named.index == index
    if index is not None:
        earlier = [f for f in found if f.severity == "broken" and f.index is not None and f.index < index]
        assert earlier == []
    if index is not None and index < len(attacked.leaves) and code != "bad-entry":
        entry = json.loads(attacked.leaves[index])
        assert (named.kind, named.subject) == (entry["kind"], entry["subject"])


OF_FILES = {
    "file-lacking", "bad-tile", "entries-withheld", "cosigned-ahead", "waiting-for-witnesses", "seen-differs",
    "seen-more", "anchored-differs", "anchored-more",
}  # fmt: skip
"""Findings of a log that is read from its files alone; tests/unit/test_ledger_audit.py attacks those."""


def test_every_kind_of_finding_has_an_attack_that_it_finds() -> None:
    assert {code for _, code, _ in ATTACKS.values()} == set(codes()) - OF_FILES


def test_a_changed_entry_is_named_before_all_that_follows_from_it() -> None:
    r = sound()
    a_thief_adds_a_space_to_an_entry(r)
    a_thief_swaps_the_actor_of_an_entry(r)
    found = r.findings()
    assert found[0].code == "changed-entry"
    assert found[0].index == OPENED
    assert next(f for f in found if f.code == "root-differs").index == OPENED


def test_one_wrong_time_is_told_once() -> None:
    """A clock that jumped ahead for one entry: the next is found, not all that follow."""
    r = forged(sound(), 5, at_utc="2099-01-01T00:00:00.000000Z")
    assert [(f.code, f.index) for f in r.findings()] == [("time-backwards", 6)]


def test_one_key_cannot_witness_twice() -> None:
    twin = VerifierKey.of("north-annex", COSIGNATURE, NODES["north"])
    witnesses = [WitnessCopy(KEYS["north"], None), WitnessCopy(twin, None)]
    with pytest.raises(BadInput) as caught:
        verify_story(Story([], {}, [], HUB_KEY, witnesses, 2))
    assert caught.value.code == "key-twice"


def test_a_damaged_hub_is_not_accused_of_showing_two_histories() -> None:
    r = sound()
    a_thief_changes_an_entry_and_its_kept_hash(r)
    assert [f.code for f in r.findings()] == ["root-differs"]
    the_hub_strips_the_cosignatures(r)
    assert {f.code for f in r.findings()} == {"root-differs", "unwitnessed"}


@settings(max_examples=120)
@given(st.data())
def test_one_bit_anywhere_in_the_files_is_found(draw: st.DataObject) -> None:
    """The hub's entries, kept hashes, documents, salts and checkpoints, and the hospitals' copies."""
    r = sound()
    assert r.hashes is not None
    where = draw.draw(st.sampled_from(["leaf", "hash", "document", "salt", "ref", "checkpoint", "copy"]))
    if where in ("leaf", "hash"):
        rows = r.leaves if where == "leaf" else r.hashes
        index = draw.draw(st.integers(0, len(rows) - 1))
        rows[index] = flip(draw, rows[index])
        first = r.findings()[0]
        assert (first.index, first.severity) == (index, "broken")
        assert first.code in ("bad-entry", "changed-entry", "changed-hash")
    elif where in ("document", "salt", "ref"):
        hashed = draw.draw(st.sampled_from(sorted(r.documents)))
        salt, content = r.documents[hashed]
        if where == "ref":
            r.documents[flip(draw, bytes.fromhex(hashed)).hex()] = r.documents.pop(hashed)
        elif where == "salt":
            r.documents[hashed] = StoredDocument(flip(draw, salt), content)
        else:
            r.documents[hashed] = StoredDocument(salt, flip(draw, content))
        index = next(i for i, leaf in enumerate(r.leaves) if hashed.encode() in leaf)
        first = r.findings()[0]
        assert (first.index, first.code) == (index, "missing-document" if where == "ref" else "changed-document")
    elif where == "checkpoint":
        number = draw.draw(st.integers(0, len(r.checkpoints) - 1))
        r.checkpoints[number] = flip(draw, r.checkpoints[number])
        assert "bad-checkpoint" in {f.code for f in r.findings()}
    else:
        name = draw.draw(st.sampled_from(sorted(NODES)))
        kept = r.copies[name]
        assert kept
        r.copies[name] = flip(draw, kept)
        assert r.findings()[0].code == "witness-copy-bad"


def flip(draw: st.DataObject, data: bytes) -> bytes:
    changed = bytearray(data)
    changed[draw.draw(st.integers(0, len(data) - 1))] ^= 1 << draw.draw(st.integers(0, 7))
    return bytes(changed)


def test_a_witness_cannot_be_led_back_or_onto_another_branch() -> None:
    """The node's own decision, before it co-signs, whatever the hub sends."""
    tree = SOUND.tree()
    kept = SOUND.copies["north"]
    assert kept
    old = cp.open_signed(kept, HUB_KEY).checkpoint
    evil = Tree(leaf_hash(leaf) for leaf in SOUND.leaves)
    branch = Tree(leaf_hash(leaf + b" ") for leaf in SOUND.leaves)
    for each in (evil, branch):
        each.append(b"one more")
    grown = Checkpoint(ORIGIN, len(evil), evil.root())
    cp.check_before_cosign(old, grown, evil.consistency_proof(old.size))
    forks = [
        (Checkpoint(ORIGIN, old.size - 1, tree.root(old.size - 1)), ()),
        (Checkpoint(ORIGIN, old.size, branch.root(old.size)), ()),
        (Checkpoint(ORIGIN, len(branch), branch.root()), branch.consistency_proof(old.size)),
        (Checkpoint(ORIGIN, len(branch), branch.root()), evil.consistency_proof(old.size)),
        (Checkpoint("hub.example/other", len(evil), evil.root()), evil.consistency_proof(old.size)),
    ]
    for new, proof in forks:
        with pytest.raises(HuizhenError) as caught:
            cp.check_before_cosign(old, new, proof)
        assert caught.value.code in ("ledger-rolled-back", "not-append-only", "another-ledger")


def test_what_is_said_holds_no_content_of_a_document() -> None:
    r = sound()
    for hashed, stored in r.documents.items():
        r.documents[hashed] = stored._replace(content=b"secret-row-value")
    said = "".join(f.say("en") + f.say("zh") for f in r.findings())
    assert said
    assert "secret-row-value" not in said


def test_checkpoints_by_hospitals_that_are_not_here_are_told_of_once_with_their_names() -> None:
    r = sound()
    for name in ("east", "north"):
        del r.copies[name]
    bad = [f for f in r.findings() if f.code == "bad-checkpoint"]
    assert len(bad) == 1 and "unknown-signer: east, north; 3 in all" in bad[0].what.en and "共 3 个" in bad[0].what.zh
