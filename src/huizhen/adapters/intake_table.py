"""Writes what was taken in to the node's tables: typed columns and a person index; no identifier is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from huizhen.adapters.rows import SQL_TYPES, SUBJECT, quote, table
from huizhen.model.dataset import Column, Schema

if TYPE_CHECKING:
    import duckdb


def _kept(schema: Schema) -> list[Column]:
    """Columns that a study could use. Identifiers and free text stay in the hospital's own systems."""
    return [c for c in schema.columns if not c.identifier and c.type != "text"]


def _sql(column: Column) -> str:
    name = quote(column.name)
    if column.type != "category":
        return f"CAST({name} AS {SQL_TYPES[column.type]}) AS {name}"
    levels = ", ".join("'" + str(level).replace("'", "''") + "'" for level in column.levels or ())
    return f"CAST({name} AS ENUM({levels})) AS {name}" if levels else f"CAST({name} AS VARCHAR) AS {name}"


def write_table(
    connection: duckdb.DuckDBPyConnection,
    dataset: str,
    schema: Schema,
    subject: str,
    batches: Iterable[pa.RecordBatch],
    enrol: Callable[[list[str]], list[int]],
) -> None:
    """Replace the dataset's table by these rows: all of them, or, where a batch raises, none.

    `enrol` turns subjects into person indices, -1 for those whose rows are not to be taken in; the subjects themselves
    are not written.
    """
    kept = _kept(schema)

    def indexed() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            people = np.array(enrol(batch.column(subject).to_pylist()), dtype=np.int64)
            arrays = [pa.array(people.astype(np.uint32)), *(_plain(batch.column(c.name)) for c in kept)]
            whole = pa.RecordBatch.from_arrays(arrays, names=[SUBJECT, *(c.name for c in kept)])
            yield whole if (people >= 0).all() else whole.filter(pa.array(people >= 0))

    try:
        connection.execute("BEGIN")
        columns = ", ".join([SUBJECT, *(_sql(c) for c in kept)])
        made = False
        for batch in indexed():
            connection.register("_incoming", pa.Table.from_batches([batch]))
            if made:
                connection.execute(f"INSERT INTO {table(dataset)} SELECT {columns} FROM _incoming")
            else:
                connection.execute(f"CREATE OR REPLACE TABLE {table(dataset)} AS SELECT {columns} FROM _incoming")
            made = True
            connection.unregister("_incoming")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _plain(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()) if pa.types.is_dictionary(array.type) else array
