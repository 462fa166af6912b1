"""Consent of ten million people over twenty purposes: whom a study may read, one decision, a withdrawal, a cold start.

`python bench/purposes.py [--large]`. Everybody says yes to three of the twenty, at random, some under terms. Measured:
the set of those whom a study may read, beside a copy of one bitmap of as many people; one person's decision from the
words; a withdrawal with the set that follows, beside deciding everybody anew; and, with nothing in memory, the set of a
purpose from the bitmaps in the database, from the words when the bitmaps are gone, and all twenty from the words. The
sets are compared with those that were written.

10 M people, 30 M words, 2 cores that others used, too: a study's set .67 ms (1.2 times copying one bitmap), one
decision .15 ms, a withdrawal and the set after it 3.7 ms (everybody anew: 26.6 s); cold from the bitmaps 7.7 ms, one
purpose from the words 40 s, all twenty 150 s, 60 MB of bitmaps.
"""

from __future__ import annotations

import argparse
import itertools
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pyroaring import BitMap

from huizhen.adapters.node_book import NodeBook
from huizhen.kit.text import Text
from huizhen.model.consent import Terms, Use, Word
from huizhen.model.purpose import PURPOSES, Purpose
from made.watch import Taken, in_turns, seconds

AT, NOW = "2026-01-01T00:00:00.000000Z", "2026-02-01T00:00:00.000000Z"
EACH = 3
CODES = tuple(f"X{i:02}" for i in range(20))
TERMS = (Terms(), Terms(recipients=("academic",)), Terms(min_percent=60))
AT_ONCE = 250_000


def use(code: str) -> Use:
    """A study whom everybody's terms but those of a third cover, and another third."""
    return Use(purpose=code, dataset="d", category="clinical", recipient="academic", foreign=False, patient_percent=50)


def chosen(people: int) -> Iterator[tuple[int, np.ndarray]]:
    """(first person, which of the twenty each of some people chooses)."""
    random = np.random.default_rng(1)
    for first in range(0, people, AT_ONCE):
        some = min(AT_ONCE, people - first)
        yield first, np.argpartition(random.random((some, len(CODES)), dtype=np.float32), EACH, axis=1)[:, :EACH]


def write(path: Path, people: int) -> list[BitMap]:
    """Fill the book's own table, as `consents.record` would word by word; whom a study may read, by purpose."""
    terms = [Terms.model_dump_json(t) for t in TERMS]
    db = sqlite3.connect(path, isolation_level=None)
    db.executemany("INSERT INTO terms VALUES (?, ?)", enumerate(terms[1:], 1))
    db.execute("PRAGMA synchronous=OFF")
    covered = [BitMap() for _ in CODES]
    for first, five in chosen(people):
        who = np.repeat(np.arange(first, first + len(five)), EACH)
        codes = five.ravel()
        under = (who + codes) % len(TERMS)
        rows = zip(who.tolist(), [CODES[c] for c in codes.tolist()], itertools.repeat(AT), under.tolist())
        db.execute("BEGIN")
        db.executemany("INSERT INTO consent (idx, purpose, permit, at_utc, terms) VALUES (?, ?, 1, ?, ?)", rows)
        db.execute("COMMIT")
        for code in range(len(CODES)):
            covered[code] |= BitMap(who[(codes == code) & (under != 2)].astype(np.uint32))
    db.close()
    return covered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="ten million people instead of 200,000; some ten minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    size.add_argument("--people", type=int, metavar="N", help="so many people")
    asked = parser.parse_args()
    people = asked.people or (10_000_000 if asked.large else 2_000 if asked.tiny else 200_000)
    for code in CODES:
        PURPOSES[code] = Purpose(code, None, Text(code, f"{code}（示例）"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "node.sqlite"
        NodeBook(path, bytes(32)).close()
        covered: list[BitMap] = []
        took = seconds(lambda: covered.extend(write(path, people)))
        words = people * EACH
        print(f"{people:,} people, {len(CODES)} purposes, {words:,} words; {path.stat().st_size / 1e9:.2f} GB")
        print(f"  {'written':50} {took:10.1f} s   {words / took:,.0f} words/s")
        measure(path, people, covered, 2 if asked.tiny else 7)


def measure(path: Path, people: int, covered: list[BitMap], times: int) -> None:
    book = NodeBook(path, bytes(32))
    first = seconds(lambda: book.consents.people(use(CODES[0]), NOW))
    book.close()
    book = NodeBook(path, bytes(32))
    every = seconds(lambda: book.consents.rebuild([use(code) for code in CODES], NOW))
    found = [book.consents.people(use(code), NOW) for code in CODES]
    assert found == covered, "the sets are those that were written"
    book.close()
    book = NodeBook(path, bytes(32))
    stored = seconds(lambda: book.consents.people(use(CODES[1]), NOW))
    size = sum(len(p) for (p,) in book._db.execute("SELECT people FROM standing"))
    plain, left = BitMap(covered[1]), iter(covered[1])

    def withdraw() -> None:
        book.consents.record([Word(next(left), CODES[1], None, False)], AT)
        book.consents.people(use(CODES[1]), NOW)

    taken = in_turns(
        {
            "one bitmap, copied": lambda: BitMap(plain),
            "whom a study may read": lambda: book.consents.people(use(CODES[1]), NOW),
            "one person, from the words": lambda: book.consents.covers(people // 2, use(CODES[2]), NOW),
        },
        times,
    )
    again = {"a withdrawal, and whom a study may read then": withdraw,
             "everybody decided anew": lambda: book.consents.people_at(use(CODES[1]), NOW)}  # fmt: skip
    taken |= in_turns(again, min(times, 3), warm=False)
    assert book.consents.people(use(CODES[1]), NOW) == book.consents.people_at(use(CODES[1]), NOW)
    line(taken, "whom a study may read", "one bitmap, copied")
    line(taken, "one person, from the words", "one bitmap, copied")
    line(taken, "a withdrawal, and whom a study may read then", "everybody decided anew")
    print(f"  {'cold: one purpose, bitmaps in the database':50} {stored * 1e3:10.1f} ms")
    print(f"  {'cold: one purpose, from the words':50} {first:10.2f} s")
    print(f"  {'cold: all twenty, from the words':50} {every:10.2f} s   {size / 1e6:.1f} MB of bitmaps in the database")
    book.close()


def line(taken: dict[str, Taken], what: str, beside: str) -> None:
    own, base = taken[what], taken[beside]
    print(f"  {what:50} {own.middle * 1e3:10.3f} ms   {own.over(base)} {beside} ({base.middle * 1e3:.3f} ms)")


if __name__ == "__main__":
    main()
