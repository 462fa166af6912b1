"""Scoring a file with a released model, on the machine of whoever holds the rows: batch by batch, in the file's order.

Nothing is asked of a hospital, and no row is sent anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.parquet as arrow_parquet

from huizhen.client.licence import one_line
from huizhen.client.lineage import keep as keep_lineage
from huizhen.client.lineage import lineage
from huizhen.client.scorer import bound, scorer
from huizhen.intake import open_source
from huizhen.intake.conform import conform_all
from huizhen.intake.format import Source
from huizhen.intake.parquet import table_source
from huizhen.kit.clock import stamp, utc_now
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Schema
from huizhen.statistics.applied import Scorer

Floats = npt.NDArray[np.float64]
SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True)
class Scored:
    """How many rows the file has, and how many of them got a score, lacked a value, or had no finite score."""

    rows: int
    scored: int
    missing: int
    not_finite: int
    notes: tuple[Text, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        return {"rows": self.rows, "scored": self.scored, "missing": self.missing, "not_finite": self.not_finite}


def score(
    found: dict[str, Any],
    path: Path,
    out: Path,
    keep: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
    record: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Scored:
    """Write to `out` (.csv or .parquet) one line for each row of the file at `path`: row (from 1), the column `keep` as
    it stands in the file, and the scores of the model, empty where there is none.

    found: the outcome of the model's study. `out` appears when it is whole, or not at all; before that `record` gets
    its lineage, which is then written beside it (`client.lineage`).
    Raises BadInput for a file that lacks columns, or holds what does not fit their types; and as `scorer` does.
    """
    model = scorer(found)
    schema = Schema(columns=tuple(bound(found).schema.column(name) for name in model.columns))
    source = open_source(path)
    _check_kept(source, keep)
    _check_out(out)
    kept: Iterator[pa.Array] = iter(()) if keep is None else (batch.column(keep) for batch in source.read())
    counts: npt.NDArray[np.int64] = np.zeros(3, dtype=np.int64)
    part, rows = out.with_name(out.name + ".part"), 0
    names = ["row", *([] if keep is None else [keep]), *model.outputs]
    stream = conform_all(source, schema)
    try:
        with ExitStack() as stack:
            write = _writer(part, out.suffix.lower(), stack, _origin(found))
            for batch in stream:
                columns, told = scores(model, to_batch(batch, schema))
                own = [] if keep is None else [next(kept)]
                number = pa.array(np.arange(rows + 1, rows + batch.num_rows + 1))
                write(pa.RecordBatch.from_arrays([number, *own, *columns], names=names))
                counts += told
                rows += batch.num_rows
                progress(rows)
            if not rows:
                raise _no_rows(path)
        done = Scored(rows, int(counts[0]), int(counts[1]), int(counts[2]), stream.notes)
        origin = lineage(found, stamp(utc_now()), path, part, out.name, names, done.counts)
        record(origin)
        keep_lineage(origin, out)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return done


def score_table(found: dict[str, Any], table: pa.Table) -> pa.Table:
    """The scores of rows in memory: a column for each output, null where a row has none. Raises as `score` does."""
    model = scorer(found)
    schema = Schema(columns=tuple(bound(found).schema.column(name) for name in model.columns))
    batches = conform_all(
        table_source(table.select([n for n in schema.names() if n in table.column_names]), "rows"), schema
    )
    told = [
        pa.RecordBatch.from_arrays(scores(model, to_batch(b, schema))[0], names=list(model.outputs)) for b in batches
    ]
    return pa.Table.from_batches(told, pa.schema([(name, pa.float64()) for name in model.outputs]))


def scores(model: Scorer, batch: Batch) -> tuple[list[pa.Array], npt.NDArray[np.int64]]:
    """An array for each output, null where a row has no score; and how many rows were scored, lacked a value, or had
    no finite score."""
    there = whole_rows(batch) if model.complete else np.ones(batch.rows, dtype=np.bool_)
    rows = Batch(int(there.sum()), {name: column[there] for name, column in batch.columns.items()})
    found = model.score(rows)
    finite = np.all([np.isfinite(found[name]) for name in model.outputs], axis=0)
    good = there.copy()
    good[there] = finite
    columns = []
    for name in model.outputs:
        values = np.full(batch.rows, np.nan)
        values[there] = found[name]
        columns.append(pa.array(values, mask=~good))
    return columns, np.array([good.sum(), (~there).sum(), rows.rows - finite.sum()])


def whole_rows(batch: Batch) -> npt.NDArray[np.bool_]:
    """(rows,) where no column lacks a value."""
    there = np.ones(batch.rows, dtype=np.bool_)
    for column in batch.columns.values():
        there &= ~np.isnan(column) if column.dtype.kind == "f" else column >= 0
    return there


def to_batch(batch: pa.RecordBatch, schema: Schema) -> Batch:
    """What `conform_all` gives, as plain arrays."""
    return Batch(batch.num_rows, {c.name: _plain(batch.column(c.name), c) for c in schema.columns})


def _plain(array: pa.Array, column: Column) -> npt.NDArray[Any]:
    if column.type == "category":
        return np.asarray(array.indices.fill_null(-1), dtype=np.int32)
    if column.type in ("date", "boolean"):
        array = array.cast(pa.int32())
    return np.asarray(array.cast(pa.float64(), safe=False).fill_null(float("nan")))


def _origin(found: dict[str, Any]) -> dict[str, str]:
    """What a scored file says of the model, where its format has a place for that (Parquet: the schema's metadata)."""
    return {"huizhen.model": found["study"], "huizhen.licence": one_line(found)}


def _writer(part: Path, suffix: str, stack: ExitStack, origin: dict[str, str]) -> Callable[[pa.RecordBatch], None]:
    """Opens the file with the first batch, whose types it takes."""
    opened: list[Any] = []

    def write(batch: pa.RecordBatch) -> None:
        if not opened:
            kind = arrow_csv.CSVWriter if suffix == ".csv" else arrow_parquet.ParquetWriter
            opened.append(stack.enter_context(kind(str(part), batch.schema.with_metadata(origin))))
        opened[0].write_batch(batch.replace_schema_metadata(origin))

    return write


def _check_kept(source: Source, keep: str | None) -> None:
    if keep is not None and keep not in source.columns:
        hint = did_you_mean(keep, source.columns)
        raise BadInput(
            "no-column-to-keep",
            Text(
                f"'{source.path.name}' has no column '{keep}'{hint.en}.",
                f"“{source.path.name}”中没有列“{keep}”{hint.zh}。",
            ),
            Text(f"Its columns are: {', '.join(source.columns)}.", f"可用的列：{'、'.join(source.columns)}。"),
        )


def _check_out(out: Path) -> None:
    if out.suffix.lower() not in SUFFIXES:
        raise BadInput(
            "unknown-output-format",
            Text(f"'{out.name}' does not say what to write.", f"从“{out.name}”看不出要写成哪种格式。"),
            Text("Name a .csv or a .parquet file.", "请指定 .csv 或 .parquet 文件。"),
        )
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise BadInput(
            "no-place-for-outcome",
            Text(f"'{out}' cannot be written: there is no such folder.", f"无法写入“{out}”：没有该文件夹。"),
            Text("Name a file in a folder that exists.", "请指定已有文件夹中的文件。"),
        )


def _no_rows(path: Path) -> BadInput:
    return BadInput(
        "no-rows-to-score",
        Text(f"'{path.name}' holds no row.", f"“{path.name}”中没有数据行。"),
        Text("Name a file with a row for each to be scored.", "请指定含有待评分数据行的文件。"),
    )
