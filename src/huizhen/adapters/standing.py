"""Who consents: for each purpose and dataset one bitmap of people by the terms of their yes, kept up word by word.

A yes stands when it was said after the last no, or the last yes that was said anew, on the same purpose (or a broader
one) and data, and holds in time. A study reads the people of those terms that it meets: the union of a few bitmaps.
What is kept is brought up to date for those people only of whom a word was said since, or a period began or ended.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap

from huizhen.model.consent import ANY, Terms, Use
from huizhen.model.purpose import consents_that_permit

_FEW = 50_000
"""Up to so many people are decided one by one; above, everybody is decided anew."""
_LOOK_UP = 10_000
"""People looked up in one query; SQLite takes some thirty thousand parameters."""
_SHIFT = 32
_ENDS, _TERMS, _CODE = 33, 34, 57
_MOST_CODES = 64
_MOST_TERMS = (1 << (_CODE - _TERMS)) - 1
"""Where the parts of a word are in one number of 63 bits: 6 for the purpose, 23 for the terms."""


class Key(NamedTuple):
    purpose: str
    dataset: str
    category: str


@dataclass
class _Kept:
    """People by the number of their terms, as of an epoch and a moment; `stored` of them are on disk."""

    epoch: int
    at_utc: str
    people: dict[int, BitMap]
    unstored: int = 0


class Standing:
    """Over the consents of one book. `writing` opens a transaction."""

    def __init__(self, db: sqlite3.Connection, writing: Callable[[], AbstractContextManager[sqlite3.Connection]]):
        self._db = db
        self._writing = writing
        self._kept: dict[Key, _Kept] = {}
        self._terms: dict[int, Terms] = {0: ANY}

    @property
    def epoch(self) -> int:
        """How many words were ever recorded: grows with every change."""
        (seq,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM consent").fetchone()
        return int(seq)

    def people(self, use: Use, at_utc: str) -> BitMap:
        """Whose consent covers the study at this moment."""
        return self._met(use, self._now(_key(use), at_utc))

    def people_at(self, use: Use, at_utc: str) -> BitMap:
        """The same for any moment, past ones too, without what is kept."""
        return self._met(use, self._decide(_key(use), at_utc, None))

    def covers(self, person: int, use: Use, at_utc: str) -> bool:
        """Whether this one person's consent covers the study at this moment."""
        return person in self._met(use, self._decide(_key(use), at_utc, [person]))

    def rebuild(self, uses: Iterable[Use], at_utc: str) -> None:
        """Decide everybody anew for all of these, in one pass over the words for each dataset, and keep it."""
        for (dataset, category), purposes in _by_data(map(_key, uses)).items():
            keys = [Key(purpose, dataset, category) for purpose in purposes]
            self._keep_all(keys, at_utc)

    def unmet(self, person: int, use: Use, at_utc: str) -> tuple[str, ...] | None:
        """Why this one person's consent did not cover the study at that moment: the terms that it does not meet, none
        where no yes stood. None: it covered it."""
        decided = self._decide(_key(use), at_utc, [person])
        wrong = [self.terms(number).unmet(use) for number, people in decided.items() if person in people]
        return None if () in wrong else tuple(sorted({name for each in wrong for name in each}))

    def terms(self, number: int) -> Terms:
        if number not in self._terms:
            self._terms.update(
                (n, Terms.model_validate_json(body)) for n, body in self._db.execute("SELECT id, body FROM terms")
            )
        return self._terms[number]

    def _met(self, use: Use, people: dict[int, BitMap]) -> BitMap:
        met = [some for number, some in people.items() if not self.terms(number).unmet(use)]
        return BitMap.union(*met) if met else BitMap()

    # -- what is kept

    def _now(self, key: Key, at_utc: str) -> dict[int, BitMap]:
        epoch, kept = self.epoch, self._kept.get(key) or self._load(key)
        if kept is not None and (kept.at_utc > at_utc or kept.epoch > epoch):
            return self._decide(key, at_utc, None)  # of an earlier moment than what is kept
        changed = None if kept is None else self._changed(kept, at_utc)
        if kept is None or changed is None or len(changed) > _FEW:
            self._keep_all([key, *self._beside(key)], at_utc)
            kept = self._kept[key]
        elif changed:
            self._take_up(kept, BitMap(changed), self._decide(key, at_utc, changed))
            kept.epoch, kept.at_utc = epoch, at_utc
            if kept.unstored > _FEW:
                self._store(key, kept)
        else:
            kept.epoch, kept.at_utc = epoch, at_utc
        self._kept[key] = kept
        return kept.people

    def _beside(self, key: Key) -> list[Key]:
        """Other purposes on the same data that are kept: decided in the same pass, they cost next to nothing."""
        rows = self._db.execute(
            "SELECT DISTINCT purpose FROM standing WHERE dataset = ? AND category = ? AND purpose <> ?",
            (key.dataset, key.category, key.purpose),
        )
        return [key._replace(purpose=purpose) for (purpose,) in rows.fetchall()]

    def _keep_all(self, keys: Sequence[Key], at_utc: str) -> None:
        epoch = self.epoch
        for key, people in self._everybody(keys, at_utc).items():
            kept = self._kept[key] = _Kept(epoch, at_utc, people)
            self._store(key, kept)

    @staticmethod
    def _take_up(kept: _Kept, changed: BitMap, decided: dict[int, BitMap]) -> None:
        for number in kept.people.keys() | decided.keys():
            people = kept.people.setdefault(number, BitMap())
            people -= changed
            people |= decided.get(number, BitMap())
            kept.people[number] = people
        kept.unstored += len(changed)

    def _changed(self, kept: _Kept, at_utc: str) -> list[int]:
        """People of whom a word was said since, became due, or has a period that began or ended; in any purpose."""
        span = (kept.at_utc, at_utc)
        rows = self._db.execute(
            "SELECT idx FROM consent WHERE seq > ? UNION SELECT idx FROM consent WHERE at_utc > ? AND at_utc <= ? "
            "UNION SELECT idx FROM consent WHERE from_utc > ? AND from_utc <= ? "
            "UNION SELECT idx FROM consent WHERE until_utc > ? AND until_utc <= ?",
            (kept.epoch, *span, *span, *span),
        )
        return [idx for (idx,) in rows]

    def _load(self, key: Key) -> _Kept | None:
        rows = self._db.execute(
            "SELECT terms, epoch, at_utc, people FROM standing WHERE purpose = ? AND dataset = ? AND category = ?", key
        ).fetchall()
        if not rows:
            return None
        return _Kept(rows[0][1], rows[0][2], {number: BitMap.deserialize(people) for number, _, _, people in rows})

    def _store(self, key: Key, kept: _Kept) -> None:
        with self._writing() as db:
            db.execute("DELETE FROM standing WHERE purpose = ? AND dataset = ? AND category = ?", key)
            db.executemany(
                "INSERT INTO standing VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(*key, n, kept.epoch, kept.at_utc, p.serialize()) for n, p in (kept.people or {0: BitMap()}).items()],
            )
        kept.unstored = 0

    # -- what is decided

    def _decide(self, key: Key, at_utc: str, among: list[int] | None) -> dict[int, BitMap]:
        """People by the terms of the yes that stands; of those `among` only, or of all."""
        if among is None:
            return self._everybody([key], at_utc)[key]
        found: dict[int, BitMap] = {}
        for first in range(0, len(among), _LOOK_UP):
            some = among[first : first + _LOOK_UP]
            inside = f" AND idx IN ({','.join('?' * len(some))})"
            for number, people in _by_terms(self._standing(key, at_utc, inside, some)).items():
                found[number] = found.get(number, BitMap()) | people
        return found

    def _everybody(self, keys: Sequence[Key], at_utc: str) -> dict[Key, dict[int, BitMap]]:
        """For purposes on the same data: everybody by the terms of the yes that stands. The words are read once, in the
        order in which they were said, each as one number: purpose, terms, whether it ends those before it, whether it
        is a yes that holds now, person."""
        _, dataset, category = keys[0]
        codes = sorted({code for key in keys for code in consents_that_permit(key.purpose)})
        if not codes:
            return {key: {} for key in keys}
        ((most,),) = self._db.execute("SELECT coalesce(max(id), 0) FROM terms").fetchall()
        if most > _MOST_TERMS or len(codes) > _MOST_CODES:
            raise OverflowError("more terms or purposes than there is room for in a number")
        which = " ".join(f"WHEN ? THEN {i}" for i in range(len(codes)))
        rows = self._db.execute(
            f"SELECT (CASE purpose {which} END << {_CODE}) | (terms << {_TERMS}) | ((NOT permit OR anew) << {_ENDS}) "
            "| ((permit AND (from_utc IS NULL OR from_utc <= ?) AND (until_utc IS NULL OR until_utc > ?)) "
            f"<< {_SHIFT}) | idx FROM consent WHERE purpose IN ({','.join('?' * len(codes))}) "
            "AND (dataset IS NULL OR dataset = ?) AND (category IS NULL OR category = ?) AND at_utc <= ? ORDER BY seq",
            (*codes, at_utc, at_utc, *codes, dataset, category, at_utc),
        )
        words = np.frombuffer(array("q", chain.from_iterable(rows)), dtype=np.int64)
        code = (words >> _CODE).astype(np.uint8)
        found = {}
        for key in keys:
            mine = [codes.index(c) for c in consents_that_permit(key.purpose)]
            found[key] = _standing_of(words[np.isin(code, mine)] if len(codes) > len(mine) else words)
        return found

    def _standing(self, key: Key, at_utc: str, inside: str, people: Iterable[int]) -> Iterable[tuple[int]]:
        codes = consents_that_permit(key.purpose)
        concerns = (
            f"purpose IN ({','.join('?' * len(codes))}) AND (dataset IS NULL OR dataset = ?) "
            f"AND (category IS NULL OR category = ?) AND at_utc <= ?{inside}"
        )
        which = (*codes, key.dataset, key.category, at_utc, *people)
        return self._db.execute(
            f"WITH floor AS (SELECT idx, max(seq) AS seq FROM consent WHERE {concerns} AND (NOT permit OR anew) "
            f"GROUP BY idx) SELECT (terms << {_SHIFT}) | consent.idx FROM consent LEFT JOIN floor "
            f"ON floor.idx = consent.idx WHERE {concerns.replace(' idx', ' consent.idx')} AND permit "
            "AND (from_utc IS NULL OR from_utc <= ?) AND (until_utc IS NULL OR until_utc > ?) "
            "AND consent.seq >= coalesce(floor.seq, 0)",
            (*which, *which, at_utc, at_utc),
        )


