"""Parquet files, and tables in memory: types are kept; times become text, since a column is a date or it is not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as arrow_parquet

from huizhen.intake.dialect import check_header
from huizhen.intake.format import ROW, Format, Source
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

BATCH_ROWS = 65_536
_ROW_NUMBERS = re.compile(r"__index_level_\d+__")
"""What pandas calls the index of a table that has none of its own."""


def open_parquet(path: Path) -> Source:
    """A Parquet file as a source. Raises BadInput for a damaged file and for columns that are not flat values."""
    try:
        with arrow_parquet.ParquetFile(path) as file:
            schema = file.schema_arrow
    except (pa.ArrowInvalid, OSError):
        raise BadInput(
            "bad-parquet",
            Text(f"'{path.name}' could not be read as Parquet.", f"无法按 Parquet 读取“{path.name}”。"),
            Text("Write the file again.", "请重新生成该文件。"),
        ) from None
    kept, flat, notes = _flat(schema, path.name)

    def read() -> Iterator[pa.RecordBatch]:
        with arrow_parquet.ParquetFile(path) as file:
            yield from _cast_all(file.iter_batches(batch_size=BATCH_ROWS), kept, flat)

    return Source(path, tuple(flat.names), read, _lines, unit=ROW, notes=notes)


def table_source(table: pa.Table, name: str) -> Source:
    """A table in memory as a source, by the same rules; messages call it `name`. Raises BadInput as for a file."""
    kept, flat, notes = _flat(table.schema, name)

    def read() -> Iterator[pa.RecordBatch]:
        return _cast_all(table.to_batches(max_chunksize=BATCH_ROWS), kept, flat)

    return Source(Path(name), tuple(flat.names), read, _lines, unit=ROW, notes=notes)


def _flat(schema: pa.Schema, name: str) -> tuple[list[str], pa.Schema, tuple[Text, ...]]:
    """Which columns are read, under which names and types, and what is to be said of the others."""
    check_header(schema.names, (), name)
    if not all(column.strip() for column in schema.names):
        raise BadInput(
            "unnamed-column",
            Text(f"'{name}' has a column without a name.", f"“{name}”中有一列没有列名。"),
            Text("Name it, or leave it out.", "请为其命名，或去掉该列。"),
        )
    numbered = [field.name for field in schema if _ROW_NUMBERS.fullmatch(field.name)]
    fields = [field for field in schema if field.name not in numbered]
    targets = [_target(field) for field in fields]
    nested = [f.name for f, target in zip(fields, targets, strict=True) if target is None]
    if nested:
        listed = ", ".join(f"'{n}'" for n in nested)
        raise BadInput(
            "bad-column-type",
            Text(f"Columns that hold no single value per row: {listed}.", f"以下列不是单值列：{listed}。"),
            Text("Leave them out or flatten them first.", "请先去掉或展开这些列。"),
        )
    flat = pa.schema([(field.name.strip(), target) for field, target in zip(fields, targets, strict=True)])
    said = Text(f"Row numbers left out: {', '.join(numbered)}.", f"未读入行号列：{'、'.join(numbered)}。")
    return [field.name for field in fields], flat, (said,) if numbered else ()


def _target(field: pa.Field) -> pa.DataType | None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    tests = (
        (pa.types.is_integer, pa.int64()),
        (pa.types.is_floating, pa.float64()),
        (pa.types.is_decimal, pa.float64()),
        (pa.types.is_boolean, pa.bool_()),
        (pa.types.is_date, pa.date32()),
        (pa.types.is_string, pa.string()),
        (pa.types.is_large_string, pa.string()),
        (pa.types.is_string_view, pa.string()),
        (pa.types.is_null, pa.string()),
        (pa.types.is_timestamp, pa.string()),
        (pa.types.is_time, pa.string()),
    )
    return next((target for test, target in tests if test(kind)), None)


def _cast_all(batches: Iterable[pa.RecordBatch], kept: Sequence[str], flat: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        columns = [_cast(batch.column(name), field) for name, field in zip(kept, flat, strict=True)]
        yield pa.RecordBatch.from_arrays(columns, schema=flat)


def _cast(column: pa.Array, field: pa.Field) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        return column.cast(field.type)
    except pa.ArrowInvalid:
        raise BadInput(
            "bad-column-type",
            Text(
                f"Column '{field.name}' holds values that do not fit into {field.type}.",
                f"列“{field.name}”中有超出 {field.type} 范围的值。",
            ),
            Text("Store the column as text.", "请将该列存为文本。"),
        ) from None


def _lines(records: Sequence[int]) -> list[int]:
    return [record + 1 for record in records]


FORMAT = Format(
    "parquet", (".parquet", ".pq"), Text("Apache Parquet, flat columns", "Apache Parquet，扁平列"), open_parquet
)
