"""A file anonymised that does not fit in memory: the same partition of rows that lie on the disk.

The file is read once (`anonymise_spool`), codes are split where they lie in mapped files, and rows are put in the order
of their classes by way of as many heaps as each fits in memory. Classes come in an order by chance, and rows in them.
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from huizhen.adapters.anonymise_columns import drawn, ordered, promised
from huizhen.adapters.anonymise_means import mean_columns
from huizhen.adapters.anonymise_release import Heard
from huizhen.adapters.anonymise_spool import Spool, header, spooled
from huizhen.adapters.anonymise_table import check_asked, check_reachable
from huizhen.adapters.arrow import labelled, numbers
from huizhen.adapters.on_disk import Disk
from huizhen.adapters.own_file import in_utf8, written
from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation
from huizhen.privacy.anonymise.cost import measured
from huizhen.privacy.anonymise.hierarchy import Hierarchy
from huizhen.privacy.anonymise.laid import Rows
from huizhen.privacy.anonymise.partition import Classes, split
from huizhen.privacy.anonymise.promise import Sensitive
from huizhen.privacy.risk import risks

LEAST_MEMORY = 512 << 20
"""Of which the program itself takes about half."""
_HEAP = 8
"""Which part of the memory one heap of rows takes as it is read back; put in order it takes several times as much."""
_AT_ONCE = 1 << 20
_GONE = np.iinfo(np.uint32).max
_CLASS = "\x00class"


@dataclass(frozen=True)
class Large:
    """rows: written; delimiter: of the fields, in CSV; figures: as `Released.told` tells them; secrets: hierarchies of
    the sensitive columns that have one."""

    rows: int
    delimiter: str
    figures: dict[str, Any]
    secrets: dict[str, Hierarchy]


def anonymised_on_disk(path: Path, part: Path, asked: Anonymisation, beside: Path, memory: int, heard: Heard) -> Large:
    """Anonymise a file into `part` with about `memory` bytes; what is between lies in the folder of `part` until then.

    The release is neither checked from what was written nor attacked. Raises BadInput, Unable and Refused.
    """
    check_in_parts(asked, memory)
    between = tempfile.TemporaryDirectory(prefix=".huizhen-", dir=part.parent)
    with _room_on_disk(part.parent), in_utf8(path) as source, between as name:
        names, delimiter = header(source)
        check_asked(names, asked)
        folder = Path(name)
        aside = [*asked.sensitive, *asked.keep]
        deciding = [*asked.quasi_identifiers, *asked.sensitive]
        spool = spooled(source, delimiter, deciding, aside, folder, lambda n: heard("read", n))
        disk = Disk(folder, memory)
        with disk.watched():
            hierarchies, sensitive, rows = _laid(spool, asked, beside, disk)
            found = split(
                rows, list(hierarchies.values()), asked.k, list(sensitive.values()),
                suppress=int(spool.rows * asked.suppress + 1e-9), threads=os.cpu_count() or 1,
                weights=[how.weight for how in asked.quasi_identifiers.values()],
                heard=lambda n: heard("partition", n),
            )  # fmt: skip
            order = _Order.by_chance(rows, found, disk)
        heaps = order.heaps(spool, folder, memory // _HEAP)
        done = 0
        with written(part, delimiter) as write:
            for heap in heaps:
                table = order.released(heap, found, hierarchies, aside)
                write(table)
                heap.unlink()
                done += len(table)
                heard("write", done)
        size = (found.end - found.start)[found.kept]
        told = measured(size, spool.rows - int(size.sum()), found.node, hierarchies)
        told["risk"] = risks(size).as_json()
        trees = {n: s.hierarchy for n, s in sensitive.items() if s.hierarchy is not None}
        return Large(int(size.sum()), delimiter, told, trees)


def check_in_parts(asked: Anonymisation, memory: int) -> None:
    """Raises BadInput for what needs all rows in memory, and for too little of it."""
    needs = {
        "algorithm: lattice": asked.algorithm == "lattice",
        "population": asked.population is not None,
        "population_size": asked.population_size is not None,
        "attacks": asked.attacks.run,
        "differential": asked.differential is not None,
        "by: microaggregate": bool(mean_columns(asked)),
    }
    for what, there in needs.items():
        if there:
            without = Text("it", "该项")
            if what == "attacks":
                without = Text("them (`--no-attacks`, attacks: {run: false})", "攻击（`--no-attacks` 或 run: false）")
            raise BadInput(
                "needs-all-rows",
                Text(f"`{what}` needs all rows in memory at once.", f"“{what}”须将所有行同时放入内存。"),
                Text(f"Leave {without.en} out, or leave --memory out.", f"请去掉{without.zh}，或不用 --memory。"),
            )
    if memory < LEAST_MEMORY:
        raise BadInput(
            "memory-too-small",
            Text("--memory is less than 512 MB.", "--memory 小于 512 MB。"),
            Text("Give it 512MB or more.", "请给出 512MB 或更多。"),
        )


@contextmanager
def _room_on_disk(folder: Path) -> Iterator[None]:
    """Raises Unable where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Unable(
            "no-room-between",
            Text(f"The disk of {folder} has no room for what lies between.",
                 f"{folder} 所在磁盘空间不足，无法存放中间数据。"),
            Text("It takes about as much as the file as CSV, and 100 bytes a row: make room, or write elsewhere.",
                 "约需与 CSV 文件相当的空间，另加每行 100 字节：请腾出空间，或写到别处。"),
        ) from None  # fmt: skip


