"""DuckDB as the nodes use it: in memory, with their files attached, and able to reach no other file.

An instance costs some 25 ms and 5 MB, an attached file about one and 0.4: nodes that live in one process share one.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

THREADS = os.cpu_count() or 1
MEMORY = "1GB"
"""What DuckDB may keep of the files it reads. Queries stream and need little more than a few batches."""
_BESIDE = ("", ".wal", ".wal.checkpoint", ".wal.recovery")
"""What DuckDB keeps beside a file, by suffix."""


class Engine:
    """One DuckDB for these files. Connections may be used in several threads, each in one at a time.

    Nothing in SQL leads out: other files, the network and extensions are closed, its settings are locked, and it
    writes no temporary file, so no row ever lies outside the node's own file.
    """

    def __init__(self, files: Collection[Path]) -> None:
        import duckdb

        self._files = frozenset(file.absolute() for file in files)
        self._attached = 0
        self._connection = duckdb.connect(
            config={"threads": THREADS, "async_threads": 1, "memory_limit": MEMORY, "temp_directory": ""}
        )
        open_to = ", ".join(_literal(f"{file}{more}") for file in sorted(self._files) for more in _BESIDE)
        self._connection.execute(f"SET allowed_paths = [{open_to}]")
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    def memory(self) -> duckdb.DuckDBPyConnection:
        """A connection that sees no file, to be closed by who asked for it."""
        return self._connection.cursor()

    def covers(self, file: Path) -> bool:
        return file.absolute() in self._files

    def attach(self, file: Path, write: bool = False) -> duckdb.DuckDBPyConnection:
        """A connection that sees the tables of this file, until `detach`. Raises what DuckDB raises."""
        self._attached += 1
        name = f"node{self._attached}"
        connection = self._connection.cursor()
        mode = "READ_WRITE" if write else "READ_ONLY"
        connection.execute(f"ATTACH {_literal(str(file.absolute()))} AS {name} ({mode})")
        connection.execute(f"USE {name}")
        return connection

    def detach(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Let go of the file: it may then be opened for writing."""
        ((name,),) = connection.execute("SELECT current_database()").fetchall()
        connection.execute("USE memory")
        connection.execute(f"DETACH {name}")
        connection.close()

    def close(self) -> None:
        self._connection.close()


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
