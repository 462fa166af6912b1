"""The part of a node's book that holds what people said: words of consent, who may speak for whom, what was shown."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

from huizhen.adapters.standing import Standing
from huizhen.model.consent import ANY, SAID, Delegation, Given, Terms, Word
from huizhen.model.document import Document
from huizhen.model.purpose import PURPOSES, consents_that_permit


class Life(NamedTuple):
    """What decides who speaks for a person. None: not known here."""

    born: str | None = None
    died: str | None = None
    incapable: str | None = None
    """The decision by which somebody else speaks for them."""


class Recorded(NamedTuple):
    """A word as it is in the book."""

    seq: int
    at_utc: str
    word: Word


class ConsentBook(Standing):
    """Over an open book; each method is one transaction. Words are only ever added."""

    def __init__(self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[sqlite3.Connection]]):
        super().__init__(db, writing)
        self._numbers: dict[tuple[str, Document], int] = {("terms", ANY): 0, ("given", SAID): 0}

    def record(self, words: Sequence[Word], at_utc: str) -> int:
        """Add words, in this order, of people by their index; answers the new epoch."""
        known = dict(self._numbers)
        try:
            return self._record(words, at_utc)
        except BaseException:
            self._numbers = known  # what was rolled back has no number
            raise

    def _record(self, words: Sequence[Word], at_utc: str) -> int:
        with self._writing() as db:
            rows = [
                (
                    *(w.person, w.purpose, w.dataset, w.permit, w.from_utc, w.until_utc, at_utc, w.category),
                    *(self._number(db, "terms", w.terms), self._number(db, "given", w.given), w.anew),
                )
                for w in words
            ]
            db.executemany(
                "INSERT INTO consent (idx, purpose, dataset, permit, from_utc, until_utc, at_utc, category, terms, "
                "given, anew) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
        return self.epoch

    def _number(self, db: sqlite3.Connection, table: str, said: Terms | Given) -> int:
        """Under which number terms or circumstances are kept, once however often they are said."""
        known = self._numbers.get((table, said))
        if known is None:
            body = said.model_dump_json()
            row = db.execute(f"SELECT id FROM {table} WHERE body = ?", (body,)).fetchone()
            if row is None:
                (free,) = db.execute(f"SELECT coalesce(max(id), 0) + 1 FROM {table}").fetchone()
                db.execute(f"INSERT INTO {table} VALUES (?, ?)", (free, body))
                row = (free,)
            known = self._numbers[(table, said)] = int(row[0])
        return known

    def words(self, person: int) -> list[Recorded]:
        """All that was ever said of one person, oldest first."""
        rows = self._db.execute(
            "SELECT seq, at_utc, purpose, dataset, permit, from_utc, until_utc, category, terms, given.body, anew "
            "FROM consent LEFT JOIN given ON given.id = consent.given WHERE idx = ? ORDER BY seq",
            (person,),
        ).fetchall()
        return [
            Recorded(
                seq, at, Word(person, purpose, dataset, bool(permit), start, end, category, self.terms(terms),
                              SAID if given is None else Given.model_validate_json(given), bool(anew)),
            )
            for seq, at, purpose, dataset, permit, start, end, category, terms, given, anew in rows
        ]  # fmt: skip

    def moved(self, then_utc: str, now_utc: str) -> bool:
        """Whether any word was recorded, or any period began or ended, after the one moment and up to the other."""
        span = (then_utc, now_utc)
        (found,) = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM consent WHERE at_utc > ? AND at_utc <= ?) "
            "OR EXISTS (SELECT 1 FROM consent WHERE from_utc > ? AND from_utc <= ?) "
            "OR EXISTS (SELECT 1 FROM consent WHERE until_utc > ? AND until_utc <= ?)",
            (*span, *span, *span),
        ).fetchone()
        return bool(found)

    # -- who may speak

    def life(self, person: int) -> Life:
        row = self._db.execute("SELECT born, died, incapable FROM life WHERE idx = ?", (person,)).fetchone()
        return Life() if row is None else Life(*row)

    def put_life(self, person: int, life: Life) -> None:
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO life VALUES (?, ?, ?, ?)", (person, *life))

    def delegate(self, person: int, delegate: str, said: dict[str, Any]) -> Delegation:
        """Note that a person named somebody (by pseudonym); `said` are the fields of the delegation but its number."""
        with self._writing() as db:
            (free,) = db.execute("SELECT coalesce(max(number), 0) + 1 FROM delegation").fetchone()
            made = Delegation.read({**said, "number": free})
            db.execute("INSERT INTO delegation VALUES (?, ?, ?, ?)", (free, person, delegate, made.model_dump_json()))
        return made

    def delegations(self, person: int, delegate: str | None = None) -> list[Delegation]:
        """Whom a person named, oldest first; one delegate's only where given."""
        rows = self._db.execute(
            "SELECT body FROM delegation WHERE idx = ? AND (? IS NULL OR delegate = ?) ORDER BY number",
            (person, delegate, delegate),
        )
        return [Delegation.model_validate_json(body) for (body,) in rows]

    def put_delegation(self, delegation: Delegation) -> None:
        with self._writing() as db:
            db.execute(
                "UPDATE delegation SET body = ? WHERE number = ?", (delegation.model_dump_json(), delegation.number)
            )

    # -- what was asked and shown

    def asked(self, person: int, purpose: str, wording: str | None, at_utc: str) -> None:
        """Note that the person was asked for this purpose."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO asked (idx, purpose, wording, at_utc) VALUES (?, ?, ?, ?)",
                (person, purpose, wording, at_utc),
            )

    def keep_wording(self, digest: str, body: dict[str, Any]) -> None:
        """Keep what somebody was shown, for good."""
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO wording VALUES (?, ?)", (digest, json.dumps(body, ensure_ascii=False)))

    def wordings(self) -> dict[str, dict[str, Any]]:
        """All that anybody was ever shown here, by digest."""
        return {digest: json.loads(body) for digest, body in self._db.execute("SELECT digest, body FROM wording")}


def concerns(word: Word, purpose: str, dataset: str | None, category: str | None) -> bool:
    """Whether a word is about (some of) the same purpose and data: one of them permits or forbids for the other."""
    related = purpose in consents_that_permit(word.purpose) or word.purpose in (
        consents_that_permit(purpose) if purpose in PURPOSES else ()
    )
    same = all(
        mine is None or theirs is None or mine == theirs
        for mine, theirs in ((word.dataset, dataset), (word.category, category))
    )
    return related and same
