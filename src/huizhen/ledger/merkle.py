"""The Merkle tree of RFC 6962 / RFC 9162: append, prove that an entry is in, prove that nothing earlier changed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from hashlib import sha256

from huizhen.kit.errors import BadInput, NotFound, Tampered
from huizhen.kit.text import Text

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""Root of the tree without entries (RFC 9162, 2.1.1)."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry): the hash of one entry (RFC 9162, 2.1.1)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right): the hash of two subtrees (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


class MerkleTree(ABC):
    """Roots of any size and all proofs in O(log n) hashes, wherever the hashes of complete subtrees are kept."""

    _size = 0

    def __len__(self) -> int:
        return self._size

    @abstractmethod
    def _subtree(self, height: int, position: int) -> bytes:
        """MTH(D[position * 2**height : (position + 1) * 2**height]), a complete subtree; 32 bytes."""

    def leaf(self, index: int) -> bytes:
        """Leaf hash of the entry at `index`. Raises NotFound when there is none."""
        self._check(index, self._size)
        return self._subtree(0, index)

    def root(self, size: int | None = None) -> bytes:
        """Root of the first `size` entries (all by default). Raises NotFound when there are not so many."""
        size = self._size if size is None else size
        self._check_size(size)
        return self._range(0, size) if size else EMPTY_ROOT

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """PATH(index, D[0:size]) of RFC 9162, 2.1.3.1: siblings from the leaf to the root. Raises NotFound."""
        size = self._size if size is None else size
        self._check_size(size)
        self._check(index, size)
        start, end, path = 0, size, []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return tuple(reversed(path))

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """PROOF(old, D[0:new]) of RFC 9162, 2.1.4.1; empty when `old` is 0 or equals `new`. Raises NotFound."""
        new = self._size if new is None else new
        self._check_size(new)
        if not 0 <= old <= new:
            raise _no_entry(new)
        if old in (0, new):
            return ()
        start, end, complete, path = 0, new, True, []
        while end != old:
            middle = start + _split(end - start)
            if old <= middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start, complete = middle, False
        if not complete:
            path.append(self._range(start, end))
        return tuple(reversed(path))

    def _range(self, start: int, end: int) -> bytes:
        """MTH(D[start:end]) for a range that is itself a subtree: fold its compact range from the right."""
        width, at, parts = end - start, start, []
        if width & (width - 1) == 0:
            return self._subtree(width.bit_length() - 1, start // width)
        for height in reversed(range(width.bit_length())):
            if width >> height & 1:
                parts.append(self._subtree(height, at >> height))
                at += 1 << height
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root

    def _check(self, index: int, size: int) -> None:
        if not 0 <= index < size:
            raise _no_entry(size)

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self._size:
            raise _no_entry(self._size)


class Tree(MerkleTree):
    """In memory: all hashes of complete subtrees, by height, 32 bytes each: 64 bytes per entry.

    Appending hashes twice per entry on average.
    """

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels = [bytearray()]
        for each in leaf_hashes:
            self.append_hash(each)

    def append(self, entry: bytes) -> int:
        """Append one entry; its index, counted from zero."""
        return self.append_hash(leaf_hash(entry))

    def append_hash(self, hash_of_leaf: bytes) -> int:
        """Append an entry by its leaf hash; its index. Raises BadInput unless it has 32 bytes."""
        if len(hash_of_leaf) != HASH_BYTES:
            raise BadInput(
                "bad-leaf-hash",
                Text("A leaf hash must have 32 bytes.", "叶子哈希必须为 32 字节。"),
                Text("Compute it with leaf_hash.", "请用 leaf_hash 计算。"),
            )
        levels, index = self._levels, self._size
        levels[0] += hash_of_leaf
        height, odd = 0, index
        while odd & 1:
            pair = sha256(b"\x01" + levels[height][-2 * HASH_BYTES :]).digest()
            height += 1
            if height == len(levels):
                levels.append(bytearray())
            levels[height] += pair
            odd >>= 1
        self._size = index + 1
        return index

    def _subtree(self, height: int, position: int) -> bytes:
        at = position * HASH_BYTES
        return bytes(self._levels[height][at : at + HASH_BYTES])


def verify_inclusion(hash_of_leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that the leaf stands at `index` in the tree of `size` entries with this root (RFC 9162, 2.1.3.2).

    Take `size` and `root` from one signed checkpoint: a path by itself does not tell every size from every other.
    Raises Tampered("not-in-ledger") for anything else, malformed proofs included.
    """
    if not 0 <= index < size or not _all_hashes(path, hash_of_leaf, root):
        raise _not_in_ledger()
    fn, sn, hashed = index, size - 1, hash_of_leaf
    for sibling in path:
        if sn == 0:
            raise _not_in_ledger()
        if fn & 1 or fn == sn:
            hashed = node_hash(sibling, hashed)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            hashed = node_hash(hashed, sibling)
        fn, sn = fn >> 1, sn >> 1
    if sn != 0 or hashed != root:
        raise _not_in_ledger()


