"""Watching at the hub: accesses as the hub recorded them, scored against history and peers; alarms; credibility."""

from __future__ import annotations

import json
from datetime import UTC, date, timedelta
from typing import TYPE_CHECKING, Any

from huizhen.kit.clock import CHINA, parse
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.alarm import BEHAVIOURS, Alarm, alarms, unknown_alarm
from huizhen.model.evidence import Evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huizhen.hub.caller import Caller
    from huizhen.hub.hub import Hub
    from huizhen.hub.papers import PaperDesk
    from huizhen.ledger.credibility import Credibility
    from huizhen.model.paper import Paper
    from huizhen.model.study import Study
    from huizhen.statistics.behaviour import Access, Alarming

SETTLING_IN = 14
"""Days from the first access before anything is scored: until then nobody has a history."""


class WatchDesk:
    """For who sees everything: trustees, auditors, regulators."""

    def __init__(self, hub: Hub, papers: PaperDesk) -> None:
        self._hub = hub
        self._papers = papers

    # -- alarms

    def scan(self, who: Caller, days: int = 1) -> list[dict[str, Any]]:
        """Score the last `days` days, today the last; raise what stands out and was not raised. Answers new ones."""
        _check_sees(who)
        from huizhen.statistics.behaviour import ASKERS_BULK, BITS, WINDOW, alarming, series

        found = series(self._accesses(), date.fromisoformat(self._papers.today()))
        last = (date.fromisoformat(self._papers.today()) - found.first).days
        if last < SETTLING_IN:
            return []
        least = {**BITS, "bulk": ASKERS_BULK}
        told = alarming(found, range(max(SETTLING_IN, last - days + 1), last + 1), least)
        raised = {(p.subject, p.body["behaviour"], p.body["window"]) for p in self._raised()}
        new: list[Paper] = []
        for each in told:
            spans = [each.day - timedelta(days=d) for d in range(WINDOW[each.behaviour])]
            if any((each.who, each.behaviour, day.isoformat()) in raised for day in spans):
                continue
            raised.add((each.who, each.behaviour, each.day.isoformat()))
            new.append(self._papers.made("alarm-raised", each.who, body_of(each)))
        if new:
            self._hub.touch()
            with self._hub.store.record() as r:
                for paper in new:
                    r.put_paper(paper)
        return [_told(Alarm(paper)) for paper in new]

    def _raised(self) -> Sequence[Paper]:
        return self._hub.store.papers.of("alarm-raised")

    def _accesses(self) -> list[Access]:
        """Every study ever submitted, those denied included: who asked, when, what, and of how few."""
        store = self._hub.store
        kinds = {p.name: p.kind for p in store.register.parties()}
        people = store.people_counted()
        zone = CHINA if store.settings().jurisdiction == "CN" else UTC
        return [
            _access(s, kinds.get(s.request.asker, "unregistered"), people.get(s.id), zone) for s, _ in store.studies()
        ]

    def alarms(self, who: Caller, open_only: bool = True) -> list[dict[str, Any]]:
        """Those that nobody has acknowledged, or all; oldest first."""
        _check_sees(who)
        found = alarms(self._hub.store.papers.of("alarm-raised", "alarm-acknowledged"))
        return [_told(a) for a in found if not open_only or a.acknowledged is None]

    def alarm(self, who: Caller, name: str) -> dict[str, Any]:
        """Raises NotFound."""
        found = [a for a in self.alarms(who, False) if a["alarm"] == name]
        if not found:
            raise unknown_alarm()
        return found[0]

    # -- credibility

    def credibility(self, who: Caller) -> list[dict[str, Any]]:
        """Of every party, with each addend; a party that does not see everything gets its own."""
        found = self._scores()
        return [c.as_json() for name, c in found.items() if who.sees_all or name == who.name]

    def _scores(self) -> dict[str, Credibility]:
        from huizhen.ledger.credibility import credibility

        store = self._hub.store
        documents = store.documents()

        def said(entry: Evidence, name: str) -> Any:
            stored = documents.get(entry.refs.get(name, ""))
            return None if stored is None else json.loads(stored.content)

        entries = (Evidence.model_validate_json(leaf) for leaf in store.leaves())
        return credibility(entries, said, self._papers.today())


def _check_sees(who: Caller) -> None:
    if not who.sees_all:
        raise Refused(
            "not-for-you-to-watch",
            Text("Alarms are shown to trustees, auditors and regulators.", "警报仅向受托方、审计方与监管方显示。"),
            Text("Ask the trustee for a token of such a role.", "请向受托方索取相应角色的令牌。"),
        )


def _access(study: Study, group: str, people: int | None, zone: Any) -> Access:
    from huizhen.statistics.behaviour import Access, question_of

    request = study.request
    words = {
        "dataset": request.dataset,
        "method": request.method,
        "params": json.dumps(request.params, sort_keys=True),
        "cohort": request.cohort or "",
    }
    few = None if people is None else people < 1.5 * request.protection.min_cell
    at = parse(study.submitted_utc).astimezone(zone).replace(tzinfo=None)
    return Access(request.asker, group, at, question=question_of(words), few=few)


def body_of(found: Alarming) -> dict[str, Any]:
    """The body of the paper that raises this alarm, with its reasons in words."""
    name, n, day = BEHAVIOURS[found.behaviour], found.count, found.day.isoformat()
    of = "" if found.of == n else f" of {found.of}"
    of_zh = "" if found.of == n else f"（共 {found.of} 次）"
    own, peers = f"{found.own:.1f}", f"{found.peers:.1f}"
    facts: dict[str, str | int] = {"count": n, "of": found.of, "own": own, "peers": peers}
    return {
        "behaviour": found.behaviour,
        "window": day,
        "score": round(found.bits * 1000),
        "facts": facts,
        "en": f"{name.en}: {n}{of} up to {day}; its own history leads one to expect {own}, its peers {peers}. "
        f"Surprise {found.bits:.1f} bits.",
        "zh": f"{name.zh}：截至 {day} 共 {n} 次{of_zh}；按其自身历史预期 {own}，同类预期 {peers}。"
        f"意外程度 {found.bits:.1f} 比特。",
    }


def _told(alarm: Alarm) -> dict[str, Any]:
    answered = alarm.acknowledged
    return {
        "alarm": alarm.id,
        "digest": alarm.paper.digest(),
        "about": alarm.paper.subject,
        "day": alarm.paper.day,
        **alarm.body.as_json(),
        "outcome": alarm.outcome,
        "acknowledged_by": None if answered is None else answered.by,
        "acknowledged": None if answered is None else answered.body["text"],
    }
