"""The facts of law of a study: from the register, the acts on file, and what went abroad since 1 January."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

from huizhen import rules
from huizhen.model.grant import Grant, Reason
from huizhen.model.method import Method
from huizhen.model.party import Exported, LegalFacts, Party
from huizhen.model.rule import Facts
from huizhen.model.study import Request, Study
from huizhen.model.tally import Tally
from huizhen.path.authorise import columns_read, verdict, why_not_allowed
from huizhen.path.ports import Store

_CHINA = timezone(timedelta(hours=8))


def day_of(now: datetime, jurisdiction: str) -> str:
    """The calendar day there: China has one time zone; for others it is that of UTC."""
    return now.astimezone(_CHINA if jurisdiction == "CN" else UTC).date().isoformat()


def new_year(now: datetime) -> datetime:
    """The beginning of the year, in China, from which persons exported are counted."""
    return datetime(now.astimezone(_CHINA).year, 1, 1, tzinfo=_CHINA)


def legal_facts(
    store: Store, request: Request, participants: Sequence[str], now: datetime, study: str = ""
) -> LegalFacts:
    """What the law turns on for this request at this moment. `study` is left out of what was exported."""
    parties = store.register.parties()
    jurisdiction = store.settings().jurisdiction
    known = {p.name: p for p in parties}
    return LegalFacts(
        jurisdiction=jurisdiction,
        today=day_of(now, jurisdiction),
        register_kept=bool(parties),
        party=known.get(request.asker),
        acts=store.register.acts(request.asker, request.dataset),
        critical_holders=tuple(n for n in participants if n in known and known[n].critical_operator),
        exported=_exported(store, parties, jurisdiction, now, study),
    )


def _exported(
    store: Store, parties: Sequence[Party], jurisdiction: str, now: datetime, study: str
) -> tuple[Exported, ...]:
    """Persons by recipient that is not known to be at home. A study counts from its census on: two that run at once
    see each other. One that could have ended after New Year counts to the new year."""
    abroad = [p.name for p in parties if p.jurisdiction != jurisdiction]
    since = new_year(now)
    people: Counter[str] = Counter()
    for taken in store.taken_by(abroad) if abroad else ():
        if taken.id != study and taken.deadline() >= since:
            people[taken.request.asker] += _people(store, taken)
    return tuple(Exported(recipient=name, people=people[name]) for name in sorted(people))


def _people(store: Store, study: Study) -> int:
    """In the result of a study as its nodes tallied it; before that, in its census; 0 before the census."""
    journal = store.journal(study.id)
    if journal.get("tallies"):
        return sum(t.people for t in map(Tally.read, journal["tallies"]))
    return int(journal["census"]["people"]) if "census" in journal else 0


def reasons_again(study: Study, grant: Grant, method: Method, **known: object) -> tuple[Reason, ...]:
    """What every rule answers to the facts in a grant, with what is `known` in place of them: the hub's after the
    census, a node's own. The budget is not asked again: it was reserved at the hub, and each node has its own."""
    limits, legal = grant.limits, grant.legal
    assert limits is not None and legal is not None
    facts = Facts(
        request=study.request,
        columns=columns_read(study.request, limits.dataset_schema, method),
        category=limits.dataset_schema.category,
        participants=tuple(p.name for p in limits.participants),
        plain_allowed=not limits.secure_sum,
        method_private=method.private is not None,
        epsilon_total=0.0,
        epsilon_cap=0.0,
        legal=legal,
    )
    asked = replace(facts, **known)  # type: ignore[arg-type]
    return rules.ask("study", asked)


def check_counted(store: Store, study: Study, grant: Grant, method: Method, people: int, now: datetime) -> None:
    """After the census: the rules once more, with the persons counted and what others exported meanwhile. Raises
    Refused where they do not allow it any more: the study that crosses a threshold is the one that is stopped."""
    if grant.limits is None or grant.legal is None:
        return
    names = [p.name for p in grant.limits.participants]
    legal = legal_facts(store, study.request, names, now, study.id)
    reasons = reasons_again(study, grant, method, legal=legal, people=people)
    if verdict(reasons) != "allow":
        raise why_not_allowed(grant.model_copy(update={"reasons": reasons, "verdict": verdict(reasons)}))
