"""The tree and its entries as static files (C2SP tlog-tiles): 256 hashes, or 256 entries, to a file."""

from __future__ import annotations

import re
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from typing import NamedTuple, Protocol

from huizhen.kit.errors import BadInput, HuizhenError, Tampered
from huizhen.kit.text import Text
from huizhen.ledger.merkle import EMPTY_ROOT, HASH_BYTES, MerkleTree, node_hash

HEIGHT = 8
WIDTH = 1 << HEIGHT
"""Hashes of a full tile; entries of a full bundle."""
ENTRIES = -1
"""In place of a level: the entries themselves."""
LARGEST_ENTRY = (1 << 16) - 1
"""Bytes: the length before an entry in a bundle is a 16-bit number."""
LARGEST_FILE = WIDTH * (2 + LARGEST_ENTRY)
CHECKPOINT = "checkpoint"
PENDING = "pending"
"""The checkpoint that waits for its witnesses; a file of ours beside those of C2SP."""
_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_KEPT = 32


class Files(Protocol):
    """The files of a log, by their path below its prefix: in a folder, at a URL, in the hub's database."""

    def read(self, path: str) -> bytes:
        """Raises NotFound where there is no such file, Lost where there is no answer."""
        ...

    def read_all(self, paths: Iterable[str]) -> Iterator[bytes | HuizhenError]:
        """The same, one after the other, as fast as they come; for one that cannot be had, why."""
        ...


class Tile(NamedTuple):
    """Level and number from 0, or ENTRIES for a bundle; `width` below 256 for the last one of its level."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """E.g. tile/0/x001/067.p/12 (C2SP tlog-tiles, Merkle Tree)."""
        digits = f"{self.number:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[i : i + 3] for i in range(0, len(digits), 3)]
        name = "/".join([*(f"x{g}" for g in groups[:-1]), groups[-1]])
        level = "entries" if self.level == ENTRIES else str(self.level)
        return f"tile/{level}/{name}" + ("" if self.width == WIDTH else f".p/{self.width}")

    @classmethod
    def parse(cls, path: str) -> Tile | None:
        """The tile whose path this is; None for any other text, other ways to write the same included."""
        found = _PATH.fullmatch(path)
        if found is None or len(path) > 60:
            return None
        level, groups, last, width = found.groups()
        index = int(groups.replace("x", "").replace("/", "") + last)
        tile = cls(ENTRIES if level == "entries" else int(level), index, int(width or WIDTH))
        return tile if tile.path == path and tile.level < 64 else None

    @property
    def start(self) -> int:
        """The first entry below it."""
        return self.number << (HEIGHT * (max(self.level, 0) + 1))

    def exists(self, size: int) -> bool:
        """Whether a tree of so many entries has, or had, this very tile."""
        return self.number * WIDTH + self.width <= size >> (HEIGHT * max(self.level, 0))


def tile_of(level: int, index: int, size: int) -> Tile:
    """The tile at this place in a tree of `size` entries, as wide as it is there."""
    return Tile(level, index, min(WIDTH, (size >> (HEIGHT * max(level, 0))) - index * WIDTH))


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """The tiles and bundles of a tree of `new` entries that one of `old` did not have just so; none is empty."""
    for level in range(ENTRIES, 64):
        shift = HEIGHT * max(level, 0)
        before, now = old >> shift, new >> shift
        if not now:
            return
        if now > before:
            yield from (tile_of(level, index, new) for index in range(before // WIDTH, -(-now // WIDTH)))


def encode_bundle(leaves: Iterable[bytes]) -> bytes:
    """Entries, each after its length as a big-endian 16-bit number. Raises BadInput("entry-too-large")."""
    parts = []
    for leaf in leaves:
        check_entry(leaf)
        parts += [struct.pack(">H", len(leaf)), leaf]
    return b"".join(parts)


def check_entry(leaf: bytes) -> None:
    """Raises BadInput for an entry that would not go into a bundle."""
    if len(leaf) > LARGEST_ENTRY:
        raise BadInput(
            "entry-too-large",
            Text(f"An entry of the ledger has {len(leaf)} bytes.", f"一条账本条目有 {len(leaf)} 字节。"),
            Text(
                f"At most {LARGEST_ENTRY} are possible: shorten what is said.", f"最多 {LARGEST_ENTRY} 字节，请缩短。"
            ),
        )


def decode_bundle(data: bytes, width: int) -> list[bytes]:
    """The `width` entries of a bundle. Raises Tampered("bad-bundle") for anything else."""
    found, at, end = [], 0, len(data)
    while at + 2 <= end:
        after = at + 2 + (data[at] << 8 | data[at + 1])
        found.append(data[at + 2 : after])
        at = after
    if at != end or len(found) != width:
        raise Tampered(
            "bad-bundle",
            Text("A file of entries is cut off or damaged.", "条目文件被截断或已损坏。"),
            Text("Get it again; if it stays so, keep it and ask the hub's operator.",
                 "请重新获取；若仍如此，请保留并询问中心运营方。"),
        )  # fmt: skip
    return found


def fold(hashes: bytes) -> bytes:
    """Root of the complete subtree over 2**k hashes of 32 bytes."""
    while len(hashes) > HASH_BYTES:
        hashes = b"".join([sha256(b"\x01" + hashes[i : i + 64]).digest() for i in range(0, len(hashes), 64)])
    return hashes


class TileTree(MerkleTree):
    """A tree of `size` entries of which a tile is read when a root or a proof needs it; some are kept in memory."""

    def __init__(self, read: Callable[[Tile], bytes], size: int) -> None:
        self._read, self._size = read, size
        self._kept: OrderedDict[Tile, bytes] = OrderedDict()

    def _subtree(self, height: int, position: int) -> bytes:
        level, rest = divmod(height, HEIGHT)
        index, at = divmod(position << rest, WIDTH)
        hashes = self.tile(tile_of(level, index, self._size))
        return fold(hashes[at * HASH_BYTES : (at + (1 << rest)) * HASH_BYTES])

    def tile(self, tile: Tile) -> bytes:
        """Its hashes. Raises Tampered("bad-tile") unless they are as many as its width."""
        if tile in self._kept:
            self._kept.move_to_end(tile)
            return self._kept[tile]
        hashes = check_tile(tile, self._read(tile))
        self._kept[tile] = hashes
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return hashes


def check_tile(tile: Tile, hashes: bytes) -> bytes:
    """The hashes. Raises Tampered("bad-tile") unless they are as many as the tile's width."""
    if len(hashes) != tile.width * HASH_BYTES:
        raise Tampered(
            "bad-tile",
            Text(f"{tile.path} has not the length of a tile.", f"{tile.path} 的长度不是一个分片的长度。"),
            Text("Get it again; if it stays so, keep it and ask the hub's operator.",
                 "请重新获取；若仍如此，请保留并询问中心运营方。"),
        )  # fmt: skip
    return hashes


