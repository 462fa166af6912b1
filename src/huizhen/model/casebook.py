"""An ordinary study, from which each rule's cases differ in the one fact they are about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from huizhen.kit.keys import SigningKey
from huizhen.model.consent import By, ConsentAct, Delegation
from huizhen.model.dataset import Column
from huizhen.model.deed import Instrument
from huizhen.model.deletion import Cause
from huizhen.model.giving import Giving, Leaving, Opening
from huizhen.model.incident import Breached
from huizhen.model.lifecycle import CLOCK, TRUSTEE, Event, Filed
from huizhen.model.paper import Paper
from huizhen.model.party import Act, LegalFacts, Party, Taken
from huizhen.model.right import Claim, Right
from huizhen.model.rule import Facts
from huizhen.model.study import Request
from huizhen.model.upkeep import Upkeep
from huizhen.model.wording import Edition

ORDINARY = Facts(
    request=Request(title="An ordinary question", asker="acme-pharma", purpose="HMB", dataset="lung", method="count"),
    columns=(Column(name="age", type="integer"),),
    category="clinical",
    participants=("north", "south", "west"),
    plain_allowed=False,
    method_private=True,
    epsilon_total=0.5,
    epsilon_cap=1.0,
    legal=LegalFacts(today="2026-11-22"),
)


def but(request: dict[str, Any] | None = None, **facts: Any) -> Facts:
    """The ordinary study, but with these parts of its request and these facts."""
    asked = Request.read({**ORDINARY.request.as_json(), **(request or {})})
    return replace(ORDINARY, request=asked, **facts)


DOMESTIC = Party(
    name="acme-pharma", kind="commercial", jurisdiction="CN", foreign_controlled=False, contact="dpo@acme.example"
)
ABROAD = DOMESTIC.model_copy(update={"jurisdiction": "SG", "foreign_controlled": True})


def on_file(kind: str, outcome: str = "granted", until: str | None = "2029-01-01", **more: Any) -> Act:
    """An act for the ordinary study's asker."""
    acts = {"kind": kind, "outcome": outcome, "party": "acme-pharma", "from_day": "2026-01-01", "until_day": until}
    return Act.read({**acts, **more})


def assessed(outcome: str = "granted", until: str | None = None) -> Act:
    """The ordinary study, assessed here."""
    request = ORDINARY.request
    scope = {"document": "a5" * 32, "purpose": request.purpose, "method": request.method, "release": request.release,
             "columns": ["age"], "protection": request.protection.as_json()}  # fmt: skip
    return on_file("impact-assessment", outcome, until, dataset=request.dataset, assessed=scope)


def legally(party: Party | None = None, *acts: Act, request: dict[str, Any] | None = None, **facts: Any) -> Facts:
    """The ordinary study, asked by this party with these acts on file. `facts` may be those of the law, too."""
    of_law = {k: facts.pop(k) for k in list(facts) if k in LegalFacts.model_fields}
    legal = LegalFacts(today="2026-11-22", register_kept=party is not None, party=party, acts=acts)
    return but(request, legal=legal.model_copy(update=of_law), **facts)


WORDING = Edition.read(
    {
        "version": 1,
        "since": "2026-01-01",
        "purposes": ["HMB", "DS"],
        "terms": {"recipients": ["academic", "commercial"], "methods": ["statistics"], "min_percent": 50},
        "en": {"choice": "May my data help research?", "scene": "Only totals leave.", "full": "All of it."},
        "zh": {"choice": "同意用于研究？", "scene": "仅汇总数据离院。", "full": "全文。"},
    }
)


def saying(act: ConsentAct = "grant", by: By = "person", purpose: str = "HMB", **facts: Any) -> Giving:
    """An adult's word on an ordinary day, but with these facts. A wording that is given is the one shown today."""
    wording = facts.get("wording")
    known: dict[str, Any] = {"today": "2026-11-28", "wording_named": wording is not None}
    if wording is not None:
        known["wording_newest"] = wording.version
    return Giving(act=act, by=by, purpose=purpose, **{**known, **facts})


def delegated(**changes: Any) -> Delegation:
    """A daughter named for biomedical research."""
    named = {"number": 1, "relation": "daughter", "purposes": ["HMB"], "until_day": "2028-12-31"}
    return Delegation.read({**named, "from_utc": "2026-01-01T00:00:00.000000Z", **changes})


def leaving(cause: Cause = "withdrawal", **facts: Any) -> Leaving:
    """The last consent of a person at a hospital in China ends, but with these facts."""
    return Leaving(**{"cause": cause, "jurisdiction": "CN", **facts})


def opening(**changes: Any) -> Opening:
    """A physician opens a record in an emergency."""
    ordinary: dict[str, Any] = {
        "staff": "ann", "role": "physician", "roles": frozenset({"physician", "officer"}),
        "reason": "unconscious, allergies unknown", "minutes": 60, "most_minutes": 240,
    }  # fmt: skip
    return Opening(**{**ordinary, **changes})


