"""The hub's memory on SQL: journal, ledger entries, documents, budget, postings; every change is one transaction."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, inspect, select, update

from huizhen.adapters import database as db
from huizhen.adapters import instruments, papers, pieces
from huizhen.adapters.incidents import Incidents
from huizhen.adapters.instruments import Instruments
from huizhen.adapters.log_table import LogTable, append, last_moment
from huizhen.adapters.papers import Papers
from huizhen.adapters.register import Register
from huizhen.kit import wire
from huizhen.kit.canonical import canonical, salted
from huizhen.kit.clock import Clock, stamp
from huizhen.kit.errors import Conflict, NotFound
from huizhen.kit.text import Text
from huizhen.ledger.story import StoredDocument
from huizhen.ledger.tiles import TileTree
from huizhen.market.postings import Posting, hold_postings, payment_postings, postings
from huizhen.model.dataset import Dataset
from huizhen.model.evidence import Evidence
from huizhen.model.paper import Paper
from huizhen.model.settings import RegionSettings
from huizhen.model.settlement import Hold, Payment, Settlement
from huizhen.model.statement import Statement
from huizhen.model.study import Request, Study
from huizhen.privacy.budget import HOLDS, Event, move

RELEASED = ("awaiting", "settling", "released")
"""What the asker has, or may have as soon as it has paid: differencing is checked against all of it."""


class SqlRecord:
    """One transaction; see `path.ports.Record`."""

    def __init__(self, connection: Connection, at_utc: str) -> None:
        self._c = self.connection = connection
        self.at_utc = at_utc

    def evidence(self, kind: str, actor: str, subject: str, documents: Mapping[str, Any], **facts: str | int) -> int:
        refs = {}
        for name, document in documents.items():
            salt, body = os.urandom(16), canonical(document)
            refs[name] = salted(salt, body)
            self._c.execute(insert(db.document).values(ref=refs[name], salt=salt, body=body))
        entry = Evidence(at_utc=self.at_utc, kind=kind, actor=actor, subject=subject, refs=refs, facts=facts)
        return append(self._c, [(subject, entry.canonical())])

    def journal(self, study: str, step: str, value: Any) -> None:
        self.forget(study, [step])
        self._c.execute(insert(db.journal).values(study=study, step=step, value=wire.encode(value)))

    def forget(self, study: str, steps: Sequence[str]) -> None:
        self._c.execute(delete(db.journal).where(db.journal.c.study == study, db.journal.c.step.in_(steps)))

    def status(self, study: str, status: str) -> None:
        self._c.execute(update(db.study).where(db.study.c.id == study).values(status=status))

    def add_study(self, study: Study) -> None:
        request = study.request
        self._c.execute(
            insert(db.study).values(
                id=study.id,
                request=request.digest(),
                asker=request.asker,
                dataset=request.dataset,
                status="running",
                body=json.dumps(study.as_json()),
            )
        )

    def add_node(self, name: str, key: str) -> None:
        if self._c.execute(select(db.node).where(db.node.c.name == name)).first():
            raise Conflict(
                "node-exists",
                Text(f"There is a node '{name}' already.", f"已有名为“{name}”的节点。"),
                Text("Choose another name.", "请换一个名称。"),
            )
        self._c.execute(insert(db.node).values(name=name, key=key, enrolled_utc=self.at_utc, witnessed=0))

    def put_card(self, card: Dataset) -> None:
        self._c.execute(delete(db.card).where(db.card.c.dataset == card.name, db.card.c.holder == card.holder))
        self._c.execute(insert(db.card).values(dataset=card.name, holder=card.holder, body=json.dumps(card.as_json())))

    def last_said(self, node: str) -> tuple[int, str]:
        """(number, digest) of the last statement of a node; (-1, '') before the first."""
        row = self._c.execute(select(db.meta.c.value).where(db.meta.c.key == f"said:{node}")).first()
        if row is None:
            return -1, ""
        number, _, digest = row[0].partition(" ")
        return int(number), digest

    def put_said(self, said: Statement) -> None:
        self.put_meta(f"said:{said.node}", f"{said.number} {said.digest()}")

    def put_meta(self, key: str, value: str) -> None:
        self._c.execute(delete(db.meta).where(db.meta.c.key == key))
        self._c.execute(insert(db.meta).values(key=key, value=value))

    def put_checkpoint(self, size: int, note: str) -> None:
        self._c.execute(delete(db.checkpoint).where(db.checkpoint.c.size == size))
        self._c.execute(insert(db.checkpoint).values(size=size, note=note))

    def witnessed(self, node: str, size: int) -> None:
        self._c.execute(update(db.node).where(db.node.c.name == node).values(witnessed=size))

    # -- budget

    def reserve(self, study: Study, epsilon: float) -> None:
        state = self._budget_state(study.id)
        self._c.execute(delete(db.budget).where(db.budget.c.study == study.id))
        self._c.execute(
            insert(db.budget).values(
                study=study.id,
                asker=study.request.asker,
                dataset=study.request.dataset,
                epsilon=epsilon,
                state=move(state, "reserve"),
            )
        )

    def _budget_state(self, study: str) -> Any:
        row = self._c.execute(select(db.budget.c.state).where(db.budget.c.study == study)).first()
        return None if row is None else row[0]

    def _move_budget(self, study: str, event: Event) -> None:
        after = move(self._budget_state(study), event)
        self._c.execute(update(db.budget).where(db.budget.c.study == study).values(state=after))

    def commit_budget(self, study: str) -> None:
        self._move_budget(study, "commit")

    def release_budget(self, study: str) -> None:
        """Give back what was only reserved; what was committed stays spent, and without a reservation nothing is."""
        if self._budget_state(study) not in {None, "committed"}:
            self._move_budget(study, "release")

    # -- money

    def post(self, settlement: Settlement) -> None:
        aside = ("held", "returned")
        self._c.execute(
            delete(db.posting).where(db.posting.c.study == settlement.study, db.posting.c.memo.not_in(aside))
        )
        self._book(postings(settlement))

    def hold(self, hold: Hold) -> None:
        self._book(hold_postings(hold))

    def pay(self, payment: Payment) -> None:
        """Book money that came in. Raises Conflict where it has been booked."""
        if self._c.execute(select(db.posting.c.id).where(db.posting.c.study == payment.id)).first():
            raise Conflict(
                "payment-booked",
                Text("This payment has been booked already.", "该笔付款已登记。"),
                Text("Give each payment the bank's own reference.", "请为每笔付款填写银行的流水号。"),
            )
        self._book(payment_postings(payment))
        self.evidence("payment-received", "hub", payment.party, {"payment": payment.as_json()})

    def _book(self, booked: Iterable[Posting]) -> None:
        for each in booked:
            self._c.execute(insert(db.posting).values(**each.as_json(), at_utc=self.at_utc))

    # -- deeds and contracts

    def keep_time(self, day: str) -> None:
        if inspect(self._c).has_table("instrument"):
            instruments.keep_time(self, day)

    def suspend(self, contract: str, day: str) -> None:
        instruments.suspend(self, contract, day)

    def put_paper(self, paper: Paper) -> None:
        papers.put(self, paper)

    def put_piece(self, study: str, node: str, number: int, sealed: bytes) -> None:
        pieces.put(self._c, study, node, number, sealed)

    def drop_pieces(self, study: str) -> int:
        return pieces.drop(self._c, study)


class SqlStore:
    """See `path.ports.Store`; and what the hub's commands read."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self.register = Register(engine)
        self.log = LogTable(engine)
        self.instruments = Instruments(engine)
        self.papers = Papers(engine)
        self.incidents = Incidents(engine)

    @contextmanager
    def record(self) -> Iterator[SqlRecord]:
        with db.writing(self._engine) as connection:
            yield SqlRecord(connection, self._next_moment(connection))

    def _next_moment(self, connection: Connection) -> str:
        """Now, or the time of the last entry if the clock went back: the ledger's time never does."""
        return max(stamp(self._clock()), last_moment(connection))

    def _all(self, query: Any) -> Sequence[Any]:
        with self._engine.connect() as connection:
            return connection.execute(query).all()

    def meta(self, key: str) -> str | None:
        rows = self._all(select(db.meta.c.value).where(db.meta.c.key == key))
        return rows[0][0] if rows else None

    def deleted(self, node: str) -> list[str]:
        """The marks of the data that this node has said are deleted (`model.deletion.tombstone`), oldest first."""
        return list(json.loads(self.meta(f"deleted:{node}") or "[]"))

    def settings(self) -> RegionSettings:
        return RegionSettings.read(json.loads(self.meta("settings") or "{}"))

    # -- nodes and datasets

    def node_keys(self) -> dict[str, bytes]:
        query = select(db.node).where(db.node.c.revoked_utc.is_(None)).order_by(db.node.c.name)
        return {r.name: bytes.fromhex(r.key) for r in self._all(query)}

    def all_nodes(self) -> list[str]:
        """Names of the nodes, those that were revoked included: a name is not given twice."""
        return [str(r[0]) for r in self._all(select(db.node.c.name).order_by(db.node.c.name))]

    def witnessed_sizes(self) -> dict[str, int]:
        return {r.name: r.witnessed for r in self._all(select(db.node))}

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]:
        revoked = select(db.node.c.name).where(db.node.c.revoked_utc.is_not(None))
        query = select(db.card.c.body).where(db.card.c.holder.not_in(revoked))
        query = query.order_by(db.card.c.dataset, db.card.c.holder)
        if dataset is not None:
            query = query.where(db.card.c.dataset == dataset)
        return tuple(Dataset.read(json.loads(r[0])) for r in self._all(query))

    # -- studies

    def study(self, study: str) -> Study:
        rows = self._all(select(db.study.c.body).where(db.study.c.id == study))
        if not rows:
            raise NotFound(
                "unknown-study",
                Text(f"There is no study '{study}'.", f"没有研究“{study}”。"),
                Text("`huizhen study list` shows those there are.", "可用 `huizhen study list` 查看已有研究。"),
            )
        return Study.read(json.loads(rows[0][0]))

    def studies(self) -> list[tuple[Study, str]]:
        """All studies with their status, oldest first."""
        found = [(Study.read(json.loads(r.body)), str(r.status)) for r in self._all(select(db.study))]
        return sorted(found, key=lambda pair: pair[0].submitted_utc)

    def status(self, study: str) -> str:
        self.study(study)
        return str(self._all(select(db.study.c.status).where(db.study.c.id == study))[0][0])

    def of_request(self, request: Request) -> list[tuple[Study, str]]:
        """Studies of exactly this request, in the order in which they were submitted."""
        rows = self._all(select(db.study).where(db.study.c.request == request.digest()))
        return sorted(((Study.read(json.loads(r.body)), r.status) for r in rows), key=lambda pair: pair[0].number)

    def earlier(self, study: Study) -> tuple[str, ...]:
        rows = self._all(
            select(db.study.c.body).where(
                db.study.c.asker == study.request.asker,
                db.study.c.dataset == study.request.dataset,
                db.study.c.status.in_(RELEASED),
                db.study.c.id != study.id,
            )
        )
        before = sorted((Study.read(json.loads(r[0])) for r in rows), key=lambda s: s.submitted_utc)
        return tuple(s.id for s in before)

    def taken_by(self, askers: Sequence[str]) -> tuple[Study, ...]:
        """Studies of these that were not denied and did not fail."""
        lost = ("denied", "needs", "failed")
        query = select(db.study.c.body).where(db.study.c.asker.in_(list(askers)), db.study.c.status.not_in(lost))
        return tuple(Study.read(json.loads(r[0])) for r in self._all(query))

    def asked_by(self, asker: str) -> tuple[tuple[Study, str], ...]:
        rows = self._all(select(db.study.c.body, db.study.c.status).where(db.study.c.asker == asker))
        found = [(Study.read(json.loads(r.body)), str(r.status)) for r in rows]
        return tuple(sorted(found, key=lambda pair: pair[0].submitted_utc))

    def awaiting(self) -> tuple[Study, ...]:
        """Studies whose result is kept back, oldest first."""
        return tuple(study for study, status in self.studies() if status == "awaiting")

    def journal(self, study: str) -> dict[str, Any]:
        rows = self._all(select(db.journal).where(db.journal.c.study == study))
        return {r.step: wire.decode(r.value) for r in rows}

    def untold(self) -> dict[str, dict[str, Any]]:
        rows = self._all(select(db.journal).where(db.journal.c.step == "untold"))
        return {r.study: wire.decode(r.value) for r in rows}

    def people_counted(self) -> dict[str, int]:
        """Study -> people in its census, of the studies that came so far."""
        rows = self._all(select(db.journal).where(db.journal.c.step == "census"))
        return {r.study: int(wire.decode(r.value)["people"]) for r in rows}

    def budget_history(self, asker: str, dataset: str) -> tuple[float, ...]:
        rows = self._all(
            select(db.budget.c.epsilon).where(
                db.budget.c.asker == asker,
                db.budget.c.dataset == dataset,
                db.budget.c.state.in_(sorted(HOLDS)),
            )
        )
        return tuple(float(r[0]) for r in rows)

    def budget_studies(self, asker: str, dataset: str) -> tuple[Study, ...]:
        rows = self._all(
            select(db.budget.c.study).where(
                db.budget.c.asker == asker,
                db.budget.c.dataset == dataset,
                db.budget.c.state.in_(sorted(HOLDS)),
            )
        )
        return tuple(self.study(r[0]) for r in rows)

    # -- ledger

    def size(self) -> int:
        return self.log.size()

    def leaves(self) -> list[bytes]:
        return [bytes(r[0]) for r in self._all(select(db.entry.c.leaf).order_by(db.entry.c.number))]

    def leaves_from(self, start: int, limit: int) -> list[tuple[int, bytes]]:
        """(number, leaf) of so many entries from that number on."""
        query = select(db.entry.c.number, db.entry.c.leaf).where(db.entry.c.number >= start)
        return [(int(r[0]), bytes(r[1])) for r in self._all(query.order_by(db.entry.c.number).limit(limit))]

    def leaf_hashes(self) -> list[bytes]:
        return [bytes(r[0]) for r in self._all(select(db.entry.c.hash).order_by(db.entry.c.number))]

    def tree(self) -> TileTree:
        return self.log.tree()

    def numbers(self, subject: str) -> list[int]:
        """The entries that speak of this subject."""
        rows = self._all(select(db.entry.c.number).where(db.entry.c.subject == subject).order_by(db.entry.c.number))
        return [int(r[0]) for r in rows]

    def entries_of(self, subject: str) -> list[tuple[int, bytes]]:
        """(number, leaf) of the entries that speak of this subject."""
        query = select(db.entry.c.number, db.entry.c.leaf).where(db.entry.c.subject == subject)
        return [(int(r[0]), bytes(r[1])) for r in self._all(query.order_by(db.entry.c.number))]

    def documents(self) -> dict[str, StoredDocument]:
        return {r.ref: StoredDocument(bytes(r.salt), bytes(r.body)) for r in self._all(select(db.document))}

    def documents_of(self, refs: Iterable[str]) -> dict[str, StoredDocument]:
        """Those that these salted hashes refer to."""
        rows = self._all(select(db.document).where(db.document.c.ref.in_(list(refs))))
        return {r.ref: StoredDocument(bytes(r.salt), bytes(r.body)) for r in rows}

    def checkpoints(self) -> list[str]:
        return [str(r[0]) for r in self._all(select(db.checkpoint.c.note).order_by(db.checkpoint.c.size))]

    def pieces(self, study: str) -> dict[str, set[int]]:
        return pieces.there(self._engine, study)

    def given_out(self) -> tuple[str, ...]:
        return pieces.studies(self._engine)

    def piece(self, study: str, node: str, number: int) -> bytes | None:
        return pieces.one(self._engine, study, node, number)

    # -- money

    def postings(self, study: str | None = None) -> list[tuple[Posting, str]]:
        """Postings with the time each was made, oldest first."""
        query = select(db.posting).order_by(db.posting.c.id)
        if study is not None:
            query = query.where(db.posting.c.study == study)
        return [
            (
                Posting(account=r.account, debit_fen=r.debit_fen, credit_fen=r.credit_fen, study=r.study, memo=r.memo),
                str(r.at_utc),
            )
            for r in self._all(query)
        ]

    def close(self) -> None:
        self._engine.dispose()
