"""Rows a second of a count and of one Newton step where the rows are: the node's DuckDB, PostgreSQL, Spark.

`python bench/engines.py [--large | --rows N] [--engines duckdb,postgresql,spark]`. Each engine is asked by the node's
own runner, in a process of its own; ten rows a person, nine people in ten consent. Beside each, plain DuckDB computes
the same aggregates of the same rows in one query, with a column that says who consents. A core's share is the wall time
over all cores of the machine. Peak memory is that of the node's process and its children (for Spark that is the driver,
Java and the executors' Pythons; PostgreSQL's server is not the node's and not counted).

100 M rows of 2 M people, 2 cores that others used, too: DuckDB alone counts 28 M rows a second and adds up a Newton
step of 6.6 M, the node 23 M (1.2 times the time) and 3.9 M (1.7 times); census 10 s; peak memory 701 MB, of 1 M rows
of 0.1 M people 342 MB: it grows with the people, whose consents are looked up.

20 M rows of 2 M people, 2 cores that a dozen other programs used, too: DuckDB alone 79 M rows a second and 19 M, the
node 54 M (1.5 times the time) and 5.7 M (3.3 times), 476 MB, of 1 M rows of 0.1 M people 374 MB. Streamed from
PostgreSQL .26 and .32 M rows a second, 623 MB; its own join of the rows with those who consent, on one core since they
lie in a temporary table, and one sum over it went at .5 to .9 M a second. Spark, with 6 GB
for Java: .93 and .67 M a second, census 71 s, 8.0 GB, of which its Java may take 6.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from huizhen.adapters import warehouse
from huizhen.adapters.node_book import NodeBook
from huizhen.kit.clock import stamp, utc_now
from huizhen.model.consent import Word
from made.node import KEY, Node, nine_of_ten, open_node
from made.patients import DATASET, MODELS, PURPOSE, TABLE, people
from made.watch import in_turns, seconds
from rows import newton_sums

ENGINES = ("duckdb", "postgresql", "spark")
SERVER = os.environ.get("HUIZHEN_POSTGRESQL", "postgres@127.0.0.1:5432")
FEW = 500_000
FAMILY, COHORT = "binomial", "age >= 40"
CORES = os.cpu_count() or 1
IMPLAUSIBLE = 5
"""No node reads, joins and adds up rows so many times faster than DuckDB alone adds them up."""


# The rows.


@dataclass(frozen=True)
class Size:
    """So many rows, dealt to so many people in turn."""

    rows: int
    people: int

    def sql(self) -> str:
        return f"SELECT person % {self.people} AS person, * EXCLUDE (person) FROM ({people(0, self.rows)})"

    def named(self) -> str:
        """The same as a hospital has it, with a number of each patient."""
        return f"SELECT 'P' || person AS patient, * EXCLUDE (person) FROM ({self.sql()})"


def write_book(folder: Path, many: int) -> None:
    """The node's book: everybody enrolled, nine of ten with a consent."""
    folder.mkdir(parents=True)
    book = NodeBook(folder / "node.sqlite", KEY)
    for first in range(0, many, FEW):
        among = range(first, min(first + FEW, many))
        index = dict(zip(among, book.enrol(f"P{i}" for i in among), strict=True))
        words = [Word(index[i], PURPOSE, None, True) for i in among if nine_of_ten(i)]
        book.consents.record(words, stamp(utc_now()))
    book.close()


def write_duckdb(folder: Path, size: Size) -> None:
    with duckdb.connect(str(folder / "node.duckdb")) as connection:
        connection.execute(
            f"CREATE TABLE {TABLE} AS SELECT CAST(person AS UINTEGER) AS __subject, * EXCLUDE (person) "
            f"REPLACE (CAST(sex AS ENUM('f', 'm')) AS sex) FROM ({size.sql()})"
        )


def write_plain(folder: Path) -> Path:
    """The same rows with a column that says who consents."""
    path = folder / "plain.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"ATTACH '{folder / 'node.duckdb'}' AS node (READ_ONLY)")
        allowed = "(__subject::UBIGINT * 2654435761 >> 7) % 10 <> 0"
        connection.execute(f"CREATE TABLE plain AS SELECT *, {allowed} AS allowed FROM node.{TABLE}")
    return path


@contextmanager
def in_postgresql(size: Size) -> Iterator[str]:
    """The rows in a database of their own, streamed there; its address."""
    import adbc_driver_postgresql.dbapi as adbc

    name = f"huizhen_bench_{os.getpid()}"
    address = f"postgresql://{SERVER}/{name}"
    with adbc.connect(f"postgresql://{SERVER}/postgres", autocommit=True) as server, server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
        try:
            with adbc.connect(address) as connection, connection.cursor() as into, duckdb.connect() as maker:
                into.execute(
                    "CREATE UNLOGGED TABLE visits (patient text, age int8, sex text, bmi float8, cost float8, "
                    "ill int8, visits int8)"
                )
                into.adbc_ingest("visits", maker.sql(size.named()).to_arrow_reader(FEW), mode="append")
                connection.commit()
                into.execute("ANALYZE visits")
                connection.commit()
            yield address
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def in_spark(size: Size, folder: Path) -> Iterator[str]:
    """The rows as a folder of Parquet files."""
    with duckdb.connect() as maker:
        maker.execute(f"COPY ({size.named()}) TO '{folder / 'lake'}' (FORMAT parquet, PER_THREAD_OUTPUT)")
    yield f"spark:{folder / 'lake'}"


# One engine, in a process of its own.


