"""The independent check of a whole series of releases: from its files and the list of who was released, by SQL."""

from __future__ import annotations

import hashlib

import duckdb

from huizhen.adapters.series import FOLDER, Shelf
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Variety


def broken(shelf: Shelf) -> list[Text]:
    """What does not hold: of each release and of all of them joined, of persons, and of the count of records.

    Joined, classes with the same labels are one; k and diversity are then checked for the union, too. Closeness and
    likeness are relative to one release, and were checked when that was written.
    """
    found = _files(shelf)
    if found:
        return found
    state, asked = shelf.state, shelf.asked.release
    names = [*asked.quasi_identifiers, *asked.sensitive]
    files = state.execute("SELECT number, file FROM release ORDER BY number").fetchall()
    if files:
        parts = [f"SELECT {n} AS release, {', '.join(map(_quoted, names))} FROM {_source(shelf, f)}" for n, f in files]
        state.execute(f"CREATE OR REPLACE TEMP TABLE seen AS {' UNION ALL '.join(parts)}")
        found += _classes(state, "release, ", asked.k, list(asked.quasi_identifiers), asked.sensitive, _EACH)
        found += _classes(state, "", asked.k, list(asked.quasi_identifiers), asked.sensitive, _JOINED)
    return found + _people(shelf, bool(files))


_EACH, _JOINED = Text("a release", "某次发布"), Text("the joined releases", "合并后的各次发布")


def _files(shelf: Shelf) -> list[Text]:
    found = []
    for name, digest in shelf.state.execute("SELECT file, sha256 FROM release").fetchall():
        with (shelf.folder / FOLDER / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                found.append(Text(f"{name} is not what was released", f"{name} 与发布时不同"))
    return found


def _source(shelf: Shelf, name: str) -> str:
    where = str(shelf.folder / FOLDER / name).replace("'", "''")
    if name.endswith(".parquet"):
        return f"read_parquet('{where}')"
    return f"read_csv('{where}', header = true, all_varchar = true, nullstr = '\x01', quote = '\"', escape = '\"')"


def _classes(
    state: duckdb.DuckDBPyConnection,
    release: str,
    k: int,
    quasi: list[str],
    sensitive: dict[str, Variety],
    where: Text,
) -> list[Text]:
    same, found = release + ", ".join(map(_quoted, quasi)), []
    if state.execute(f"SELECT 1 FROM seen GROUP BY {same} HAVING count(*) < {k} LIMIT 1").fetchall():
        found.append(Text(f"a class of {where.en} has fewer than {k} people", f"{where.zh}中有等价类少于 {k} 人"))
    for name, variety in sensitive.items():
        tests = ["false"]
        if variety.distinct is not None:
            tests.append(f"count(*) < {variety.distinct}")
        if variety.entropy is not None:
            tests.append(f"-sum(c / n * ln(c / n)) < ln({variety.entropy!r}::DOUBLE) - 1e-9")
        if variety.c is not None and variety.l is not None:
            tests.append(f"max(c) >= {variety.c!r}::DOUBLE * coalesce(sum(c) FILTER (place >= {variety.l}), 0)")
        if state.execute(
            f"WITH cells AS (SELECT {same}, coalesce({_quoted(name)}::VARCHAR, '') AS s, count(*)::DOUBLE AS c "
            f"FROM seen GROUP BY ALL), each AS (SELECT *, sum(c) OVER (PARTITION BY {same}) AS n, row_number() OVER "
            f"(PARTITION BY {same} ORDER BY c DESC) AS place FROM cells) "
            f"SELECT 1 FROM each GROUP BY {same} HAVING {' OR '.join(tests)} LIMIT 1"
        ).fetchall():
            found.append(
                Text(f"column '{name}' of a class of {where.en} is not as varied as promised",
                     f"{where.zh}中有等价类的列“{name}”未达到承诺的多样性")
            )  # fmt: skip
    return found


def _people(shelf: Shelf, any_released: bool) -> list[Text]:
    state, found = shelf.state, []
    if state.execute("SELECT 1 FROM person GROUP BY who HAVING count(*) > 1 LIMIT 1").fetchall():
        found.append(Text("a person was released twice", "有人被发布两次"))
    if (
        any_released
        and state.execute(
            "SELECT 1 FROM (SELECT release AS number, count(*) AS people FROM person GROUP BY ALL) "
            "FULL JOIN (SELECT release AS number, count(*) AS rows FROM seen GROUP BY ALL) USING (number) "
            "FULL JOIN (SELECT number, rows AS said FROM release) USING (number) "
            "WHERE people IS DISTINCT FROM rows OR rows IS DISTINCT FROM said LIMIT 1"
        ).fetchall()
    ):
        found.append(Text("a release has not as many rows as people", "某次发布的行数与人数不符"))
    waits = state.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = 'waiting'").fetchall()
    still = "(SELECT count(*) FROM waiting)" if waits else "0"
    lost = state.execute(
        f"SELECT coalesce(sum(received - again - given_up), 0) - (SELECT count(*) FROM person) - {still} FROM day"
    ).fetchall()
    if lost != [(0,)]:
        found.append(Text("a record was lost or taken twice", "有记录丢失或重复收入"))
    if waits and state.execute("SELECT 1 FROM waiting SEMI JOIN person USING (who) LIMIT 1").fetchall():
        found.append(Text("a person who was released waits, too", "已发布者仍在等待"))
    return found


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
