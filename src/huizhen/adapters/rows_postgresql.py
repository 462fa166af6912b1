"""Rows in PostgreSQL, streamed through Arrow (binary COPY). Consent, cohort and completeness are decided there.

The server tells people apart by the subject column, the node by indices. At each census the node reads who is in the
table, looks up the index of each, and lays (subject, index) into a temporary table of its own session, which ends with
it; nobody else sees that table. The rows are joined with those of it who consent. Who is not known here is not in it.

Nothing but that table is ever written: every other transaction is read-only. One thing is not left to the server: a
cohort that calculates, since there a product too large for a double is an error, and an error would speak of a row. Its
rows, of consenting people, are streamed and the cohort is applied to them by DuckDB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from pyroaring import BitMap

from huizhen.adapters import warehouse
from huizhen.adapters.allowed import ranges, words
from huizhen.adapters.engine import Engine
from huizhen.adapters.rows import BATCH_ROWS, sum_of, to_batch
from huizhen.adapters.table import Counted, Selection, Summed, Work
from huizhen.adapters.warehouse import Place
from huizhen.adapters.warehouse_people import counted, known
from huizhen.adapters.warehouse_source import source_of
from huizhen.adapters.warehouse_sql import POSTGRESQL, Kind, calculates, columns_of
from huizhen.intake.format import Source
from huizhen.kit.errors import HuizhenError
from huizhen.model.batch import PERSON, Batch

if TYPE_CHECKING:
    import pyarrow as pa

_INDEX, _READ = "__index", POSTGRESQL.rows
_PEOPLE, _ALLOWED, _WORDS = "__people", "__allowed", "__words"
_SESSION = (
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    "SET search_path TO pg_catalog",
    "SET standard_conforming_strings TO on",
    "SET client_encoding TO 'UTF8'",
    "SET DateStyle TO ISO",
    "SET TimeZone TO 'UTC'",
    "SET jit TO off",
    "SET work_mem TO '64MB'",
)
"""Nothing is written; no function or operator of anybody's making stands in for the server's own; text is text. The
last two are for speed: the people who consent fit into memory up to a million or so."""
_KINDS: dict[str, Kind] = {
    "smallint": "integer", "integer": "integer", "bigint": "integer", "real": "float", "double precision": "float",
    "numeric": "decimal", "boolean": "boolean", "date": "date", "text": "text", "character varying": "text",
    "character": "text", "name": "text", "uuid": "text", "citext": "text", "timestamp without time zone": "text",
    "timestamp with time zone": "text", "time without time zone": "text",
}  # fmt: skip
_COLUMNS = """
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS tab, a.attname::text AS col, b.typtype::text AS class,
  format_type(b.oid, NULL) AS type
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid JOIN pg_type b ON b.oid = COALESCE(NULLIF(t.typbasetype, 0), t.oid)
WHERE c.oid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_NO_NAME = {"42602", "3F000", "0A000"}
"""What is no name of a table, names no schema, or names another database."""
_CHANGED = {"42P01", "42703", "42704", "42804", "42883"}


