"""A witness's own memory (SQLite): every checkpoint it has co-signed, whole, and the hashes of the entries below."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from huizhen.ledger.merkle import HASH_BYTES
from huizhen.ledger.tiles import WIDTH, Tile, TileTree, fold

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS cosigned (
    size INTEGER PRIMARY KEY, note BLOB NOT NULL, line TEXT NOT NULL, at INTEGER NOT NULL, told INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS tile (
    level INTEGER, number INTEGER, hashes BLOB NOT NULL, PRIMARY KEY (level, number)
) WITHOUT ROWID;
"""
_BUSY_SECONDS = 30.0
_FULL = WIDTH * HASH_BYTES


class Cosigned(NamedTuple):
    """A checkpoint as the hub signed it, and the witness's own line under it with its time in POSIX seconds. `told`:
    the log has confirmed that it has the line."""

    size: int
    note: bytes
    line: str
    at_unix_s: int
    told: bool

    @property
    def whole(self) -> bytes:
        """The note with the line."""
        return self.note + self.line.encode()


class WitnessStore:
    """One connection. What `writing` encloses is one durable transaction, or nothing."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, _BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """No other process of this witness gets in between. The commit is on the disk when it ends."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def get(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # -- checkpoints

    def last(self) -> Cosigned | None:
        """The longest that was co-signed."""
        row = self._db.execute("SELECT * FROM cosigned ORDER BY size DESC LIMIT 1").fetchone()
        return None if row is None else Cosigned(row[0], bytes(row[1]), row[2], row[3], bool(row[4]))

    def count(self) -> int:
        return int(self._db.execute("SELECT COUNT(*) FROM cosigned").fetchone()[0])

    def put_cosigned(self, given: Cosigned) -> None:
        self._db.execute("INSERT OR REPLACE INTO cosigned VALUES (?, ?, ?, ?, ?)", given)

    # -- the tree

    def tree_size(self) -> int:
        """Entries whose hashes are here; fewer than were co-signed where checkpoints were pushed."""
        return int(self.get("tree") or 0)

    def tree(self) -> TileTree:
        return TileTree(self._tile, self.tree_size())

    def _tile(self, tile: Tile) -> bytes:
        query = "SELECT hashes FROM tile WHERE level = ? AND number = ?"
        row = self._db.execute(query, (tile.level, tile.number)).fetchone()
        return b"" if row is None else bytes(row[0])[: tile.width * HASH_BYTES]

    def extend(self, hashes: bytes) -> None:
        """Append entries by their leaf hashes, 32 bytes each. Within `writing`."""
        size = self.tree_size()
        self._extend(0, size, hashes)
        self.put("tree", str(size + len(hashes) // HASH_BYTES))

    def _extend(self, level: int, size: int, hashes: bytes) -> None:
        index, have = divmod(size, WIDTH)
        whole = self._tile(Tile(level, index)) + hashes if have else hashes
        above = []
        for at in range(0, len(whole), _FULL):
            part = whole[at : at + _FULL]
            self._db.execute("INSERT OR REPLACE INTO tile VALUES (?, ?, ?)", (level, index + at // _FULL, part))
            if len(part) == _FULL:
                above.append(fold(part))
        if above:
            self._extend(level + 1, index, b"".join(above))