def breached(**changes: Any) -> Breached:
    """A breach at a hospital that became known at eight in the morning, UTC, looked at an hour later."""
    ordinary: dict[str, Any] = {"now_utc": "2026-11-28T09:00:00.000000Z", "jurisdiction": "CN", "critical": False}
    return Breached(**{**ordinary, "known_utc": "2026-11-28T08:00:00.000000Z", **changes})


def claim(right: Right, **changes: Any) -> Claim:
    """A person claims a right to their data at a hospital in China."""
    return Claim(**{"right": right, "today": "2026-11-28", "jurisdiction": "CN", **changes})


def upkeep(*acts: Act, **changes: Any) -> Upkeep:
    """A region in China with one node, and these acts on file."""
    return Upkeep(**{"today": "2026-11-22", "jurisdiction": "CN", "nodes": ("north",), "acts": acts, **changes})


TERM = {"from_day": "2026-01-01", "until_day": "2028-12-31"}


def key_of(party: str) -> SigningKey:
    """The key that a party of the casebook signs with; known to everybody, and so good for nothing else."""
    return SigningKey(party.encode().ljust(32, b".")[:32])


def signed(instrument: Instrument, *parties: str, day: str = "2026-01-01") -> Filed:
    """An instrument offered, and signed by these parties."""
    filing = Filed(instrument=instrument).after(Event(step="offer", by=TRUSTEE, day=day))
    for party in parties:
        key = key_of(party)
        signature = key.sign(instrument.signed_bytes("sign")).hex()
        filing = filing.after(Event(step="sign", by=party, day=day, key=key.public.hex(), signature=signature))
    return filing


def deed(unsigned: bool = False, suspended: bool = False, **terms: Any) -> Filed:
    """The casebook's deed about the ordinary study's dataset, but with these terms; in force unless it is said."""
    said = {"name": "lung-trust", "title": "Lung", "settlors": ["north", "south"], "trustee": "trust",
            "beneficiaries": ["patients"], "datasets": ["lung"], "purposes": ["HMB"], **TERM, **terms}  # fmt: skip
    return _filed(Instrument.read({"region": "casebook", "version": 1, "deed": said}), unsigned, suspended)


def contract(unsigned: bool = False, suspended: bool = False, **terms: Any) -> Filed:
    """The casebook's contract with the ordinary study's asker, but with these terms."""
    said = {"name": "acme-2026", "title": "Lung", "asker": "acme-pharma", "trustee": "trust", "datasets": ["lung"],
            "purposes": ["HMB"], **TERM, **terms}  # fmt: skip
    return _filed(Instrument.read({"region": "casebook", "version": 1, "contract": said}), unsigned, suspended)


def _filed(instrument: Instrument, unsigned: bool, suspended: bool) -> Filed:
    parties = instrument.terms.parties
    filing = signed(instrument, *(parties[:-1] if unsigned else parties))
    if not unsigned:
        filing = filing.after(Event(step="begin", by=CLOCK, day="2026-01-01"))
    if suspended:
        filing = filing.after(Event(step="suspend", by=TRUSTEE, day="2026-02-01"))
    return filing


def bound_by(*filings: Filed, request: dict[str, Any] | None = None, taken: int = 0) -> Facts:
    """The ordinary study, with these deeds and contracts in the facts."""
    under = tuple(Taken(contract=f.instrument.name, studies=taken) for f in filings if f.instrument.contract)
    return legally(request=request, instruments=filings, taken=under)


def paper(kind: str, subject: str, by: str, body: dict[str, Any], day: str = "2026-01-01") -> Paper:
    """A paper of the casebook's region, signed with the key that its signer has there."""
    key = key_of(by)
    said = {"region": "casebook", "kind": kind, "subject": subject, "by": by, "day": day, "body": body}
    return Paper.read({**said, "key": key.public.hex()}).signed(key.sign)


def listed(party: str, until: str = "2028-12-31", then: str = "", by: str = "agency") -> tuple[Paper, ...]:
    """A listing by the casebook's agency; with `then`: an appeal, or that it is lifted by `by`."""
    term = {"ground": "Sold what it was given.", "from_day": "2026-01-01", "until_day": until}
    first = paper("party-listed", party, "agency", term)
    about = {"listing": first.digest(), "text": "Because."}
    if then == "appeal":
        return first, paper("listing-appealed", party, party, about)
    return (first, paper("listing-decided", party, by, {**about, "outcome": "lifted"})) if then else (first,)


def reviewing(*organisations: str) -> tuple[Paper, ...]:
    """Reviewers r0, r1, ... of these organisations, enrolled by the casebook's trustee."""
    bodies = [{"organisation": o, "key": key_of(f"r{i}").public.hex()} for i, o in enumerate(organisations)]
    return tuple(paper("reviewer-enrolled", f"r{i}", "hub", body) for i, body in enumerate(bodies))