def step(node: Node, what: str) -> Any:
    """A round as the road asks for it, after the census."""
    if what == "count":
        sitting, state = node.sitting("count", {"by": "sex"}, COHORT), {}
        node.runner.census(sitting)
    else:
        sitting = node.sitting("glm", {"formula": MODELS[FAMILY], "family": FAMILY})
        state = next(state for state, _, _ in node.rounds(sitting) if state["phase"] == "fit")
    node.round(sitting, state)
    return lambda: node.round(sitting, state)


def ask(folder: Path, times: int) -> dict[str, Any]:
    """Seconds of a census and of the rounds, and what was counted."""
    node = open_node(folder)
    told: dict[str, Any] = {"counts": node.answer("count", {"by": "sex"}, COHORT).values["counts"]}
    told["census"] = seconds(lambda: node.runner.census(node.sitting("count", {"by": "sex"}, COHORT)))
    for what in ("count", "newton"):
        told[what] = in_turns({"it": step(node, what)}, times, warm=False)["it"].middle
    told["bytes"] = tree_bytes()
    node.close()
    return told


def tree_bytes() -> int:
    """The most memory that this process and those it started, as far as they live, ever held, added up."""
    parents, most = {}, {}
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        except OSError:
            continue
        parents[status.parent.name] = lines["PPid"].strip()
        most[status.parent.name] = int(lines.get("VmHWM", "0 kB").split()[0]) * 1024
    mine, total = {str(os.getpid())}, 0
    while mine:
        total += sum(most[p] for p in mine)
        mine = {child for child, parent in parents.items() if parent in mine}
    return total


def plainly(path: Path, times: int) -> dict[str, Any]:
    """DuckDB alone: the same aggregates, of rows that say themselves who consents."""
    with duckdb.connect(str(path), read_only=True) as connection:
        count = f"SELECT sex, count(*) FROM plain WHERE allowed AND {COHORT} GROUP BY sex ORDER BY sex"
        found = [n for _, n in connection.sql(count).fetchall()]
        works = {"count": count, "newton": newton_sums(FAMILY)}
        taken = in_turns({k: lambda sql=v: connection.sql(sql).fetchall() for k, v in works.items()}, times)
    return {"counts": found, **{k: t.middle for k, t in taken.items()}}


# All of them.


def measure(size: Size, times: int, engines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        folder = Path(temporary)
        own = folder / "duckdb" / "node"
        write_book(own, size.people)
        write_duckdb(own, size)
        plain = plainly(write_plain(own), times)
        (own / "plain.duckdb").unlink()
        print(f"{size.rows:,} rows of {size.people:,} people, {CORES} cores")
        show("plain DuckDB", size.rows, plain, plain)
        for engine in engines:
            home = own
            if engine != "duckdb":
                places = {"postgresql": in_postgresql, "spark": lambda s: in_spark(s, folder)}
                address = stack.enter_context(places[engine](size))
                home = folder / engine / "node"
                home.mkdir(parents=True)
                shutil.copy(own / "node.sqlite", home)
                table = "public.visits" if engine == "postgresql" else ""
                warehouse.keep(home, DATASET, warehouse.Place(address, table, "patient", {}))
            words = [sys.executable, __file__, "--ask", str(home), "--times", str(times)]
            ran = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
            told = json.loads(ran.stdout.splitlines()[-1])
            if told["counts"] != plain["counts"]:
                raise SystemExit(f"{engine} does not count what DuckDB counts")
            show(f"the node on {engine}", size.rows, told, plain)


def show(who: str, rows: int, told: dict[str, Any], plain: dict[str, Any]) -> None:
    for what, name in (("census", "census"), ("count", f"count by sex where {COHORT}"), ("newton", "one Newton step")):
        if what in told:
            if rows >= FEW and what in plain and told[what] < plain[what] / IMPLAUSIBLE:
                raise SystemExit(f"{who} answered {name} faster than rows can be read: it did not read them")
            speed, over = rows / told[what], f"{told[what] / plain[what]:8.1f} x plain" if what in plain else ""
            each = f"{told[what]:9.3f} s {speed:14,.0f} rows/s {speed / CORES:13,.0f} a core"
            print(f"  {who:24} {name:28} {each} {'' if told is plain else over}")
    if "bytes" in told:
        print(f"  {who:24} {'peak memory':28} {told['bytes'] / 2**20:9,.0f} MB")


def there(engine: str) -> bool:
    if engine == "spark":
        return importlib.util.find_spec("pyspark") is not None and shutil.which("java") is not None
    if engine == "postgresql":
        import adbc_driver_postgresql.dbapi as adbc

        try:
            adbc.connect(f"postgresql://{SERVER}/postgres?connect_timeout=3").close()
        except adbc.Error:
            return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="twenty million rows; ten minutes, 10 GB of disk")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    size.add_argument("--rows", type=int, help="so many rows; 100,000,000 take an hour and 40 GB of disk")
    parser.add_argument("--people", type=int, help="of so many people; else a tenth of the rows")
    parser.add_argument("--engines", default=",".join(ENGINES))
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.ask is not None:
        print(json.dumps(ask(asked.ask, asked.times)))
        return
    chosen = [e for e in asked.engines.split(",") if there(e)]
    for engine in ENGINES:
        if engine not in chosen:
            print(f"{engine}: not asked for, or not on this machine")
    rows = asked.rows or (20_000_000 if asked.large else 2_000 if asked.tiny else 200_000)
    measure(Size(rows, asked.people or rows // 10), 1 if asked.tiny else asked.times, chosen)


if __name__ == "__main__":
    main()
