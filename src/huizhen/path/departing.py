"""Use that departs from what a contract is for: an alarm to the regulator's view, and, where the contract says so, its
suspension; in the transaction that ends the study, so neither can be lost.

Three things are a departure: a study for another purpose, dataset or method than the contract's, which is denied; the
question that was denied so, asked again under a purpose that is allowed; and what somebody reports, once a trustee or
an authority has confirmed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from huizhen.kit.clock import day_of, parse
from huizhen.kit.keys import SigningKey
from huizhen.model.alarm import alarms
from huizhen.model.breach import breaches, contracts, governing
from huizhen.model.grant import Grant
from huizhen.model.lifecycle import Filed
from huizhen.model.paper import TRUSTEE, Kind, Paper
from huizhen.model.study import Request, Study
from huizhen.path.ports import Record, Store

if TYPE_CHECKING:
    from huizhen.kit.clock import Clock

CLAUSES = {"purposes": "用途", "datasets": "数据集", "methods": "方法"}
"""Clauses outside of which a study is another use than was agreed; others are about money, time and number."""
_AGAIN = timedelta(days=90)


def by_trustee(region: str, key: SigningKey, day: str, kind: Kind, subject: str, body: dict[str, object]) -> Paper:
    """A paper in the trustee's name. Raises ValueError for a body of the wrong form."""
    said = {"region": region, "kind": kind, "subject": subject, "by": TRUSTEE, "day": day, "body": body}
    return Paper.read({**said, "key": key.public.hex()}).signed(key.sign)


def note(record: Record, store: Store, study: Study, grant: Grant, hub: tuple[str, SigningKey, Clock]) -> None:
    """Raise what the grant shows, and suspend what it is to suspend. `hub`: name of the ledger, key, clock."""
    found = outside(grant, study.request) if grant.verdict == "deny" else asked_again(store, study, grant)
    if found is None:
        return
    filing, clause, earlier = found
    name, (region, key, clock) = filing.instrument.name, hub
    day = day_of(clock(), store.settings().jurisdiction)
    facts: dict[str, str | int] = {
        "contract": name, "clause": clause, "study": study.id, "resumed": resumed(filing),
        "purpose": study.request.purpose,
    }  # fmt: skip
    en = f"Study {study.id} is outside clause `{clause}` of contract {name}."
    zh = f"研究 {study.id} 超出合同 {name} 的 `{clause}`（{CLAUSES[clause]}）条款。"
    if earlier:
        facts["earlier"] = earlier
        en = (
            f"Study {study.id} asks what {earlier} was denied for its purpose, under another purpose (contract {name})."
        )
        zh = f"研究 {study.id} 换用途重提因用途被拒的 {earlier}（合同 {name}）。"
    body = {"behaviour": "purpose", "window": study.id, "score": 0, "facts": facts, "en": en, "zh": zh}
    alarm = by_trustee(region, key, day, "alarm-raised", study.request.asker, body)
    record.put_paper(alarm)
    papers = (*store.papers.of("alarm-raised", "alarm-acknowledged", subject=study.request.asker), alarm)
    if is_to_suspend(papers, filing):
        record.suspend(name, day)


def outside(grant: Grant, request: Request) -> tuple[Filed, str, str] | None:
    """The contract, by name the first, outside of whose use the study is; None where it is within one, or has none."""
    legal = grant.legal
    if legal is None or governing(legal, request) is not None:
        return None
    for filing in sorted(contracts(legal, request), key=lambda f: f.instrument.name):
        clause = next((b.clause for b in breaches(filing, request, legal) if b.clause in CLAUSES), None)
        if filing.state == "active" and clause is not None:
            return filing, clause, ""
    return None


def asked_again(store: Store, study: Study, grant: Grant) -> tuple[Filed, str, str] | None:
    """The contract of an allowed study whose very question was denied lately for its purpose."""
    filing = governing(grant.legal, study.request)
    if filing is None or grant.verdict != "allow":
        return None
    for other, status in store.asked_by(study.request.asker):
        recent = parse(study.submitted_utc) - parse(other.submitted_utc) <= _AGAIN
        if status != "denied" or not recent or other.request.purpose == study.request.purpose:
            continue
        if _question(other.request) == _question(study.request) and _was_outside(store, other):
            return filing, "purposes", other.id
    return None


def _was_outside(store: Store, study: Study) -> bool:
    journal = store.journal(study.id)
    if "grant" not in journal:
        return False
    found = outside(Grant.read(journal["grant"]), study.request)
    return found is not None and found[1] == "purposes"


def _question(request: Request) -> tuple[object, ...]:
    return request.dataset, request.method, request.cohort, sorted(map(repr, request.params.items()))


def resumed(filing: Filed) -> int:
    """How often it was resumed: what was before the last time counts no more."""
    return sum(e.step == "resume" for e in filing.events)


def is_to_suspend(papers: Sequence[Paper], filing: Filed) -> bool:
    """Whether so many departures count as the contract allows none beyond. What was explained does not count, and what
    was only reported counts once it is confirmed."""
    terms = filing.instrument.contract
    if terms is None or terms.suspend_after is None or filing.state != "active":
        return False
    found = [a for a in alarms(papers) if a.body.behaviour == "purpose" and a.body.facts.get("contract") == terms.name]
    counted = [
        a
        for a in found
        if a.body.facts.get("resumed") == resumed(filing)
        and (a.outcome == "confirmed" if "reported" in a.body.facts else a.outcome != "explained")
    ]
    return len(counted) >= terms.suspend_after
