"""The credibility of each party, from what the ledger says and nothing else: every addend named, so that whoever has
the ledger works out the same number. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from huizhen.kit.text import Text
from huizhen.model.alarm import alarms
from huizhen.model.evidence import Evidence
from huizhen.model.listing import KINDS as LISTING_KINDS
from huizhen.model.listing import listings
from huizhen.model.paper import AuditReported, Paper

Fact = Literal[
    "active", "released", "denied", "unpaid", "committed", "alarm-open", "alarm-confirmed", "listed", "was-listed",
    "suspended", "gave", "left-out", "misuse", "reviewed", "unopened", "audit-clean", "audit-qualified",
    "audit-adverse",
]  # fmt: skip
Said = Callable[[Evidence, str], Any]
"""The document that an entry refers to by that name; None where it is not to be had."""
BASE = 40
"""Of whoever is new. It is less than what one confirmed alarm leaves of a good name, so that nobody is the better for a
new one; and who splits itself into many has as many beginners."""


class Rate(NamedTuple):
    """Points for each, and at most so many in all."""

    points: int
    most: int
    name: Text


RATES: Mapping[Fact, Rate] = {
    "active": Rate(1, 20, Text("months with something to its credit", "有良好记录的月份")),
    "released": Rate(1, 15, Text("months in which studies of its own were released", "有自有研究发布的月份")),
    "gave": Rate(1, 15, Text("months in which it gave figures to released studies", "参与已发布研究的月份")),
    "committed": Rate(1, 5, Text("months in which it signed commitments", "签署承诺的月份")),
    "reviewed": Rate(1, 10, Text("months in which it gave verdicts as reviewer", "作为审查人给出意见的月份")),
    "audit-clean": Rate(10, 15, Text("auditors' reports without reservation", "无保留审计意见")),
    "denied": Rate(
        -1, 10, Text("studies denied by a rule, a hospital or the guard", "被规则、医院或出口检查拒绝的研究")
    ),
    "unpaid": Rate(-4, 12, Text("results not paid or committed for in time", "未按期付款或签署承诺的结果")),
    "unopened": Rate(-3, 9, Text("verdicts sealed and never opened, of a review that ended", "审查终止仍未开封的意见")),
    "left-out": Rate(-1, 10, Text("studies that went on without it", "未能参与而继续进行的研究")),
    "misuse": Rate(-4, 16, Text("records opened in an emergency without cause", "认定为滥用的紧急访问")),
    "suspended": Rate(-5, 15, Text("suspensions of a contract", "合同被中止")),
    "alarm-open": Rate(-2, 10, Text("alarms nobody has looked into", "尚未处理的警报")),
    "alarm-confirmed": Rate(-8, 32, Text("alarms that were confirmed", "已证实的警报")),
    "was-listed": Rate(-10, 20, Text("terms on the blacklist that ended", "已到期的黑名单期限")),
    "listed": Rate(-60, 60, Text("stands on the blacklist", "现列于黑名单")),
    "audit-qualified": Rate(-5, 10, Text("auditors' reports with reservations", "保留意见的审计报告")),
    "audit-adverse": Rate(-20, 40, Text("adverse auditors' reports", "否定意见的审计报告")),
}


@dataclass(frozen=True)
class Addend:
    fact: Fact
    count: int
    points: int


class Credibility(NamedTuple):
    """0 to 100. `addends` sum with `base` to the score, but for what lies beyond either end."""

    party: str
    score: int
    addends: tuple[Addend, ...]
    reports: tuple[Paper, ...]
    """Auditors' reports on it, the last of each auditor."""

    def as_json(self) -> dict[str, Any]:
        return {
            "party": self.party,
            "score": self.score,
            "base": BASE,
            "addends": [
                {
                    "fact": a.fact,
                    "count": a.count,
                    "points": a.points,
                    "en": RATES[a.fact].name.en,
                    "zh": RATES[a.fact].name.zh,
                }
                for a in self.addends
            ],
            "reports": [p.as_json() for p in self.reports],
        }


