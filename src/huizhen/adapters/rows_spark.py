"""Rows in Spark: the additive `partial` runs in the executors (`mapInArrow`), and their Partials are added up here.

Consent is a broadcast join: at each census the driver reads who is in the table, looks up the index of each, and sends
(subject, index) of those who consent to the executors, which join them with the rows, apply the cohort and sum. Rows
never come to the driver, but for the two readings at `dataset add`. Executors have the same Huizhen installed; what is
sent to them is a question in words and numbers (`table.Work`), never code of an asker's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyroaring import BitMap
from threadpoolctl import threadpool_limits

from huizhen.adapters import warehouse
from huizhen.adapters.rows import BATCH_ROWS, to_batch
from huizhen.adapters.table import Counted, Selection, Summed, Work
from huizhen.adapters.warehouse import Place
from huizhen.adapters.warehouse_people import counted, known
from huizhen.adapters.warehouse_source import source_of
from huizhen.adapters.warehouse_sql import SPARK, Kind, columns_of
from huizhen.intake.format import Source
from huizhen.kit import wire
from huizhen.kit.errors import HuizhenError, from_wire, to_wire
from huizhen.model.batch import PERSON
from huizhen.model.dataset import Schema
from huizhen.model.partial import Partial

if TYPE_CHECKING:
    import pyarrow as pa

_SUBJECT, _PERSON = "__subject", "__person"
_KINDS: dict[str, Kind] = {
    "byte": "integer", "short": "integer", "integer": "integer", "long": "integer", "float": "float",
    "double": "float", "decimal": "float", "boolean": "boolean", "date": "date", "string": "text", "char": "text",
    "varchar": "text", "timestamp": "text", "timestamp_ntz": "text",
}  # fmt: skip
_OURS = {
    "spark.ui.enabled": "false",
    "spark.log.level": "OFF",
    "spark.io.encryption.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.variable.substitute": "false",
    "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
    "spark.sql.pyspark.udf.hideTraceback.enabled": "true",
}
"""No page and no log that could show a value, no plain row in a spill file, no text of a query that is not itself."""
_PARTITIONS_PER_CORE = 4
"""So many Partials come back at most for each core: the driver's memory does not grow with the table."""


def _heap() -> dict[str, str]:
    """How much memory Java may take: as configured for Spark, else a quarter of the machine's, at least Spark's 1 GB.
    In that lie those who consent, before they are sent out: two million do not fit into 1 GB."""
    name = "spark.driver.memory"
    given = [os.environ.get("PYSPARK_SUBMIT_ARGS", "").replace("--driver-memory", name)]
    home = os.environ.get("SPARK_HOME")
    folder = os.environ.get("SPARK_CONF_DIR") or (f"{home}/conf" if home else None)
    if folder is not None:
        with suppress(OSError):
            given += Path(folder, "spark-defaults.conf").read_text(encoding="utf-8", errors="replace").splitlines()
    if "SPARK_DRIVER_MEMORY" in os.environ or any(name in line and not line.lstrip().startswith("#") for line in given):
        return {}
    megabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // (4 << 20)
    return {name: f"{max(1024, megabytes)}m"}


def _session() -> Any:
    """The one Spark session of this process; where it runs is the machine's own Spark configuration (else here)."""
    try:
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise warehouse.not_installed("spark") from None
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    builder = SparkSession.builder.appName("huizhen")
    for key, value in (_heap() | _OURS).items():
        builder = builder.config(key, value)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    with _silenced():
        try:
            return builder.getOrCreate()
        except (PySparkException, OSError):
            raise warehouse.silent() from None


