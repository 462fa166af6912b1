"""A table of a warehouse, brought to a file of this machine for as long as it is being anonymised.

Rows come one batch at a time, in one pass, and take no more memory than one batch. The table of distinct combinations
is not asked for in their place: with as many quasi-identifiers as people are known by, nearly each row is its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from huizhen.adapters.own_file import written
from huizhen.adapters.own_folder import folder_for
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

DUCKDB = "duckdb:"
SCHEMES = ("postgresql://", "postgres://", "spark:", DUCKDB)
_SINGLE = ("BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DATE", "VARCHAR")
_BATCH = 1 << 17


def is_elsewhere(source: str) -> bool:
    """Whether this is the address of a warehouse, rather than a file."""
    return source.startswith(SCHEMES)


def check_source(source: str, table: str, by_rule: bool) -> None:
    """Raises BadInput where a table is named and there is none to choose, or none is named, and for a warehouse beside
    a rule of many hospitals, which is for a file."""
    if not is_elsewhere(source):
        if table:
            raise BadInput(
                "table-of-a-file",
                Text("A file holds one table, so --table says nothing.", "文件只含一张表，--table 没有意义。"),
                Text("Leave --table out.", "请去掉 --table。"),
            )
        return
    if by_rule:
        raise BadInput(
            "rule-for-a-file",
            Text("--rule is for a file, not for a warehouse.", "--rule 用于文件，不能用于数据仓库。"),
            Text("Export the table to a file.", "请先将该表导出为文件。"),
        )
    if bool(table) == (source.startswith("spark:") and source != "spark:"):
        raise BadInput(
            "table-missing",
            Text("A warehouse has many tables, a folder has one.", "数据仓库有多张表，文件夹只有一张。"),
            Text("Name one with --table, as public.visits; leave it out for spark:DIR.",
                 "请用 --table 指定一张表，如 public.visits；spark:文件夹 则不需要。"),
        )  # fmt: skip


@contextmanager
def brought(address: str, table: str, out: Path, heard: Callable[[str, int], None]) -> Iterator[tuple[Path, str]]:
    """A file of the rows, of the same kind as `out` and beside it, which is deleted at the end; and what to call it.

    Columns that hold no single value per row are left out, and have to be named nowhere. Raises BadInput, NotFound and
    Lost, which say nothing of the address.
    """
    if out.suffix.lower() not in (".csv", ".parquet"):
        raise BadInput(
            "bad-out",
            Text("--out has to be a CSV or Parquet file.", "--out 须是 CSV 或 Parquet 文件。"),
            Text("Give it a name that ends in .csv or .parquet.", "请给出以 .csv 或 .parquet 结尾的文件名。"),
        )
    name = table or Path(address.removeprefix("spark:")).name
    with folder_for(out) as folder:
        path, rows = folder / (re.sub(r"[^\w.-]", "_", name) + out.suffix), 0
        with written(path, ",") as write:
            for batch in _batches(address, table):
                write(pa.Table.from_batches([batch]))
                rows += len(batch)
                heard("fetch", rows)
        if not rows:
            raise BadInput(
                "warehouse-empty",
                Text("The table has no rows.", "该表没有数据行。"),
                Text("Name another table.", "请指定其他表。"),
            )
        yield path, name


def _batches(address: str, table: str) -> Iterator[pa.RecordBatch]:
    if address.startswith(DUCKDB):
        yield from _in_duckdb(Path(address.removeprefix(DUCKDB)), table)
        return
    with closing(_opened(address, table)) as opened:
        yield from opened.source().read()


def _opened(address: str, table: str) -> Any:
    from huizhen.adapters.warehouse import Place

    place = Place(address, table, "", {})

    def nobody(_: Sequence[str]) -> Sequence[int]:
        return []

    if address.startswith("spark:"):
        from huizhen.adapters.rows_spark import SparkRows

        return SparkRows(place, nobody)
    from huizhen.adapters.rows_postgresql import PostgresRows

    return PostgresRows(place, nobody)


def _in_duckdb(path: Path, table: str) -> Iterator[pa.RecordBatch]:
    """The file is only read. What DuckDB says is left out: it may quote a row."""
    import duckdb

    from huizhen.adapters.warehouse import denied, failed, no_table, silent

    if not path.is_file():
        raise silent()
    try:
        connection = duckdb.connect(path, read_only=True, config={"enable_external_access": "false"})
    except duckdb.Error:
        raise silent() from None
    with closing(connection):
        named = ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))
        try:
            columns = connection.sql(f"SELECT * FROM {named}").description
        except duckdb.PermissionException:
            raise denied() from None
        except duckdb.Error:
            raise no_table(table) from None
        what = ", ".join(_as_single(name, str(kind)) for name, kind, *_ in columns or ())
        try:
            yield from connection.sql(f"SELECT {what} FROM {named}").to_arrow_reader(_BATCH)
        except duckdb.Error as error:
            raise failed(type(error).__name__) from None


def _as_single(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return quoted if kind in _SINGLE else f"CAST({quoted} AS VARCHAR) AS {quoted}"
