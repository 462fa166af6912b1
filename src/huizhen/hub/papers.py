"""Papers at the hub: who may file which, where a review stands, who is on the blacklist. Part of the desk."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from huizhen.adapters import papers as filed
from huizhen.adapters.database import migrate
from huizhen.hub.caller import unknown_study
from huizhen.kit.clock import day_of
from huizhen.kit.errors import BadInput, Conflict, Refused
from huizhen.kit.text import Text
from huizhen.ledger.order import PRIVATE
from huizhen.model.alarm import alarms
from huizhen.model.listing import KINDS, listings
from huizhen.model.paper import BODIES, TRUSTEE, Kind, Paper
from huizhen.model.release import Release
from huizhen.model.review import DECIDED, STATES, Review, reviewers
from huizhen.path.papers import Known, Signer, check_paper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huizhen.adapters.hub_store import SqlRecord
    from huizhen.hub.caller import Caller
    from huizhen.hub.hub import Hub
    from huizhen.model.lifecycle import Filed
    from huizhen.model.study import Study


class PaperDesk:
    """What anybody may file, and what anyone concerned may read of it."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def today(self) -> str:
        return day_of(self._hub.clock(), self._hub.store.settings().jurisdiction)

    def _known(self) -> Known:
        parties = {p.name: Signer(p.kind, p.key) for p in self._hub.store.register.parties()}
        return Known(self._hub.origin, self._hub.key.public.hex(), parties)

    # -- filing

    def _check_stop(self, paper: Paper, before: Sequence[Paper]) -> None:
        """Raises NotFound for no study, Conflict for one that was stopped before or has ended: what is released cannot
        be called back."""
        store = self._hub.store
        study = store.study(paper.subject)
        done = any(p.kind == "study-stopped" and p.subject == study.id for p in before)
        if done or store.status(study.id) not in ("running", "awaiting"):
            raise Conflict(
                "nothing-to-stop",
                Text("The study has ended, or was stopped before.", "该研究已结束，或此前已被叫停。"),
                Text(f"`huizhen study show {study.id}` says how it stands.",
                     f"可用 `huizhen study show {study.id}` 查看其状态。"),
            )  # fmt: skip

    def file(self, who: Caller, paper: Paper) -> dict[str, Any]:
        """File a signed paper, whoever brings it; the same one again changes nothing. Raises Refused where it is not
        signed by who may say that, or may not follow what was filed before."""
        if paper.by == TRUSTEE:
            who.check_is_trustee()
        self._hub.touch()
        migrate(self._hub.engine)
        known = self._known()
        with self._hub.store.record() as r:
            if filed.is_there(r.connection, paper):
                return paper.as_json()
            before = filed.read(r.connection)
            check_paper(paper, before, known)
            if paper.kind in ("review-sealed", "review-opened"):
                self._check_review(paper, before)
            if paper.kind == "study-stopped":
                self._check_stop(paper, before)
            if abs((date.fromisoformat(paper.day) - date.fromisoformat(self.today())).days) > 1:
                raise BadInput(
                    "paper-of-another-day",
                    Text("The paper is not dated today.", "该文件的日期不是今天。"),
                    Text("Check this machine's clock, and sign it again.", "请校准本机时钟后重新签署。"),
                )
            r.put_paper(paper)
            self._follow(r, paper, before)
        return paper.as_json()

    def _follow(self, record: SqlRecord, paper: Paper, before: Sequence[Paper]) -> None:
        """What a paper brings about by itself: a report raises an alarm, a confirmed one may suspend the contract."""
        from huizhen.path.departing import is_to_suspend

        store = self._hub.store
        if paper.kind == "departure-reported":
            filing = self._contract(paper.body["contract"])
            if (
                filing is None
                or filing.instrument.contract is None
                or paper.subject != filing.instrument.contract.asker
            ):
                raise BadInput(
                    "no-such-contract",
                    Text("That party has no such contract.", "该主体没有这份合同。"),
                    Text(
                        "`huizhen contract list` shows those there are.", "可用 `huizhen contract list` 查看现有合同。"
                    ),
                )
            record.put_paper(self.made("alarm-raised", paper.subject, _reported(paper, filing)))
        elif paper.kind == "alarm-acknowledged":
            alarm = next(a for a in alarms([*before, paper]) if a.paper.digest() == paper.body["alarm"])
            filing = self._contract(str(alarm.body.facts.get("contract", "")))
            if filing is not None and is_to_suspend([*before, paper], filing):
                record.suspend(filing.instrument.name, day_of(self._hub.clock(), store.settings().jurisdiction))

    def _contract(self, name: str) -> Filed | None:
        found = self._hub.store.instruments.on_day(self.today(), "contract", name) if name else ()
        return found[-1] if found else None

    def say(self, who: Caller, kind: Kind, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        """The same in the trustee's own name, signed with the hub's key."""
        who.check_is_trustee()
        return self.file(who, self.made(kind, subject, body))

    def made(self, kind: Kind, subject: str, body: dict[str, Any]) -> Paper:
        """A paper in the trustee's name. Raises BadInput for a body of the wrong form."""
        from huizhen.path.departing import by_trustee

        try:
            return by_trustee(self._hub.origin, self._hub.key, self.today(), kind, subject, body)
        except ValueError:
            raise BadInput(
                "bad-paper",
                Text("What is to be filed is not of the right form.", "所提交内容格式不正确。"),
                Text(f"Its keys are: {', '.join(BODIES[kind].model_fields)}.",
                     f"可用键：{'、'.join(BODIES[kind].model_fields)}。"),
            ) from None  # fmt: skip

    # -- reading

    def all(self, who: Caller, kinds: Sequence[Kind] = (), subject: str | None = None) -> list[dict[str, Any]]:
        """Papers of these kinds that the caller may see, in the order in which they were filed."""
        found = self._hub.store.papers.of(*kinds, subject=subject)
        return [p.as_json() for p in found if self.shows(who, p.kind, p.subject)]

    def shows(self, who: Caller, kind: str, subject: str) -> bool:
        """Whether a paper is shown. The verdicts of a review are shown to nobody before it is decided, so that a third
        reviewer does not see those of the first two; alarms to who sees everything; the blacklist to everyone."""
        if kind == "review-opened":
            return self._sees_review(who, subject) and self._review(subject).state in DECIDED
        if kind == "review-sealed":
            return self._sees_review(who, subject)
        if kind == "study-stopped":
            return who.sees(self._hub.store.study(subject))
        return who.sees_all or kind not in PRIVATE

    def _sees_review(self, who: Caller, study: str) -> bool:
        return who.sees_all or who.role == "reviewer" or who.sees(self._hub.store.study(study))

    # -- reviews

    def _review(self, study: str) -> Review:
        from huizhen.path.review import stands

        store = self._hub.store
        return stands(store, store.study(study), store.journal(study))

    def _check_review(self, paper: Paper, before: Sequence[Paper]) -> None:
        store = self._hub.store
        study = store.study(paper.subject)
        if store.status(study.id) != "awaiting" or not self._wanted(study):
            raise Conflict(
                "nothing-to-review",
                Text("No result of this study waits for reviewers.", "该研究没有待审查的结果。"),
                Text("`huizhen review list` shows those that do.", "可用 `huizhen review list` 查看待审结果。"),
            )
        self._review(study.id).after(paper, reviewers(before))

    def _wanted(self, study: Study) -> list[str]:
        journal = self._hub.store.journal(study.id)
        limits = journal["grant"]["limits"] if "grant" in journal else None
        return list((limits or {}).get("reviews", []))

    def reviews(self, who: Caller) -> list[dict[str, Any]]:
        """Studies with a result that waits for reviewers, or that was reviewed, oldest first; without the results."""
        done = {p.subject for p in self._hub.store.papers.of("review-sealed")}
        there = [
            s
            for s, status in self._hub.store.studies()
            if (status == "awaiting" or s.id in done) and self._wanted(s) and self._sees_review(who, s.id)
        ]
        return [self._told(s) for s in there]

    def review(self, who: Caller, study: str) -> dict[str, Any]:
        """Where a review stands, with exactly what is looked at: request, reasons, guard and guarded result, shown to
        reviewers and to who sees everything. Raises NotFound, Refused."""
        store = self._hub.store
        found = store.study(study)
        if not (who.sees_all or who.role == "reviewer"):
            raise unknown_study(study)
        journal = store.journal(study)
        if "release" not in journal or not self._wanted(found):
            raise Conflict(
                "nothing-to-review",
                Text("No result of this study waits for reviewers.", "该研究没有待审查的结果。"),
                Text("`huizhen review list` shows those that do.", "可用 `huizhen review list` 查看待审结果。"),
            )
        release = Release.read(journal["release"])
        return {
            **self._told(found),
            "request": found.request.as_json(),
            "reasons": journal["grant"]["reasons"],
            "content": release.as_json(),
            "papers": self.all(who, ("review-sealed", "review-opened"), study),
        }

    def _told(self, study: Study) -> dict[str, Any]:
        review = self._review(study.id)
        return {
            "study": study.id,
            "region": self._hub.origin,
            "asker": study.request.asker,
            "title": study.request.title,
            "what": self._wanted(study),
            "status": self._hub.store.status(study.id),
            "state": review.state,
            "state_en": STATES[review.state].en,
            "state_zh": STATES[review.state].zh,
            "release": review.release,
            "sealed_by": [{"reviewer": s.reviewer, "organisation": s.organisation} for s in review.seals],
        }

    # -- the blacklist

    def blacklist(self, subject: str | None = None) -> list[dict[str, Any]]:
        """Every listing ever made, with where it stands today, what was said against it and what was decided."""
        today, found = self.today(), listings(self._hub.store.papers.of(*KINDS, subject=subject))
        return [
            {
                "party": x.paper.subject,
                "listing": x.paper.digest(),
                "by": x.paper.by,
                "state": x.state(today),
                **x.body.as_json(),
                "appeals": [{"by": p.by, "day": p.day, "text": p.body["text"]} for p in x.appeals],
                "decided": [
                    {"by": p.by, "day": p.day, "outcome": p.body["outcome"], "text": p.body["text"]} for p in x.decided
                ],
            }
            for x in found
        ]

    def check_not_listed(self, names: Sequence[str]) -> None:
        """Raises Refused where one of these parties stands on the blacklist today."""
        today = self.today()
        for x in listings(self._hub.store.papers.of(*KINDS)):
            if x.paper.subject in names and x.state(today) == "standing":
                raise Refused(
                    "party-listed",
                    x.cited(),
                    Text("It can be done when the term has ended or the listing is lifted.",
                         "待期限届满或记录撤销后方可进行。"),
                )  # fmt: skip


def _reported(paper: Paper, filing: Filed) -> dict[str, Any]:
    """The alarm that a report raises; the words are the reporter's own, in both languages."""
    from huizhen.path.departing import resumed

    name, by = filing.instrument.name, paper.by
    facts = {"contract": name, "reported": paper.digest(), "by": by, "resumed": resumed(filing)}
    return {
        "behaviour": "purpose",
        "window": paper.digest()[:16],
        "score": 0,
        "facts": facts,
        "en": f"{by} reports use outside contract {name}: {paper.body['text']}"[:2000],
        "zh": f"{by} 举报超出合同 {name} 的使用：{paper.body['text']}"[:2000],
    }
