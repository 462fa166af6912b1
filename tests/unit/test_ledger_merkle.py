"""The tree against published roots, and against each way a proof can be wrong."""

from __future__ import annotations

import pytest

from huizhen.kit.errors import BadInput, NotFound, Tampered
from huizhen.ledger.merkle import (
    EMPTY_ROOT,
    Tree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

ENTRIES = [bytes.fromhex(e) for e in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
"""The entries and roots by which implementations of Certificate Transparency test their RFC 6962 trees."""
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.fixture
def tree() -> Tree:
    tree = Tree()
    for entry in ENTRIES:
        tree.append(entry)
    return tree


def test_roots_of_every_size_are_the_published_ones(tree: Tree) -> None:
    assert [tree.root(size).hex() for size in range(9)] == ROOTS
    assert tree.root().hex() == ROOTS[-1]
    assert tree.root(0) == EMPTY_ROOT


def test_seven_leaves_have_the_paths_and_proofs_of_the_rfc() -> None:
    """RFC 9162, 2.1.5 draws this tree and lists these proofs."""
    d = [leaf_hash(bytes([i])) for i in range(7)]
    a, b, c, e, f, j = d[0], d[1], d[2], d[3], d[4], d[6]
    g, h, i = node_hash(a, b), node_hash(c, e), node_hash(f, d[5])
    k, left = node_hash(i, j), node_hash(g, h)
    tree = Tree(d)
    assert tree.root() == node_hash(left, k)
    assert tree.inclusion_proof(0) == (b, h, k)
    assert tree.inclusion_proof(3) == (c, g, k)
    assert tree.inclusion_proof(4) == (d[5], j, left)
    assert tree.inclusion_proof(6) == (i, left)
    assert tree.consistency_proof(3) == (c, e, g, k)
    assert tree.consistency_proof(4) == (k,)
    assert tree.consistency_proof(6) == (i, j, left)


def test_entries_are_counted_from_zero_and_their_hashes_kept(tree: Tree) -> None:
    assert len(tree) == 8
    assert tree.append(b"ninth") == 8
    assert tree.leaf(8) == leaf_hash(b"ninth")
    assert tree.root(8).hex() == ROOTS[8]


def test_an_entry_that_is_not_there_is_not_proven(tree: Tree) -> None:
    for wrong in (
        lambda: tree.inclusion_proof(8),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.inclusion_proof(5, 5),
        lambda: tree.inclusion_proof(0, 9),
        lambda: tree.consistency_proof(5, 4),
        lambda: tree.consistency_proof(-1),
        lambda: tree.root(9),
        lambda: tree.leaf(8),
    ):
        with pytest.raises(NotFound):
            wrong()
    with pytest.raises(BadInput):
        tree.append_hash(b"short")


def test_the_same_proof_convinces_of_nothing_else(tree: Tree) -> None:
    root, path, leaf = tree.root(), tree.inclusion_proof(5), leaf_hash(ENTRIES[5])
    verify_inclusion(leaf, 5, 8, path, root)
    for index, size, steps, hashed, top in (
        (4, 8, path, leaf, root),
        (5, 7, path, leaf, tree.root(7)),
        (5, 6, path, leaf, root),
        (5, 5, path, leaf, root),
        (-1, 8, path, leaf, root),
        (5, 8, path[:-1], leaf, root),
        (5, 8, (*path, path[0]), leaf, root),
        (5, 8, (path[1], path[0], path[2]), leaf, root),
        (5, 8, (path[0][:31], *path[1:]), leaf, root),
        (5, 8, path, leaf_hash(b"another"), root),
        (5, 8, path, leaf, tree.root(7)),
    ):
        with pytest.raises(Tampered) as caught:
            verify_inclusion(hashed, index, size, steps, top)
        assert caught.value.code == "not-in-ledger"


def test_a_node_of_the_tree_cannot_pass_for_an_entry() -> None:
    """Second preimage: without the prefixes 0x00 and 0x01 two hashes side by side would be an entry (RFC 9162)."""
    pair = Tree([leaf_hash(b"a"), leaf_hash(b"b")])
    forged = leaf_hash(b"a") + leaf_hash(b"b")
    with pytest.raises(Tampered):
        verify_inclusion(leaf_hash(forged), 0, 1, (), pair.root())


def test_bytes_cannot_be_moved_between_two_hashes() -> None:
    """Both stand side by side when hashed: without their fixed length a shorter leaf would have a longer sibling."""
    a, b = leaf_hash(b"a"), leaf_hash(b"b")
    root = node_hash(a, b)
    assert node_hash(a[:31], a[31:] + b) == root
    verify_inclusion(a, 0, 2, [b], root)
    with pytest.raises(Tampered):
        verify_inclusion(a[:31], 0, 2, [a[31:] + b], root)
    verify_consistency(1, 2, [b], a, root)
    with pytest.raises(Tampered):
        verify_consistency(1, 2, [a[31:] + b], a[:31], root)


def test_consistency_of_empty_equal_and_shorter_ledgers(tree: Tree) -> None:
    verify_consistency(0, 8, (), EMPTY_ROOT, tree.root())
    verify_consistency(0, 0, (), EMPTY_ROOT, EMPTY_ROOT)
    verify_consistency(8, 8, (), tree.root(), tree.root())
    path = tree.consistency_proof(6)
    verify_consistency(6, 8, path, tree.root(6), tree.root())
    for old, new, steps, was, now in (
        (0, 8, (), tree.root(1), tree.root()),
        (0, 8, path, EMPTY_ROOT, tree.root()),
        (0, 0, (), EMPTY_ROOT, tree.root()),
        (8, 8, path, tree.root(), tree.root()),
        (8, 8, (), tree.root(7), tree.root()),
        (8, 6, path, tree.root(), tree.root(6)),
        (-1, 8, path, tree.root(6), tree.root()),
        (6, 8, (), tree.root(6), tree.root()),
        (4, 8, (), tree.root(4), tree.root()),
        (5, 8, path, tree.root(5), tree.root()),
        (6, 7, path, tree.root(6), tree.root(7)),
        (4, 16, tree.consistency_proof(4), tree.root(4), tree.root()),
        (6, 8, (*path, path[0]), tree.root(6), tree.root()),
        (6, 8, path[:-1], tree.root(6), tree.root()),
        (6, 8, (path[0] + b"x", *path[1:]), tree.root(6), tree.root()),
    ):
        with pytest.raises(Tampered) as caught:
            verify_consistency(old, new, steps, was, now)
        assert caught.value.code == "not-append-only"
