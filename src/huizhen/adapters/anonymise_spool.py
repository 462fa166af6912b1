"""A file read once, some rows at a time: the columns that decide as codes, and those that are released as they are laid
aside, both on the disk."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.ipc
import pyarrow.parquet

from huizhen.adapters.own_file import delimited, in_utf8, unreadable

_BLOCK_BYTES, _BLOCK_ROWS = 8 << 20, 1 << 17


@dataclass
class Column:
    """The codes of a column in a file, in the order in which its values were met; a missing value is the empty text."""

    place: Path
    values: dict[str, int] = field(default_factory=dict)
    counts: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def code(self) -> npt.NDArray[np.int32]:
        """(rows,) not in memory until it is looked at."""
        return np.memmap(self.place, np.int32, "r") if self.place.stat().st_size else np.zeros(0, np.int32)

    def add(self, column: pa.Array) -> npt.NDArray[np.int32]:
        """The codes of more rows."""
        if not pa.types.is_dictionary(column.type):
            column = column.cast(pa.string()).dictionary_encode()
        words = [w or "" for w in column.dictionary.cast(pa.string()).to_pylist()]
        words += [""] if column.null_count else []
        new = np.array([self.values.setdefault(w, len(self.values)) for w in words], np.int32)
        indices = column.indices.fill_null(len(words) - 1) if column.null_count else column.indices
        code: npt.NDArray[np.int32] = new[np.from_dlpack(indices)]
        counts = np.bincount(code, minlength=len(self.values))
        counts[: len(self.counts)] += self.counts
        self.counts = counts
        return code


@dataclass(frozen=True)
class Spool:
    """`coded`: by name. `aside`: the file of the columns `plain`, as Arrow batches; the last has as many rows as are
    left."""

    rows: int
    coded: dict[str, Column]
    aside: Path

    def batches(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self.aside)) as file, pa.ipc.open_stream(file) as reader:
            yield from reader


def header(path: Path) -> tuple[list[str], str]:
    """The names of a file's columns, and how its fields are separated. Raises BadInput."""
    if path.suffix.lower() == ".parquet":
        with unreadable(path):
            return pa.parquet.read_schema(path).names, ","
    with unreadable(path):
        delimiter, first = delimited(path, "utf-8-sig")
    return next(csv.reader([first], delimiter=delimiter), []), delimiter


def met(path: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """The different values of columns of a file, as text, in the order in which they are met; of those it has."""
    with in_utf8(path) as source:
        there, delimiter = header(source)
        columns = {n: Column(source) for n in names if n in there}
        with unreadable(path):
            for batch in _blocks(source, delimiter, list(columns), list(columns)) if columns else ():
                for name, column in columns.items():
                    column.add(batch[name])
    return {n: list(c.values) for n, c in columns.items()}


def spooled(path: Path, delimiter: str, coded: Sequence[str], plain: Sequence[str], folder: Path, heard: Any) -> Spool:
    """Read a file (CSV in UTF-8, or Parquet) of which no more than a block is in memory at once. Raises BadInput."""
    columns = {name: Column(folder / f"codes-{i}") for i, name in enumerate(coded)}
    rows, aside, writer = 0, folder / "aside", None
    files = {name: column.place.open("wb") for name, column in columns.items()}
    try:
        with unreadable(path), pa.OSFile(str(aside), "wb") as sink:
            for batch in _blocks(path, delimiter, coded, list(dict.fromkeys([*coded, *plain]))):
                for name, column in columns.items():
                    files[name].write(column.add(batch[name]).tobytes())
                left = (
                    pa.RecordBatch.from_arrays([_flat(batch[n]) for n in plain], list(plain))
                    if plain
                    else _empty(len(batch))
                )
                writer = writer or pa.ipc.new_stream(sink, left.schema)
                writer.write_batch(left)
                rows += len(batch)
                heard(rows)
            (writer or pa.ipc.new_stream(sink, pa.schema([]))).close()
    finally:
        for file in files.values():
            file.close()
    return Spool(rows, columns, aside)


def _blocks(path: Path, delimiter: str, coded: Sequence[str], names: list[str]) -> Iterator[pa.RecordBatch]:
    if path.suffix.lower() == ".parquet":
        with pa.parquet.ParquetFile(path, read_dictionary=list(coded)) as file:
            yield from file.iter_batches(_BLOCK_ROWS, columns=names)
        return
    kinds = {n: pa.dictionary(pa.int32(), pa.string()) if n in coded else pa.string() for n in names}
    with pa.csv.open_csv(
        path,
        read_options=pa.csv.ReadOptions(block_size=_BLOCK_BYTES),
        parse_options=pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        convert_options=pa.csv.ConvertOptions(column_types=kinds, include_columns=names),
    ) as reader:
        yield from reader


def _flat(column: pa.Array) -> pa.Array:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _empty(rows: int) -> pa.RecordBatch:
    """Batches without columns forget how many rows they had."""
    return pa.RecordBatch.from_arrays([pa.nulls(rows)], [""])
