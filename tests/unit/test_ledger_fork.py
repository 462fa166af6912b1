"""Evidence of a fork convinces whoever knows the hub's key, and nothing else passes for one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.kit.errors import BadInput, Tampered
from huizhen.ledger import fork
from huizhen.ledger.checkpoint import Checkpoint, open_signed, sign
from huizhen.ledger.note import ED25519, VerifierKey
from huizhen.ledger.submission import Submission
from witnessed import HUB_KEY, ORIGIN, Published

sizes = st.integers(1, 40)


@settings(max_examples=60, deadline=None)
@given(sizes, sizes, st.data())
def test_every_fork_can_be_proven_and_no_honest_pair_can(one: int, other: int, data: st.DataObject) -> None:
    parting = data.draw(st.integers(0, min(one, other) - 1))
    left = Published().grow(one)
    right = left.branch(parting).grow(other - parting, branch="!")
    longer = left if one >= other else right
    found = fork.find(left.signed(), right.signed(), longer.tree())
    assert found is not None and fork.read(found.serialise(), HUB_KEY) == found
    honest = Published().grow(max(one, other))
    assert fork.find(honest.signed(one), honest.signed(other), honest.tree()) is None


@pytest.fixture
def found() -> fork.Fork:
    left = Published().grow(13)
    right = left.branch(7).grow(14, branch="!")
    proven = fork.find(left.signed(), right.signed(), right.tree())
    assert proven is not None
    return proven


def test_what_was_changed_in_the_evidence_proves_nothing(found: fork.Fork) -> None:
    whole = found.serialise()
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 1
        with pytest.raises((Tampered, BadInput)):
            fork.read(bytes(changed), HUB_KEY)


def test_an_honest_hub_cannot_be_accused(found: fork.Fork) -> None:
    honest = Published().grow(21)
    old, new = honest.signed(13), honest.signed(21)
    for steps in ((), found.steps, honest.tree().consistency_proof(13, 21), found.steps[:-1]):
        with pytest.raises(Tampered, match="do not contradict"):
            fork.read(fork.Fork(old, new, tuple(steps)).serialise(), HUB_KEY)
    with pytest.raises(Tampered, match="do not contradict"):
        fork.read(fork.Fork(old, old, ()).serialise(), HUB_KEY)
    with pytest.raises(Tampered, match="do not contradict"):
        fork.read(replace(found, shorter=found.longer, longer=found.shorter).serialise(), HUB_KEY)


def test_a_fork_of_a_hub_with_another_key_accuses_nobody(found: fork.Fork) -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    note = sign(Checkpoint(ORIGIN, 13, bytes(32)), other)
    signed = open_signed(note, VerifierKey.of(ORIGIN, ED25519, other))
    with pytest.raises(Tampered, match="No trusted key"):
        fork.read(fork.Fork(signed, found.longer, found.steps).serialise(), HUB_KEY)


def test_two_roots_of_one_size_are_a_fork_by_themselves() -> None:
    left = Published().grow(5)
    right = left.branch(4).grow(1, branch="!")
    found = fork.find(left.signed(), right.signed(), None)
    assert found is not None and found.steps == () and fork.read(found.serialise(), HUB_KEY) == found


def test_tiles_that_are_not_those_of_the_checkpoint_prove_nothing() -> None:
    left = Published().grow(5)
    with pytest.raises(Tampered, match="do not give the root"):
        fork.find(left.signed(), left.branch(5).grow(3).signed(), left.branch(2).grow(6, branch="!").tree())


def test_requests_read_back_and_no_others() -> None:
    note = Published().grow(3).files["pending"]
    asked = Submission(2, (bytes(32), bytes(range(32))), note)
    assert Submission.parse(asked.serialise()) == asked
    whole = asked.serialise()
    for wrong in (
        whole.replace(b"old 2", b"old 02"), whole.replace(b"old 2", b"old -2"), whole.replace(b"old 2", b"old 2 "),
        whole.replace(b"old", b"OLD"), whole.replace(b"A=\n", b"A\n", 1), b"", b"old 1\n",
        Submission(2, (bytes(32),) * 64, note).serialise(), Submission(2, (bytes(31),), note).serialise(),
        whole + bytes(1 << 16),
    ):  # fmt: skip
        with pytest.raises(BadInput, match="no request"):
            Submission.parse(wrong)
