"""What the consent filter costs: the same queries over the same rows with it and without, and beside other filters.

`python bench/consent.py [--large]`. The node's own reader in all cases; "no filter" is that reader with the one clause
left out that applies consent. The sets: everybody (one range), unbroken runs, and people at random, who go into the
query as a bitmap. The other ways to apply a random set are a join with a table of the people, and their numbers in a
list of ranges however many; decision 0012 rests on these.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import duckdb
import numpy as np
import pyarrow as pa
from pyroaring import BitMap

from huizhen.adapters import allowed as filters
from huizhen.adapters.rows import ROWS, SUBJECT, Rows, table
from huizhen.adapters.table import Selection
from made.patients import DATASET, SCHEMA, write_table
from made.watch import Taken, in_turns

COUNT = Selection(DATASET, SCHEMA, "age >= 40", ("sex",), True)
READ = Selection(DATASET, SCHEMA, None, ("age", "sex", "bmi", "ill"), True)


class Unfiltered(Rows):
    """Reads everybody's rows: the baseline, in this file only."""

    def _consenting(self, dataset: str, allowed: BitMap) -> str:  # noqa: ARG002
        return f"FROM {table(dataset)} AS {ROWS} WHERE TRUE"


class Joined(Rows):
    """The people allowed as a table with one row each, joined."""

    def _consenting(self, dataset: str, allowed: BitMap) -> str:
        if self._laid is None or self._laid != allowed:
            people = pa.table({"person": np.frombuffer(allowed.to_array(), dtype=np.uint32)})
            connection = self._open()
            connection.register("_people", people)
            connection.execute("CREATE OR REPLACE TEMP TABLE listed AS SELECT person FROM _people")
            connection.unregister("_people")
            self._laid = allowed.copy()
        return f"FROM {table(dataset)} AS {ROWS} SEMI JOIN temp.listed ON listed.person = {ROWS}.{SUBJECT} WHERE TRUE"


def queries(rows: Rows, people: BitMap) -> dict[str, Callable[[], object]]:
    """What a study asks of the reader."""
    return {
        "count": lambda: rows.count(COUNT, people, complete=True),
        "read four columns": lambda: deque(rows.batches(READ, people), maxlen=0),
        "census": lambda: rows.census(READ, people),
    }


def at_random(rows: int, share: float) -> BitMap:
    members = np.flatnonzero(np.random.default_rng(1).random(rows) < share)
    return BitMap(members.astype(np.uint32))


def in_runs(rows: int, runs: int) -> BitMap:
    """Nine people of ten, in so many unbroken runs."""
    found = BitMap()
    for k in range(runs):
        found.add_range(k * rows // runs, k * rows // runs + 9 * rows // (10 * runs))
    return found


@contextmanager
def most_ranges(most: int) -> Iterator[None]:
    """Up to this many ranges instead of a bitmap."""
    with mock.patch.object(filters, "MOST_RANGES", most):
        yield


def line(what: str, spent: Taken, plain: Taken, rows: int) -> None:
    print(f"    {what:46} {spent.middle * 1e3:9.1f} ms  {rows / spent.middle:14,.0f} rows/s   {spent.over(plain)}")


def measure_overhead(path: Path, rows: int, times: int) -> None:
    sets = {
        "everybody, one range": BitMap(range(rows)),
        "nine in ten, four ranges": in_runs(rows, 4),
        "nine in ten at random, bitmap": at_random(rows, 0.9),
        "half at random, bitmap": at_random(rows, 0.5),
        "one in a hundred at random, bitmap": at_random(rows, 0.01),
    }
    readers = {name: (Rows(path), people) for name, people in sets.items()}
    readers["no filter"] = Unfiltered(path), BitMap(range(rows))
    for query in ("count", "read four columns", "census"):
        taken = in_turns({name: queries(r, people)[query] for name, (r, people) in readers.items()}, times)
        print(f"  {query}, beside no filter at all")
        for name in ["no filter", *sets]:
            line(name, taken[name], taken["no filter"], rows)
    for reader, _ in readers.values():
        reader.close()


def measure_ways(path: Path, rows: int, times: int) -> None:
    """The same people by other filters, and ranges however many: from where on is the bitmap faster?"""
    people, plain = at_random(rows, 0.9), Unfiltered(path)
    bitmap, joined = Rows(path), Joined(path)
    laying = in_turns({"bitmap": lambda: _anew(bitmap, people), "join": lambda: _anew(joined, people)}, times)
    print("  the same nine in ten at random, laid beside the table anew")
    for name in ("bitmap", "join"):
        line(name, laying[name], laying["join"], rows)
    works = {"no filter": plain, "bitmap": bitmap, "join": joined}
    taken = in_turns({name: queries(r, people)["count"] for name, r in works.items()}, times)
    print("  count with it laid, beside no filter at all")
    for name in works:
        line(name, taken[name], taken["no filter"], rows)
    print("  count with ranges, however many, and with a bitmap of the same people, beside no filter at all")
    for runs in (1, 2, 4, 8, 16):
        same = in_runs(rows, runs)
        ranged = {"no filter": queries(plain, same)["count"]}
        for name, most, reader in (("ranges", runs, Rows(path)), ("bitmap", 0, bitmap)):
            ranged[name] = _under(most, queries(reader, same)["count"])
        taken = in_turns(ranged, times)
        for name in ("ranges", "bitmap"):
            line(f"{runs} runs, as {name}", taken[name], taken["no filter"], rows)
    for reader in (plain, bitmap, joined):
        reader.close()


def _under(most: int, work: Callable[[], object]) -> Callable[[], object]:
    def run() -> object:
        with most_ranges(most):
            return work()

    return run


def _anew(rows: Rows, people: BitMap) -> None:
    rows._laid = None
    rows._consenting(DATASET, people)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="ten million rows instead of one; two minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    rows, times = (10_000_000, 7) if asked.large else (5_000, 1) if asked.tiny else (1_000_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "node.duckdb"
        with duckdb.connect(str(path)) as connection:
            write_table(connection, rows)
        print(f"{rows:,} rows of as many people; ratios with their spread over {times} turns")
        measure_overhead(path, rows, times)
        measure_ways(path, rows, times)


if __name__ == "__main__":
    main()
