"""The contract of a rule: typed facts in, one reason out; a missing fact is `needs`, never a guess."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from huizhen.kit.text import Text
from huizhen.model import breach
from huizhen.model.breach import Breach
from huizhen.model.dataset import Column
from huizhen.model.grant import Reason, Verdict
from huizhen.model.lifecycle import Filed
from huizhen.model.listing import Listing, standing
from huizhen.model.party import ACTS, Act, LegalFacts, Party
from huizhen.model.purpose import PURPOSES, Purpose
from huizhen.model.review import What, reviewers
from huizhen.model.study import Request

EXEMPTIONS = ("emergency", "foreign-transit", "contract-necessity")
"""From the routes of export (2024 provisions 3 to 5)."""
EXPORT_THRESHOLD = 10_000
"""Persons with sensitive data since 1 January from which an export needs a security assessment (same, 7)."""
ASSESSMENT = "impact-assessment"
OnFile = Literal["granted", "refused", "ended", "missing"]
About = Literal["study", "consent", "care", "breach", "right", "upkeep", "deletion"]
"""What a rule is asked about: a study; a word of consent; hospital staff who open a record in an emergency; a breach of
personal data; a person who claims a right; what the trustee has to do from time to time; a person's data in one dataset
that are to be deleted."""
F = TypeVar("F")


@dataclass(frozen=True)
class Facts:
    """All that a rule may read. None: not known."""

    request: Request
    columns: tuple[Column, ...]
    """The columns that the method and the cohort read."""
    category: str
    """Of the dataset: clinical, imaging, human-genetic, ..."""
    participants: tuple[str, ...]
    plain_allowed: bool
    """Whether every participant's own policy lets it send sums that are not masked."""
    method_private: bool
    """Whether the method may receive differentially private noise."""
    epsilon_total: float | None
    """What this asker would have spent on this dataset with this study, composed; None: not looked up."""
    epsilon_cap: float
    legal: LegalFacts
    delta_total: float = 0.0
    """What the deltas of this asker's studies on this dataset would add up to with this study."""
    delta_cap: float = 1e-6
    people: int | None = None
    """In the census of this study; None before it is taken."""
    patient_percent: int = 0
    """Of the price, the part that goes to the patients by the region's deed."""
    reviews: tuple[What, ...] = ()
    """What of its result two people have to approve before it is released."""
    unreviewed: tuple[What, ...] = ()
    """What of it is not a sum, and goes out without, since the trustee waived that (decision 0066)."""
    blacklist: frozenset[str] = field(default=frozenset())

    @property
    def purpose(self) -> Purpose | None:
        return PURPOSES.get(self.request.purpose)

    @property
    def party(self) -> Party | None:
        return self.legal.party

    @property
    def genetic(self) -> bool:
        return self.category == "human-genetic"

    @property
    def under_cn(self) -> bool:
        return self.legal.jurisdiction == "CN"

    @property
    def abroad(self) -> bool | None:
        """Whether the asker is registered under another jurisdiction than the region's. An asker in no register is not
        (decision 0024): where a register is kept, HZ03 does not let it pass."""
        if self.party is None:
            return False
        if self.party.jurisdiction is None:
            return None
        return self.party.jurisdiction != self.legal.jurisdiction

    @property
    def foreign(self) -> bool | None:
        """Abroad, or at home under foreign control; None as long as either is not known."""
        if self.party is None:
            return None
        if self.abroad or self.party.foreign_controlled:
            return True
        return None if self.abroad is None or self.party.foreign_controlled is None else False

    @property
    def exported(self) -> int:
        """Persons in results that went abroad since 1 January, with those of this study once they are counted."""
        return sum(e.people for e in self.legal.exported) + (self.people or 0)

    @property
    def exported_to_asker(self) -> int:
        """Of these, those in results of this asker."""
        mine = sum(e.people for e in self.legal.exported if e.recipient == self.request.asker)
        return mine + (self.people or 0)

    @property
    def hospitals(self) -> int:
        """How many take part."""
        return len(self.participants)

    @property
    def listed(self) -> tuple[Listing, ...]:
        """Listings of the asker or of whoever takes part that stand today, by the papers about them."""
        return standing(self.legal.papers, self.legal.today, (self.request.asker, *self.participants))

    @property
    def reviewing(self) -> int:
        """Organisations with a reviewer enrolled, but for the asker's."""
        return len({r.organisation for r in reviewers(self.legal.papers).values()} - {self.request.asker})

    @property
    def important(self) -> bool:
        return self.on_file("important-data") == "granted"

    @property
    def exempt(self) -> bool:
        """From the routes of export; important data never are."""
        return not self.important and any(self.on_file(kind) == "granted" for kind in EXEMPTIONS)

    @property
    def assessed(self) -> bool:
        """Whether an export of this study goes by the security assessment, not by contract or certification."""
        return self.important or bool(self.legal.critical_holders) or self.exported >= EXPORT_THRESHOLD

    @property
    def under_deeds(self) -> tuple[Filed, ...]:
        """Deeds about the dataset that came into force at some time."""
        return breach.deeds(self.legal, self.request.dataset)

    @property
    def outside_deed(self) -> tuple[Filed, Breach] | None:
        """The first clause that the study is outside of, of the deeds in force or else of the last that was."""
        found = self.under_deeds
        bound = [f for f in found if f.state == "active"] or found[-1:]
        return next(((f, b) for f in bound for b in breach.breaches(f, self.request, self.legal)), None)

    @property
    def contract_asked(self) -> Filed | None:
        """A deed in force about the dataset that asks for a contract of everybody."""
        found = (f for f in self.under_deeds if f.state == "active")
        return next((f for f in found if f.instrument.deed and f.instrument.deed.contract_required), None)

    @property
    def under_contracts(self) -> tuple[Filed, ...]:
        """Contracts with the asker that came into force at some time."""
        return breach.contracts(self.legal, self.request)

    @property
    def contract(self) -> Filed | None:
        """The one that the study runs under: it is within all its clauses."""
        return breach.governing(self.legal, self.request)

    @property
    def outside_contract(self) -> tuple[Filed, tuple[Breach, ...]]:
        """The clauses that it is outside of, of a contract in force or else of one that was; where there is any."""
        last = max(self.under_contracts, key=lambda f: (f.state == "active", f.instrument.name))
        return last, breach.breaches(last, self.request, self.legal)

    @property
    def _assessments(self) -> list[Act]:
        asker, dataset = self.request.asker, self.request.dataset
        return [a for a in self.legal.acts if a.kind == ASSESSMENT and a.is_for(asker, dataset)]

    @property
    def assessment(self) -> Act | None:
        """The last impact assessment written here that is about what is asked."""
        names = [c.name for c in self.columns]
        found = [a for a in self._assessments if a.assessed and a.assessed.covers(self.request, names)]
        return found[-1] if found else None

    @property
    def assessed_otherwise(self) -> bool:
        """Whether one was written here, of this or of something else."""
        return any(a.assessed for a in self._assessments)

    @property
    def assessed_elsewhere(self) -> Act | None:
        """The last that was not written here, but is on file on the filer's word."""
        found = [a for a in self._assessments if not a.assessed]
        return found[-1] if found else None

    def act(self, kind: str) -> Act | None:
        """The last one on file that is for this asker and dataset."""
        asker, dataset = self.request.asker, self.request.dataset
        found = [a for a in self.legal.acts if a.kind == kind and a.is_for(asker, dataset)]
        return found[-1] if found else None

    def on_file(self, kind: str) -> OnFile:
        return state_of(self.act(kind), self.legal.today)


