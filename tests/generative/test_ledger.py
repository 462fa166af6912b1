"""For every size: the tree is the one of the RFC's recursive definition, and its proofs prove exactly what is so."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.kit.errors import HuizhenError, Tampered
from huizhen.ledger import note
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import Tree, leaf_hash, verify_consistency, verify_inclusion
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey

PRIVATE = Ed25519PrivateKey.from_private_bytes(b"p" * 32)

entries = st.lists(st.binary(max_size=8), max_size=70)
keys = st.sampled_from([VerifierKey.of("hub.example/a", k, PRIVATE) for k in (ED25519, COSIGNATURE)])
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30).map(lambda t: t + "x\n")


def naive_root(data: Sequence[bytes]) -> bytes:
    """MTH as RFC 9162, 2.1.1 writes it."""
    if not data:
        return sha256(b"").digest()
    if len(data) == 1:
        return sha256(b"\x00" + data[0]).digest()
    k = largest_power_below(len(data))
    return sha256(b"\x01" + naive_root(data[:k]) + naive_root(data[k:])).digest()


def naive_path(m: int, data: Sequence[bytes]) -> list[bytes]:
    """PATH as RFC 9162, 2.1.3.1 writes it."""
    if len(data) == 1:
        return []
    k = largest_power_below(len(data))
    if m < k:
        return [*naive_path(m, data[:k]), naive_root(data[k:])]
    return [*naive_path(m - k, data[k:]), naive_root(data[:k])]


def naive_subproof(m: int, data: Sequence[bytes], complete: bool) -> list[bytes]:
    """SUBPROOF as RFC 9162, 2.1.4.1 writes it."""
    if m == len(data):
        return [] if complete else [naive_root(data)]
    k = largest_power_below(len(data))
    if m <= k:
        return [*naive_subproof(m, data[:k], complete), naive_root(data[k:])]
    return [*naive_subproof(m - k, data[k:], False), naive_root(data[:k])]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def grown(data: Sequence[bytes]) -> Tree:
    tree = Tree()
    for entry in data:
        tree.append(entry)
    return tree


@given(entries)
def test_every_root_is_that_of_the_definition(data: list[bytes]) -> None:
    tree = grown(data)
    assert [tree.root(n) for n in range(len(data) + 1)] == [naive_root(data[:n]) for n in range(len(data) + 1)]
    assert Tree(leaf_hash(e) for e in data).root() == tree.root()


@given(entries.filter(bool), st.data())
def test_every_entry_is_proven_in_every_size(data: list[bytes], draw: st.DataObject) -> None:
    size = draw.draw(st.integers(1, len(data)))
    index = draw.draw(st.integers(0, size - 1))
    tree = grown(data)
    path = tree.inclusion_proof(index, size)
    assert list(path) == naive_path(index, data[:size])
    verify_inclusion(leaf_hash(data[index]), index, size, path, tree.root(size))


@given(entries, st.data())
def test_every_size_is_consistent_with_every_later_one(data: list[bytes], draw: st.DataObject) -> None:
    new = draw.draw(st.integers(0, len(data)))
    old = draw.draw(st.integers(0, new))
    tree = grown(data)
    path = tree.consistency_proof(old, new)
    assert list(path) == (naive_subproof(old, data[:new], True) if 0 < old < new else [])
    verify_consistency(old, new, path, tree.root(old), tree.root(new))


@given(entries.filter(bool), st.data())
def test_no_changed_proof_proves(data: list[bytes], draw: st.DataObject) -> None:
    """One bit of the leaf, of the path or of the root, another index: refused."""
    size = draw.draw(st.integers(1, len(data)))
    index = draw.draw(st.integers(0, size - 1))
    tree = grown(data)
    parts = [leaf_hash(data[index]), tree.root(size), *tree.inclusion_proof(index, size)]
    which, bit = draw.draw(st.integers(0, len(parts) - 1)), draw.draw(st.integers(0, 255))
    changed = list(parts)
    changed[which] = flipped(parts[which], bit)
    with pytest.raises(Tampered):
        verify_inclusion(changed[0], index, size, changed[2:], changed[1])
    other = draw.draw(st.integers(0, size - 1))
    if data[other] != data[index]:
        with pytest.raises(Tampered):
            verify_inclusion(parts[0], other, size, parts[2:], parts[1])


@given(entries.filter(lambda d: len(d) > 1), st.data())
def test_no_other_history_is_consistent(data: list[bytes], draw: st.DataObject) -> None:
    """Change one entry that was there before: no proof from the old root leads to the new one."""
    old = draw.draw(st.integers(1, len(data) - 1))
    index = draw.draw(st.integers(0, old - 1))
    tree = grown(data)
    rewritten = grown([*data[:index], data[index] + b"!", *data[index + 1 :]])
    for proof in (tree.consistency_proof(old), rewritten.consistency_proof(old)):
        with pytest.raises(Tampered):
            verify_consistency(old, len(data), proof, tree.root(old), rewritten.root())


def flipped(data: bytes, bit: int) -> bytes:
    bit %= 8 * len(data)
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@given(texts, keys, st.integers(0, 2**63 - 1))
def test_a_note_reads_back_as_it_was_signed(text: str, key: VerifierKey, at_unix_s: int) -> None:
    made = signed_by(text, key, at_unix_s)
    opened = note.parse_note(made.serialise())
    assert opened == made
    expected = at_unix_s if key.algorithm == COSIGNATURE else None
    assert note.verify_signatures(opened, [key]) == ((key, expected),)
    assert VerifierKey.parse(key.vkey) == key


@settings(max_examples=300)
@given(texts, keys, st.integers(0))
def test_one_bit_anywhere_spoils_a_note(text: str, key: VerifierKey, bit: int) -> None:
    data = signed_by(text, key, 1_700_000_000).serialise()
    with pytest.raises(Tampered):
        note.verify_signatures(note.parse_note(flipped(data, bit)), [key])


@settings(max_examples=300)
@given(st.binary(max_size=200) | texts.map(str.encode))
def test_reading_never_fails_otherwise_than_by_refusing(data: bytes) -> None:
    try:
        assert note.parse_note(data).serialise() == data
    except HuizhenError as refused:
        assert refused.code == "bad-note"


@given(st.text(max_size=80))
def test_a_checkpoint_is_read_strictly(text: str) -> None:
    try:
        assert Checkpoint.parse(text).text == text
    except HuizhenError as refused:
        assert refused.code == "bad-checkpoint"


def signed_by(text: str, key: VerifierKey, at_unix_s: int) -> note.Note:
    if key.algorithm == COSIGNATURE:
        return note.make_note(text, [note.cosign(text, key.name, PRIVATE, at_unix_s)])
    return note.make_note(text, [note.sign(text, key.name, PRIVATE)])
