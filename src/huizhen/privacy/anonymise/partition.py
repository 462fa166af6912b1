"""Top-down partition: a table is split again and again, where that saves most loss for each bit of the split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.privacy.anonymise import kernel
from huizhen.privacy.anonymise.hierarchy import Hierarchy, flat
from huizhen.privacy.anonymise.laid import Rows
from huizhen.privacy.anonymise.promise import Codes, Diversity, Sensitive, packed

Whole = npt.NDArray[np.int64]
TASKS = 64
"""Groups of less than this part of the table are split beside each other; the same whatever the number of threads."""


@dataclass(frozen=True)
class Partition:
    """`row` has the rows' places, class after class; `start` the place in it where each class begins; `node`
    (columns x classes) the node of each column's hierarchy that a class is published as; `gone` the rows that are
    suppressed, which are in no class."""

    row: Whole
    start: Whole
    node: npt.NDArray[np.int32]
    gone: Whole
    people: Whole | None = None
    """People of the population who share each class, where they are more than its rows."""
    everyone: Whole | None = None
    """The class of each row and person of the population, -1 of those in no class that has rows."""

    @property
    def size(self) -> Whole:
        """Rows in each class."""
        return np.diff(np.append(self.start, len(self.row)))

    def of(self, rows: int) -> Whole:
        """(rows,) the class of each row, -1 of those that are in none."""
        of = np.full(rows, -1, np.int64)
        of[self.row] = np.repeat(np.arange(len(self.start)), self.size)
        return of

    def only(self, place: Whole, inside: npt.NDArray[np.bool_]) -> Partition:
        """With rows called by `place` (rows,) of theirs, and without those that are not `inside` (rows,)."""
        there = inside[self.row]
        size = np.add.reduceat(there.astype(np.int64), self.start) if len(self.row) else self.start
        some = size > 0
        people = None if there.all() else self.size[some]
        size = size[some]
        gone = place[self.gone[inside[self.gone]]]
        if people is None:
            return Partition(place[self.row[there]], np.cumsum(size) - size, self.node[:, some], gone)
        everyone = np.full(len(place), -1, np.int64)
        everyone[place] = self.of(len(place))
        new = np.append(np.where(some, np.cumsum(some) - 1, -1), -1)
        return Partition(
            place[self.row[there]], np.cumsum(size) - size, self.node[:, some], gone, people, new[everyone]
        )


@dataclass(frozen=True)
class Classes:
    """Where each begins and ends among the rows as they lie now, whether it is kept or its rows are suppressed, and
    (columns x those kept) the nodes it is published as."""

    start: Whole
    end: Whole
    kept: npt.NDArray[np.bool_]
    node: npt.NDArray[np.int32]


def partition(
    columns: Sequence[Codes],
    hierarchies: Sequence[Hierarchy],
    k: int,
    sensitive: Sequence[Sensitive] = (),
    *,
    suppress: int = 0,
    weights: Sequence[float] = (),
    threads: int = 1,
    heard: Callable[[int], None] = lambda _done: None,
) -> Partition:
    """Classes of at least k rows, each as diverse as asked. The whole table has to be so; columns are not changed.

    suppress: rows that may be left out, at most. weights: how much the loss of each column counts. `heard` is told how
    many rows are settled. The same table gives the same classes, whatever the number of threads.
    """
    count, secret = len(columns[0]), [s.code for s in sensitive]
    codes = max([h.node.shape[1] for h in hierarchies] + [s.values for s in sensitive])
    signed = any(int(c.min(initial=0)) < 0 for c in secret)
    rows = Rows.room(count, len(columns) + len(secret), codes, signed=signed)
    rows.fill(0, [*columns, *secret])
    found = split(rows, hierarchies, k, sensitive, suppress=suppress, weights=weights, threads=threads, heard=heard)
    return _without_gone(rows.place.astype(np.int64), found)


def split(
    rows: Rows,
    hierarchies: Sequence[Hierarchy],
    k: int,
    sensitive: Sequence[Sensitive] = (),
    *,
    suppress: int = 0,
    weights: Sequence[float] = (),
    threads: int = 1,
    heard: Callable[[int], None] = lambda _done: None,
) -> Classes:
    """`partition` of rows that are laid already, which are put class after class, in each as they lay."""
    count = len(rows.code)
    space, begins = (rows.code, rows.words, rows.spare), rows.begins
    tree, promise = forest(hierarchies, weights), packed(sensitive)
    large, done = max(count // TASKS, 2 * k), 0
    heard(0)

    def settle(start: int, end: int, allowed: int) -> Whole:
        """A large group is split once, and what comes of it given back; a small one is settled."""
        stop = end - start if end - start >= large else 0
        given: Whole = kernel.settle(space, begins, tree, promise, np.array([start, end, allowed]), k, stop)
        return given

    with ThreadPoolExecutor(max(threads, 1)) as pool:
        waiting = {pool.submit(settle, 0, count, suppress): count}
        while waiting:
            for task in wait(waiting, return_when=FIRST_COMPLETED).done:
                size, given = waiting.pop(task), task.result()
                given = given[np.argsort(given[:, 0] - given[:, 1], kind="stable")]
                waiting |= {pool.submit(settle, *map(int, one)): int(one[1] - one[0]) for one in given}
                done += size - int((given[:, 1] - given[:, 0]).sum())
                heard(done)
    start = np.flatnonzero(begins)
    end = np.append(start[1:], count)
    kept = begins[start] == kernel.CLASS
    return Classes(start, end, kept, kernel.nodes(rows.code, tree, start[kept], end[kept]))


def ready() -> None:
    """Load the compiled code, which takes a few tenths of a second: while something else is waited for."""
    rows = Rows.room(1, 2, 1)
    rows.fill(0, [np.zeros(1, np.int32)] * 2)
    split(rows, [flat(["x"])], 1, [Sensitive(np.zeros(1, np.int32), 1, Diversity())])


def _without_gone(row: Whole, found: Classes) -> Partition:
    if found.kept.all():
        return Partition(row, found.start, found.node, row[:0])
    size = found.end - found.start
    there = np.repeat(found.kept, size)
    size = size[found.kept]
    return Partition(row[there], np.cumsum(size) - size, found.node, row[~there])


def forest(hierarchies: Sequence[Hierarchy], weights: Sequence[float] = ()) -> tuple[Any, ...]:
    """All hierarchies as arrays, for the compiled code: (place, node, loss, most); see `kernel`."""
    weight = np.array(weights or np.ones(len(hierarchies)), np.float64)
    cells = np.array([h.node.size for h in hierarchies], np.int64)
    losses = [w * h.penalty for w, h in zip(weight, hierarchies, strict=True)]
    nodes = np.array([len(x) for x in losses], np.int64)
    place = np.stack(
        [
            np.cumsum(cells) - cells,
            np.array([len(h.node) for h in hierarchies], np.int64),
            np.array([h.node.shape[1] for h in hierarchies], np.int64),
            np.cumsum(nodes) - nodes,
        ],
        axis=1,
    )
    node = np.concatenate([h.node.ravel() for h in hierarchies]).astype(np.int32)
    return place, node, np.concatenate(losses), float(weight.sum())
