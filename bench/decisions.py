"""What a decision of consent takes: whose yes covers a study, by recipient, method and price, out of so many people.

`python bench/decisions.py [--large]`. People say yes to one purpose under eight different terms, at random. Measured:
the set of those whom a study may read, from the bitmaps that are kept, beside a copy of one bitmap of as many people,
as a filter by purpose alone would hand out; the same after one more person withdrew, beside deciding everybody anew;
and one person's own decision from the words. The sets are compared with those decided from all the words.
"""

from __future__ import annotations

import argparse
import itertools
import random
import tempfile
from pathlib import Path

import numpy as np
from pyroaring import BitMap

from huizhen.adapters.node_book import NodeBook
from huizhen.model.consent import ANY, Terms, Use, Word
from huizhen.model.purpose import PURPOSES
from made.watch import Taken, in_turns

AT = "2026-01-01T00:00:00.000000Z"
NOW = "2026-02-01T00:00:00.000000Z"
TERMS = (
    ANY,
    Terms(recipients=("academic",)),
    Terms(recipients=("academic", "hospital", "public")),
    Terms(methods=("statistics",)),
    Terms(min_percent=50),
    Terms(min_price_fen=100_000),
    Terms(recipients=("academic", "commercial", "foreign"), min_percent=40),
    Terms(recipients=("academic", "commercial"), methods=("statistics", "model"), min_percent=50),
)
USE = Use(
    purpose="HMB", dataset="d", category="clinical", recipient="commercial", foreign=False, method="statistics",
    price_fen=50_000, patient_percent=51,
)  # fmt: skip
AT_ONCE = 500_000


def write(book: NodeBook, people: int) -> None:
    under = np.random.default_rng(1).integers(0, len(TERMS), people).tolist()
    for first in range(0, people, AT_ONCE):
        some = range(first, min(first + AT_ONCE, people))
        book.consents.record([Word(i, "HMB", None, True, terms=TERMS[under[i]]) for i in some], AT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="ten million people instead of 300,000; some minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    people, times = (10_000_000, 9) if asked.large else (3_000, 2) if asked.tiny else (300_000, 9)
    with tempfile.TemporaryDirectory() as folder:
        book = NodeBook(Path(folder) / "node.sqlite", bytes(32))
        write(book, people)
        measure(book, people, times)
        book.close()


def measure(book: NodeBook, people: int, times: int) -> None:
    consents, everybody, left = book.consents, BitMap(range(people)), itertools.count()
    covered = len(consents.people(USE, NOW))
    plain = BitMap(random.Random(2).sample(range(people), covered))

    def withdraw() -> BitMap:
        consents.record([Word(next(left), "HMB", None, False)], AT)
        return consents.people(USE, NOW)

    for code in PURPOSES:
        consents.people(USE.model_copy(update={"purpose": code}), NOW)
    taken = in_turns(
        {
            "one bitmap, copied": lambda: BitMap(plain),
            "whom a study may read": lambda: consents.people(USE, NOW),
            "another kind of recipient": lambda: consents.people(USE.model_copy(update={"recipient": "academic"}), NOW),
            "one person, from the words": lambda: consents.covers(people // 2, USE, NOW),
        },
        times,
    )
    anew = {
        "a withdrawal, and whom a study may read then": withdraw,
        "everybody decided anew": lambda: consents.people_at(USE, NOW),
    }
    taken |= in_turns(anew, min(times, 3), warm=False)
    assert consents.people(USE, NOW) == consents.people_at(USE, NOW)
    assert len(consents.people(USE, NOW)) < covered < len(everybody), "those who withdrew are out"
    print(f"{people:,} people, {len(TERMS)} terms, {covered:,} covered; {len(PURPOSES)} purposes kept in memory")
    line(taken, "whom a study may read", "one bitmap, copied")
    line(taken, "another kind of recipient", "one bitmap, copied")
    line(taken, "one person, from the words", "one bitmap, copied")
    line(taken, "a withdrawal, and whom a study may read then", "everybody decided anew")


def line(taken: dict[str, Taken], what: str, beside: str) -> None:
    own, base = taken[what], taken[beside]
    print(f"  {what:46} {own.middle * 1e3:10.3f} ms   {own.over(base)} {beside} ({base.middle * 1e3:.3f} ms)")


if __name__ == "__main__":
    main()
