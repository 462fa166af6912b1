"""The register of parties and acts on file, in the hub's database; each change is on the ledger with its document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import Engine, delete, insert, inspect, or_, select

from huizhen.adapters import database as db
from huizhen.model.assessment import Assessment
from huizhen.model.party import Act, Party

if TYPE_CHECKING:
    from huizhen.adapters.hub_store import SqlRecord

TRUSTEE = "hub"


class Register:
    """Reads what is registered. A database from before there was a register has an empty one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._there = False

    def _is_there(self) -> bool:
        self._there = self._there or inspect(self._engine).has_table("act")
        return self._there

    def parties(self) -> tuple[Party, ...]:
        """All of them, in order of name."""
        if not self._is_there():
            return ()
        with self._engine.connect() as c:
            rows = c.execute(select(db.party.c.body).order_by(db.party.c.name)).all()
        return tuple(Party.read(json.loads(r[0])) for r in rows)

    def acts(self, party: str | None = None, dataset: str | None = None) -> tuple[Act, ...]:
        """Those for this party and dataset (None: of any), in the order in which they were recorded."""
        if not self._is_there():
            return ()
        query = select(db.act.c.body).order_by(db.act.c.id)
        if party is not None:
            query = query.where(or_(db.act.c.party.is_(None), db.act.c.party == party))
        if dataset is not None:
            query = query.where(or_(db.act.c.dataset.is_(None), db.act.c.dataset == dataset))
        with self._engine.connect() as c:
            return tuple(Act.read(json.loads(r[0])) for r in c.execute(query).all())


def put_party(record: SqlRecord, party: Party, actor: str = TRUSTEE) -> None:
    """Register a party, or what is known of it now. `actor`: who says so, for the ledger."""
    record.connection.execute(delete(db.party).where(db.party.c.name == party.name))
    record.connection.execute(insert(db.party).values(name=party.name, body=json.dumps(party.as_json())))
    record.evidence("party-registered", actor, party.name, {"party": party.as_json()}, party_kind=party.kind)


def put_act(record: SqlRecord, act: Act, actor: str = TRUSTEE, assessment: Assessment | None = None) -> int:
    """File an act. None is ever taken off: a later one of its kind takes its place, and the ledger has both. With the
    assessment that it is about the entry bears its digest. Answers the number of the entry."""
    record.connection.execute(
        insert(db.act).values(party=act.party, dataset=act.dataset, body=json.dumps(act.as_json()))
    )
    subject = act.party or act.dataset or ""
    documents = {"act": act.as_json()}
    facts: dict[str, str] = {"act": act.kind, "outcome": act.outcome}
    if assessment is not None:
        documents["assessment"], facts["document"] = assessment.as_json(), assessment.digest()
    return record.evidence("act-filed", actor, subject, documents, **facts)
