"""Tables in warehouses for tests: the same rows in PostgreSQL, for Spark, and in a file."""

from __future__ import annotations

from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.parquet as pq


def into_postgresql(url: str, name: str, table: pa.Table, *then: str) -> None:
    """A table of these rows; `then`: statements to be run after."""
    with adbc.connect(url) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest(name, table, mode="create")
        for statement in then:
            cursor.execute(statement)
        connection.commit()


def into_folder(folder: Path, table: pa.Table, files: int = 3) -> Path:
    """A folder of Parquet files, as Spark writes them."""
    folder.mkdir(parents=True)
    size = -(-table.num_rows // files) or 1
    for i in range(files):
        pq.write_table(table.slice(i * size, size), folder / f"part-{i}.parquet")
    return folder
