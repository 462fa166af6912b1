"""The part of a node's book that says what became of studies: what the hub told of them, and which were refused."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from huizhen.model.study import Study


class RefusedStudy(NamedTuple):
    """A study that this node refused before anything was read."""

    study: Study
    code: str
    at_utc: str


class UseBook:
    """Over an open book; each method is one transaction."""

    def __init__(self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[sqlite3.Connection]]):
        self._db = db
        self._writing = writing

    def keep_told(self, study: str, told: dict[str, Any]) -> None:
        """Keep what the hub says of a study's entries in the ledger (`path.record.told`)."""
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO told VALUES (?, ?)", (study, json.dumps(told)))

    def told(self, study: str) -> dict[str, Any]:
        row = self._db.execute("SELECT body FROM told WHERE study = ?", (study,)).fetchone()
        return {} if row is None else dict(json.loads(row[0]))

    def keep_refused(self, study: Study, code: str, at_utc: str) -> None:
        """Note that the study was refused here, for everybody; the last reason counts."""
        with self._writing() as db:
            body = study.canonical().decode()
            db.execute("INSERT OR REPLACE INTO refused VALUES (?, ?, ?, ?)", (study.id, body, code, at_utc))

    def refused(self) -> list[RefusedStudy]:
        """Studies that were refused here and never opened, oldest first."""
        rows = self._db.execute(
            "SELECT body, code, at_utc FROM refused WHERE id NOT IN (SELECT id FROM study) ORDER BY at_utc"
        )
        return [RefusedStudy(Study.model_validate_json(body), code, at) for body, code, at in rows.fetchall()]
