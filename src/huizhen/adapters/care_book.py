"""The part of a node's book that holds who opened a record in an emergency, and what was found when it was reviewed."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from huizhen.kit.canonical import salted
from huizhen.kit.errors import Conflict, NotFound
from huizhen.kit.text import Text
from huizhen.model.care import Opened, Review


class Case(NamedTuple):
    """An opening with its review; None: not reviewed yet. `commitment` is what the ledger has of the opening."""

    person: int
    opened: Opened
    review: Review | None
    commitment: str


class CareBook:
    """Over an open book; openings are only ever added, and reviewed once."""

    def __init__(self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[sqlite3.Connection]]):
        self._db = db
        self._writing = writing

    def open(self, person: int, said: dict[str, Any]) -> Case:
        """Note an opening; `said` are its fields but for the number."""
        salt = os.urandom(16)
        with self._writing() as db:
            (free,) = db.execute("SELECT coalesce(max(number), 0) + 1 FROM care").fetchone()
            opened = Opened.read({**said, "number": free})
            db.execute("INSERT INTO care VALUES (?, ?, ?, ?, NULL)", (free, person, salt, opened.canonical().decode()))
        return Case(person, opened, None, salted(salt, opened.canonical()))

    def review(self, number: int, review: Review) -> tuple[Case, str]:
        """(the case, a commitment to its review). Raises NotFound, or Conflict where it was reviewed before."""
        case = self.case(number)
        with self._writing() as db:
            changed = db.execute(
                "UPDATE care SET review = ? WHERE number = ? AND review IS NULL",
                (review.canonical().decode(), number),
            ).rowcount
            (salt,) = db.execute("SELECT salt FROM care WHERE number = ?", (number,)).fetchone()
        if not changed:
            raise Conflict(
                "reviewed-already",
                Text(f"Opening {number} was reviewed before.", f"第 {number} 号紧急访问已复核。"),
                Text("A verdict stands; `huizhen care review list --all` shows it.",
                     "复核结论不可更改；见 `huizhen care review list --all`。"),
            )  # fmt: skip
        return case._replace(review=review), salted(salt, review.canonical())

    def case(self, number: int) -> Case:
        """Raises NotFound."""
        found = [c for c in self.cases() if c.opened.number == number]
        if not found:
            raise NotFound(
                "no-such-opening",
                Text(f"No record was opened under number {number}.", f"没有第 {number} 号紧急访问。"),
                Text("`huizhen care review list --all` shows all.", "见 `huizhen care review list --all`。"),
            )
        return found[0]

    def cases(self, person: int | None = None) -> list[Case]:
        """All openings, of one person where given, oldest first."""
        rows = self._db.execute(
            "SELECT idx, salt, body, review FROM care WHERE ? IS NULL OR idx = ? ORDER BY number", (person, person)
        ).fetchall()
        return [
            Case(
                idx,
                Opened.model_validate_json(body),
                None if review is None else Review.model_validate_json(review),
                salted(salt, body.encode()),
            )
            for idx, salt, body, review in rows
        ]
