"""The desk: what can be had from a hub and who may have it, for the commands on a region and for the API alike.

Nothing else decides. A value that leaves here is JSON-like, the same whichever way it goes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from huizhen.adapters.register import TRUSTEE, put_act, put_party
from huizhen.hub.assessments import AssessmentDesk
from huizhen.hub.caller import Caller
from huizhen.hub.hub import Hub
from huizhen.hub.incidents import IncidentDesk
from huizhen.hub.instruments import InstrumentDesk, unknown_purpose
from huizhen.hub.log import Log
from huizhen.hub.papers import PaperDesk
from huizhen.hub.watching import WatchDesk
from huizhen.kit.errors import BadInput, Conflict, NotFound, Refused, Tampered
from huizhen.kit.text import Text, did_you_mean
from huizhen.ledger.order import STUDY_ORDER, is_private
from huizhen.model.dataset import Dataset
from huizhen.model.grant import Reason
from huizhen.model.paper import BODIES
from huizhen.model.party import Act, Filing, Party
from huizhen.model.purpose import PURPOSES
from huizhen.model.statement import Statement
from huizhen.model.study import Request, Study
from huizhen.path.outcome import GIVEN

if TYPE_CHECKING:
    from huizhen.path.run import Progress, Road

MakeRoad = Callable[["Progress"], "Road"]
PAGE = 500
"""Ledger entries in one answer, at most."""


def silent(_step: str, _text: Text) -> None:
    """Progress that nobody watches."""


class Desk:
    """`road` gives the main road over the nodes there are, reporting progress to whom it is given."""

    def __init__(self, hub: Hub, road: MakeRoad) -> None:
        self.hub = hub
        self.road = road
        self.log = Log(hub)
        self.papers = PaperDesk(hub)
        self.watching = WatchDesk(hub, self.papers)
        self.instruments = InstrumentDesk(hub, self.papers)
        self.assessments = AssessmentDesk(hub, road)
        self.incidents = IncidentDesk(hub, self.prove)

    # -- asking

    def check(self, who: Caller, request: Request) -> dict[str, Any]:
        """The grant with its reasons, the price, and what it would take of the budget. Computes nothing."""
        from huizhen.path.facts import budget

        self._check_request(who, request)
        grant, spent = self.road(silent).check(request), budget(self.hub.store, request)
        cap = self.hub.store.settings().epsilon_cap
        return {
            "grant": grant.as_json(),
            "price_fen": request.price_fen,
            "epsilon": request.protection.epsilon,
            "budget": None if spent is None else {"before": spent.before, "after": spent.after, "cap": cap},
        }

    def begin(self, who: Caller, request: Request, progress: Progress = silent) -> Study:
        """The study of this request, recorded; one of it that is under way, or not yet delivered, is taken up."""
        self._check_request(who, request)
        return self.road(progress).begin(request)

    def drive(self, study: Study, progress: Progress = silent) -> None:
        """Take a study to its end, in this thread."""
        self.road(progress).drive(study)

    def delivered(self, who: Caller, study: str) -> None:
        """The asker has the answer: the same request, asked again, is a new study."""
        found = self._study(who, study)
        who.check_asks_as(found.request.asker)
        if self.outcome(who, study)["status"] in {"running", "awaiting"}:
            raise Conflict(
                "still-running",
                Text(f"Study {study} has not ended yet.", f"研究 {study} 尚未结束。"),
                Text("Wait until it has.", "请等待其结束。"),
            )
        self.hub.touch()
        self.road(silent).delivered(study)

    @staticmethod
    def _check_request(who: Caller, request: Request) -> None:
        """Raises for a name that is not the caller's, and for a purpose that there is not."""
        who.check_asks_as(request.asker)
        if request.purpose not in PURPOSES:
            raise unknown_purpose(request.purpose)

    # -- what a contract waits for

    def to_commit(self, who: Caller, study: str) -> dict[str, Any]:
        """What the asker has to sign before the result of this study is released; see `InstrumentDesk`."""
        return self.instruments.to_commit(self._study(who, study))

    def commit(self, who: Caller, study: str, signature: str) -> None:
        """Record the asker's signed commitment. The study goes on when it is next driven."""
        found = self._study(who, study)
        who.check_asks_as(found.request.asker)
        self.instruments.commit(found, signature)

    # -- studies

    def _study(self, who: Caller, study: str) -> Study:
        found = self.hub.store.study(study)
        who.check_sees(found)
        return found

    def outcome(self, who: Caller, study: str) -> dict[str, Any]:
        """Everything known of a study. Raises NotFound."""
        from huizhen.path.outcome import outcome

        store = self.hub.store
        found = self._study(who, study)
        status, journal = store.status(study), store.journal(study)
        return outcome(found, status, journal, self._evidence(store.numbers(study)))

    def piece(self, who: Caller, study: str, node: str, number: int) -> bytes:
        """A piece of a hospital's rows, sealed to the asker, of a study that is released. Raises NotFound."""
        store = self.hub.store
        self._study(who, study)
        sealed = store.piece(study, node, number) if store.status(study) in GIVEN else None
        if sealed is None:
            days = store.settings().rows_kept_days
            raise NotFound(
                "no-such-rows",
                Text("There are no such rows.", "没有这些数据行。"),
                Text(f"`huizhen study show {study}` says whether it gives out rows, and what it waits for; they are "
                     f"kept for {days} days after the release.",
                     f"`huizhen study show {study}` 会说明其是否提供数据行，以及在等待什么；"
                     f"数据行在发布后保留 {days} 天。"),
            )  # fmt: skip
        return sealed

    def _evidence(self, entries: list[int]) -> dict[str, Any]:
        standing = self.log.standing()
        waiting = sum(number >= standing.witnessed for number in entries) if standing.needed else 0
        note = self.log.proving(max(entries, default=0)).decode() if self.hub.store.log.checkpoint() else ""
        return {
            "entries": entries,
            "checkpoint": note,
            "witnesses": {"needed": standing.needed, "waiting": waiting},
        }

    def studies(self, who: Caller) -> list[dict[str, Any]]:
        """One line per study that the caller may see, oldest first."""
        return [
            {
                "study": s.id,
                "status": status,
                "asker": s.request.asker,
                "method": s.request.method,
                "title": s.request.title,
                "submitted_utc": s.submitted_utc,
            }
            for s, status in self.hub.store.studies()
            if who.sees(s)
        ]

    # -- catalogue

    def cards(self, dataset: str | None = None) -> tuple[Dataset, ...]:
        """The cards that hospitals have published."""
        return self.hub.store.cards(dataset)

    def nodes(self) -> list[str]:
        return sorted(self.hub.store.node_keys())

    # -- ledger

    def size(self) -> int:
        return self.hub.store.size()

    def entries(self, who: Caller, start: int = 0, limit: int = PAGE) -> list[dict[str, Any]]:
        """Entries as they are hashed, each with the documents it refers to that the caller may see.

        An entry names who asked, and no more: anyone may have it, since without all of them nobody could check any.
        """
        store = self.hub.store
        found: list[dict[str, Any]] = []
        for number, leaf in store.leaves_from(start, limit):
            entry = json.loads(leaf)
            documents = store.documents_of(entry["refs"].values()) if self._opens(who, entry) else {}
            shown = {ref: {"salt": d.salt.hex(), "content": d.content.decode()} for ref, d in documents.items()}
            found.append({"entry": number, "leaf": leaf.decode(), "documents": shown})
        return found

    def _opens(self, who: Caller, entry: dict[str, Any]) -> bool:
        """Whether the documents of an entry are shown: those of studies to whom may see the study, but no result before
        it is released; those of contracts and payments to whose they are."""
        if entry["kind"] in BODIES:
            return self.papers.shows(who, entry["kind"], entry["subject"])
        private = is_private(entry["kind"], entry["facts"])
        if who.sees_all or not (private or entry["kind"] in STUDY_ORDER):
            return True
        if private:
            return self._is_about(who, entry)
        try:
            seen = who.sees(self.hub.store.study(entry["subject"]))
        except NotFound:
            return False
        return seen and (entry["kind"] != "study-guarded" or self.hub.store.status(entry["subject"]) in GIVEN)

    def _is_about(self, who: Caller, entry: dict[str, Any]) -> bool:
        """Whether a private entry is this caller's own."""
        if entry["kind"] == "data-used":
            return who.role == "node" and bool(entry["actor"] == who.name)
        if entry["kind"] == "contract-changed":
            return entry["subject"] in {c["name"] for c in self.instruments.all(who, "contract")}
        return bool(entry["subject"] == who.name)

    def checkpoint(self) -> str:
        """The newest checkpoint, with its cosignatures. Raises Conflict where there is none yet."""
        return self.log.proving(self.size()).decode()

    def standing(self) -> dict[str, Any]:
        """How far outside witnesses have co-signed the ledger."""
        return self.log.standing().as_json()

    def prove(self, entry: int) -> bytes:
        """A proof of an entry that stands alone (C2SP tlog-proof)."""
        from huizhen.ledger import proof

        table, size = self.hub.store.log, self.size()
        if not 0 <= entry < size:
            raise BadInput(
                "no-entry-of-that-number",
                Text(f"There is no entry {entry}.", f"没有第 {entry} 条。"),
                Text(f"The entries are 0 to {size - 1}.", f"现有第 0 至 {size - 1} 条。"),
            )
        return proof.make(table.tree(), table.leaf(entry), entry, self.log.proving(entry))

    def keys(self) -> list[str]:
        """The hub's key and those of the nodes, as the hub knows them: to be compared, not to be trusted."""
        from huizhen.path.witness import witness_keys

        return [self.hub.vkey, *(k.vkey for k in witness_keys(self.hub.store.node_keys()))]

    # -- money

    def statement(self, who: Caller, party: str) -> list[dict[str, Any]]:
        """A party's postings with the running balance. Raises NotFound for one that is in no book."""
        from huizhen.market.postings import statement

        who.check_sees_party(party)
        booked = [p for p, _ in self.hub.store.postings()]
        lines = statement(party, booked)
        if not lines and party != who.name:
            self._check_party(party, [p.account for p in booked])
        return [{**x.posting.as_json(), "balance_fen": x.balance_fen} for x in lines]

    def _check_party(self, party: str, accounts: Sequence[str]) -> None:
        """Raises NotFound for a party that is not, and could not be, in the books."""
        nodes = self.nodes()
        hospitals = [*nodes, *(f"hospital:{name}" for name in nodes), *(f"patients@{name}" for name in nodes)]
        known = sorted({"operator", *hospitals, *accounts, *(a.partition(":")[2] or a for a in accounts)})
        if party in known:
            return
        hint = did_you_mean(party, known)
        told = [name for name in known if ":" not in name]
        raise NotFound(
            "unknown-party",
            Text(f"Nothing was ever booked for '{party}'{hint.en}.", f"账上没有“{party}”{hint.zh}。"),
            Text(f"There are: {', '.join(told)}.", f"账上有：{'、'.join(told)}。"),
        )

    def postings(self, who: Caller, study: str) -> list[dict[str, Any]]:
        """The double entries of one study."""
        self._study(who, study)
        return [{**p.as_json(), "at_utc": at} for p, at in self.hub.store.postings(study)]

    # -- the register

    def parties(self) -> tuple[Party, ...]:
        """All parties, in order of name. Every caller may have them, as it may have their documents on the ledger."""
        return self.hub.store.register.parties()

    def party(self, name: str) -> Party:
        """Raises NotFound."""
        known = {p.name: p for p in self.parties()}
        if name not in known:
            hint = did_you_mean(name, list(known))
            raise NotFound(
                "unregistered-party",
                Text(f"There is no party '{name[:64]}' in the register{hint.en}.",
                     f"登记册中没有主体“{name[:64]}”{hint.zh}。"),
                Text("`huizhen party list` shows those there are.", "可用 `huizhen party list` 查看已登记的主体。"),
            )  # fmt: skip
        return known[name]

    def acts(self, who: Caller, party: str | None = None, dataset: str | None = None) -> tuple[Act, ...]:
        """Acts on file for this party and dataset (None: of any), in the order in which they were filed; without those
        about a study that the caller may not see."""
        found = self.hub.store.register.acts(party, dataset)
        return tuple(a for a in found if a.assessed is None or who.sees_all or a.party == who.name)

    def register_party(self, who: Caller, party: Party) -> None:
        """Register a party, or replace what is known of it. Raises Refused but for a trustee."""
        who.check_is_trustee()
        self.hub.touch()
        with self.hub.store.record() as record:
            put_party(record, party, who.name or TRUSTEE)

    def file_act(self, who: Caller, filing: Filing) -> Act:
        """File an act, from today on where it does not say from when. Raises Refused but for a trustee; BadInput for an
        act that is for nobody, or over before it begins."""
        from huizhen.kit.clock import day_of

        who.check_is_trustee()
        if filing.party is None and filing.dataset is None:
            raise BadInput(
                "act-for-nobody",
                Text("It is not said what the act is for.", "未指明该事项的对象。"),
                Text("Give --for PARTY, --dataset NAME, or both.", "请给出 --for 主体、--dataset 数据集，或两者。"),
            )
        try:
            act = Act.of(filing, day_of(self.hub.clock(), self.hub.store.settings().jurisdiction))
        except ValueError:
            raise BadInput(
                "act-over",
                Text("The act would be over before it begins, today.", "该事项自今日起算，尚未开始即已截止。"),
                Text("Say when it began: --from DATE.", "请用 --from 日期 说明其起始日。"),
            ) from None
        self.hub.touch()
        with self.hub.store.record() as record:
            put_act(record, act, who.name or TRUSTEE)
        return act

    def exported(self, who: Caller) -> list[dict[str, Any]]:
        """Persons in results that went abroad since 1 January, by recipient; an asker sees its own."""
        from huizhen.path.legal import exported

        found = exported(self.hub.store, self.hub.clock())
        return [e.as_json() for e in found if who.sees_all or e.recipient == who.name]

    def upkeep(self) -> tuple[Reason, ...]:
        """What the trustee has to do from time to time, and whether it is done today: every rule about it."""
        from huizhen import rules
        from huizhen.kit.clock import day_of
        from huizhen.model.upkeep import Upkeep

        jurisdiction = self.hub.store.settings().jurisdiction
        today = day_of(self.hub.clock(), jurisdiction)
        return rules.ask("upkeep", Upkeep(today, jurisdiction, tuple(self.nodes()), self.hub.store.register.acts()))

    # -- what nodes say of themselves

    def announce(self, who: Caller, said: Statement) -> None:
        """Take a node's statement onto the ledger; the same one again changes nothing.

        Raises Refused where it is not the caller's, not signed by the node, or older than one before; Tampered where it
        speaks of another node than its own.
        """
        who.check_is_node(said.node)
        key = self.hub.store.node_keys().get(said.node)
        if key is None or not said.holds(key):
            raise Refused(
                "statement-not-signed",
                Text(f"The statement is not signed by node {said.node}.", f"该声明不是由节点 {said.node} 签名的。"),
                Text("Send it from the node's own folder.", "请从该节点自己的文件夹发送。"),
            )
        if said.kind == "dataset-registered":
            card = Dataset.read(said.body["card"])
            if card.holder != said.node:
                raise Tampered(
                    "another-holder",
                    Text("The card names another holder than its node.", "卡片所列持有方与节点不符。"),
                    Text("Add the dataset at that hospital's own node.", "请在该医院自己的节点添加数据集。"),
                )
        self.hub.announce(said)
