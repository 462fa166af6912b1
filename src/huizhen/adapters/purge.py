"""People's rows out of the node's own file, bytes and all: DuckDB marks what is deleted and keeps it, so the file is
written anew without them and takes the place of the old one."""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from pyroaring import BitMap

from huizhen.adapters.engine import Engine
from huizhen.adapters.rows import SUBJECT, quote, table

_BESIDE = (".wal", ".wal.checkpoint", ".wal.recovery")


def purge(path: Path, datasets: Collection[str], people: BitMap) -> dict[str, int]:
    """Rows of these people that were in these datasets, by dataset; they are no longer in the file. A crash leaves the
    old file or the new one. Nobody may have it open meanwhile: raises what DuckDB raises."""
    if not path.exists():
        return dict.fromkeys(datasets, 0)
    new = path.with_name(path.name + ".purged")
    for left in (new, *(new.with_name(new.name + more) for more in _BESIDE)):
        left.unlink(missing_ok=True)
    engine = Engine([path, new])
    try:
        connection = engine.attach(path, write=True)
        there = {row[0] for row in connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = "
                                                      "current_database()").fetchall()}  # fmt: skip
        who = ", ".join(str(person) for person in people)
        gone = f"{SUBJECT} IN ({who})"
        found = dict.fromkeys(datasets, 0)
        for dataset in datasets:
            if f"data/{dataset}" in there and people:
                ((found[dataset],),) = connection.execute(
                    f"SELECT count(*) FROM {table(dataset)} WHERE {gone}"
                ).fetchall()
        if any(found.values()):
            connection.execute(f"ATTACH '{str(new.absolute()).replace(chr(39), chr(39) * 2)}' AS purged (READ_WRITE)")
            without = {f"data/{d}" for d, rows in found.items() if rows}
            for name in sorted(there):
                rest = f" WHERE NOT {gone}" if name in without else ""
                connection.execute(f"CREATE TABLE purged.{quote(name)} AS SELECT * FROM {quote(name)}{rest}")
            connection.execute("DETACH purged")
        engine.detach(connection)
    finally:
        engine.close()
    if any(found.values()):
        _replace(path, new)
    return found


def _replace(path: Path, new: Path) -> None:
    descriptor = os.open(new, os.O_RDONLY)
    os.fsync(descriptor)
    os.close(descriptor)
    new.chmod(path.stat().st_mode)
    new.replace(path)
    for more in _BESIDE:
        with suppress(FileNotFoundError):
            path.with_name(path.name + more).unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    os.fsync(directory)
    os.close(directory)
