"""What rules read, as Cedar sees it: one table, from which schema, requests and the tracing of the rules follow.

Names are those of the facts themselves (`model.rule.Facts`, `model.giving`), so a path in a policy is the path in the
code. What Cedar cannot compute is worked out before it is asked, and says so in `note`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from huizhen import rules
from huizhen.model.consent import BY
from huizhen.model.incident import Breached, clocks
from huizhen.model.party import ACTS, PARTY_KINDS
from huizhen.model.right import RIGHTS
from huizhen.model.rule import About, Facts

Type = Literal["String", "Long", "Bool", "datetime", "Set<String>", "Set<Long>"]
Read = Callable[[Any], Any]


@dataclass(frozen=True)
class Fact:
    """One value. `domain`: all that it can be. `read`: where it is not simply the attribute of that name."""

    type: Type
    domain: tuple[str, ...] = ()
    read: Read | None = None
    note: str = ""


@dataclass(frozen=True)
class Record:
    """Facts under one name; a name that ends in `?` may be absent, which is: not known, or not there."""

    facts: Mapping[str, Fact | Record]
    read: Read | None = None


STRING, LONG, BOOL, DAY, STRINGS = (Fact(t) for t in ("String", "Long", "Bool", "datetime", "Set<String>"))
ACT = Record(
    {
        "outcome": Fact("String", ("granted", "refused")),
        "from_day": DAY,
        "until_day?": DAY,
        "people?": LONG,
        "purposes": STRINGS,
        "detail?": STRING,
        "reference?": STRING,
    }
)
LAST_ACT = "the last act of each kind that is for this asker and dataset"
SUM = "a sum over studies since 1 January"
NO_FRACTIONS = "Cedar has no numbers of this kind"
NO_QUANTIFIERS = "Cedar does not look into each of a set"
PAPERS = "what signed papers add up to, each with its term"
CLAUSES = "clauses of deeds and contracts, each with its term and what was taken before"
CALENDAR = "Cedar does not count years"
HOURS = "whether it was done, or is now, after its time: Cedar counts no years"
STOPS = {"contained": "contained", "authority": "authority-told", "persons": "persons-told", "media": "media-told",
         "reported": "reported"}  # fmt: skip
"""By the fact that says when it was: the step of a breach."""


def _late(name: str) -> Read:
    def read(facts: Breached) -> bool:
        return any(due.what == STOPS[name] and due.late(facts.now_utc) for due in clocks(facts))

    return read


def _answer(rule: str) -> Read:
    def read(facts: Any) -> str | None:
        found = next(r for r in rules.all_rules() if r.id == rule)
        reason = found.ask(facts)
        return None if reason is None else reason.verdict

    return read


def answers_of(ids: Iterable[str]) -> dict[str, Fact | Record]:
    """What these rules answer, as facts."""
    said = ("allow", "deny", "needs")
    return {f"answer_{each}?": Fact("String", said, _answer(each), note="decided outside") for each in ids}


def _act(kind: str) -> Read:
    return lambda facts: facts.act(kind)


def _last(kind: str) -> Read:
    return lambda facts: facts.last(kind)


def _of_columns(facts: Facts) -> dict[str, Any]:
    return {
        "identifier": any(c.identifier for c in facts.columns),
        "types": {c.type for c in facts.columns},
        "grades": {c.grade for c in facts.columns},
        "unlisted": any(c.type == "category" and c.levels is None for c in facts.columns),
    }


COLUMNS = Record(
    {
        "identifier": Fact("Bool", note=NO_QUANTIFIERS),
        "types": Fact("Set<String>", note=NO_QUANTIFIERS),
        "grades": Fact("Set<Long>", note=NO_QUANTIFIERS),
        "unlisted": Fact("Bool", note=NO_QUANTIFIERS),
    },
    _of_columns,
)
STUDY = Record(
    {
        "request": Record(
            {
                "asker": STRING,
                "purpose": STRING,
                "dataset": STRING,
                "method": STRING,
                "recipient?": Fact("Bool", read=lambda r: r.recipient and True, note="whether it signed"),
                "release?": Fact("String", ("public", "controlled", "enclave")),
                "protection": Record(
                    {
                        "min_cell": LONG,
                        "secure_sum": BOOL,
                        "epsilon?": Fact("Bool", read=lambda p: None if p.epsilon is None else True, note=NO_FRACTIONS),
                    }
                ),
            }
        ),
        "legal": Record(
            {
                "jurisdiction": STRING,
                "today": DAY,
                "register_kept": BOOL,
                "critical_holders": Fact("Bool", read=lambda legal: bool(legal.critical_holders)),
            }
        ),
        "party?": Record(
            {
                "name": STRING,
                "kind": Fact("String", PARTY_KINDS),
                "jurisdiction?": STRING,
                "foreign_controlled?": BOOL,
                "contact?": STRING,
            }
        ),
        "acts": Record(
            {f"{kind}?": Record(ACT.facts, _act(kind)) for kind in ACTS},
            lambda facts: facts,
        ),
        "columns": COLUMNS,
        "category": STRING,
        "hospitals": LONG,
        "plain_allowed": BOOL,
        "method_private": BOOL,
        "epsilon_total?": Fact("Bool", read=lambda f: None if f.epsilon_total is None else True, note=NO_FRACTIONS),
        "epsilon_over": Fact("Bool", read=lambda f: (f.epsilon_total or 0.0) > f.epsilon_cap, note=NO_FRACTIONS),
        "delta_over": Fact("Bool", read=lambda f: f.delta_total > f.delta_cap, note=NO_FRACTIONS),
        "people?": LONG,
        "exported": Fact("Long", note=SUM),
        "exported_to_asker": Fact("Long", note=SUM),
        "blacklist": STRINGS,
        "listed": Fact("Bool", read=lambda f: bool(f.listed), note=PAPERS),
        "reviews": STRINGS,
        "unreviewed": STRINGS,
        "reviewing": Fact("Long", note=PAPERS),
        "under_deeds": Fact("Bool", read=lambda f: bool(f.under_deeds), note=CLAUSES),
        "outside_deed": Fact("Bool", read=lambda f: f.outside_deed is not None, note=CLAUSES),
        "contract_asked": Fact("Bool", read=lambda f: f.contract_asked is not None, note=CLAUSES),
        "under_contracts": Fact("Bool", read=lambda f: bool(f.under_contracts), note=CLAUSES),
        "contract": Fact("Bool", read=lambda f: f.contract is not None, note=CLAUSES),
        "assessment?": Record(ACT.facts),
        "assessed_otherwise": Fact("Bool", note="what an impact assessment covers, by purpose, method and columns"),
        "assessed_elsewhere?": Record(ACT.facts),
    }
)
CONSENT = Record(
    {
        "act": Fact("String", ("ask", "grant", "refuse", "withdraw")),
        "by": Fact("String", tuple(BY)),
        "purpose": STRING,
        "today": DAY,
        "consent_age": LONG,
        "child?": Fact("Bool", note=CALENDAR),
        **{f"{name}?": STRING for name in ("died", "incapable", "ground", "reference", "witness", "speaker")},
        "delegation?": Record({"purposes": STRINGS, "until_day": DAY, "after_death": BOOL, "revoked_utc?": STRING}),
        "own_word_since": BOOL,
        "refused_days?": LONG,
        "ask_again_days": LONG,
        "unasked?": BOOL,
        "wording?": Record({"version": LONG, "purposes": STRINGS}),
        "wording_newest?": LONG,
        "wording_named": BOOL,
        "terms_within": Fact("Bool", note=NO_QUANTIFIERS),
    }
)
CARE = Record(
    {
        "staff": STRING,
        "role": STRING,
        "roles": STRINGS,
        "reason?": Fact("String", read=lambda o: (o.reason or "").strip() or None, note="blank is none"),
        "minutes": LONG,
        "most_minutes": LONG,
        "reviews?": Record({"staff": STRING, "role": STRING}, lambda o: _pair(o.reviews)),
    }
)
BREACH = Record(
    {
        "jurisdiction": STRING,
        "spared": BOOL,
        "ordered": BOOL,
        "media_spared": BOOL,
        "people?": LONG,
        **{f"{name}_utc?": STRING for name in STOPS},
        **{f"{name}_late": Fact("Bool", read=_late(name), note=HOURS) for name in STOPS},
    }
)
RIGHT = Record(
    {
        "right": Fact("String", RIGHTS),
        "jurisdiction": STRING,
        "identified?": BOOL,
        "basis?": Fact("String", ("consent", "contract", "law")),
        "keep_until?": STRING,
        "kept?": Fact("Bool", note="`none` is no day"),
        "feasible?": BOOL,
        "harms_others?": BOOL,
        "for_kin": BOOL,
        "died?": STRING,
        "ground?": STRING,
    }
)
DELETION = Record(
    {
        "cause": Fact("String", ("request", "withdrawal")),
        "jurisdiction?": STRING,
        "standing": BOOL,
        "retained?": STRING,
        "research?": STRING,
        "research_blank": Fact("Bool", note="Cedar strips nothing"),
    }
)
UPKEEP = Record(
    {
        "today": DAY,
        "jurisdiction": STRING,
        "nodes": STRINGS,
        "important": Fact("Bool", note=NO_QUANTIFIERS),
        "unlogged": Fact("Set<String>", note=NO_QUANTIFIERS),
        "logs_failed": Fact("Set<String>", note=NO_QUANTIFIERS),
        "acts": Record(
            {f"{kind}?": Record(ACT.facts, _last(kind)) for kind in ("important-data-report", "compliance-audit")},
            lambda facts: facts,
        ),
    }
)
FACTS: dict[About, Record] = {
    "study": STUDY, "consent": CONSENT, "care": CARE, "breach": BREACH, "right": RIGHT, "deletion": DELETION,
    "upkeep": UPKEEP,
}  # fmt: skip
"""What is not here Cedar is told no facts about, but answers (`cedar_trace.facts_about`)."""
ENDS: dict[About, tuple[str, str]] = {
    "study": ("Party", "Dataset"), "consent": ("Speaker", "Purpose"), "care": ("Staff", "Record"),
    "breach": ("Region", "Breach"), "right": ("Claimant", "Record"), "deletion": ("Person", "Dataset"),
}  # fmt: skip
ANY = ("Party", "Region")
"""Types of principal and resource."""


def _pair(reviews: tuple[str, str] | None) -> dict[str, str] | None:
    return None if reviews is None else dict(zip(("staff", "role"), reviews, strict=True))


def context(record: Record, source: Any) -> dict[str, Any]:
    """The facts as the context of a Cedar request, in JSON; what is None is left out."""
    found = {}
    for name, fact in record.facts.items():
        plain = name.removesuffix("?")
        value = fact.read(source) if fact.read else _attribute(source, plain)
        if value is not None:
            found[plain] = context(fact, value) if isinstance(fact, Record) else _value(fact, value)
    return found


def _attribute(source: Any, name: str) -> Any:
    return source[name] if isinstance(source, dict) else getattr(source, name)


def _value(fact: Fact, value: Any) -> Any:
    if fact.type == "datetime":
        return {"__extn": {"fn": "datetime", "arg": value}}
    return sorted(value) if fact.type.startswith("Set") else value