def _laid(
    spool: Spool, asked: Anonymisation, beside: Path, disk: Disk
) -> tuple[dict[str, Hierarchy], dict[str, Sensitive], Rows]:
    """Hierarchies, what is promised, and rows of their codes."""
    hierarchies, sensitive, place = {}, {}, {}
    for name, how in asked.quasi_identifiers.items():
        column = spool.coded[name]
        hierarchies[name] = drawn(list(column.values), column.counts, how, name, beside)
        place[name] = hierarchies[name].code
    for name, variety in asked.sensitive.items():
        column = spool.coded[name]
        tree = ordered(list(column.values), column.counts, variety, name, beside)
        code = column.code
        if tree is not None:
            place[name], code = tree.code, disk.array((spool.rows,), np.int32)
            for low in range(0, spool.rows, _AT_ONCE):
                code[low : low + _AT_ONCE] = tree.code[column.code[low : low + _AT_ONCE]]
        sensitive[name] = Sensitive(code, len(column.values), promised(variety), tree)
    check_reachable(spool.rows, asked, list(sensitive.values()))
    most = max(len(c.values) for c in spool.coded.values())
    rows = Rows.room(spool.rows, len(spool.coded), most, space=disk.array)
    for low in range(0, spool.rows, _AT_ONCE):
        some = slice(low, low + _AT_ONCE)
        rows.fill(low, [place[n][c.code[some]] if n in place else c.code[some] for n, c in spool.coded.items()])
    return hierarchies, sensitive, rows


@dataclass(frozen=True)
class _Order:
    """`of` (rows,): the rank of each row's class in the release, _GONE of rows left out; `found` (classes,): which one
    of the kept classes has each rank, and `size` how many rows."""

    of: npt.NDArray[np.uint32]
    found: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]

    @staticmethod
    def by_chance(rows: Rows, classes: Classes, disk: Disk) -> _Order:
        size = classes.end - classes.start
        found = np.random.default_rng().permutation(int(classes.kept.sum()))
        rank = np.full(len(size), _GONE, np.uint32)
        kept = np.flatnonzero(classes.kept)
        rank[kept[found]] = np.arange(len(found), dtype=np.uint32)
        of = disk.array((len(rows.code),), np.uint32)
        for low in range(0, len(size), _AT_ONCE // 8):
            some = slice(low, low + _AT_ONCE // 8)
            there = slice(int(classes.start[some][0]), int(classes.end[some][-1]))
            of[rows.place[there]] = np.repeat(rank[some], size[some])
        return _Order(of, found, size[kept[found]])

    def heaps(self, spool: Spool, folder: Path, room: int) -> list[Path]:
        """Rows in files of about `room` bytes, each of the classes of some ranks; rows in the order of the file."""
        width = 24 + spool.aside.stat().st_size // max(spool.rows, 1)
        heap = ((np.cumsum(self.size) - self.size) * width // room).astype(np.uint32)
        many = int(heap[-1]) + 1 if len(heap) else 0
        heap = np.append(heap, np.uint32(many))
        places, low = [folder / f"heap-{i}" for i in range(many)], 0
        writers: list[pa.RecordBatchWriter] = []
        for batch in spool.batches():
            of = self.of[low : low + len(batch)]
            low += len(batch)
            which = heap[np.minimum(of, len(self.size))]
            order = np.argsort(which, kind="stable")
            ends = np.searchsorted(which[order], np.arange(many), side="right")
            mixed = pa.RecordBatch.from_arrays([*batch.columns, numbers(of)], [*batch.schema.names, _CLASS])
            mixed = mixed.take(numbers(order))
            writers = writers or [pa.ipc.new_stream(str(place), mixed.schema) for place in places]
            for i, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
                if end > start:
                    writers[i].write_batch(mixed.slice(start, end - start))
        for writer in writers:
            writer.close()
        spool.aside.unlink()
        return places

    def released(self, heap: Path, classes: Classes, hierarchies: dict[str, Hierarchy], aside: list[str]) -> pa.Table:
        """The rows of one heap as they are released."""
        with pa.OSFile(str(heap)) as file, pa.ipc.open_stream(file) as reader:
            table = reader.read_all()
        chance = np.random.default_rng().permutation(len(table))
        of = np.concatenate([np.from_dlpack(chunk) for chunk in table[_CLASS].chunks])[chance]
        order = np.argsort(of, kind="stable")
        node = classes.node[:, self.found[of[order]]]
        columns: dict[str, Any] = {
            name: labelled(nodes, hierarchy.label)
            for (name, hierarchy), nodes in zip(hierarchies.items(), node, strict=True)
        }
        place = numbers(chance[order])
        return pa.table(columns | {name: table[name].take(place) for name in aside})


def sized(memory: str) -> int:
    """Bytes: `2GB`, `800MB`. Raises BadInput."""
    number, unit = memory[:-2].strip(), memory[-2:].upper()
    if not number.isascii() or not number.isdigit() or unit not in _UNITS:
        raise BadInput(
            "bad-memory",
            Text("--memory is no amount of memory.", "--memory 不是内存大小。"),
            Text("Write it as 2GB or 800MB.", "请写成 2GB 或 800MB 的形式。"),
        )
    return int(number) << _UNITS[unit]


_UNITS = {"MB": 20, "GB": 30}