def state_of(act: Act | None, today: str) -> OnFile:
    if act is None:
        return "missing"
    if act.outcome == "refused":
        return "refused"
    return "granted" if act.holds(today) else "ended"


@dataclass(frozen=True)
class Answer:
    verdict: Verdict
    text: Text


def by_act(facts: Facts, kind: str) -> Answer:
    """allow where the act is on file and holds, deny where it was refused, needs where it is missing or has ended."""
    return by_this(kind, facts.act(kind), facts.legal.today)


def by_this(kind: str, act: Act | None, today: str) -> Answer:
    """The same of this very act."""
    label, state = ACTS[kind], state_of(act, today)
    if state == "granted":
        return Answer("allow", Text(f"On file: {label.en}.", f"已备：{label.zh}。"))
    if state == "refused":
        return Answer("deny", Text(f"Was refused: {label.en}.", f"未获准：{label.zh}。"))
    if state == "ended":
        return Answer("needs", Text(f"Does not hold today: {label.en}.", f"今日不在有效期内：{label.zh}。"))
    return Answer("needs", Text(f"Not on file: {label.en} ({kind}).", f"尚缺：{label.zh}（{kind}）。"))


def unknown(en: str, zh: str) -> Answer:
    """needs, for a fact that the register does not have."""
    return Answer("needs", Text(en, zh))


def where_unknown() -> Answer:
    return unknown("The register does not say under which jurisdiction the asker is.", "登记册未载明申请方所属法域。")


@dataclass(frozen=True)
class Case(Generic[F]):
    """A line of the casebook: these facts, this verdict (None: the rule does not apply)."""

    story: str
    facts: F
    verdict: Verdict | None


@dataclass(frozen=True)
class Rule(Generic[F]):
    """`decide` answers None where the rule does not apply to the facts."""

    id: str
    source: str
    valid_from: str
    decide: Callable[[F], Answer | None]
    about: About = "study"

    def ask(self, facts: F) -> Reason | None:
        answer = self.decide(facts)
        if answer is None:
            return None
        return Reason(rule=self.id, verdict=answer.verdict, source=self.source, en=answer.text.en, zh=answer.text.zh)
