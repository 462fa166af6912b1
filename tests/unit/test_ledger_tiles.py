"""Tiles: the paths and widths of C2SP tlog-tiles, bundles that read back, a tree that is the one in memory."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.kit.errors import BadInput, Tampered
from huizhen.ledger.merkle import EMPTY_ROOT, Tree, consistency_roots, consistency_steps
from huizhen.ledger.tiles import (
    ENTRIES,
    WIDTH,
    Frontier,
    Tile,
    TileTree,
    decode_bundle,
    encode_bundle,
    fold,
    tile_of,
    tiles_between,
)

HASHES = [random.Random(i).randbytes(32) for i in range(1400)]
TREE = Tree(HASHES)


def levels(size: int) -> list[bytes]:
    found = [b"".join(HASHES[:size])]
    while len(found[-1]) >= 32 * WIDTH:
        below = found[-1]
        found.append(b"".join(fold(below[i : i + 8192]) for i in range(0, len(below) // 8192 * 8192, 8192)))
    return found


def tile_tree(size: int) -> TileTree:
    hashes = levels(size)
    return TileTree(lambda t: hashes[t.level][32 * t.number * WIDTH : 32 * (t.number * WIDTH + t.width)], size)


def test_paths_are_those_of_the_standard() -> None:
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert Tile(ENTRIES, 0, 1).path == "tile/entries/000.p/1" and Tile(63, 999).path == "tile/63/999"
    for tile in (Tile(0, 1234067), Tile(5, 0, 255), Tile(ENTRIES, 1000, 7)):
        assert Tile.parse(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    ["tile/00/001", "tile/0/1", "tile/0/x000/001", "tile/0/001.p/256", "tile/0/001.p/0", "tile/0/001.p/01",
     "tile/64/000", "tile/0/001/", "tile/0/../001", "checkpoint", "tile/entries/001.p", "tile/0/٠٠١",
     "tile/0/" + "x001/" * 20 + "001"],
)  # fmt: skip
def test_another_way_to_write_a_path_is_no_path(path: str) -> None:
    assert Tile.parse(path) is None


def test_a_tree_of_70000_has_the_tiles_that_the_standard_says() -> None:
    tiles = [t for t in tiles_between(0, 70_000) if t.level != ENTRIES]
    full = {level: sum(t.level == level and t.width == WIDTH for t in tiles) for level in range(3)}
    assert full == {0: 273, 1: 1, 2: 0}
    assert [(t.level, t.width) for t in tiles if t.width < WIDTH] == [(0, 112), (1, 17), (2, 1)]
    assert [(t.level, t.width) for t in tiles_between(0, 256) if t.level >= 0] == [(0, 256), (1, 1)]
    assert [t.path for t in tiles_between(69_999, 70_000)] == ["tile/entries/273.p/112", "tile/0/273.p/112"]
    assert list(tiles_between(5, 5)) == []


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 767, 1399])
def test_roots_and_proofs_are_those_of_the_tree_in_memory(size: int) -> None:
    tree, draw = tile_tree(size), random.Random(size)
    assert tree.root() == TREE.root(size)
    for _ in range(20):
        index, old = draw.randrange(size), draw.randrange(size + 1)
        assert tree.inclusion_proof(index) == TREE.inclusion_proof(index, size)
        assert tree.consistency_proof(old) == TREE.consistency_proof(old, size)
        if 0 < old < size:
            steps = consistency_steps(tree, old, size)
            assert consistency_roots(old, size, steps) == (TREE.root(old), TREE.root(size))


@settings(max_examples=25)
@given(st.lists(st.integers(1, 400), max_size=6))
def test_the_frontier_goes_on_in_steps_of_any_length(steps: list[int]) -> None:
    frontier, at, full = Frontier(), 0, []
    assert frontier.root() == EMPTY_ROOT
    for step in steps:
        end = min(at + step, len(HASHES))
        full += frontier.add(b"".join(HASHES[at:end]))
        at = end
        assert len(frontier) == at and frontier.root() == TREE.root(at)
    assert b"".join(full) == (levels(at)[1:] or [b""])[0]


@given(st.lists(st.binary(max_size=40), max_size=20))
def test_bundles_read_back(leaves: list[bytes]) -> None:
    assert decode_bundle(encode_bundle(leaves), len(leaves)) == leaves


def test_a_bundle_of_another_length_is_refused() -> None:
    data = encode_bundle([b"one", b"two"])
    for wrong, width in ((data[:-1], 2), (data + b"\x00", 2), (data, 1), (data, 3), (data + b"\x00\x00", 2)):
        with pytest.raises(Tampered, match="cut off"):
            decode_bundle(wrong, width)
    with pytest.raises(BadInput, match="65536 bytes"):
        encode_bundle([bytes(1 << 16)])


def test_a_tile_of_another_length_is_refused() -> None:
    with pytest.raises(Tampered, match="length of a tile"):
        TileTree(lambda _t: bytes(31), 5).root()
    assert tile_of(0, 1, 300) == Tile(0, 1, 44)
