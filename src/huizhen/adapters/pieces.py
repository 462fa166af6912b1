"""Rows of hospitals in the hub's database, sealed to their asker: nobody here can read them."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, delete, insert, inspect, select

from huizhen.adapters import database as db


def put(connection: Connection, study: str, node: str, number: int, sealed: bytes) -> None:
    """Keep one piece; the same one again takes its own place."""
    at = (db.piece.c.study == study, db.piece.c.node == node, db.piece.c.number == number)
    connection.execute(delete(db.piece).where(*at))
    connection.execute(insert(db.piece).values(study=study, node=node, number=number, sealed=sealed))


def drop(connection: Connection, study: str) -> int:
    """How many there were. A database from before there were pieces has none."""
    if not inspect(connection).has_table("piece"):
        return 0
    return connection.execute(delete(db.piece).where(db.piece.c.study == study)).rowcount


def studies(engine: Engine) -> tuple[str, ...]:
    """Studies of which there are any."""
    if not inspect(engine).has_table("piece"):
        return ()
    with engine.connect() as connection:
        found = connection.execute(select(db.piece.c.study).distinct().order_by(db.piece.c.study)).scalars()
        return tuple(map(str, found))


def there(engine: Engine, study: str) -> dict[str, set[int]]:
    """By node, which pieces there are."""
    found: dict[str, set[int]] = {}
    if not inspect(engine).has_table("piece"):
        return found
    with engine.connect() as connection:
        query = select(db.piece.c.node, db.piece.c.number).where(db.piece.c.study == study)
        for node, number in connection.execute(query).all():
            found.setdefault(str(node), set()).add(int(number))
    return found


def one(engine: Engine, study: str, node: str, number: int) -> bytes | None:
    """The piece, sealed; None where there is none."""
    if number not in there(engine, study).get(node, set()):
        return None
    at = (db.piece.c.study == study, db.piece.c.node == node, db.piece.c.number == number)
    with engine.connect() as connection:
        return bytes(connection.execute(select(db.piece.c.sealed).where(*at)).scalar_one())
