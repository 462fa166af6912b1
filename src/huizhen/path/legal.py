"""The facts of law of a study: from the register, the acts on file, and what went abroad since 1 January."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from huizhen import rules
from huizhen.kit.clock import CHINA, day_of
from huizhen.model import listing
from huizhen.model.grant import Grant, Reason, verdict
from huizhen.model.lifecycle import Filed
from huizhen.model.method import Method
from huizhen.model.paper import Kind, Paper
from huizhen.model.party import Exported, LegalFacts, Taken
from huizhen.model.rule import Facts
from huizhen.model.study import Request, Study
from huizhen.model.tally import Tally
from huizhen.path.authorise import columns_read, why_not_allowed
from huizhen.path.ports import Store
from huizhen.path.review import unreviewed


def new_year(now: datetime) -> datetime:
    """The beginning of the year, in China, from which persons exported are counted."""
    return datetime(now.astimezone(CHINA).year, 1, 1, tzinfo=CHINA)


def legal_facts(
    store: Store, request: Request, participants: Sequence[str], now: datetime, study: str = ""
) -> LegalFacts:
    """What the law turns on for this request at this moment. `study` is left out of what was exported."""
    parties = store.register.parties()
    jurisdiction = store.settings().jurisdiction
    known = {p.name: p for p in parties}
    today = day_of(now, jurisdiction)
    bound = instruments_for(request, store.instruments.on_day(today))
    return LegalFacts(
        jurisdiction=jurisdiction,
        today=today,
        register_kept=bool(parties),
        party=known.get(request.asker),
        acts=store.register.acts(request.asker, request.dataset),
        critical_holders=tuple(n for n in participants if n in known and known[n].critical_operator),
        exported=exported(store, now, study),
        instruments=bound,
        taken=_taken(store, request.asker, bound, study),
        papers=_papers(store, {request.asker, *participants}),
    )


def _papers(store: Store, names: set[str]) -> tuple[Paper, ...]:
    """Who may review, what goes out unreviewed, and what was ever said about these on the blacklist."""
    reviewing: tuple[Kind, ...] = ("reviewer-enrolled", "reviewer-dismissed", "review-waived", "review-restored")
    found = store.papers.of(*listing.KINDS, *reviewing)
    return tuple(p for p in found if p.kind not in listing.KINDS or p.subject in names)


def instruments_for(request: Request, filings: Sequence[Filed]) -> tuple[Filed, ...]:
    """Of each deed ever about the dataset, and each contract with the asker, the last version that began."""
    begun = [f for f in filings if f.began]
    about = {f.instrument.name for f in begun if f.instrument.deed and request.dataset in f.instrument.deed.datasets}
    with_asker = {
        f.instrument.name for f in begun if f.instrument.contract and f.instrument.contract.asker == request.asker
    }
    last: dict[tuple[str, str], Filed] = {}
    for f in begun:
        if f.instrument.name in (about if f.instrument.kind == "deed" else with_asker):
            last[f.instrument.kind, f.instrument.name] = f
    return tuple(last.values())


def _taken(store: Store, asker: str, bound: Sequence[Filed], study: str) -> tuple[Taken, ...]:
    """By contract: studies begun under it; for a study that runs, those that were submitted before it."""
    names = [f.instrument.name for f in bound if f.instrument.contract]
    if not names:
        return ()
    own = store.study(study) if study else None
    count: Counter[str] = Counter()
    for other in store.taken_by([asker]):
        if own is None or (other.submitted_utc, other.id) < (own.submitted_utc, own.id):
            count[store.journal(other.id).get("contract", "")] += 1
    return tuple(Taken(contract=name, studies=count[name]) for name in names)


def exported(store: Store, now: datetime, study: str = "") -> tuple[Exported, ...]:
    """Persons by recipient that is not known to be at home. A study counts from its census on: two that run at once
    see each other. One that could have ended after New Year counts to the new year."""
    jurisdiction = store.settings().jurisdiction
    abroad = [p.name for p in store.register.parties() if p.jurisdiction != jurisdiction]
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
    own = [p.own_figures for p in limits.participants]
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
        reviews=limits.reviews,
        unreviewed=unreviewed(study.request, method, own, limits.reviews, legal.papers),
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