class Frontier:
    """The tree as far as it is needed to go on: the hashes of its last, partial tile, and a root for each bit of the
    number of full ones."""

    def __init__(self) -> None:
        self._tail = bytearray()
        self._roots: list[tuple[int, bytes]] = []
        self._full = 0

    def __len__(self) -> int:
        return self._full * WIDTH + len(self._tail) // HASH_BYTES

    def add(self, hashes: bytes) -> list[bytes]:
        """Append entries by their leaf hashes, 32 bytes each; the roots of the level-0 tiles that became full."""
        self._tail += hashes
        full = []
        while len(self._tail) >= WIDTH * HASH_BYTES:
            full.append(fold(bytes(self._tail[: WIDTH * HASH_BYTES])))
            del self._tail[: WIDTH * HASH_BYTES]
            self.add_tile(full[-1])
        return full

    def add_tile(self, root: bytes) -> None:
        """Append a full level-0 tile by its root, where the last one is full."""
        self._full += 1
        height, roots = HEIGHT, self._roots
        while roots and roots[-1][0] == height:
            root = node_hash(roots.pop()[1], root)
            height += 1
        roots.append((height, root))

    def root(self) -> bytes:
        """Root of all entries so far."""
        parts, at, left = [root for _, root in self._roots], 0, len(self._tail) // HASH_BYTES
        while left:
            step = 1 << (left.bit_length() - 1)
            parts.append(fold(bytes(self._tail[at : at + step * HASH_BYTES])))
            at, left = at + step * HASH_BYTES, left - step
        if not parts:
            return EMPTY_ROOT
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root


def files_tree(files: Files, size: int) -> TileTree:
    """The tree of `size` entries that these files give; nothing of it is trusted before its root is compared."""
    return TileTree(lambda tile: files.read(tile.path), size)


def read_leaves(files: Files, size: int) -> Iterator[bytes]:
    """The entries of a log of that size, from the first on; nothing of it is trusted before its root is compared.

    Raises what reading a file raises, and Tampered.
    """
    bundles = [tile_of(ENTRIES, index, size) for index in range(-(-size // WIDTH))]
    for bundle, data in zip(bundles, files.read_all(b.path for b in bundles), strict=True):
        if isinstance(data, HuizhenError):
            raise data
        yield from decode_bundle(data, bundle.width)
