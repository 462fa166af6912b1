"""The node's agent: one handler per message the hub may send. It believes nothing and keeps what it decides."""

from __future__ import annotations

import hashlib
import hmac
import os
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

from huizhen.adapters.engine import Engine
from huizhen.adapters.extracted import Extracts
from huizhen.adapters.node_book import NodeBook, is_disk_full
from huizhen.adapters.tables import Tables
from huizhen.kit.clock import Clock, stamp, utc_now
from huizhen.kit.errors import HuizhenError, Lost, Refused, Unable
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text
from huizhen.ledger import checkpoint as checkpoints
from huizhen.ledger.checkpoint import Checkpoint
from huizhen.ledger.note import VerifierKey
from huizhen.model.grant import Grant
from huizhen.model.paper import Paper
from huizhen.model.policy import Policy
from huizhen.model.study import Study
from huizhen.node import ending, extracts, papers
from huizhen.node.approvals import check_approved
from huizhen.node.check import Known, check_grant, check_time, midnight
from huizhen.node.instruments import seen_in
from huizhen.node.law import use_of
from huizhen.node.log import NodeLog, study_of
from huizhen.node.policy import read_policy
from huizhen.node.rounds import Rounds
from huizhen.node.runner import Runner, Sitting, check_earlier
from huizhen.path import message
from huizhen.path.legal import new_year
from huizhen.path.link import HUB


