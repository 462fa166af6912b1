"""Rows of a database as bytes and back, whichever database it was: every table, as one moment saw them.

A table is a stream of MessagePack lists of rows, each led by its length in four bytes; a row is a list of values in the
order of `columns`. The tables are those of the schema's version that is written beside them, so that an older backup
is restored into an older schema and then brought up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, MetaData, func, insert, inspect, select, text

from huizhen.adapters.archive import Part

ROWS = 2_000
OPENING = ("session", "sign_in_link", "challenge")
"""What opens an account for a while: a session that was ended since is not open again after a restoration."""
_PASSING = {"alembic_version", "presence", *OPENING}
"""That, and what says where the database itself stands, and which processes had it open."""


def snapshot(connection: Connection) -> None:
    """From here to the end of the connection every table is read as of one moment."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN")
    else:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))


def version(connection: Connection) -> str:
    """The schema's version, as Alembic counts."""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())


def dump(connection: Connection) -> Iterator[Part]:
    """Each table as a part tables/NAME."""
    for table in _tables(connection):
        yield f"tables/{table.name}", _rows(connection, table)


def _tables(connection: Connection) -> list[Any]:
    reflected = MetaData()
    reflected.reflect(connection)
    return [table for table in reflected.sorted_tables if table.name not in _PASSING]


def _rows(connection: Connection, table: Any) -> Iterator[bytes]:
    yield _framed([str(column.name) for column in table.columns])
    ordered = select(table).order_by(*table.primary_key.columns)
    for rows in connection.execution_options(yield_per=ROWS).execute(ordered).partitions(ROWS):
        yield _framed([list(row) for row in rows])


def _framed(value: Any) -> bytes:
    body = msgspec.msgpack.encode(value)
    return len(body).to_bytes(4, "big") + body


def load(connection: Connection, name: str, pieces: Iterable[bytes]) -> int:
    """Put the rows of a table's part into the table, which is empty; how many they are."""
    table = next(t for t in _tables(connection) if t.name == name)
    frames = _frames(pieces)
    columns = msgspec.msgpack.decode(next(frames), type=list[str])
    count = 0
    for frame in frames:
        rows = msgspec.msgpack.decode(frame)
        connection.execute(insert(table), [dict(zip(columns, row, strict=True)) for row in rows])
        count += len(rows)
    key = list(table.primary_key.columns)
    if connection.dialect.name == "postgresql" and len(key) == 1 and key[0].autoincrement is True and count:
        highest = select(func.max(key[0])).scalar_subquery()
        connection.execute(select(func.setval(func.pg_get_serial_sequence(str(table.name), str(key[0].name)), highest)))
    return count


def _frames(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= 4 and len(held) >= 4 + (size := int.from_bytes(held[:4], "big")):
            yield bytes(held[4 : 4 + size])
            del held[: 4 + size]
    if held:
        raise ValueError("a table ends in the middle of a row")


def is_empty(engine: Engine) -> bool:
    """Whether there is no table at all."""
    return not inspect(engine).get_table_names()
