"""Exact order statistics from sums alone: doubles as integers of the same order, and a tree that narrows them down.

A sum can tell, for a bucket of rows, how many have each bit of their value set. A bit that all or none have is known;
a bucket in which no bit varies holds one value, and that value has just been read. A bucket in which bits vary is
split by its highest varying bits into children whose rows are counted in the next round; constant bits cost nothing,
so whole numbers, and decimals of a narrow range, are found in two or three rounds, any doubles in a few more.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Tree = dict[str, Any]
"""What is known so far: `open` buckets, the `levels` that lead to them, and the values `found`. It travels."""


class Cells(NamedTuple):
    """Children of the open buckets that hold rows, ascending; each array is (cells,)."""

    low: Images
    """No row of the cell lies below this value, and no row of a lower cell reaches it."""
    high: Images
    """No row of the cell lies above this one."""
    below: Counts
    """Rows in lower cells."""
    rows: Counts
    whole: npt.NDArray[np.bool_]
    """Whether the cell holds one value, which then is `low` and `high`."""


_BITS = 64
_BLOCK = 1 << 14
"""Rows worked on at once, so that they stay in the processor's cache."""
_SIGN = np.uint64(1 << 63)
_POWERS = np.uint64(1) << np.arange(_BITS, dtype=np.uint64)


