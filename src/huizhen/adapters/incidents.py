"""Breaches as the hub knows them: read from the ledger alone. There is no table that could say otherwise."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, select

from huizhen.adapters import database as db
from huizhen.kit.errors import Tampered
from huizhen.kit.text import Text
from huizhen.model.incident import Event, Incident, replay

if TYPE_CHECKING:
    from huizhen.adapters.hub_store import SqlRecord

KIND, COUNTED = "breach-changed", "breach-counted"
_PREFIX = "br-"


class Incidents:
    """Reads the breaches of one region."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self, region: str) -> tuple[Incident, ...]:
        """Every breach that was ever declared, oldest first, the closed ones too."""
        with self._engine.connect() as c:
            return read(c, region)


def read(c: Connection, region: str) -> tuple[Incident, ...]:
    """The same within a transaction. Raises Tampered where the ledger's documents do not make a breach."""
    entry, document = db.entry.c, db.document.c
    rows = c.execute(
        select(entry.number, entry.subject, entry.leaf).where(entry.subject.startswith(_PREFIX)).order_by(entry.number)
    ).all()
    steps: dict[str, list[tuple[str, Event]]] = {}
    try:
        for row in rows:
            leaf = json.loads(bytes(row.leaf))
            if leaf["kind"] == KIND:
                body = c.execute(select(document.body).where(document.ref == leaf["refs"]["event"])).scalar_one()
                steps.setdefault(row.subject, []).append((leaf["at_utc"], Event.model_validate_json(bytes(body))))
        found = [replay(region, events) for events in steps.values()]
    except Exception as problem:
        raise Tampered(
            "breach-record-broken",
            Text("The ledger's record of breaches cannot be read to the end.", "账本中的泄露事件记录无法完整读取。"),
            Text("Run `huizhen ledger verify`; it says where it breaks.", "请运行 `huizhen ledger verify` 定位。"),
        ) from problem
    counts = _counts(c, min((row.number for row in rows), default=None))
    return tuple(
        Incident(f.id, f.declaration, f.jurisdiction, f.critical, f.events, counts.get(f.id, {})) for f in found
    )


def _counts(c: Connection, since: int | None) -> dict[str, dict[str, int]]:
    """By breach and node what it counted last: from the entries that nodes made since the first breach."""
    found: dict[str, dict[str, int]] = {}
    if since is None:
        return found
    entry = db.entry.c
    nodes = select(db.node.c.name)
    query = select(entry.subject, entry.leaf).where(entry.number > since, entry.subject.in_(nodes))
    for subject, leaf in c.execute(query.order_by(entry.number)):
        if COUNTED.encode() in bytes(leaf):
            said = json.loads(bytes(leaf))
            if said["kind"] == COUNTED:
                found.setdefault(said["facts"]["breach"], {})[subject] = int(said["facts"]["people"])
    return found


def put(record: SqlRecord, breach: str, event: Event) -> int:
    """One more step on the ledger; answers the number of its entry."""
    return record.evidence(KIND, event.by, breach, {"event": event.as_json()}, step=event.step)