def _key(use: Use) -> Key:
    return Key(use.purpose, use.dataset, use.category)


def _by_data(keys: Iterable[Key]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for key in dict.fromkeys(keys):
        found.setdefault((key.dataset, key.category), []).append(key.purpose)
    return found


def _standing_of(words: npt.NDArray[np.int64]) -> dict[int, BitMap]:
    """The people of the yes that stands, by its terms, from the words on one purpose in the order they were said."""
    ends = np.flatnonzero(words >> _ENDS & 1)
    holds = (words >> _SHIFT & 1).astype(np.bool_)
    if len(ends):
        people = words.astype(np.uint32)
        last = np.zeros(int(people.max()) + 1, dtype=np.int64)
        last[people[ends]] = ends  # of several that end what was before, the last counts
        holds &= np.arange(len(words)) >= last[people]
    yes = words[holds]
    return _grouped((yes >> _TERMS) & _MOST_TERMS, yes.astype(np.uint32))


def _by_terms(rows: Iterable[tuple[int]]) -> dict[int, BitMap]:
    """From (terms << 32) | person, one to a row, the people of each."""
    both = np.frombuffer(array("q", chain.from_iterable(rows)), dtype=np.int64)
    return _grouped(both >> _SHIFT, both.astype(np.uint32))  # the lower half


def _grouped(numbers: npt.NDArray[np.int64], people: npt.NDArray[np.uint32]) -> dict[int, BitMap]:
    """The people of each number."""
    if not len(people):
        return {}
    if (numbers == numbers[0]).all():
        return {int(numbers[0]): BitMap(people)}
    order = np.argsort(numbers, kind="stable")
    found, first = np.unique(numbers[order], return_index=True)
    return {int(n): BitMap(p) for n, p in zip(found, np.split(people[order], first[1:]), strict=True)}