def verify_consistency(old: int, new: int, path: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Check that the tree of `new` entries begins with the very tree of `old` entries (RFC 9162, 2.1.4.2).

    From size 0 the proof is empty and the old root that of the empty tree; for equal sizes the proof is empty and the
    roots are equal. Raises Tampered("not-append-only") for anything else, malformed proofs included.
    """
    if not 0 <= old <= new or not _all_hashes(path, old_root, new_root):
        raise _not_append_only()
    if old in (0, new):
        known = EMPTY_ROOT if old == 0 else new_root
        if path or old_root != known or (new == 0 and new_root != EMPTY_ROOT):
            raise _not_append_only()
        return
    steps = [old_root, *path] if path and old & (old - 1) == 0 else list(path)
    if consistency_roots(old, new, steps) != (old_root, new_root):
        raise _not_append_only()


def consistency_roots(old: int, new: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """(root of the first `old` entries, root of all `new`) of the one tree that these subtrees make up; None for a
    list of another length. 0 < old < new; `steps` are those of `consistency_steps`.

    Both roots follow from the same hashes: who signed the second has signed the first with it.
    """
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    if not steps:
        return None
    was = now = steps[0]
    for step in steps[1:]:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            was, now = node_hash(step, was), node_hash(step, now)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            now = node_hash(now, step)
        fn, sn = fn >> 1, sn >> 1
    return (was, now) if sn == 0 else None


def consistency_steps(tree: MerkleTree, old: int, new: int) -> tuple[bytes, ...]:
    """PROOF(old, D[0:new]) with the subtree that it leaves out where `old` is a power of two; 0 < old < new."""
    path = tree.consistency_proof(old, new)
    return (tree.root(old), *path) if old & (old - 1) == 0 else path


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (RFC 9162, 2.1.1)."""
    return 1 << ((width - 1).bit_length() - 1)


def _all_hashes(path: Sequence[bytes], *roots: bytes) -> bool:
    return all(len(each) == HASH_BYTES for each in (*path, *roots))


def _no_entry(size: int) -> NotFound:
    return NotFound(
        "no-such-entry",
        Text(f"The ledger has no such entry; it holds {size}.", f"账本中没有这一条目；共有 {size} 条。"),
        Text("Entries are counted from 0; see `huizhen ledger list`.", "条目从 0 开始编号；见 `huizhen ledger list`。"),
    )


def _not_in_ledger() -> Tampered:
    return Tampered(
        "not-in-ledger",
        Text("The proof does not lead from this entry to this checkpoint.", "该证明无法从此条目推导出此检查点。"),
        Text(
            "Do not rely on the entry; ask the hub for a new proof and keep this one.",
            "请勿采信该条目；保留此证明，并向中心索取新的证明。",
        ),
    )


def _not_append_only() -> Tampered:
    return Tampered(
        "not-append-only",
        Text(
            "The newer ledger does not begin with the older one: something already recorded was changed or removed.",
            "新账本并非在旧账本之后追加：已记录的内容被更改或删除。",
        ),
        Text(
            "Keep both checkpoints as evidence, stop co-signing, and tell the other hospitals and the regulator.",
            "请保留两个检查点作为证据，停止联署，并通知其他医院与监管机构。",
        ),
    )
