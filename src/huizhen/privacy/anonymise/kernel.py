"""The top-down partition, compiled: one range of rows is split again and again, in place.

Codes lie row after row, so that one pass over a group tells the smallest and largest code of every column, and a second
one how many rows each child of their least common ancestor has. What a group costs follows its rows, never the width of
a hierarchy or the number of sensitive values.

Arrays that all functions share:
  rows    (rows, wide) uint16 or int32: codes of the q quasi-identifiers, of the s sensitive columns, in the last 32
          bits the row's place; see `partition.Rows`
  words   the same memory as uint64, so that a row moves in few steps; spare is room for the same
  place   (q, 4) int64: where the column's hierarchy begins in `node`, its levels, its codes, where it begins in `loss`
  node    the node of level l and code c at place[j, START] + l place[j, CODES] + c, of all columns one after the other
  loss    the weighted penalty of each node at place[j, LOSS] + node
  look    (q, 4) int64 of the group: level of the least common ancestor, its first child that occurs, how many do, -
  count   (2, q, most children) int32: rows of each child, and the children that occur
  gain    (q, 2): loss of the least common ancestor, score
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from huizhen.privacy.anonymise.holding import held, sort

EXPONENT = 0.85
"""Of the bits of a split, in its score."""
CLASS, GONE = 1, 2
"""What begins at a row: a class, or rows that are suppressed."""
START, LEVELS, CODES, LOSS = range(4)
LEVEL, FIRST, FOUND = range(3)


@njit(cache=True, nogil=True)
def settle(space: Any, begins: Any, tree: Any, promise: Any, span: Any, k: Any, stop: Any) -> Any:
    """Split rows span[0] to span[1], of which span[2] may be suppressed, into classes; marks `begins` (rows,) uint8.

    space: (rows, words, spare). tree: (place, node, loss, most); most: what a suppressed row costs. promise: see
    `promise.packed`. Groups of fewer than `stop` rows that could be split are not looked at, but given back: (n, 3), as
    `span`.
    """
    place, rows = tree[0], space[0]
    q, widest = len(place), 1
    for j in range(q):
        widest = max(widest, place[j, CODES])
    count = np.zeros((2, q, widest), np.int32)
    look, gain = np.zeros((q, 4), np.int64), np.zeros((q, 2))
    part, best = np.zeros(widest, np.int32), np.zeros(widest, np.int32)
    room = np.zeros((2, promise[1].shape[0], promise[2].shape[2]), np.int64)
    todo, later = np.empty((64, 3), np.int64), np.empty((64, 3), np.int64)
    waiting, put = _push(todo, 0, span[0], span[1], span[2]), 0
    while waiting:
        waiting -= 1
        start, end, allowed = todo[waiting, 0], todo[waiting, 1], todo[waiting, 2]
        size = end - start
        if size <= k or (size < 2 * k and allowed == 0):
            begins[start] = CLASS
            continue
        if size < stop:
            later = _with_room(later, put)
            put = _push(later, put, start, end, allowed)
            continue
        _look(rows, start, end, tree, look, gain)
        _count(rows, start, end, tree, look, count)
        for j in range(q):
            gain[j, 1] = _score(j, size, k, allowed, tree, look, gain, count)
        parts, gone = _best(space, tree, promise, room, start, end, k, allowed, look, gain, count, part, best)
        for j in range(q):
            for i in range(look[j, FOUND]):
                count[0, j, count[1, j, i]] = 0
        if parts == 0:
            begins[start] = CLASS
            continue
        ends = gone[1:]
        left, at = allowed - (ends[0] - start if gone[0] else 0), start
        for p in range(parts):
            if p == 0 and gone[0]:
                begins[at] = GONE
            elif ends[p] > at:
                todo = _with_room(todo, waiting)
                waiting = _push(todo, waiting, at, ends[p], left * (ends[p] - at) // size)
            at = ends[p]
    return later[:put]


@njit(cache=True, nogil=True)
def _push(spans: Any, used: Any, start: Any, end: Any, allowed: Any) -> int:
    spans[used, 0], spans[used, 1], spans[used, 2] = start, end, allowed
    return int(used + 1)


@njit(cache=True, nogil=True)
def _with_room(spans: Any, used: Any) -> Any:
    if used < len(spans):
        return spans
    more = np.empty((2 * used, 3), np.int64)
    for i in range(used):
        for c in range(3):
            more[i, c] = spans[i, c]
    return more


@njit(cache=True, nogil=True)
def _look(rows: Any, start: Any, end: Any, tree: Any, look: Any, gain: Any) -> None:
    """Per column: the level of the least common ancestor, the first of its children that occurs, and its loss."""
    place, node, loss, _ = tree
    q = len(place)
    low, high = rows[start, :q].copy(), rows[start, :q].copy()
    for i in range(start + 1, end):
        for j in range(q):
            c = rows[i, j]
            if c < low[j]:
                low[j] = c
            elif c > high[j]:
                high[j] = c
    for j in range(q):
        at = place[j, LEVELS] - 1
        base = place[j, START] + at * place[j, CODES]
        while node[base + low[j]] != node[base + high[j]]:
            at -= 1
            base -= place[j, CODES]
        look[j, LEVEL] = at
        gain[j, 0] = loss[place[j, LOSS] + node[base + low[j]]]
        below = min(at + 1, place[j, LEVELS] - 1)
        look[j, FIRST] = node[place[j, START] + below * place[j, CODES] + low[j]]
        look[j, FOUND] = 0


@njit(cache=True, nogil=True)
def _count(rows: Any, start: Any, end: Any, tree: Any, look: Any, count: Any) -> None:
    """Rows of each child, per column that can be split; children in their order, whatever that of the rows."""
    place, node, _, _ = tree
    base, some, n = np.empty(len(place), np.int64), np.empty(len(place), np.int64), 0
    for j in range(len(place)):
        base[j] = place[j, START] + (look[j, LEVEL] + 1) * place[j, CODES]
        if look[j, LEVEL] < place[j, LEVELS] - 1:
            some[n] = j
            n += 1
    for i in range(start, end):
        for o in range(n):
            j = some[o]
            key = node[base[j] + rows[i, j]] - look[j, FIRST]
            if count[0, j, key] == 0:
                count[1, j, look[j, FOUND]] = key
                look[j, FOUND] += 1
            count[0, j, key] += 1
    for o in range(n):
        sort(count[1, some[o]], look[some[o], FOUND])


@njit(cache=True, nogil=True)
def _score(j: Any, size: Any, k: Any, allowed: Any, tree: Any, look: Any, gain: Any, count: Any) -> float:
    """Loss saved per bit of the split of one column, before any promise but k is looked at; 0: it cannot be split."""
    saved, bits, big, rest, smallest, its_saving = 0.0, 0.0, 0, 0, size + 1, 0.0
    for i in range(look[j, FOUND]):
        key = count[1, j, i]
        c = count[0, j, key]
        if c >= k:
            kept = _saving(j, key, tree, look, gain, count)
            saved += kept
            bits += c * np.log2(size / c)
            big += 1
            if c < smallest:
                smallest, its_saving = c, kept
        else:
            rest += c
    if 0 < rest < k:
        cost = rest * _cost(tree, gain)
        if big > 0 and rest <= allowed and (cost < its_saving or big == 1):
            saved -= cost
        else:
            saved -= its_saving
            bits -= smallest * np.log2(size / smallest) if big > 0 else 0.0
            rest += smallest
            big -= 1
    if big < 1 or saved <= 0 or (big == 1 and rest == 0):
        return 0.0
    return _worth(saved, bits + (rest * np.log2(size / rest) if rest > 0 else 0.0))


@njit(cache=True, nogil=True)
def _saving(j: Any, key: Any, tree: Any, look: Any, gain: Any, count: Any) -> float:
    """What is saved where a child stands alone."""
    return float(count[0, j, key] * (gain[j, 0] - tree[2][tree[0][j, LOSS] + look[j, FIRST] + key]))


@njit(cache=True, nogil=True)
def _cost(tree: Any, gain: Any) -> float:
    """What it costs to suppress one row of the group."""
    cost = tree[3]
    for j in range(len(gain)):
        cost -= gain[j, 0]
    return float(cost)


@njit(cache=True, nogil=True)
def _worth(saved: float, bits: float) -> float:
    return float(saved / max(bits, 1e-300) ** EXPONENT)


@njit(cache=True, nogil=True)
def _best(
    space: Any, tree: Any, promise: Any, room: Any, start: Any, end: Any, k: Any, allowed: Any, look: Any, gain: Any,
    count: Any, part: Any, best: Any,
) -> Any:  # fmt: skip
    """Put rows in the parts of the best split whose parts hold every promise: how many parts (0: there is none), and
    an array of whether the first part is suppressed, and where each part ends.

    Scores are upper bounds: parts that do not hold go into the rest, which lowers them. So the best bound is worked out
    until its true score is no less than all other bounds.
    """
    chosen, chosen_score, chosen_parts, chosen_gone = np.int64(-1), 0.0, np.int64(0), np.int64(0)
    bound = len(promise[1]) > 0
    while True:
        j: Any = np.int64(0)
        for other in range(1, len(gain)):
            if gain[other, 1] > gain[j, 1]:
                j = other
        if gain[j, 1] <= chosen_score:
            break
        parts, gone = _parts(j, end - start, k, allowed, tree, look, gain, count, part)
        true = gain[j, 1]
        if bound:
            ends = _regroup(space, tree, start, end, j, look, count, part, parts)
            parts, gone, true = _held(
                j, space[0], promise, room, start, ends, k, allowed, tree, look, gain, count, part, parts, gone
            )
        gain[j, 1] = 0.0
        if true > chosen_score:
            chosen, chosen_score, chosen_parts, chosen_gone = j, true, parts, gone
            for i in range(look[j, FOUND]):
                best[count[1, j, i]] = part[count[1, j, i]]
        if not bound:
            break
    told = np.empty(chosen_parts + 1, np.int64)
    if chosen >= 0:
        ends = _regroup(space, tree, start, end, chosen, look, count, best, chosen_parts)
        for p in range(chosen_parts):
            told[p + 1] = ends[p]
    told[0] = chosen_gone
    return chosen_parts, told


@njit(cache=True, nogil=True)
def _parts(j: Any, size: Any, k: Any, allowed: Any, tree: Any, look: Any, gain: Any, count: Any, part: Any) -> Any:
    """The part of each child: 0 the rest, from 1 on those that stand alone; how many parts; is the rest suppressed?"""
    rest, parts, smallest, which = 0, np.int64(1), size + 1, np.int64(-1)
    for i in range(look[j, FOUND]):
        key = count[1, j, i]
        c = count[0, j, key]
        part[key] = 0
        if c >= k:
            part[key] = parts
            parts += 1
            if c < smallest:
                smallest, which = c, key
        else:
            rest += c
    gone = np.int64(0)
    if 0 < rest < k:
        dear = rest * _cost(tree, gain) >= _saving(j, which, tree, look, gain, count) and parts > 2
        if rest > allowed or dear:
            _join(j, look, count, part, part[which])
            parts -= 1
        else:
            gone = np.int64(1)
    return parts, gone


@njit(cache=True, nogil=True)
def _join(j: Any, look: Any, count: Any, part: Any, one: Any) -> None:
    """Put one part into the rest, and close the gap."""
    for i in range(look[j, FOUND]):
        key = count[1, j, i]
        if part[key] == one:
            part[key] = 0
        elif part[key] > one:
            part[key] -= 1


@njit(cache=True, nogil=True)
def _regroup(space: Any, tree: Any, start: Any, end: Any, j: Any, look: Any, count: Any, part: Any, parts: Any) -> Any:
    """Put rows part after part, in each as they lay; where each part ends."""
    rows, words, spare = space
    place, node = tree[0], tree[1]
    base = place[j, START] + (look[j, LEVEL] + 1) * place[j, CODES]
    to = np.zeros(parts + 1, np.int64)
    for i in range(look[j, FOUND]):
        to[part[count[1, j, i]] + 1] += count[0, j, count[1, j, i]]
    to[0] = start
    for p in range(parts):
        to[p + 1] += to[p]
    ends = to[1:].copy()
    for i in range(start, end):
        p = part[node[base + rows[i, j]] - look[j, FIRST]]
        at = to[p]
        to[p] = at + 1
        for c in range(words.shape[1]):
            spare[at, c] = words[i, c]
    for i in range(start, end):
        for c in range(words.shape[1]):
            words[i, c] = spare[i, c]
    return ends


@njit(cache=True, nogil=True)
def _held(  # noqa: PLR0912
    j: Any, rows: Any, promise: Any, room: Any, start: Any, ends: Any, k: Any, allowed: Any, tree: Any, look: Any,
    gain: Any, count: Any, part: Any, parts: Any, gone: Any,
) -> Any:  # fmt: skip
    """Rows lie part after part: put parts that do not hold into the rest, and more while the rest does not.

    Gives how many parts are left, whether the rest is suppressed, and the true score; 0: not to be split so.
    """
    q, size = len(gain), ends[-1] - start
    saving, out, one = np.zeros(parts), np.zeros(parts, np.bool_), np.zeros(parts, np.bool_)
    for i in range(look[j, FOUND]):
        saving[part[count[1, j, i]]] += _saving(j, count[1, j, i], tree, look, gain, count)
    rest = ends[0] - start
    for p in range(1, parts):
        one[p] = True
        if not held(rows, q, promise, room, start, ends, one):
            out[p] = True
            rest += ends[p] - ends[p - 1]
        one[p] = False
    gone = 0
    while rest > 0:
        out[0] = True
        if rest >= k and held(rows, q, promise, room, start, ends, out):
            break
        which: Any = np.int64(-1)
        for p in range(1, parts):
            if not out[p] and (which < 0 or saving[p] < saving[which]):
                which = p
        if which < 0:
            return parts, 0, 0.0
        if rest <= allowed and rest * _cost(tree, gain) <= saving[which]:
            gone = 1
            break
        out[which] = True
        rest += ends[which] - ends[which - 1]
    saved, bits, alone = (-rest * _cost(tree, gain) if gone else 0.0), 0.0, 0
    for p in range(1, parts):
        if not out[p]:
            alone += 1
            saved += saving[p]
            bits += (ends[p] - ends[p - 1]) * np.log2(size / (ends[p] - ends[p - 1]))
    if rest > 0:
        bits += rest * np.log2(size / rest)
    if alone == 0 or saved <= 0 or (alone == 1 and rest == 0):
        return parts, 0, 0.0
    for p in range(parts - 1, 0, -1):
        if out[p]:
            _join(j, look, count, part, p)
    return alone + 1, gone, _worth(saved, bits)


@njit(cache=True, nogil=True)
def nodes(rows: Any, tree: Any, start: Any, end: Any) -> Any:
    """(columns, classes) the least common ancestor of each class in each column."""
    place, node, _, _ = tree
    look, gain = np.zeros((len(place), 4), np.int64), np.zeros((len(place), 2))
    found = np.empty((len(place), len(start)), np.int32)
    for g in range(len(start)):
        _look(rows, start[g], end[g], tree, look, gain)
        for j in range(len(place)):
            base = place[j, START] + look[j, LEVEL] * place[j, CODES]
            found[j, g] = node[base + rows[start[g], j]]
    return found
