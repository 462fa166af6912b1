"""A proof file convinces whoever holds the keys, without hub or network, of its entry and of nothing else."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from huizhen.kit.errors import BadInput, NotFound, Tampered
from huizhen.ledger import checkpoint as cp
from huizhen.ledger import proof
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.merkle import Tree
from huizhen.ledger.note import COSIGNATURE, ED25519, VerifierKey

ORIGIN = "hub.example/region"
HUB = Ed25519PrivateKey.from_private_bytes(b"h" * 32)
NODE = Ed25519PrivateKey.from_private_bytes(b"n" * 32)
HUB_KEY = VerifierKey.of(ORIGIN, ED25519, HUB)
NODE_KEY = VerifierKey.of("north", COSIGNATURE, NODE)
LEAVES = [f'{{"entry":{i}}}'.encode() for i in range(13)]


@pytest.fixture(scope="module")
def tree() -> Tree:
    tree = Tree()
    for leaf in LEAVES:
        tree.append(leaf)
    return tree


@pytest.fixture(scope="module")
def signed(tree: Tree) -> bytes:
    opened = cp.open_signed(cp.sign(Checkpoint(ORIGIN, 11, tree.root(11)), HUB), HUB_KEY)
    return cp.with_cosignatures(opened, [cp.cosign(opened, "north", NODE, 1_700_000_000)], [NODE_KEY])


def test_every_entry_under_the_checkpoint_is_proven(tree: Tree, signed: bytes) -> None:
    for index in range(11):
        file = proof.make(tree, LEAVES[index], index, signed)
        proven = proof.verify(file, HUB_KEY, [NODE_KEY], 1)
        assert (proven.leaf, proven.index) == (LEAVES[index], index)
        assert proven.signed.witnessed == {"north": 1_700_000_000}
        assert proof.parse(file).serialise() == file


def test_the_file_has_the_lines_of_the_specification(tree: Tree, signed: bytes) -> None:
    lines = proof.make(tree, LEAVES[10], 10, signed).decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra eyJlbnRyeSI6MTB9", "index 10"]
    assert lines[5:9] == ["", ORIGIN, "11", lines[8]]
    assert lines[-4].startswith("— hub.example/region ") or lines[-3].startswith("— hub.example/region ")


def test_an_entry_beyond_the_checkpoint_is_not_proven(tree: Tree, signed: bytes) -> None:
    with pytest.raises(NotFound):
        proof.make(tree, LEAVES[12], 12, signed)


def test_only_the_keys_of_the_reader_count(tree: Tree, signed: bytes) -> None:
    file = proof.make(tree, LEAVES[3], 3, signed)
    other = VerifierKey.of("south", COSIGNATURE, Ed25519PrivateKey.from_private_bytes(b"s" * 32))
    with pytest.raises(Tampered):
        proof.verify(file, HUB_KEY, [other], 1)
    with pytest.raises(BadInput):
        proof.verify(file, HUB_KEY, [], 0)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.replace(b"index 3", b"index 4"),
        lambda d: d.replace(b"index 3", b"index 03"),
        lambda d: d.replace(b"index 3", b"index +3"),
        lambda d: d.replace(b"index 3", b"index -3"),
        lambda d: d.replace(b"index 3", b"index x"),
        lambda d: d.replace(b"extra eyJ", b"extra eyI"),
        lambda d: d.replace(b"extra", b"extras"),
        lambda d: d.replace(b"tlog-proof@v1", b"tlog-proof@v2"),
        lambda d: d.replace(b"\n", b"\r\n"),
        lambda d: d.replace(b"index 3\n", b"index 3\n\n"),
        lambda d: b"\n".join(d.split(b"\n")[:1] + d.split(b"\n")[2:]),
        lambda d: b"\n".join(d.split(b"\n")[:3] + d.split(b"\n")[4:]),
        lambda d: b"\n".join(d.split(b"\n")[:4] + d.split(b"\n")[3:]),
        lambda d: d + b"\n",
        lambda d: b"\xff" + d,
        lambda d: d[:100],
        lambda d: b"",
    ],
)
def test_the_file_is_read_strictly(tree: Tree, signed: bytes, change) -> None:
    file = proof.make(tree, LEAVES[3], 3, signed)
    changed = change(file)
    assert changed != file
    with pytest.raises(Tampered):
        proof.verify(changed, HUB_KEY, [NODE_KEY], 1)


def test_another_leaf_with_the_same_path_is_refused(tree: Tree, signed: bytes) -> None:
    """The extra data of the format is not authenticated by itself: here the path must lead from it."""
    with pytest.raises(Tampered) as caught:
        proof.verify(proof.make(tree, LEAVES[4], 3, signed), HUB_KEY, [NODE_KEY], 1)
    assert caught.value.code == "not-in-ledger"


def test_a_hash_of_another_length_is_no_path(tree: Tree, signed: bytes) -> None:
    lines = proof.make(tree, LEAVES[3], 3, signed).split(b"\n")
    lines[3] = b"QUFB"
    with pytest.raises(Tampered) as caught:
        proof.parse(b"\n".join(lines))
    assert caught.value.code == "bad-proof"


def test_no_file_is_made_that_would_not_be_read(tree: Tree, signed: bytes) -> None:
    with pytest.raises(Tampered) as caught:
        proof.make(tree, b"x" * proof.MAX_PROOF_BYTES, 3, signed)
    assert caught.value.code == "bad-proof"
