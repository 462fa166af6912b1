"""The rows in the node's own file. DuckDB streams them in batches; consent is a join inside the query.

Only the node's runner reaches this module and its like; a test holds that.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap
from threadpoolctl import threadpool_limits

from huizhen.adapters.allowed import Seen, people_of, ranges, words
from huizhen.adapters.engine import THREADS, Engine
from huizhen.adapters.table import Counted, Selection, Summed, Work
from huizhen.model.batch import PERSON, Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.partial import Partial

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

__all__ = ["Counted", "Rows", "Selection", "map_sum", "sum_of", "to_batch"]
SUBJECT, ROWS, ALLOWED = "__subject", "__rows", "__allowed"
BATCH_ROWS = 122_880
"""One DuckDB row group: what a thread has in hand at a time."""
SQL_TYPES = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN", "date": "DATE"}
T = TypeVar("T")


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def table(dataset: str) -> str:
    """The table of a dataset, quoted."""
    return quote(f"data/{dataset}")


def _as_agreed(column: Column) -> str:
    name = quote(column.name)
    if column.type == "category":
        return f"{ROWS}.{name}"
    return f"CAST({ROWS}.{name} AS {SQL_TYPES[column.type]}) AS {name}"


def _expression(column: Column) -> str:
    """A column as SQL that gives what a Batch holds: a double, or a category as it is."""
    name = quote(column.name)
    if column.type == "category":
        return name
    if column.type == "date":
        return f"CAST(date_diff('day', DATE '1970-01-01', {name}) AS DOUBLE) AS {name}"
    return f"CAST({name} AS DOUBLE) AS {name}"


def _codes(array: pa.Array, levels: Sequence[Any]) -> npt.NDArray[np.int32]:
    """Positions of the values in `levels`, -1 where missing; one beyond the last for a value that is no level."""
    if not hasattr(array, "dictionary"):
        array = array.dictionary_encode()
    position = {level: i for i, level in enumerate(levels)}
    table = np.array([position.get(v, len(levels)) for v in array.dictionary.to_pylist()] + [-1], dtype=np.int32)
    codes: npt.NDArray[np.int32] = table[np.asarray(array.indices.fill_null(len(table) - 1))]
    return codes


def to_batch(batch: pa.RecordBatch, schema: Schema, names: Sequence[str]) -> Batch:
    """Arrow to plain arrays, as `model.batch.Batch` says."""
    columns: dict[str, npt.NDArray[Any]] = {}
    for name in names:
        array = batch.column(name)
        if name == PERSON:
            columns[name] = np.asarray(array)
        elif schema.column(name).type == "category":
            columns[name] = _codes(array, schema.column(name).levels or ())
        else:
            columns[name] = np.asarray(array.fill_null(float("nan")) if array.null_count else array)
    return Batch(batch.num_rows, columns)


class Rows:
    """The tables of one node. Not for several threads at once; reading itself uses several.

    `engine` may be shared with other nodes; without one, or where it does not cover the file, the node has its own.
    """

    def __init__(self, path: Path, engine: Engine | None = None) -> None:
        self.path = path
        self._shared = engine if engine is not None and engine.covers(path) else None
        self._own: Engine | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._laid: BitMap | None = None

    def _open(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            engine = self._shared
            if engine is None:
                engine = self._own = Engine([self.path])
            self._connection = engine.attach(self.path)
        return self._connection

    def close(self) -> None:
        """Let go of the file; it is opened again when it is next read."""
        if self._connection is not None:
            (self._shared or self._own).detach(self._connection)  # type: ignore[union-attr]
        if self._own is not None:
            self._own.close()
        self._own, self._connection, self._laid = None, None, None

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that may replace the node's tables; reading begins anew afterwards."""
        self.close()
        engine = self._shared or Engine([self.path])
        connection = engine.attach(self.path, write=True)
        try:
            yield connection
        finally:
            engine.detach(connection)
            if engine is not self._shared:
                engine.close()

    def _lay(self, allowed: BitMap) -> None:
        """Lay the bitmap beside the table, once per change."""
        if self._laid is not None and self._laid == allowed:
            return
        import pyarrow as pa

        block, bits = words(allowed)
        connection = self._open()
        self._laid = None
        connection.register("_arriving", pa.table({"block": block, "bits": bits}))
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {ALLOWED} AS SELECT block, bits FROM _arriving")
        connection.unregister("_arriving")
        self._laid = allowed.copy()

    def _consenting(self, dataset: str, allowed: BitMap) -> str:
        """The rows of the allowed people: FROM and WHERE."""
        runs = ranges(allowed)
        if runs is not None:
            held = " OR ".join(f"{ROWS}.{SUBJECT} BETWEEN {first} AND {last}" for first, last in runs)
            return f"FROM {table(dataset)} AS {ROWS} WHERE {held or 'FALSE'}"
        self._lay(allowed)
        return (
            f"FROM {table(dataset)} AS {ROWS} JOIN temp.{ALLOWED} ON {ALLOWED}.block = {ROWS}.{SUBJECT} >> 6 "
            f"AND ({ALLOWED}.bits >> ({ROWS}.{SUBJECT} & 63)) & 1 = 1"
        )

    def _from(self, selection: Selection, allowed: BitMap) -> str:
        """The rows of the allowed people, read as the schema says, that are in the cohort: FROM and WHERE."""
        usable = [c for c in selection.schema.columns if not c.identifier and c.type != "text"]
        typed = ", ".join([f"{ROWS}.{SUBJECT}", *(_as_agreed(c) for c in usable)])
        cohort = f" WHERE ({selection.cohort_sql})" if selection.cohort_sql else " WHERE TRUE"
        return f"FROM (SELECT {typed} {self._consenting(selection.dataset, allowed)}){cohort}"

    def count(self, selection: Selection, allowed: BitMap, complete: bool) -> int:
        """Rows selected; with `complete` those only that have a value in every column used."""
        sql = f"SELECT count(*) {self._from(selection, allowed)}{_complete(selection, complete)}"
        ((found,),) = self._open().execute(sql).fetchall()
        return int(found)

    def census(self, selection: Selection, allowed: BitMap) -> Counted:
        """Who is selected, and how many rows, in one pass; memory grows with the people, not with the rows."""
        used = _complete(selection, selection.complete).removeprefix(" AND ") or "TRUE"
        sql = f"SELECT {SUBJECT}, {used} AS used {self._from(selection, allowed)}"
        most = allowed.max() if allowed else 0
        cohort, included = np.zeros(most + 1, np.bool_), Seen(most)
        rows = read = 0
        for batch in self._open().sql(sql).to_arrow_reader(BATCH_ROWS):
            people = np.asarray(batch.column(0))
            complete = people[np.asarray(batch.column(1))]
            cohort[people] = True
            included.see(complete)
            read, rows = read + len(people), rows + len(complete)
        return Counted(people_of(cohort), included.people, rows, read - rows, included.repeated)

    def batches(self, selection: Selection, allowed: BitMap) -> Iterator[Batch]:
        """The selected rows, streamed; memory does not grow with the table."""
        schema = selection.schema
        told = [_expression(schema.column(c)) for c in selection.columns]
        told += [f"{SUBJECT} AS {quote(PERSON)}"] if selection.by_person else []
        what = ", ".join(told) or f"0::DOUBLE AS {quote('_')}"
        sql = f"SELECT {what} {self._from(selection, allowed)}{_complete(selection, selection.complete)}"
        reader: pa.RecordBatchReader = self._open().sql(sql).to_arrow_reader(BATCH_ROWS)
        for batch in reader:
            yield to_batch(batch, schema, selection.read)

    def total(self, selection: Selection, allowed: BitMap, work: Work) -> Summed:
        """The work of every batch, added up."""
        return sum_of(self.batches(selection, allowed), work)