class Agent:
    """One node, on its folder: node.sqlite, node.duckdb, identity.key, pseudonym.key, policy.yaml."""

    def __init__(self, folder: Path, clock: Clock = utc_now, engine: Engine | None = None) -> None:
        """`engine`: a DuckDB to share with other nodes in this process."""
        self.folder = folder
        self.name = folder.name
        self.clock = clock
        self.key = SigningKey((folder / "identity.key").read_bytes())
        secret = (folder / "pseudonym.key").read_bytes()
        self.book = NodeBook(folder / "node.sqlite", secret)
        self.log = NodeLog(self.book, self.key.sign, hmac.digest(secret, b"huizhen/node-log", "sha256"))
        self.runner = Runner(self.book, Tables(folder, self.book.indices, engine), clock)
        self._sittings: dict[str, Sitting] = {}
        self.extracts = Extracts(folder)
        make = partial(extracts.prepare, self)
        self._rounds = Rounds(self.name, self.key, self.book, self.runner, self.log, self._sitting, make)
        self._heard: dict[str, datetime] = {}
        self._lock = Lock()
        self._handlers: dict[str, Callable[[dict[str, Any]], Any]] = {
            "hello": self._hello,
            "open": self._open,
            **self._rounds.handlers(),
            "tally": self._tally,
            "deliver": self._deliver,
            "closed": self._closed,
            "papers": self._papers,
            "cosign": self._cosign,
        }

    def close(self) -> None:
        self.runner.tables.close()
        with suppress(Exception):
            self.log.write()
        self.book.close()

    def hub(self) -> papers.Hub:
        return papers.Hub(VerifierKey.parse(self.book.get("hub_vkey") or "").name, self.book.get("hub_key") or "")

    def policy(self) -> Policy:
        """The hospital's policy as it stands in policy.yaml now; the defaults where there is no such file."""
        return read_policy(self.folder)

    def handle(self, data: bytes) -> bytes:
        """One sealed message in, one sealed answer out. Whatever goes wrong is an answer, too, and names no person."""
        with self._lock:
            self._rounds.left, heard, asked = "", None, hashlib.sha256(data).hexdigest()
            try:
                heard = message.unseal(data, self.name, HUB, bytes.fromhex(self.book.get("hub_key") or ""))
                self._check_fresh(heard)
                body = message.answer(self._handlers[heard.kind](heard.body))
                self._log(heard, asked)
            except Exception as problem:
                body = message.error(self._problem(heard, asked, problem))
            question, kind = ("", "error") if heard is None else (heard.id, heard.kind)
            said = message.Envelope(self.name, HUB, kind, body, stamp(self.clock()), question)
            return message.seal(said, self.key.sign)

    def _log(self, heard: message.Envelope | None, asked: str, code: str = "") -> None:
        kind, body = ("unreadable", {}) if heard is None else (heard.kind, heard.body)
        self.log.note(stamp(self.clock()), kind, study_of(body), asked, code, self._rounds.left)

    def _problem(self, heard: message.Envelope | None, asked: str, problem: Exception) -> HuizhenError:
        """What the hub is told; the log has it, too, unless it is the log that cannot be written."""
        told = problem if isinstance(problem, HuizhenError) else self._fault(problem)
        try:
            self._log(heard, asked, told.code)
        except Exception as fault:
            told = self._fault(fault)
        return told

    def _check_fresh(self, heard: message.Envelope) -> None:
        """A message is answered once, and soon. Those of before a restart are too late, or find their round gone."""
        now = self.clock()
        message.check_timely(heard, now)
        if heard.id in self._heard:
            raise Refused(
                "replayed",
                Text("This message was answered before.", "该消息此前已被应答。"),
                Text("Check the transport: it delivers messages twice.", "请检查传输通道：消息被重复投递。"),
            )
        self._heard[heard.id] = now
        while now - self._heard[oldest := next(iter(self._heard))] > 3 * message.TIMELY:
            del self._heard[oldest]

    def _fault(self, fault: Exception) -> HuizhenError:
        """A full disk, or a defect of ours: where it happened goes to node.log, without the message, which could quote
        a value."""
        if is_disk_full(fault):
            return Lost(
                "disk-full",
                Text(f"The disk of node {self.name} is full.", f"节点 {self.name} 的磁盘已满。"),
                Text("Make room there, then run the study again.", "请在该节点清理磁盘空间，然后再次运行研究。"),
            )
        with suppress(OSError), (self.folder / "node.log").open("a", encoding="utf-8") as log:
            log.write(f"{stamp(self.clock())} {type(fault).__name__}\n")
            log.writelines(f"  {f.filename}:{f.lineno} {f.name}\n" for f in traceback.extract_tb(fault.__traceback__))
        return Unable(
            "node-fault",
            Text(
                f"A defect at node {self.name} ({type(fault).__name__}).",
                f"节点 {self.name} 出现缺陷（{type(fault).__name__}）。",
            ),
            Text(
                f"Send the end of node.log at {self.name} to the developers.",
                f"请将 {self.name} 的 node.log 末尾发给开发者。",
            ),
        )

    # -- before a study

    def keep_papers(self, found: list[dict[str, Any]]) -> list[Paper]:
        """Keep what is on the blacklist; answers what was new here."""
        return papers.keep(self.book, map(Paper.read, found), self.hub(), self.policy())

    def _papers(self, body: dict[str, Any]) -> int:
        return len(self.keep_papers(body["papers"]))

    def _hello(self, body: dict[str, Any]) -> dict[str, Any]:
        """What the ledger has of data deleted here is taken up, too: this node may come from a backup."""
        self.book.tombstones.hear(body.get("deleted", ()), stamp(self.clock()))
        if body.get("jurisdiction") and body["jurisdiction"] != self.book.get("jurisdiction"):
            self.book.put("jurisdiction", body["jurisdiction"])
        self.keep_papers(body.get("papers", []))
        return {"policy": self.policy().as_json(), "epoch": self.book.consents.epoch}

    def _open(self, body: dict[str, Any]) -> str:
        study, grant = Study.read(body["study"]), Grant.read(body["grant"])
        try:
            return self._open_study(study, grant, body["earlier"])
        except Refused as problem:
            self.book.uses.keep_refused(study, problem.code, stamp(self.clock()))
            raise

    def _open_study(self, study: Study, grant: Grant, earlier: Sequence[str]) -> str:
        request = study.request
        papers.check_not_stopped(self.book, study.id)
        known = Known(
            name=self.name,
            key=self.key.public.hex(),
            now=self.clock(),
            card=self.book.card(request.dataset),
            policy=self.policy(),
            epoch=self.book.consents.epoch,
            epsilon_spent=self.book.epsilon_spent(request.asker, request.dataset, study.id),
            today=self.book.opened_since(request.asker, stamp(midnight(self.clock())), study.id),
            given_this_year=self.book.people_given(request.asker, stamp(new_year(self.clock())), study.id),
            peers=self.book.under("peer:"),
            origin=self.hub().region,
            signers=self.book.under("signer:"),
            filed=self.book.under("filed:"),
            hub=self.hub().key,
            papers=papers.kept(self.book),
        )
        method = check_grant(study, grant, known)
        check_approved(self.book, study, known.policy)
        check_earlier(self.book, study, earlier)
        assert grant.limits is not None
        before = self.book.study(study.id)
        if before is not None and before["grant_digest"] != grant.digest():
            what = Text("This study was opened here under another grant.", "该研究曾以另一授权在此打开。")
            raise Refused("another-grant", what, Text("Submit the study again.", "请重新提交该研究。"))
        self.book.put_all({f"peer:{p.name}": p.key for p in grant.limits.participants} | dict(seen_in(grant)))
        papers.seen(self.book, study.id, grant, self.hub(), known.policy)
        use = use_of(study, grant, method, known)
        self.book.open_study(
            {
                "id": study.id,
                "asker": request.asker,
                "dataset": request.dataset,
                "purpose": request.purpose,
                "title": request.title,
                "method": request.method,
                "grant": grant.digest(),
                "opened_utc": stamp(self.clock()),
                "epsilon": grant.limits.epsilon,
                "salt": os.urandom(16),
                "use": use.model_dump_json(),
                "request": study.canonical().decode(),
            }
        )
        sitting = Sitting(study, grant.digest(), grant.limits, method, tuple(earlier), use)
        self._sittings[study.id] = sitting.after(self._sittings.get(study.id))
        return grant.digest()

    def _sitting(self, study: str) -> Sitting:
        if study not in self._sittings:
            raise Refused(
                "not-open",
                Text("This study is not open at this node.", "该研究未在本节点打开。"),
                Text("Run the study again: it is opened anew.", "请重新运行该研究。"),
            )
        sitting = self._sittings[study]
        papers.check_not_stopped(self.book, study)
        check_time(sitting.limits, self.clock())
        return sitting

    # -- after the rounds

    def _tally(self, body: dict[str, Any]) -> dict[str, Any]:
        return ending.tally(self, self._sitting(body["study"]), body.get("state")).as_json()

    def _deliver(self, body: dict[str, Any]) -> dict[str, Any]:
        papers.check_not_stopped(self.book, str(body.get("study")))
        said = extracts.deliver(self, body)
        self._rounds.left = hashlib.sha256(said.get("sealed", b"")).hexdigest() if "sealed" in said else ""
        return said

    def _closed(self, body: dict[str, Any]) -> str:
        """How a study ended."""
        ending.closed(self, body)
        self._sittings.pop(body["study"], None)
        self._rounds.forget(body["study"])
        if not self._sittings:
            self.runner.tables.own.close()  # so that another program of this node may take in a dataset
        ending.check_settled(self, body)
        row = self.book.study(body["study"])
        if row is not None and body["status"] == "released":
            told = body.get("papers", [])
            papers.check_closed(self.book, body["study"], row["asker"], told, self.hub(), self.policy())
        return self.name

    def _cosign(self, body: dict[str, Any]) -> str:
        """Co-sign the hub's checkpoint, if it continues the ledger this node has seen; kept before it is signed."""
        hub = VerifierKey.parse(self.book.get("hub_vkey") or "")
        signed = checkpoints.open_signed(body["note"].encode(), hub)
        seen = self.book.get("checkpoint")
        old = None if seen is None else Checkpoint.parse(seen.partition("\n\n")[0] + "\n")
        checkpoints.check_before_cosign(old, signed.checkpoint, [bytes(p) for p in body["proof"]])
        self.book.put("checkpoint", body["note"])
        return checkpoints.cosign(signed, self.name, self.key.private, int(self.clock().timestamp()))
