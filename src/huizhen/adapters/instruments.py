"""Deeds and contracts in the hub's database: every version is kept, and every step is on the ledger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, delete, insert, inspect, select

from huizhen.adapters import database as db
from huizhen.model.deed import Kind
from huizhen.model.lifecycle import TRUSTEE, Event, Filed, on_day

if TYPE_CHECKING:
    from huizhen.adapters.hub_store import SqlRecord


class Instruments:
    """Reads what is on file. A database from before there were instruments has none."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._there = False

    def all(self, kind: Kind | None = None, name: str | None = None) -> tuple[Filed, ...]:
        """Every version, by kind, name, version, as it was last recorded."""
        self._there = self._there or inspect(self._engine).has_table("instrument")
        if not self._there:
            return ()
        with self._engine.connect() as connection:
            return read(connection, kind, name)

    def on_day(self, day: str, kind: Kind | None = None, name: str | None = None) -> tuple[Filed, ...]:
        """The same as they stand on that day, whether or not what time brought has been recorded yet."""
        return standing(self.all(kind, name), day)


def standing(filings: Sequence[Filed], day: str) -> tuple[Filed, ...]:
    """Each name's versions as they stand on that day; `filings` are in the order of `read`."""
    groups = groupby(filings, key=lambda f: (f.instrument.kind, f.instrument.name))
    return tuple(f for _, versions in groups for f in on_day(versions, day))


def read(connection: Connection, kind: Kind | None = None, name: str | None = None) -> tuple[Filed, ...]:
    """Every version on file; within a transaction, what nobody else can change meanwhile."""
    query = select(db.instrument.c.body)
    if kind is not None:
        query = query.where(db.instrument.c.kind == kind)
    if name is not None:
        query = query.where(db.instrument.c.name == name)
    order = (db.instrument.c.kind, db.instrument.c.name, db.instrument.c.version)
    return tuple(Filed.read(json.loads(r[0])) for r in connection.execute(query.order_by(*order)).all())


def put_draft(record: SqlRecord, filing: Filed) -> None:
    """A new version, as it was drafted."""
    instrument = filing.instrument
    _keep(record, filing)
    record.evidence(
        f"{instrument.kind}-changed", TRUSTEE, instrument.name, {"instrument": instrument.as_json()},
        step="draft", state=filing.state, version=instrument.version,
    )  # fmt: skip


def put_events(record: SqlRecord, before: Filed, after: Filed) -> None:
    """The events that `after` has more than `before`, each an entry of the ledger."""
    instrument, filing = after.instrument, before
    for event in after.events[len(before.events) :]:
        filing = filing.after(event)
        record.evidence(
            f"{instrument.kind}-changed", event.by, instrument.name,
            {"instrument": instrument.as_json(), "event": event.as_json()},
            step=event.step, state=filing.state, version=instrument.version,
        )  # fmt: skip
    _keep(record, after)


def keep_time(record: SqlRecord, day: str) -> None:
    """Record what time has brought by that day: what began, expired, or was superseded by a later version."""
    before = read(record.connection)
    for old, new in zip(before, standing(before, day), strict=True):
        if new.events != old.events:
            put_events(record, old, new)


def suspend(record: SqlRecord, contract: str, day: str) -> None:
    """Suspend the last version of a contract, if it is active on that day."""
    keep_time(record, day)
    before = read(record.connection, "contract", contract)[-1]
    if before.state == "active":
        put_events(record, before, before.after(Event(step="suspend", by=TRUSTEE, day=day)))


def _keep(record: SqlRecord, filing: Filed) -> None:
    instrument = filing.instrument
    record.connection.execute(delete(db.instrument).where(db.instrument.c.digest == instrument.digest()))
    record.connection.execute(
        insert(db.instrument).values(
            digest=instrument.digest(),
            kind=instrument.kind,
            name=instrument.name,
            version=instrument.version,
            body=json.dumps(filing.as_json()),
        )
    )
