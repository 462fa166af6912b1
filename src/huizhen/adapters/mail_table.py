"""What the mailbox reads and writes in the hub's database, one function per statement; who calls them opens and ends
the transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, text

from huizhen.adapters import database as db
from huizhen.adapters.turn import CHUNK, Part

FAILED = -1
"""The size of a reply that there will not be."""
CHANNEL = "huizhen_mailbox"
_AT_ONCE = 5000
"""Parameters in one statement."""


@dataclass(frozen=True)
class Waiting:
    """Mail without a reply."""

    id: str
    exchange: str
    node: str
    size: int


def begin(c: Connection) -> None:
    """Before the first write. SQLite: nobody else can write until the end."""
    if c.dialect.name == "sqlite":
        c.exec_driver_sql("BEGIN IMMEDIATE")


def _some(c: Connection, query: Any, column: Any, values: Collection[str]) -> Iterable[Any]:
    known = list(values)
    for at in range(0, len(known), _AT_ONCE):
        yield from c.execute(query.where(column.in_(known[at : at + _AT_ONCE])))


def enrolled(c: Connection, keys: Collection[str]) -> dict[str, str]:
    """TLS key -> node, of the nodes that are not revoked."""
    query = select(db.node.c.tls_key, db.node.c.name).where(db.node.c.revoked_utc.is_(None))
    return {r[0]: r[1] for r in _some(c, query, db.node.c.tls_key, keys)}


def able(c: Connection, names: Collection[str]) -> set[str]:
    """Those of the nodes that may be spoken to: enrolled with a TLS key, and not revoked."""
    query = select(db.node.c.name).where(db.node.c.revoked_utc.is_(None), db.node.c.tls_key.is_not(None))
    return {r[0] for r in _some(c, query, db.node.c.name, names)}


def post(c: Connection, mail: Sequence[tuple[Waiting, bytes]]) -> None:
    rows = [{"id": w.id, "exchange": w.exchange, "node": w.node, "size": w.size, "body": body} for w, body in mail]
    if rows:
        c.execute(insert(db.mail), rows)


_WAITING = (db.mail.c.id, db.mail.c.exchange, db.mail.c.node, db.mail.c.size)


def waiting_for(c: Connection, nodes: Collection[str]) -> list[Waiting]:
    """Mail without a reply for these nodes, oldest first."""
    return sorted((Waiting(*r) for r in _some(c, select(*_WAITING), db.mail.c.node, nodes)), key=lambda w: w.id)


def find(c: Connection, mail: Collection[str]) -> dict[str, Waiting]:
    return {r[0]: Waiting(*r) for r in _some(c, select(*_WAITING), db.mail.c.id, mail)}


def part(c: Connection, mail: str, size: int, at: int) -> Part | None:
    """A part of the mail's body, unless it is there no more."""
    row = c.execute(select(func.substr(db.mail.c.body, at + 1, CHUNK)).where(db.mail.c.id == mail)).first()
    return None if row is None else Part(mail, at, size, bytes(row[0] or b""))


def received(c: Connection, mail: str) -> int:
    """How many bytes of the reply are there."""
    row = c.execute(select(func.coalesce(func.sum(func.length(db.reply.c.data)), 0)).where(db.reply.c.mail == mail))
    return int(row.scalar_one())


def add_replies(c: Connection, parts: Sequence[tuple[Part, str]], failed: Sequence[Waiting]) -> None:
    """Parts of replies with the exchange that each belongs to, and mail that will have none."""
    rows = [{"mail": p.mail, "at": p.at, "exchange": exchange, "size": p.size, "data": p.data} for p, exchange in parts]
    rows += [{"mail": w.id, "at": 0, "exchange": w.exchange, "size": FAILED, "data": b""} for w in failed]
    drop_replies(c, [w.id for w in failed])
    if rows:
        c.execute(insert(db.reply), rows)


def drop_replies(c: Connection, mail: Collection[str]) -> None:
    _drop(c, db.reply, db.reply.c.mail, mail)


def whole(c: Connection, mail: str) -> bytes:
    """A reply put together from its parts."""
    rows = c.execute(select(db.reply.c.data).where(db.reply.c.mail == mail).order_by(db.reply.c.at))
    return b"".join(bytes(r[0]) for r in rows)


def finished(c: Connection, exchange: str) -> dict[str, int]:
    """Mail -> size of its reply, of those whose reply is whole; FAILED of those that will have none."""
    query = select(db.reply.c.mail, db.reply.c.size, func.sum(func.length(db.reply.c.data)))
    rows = c.execute(query.where(db.reply.c.exchange == exchange).group_by(db.reply.c.mail, db.reply.c.size))
    return {r[0]: r[1] for r in rows if r[1] in {FAILED, r[2]}}


def _drop(c: Connection, table: Any, column: Any, values: Collection[str]) -> None:
    known = list(values)
    for at in range(0, len(known), _AT_ONCE):
        c.execute(delete(table).where(column.in_(known[at : at + _AT_ONCE])))


def answered(c: Connection, mail: Collection[str]) -> None:
    """This mail waits no more."""
    _drop(c, db.mail, db.mail.c.id, mail)


def end(c: Connection, exchanges: Collection[str]) -> None:
    """The exchange is over: nothing of it is kept."""
    _drop(c, db.mail, db.mail.c.exchange, exchanges)
    _drop(c, db.reply, db.reply.c.exchange, exchanges)


def exchanges(c: Connection) -> set[str]:
    """Those of which anything is kept."""
    kept = select(db.mail.c.exchange).union(select(db.reply.c.exchange))
    return {r[0] for r in c.execute(kept)}


def clear(c: Connection) -> None:
    """Nobody else is at this mailbox: what a process left that is no more is thrown away."""
    for table in (db.mail, db.reply, db.presence):
        c.execute(delete(table))


def beat(c: Connection, names: Collection[str]) -> None:
    """These have been heard of. In order of name, so that two processes never wait for each other."""
    statement = text(
        "INSERT INTO presence (name, beat) VALUES (:name, 1) ON CONFLICT (name) DO UPDATE SET beat = presence.beat + 1"
    )
    if names:
        c.execute(statement, [{"name": name} for name in sorted(names)])


def beats(c: Connection) -> Mapping[str, int]:
    return {r[0]: int(r[1]) for r in c.execute(select(db.presence.c.name, db.presence.c.beat))}


def forget_process(c: Connection, owner: str) -> None:
    c.execute(delete(db.presence).where(db.presence.c.name == f"process:{owner}"))


def tell_others(c: Connection, who: str) -> None:
    """Wake the other processes at this database when the transaction is committed."""
    if c.dialect.name == "postgresql":
        c.execute(text("SELECT pg_notify(:channel, :who)"), {"channel": CHANNEL, "who": who})


def version(c: Connection) -> int | None:
    """SQLite: a number that changes whenever anyone else has written; None where there is no such number."""
    if c.dialect.name != "sqlite":
        return None
    return int(c.exec_driver_sql("PRAGMA data_version").scalar_one())
