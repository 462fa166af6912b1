"""The node's own book, one SQLite file: people by keyed pseudonym, consents, studies and sums, who earned what.

Nothing in it leaves the node. A pseudonym is HMAC-SHA256 under a key that only the node has, cut to 16 bytes: plain
hashes of identity numbers could be enumerated.
"""

from __future__ import annotations

import errno
import hmac
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyroaring import BitMap

from huizhen.adapters.care_book import CareBook
from huizhen.adapters.consent_book import ConsentBook
from huizhen.adapters.correction_book import CorrectionBook
from huizhen.adapters.deletion_book import DeletionBook
from huizhen.adapters.node_tables import prepare
from huizhen.adapters.tombstones import Tombstones
from huizhen.adapters.use_book import UseBook
from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text
from huizhen.model.consent import Use
from huizhen.model.dataset import Dataset
from huizhen.model.logged import Logged


def is_disk_full(fault: Exception) -> bool:
    """Whether a write failed for want of room, of the disk or of a quota, in a file or in SQLite."""
    full = getattr(fault, "errno", None) in {errno.ENOSPC, errno.EDQUOT}
    return full or getattr(fault, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL


_LOOK_UP = 10_000
"""People looked up in one query; SQLite takes some thirty thousand parameters."""


class NodeBook:
    """Opened on a file and the node's pseudonym key (32 bytes). Each method is one transaction."""

    def __init__(self, path: Path, pseudonym_key: bytes) -> None:
        self._key = pseudonym_key
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA secure_delete=ON")
        prepare(self._db)
        self.consents = ConsentBook(self._db, self._writing)
        self.care = CareBook(self._db, self._writing)
        self.uses = UseBook(self._db, self._writing)
        self.deletions = DeletionBook(self._db, self._writing)
        self.corrections = CorrectionBook(self._db, self._writing)
        self.tombstones = Tombstones(path.parent, self._indices, self._everybody)

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:  # a full disk has ended it already
                self._db.execute("ROLLBACK")
            raise

    # -- settings

    def get(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def put(self, key: str, value: str) -> None:
        self.put_all({key: value})

    def put_all(self, values: Mapping[str, str]) -> None:
        if values:
            with self._writing() as db:
                db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def under(self, prefix: str) -> dict[str, str]:
        """Every setting whose key begins so, by the rest of its key."""
        rows = self._db.execute("SELECT key, value FROM meta WHERE substr(key, 1, ?) = ?", (len(prefix), prefix))
        return {key.removeprefix(prefix): value for key, value in rows.fetchall()}

    # -- people

    def pseudonym(self, subject: str) -> bytes:
        return hmac.digest(self._key, subject.encode(), "sha256")[:16]

    def enrol(self, subjects: Iterable[str]) -> list[int]:
        """The index of each subject, in order; new people get the next free one."""
        names = [self.pseudonym(s) for s in subjects]
        with self._writing() as db:
            db.execute("CREATE TEMP TABLE IF NOT EXISTS arriving (n INTEGER PRIMARY KEY, pseudonym BLOB)")
            db.execute("DELETE FROM arriving")
            db.executemany("INSERT INTO arriving VALUES (?, ?)", enumerate(names))
            (free,) = db.execute("SELECT coalesce(max(idx) + 1, 0) FROM person").fetchone()
            db.execute(
                "INSERT INTO person SELECT pseudonym, ? + row_number() OVER (ORDER BY min(n)) - 1 FROM arriving "
                "WHERE pseudonym NOT IN (SELECT pseudonym FROM person) GROUP BY pseudonym",
                (free,),
            )
            rows = db.execute("SELECT idx FROM arriving JOIN person USING (pseudonym) ORDER BY n").fetchall()
        return [r[0] for r in rows]

    def indices(self, subjects: Sequence[str]) -> list[int]:
        """The index of each subject, in order; -1 for those who are not known here. Writes nothing."""
        return self._indices([self.pseudonym(s) for s in subjects])

    def _indices(self, names: Sequence[bytes]) -> list[int]:
        found: dict[bytes, int] = {}
        for first in range(0, len(names), _LOOK_UP):
            some = names[first : first + _LOOK_UP]
            marks = ",".join("?" * len(some))
            found.update(self._db.execute(f"SELECT pseudonym, idx FROM person WHERE pseudonym IN ({marks})", some))
        return [found.get(name, -1) for name in names]

    def _everybody(self) -> Iterator[tuple[int, bytes]]:
        return iter(self._db.execute("SELECT idx, pseudonym FROM person"))

    def enrol_for(self, dataset: str, subjects: Iterable[str]) -> list[int]:
        """As `enrol`; -1 for those whose data in that dataset were deleted: they are not taken in again."""
        people = self.enrol(subjects)
        gone = self.tombstones.people(dataset)
        return [-1 if idx in gone else idx for idx in people] if gone else people

    def find(self, subject: str) -> int:
        row = self._db.execute("SELECT idx FROM person WHERE pseudonym = ?", (self.pseudonym(subject),)).fetchone()
        if row is None:
            raise NotFound(
                "unknown-subject",
                Text("This subject is not known at this node.", "本节点没有该受试者。"),
                Text("Check the number, and that it is this hospital's.", "请核对编号，并确认属于本医院。"),
            )
        return int(row[0])

    def everybody(self) -> BitMap:
        """All indices there are."""
        (free,) = self._db.execute("SELECT coalesce(max(idx) + 1, 0) FROM person").fetchone()
        return BitMap(range(free))

    def pseudonyms(self, people: BitMap) -> dict[int, str]:
        """Index -> pseudonym in hexadecimal."""
        found = self._db.execute("SELECT idx, pseudonym FROM person")
        return {idx: name.hex() for idx, name in found if idx in people}

    # -- datasets

    def put_card(self, card: Dataset) -> None:
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO card VALUES (?, ?)", (card.name, json.dumps(card.as_json())))

    def card(self, dataset: str) -> Dataset | None:
        row = self._db.execute("SELECT body FROM card WHERE dataset = ?", (dataset,)).fetchone()
        return None if row is None else Dataset.read(json.loads(row[0]))

    def cards(self) -> tuple[Dataset, ...]:
        return tuple(Dataset.read(json.loads(r[0])) for r in self._db.execute("SELECT body FROM card ORDER BY 1"))

    # -- studies

    def open_study(self, study: dict[str, Any]) -> None:
        """Note that a study was opened; opening it again changes nothing."""
        with self._writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO study VALUES (:id, :asker, :dataset, :purpose, :title, :method, :grant, "
                ":opened_utc, 'open', :epsilon, NULL, NULL, NULL, :salt, FALSE, :use, :request, NULL)",
                study,
            )

    def study(self, study: str) -> dict[str, Any] | None:
        cursor = self._db.execute("SELECT * FROM study WHERE id = ?", (study,))
        row = cursor.fetchone()
        if row is None:
            return None
        return dict(zip((d[0] for d in cursor.description), row, strict=True))

    def use(self, study: str) -> Use | None:
        """A study as consent saw it; None where it is unknown, or older than decision 0030."""
        row = self._db.execute("SELECT consent_use FROM study WHERE id = ?", (study,)).fetchone()
        return None if row is None or row[0] is None else Use.model_validate_json(row[0])

    def keep_inclusion(self, study: str, census_utc: str, cohort: BitMap, included: BitMap) -> None:
        with self._writing() as db:
            (first,) = db.execute("SELECT first FROM study WHERE id = ?", (study,)).fetchone() or (None,)
            ever = included if first is None else included | BitMap.deserialize(first)
            db.execute(
                "UPDATE study SET census_utc = ?, cohort = ?, included = ?, first = ? WHERE id = ?",
                (census_utc, cohort.serialize(), included.serialize(), ever.serialize(), study),
            )

    def narrow_inclusion(self, study: str, cohort: BitMap, included: BitMap) -> None:
        """Somebody withdrew while the study runs: they are out of it for good, whatever they say later."""
        with self._writing() as db:
            db.execute(
                "UPDATE study SET cohort = ?, included = ? WHERE id = ?",
                (cohort.serialize(), included.serialize(), study),
            )

    def set_counted(self, study: str) -> None:
        """This node's figures are in the sums that the study's result is made of."""
        with self._writing() as db:
            db.execute("UPDATE study SET counted = TRUE WHERE id = ?", (study,))

    def inclusion(self, study: str) -> tuple[BitMap, BitMap] | None:
        """(people in the cohort, people included), or None before the census."""
        row = self._db.execute("SELECT cohort, included FROM study WHERE id = ?", (study,)).fetchone()
        if row is None or row[0] is None:
            return None
        return BitMap.deserialize(row[0]), BitMap.deserialize(row[1])

    def released_studies(self, asker: str, dataset: str) -> set[str]:
        rows = self._db.execute(
            "SELECT id FROM study WHERE asker = ? AND dataset = ? AND status = 'released'", (asker, dataset)
        )
        return {r[0] for r in rows}

    def epsilon_spent(self, asker: str, dataset: str, except_study: str) -> float:
        (spent,) = self._db.execute(
            "SELECT coalesce(sum(epsilon), 0) FROM study WHERE asker = ? AND dataset = ? AND id <> ?",
            (asker, dataset, except_study),
        ).fetchone()
        return float(spent)

    def opened_since(self, asker: str, utc: str, except_study: str) -> tuple[int, float]:
        """(studies, epsilon) of this asker that were opened since then."""
        count, spent = self._db.execute(
            "SELECT count(*), coalesce(sum(epsilon), 0) FROM study WHERE asker = ? AND opened_utc >= ? AND id <> ?",
            (asker, utc, except_study),
        ).fetchone()
        return int(count), float(spent)

    def people_given(self, asker: str, utc: str, except_study: str) -> int:
        """People in released results of this asker whose study was opened since then, each study's added up."""
        rows = self._db.execute(
            "SELECT included FROM study WHERE asker = ? AND opened_utc >= ? AND id <> ? AND counted "
            "AND status = 'released' AND included IS NOT NULL",
            (asker, utc, except_study),
        )
        return sum(len(BitMap.deserialize(row[0])) for row in rows)

    def set_status(self, study: str, status: str) -> None:
        """How a study ended: what was kept for its rounds is no longer needed; nor its model, where it is not out."""
        with self._writing() as db:
            db.execute("UPDATE study SET status = ? WHERE id = ?", (status, study))
            db.execute("UPDATE noised SET answer = NULL WHERE study = ?", (study,))
            if status != "released":
                db.execute("DELETE FROM own_model WHERE study = ?", (study,))

    def company(self, study: str) -> str | None:
        """The nodes whose sums this node has helped to open in the study, if it has."""
        row = self._db.execute("SELECT nodes FROM company WHERE study = ?", (study,)).fetchone()
        return None if row is None else str(row[0])

    def keep_company(self, study: str, nodes: str) -> None:
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO company VALUES (?, ?)", (study, nodes))

    def noised(self, study: str) -> tuple[int, bytes, bytes] | None:
        """(step, question, answer) of the last sum with noise that left this node in the study; the answer is empty
        where it must not be given again."""
        row = self._db.execute("SELECT step, question, answer FROM noised WHERE study = ?", (study,)).fetchone()
        return None if row is None else (int(row[0]), bytes(row[1]), bytes(row[2] or b""))

    def keep_noised(self, study: str, step: int, question: bytes, answer: bytes) -> None:
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO noised VALUES (?, ?, ?, ?)", (study, step, question, answer))

    def own_model(self, study: str) -> dict[str, Any] | None:
        """The model of this hospital alone that a study left here; it goes nowhere."""
        row = self._db.execute("SELECT body FROM own_model WHERE study = ?", (study,)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def keep_own_model(self, study: str, model: Mapping[str, Any]) -> None:
        with self._writing() as db:
            db.execute("INSERT OR REPLACE INTO own_model VALUES (?, ?)", (study, json.dumps(model)))

    # -- log

    def log(self, continued: Callable[[Logged | None], Sequence[tuple[Logged, bytes]]]) -> str:
        """Add the (line, signature) pairs that continue the log after its last line; answers the head."""
        with self._writing() as db:
            last = self.last_logged()
            lines = continued(last)
            rows = [(line.number, line.study, line.canonical().decode(), signature) for line, signature in lines]
            db.executemany("INSERT INTO log VALUES (?, ?, ?, ?)", rows)
        newest = lines[-1][0] if lines else last
        return "" if newest is None else newest.digest()

    def logged(self, study: str | None = None) -> Iterator[tuple[Logged, bytes]]:
        """The log's (line, signature) pairs, oldest first; of one study, or all."""
        cursor = self._db.cursor()
        wanted = "study = ?" if study else "? IS NULL"
        for line, signature in cursor.execute(
            f"SELECT line, signature FROM log WHERE {wanted} ORDER BY number", (study,)
        ):
            yield Logged.read(json.loads(line)), signature

    def last_logged(self) -> Logged | None:
        row = self._db.execute("SELECT line FROM log ORDER BY number DESC LIMIT 1").fetchone()
        return None if row is None else Logged.read(json.loads(row[0]))

    def newest_logged(self, most: int) -> list[Logged]:
        """The last lines, newest first."""
        rows = self._db.execute("SELECT line FROM log ORDER BY number DESC LIMIT ?", (most,))
        return [Logged.read(json.loads(line)) for (line,) in rows]

    # -- money

    def pay(self, study: str, parts: Iterable[tuple[int, int]]) -> None:
        """Credit each (person, fen) for this study, once."""
        with self._writing() as db:
            db.executemany("INSERT OR IGNORE INTO earning VALUES (?, ?, ?)", ((study, i, fen) for i, fen in parts))

    def earnings(self, person: int) -> dict[str, int]:
        return dict(self._db.execute("SELECT study, fen FROM earning WHERE idx = ?", (person,)))

    def studies(self) -> Iterator[dict[str, Any]]:
        cursor = self._db.execute("SELECT * FROM study ORDER BY opened_utc")
        names = [d[0] for d in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))