@contextmanager
def _silenced() -> Iterator[None]:
    """The Java process is started without our terminal: what it says there could quote a row."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class SparkRows:
    """One table: the Parquet folder after `spark:`, or a table of Spark's catalogue."""

    def __init__(self, place: Place, indices: Callable[[Sequence[str]], Sequence[int]]) -> None:
        self._place, self._indices = place, indices
        self._people: pa.Table | None = None
        self._laid: tuple[BitMap, Any] | None = None
        self._spark = _session()
        path = place.address.removeprefix("spark:")
        with _speaking(place.table or path):
            self._frame = self._spark.read.parquet(path) if path else self._spark.table(place.table)
            fields = [(f.name, _KINDS.get(f.dataType.typeName())) for f in self._frame.schema.fields]
        self.kinds: Mapping[str, Kind] = {name: kind for name, kind in fields if kind is not None}
        self._left_out = [name for name, kind in fields if kind is None]

    def close(self) -> None:
        """Forget who is who. Spark itself goes on, for other tables, until the process ends."""
        self._people, self._laid = None, None

    # -- the table

    @property
    def _name(self) -> str:
        return self._place.table or self._place.address.removeprefix("spark:")

    def source(self) -> Source:
        def read() -> Iterator[pa.RecordBatch]:
            raw = [f"{SPARK.raw(n, k)} AS {SPARK.quote(n)}" for n, k in self.kinds.items()]
            return self._stream(self._frame.selectExpr(*raw))

        return source_of(self._name.rstrip("/"), self.kinds, read, self._left_out)

    def subjects(self) -> Iterator[list[str]]:
        codes = self._place.missing_codes.get(self._place.subject, ())
        for batch in self._collected(self._distinct()):
            yield known(batch.column(0), codes)[0]

    @property
    def _key(self) -> str:
        subject = self._place.subject
        return SPARK.raw(subject, "integer" if self.kinds[subject] == "integer" else "text")

    def _distinct(self) -> Any:
        return self._frame.selectExpr(f"{self._key} AS {_SUBJECT}").distinct()

    def _stream(self, frame: Any) -> Iterator[pa.RecordBatch]:
        """The rows themselves, in Arrow, one partition at a time."""
        import pyarrow as pa

        with _speaking(self._name):
            for row in frame.mapInArrow(_packed, "batch binary").toLocalIterator():
                yield from pa.ipc.open_stream(row.batch)

    def _collected(self, people: Any) -> list[pa.RecordBatch]:
        """One line per person, in one go."""
        with _speaking(self._name):
            return list(people.toArrow().to_batches(BATCH_ROWS))

    # -- the people

    def _lay_people(self) -> None:
        import pyarrow as pa

        codes = self._place.missing_codes.get(self._place.subject, ())
        laid = []
        for batch in self._collected(self._distinct()):
            subjects, there = known(batch.column(0), codes)
            index = np.asarray(self._indices(subjects), dtype=np.int64)
            pairs = {_SUBJECT: batch.column(0).filter(pa.array(there)), _PERSON: index}
            laid.append(pa.record_batch(pairs).filter(pa.array(index >= 0)))
        kind = pa.int64() if self.kinds[self._place.subject] == "integer" else pa.string()
        self._people = pa.Table.from_batches(laid, pa.schema([(_SUBJECT, kind), (_PERSON, pa.int64())]))
        self._laid = None

    def _lay(self, allowed: BitMap) -> Any:
        """Those who may be read, as Spark sends them to every executor; made once per change."""
        from pyspark.sql import functions
        from pyspark.sql.types import LongType, StringType, StructField, StructType

        if self._people is None:
            self._lay_people()
        if self._laid is None or self._laid[0] != allowed:
            assert self._people is not None
            import pyarrow as pa

            people = np.asarray(self._people.column(_PERSON))
            chosen = np.isin(people, np.frombuffer(allowed.to_array(), dtype=np.uint32))
            kind = LongType() if self.kinds[self._place.subject] == "integer" else StringType()
            fields = StructType([StructField(_SUBJECT, kind), StructField(_PERSON, LongType())])
            frame = self._spark.createDataFrame(self._people.filter(pa.array(chosen)), fields)
            self._laid = allowed.copy(), functions.broadcast(frame)
        return self._laid[1]

    # -- the rows

    def _rows(self, selection: Selection, allowed: BitMap) -> Any:
        """The rows of those allowed, read as the schema says, that are in the cohort."""
        codes = self._place.missing_codes
        typed = [f"{self._key} AS {_SUBJECT}"]
        for name in dict.fromkeys([*selection.columns, *columns_of(selection.cohort_sql)]):
            if name not in self.kinds:
                raise warehouse.changed(self._name)
            value = SPARK.typed(name, self.kinds[name], selection.schema.column(name), codes.get(name, ()))
            typed.append(f"{value} AS {SPARK.quote(name)}")
        rows = self._frame.selectExpr(*typed).join(self._lay(allowed), _SUBJECT)
        return rows.where(SPARK.cohort(selection.cohort_sql)) if selection.cohort_sql else rows

    def _whole(self, selection: Selection) -> str:
        return " AND ".join(f"{SPARK.quote(c)} IS NOT NULL" for c in selection.columns) or "TRUE"

    def count(self, selection: Selection, allowed: BitMap, complete: bool) -> int:
        """Rows selected; with `complete` those only that have a value in every column used."""
        with _speaking(self._name):
            rows = self._rows(selection, allowed)
            return int((rows.where(self._whole(selection)) if complete else rows).count())

    def census(self, selection: Selection, allowed: BitMap) -> Counted:
        """Who is selected, and how many rows, from one line per person. Looks anew who is in the table."""
        from pyspark.sql import functions

        with _speaking(self._name):
            self._lay_people()
            used = functions.expr(f"CASE WHEN {self._whole(selection) if selection.complete else 'TRUE'} THEN 1 END")
            people = self._rows(selection, allowed).groupBy(_PERSON)
            found = people.agg(functions.count("*").alias("n"), functions.count(used).alias("used"))
            return counted(self._collected(found))

    def total(self, selection: Selection, allowed: BitMap, work: Work) -> Summed:
        """The work of every batch in the executors, each partition added up there, and all of them here."""
        columns = selection.read
        with _speaking(self._name):
            rows = self._rows(selection, allowed)
            rows = rows.where(self._whole(selection)) if selection.complete else rows
            told = [_doubled(selection.schema, c) for c in selection.columns]
            told += [f"{_PERSON} AS {SPARK.quote(PERSON)}"] if selection.by_person else []
            frame = rows.selectExpr(*(told or ["CAST(0 AS DOUBLE) AS _"]))
            frame = frame.coalesce(_PARTITIONS_PER_CORE * self._spark.sparkContext.defaultParallelism)
            question = work.as_bytes()

            def partition(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
                return _summed(question, columns, batches)

            told = frame.mapInArrow(partition, "rows long, said binary").toArrow()
        zero = work.zero()
        answers = (_heard(said, type(zero)) for said in told.column("said").to_pylist())
        return Summed(reduce(add, answers, zero), sum(told.column("rows").to_pylist()))


def _doubled(schema: Schema, name: str) -> str:
    """A column as a Batch holds it."""
    quoted, kind = SPARK.quote(name), schema.column(name).type
    if kind == "category":
        return quoted
    number = f"datediff({quoted}, DATE '1970-01-01')" if kind == "date" else quoted
    return f"CAST({number} AS DOUBLE) AS {quoted}"


# -- in the executors


def _packed(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Each batch as the bytes of a stream of its own."""
    import pyarrow as pa

    for batch in batches:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, batch.schema) as stream:
            stream.write_batch(batch)
        yield pa.record_batch({"batch": [sink.getvalue().to_pybytes()]})


def _summed(question: bytes, columns: tuple[str, ...], batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The Partial of one partition, or in its place the error that the method raised."""
    import pyarrow as pa

    rows = 0
    try:
        work = Work.read(question)
        with threadpool_limits(1):
            total = work.zero()
            for batch in batches:
                total += work(to_batch(batch, work.method.schema, columns))
                rows += batch.num_rows
        said = wire.encode({"fields": dict(total.fields)})
    except HuizhenError as error:
        said = wire.encode({"error": to_wire(error)})
    yield pa.record_batch({"rows": pa.array([rows], pa.int64()), "said": [said]})


def _heard(said: bytes, kind: type[Partial]) -> Partial:
    """The Partial, of the kind that adds up as the method's own do."""
    answer = wire.decode(said)
    if "error" in answer:
        raise from_wire(answer["error"])
    return kind(answer["fields"])


@contextmanager
def _speaking(table: str) -> Iterator[None]:
    """What Spark says when it fails is not passed on; it may quote a row."""
    from py4j.protocol import Py4JError
    from pyspark.errors import AnalysisException, PySparkException

    try:
        yield
    except AnalysisException as error:
        if error.getErrorClass() in {"PATH_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"}:
            raise warehouse.no_table(table) from None
        raise warehouse.changed(table) from None
    except (PySparkException, Py4JError) as error:
        known = error.getCondition() if isinstance(error, PySparkException) else None
        raise warehouse.failed(known or type(error).__name__) from None
