"""Writes the table of a view over a store of resources, row group by row group."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from huizhen.adapters.own_file import new_file, written
from huizhen.adapters.resource_store import Store
from huizhen.intake import views
from huizhen.intake.format import check_file
from huizhen.intake.path_sql import NO_BOOLEAN, SEVERAL, TOO_DEEP
from huizhen.intake.view import View, read_view
from huizhen.intake.view_sql import DEEPEST, UNREAD, compile_view
from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text

BATCH_ROWS = 65_536
_LIMIT_BYTES = 1 << 20


@dataclass
class Written:
    """What a view gave: `unread` counts by column the values that were there and are no value of its type, which became
    nothing (a year alone where a day was asked for, a number that is none)."""

    rows: int = 0
    unread: Counter[str] = field(default_factory=Counter)


def find_view(name: str) -> View:
    """A view that comes with Huizhen by its name, or one in a file. Raises NotFound, BadInput."""
    if not name.lower().endswith(".json"):
        return read_view(views.definition(name))
    path = Path(name)
    check_file(path)
    try:
        if path.stat().st_size > _LIMIT_BYTES:
            raise ValueError
        value = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        raise BadInput(
            "view-not-json",
            Text(f"'{path.name}' is no JSON, or longer than a megabyte.", f"“{path.name}”不是 JSON，或超过 1 MB。"),
            Text("Write the ViewDefinition as JSON in UTF-8.", "请将 ViewDefinition 写为 UTF-8 的 JSON。"),
        ) from None
    return read_view(value)


def write_view(store: Store, view: View, out: Path, heard: Callable[[int], None] = lambda _: None) -> Written:
    """The rows of a view as Parquet or CSV, by the suffix of `out`; all of them, or no file.

    Raises NotFound where the store has no resource of the view's type, BadInput where a path finds several values for
    one cell, or a condition is neither true nor false.
    """
    parts, older = store.parts(view.resource)
    if not parts:
        raise NotFound(
            "no-such-resources",
            Text(f"No {view.resource} was taken in.", f"尚未收入任何 {view.resource}。"),
            Text(f"There are: {', '.join(store.types()) or '-'}.", f"已收入：{'、'.join(store.types()) or '-'}。"),
        )
    if out.suffix.lower() not in (".parquet", ".csv"):
        raise BadInput(
            "bad-table-out",
            Text("--out has to end in .parquet or .csv.", "--out 须以 .parquet 或 .csv 结尾。"),
            Text("Name the file accordingly.", "请更改文件名。"),
        )
    told = Written()
    with new_file(out, Path(f"like{out.suffix}")) as part, written(part, ",") as write, duckdb.connect() as engine:
        engine.execute("SET preserve_insertion_order = true")
        try:
            stream = engine.sql(compile_view(view, _source(parts, older))).to_arrow_reader(BATCH_ROWS)
            for table in _tables(stream, told):
                write(table)
                heard(told.rows)
        except duckdb.Error as error:
            raise _said(error, view) from None
    return told


def _source(parts: list[Path], older: bool) -> str:
    files = ", ".join("'" + str(p).replace("'", "''") + "'" for p in parts)
    newest = " QUALIFY row_number() OVER (PARTITION BY id ORDER BY updated DESC) = 1" if older else ""
    return f"(SELECT CAST(resource AS JSON) AS resource FROM read_parquet([{files}]){newest})"


def _tables(stream: pa.RecordBatchReader, told: Written) -> Iterator[pa.Table]:
    names = [n for n in stream.schema.names if not n.startswith(UNREAD)]
    yielded = False
    for batch in stream:
        for name in stream.schema.names:
            if name.startswith(UNREAD):
                told.unread[name.removeprefix(UNREAD)] += pc.sum(batch.column(name)).as_py() or 0
        told.rows += batch.num_rows
        yielded = True
        yield pa.table({n: batch.column(n) for n in names})
    if not yielded:
        yield stream.schema.empty_table().select(names)


def _said(error: Exception, view: View) -> Exception:
    """An error that a path of the view made the engine raise, in words; others as they are."""
    text = str(error)
    for mark, what in (
        (SEVERAL, Text("a path finds several values where one has to be", "某个路径在应为单值处得到多个值")),
        (NO_BOOLEAN, Text("a condition is neither true nor false", "某个条件既非真也非假")),
        (TOO_DEEP, Text(f"repeat goes deeper than {DEEPEST}", f"repeat 超过 {DEEPEST} 层")),
    ):
        if mark in text:
            return BadInput(
                "view-does-not-fit",
                Text(f"The view '{view.name}' does not fit a resource: {what.en}.",
                     f"视图“{view.name}”与某个资源不符：{what.zh}。"),
                Text("Add .first() to the path, or 'collection': true to the column, or make the condition one.",
                     "请在路径后加 .first()，或为该列设 collection: true，或改写条件。"),
            )  # fmt: skip
    return error