def image(values: npt.ArrayLike) -> Images:
    """Integers in the order of the doubles they stand for (IEEE 754 totalOrder, with -0.0 made 0.0). No NaN."""
    bits = (np.asarray(values, dtype=np.float64) + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def value(images: Images) -> Floats:
    """The doubles whose image this is."""
    return np.where(images & _SIGN, images & ~_SIGN, ~images).view(np.float64)


def root() -> Tree:
    """One open bucket that holds every row; nothing is known yet."""
    empty = np.empty(0, dtype=np.int64)
    found = {"image": np.empty(0, dtype=np.uint64), "below": empty, "rows": empty}
    return {"phase": "bits", "open": 1, "levels": [], "below": np.zeros(1, dtype=np.int64), "found": found}


def counts(images: Images, tree: Tree) -> Counts:
    """What this round counts, additive over rows, as one vector.

    Phase 'bits': per open bucket, the rows that have bit 0..63 set, then the rows: open * 65. Phase 'split': per open
    bucket, the rows in each of its children: open * 2**width.
    """
    images, bucket = _locate(images, tree["levels"])
    if tree["phase"] == "split":
        positions = tree["positions"]
        size = tree["open"] << positions.shape[1]
        return np.bincount(_child(images, bucket, positions), minlength=size).astype(np.int64)
    table = np.empty((tree["open"], _BITS + 1), dtype=np.int64)
    if tree["open"] == 1:
        table[0] = _of_one_bucket(images)
        return table.ravel()
    for j in range(_BITS):
        set_here = (images & _POWERS[j]) != 0
        table[:, j] = np.bincount(bucket[set_here], minlength=tree["open"])
    table[:, _BITS] = np.bincount(bucket, minlength=tree["open"])
    return table.ravel()


def cells(total: Counts, tree: Tree) -> Cells:
    """What the sum of `counts` in phase 'split' says of where the rows lie."""
    width = tree["positions"].shape[1]
    keys = np.flatnonzero(total)
    low, whole = _lowest(tree, keys), tree["whole"][keys >> width]
    last = np.maximum(tree["positions"][:, -1], 0).astype(np.uint64)[keys >> width]
    high = np.where(whole, low, low | ((np.uint64(1) << last) - np.uint64(1)))
    below = (tree["below"][:, None] + _before(total.reshape(tree["open"], -1))).ravel()[keys]
    return Cells(low, high, below, total[keys], whole)


def refine(total: Counts, tree: Tree, children: int, ranks: Counts | None = None) -> Tree:
    """The tree of the next round, from the sum of `counts` over all rows; finished when its `open` is 0.

    children: how many counts a round may ask for in phase 'split' (at least two per open bucket are always asked).
    ranks: positions in the sorted rows, from 0, whose values are wanted; None: every distinct value.
    """
    return _read_bits(total, tree, children) if tree["phase"] == "bits" else _read_split(total, tree, ranks)


def at_rank(tree: Tree, ranks: Counts) -> Floats:
    """The values at these positions (from 0) of the sorted rows; the tree was refined for them and is finished.

    When rows went away between rounds a position may be gone: the nearest one below it answers, NaN when none is left.
    """
    order = np.argsort(tree["found"]["below"], kind="stable")
    if len(order) == 0:
        return np.full(len(ranks), np.nan)
    place = np.searchsorted(tree["found"]["below"][order], ranks, side="right") - 1
    return value(tree["found"]["image"][order][np.maximum(place, 0)])


def _of_one_bucket(images: Images) -> Counts:
    """(65,) rows that have each bit set, then the rows, where all are in one bucket."""
    row = np.zeros(_BITS + 1, dtype=np.int64)
    for start in range(0, len(images), _BLOCK):
        block = images[start : start + _BLOCK]
        row[:_BITS] += [np.count_nonzero(block & power) for power in _POWERS]
    row[_BITS] = len(images)
    return row


def _before(table: Counts) -> Counts:
    """Per row of the table, the sum of what stands to the left of each column."""
    left: Counts = np.cumsum(table, axis=1) - table
    return left


def _lowest(tree: Tree, keys: Counts) -> Images:
    """The smallest image that a row of each child can have: its bucket's own bits and those that lead to the child."""
    width = tree["positions"].shape[1]
    images: Images = tree["base"][keys >> width]
    for i in range(width):
        place = tree["positions"][keys >> width, i]
        bit = ((keys >> (width - 1 - i)) & 1).astype(np.uint64)
        images = images | (bit << np.maximum(place, 0).astype(np.uint64))
    return images


def _locate(images: Images, levels: list[dict[str, Any]]) -> tuple[Images, Counts]:
    """The rows that lie in an open bucket, and which."""
    bucket = np.zeros(len(images), dtype=np.int64)
    for level in levels:
        keys = level["keys"]
        child = _child(images, bucket, level["positions"])
        place = np.minimum(np.searchsorted(keys, child), len(keys) - 1)
        here = keys[place] == child
        images, bucket = images[here], place[here]
    return images, bucket


def _child(images: Images, bucket: Counts, positions: npt.NDArray[np.int64]) -> Counts:
    """bucket * 2**width + the bits of each row at its bucket's positions, highest first (-1: a zero)."""
    child = bucket.astype(np.int64)
    for column in positions.T:
        place = column[bucket]
        bit = (images >> np.maximum(place, 0).astype(np.uint64)) & np.uint64(1)
        child = (child << 1) | np.where(place < 0, 0, bit.astype(np.int64))
    return child


def _read_bits(total: Counts, tree: Tree, children: int) -> Tree:
    table = total.reshape(tree["open"], _BITS + 1)
    bits, rows = table[:, :_BITS], table[:, _BITS]
    varying = (bits > 0) & (bits < rows[:, None])
    base = ((bits == rows[:, None]) * _POWERS).sum(axis=1, dtype=np.uint64)
    still = varying.any(axis=1)
    single = ~still & (rows > 0)
    levels = list(tree["levels"])
    if levels:
        levels[-1] = {**levels[-1], "keys": levels[-1]["keys"][still]}
    number = varying[still].sum(axis=1)
    count = int(still.sum())
    width = max(1, min((max(children, 1) // max(count, 1)).bit_length() - 1, int(number.max(initial=1))))
    return {
        "phase": "split",
        "open": count,
        "levels": levels,
        "below": tree["below"][still],
        "found": _found(tree, base[single], tree["below"][single], rows[single]),
        "base": base[still],
        "positions": _highest(varying[still], width),
        "whole": number <= width,
    }


def _highest(varying: npt.NDArray[np.bool_], width: int) -> npt.NDArray[np.int64]:
    """(buckets, width): the highest varying bits of each bucket, highest first, -1 in front where there are fewer."""
    positions = np.full((len(varying), width), -1, dtype=np.int64)
    for i, row in enumerate(varying):
        chosen = np.flatnonzero(row)[::-1][:width]
        positions[i, width - len(chosen) :] = chosen
    return positions


def _read_split(total: Counts, tree: Tree, ranks: Counts | None) -> Tree:
    width = tree["positions"].shape[1]
    table = total.reshape(tree["open"], 1 << width)
    below = (tree["below"][:, None] + _before(table)).ravel()
    keys = np.flatnonzero(total)
    if ranks is not None:
        beyond = below[keys] + total[keys]
        wanted = np.sort(np.minimum(ranks, beyond.max(initial=1) - 1))
        first, end = np.searchsorted(wanted, below[keys]), np.searchsorted(wanted, beyond)
        keys = keys[end > first]
    whole = tree["whole"][keys >> width]
    done, left = keys[whole], keys[~whole]
    return {
        "phase": "bits",
        "open": len(left),
        "levels": [*tree["levels"], {"positions": tree["positions"], "keys": left}],
        "below": below[left],
        "found": _found(tree, _lowest(tree, done), below[done], total[done]),
    }


def _found(tree: Tree, images: Images, below: Counts, rows: Counts) -> dict[str, Any]:
    old = tree["found"]
    return {
        "image": np.concatenate([old["image"], images]),
        "below": np.concatenate([old["below"], below]),
        "rows": np.concatenate([old["rows"], rows]),
    }
