"""The road: the one file that knows the order of the steps, saves what each gave, and goes on after a crash.

    propose -> authorise -> compute -> guard -> release -> record -> settle

Every step writes its result and its evidence in one transaction; a study that was cut off anywhere is run again and
finds what is done. Whatever leaves the road early does so through `_end`: denied, needs or failed, with a reason.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from huizhen.kit.clock import Clock, day_of, stamp
from huizhen.kit.errors import HuizhenError, Refused, to_wire
from huizhen.kit.keys import SigningKey
from huizhen.kit.text import Text
from huizhen.model.assessment import Assessment, Opinion
from huizhen.model.census import Census
from huizhen.model.evidence import Evidence
from huizhen.model.grant import Grant
from huizhen.model.left_out import LeftOut, silent
from huizhen.model.release import Release
from huizhen.model.settlement import Settlement
from huizhen.model.study import Request, Study
from huizhen.model.tally import Tally
from huizhen.path import clauses, compute, delivery, departing, keeping, record
from huizhen.path.assess import assess
from huizhen.path.authorise import authorise, columns_read, plan, why_not_allowed
from huizhen.path.committing import CommittingNoise
from huizhen.path.company import Company
from huizhen.path.facts import asked, cards_of, check_budget_left, check_not_overtaken, gather, schema_of
from huizhen.path.guard import guard_census, guard_result, why_not_released
from huizhen.path.legal import check_counted
from huizhen.path.link import Link, Unfit
from huizhen.path.models import filled
from huizhen.path.outcome import UNFINISHED
from huizhen.path.papers import TOLD, to_tell
from huizhen.path.patience import Patience
from huizhen.path.ports import Federation, Record, Store
from huizhen.path.propose import propose
from huizhen.path.review import reviewed
from huizhen.path.settle import settle_study
from huizhen.path.witness import witness
from huizhen.privacy.noise import Noise

Progress = Callable[[str, Text], None]
"""Called at every step with its name and what is going on."""


@dataclass
class Road:
    """The main road of one hub. `noise` draws differentially private noise; `origin` names the ledger."""

    store: Store
    federation: Federation
    key: SigningKey
    origin: str
    clock: Clock
    noise: Noise
    progress: Progress = field(default=lambda _step, _text: None)
    one_at_a_time: AbstractContextManager[Any] = field(default_factory=nullcontext)
    """Held while the ledger is co-signed, where several roads of one hub run in threads."""

    # -- what can be asked without running

    def check(self, request: Request) -> Grant:
        """The grant that this request would get, with its reasons. Reads no row and spends nothing."""
        request = filled(self.store, request)
        study = propose(request, len(self.store.of_request(request)), stamp(self.clock()))
        return self._authorise(study, self._link())

    def assess(self, request: Request, opinion: Opinion | None = None) -> Assessment:
        """What this request would mean for the persons in it (see `path.assess`). Reads no row and spends nothing."""
        request = filled(self.store, request)
        facts, _, method, _ = gather(self.store, request, self._link(), self.clock())
        return assess(facts, cards_of(self.store, request), method, self.origin, stamp(self.clock()), opinion)

    def run(self, request: Request) -> str:
        """Run the request from start to end; answers the study's id."""
        study = self.begin(request)
        self.drive(study)
        return study.id

    def begin(self, request: Request) -> Study:
        """The study of this request: recorded, and not driven yet.

        A study of the same request that was cut off, or whose answer has not been confirmed by `delivered`, is taken
        up instead of a new one: whoever asks again after a crash is neither charged nor counted twice.
        """
        request = filled(self.store, request)
        before = self.store.of_request(request)
        study = before[-1][0] if before else None
        if study is None or "delivered" in self.store.journal(study.id):
            study = propose(request, len(before), stamp(self.clock()))
            self._facts_can_be_had(study)
            with self.store.record() as r:
                r.keep_time(day_of(self.clock(), self.store.settings().jurisdiction))
                r.add_study(study)
                record.proposed(r, study)
            self.progress("propose", Text(f"study {study.id}", f"研究 {study.id}"))
        else:
            self.progress("propose", Text(f"going on with {study.id}", f"继续研究 {study.id}"))
        return study

    def delivered(self, study: str) -> None:
        """The asker has the answer: the same request, asked again, is a new study."""
        if "delivered" not in self.store.journal(study):
            with self.store.record() as r:
                r.journal(study, "delivered", True)

    def _facts_can_be_had(self, study: Study) -> None:
        """What is wrong with a request in itself is said before anything is recorded."""
        schema = schema_of(self.store, study.request)
        columns_read(study.request, schema, plan(study.request, schema))

    # -- the order of the steps

    def drive(self, study: Study) -> None:
        """Take a study to its end, from wherever it stands."""
        link, spent, started = self._link(study), Counter[str](), time.perf_counter()
        self.catch_up()
        try:
            if self.store.status(study.id) in UNFINISHED:
                self._steps(study, link, spent)
        except HuizhenError as problem:
            status = "denied" if isinstance(problem, Refused) else "failed"
            self._end(study, link, status, problem)
        self._note_effort(study, link, spent + Counter({"": time.perf_counter() - started}))
        self._witness(link)

    def _steps(self, study: Study, link: Link, spent: Counter[str]) -> None:
        done = self.store.journal(study.id)
        with _timed(spent, "authorise"):
            grant = Grant.read(done["grant"]) if "grant" in done else self._grant(study, link)
        if grant.verdict != "allow":
            self._end(study, link, "denied" if grant.verdict == "deny" else "needs", why_not_allowed(grant))
            return
        assert grant.limits is not None
        if "release" not in done:
            with _timed(spent, "compute"):
                self._compute_and_guard(study, grant, link, done)
            done = self.store.journal(study.id)
        release = Release.read(done["release"])
        tallies = tuple(Tally.read(t) for t in done["tallies"])
        if release.status == "denied":
            self._end(study, link, "denied", why_not_released(release.guard))
            return
        if self.store.status(study.id) == "awaiting" and not self._let_go(study, grant, done, link):
            return
        settlement = (
            Settlement.read(done["settlement"]) if "settlement" in done else self._settle(study, release, tallies)
        )
        self._close(study, link, "released", settlement)

    # -- authorise

    def _authorise(self, study: Study, link: Link) -> Grant:
        facts, schema, method, participants = gather(self.store, study.request, link, self.clock())
        until, effect = (
            stamp(study.deadline()),
            clauses.shares_at(self.store, study.request.dataset, self.clock()).effect,
        )
        return authorise(study, facts, schema, method, participants, stamp(self.clock()), until, effect)

    def _grant(self, study: Study, link: Link) -> Grant:
        grant = self._patience(study, "authorise").insist(lambda: self._authorise(study, link))
        with self.store.record() as r:
            r.journal(study.id, "grant", grant.as_json())
            absent = self._absent(study, grant)
            r.journal(study.id, "left_out", [each.as_json() for each in absent])
            for each in absent:
                record.left_out(r, study, each)
            if grant.limits is not None and grant.limits.epsilon is not None:
                check_budget_left(self.store, study.request)
                r.reserve(study, grant.limits.epsilon)
            record.authorised(r, study, grant, clauses.bind(r, study, grant))
            departing.note(r, self.store, study, grant, (self.origin, self.key, self.clock))
        self.progress("authorise", Text(f"verdict: {grant.verdict}", f"结论：{grant.verdict}"))
        return grant

    def _absent(self, study: Study, grant: Grant) -> list[LeftOut]:
        """Hospitals that were asked, and not there when it was granted: with a quorum, they are not waited for."""
        if grant.limits is None:
            return []
        return silent(sorted(set(self._asked(study)) - {p.name for p in grant.limits.participants}), "node-absent")

    def _asked(self, study: Study) -> list[str]:
        return [c.holder for c in self.store.cards(study.request.dataset) if asked(study.request, c.holder)]

    # -- compute and guard

    def _compute_and_guard(self, study: Study, grant: Grant, link: Link, done: dict[str, Any]) -> None:
        limits = grant.limits
        assert limits is not None
        method = plan(study.request, limits.dataset_schema)
        earlier = tuple(done["earlier"]) if "earlier" in done else self.store.earlier(study)
        insist = self._patience(study, "compute").insist
        company = Company(self.store, study, grant, earlier, link, insist, lambda text: self.progress("compute", text))
        while True:
            try:
                insist(company.open)
                census, standing = company.census(method)
                check_counted(self.store, study, grant, method, census.people, self.clock())
                checks = guard_census(census, limits)
                if any(c.outcome == "refused" for c in checks):
                    release = Release(
                        study=study.digest(), grant=grant.digest(), status="denied", result=None, guard=checks
                    )
                    self._keep_release(study, grant, release, standing, ())
                    return
                if method.privacy is not None:
                    method.check_people(census.people)
                    with self.store.record() as r:  # noise is in the very first sum: from here on it is spent
                        r.commit_budget(study.id)
                computed = company.rounds(method, standing)
                break
            except Unfit as unfit:
                company.leave_out(method, unfit)
        tallies = insist(lambda: compute.tally(study, limits, method, computed.standing, link), company.open)
        last = Census(**{**vars(census), **computed.counts})
        result = delivery.with_rows(computed.result, tallies) if method.delivers else computed.result
        guarded = guard_result(result, last, limits, CommittingNoise(self.noise, self.store, study.id))
        values = guarded.values
        if values is not None and limits.epsilon is None:
            values = {**values, "n_missing": computed.counts["missing"]}
        release = Release(
            study=study.digest(),
            grant=grant.digest(),
            status=guarded.status,
            result=values,
            guard=guarded.checks,
            epsilon_spent=guarded.epsilon_spent,
            own={t.node: t.own for t in tallies if t.own} or None if guarded.status == "released" else None,
        )
        self._keep_release(study, grant, release, computed.standing, tallies)

    def _keep_release(
        self, study: Study, grant: Grant, release: Release, last: compute.Standing, tallies: tuple[Tally, ...]
    ) -> None:
        """The guarded result becomes part of the record; what it was computed from is forgotten in the same breath.
        Where the contract has it wait for the asker, it is released later, and not shown before."""
        with self.store.record() as r:
            if last.number:
                record.summed(r, study, last.number, len(last.company))
            r.journal(study.id, "rounds", last.number)
            r.journal(study.id, "release", release.as_json())
            r.journal(study.id, "tallies", [t.as_json() for t in tallies])
            r.forget(study.id, ["standing", "counted"])
            record.guarded(r, study, release, tallies)
            if release.status == "released":
                check_not_overtaken(self.store, study)
                keeping.check_not_stopped(self.store, study)
                keeping.check_not_listed(self.store, study, self.clock())
                if keeping.waits(study, grant):
                    r.journal(study.id, "guarded_utc", r.at_utc)
                    r.status(study.id, "awaiting")
                else:
                    self._release(r, study)
        self.progress("guard", Text(f"guarded: {release.status}", f"出口检查：{release.status}"))

    def _release(self, r: Record, study: Study) -> None:
        r.journal(study.id, "released_utc", r.at_utc)
        r.status(study.id, "settling")
        record.released(r, study)

    def _let_go(self, study: Study, grant: Grant, done: dict[str, Any], link: Link) -> bool:
        """Release what was kept back, if all that it waits for has come; else say what it still waits for. Rows that
        belong to it are fetched before."""
        kept_back = keeping.why_kept_back(self.store, study, grant, done, self.clock())
        if kept_back is None:
            kept_back = delivery.fetch(self.store, study, done, link)
        with self.store.record() as r:
            if kept_back is None:
                r.forget(study.id, ["problem"])
                self._release(r, study)
            else:
                r.journal(study.id, "problem", to_wire(kept_back))
        self.progress("release", Text("released", "已发布") if kept_back is None else kept_back.what)
        return kept_back is None

    def go_on(self) -> None:
        """Drive on every study whose result is kept back, after a payment or a commitment."""
        for study in self.store.awaiting():
            self.drive(study)

    # -- settle, and every other end

    def _settle(self, study: Study, release: Release, tallies: tuple[Tally, ...]) -> Settlement:
        done = self.store.journal(study.id)
        shares = clauses.shares_for(
            self.store, study, Grant.read(done["grant"]), done.get("released_utc") or stamp(self.clock())
        )
        settlement = settle_study(study, release, tallies, shares)
        with self.store.record() as r:
            r.journal(study.id, "settlement", settlement.as_json())
            hold = clauses.give_back(r, done, study)
            r.post(settlement)
            record.settled(r, study, settlement, hold)
            record.used(r, study, tallies, settlement)
        self.progress("settle", Text("settled", "已结算"))
        return settlement

    def _close(self, study: Study, link: Link, status: str, settlement: Settlement | None) -> None:
        """Tell every node how it ended, then say so here; a crash in between tells them again, and changes nothing."""
        body = {
            "study": study.id,
            "status": status,
            "settlement": None if settlement is None else settlement.as_json(),
        } | reviewed(self.store, study)
        untold = self._tell(link, self._asked(study), body)
        with self.store.record() as r:
            r.status(study.id, status)
            if untold:
                r.journal(study.id, "untold", {"nodes": untold, "body": body})

    def _tell(self, link: Link, names: Sequence[str], body: dict[str, Any]) -> list[str]:
        """The nodes that did not hear it."""
        leaves = self.store.entries_of(body["study"])
        refs = [ref for _, leaf in leaves for ref in Evidence.model_validate_json(leaf).refs.values()]
        documents = self.store.documents_of(refs)
        bodies = {name: {**body, "ledger": record.told(leaves, documents, name)} for name in names}
        return sorted(set(names) - set(link.ask("closed", bodies).answers))

    def catch_up(self) -> None:
        """Tell nodes that were not there when a study ended how it ended: their patients' shares wait for it."""
        delivery.expire(self.store, self.clock)
        link = self._link()
        for study, notice in self.store.untold().items():
            left = self._tell(link, notice["nodes"], notice["body"])
            with self.store.record() as r:
                if left:
                    r.journal(study, "untold", {**notice, "nodes": left})
                else:
                    r.forget(study, ["untold"])

    def _end(self, study: Study, link: Link, status: str, problem: HuizhenError) -> None:
        """Denied, needs or failed. What was only reserved of the budget is given back."""
        with self.store.record() as r:
            r.journal(study.id, "problem", to_wire(problem))
            r.forget(study.id, ["standing", "counted"])
            r.release_budget(study.id)
            r.drop_pieces(study.id)
            done = self.store.journal(study.id)
            record.ended(r, study, status, problem.code, clauses.give_back(r, done, study))
            record.used(r, study, [Tally.read(t) for t in done.get("tallies", ())], None)
        self.progress("end", problem.what)
        self._close(study, link, status, None)

    # -- around the road

    def _link(self, study: Study | None = None) -> Link:
        until = None if study is None else study.deadline()
        return Link(self.federation, self.key.sign, self.store.node_keys(), self.clock, until)

    def _patience(self, study: Study, step: str) -> Patience:
        go_on = partial(keeping.check_not_stopped, self.store, study)
        return Patience(self.federation, self.clock, study.deadline(), lambda text: self.progress(step, text), go_on)

    def _note_effort(self, study: Study, link: Link, spent: Counter[str]) -> None:
        """`spent`: seconds by step, and under the empty name those from start to end; added over every time it ran."""
        before = self.store.journal(study.id).get("effort", {"seconds": {}, "bytes_up": 0, "bytes_down": 0})
        effort = {
            "seconds": dict(spent + Counter(before["seconds"])),
            "bytes_up": before["bytes_up"] + link.bytes_up,
            "bytes_down": before["bytes_down"] + link.bytes_down,
        }
        with self.store.record() as r:
            r.journal(study.id, "effort", effort)

    def _witness(self, link: Link) -> None:
        with self.one_at_a_time:
            tree = self.store.tree()
            note, nodes = witness(self.origin, tree, self.store.witnessed_sizes(), self.key, link)
            with self.store.record() as r:
                r.put_checkpoint(len(tree), note)
                for node in nodes:
                    r.witnessed(node, len(tree))

    def witness(self) -> None:
        """Sign how the ledger stands and have it co-signed; tell every node of the blacklist."""
        link = self._link()
        told = to_tell(self.store.papers.of(*TOLD), day_of(self.clock(), self.store.settings().jurisdiction))
        if told:
            link.ask("papers", {node: {"papers": told} for node in link.keys})
        self._witness(link)


@contextmanager
def _timed(spent: Counter[str], step: str) -> Iterator[None]:
    started = time.perf_counter()
    try:
        yield
    finally:
        spent[step] += time.perf_counter() - started  # type: ignore[assignment]
