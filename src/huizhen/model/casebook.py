"""An ordinary study, from which each rule's cases differ in the one fact they are about."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from huizhen.model.dataset import Column
from huizhen.model.party import Act, LegalFacts, Party
from huizhen.model.rule import Facts
from huizhen.model.study import Request

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


def legally(party: Party | None = None, *acts: Act, request: dict[str, Any] | None = None, **facts: Any) -> Facts:
    """The ordinary study, asked by this party with these acts on file. `facts` may be those of the law, too."""
    of_law = {k: facts.pop(k) for k in list(facts) if k in LegalFacts.model_fields}
    legal = LegalFacts(today="2026-11-22", register_kept=party is not None, party=party, acts=acts)
    return but(request, legal=legal.model_copy(update=of_law), **facts)
