"""Papers in the hub's database, in the order in which they were filed; each is an entry of the ledger, too."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, insert, inspect, select

from huizhen.adapters import database as db
from huizhen.model.paper import Kind, Paper
from huizhen.path.papers import entry_of

if TYPE_CHECKING:
    from huizhen.adapters.hub_store import SqlRecord


class Papers:
    """Reads what is on file. A database from before there were papers has none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._there = False

    def of(self, *kinds: Kind, subject: str | None = None) -> tuple[Paper, ...]:
        """Those of these kinds (none said: of all), in the order in which they were filed."""
        self._there = self._there or inspect(self._engine).has_table("paper")
        if not self._there:
            return ()
        with self._engine.connect() as connection:
            return read(connection, *kinds, subject=subject)


def read(connection: Connection, *kinds: Kind, subject: str | None = None) -> tuple[Paper, ...]:
    """The same within a transaction, where nobody else can change it meanwhile."""
    query = select(db.paper.c.body).order_by(db.paper.c.id)
    if kinds:
        query = query.where(db.paper.c.kind.in_(kinds))
    if subject is not None:
        query = query.where(db.paper.c.subject == subject)
    return tuple(Paper.read(json.loads(r[0])) for r in connection.execute(query).all())


def is_there(connection: Connection, paper: Paper) -> bool:
    query = select(db.paper.c.id).where(db.paper.c.digest == paper.digest())
    return connection.execute(query).first() is not None


def put(record: SqlRecord, paper: Paper) -> None:
    """File a paper; whether it may be filed has been asked."""
    record.connection.execute(
        insert(db.paper).values(
            digest=paper.digest(), kind=paper.kind, subject=paper.subject, body=json.dumps(paper.as_json())
        )
    )
    subject, facts = entry_of(paper)
    record.evidence(paper.kind, paper.by, subject, {"paper": paper.as_json()}, **facts)
