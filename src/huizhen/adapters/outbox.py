"""What a node has to tell the hub and has not told it yet, in the node's own SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

_TABLE = "CREATE TABLE IF NOT EXISTS statement (number INTEGER PRIMARY KEY, body TEXT NOT NULL)"


class Outbox:
    """Texts under growing numbers. Several processes of a node may have it open; each method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, timeout=30)
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(_TABLE)

    def add(self, least: int, make: Callable[[int], str]) -> None:
        """Put in what `make` gives for the next number, which is at least `least`."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            (last,) = self._db.execute("SELECT coalesce(max(number), -1) FROM statement").fetchone()
            number = max(last + 1, least)
            self._db.execute("INSERT INTO statement VALUES (?, ?)", (number, make(number)))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def unsaid(self) -> list[tuple[int, str]]:
        """What has not been told, oldest first."""
        return list(self._db.execute("SELECT number, body FROM statement WHERE body <> '' ORDER BY number"))

    def said(self, number: int) -> None:
        """This was told. The last number stays, so that the next one is larger."""
        self._db.execute("UPDATE statement SET body = '' WHERE number = ?", (number,))
        self._db.execute("DELETE FROM statement WHERE body = '' AND number < (SELECT max(number) FROM statement)")

    def close(self) -> None:
        self._db.close()
