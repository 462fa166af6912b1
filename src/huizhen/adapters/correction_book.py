"""The part of a node's book that holds the records of corrections; steps are only ever added."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple

from huizhen.kit.canonical import salted
from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text
from huizhen.model.correction import Correction


class CorrectionStep(NamedTuple):
    """A record with the salt of its commitment."""

    person: int
    record: Correction
    salt: bytes

    @property
    def commitment(self) -> str:
        return salted(self.salt, self.record.canonical())


class CorrectionBook:
    """Over an open book; each method is one transaction."""

    def __init__(self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[sqlite3.Connection]]):
        self._db = db
        self._writing = writing

    def add(self, person: int, number: int | None, made: Callable[[int], Correction]) -> CorrectionStep:
        """Keep a step of this number; None: the first of the next number."""
        salt = os.urandom(16)
        with self._writing() as db:
            if number is None:
                (number,) = db.execute("SELECT coalesce(max(number), 0) + 1 FROM correction").fetchone()
            record = made(number)
            body = record.canonical().decode()
            db.execute("INSERT INTO correction VALUES (NULL, ?, ?, ?, ?)", (number, person, salt, body))
        return CorrectionStep(person, record, salt)

    def steps(self, person: int | None = None) -> list[CorrectionStep]:
        """All steps, of one person where given, in the order in which they were taken."""
        rows = self._db.execute(
            "SELECT idx, body, salt FROM correction WHERE ? IS NULL OR idx = ? ORDER BY seq", (person, person)
        ).fetchall()
        return [CorrectionStep(idx, Correction.model_validate_json(body), bytes(salt)) for idx, body, salt in rows]

    def standing(self, person: int | None = None) -> list[CorrectionStep]:
        """The last step of each, by number."""
        last = {step.record.number: step for step in self.steps(person)}
        return [last[number] for number in sorted(last)]

    def last(self, number: int) -> CorrectionStep:
        """Raises NotFound."""
        found = [step for step in self.standing() if step.record.number == number]
        if not found:
            raise NotFound(
                "no-such-correction",
                Text(f"There is no correction {number}.", f"没有第 {number} 号更正。"),
                Text("`huizhen patient corrections` shows all.", "见 `huizhen patient corrections`。"),
            )
        return found[0]
