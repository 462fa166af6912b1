"""The part of a node's book that holds the records of what was deleted, and what else of a person goes with it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from huizhen.kit.canonical import salted
from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text
from huizhen.model.deletion import Deletion


class DeletionCase(NamedTuple):
    """A record with the salt of its commitment; `confirmed_utc` of one in a warehouse, once no row is left there."""

    person: int
    record: Deletion
    salt: bytes
    confirmed_utc: str | None

    @property
    def commitment(self) -> str:
        return salted(self.salt, self.record.canonical())


class DeletionBook:
    """Over an open book; each method is one transaction."""

    def __init__(self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[sqlite3.Connection]]):
        self._db = db
        self._writing = writing

    def add(self, person: int, made: Callable[[int], Deletion]) -> DeletionCase:
        """Keep a record, made for the next number."""
        salt = os.urandom(16)
        with self._writing() as db:
            (free,) = db.execute("SELECT coalesce(max(number), 0) + 1 FROM deletion").fetchone()
            record = made(free)
            body = record.canonical().decode()
            db.execute("INSERT INTO deletion VALUES (?, ?, ?, ?, NULL)", (free, person, salt, body))
        return DeletionCase(person, record, salt, None)

    def confirm(self, number: int, at_utc: str) -> None:
        with self._writing() as db:
            db.execute("UPDATE deletion SET confirmed = ? WHERE number = ? AND confirmed IS NULL", (at_utc, number))

    def cases(self, person: int | None = None) -> list[DeletionCase]:
        """All records, of one person where given, oldest first."""
        rows = self._db.execute(
            "SELECT idx, body, salt, confirmed FROM deletion WHERE ? IS NULL OR idx = ? ORDER BY number",
            (person, person),
        ).fetchall()
        return [DeletionCase(i, Deletion.model_validate_json(b), bytes(s), confirmed) for i, b, s, confirmed in rows]

    def case(self, number: int) -> DeletionCase:
        """Raises NotFound."""
        found = [case for case in self.cases() if case.record.number == number]
        if not found:
            raise NotFound(
                "no-such-deletion",
                Text(f"There is no deletion {number}.", f"没有第 {number} 号删除。"),
                Text("`huizhen patient deletions` shows all.", "见 `huizhen patient deletions`。"),
            )
        return found[0]

    def forget(self, person: int) -> None:
        """What the book knows of a person beyond what is kept: dates of birth and death, family they named, when they
        were asked, what they had corrected. The pages are overwritten, those of the write-ahead log, too."""
        with self._writing() as db:
            for name in ("life", "delegation", "asked", "correction"):
                db.execute(f"DELETE FROM {name} WHERE idx = ?", (person,))
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