def sum_of(batches: Iterator[Batch], work: Work) -> Summed:
    """The work of batches that stream in, on several threads."""
    rows = 0

    def read() -> Iterator[Batch]:
        nonlocal rows
        for batch in batches:
            rows += batch.rows
            yield batch

    total: Partial = map_sum(read(), work, operator.add, work.zero())
    return Summed(total, rows)


def _complete(selection: Selection, complete: bool) -> str:
    """The further conditions of a row without missing values."""
    return "".join(f" AND {quote(c)} IS NOT NULL" for c in selection.columns) if complete else ""


def map_sum(batches: Iterator[Batch], work: Callable[[Batch], T], add: Callable[[T, T], T], zero: T) -> T:
    """Apply `work` to every batch on several threads and add up, with a bounded number of batches in hand."""
    total = zero
    first = next(batches, None)
    if first is None:
        return total
    second = next(batches, None)
    if second is None:
        return add(total, work(first))
    with threadpool_limits(1), ThreadPoolExecutor(THREADS) as pool:
        waiting: list[Future[T]] = [pool.submit(work, first), pool.submit(work, second)]
        for batch in batches:
            if len(waiting) >= 2 * THREADS:
                total = add(total, waiting.pop(0).result())
            waiting.append(pool.submit(work, batch))
        for future in waiting:
            total = add(total, future.result())
    return total