def credibility(entries: Iterable[Evidence], said: Said, today: str) -> dict[str, Credibility]:
    """Of every party that the ledger has something to say of, by name. Where a document is not to be had, what its
    entry itself says against a party still counts, and nothing in its favour does."""
    facts, earned = defaultdict[str, Counter[Fact]](Counter), Earned(defaultdict(set))
    askers: dict[str, str] = {}
    gave: dict[str, set[str]] = {}
    ended: set[str] = set()
    papers: list[Paper] = []
    for entry in entries:
        kind, subject = entry.kind, entry.subject
        if kind == "study-proposed":
            askers[subject] = entry.actor
        elif kind == "study-guarded":
            gave[subject] = {t["node"] for t in said(entry, "tallies") or ()}
        elif kind.startswith("study-") and subject in askers:
            _of_study(entry, askers[subject], gave.get(subject, set()), facts, earned)
            ended |= {subject} if kind in ("study-released", "study-denied", "study-failed") else set()
        elif kind == "node-left-out":
            facts[str(entry.facts.get("node"))]["left-out"] += 1
        elif kind == "care-reviewed" and entry.facts.get("outcome") == "misuse":
            facts[entry.actor]["misuse"] += 1
        elif kind == "contract-changed" and entry.facts.get("step") == "suspend":
            if (instrument := said(entry, "instrument")) is not None:
                facts[instrument["contract"]["asker"]]["suspended"] += 1
        elif (paper := said(entry, "paper")) is not None:
            papers.append(Paper.read(paper))
        else:
            _of_bare(entry, today, facts)
    _of_papers(papers, today, ended, facts, earned)
    earned.add_to(facts)
    reports = _reports(papers)
    for party, each in reports.items():
        for paper in each:
            opinion = AuditReported.read(paper.body).opinion
            facts[party][f"audit-{opinion}"] += 1  # type: ignore[index]
    return {party: _scored(party, counts, reports.get(party, ())) for party, counts in sorted(facts.items())}


def _of_bare(entry: Evidence, today: str, facts: dict[str, Counter[Fact]]) -> None:
    """A paper that is kept from the reader, by what its entry shows to everyone (`path.papers.entry_of`)."""
    said = entry.facts
    if entry.kind == "audit-reported" and said.get("opinion") == "qualified":
        facts[entry.subject]["audit-qualified"] += 1
    elif entry.kind == "audit-reported" and said.get("opinion") == "adverse":
        facts[entry.subject]["audit-adverse"] += 1
    elif entry.kind == "party-listed" and str(said.get("from")) <= today:
        facts[entry.subject]["listed" if today <= str(said.get("until")) else "was-listed"] += 1


class Earned(NamedTuple):
    """The months, by the ledger, in which a party did something of a kind to its credit. However often it did so in one
    month, it counts once: time cannot be bought."""

    months: dict[tuple[str, Fact], set[str]]

    def note(self, party: str, fact: Fact, day: str) -> None:
        self.months[party, fact].add(day[:7])

    def add_to(self, facts: dict[str, Counter[Fact]]) -> None:
        active: dict[str, set[str]] = defaultdict(set)
        for (party, fact), months in self.months.items():
            facts[party][fact] = len(months)
            active[party] |= months
        for party, months in active.items():
            facts[party]["active"] = len(months)


def _of_study(entry: Evidence, asker: str, gave: set[str], facts: dict[str, Counter[Fact]], earned: Earned) -> None:
    if entry.kind == "study-released":
        earned.note(asker, "released", entry.at_utc)
        for node in gave:
            earned.note(node, "gave", entry.at_utc)
    elif entry.kind == "study-committed":
        earned.note(asker, "committed", entry.at_utc)
    elif entry.kind == "study-denied" and entry.facts.get("status") == "denied":
        late = entry.facts.get("code") == "not-paid-in-time"
        facts[asker]["unpaid" if late else "denied"] += 1


def _of_papers(
    papers: list[Paper], today: str, ended: set[str], facts: dict[str, Counter[Fact]], earned: Earned
) -> None:
    for alarm in alarms(papers):
        if alarm.outcome != "explained":
            facts[alarm.paper.subject]["alarm-confirmed" if alarm.outcome else "alarm-open"] += 1
    for listing in listings(p for p in papers if p.kind in LISTING_KINDS):
        state = listing.state(today)
        if state in ("standing", "ended"):
            facts[listing.paper.subject]["listed" if state == "standing" else "was-listed"] += 1
    organisation: dict[str, str] = {}
    sealed: dict[tuple[str, str], str] = {}
    for paper in papers:
        if paper.kind == "reviewer-enrolled":
            organisation[paper.subject] = str(paper.body["organisation"])
        elif paper.kind == "review-sealed" and paper.by in organisation:
            sealed[paper.subject, paper.by] = organisation[paper.by]
        elif paper.kind == "review-opened" and (of := sealed.pop((paper.subject, paper.by), None)):
            earned.note(of, "reviewed", paper.day)
    for (study, _), of in sealed.items():
        facts[of]["unopened"] += study in ended


def _reports(papers: list[Paper]) -> dict[str, tuple[Paper, ...]]:
    last: dict[tuple[str, str], Paper] = {}
    for paper in papers:
        if paper.kind == "audit-reported":
            last[paper.subject, paper.by] = paper
    found: dict[str, tuple[Paper, ...]] = {}
    for (party, _), paper in last.items():
        found[party] = (*found.get(party, ()), paper)
    return found


def _scored(party: str, counts: Counter[Fact], reports: tuple[Paper, ...]) -> Credibility:
    addends = []
    for fact, rate in RATES.items():
        if counts[fact]:
            points = rate.points * counts[fact]
            addends.append(Addend(fact, counts[fact], max(-rate.most, min(rate.most, points))))
    return Credibility(party, max(0, min(100, BASE + sum(a.points for a in addends))), tuple(addends), reports)