class PostgresRows:
    """One table or view. The user it reads as needs SELECT on it and the right to temporary tables, and no other."""

    def __init__(self, place: Place, indices: Callable[[Sequence[str]], Sequence[int]]) -> None:
        self._place, self._indices = place, indices
        self._session: Any = None
        self._people = False
        self._laid: BitMap | None = None
        self.kinds: Mapping[str, Kind]
        self._table, self.kinds, self._left_out = self._describe()
        self._key = self._key_of(place.subject)

    # -- the session

    def _connect(self) -> Any:
        try:
            from adbc_driver_postgresql import dbapi
        except ImportError:
            raise warehouse.not_installed("postgresql") from None
        try:
            session = dbapi.connect(self._place.address)
        except Exception:
            raise warehouse.silent() from None
        with session.cursor() as cursor:
            for setting in _SESSION:
                cursor.execute(setting)
        session.commit()
        return session

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
        self._session, self._people, self._laid = None, False, None

    @contextmanager
    def _asking(self, session: Any = None) -> Iterator[Any]:
        """A cursor in a read-only transaction of its own. What the server says when it fails is not passed on."""
        if session is None:
            if self._session is None:
                self._session = self._connect()
            session = self._session
        try:
            with session.cursor() as cursor:
                yield cursor
        except Exception as error:
            if not _is_of_driver(error):
                raise
            self.close()
            raise self._said(error) from None
        finally:
            with suppress(Exception):
                session.rollback()

    def _said(self, error: Exception) -> HuizhenError:
        state = getattr(error, "sqlstate", None) or ""
        if state == "42501":
            return warehouse.denied()
        if state in _CHANGED:
            return warehouse.changed(self._place.table)
        return warehouse.silent() if state[:2] in {"08", "28", "57"} else warehouse.failed(state or "no SQLSTATE")

    def _stream(self, sql: str, session: Any = None) -> Iterator[pa.RecordBatch]:
        with self._asking(session) as cursor:
            cursor.adbc_statement.set_options(
                **{"adbc.postgresql.batch_size_hint_bytes": str(warehouse.MEMORY_OF_A_BATCH)}
            )
            cursor.execute(sql)
            yield from cursor.fetch_record_batch()

    # -- the table

    def _describe(self) -> tuple[str, dict[str, Kind], list[str]]:
        """The table's own name, what its columns are, and those that cannot be read."""
        session = self._connect()
        try:
            with session.cursor() as cursor:
                cursor.execute("RESET search_path")
                cursor.execute(_COLUMNS, (self._place.table,))
                found = cursor.fetchall()
        except Exception as error:
            if not _is_of_driver(error):
                raise
            if getattr(error, "sqlstate", None) in _NO_NAME:
                raise warehouse.no_table(self._place.table) from None
            raise self._said(error) from None
        finally:
            session.close()
        if not found:
            raise warehouse.no_table(self._place.table)
        kinds = {name: _KINDS.get(kind, "text" if group == "e" else None) for _, name, group, kind in found}
        read = {name: kind for name, kind in kinds.items() if kind is not None}
        return found[0][0], read, [name for name in kinds if name not in read]

    def _key_of(self, subject: str) -> str:
        """The subject column as it is compared; whole numbers as such, so that an index of the server's may serve."""
        if subject not in self.kinds:
            return ""
        return POSTGRESQL.raw(subject, "integer" if self.kinds[subject] == "integer" else "text")

    def source(self) -> Source:
        def read() -> Iterator[pa.RecordBatch]:
            what = ", ".join(f"{POSTGRESQL.raw(n, k)} AS {POSTGRESQL.quote(n)}" for n, k in self.kinds.items())
            return self._stream(f"SELECT {what} FROM {self._table} AS {_READ}")

        return source_of(self._place.table, self.kinds, read, self._left_out)

    def subjects(self) -> Iterator[list[str]]:
        codes = self._place.missing_codes.get(self._place.subject, ())
        for batch in self._stream(self._distinct()):
            yield known(batch.column(0), codes)[0]

    def _distinct(self) -> str:
        return f"SELECT DISTINCT {self._key} AS subject FROM {self._table} AS {_READ}"

    # -- the people

    def _lay_people(self) -> None:
        """Who is in the table now and known here: (subject, index), into the session's own temporary table."""
        self._people, self._laid = False, None
        codes = self._place.missing_codes.get(self._place.subject, ())
        kind = "BIGINT" if self.kinds[self._place.subject] == "integer" else 'TEXT COLLATE "C"'
        reading = self._connect()
        try:
            with self._writing() as cursor:
                cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{_PEOPLE}")
                cursor.execute(f"CREATE TEMPORARY TABLE {_PEOPLE} (subject {kind}, person BIGINT NOT NULL)")
                for batch in self._stream(self._distinct(), reading):
                    laid = self._indexed(batch, codes)
                    if laid.num_rows:
                        cursor.adbc_ingest(_PEOPLE, laid, mode="append", temporary=True)
                cursor.execute(f"ANALYZE pg_temp.{_PEOPLE}")
        finally:
            reading.close()
        self._people = True

    def _indexed(self, batch: pa.RecordBatch, codes: Sequence[Any]) -> pa.RecordBatch:
        import pyarrow as pa

        subjects, there = known(batch.column(0), codes)
        index = np.asarray(self._indices(subjects), dtype=np.int64)
        raw = batch.column(0).filter(pa.array(there))
        return pa.record_batch({"subject": raw, "person": index}).filter(pa.array(index >= 0))

    def _lay(self, allowed: BitMap) -> None:
        """Lay those who may be read beside the rows, once per change."""
        if not self._people:
            self._lay_people()
        if self._laid is not None and self._laid == allowed:
            return
        self._laid = None
        runs = ranges(allowed)
        who = f"SELECT subject, person FROM pg_temp.{_PEOPLE} "
        with self._writing() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{_ALLOWED}")
            if runs is None:
                self._lay_words(cursor, allowed)
                who += (
                    f"JOIN pg_temp.{_WORDS} ON block = person >> 6 AND (bits >> CAST(person & 63 AS INTEGER)) & 1 = 1"
                )
            else:
                held = " OR ".join(f"person BETWEEN {first} AND {last}" for first, last in runs)
                who += f"WHERE {held or 'FALSE'}"
            cursor.execute(f"CREATE TEMPORARY TABLE {_ALLOWED} AS {who}")
            cursor.execute(f"ANALYZE pg_temp.{_ALLOWED}")
        self._laid = allowed.copy()

    def _lay_words(self, cursor: Any, allowed: BitMap) -> None:
        import pyarrow as pa

        block, bits = words(allowed)
        cursor.execute(f"DROP TABLE IF EXISTS pg_temp.{_WORDS}")
        cursor.execute(f"CREATE TEMPORARY TABLE {_WORDS} (block BIGINT, bits BIGINT)")
        laid = pa.record_batch({"block": block.astype(np.int64), "bits": bits.view(np.int64)})
        cursor.adbc_ingest(_WORDS, laid, mode="append", temporary=True)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """A transaction that may make temporary tables; a user with SELECT alone on the hospital's can do no more."""
        with self._asking() as cursor:
            try:
                cursor.execute("SET TRANSACTION READ WRITE")
                yield cursor
            except Exception as error:
                if _is_of_driver(error) and getattr(error, "sqlstate", None) in {"25006", "42501"}:
                    raise warehouse.no_room() from None
                raise
            self._session.commit()

    # -- the rows

    def _inner(self, selection: Selection, columns: Sequence[str]) -> str:
        """The rows of those allowed, read as the schema says."""
        table, codes = POSTGRESQL, self._place.missing_codes
        typed = [f"{_ALLOWED}.person AS {_INDEX}"]
        for name in columns:
            if name not in self.kinds:
                raise warehouse.changed(self._place.table)
            column = selection.schema.column(name)
            value = table.typed(name, self.kinds[name], column, codes.get(name, ()))
            typed.append(f"{value} AS {table.quote(name)}")
        joined = f"{self._table} AS {_READ} JOIN pg_temp.{_ALLOWED} ON {_ALLOWED}.subject = {self._key}"
        return f"SELECT {', '.join(typed)} FROM {joined}"

    def _rows(self, selection: Selection, allowed: BitMap, what: str, complete: bool, group: str = "") -> Any:
        """The answer to `what` over the rows in the cohort, streamed."""
        self._lay(allowed)
        columns = list(dict.fromkeys([*selection.columns, *columns_of(selection.cohort_sql)]))
        inner = self._inner(selection, columns)
        here = calculates(selection.cohort_sql)
        cohort = selection.cohort_sql or "TRUE"
        cohort = cohort if here else POSTGRESQL.cohort(cohort)
        present = "".join(f" AND {POSTGRESQL.quote(c)} IS NOT NULL" for c in selection.columns) if complete else ""
        rest = f"WHERE ({cohort}){present}{group}"
        if not here:
            return self._stream(f"SELECT {what} FROM ({inner}) AS {_READ}_rows {rest}")
        return _in_duckdb(self._stream(inner), f"SELECT {what} FROM {_READ}_rows {rest}")

    def count(self, selection: Selection, allowed: BitMap, complete: bool) -> int:
        """Rows selected; with `complete` those only that have a value in every column used."""
        batches = self._rows(selection, allowed, "count(*) AS n", complete)
        return sum(int(batch.column(0)[0].as_py()) for batch in batches if batch.num_rows)

    def census(self, selection: Selection, allowed: BitMap) -> Counted:
        """Who is selected, and how many rows, from one line per person. Looks anew who is in the table."""
        self._lay_people()
        used = " AND ".join(f"{POSTGRESQL.quote(c)} IS NOT NULL" for c in selection.columns)
        used = used if used and selection.complete else "TRUE"
        what = f"{_INDEX}, count(*) AS n, count(*) FILTER (WHERE {used}) AS used"
        return counted(self._rows(selection, allowed, what, False, f" GROUP BY {_INDEX}"))

    def batches(self, selection: Selection, allowed: BitMap) -> Iterator[Batch]:
        """The selected rows, streamed; memory does not grow with the table."""
        told = [*map(self._doubled(selection), selection.columns)]
        told += [f"{_INDEX} AS {POSTGRESQL.quote(PERSON)}"] if selection.by_person else []
        what = ", ".join(told) or "CAST(0 AS DOUBLE PRECISION) AS _"
        for batch in self._rows(selection, allowed, what, selection.complete):
            yield to_batch(batch, selection.schema, selection.read)

    def _doubled(self, selection: Selection) -> Callable[[str], str]:
        """A column as a Batch holds it; the same words in PostgreSQL and in DuckDB."""

        def value(name: str) -> str:
            quoted, kind = POSTGRESQL.quote(name), selection.schema.column(name).type
            if kind == "category":
                return quoted
            number = {
                "date": f"{quoted} - DATE '1970-01-01'",
                "boolean": f"CASE WHEN {quoted} THEN 1 WHEN NOT {quoted} THEN 0 END",
            }.get(kind, quoted)
            return f"CAST({number} AS DOUBLE PRECISION) AS {quoted}"

        return value

    def total(self, selection: Selection, allowed: BitMap, work: Work) -> Summed:
        """The work of every batch, added up on several threads as they stream in."""
        return sum_of(self.batches(selection, allowed), work)


def _in_duckdb(rows: Iterator[pa.RecordBatch], sql: str) -> Iterator[pa.RecordBatch]:
    """The answer of DuckDB over rows that stream in, under the name that they have in PostgreSQL."""
    import pyarrow as pa

    broken: list[HuizhenError] = []

    def fed(first: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        yield first
        try:
            yield from rows
        except HuizhenError as error:
            broken.append(error)
            raise

    first = next(rows, None)
    if first is None:
        return
    engine = Engine([])
    try:
        connection = engine.memory()
        connection.register(f"{_READ}_rows", pa.RecordBatchReader.from_batches(first.schema, fed(first)))
        yield from connection.sql(sql).to_arrow_reader(BATCH_ROWS)
        connection.close()
    except Exception:
        if broken:
            raise broken[0] from None
        raise
    finally:
        engine.close()


def _is_of_driver(error: Exception) -> bool:
    """Whether the driver or the server failed; a stream that breaks off is an OSError."""
    return isinstance(error, OSError) or type(error).__module__.split(".")[0].startswith("adbc")
