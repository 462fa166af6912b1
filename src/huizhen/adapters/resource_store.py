"""A folder of taken-in resources: Parquet by type, and one private database that says what came from where, what was
seen before, and what was refused and why, with every refused record kept whole.

What a batch wrote and how far its sources were read become true in one transaction: a run that is killed begins again
behind the last batch, and a file of it that no transaction names is deleted.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet

from huizhen.intake.fhir_check import Resource
from huizhen.kit.errors import BadInput, Conflict, NotFound
from huizhen.kit.text import Text

BOOK = "intake.db"
"""Readable by its owner alone: it holds the refused records."""
BATCH_ROWS, BATCH_BYTES = 20_000, 32 << 20
_SCHEMA = """
CREATE TABLE source (name TEXT PRIMARY KEY, mark TEXT, place INTEGER, done INTEGER, taken INTEGER, again INTEGER);
CREATE TABLE seen (key INTEGER PRIMARY KEY, digest INTEGER, updated TEXT);
CREATE TABLE part (number INTEGER PRIMARY KEY, type TEXT, rows INTEGER, newer INTEGER);
CREATE TABLE refused (number INTEGER PRIMARY KEY, source TEXT, place INTEGER, en TEXT, zh TEXT);
CREATE TABLE piece (refused INTEGER, number INTEGER, bytes BLOB, PRIMARY KEY (refused, number));
CREATE INDEX refused_at ON refused (source, place);
PRAGMA user_version = 1;
"""
_PARQUET = pa.schema([("id", pa.string()), ("updated", pa.string()), ("resource", pa.string())])


class Position(NamedTuple):
    """How far a source was read. `mark` tells its content from another under the same name."""

    mark: str
    place: int
    done: bool


class Store:
    """Open it with `opened`. One process at a time writes."""

    def __init__(self, folder: Path, book: sqlite3.Connection) -> None:
        self.folder = folder
        self._book = book
        self._waiting: dict[str, list[Resource]] = {}
        self._newer: dict[str, int] = {}
        self._rows = self._bytes = 0
        self._again = dict.fromkeys(("taken", "again"), 0)

    # Sources

    def position(self, name: str) -> Position | None:
        row = self._book.execute("SELECT mark, place, done FROM source WHERE name = ?", (name,)).fetchone()
        return Position(row[0], row[1], bool(row[2])) if row else None

    def begin(self, name: str, mark: str) -> int:
        """The place up to which this content was read before; what changed since is read from its start."""
        found = self.position(name)
        behind = found.place if found is not None and found.mark == mark else 0
        if found is None or found.mark != mark:
            self._book.execute("INSERT OR REPLACE INTO source VALUES (?, ?, 0, 0, 0, 0)", (name, mark))
        if found is not None:  # what was refused behind this place is read again
            rest = "FROM refused WHERE source = ? AND place > ?"
            self._book.execute(f"DELETE FROM piece WHERE refused IN (SELECT number {rest})", (name, behind))
            self._book.execute(f"DELETE {rest}", (name, behind))
        return behind

    def reached(self, name: str, place: int, done: bool) -> None:
        """Everything up to this place was taken or refused; it is kept with the next batch."""
        self._book.execute(
            "UPDATE source SET place = ?, done = ?, taken = taken + ?, again = again + ? WHERE name = ?",
            (place, done, self._again["taken"], self._again["again"], name),
        )
        self._again = dict.fromkeys(self._again, 0)

    # Records

    def take(self, resource: Resource) -> Text | None:
        """Take in a resource; answers why not, where another of its id with other content is in already."""
        name = f"{resource.type}/{resource.id}".encode()
        key, digest = _number(name), _number(_content(resource.text))
        row = self._book.execute("SELECT digest, updated FROM seen WHERE key = ?", (key,)).fetchone()
        if row is not None and row[0] == digest:
            self._again["again"] += 1
            return None
        if row is not None:
            if not resource.updated or not row[1] or resource.updated == row[1]:
                return Text("another resource of this id was taken in, and it is not said which is newer",
                            "已收入同一 id 的另一资源，无法判断哪个更新")  # fmt: skip
            if resource.updated < row[1]:
                return Text("a newer version of this resource was taken in", "已收入该资源的更新版本")
            self._newer[resource.type] = self._newer.get(resource.type, 0) + 1
        self._book.execute("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", (key, digest, resource.updated))
        self._waiting.setdefault(resource.type, []).append(resource)
        self._again["taken"] += 1
        self._rows += 1
        self._bytes += len(resource.text)
        return None

    def refuse(self, source: str, place: int, why: Text, raw: bytes) -> None:
        """Keep a record that is not taken in, with the reason. Of one in pieces, each; they become one record."""
        row = self._book.execute(
            "SELECT number FROM refused WHERE source = ? AND place = ?", (source, place)
        ).fetchone()
        if row is None:
            made = self._book.execute("INSERT INTO refused VALUES (NULL, ?, ?, ?, ?)", (source, place, *why))
            number, piece = made.lastrowid, 0
        else:
            number = row[0]
            piece = self._book.execute("SELECT count(*) FROM piece WHERE refused = ?", (number,)).fetchone()[0]
        self._book.execute("INSERT INTO piece VALUES (?, ?, ?)", (number, piece, raw))

    def full(self) -> bool:
        return self._rows >= BATCH_ROWS or self._bytes >= BATCH_BYTES

    def commit(self) -> None:
        """Write what waits, then let it be true together with the positions of its sources."""
        for kind, resources in self._waiting.items():
            made = self._book.execute(
                "INSERT INTO part VALUES (NULL, ?, ?, ?)", (kind, len(resources), self._newer.get(kind, 0))
            )
            columns = zip(*((r.id, r.updated, r.text) for r in resources), strict=True)
            table = pa.table([pa.array(c, pa.string()) for c in columns], schema=_PARQUET)
            path = self._path(kind, made.lastrowid or 0)
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            pa.parquet.write_table(table, path, compression="zstd")
            with path.open("rb") as file:
                os.fsync(file.fileno())
        self._book.commit()
        self._book.execute("BEGIN IMMEDIATE")
        self._waiting, self._newer, self._rows, self._bytes = {}, {}, 0, 0

    # What is there

    def parts(self, kind: str) -> tuple[list[Path], bool]:
        """The files of a type, and whether some resources are in them in an older version, too."""
        rows = self._book.execute("SELECT number, newer FROM part WHERE type = ? ORDER BY number", (kind,)).fetchall()
        return [self._path(kind, number) for number, _ in rows], any(newer for _, newer in rows)

    def types(self) -> dict[str, int]:
        """How many resources of each type, without older versions."""
        return dict(self._book.execute("SELECT type, sum(rows) - sum(newer) FROM part GROUP BY type ORDER BY type"))

    def totals(self) -> dict[str, int]:
        """Sources, those read to their end, records taken, and those that were there already."""
        row = self._book.execute(
            "SELECT count(*), coalesce(sum(done), 0), coalesce(sum(taken), 0), coalesce(sum(again), 0) FROM source"
        ).fetchone()
        return dict(zip(("sources", "done", "taken", "again"), row, strict=True))

    def reasons(self) -> list[tuple[Text, int]]:
        """Why records were refused, the most frequent first."""
        rows = self._book.execute("SELECT en, zh, count(*) AS n FROM refused GROUP BY en, zh ORDER BY n DESC, en")
        return [(Text(en, zh), count) for en, zh, count in rows]

    def refused(self) -> Iterator[tuple[str, int, Text, Iterator[bytes]]]:
        """(source, place, reason, pieces) of every record that was refused, in the order of the files."""
        for number, source, place, en, zh in self._book.execute(
            "SELECT number, source, place, en, zh FROM refused ORDER BY number"
        ).fetchall():
            pieces = self._book.execute("SELECT bytes FROM piece WHERE refused = ? ORDER BY number", (number,))
            yield source, place, Text(en, zh), (row[0] for row in pieces)

    def _path(self, kind: str, number: int) -> Path:
        return self.folder / "resources" / kind / f"{number:06d}.parquet"

    def sweep(self) -> None:
        """Delete files that no batch was finished for."""
        known = {self._path(k, n) for n, k in self._book.execute("SELECT number, type FROM part")}
        for path in (self.folder / "resources").rglob("*.parquet"):
            if path not in known:
                path.unlink()


@contextmanager
def opened(folder: Path, create: bool = False) -> Iterator[Store]:
    """The store in a folder; where `create` is said it may be made and written to, by one process at a time.

    Raises NotFound, Conflict where another process writes, BadInput for a folder of something else.
    """
    path = folder / BOOK
    if not path.exists():
        if not create:
            raise NotFound(
                "no-intake",
                Text(f"'{folder}' holds nothing that was taken in.", f"“{folder}”中没有已收入的数据。"),
                Text("Take files in with `huizhen intake fhir`.", "请先用 `huizhen intake fhir` 收入文件。"),
            )
        if folder.exists() and any(folder.iterdir()):
            raise BadInput(
                "intake-folder-in-use",
                Text(f"'{folder}' holds other things.", f"“{folder}”中有其他内容。"),
                Text(
                    "Name a new folder, or one that was used for this before.",
                    "请指定新文件夹，或此前用于收入的文件夹。",
                ),
            )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    book = sqlite3.connect(path, timeout=1.0, isolation_level=None)
    try:
        if create:
            yield from _writing(folder, book)
        else:
            yield Store(folder, book)
    finally:
        book.close()


def _writing(folder: Path, book: sqlite3.Connection) -> Iterator[Store]:
    book.execute("PRAGMA journal_mode = WAL")
    book.execute("PRAGMA cache_size = -65536")
    lock: Any = None
    try:
        book.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if "locked" not in str(error):
            raise
        lock = error
    if lock is not None:
        raise Conflict(
            "intake-in-use",
            Text(f"Another process is taking files into '{folder}'.", f"另一进程正在向“{folder}”收入文件。"),
            Text("Wait until it has ended.", "请等待其结束。"),
        )
    if not book.execute("PRAGMA user_version").fetchone()[0]:
        for statement in _SCHEMA.split(";"):
            book.execute(statement)
    store = Store(folder, book)
    store.sweep()
    try:
        yield store
    except BaseException:
        book.rollback()
        raise
    book.rollback()


def _content(text: str) -> bytes:
    """The same for the same content, however it is spaced, escaped and ordered."""
    try:
        return msgspec.json.encode(msgspec.json.decode(text), order="sorted")
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return text.encode("utf-8")


def _number(data: bytes) -> int:
    """64 bits of a hash, as SQLite keeps integers. Of ten million resources two share one once in 370,000 intakes."""
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "big", signed=True)
