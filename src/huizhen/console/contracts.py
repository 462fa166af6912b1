"""Deeds and contracts, the parties, and money: what was agreed, and what was paid under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response

from huizhen.console import acts
from huizhen.console.render import render
from huizhen.console.visit import Visiting, no_page
from huizhen.hub.api.at import Name
from huizhen.hub.caller import Role
from huizhen.kit.text import Text
from huizhen.model.deed import Kind
from huizhen.model.lifecycle import STATES, State
from huizhen.model.party import Party

router = APIRouter()
_READ_MONEY: tuple[Role, ...] = ("asker", "trustee", "auditor", "regulator")
_LAST = 500
_DO: Mapping[str, Text] = {
    "offer": Text("Offer it for signature", "提请签署"),
    "sign": Text("Sign it", "签署"),
    "suspend": Text("Suspend it", "中止"),
    "resume": Text("Let it go on", "恢复"),
    "end": Text("End it, or give notice", "终止或通知退出"),
}


@dataclass(frozen=True)
class Contracts:
    deeds: list[dict[str, Any]]
    contracts: list[dict[str, Any]]
    parties: tuple[Party, ...]
    states: Mapping[State, Text]


@dataclass(frozen=True)
class Instrument:
    """One deed or contract with what its parties signed, clause by clause, and all that happened to it."""

    filed: dict[str, Any]
    states: Mapping[State, Text]
    steps: list[tuple[str, acts.Act]]
    """What the person may do of it now."""
    words: Mapping[str, Text]


@dataclass(frozen=True)
class Money:
    """A party's postings, newest first, with the balance after each; the parties whose account may be looked at."""

    party: str
    lines: list[dict[str, Any]]
    more: int
    parties: list[str]


@router.get("/contracts")
def contracts(visit: Visiting) -> Response:
    if visit.caller.role == "reviewer":
        raise no_page()
    found = visit.desk.instruments
    page = Contracts(found.all(visit.caller, "deed"), found.all(visit.caller, "contract"), visit.desk.parties(), STATES)
    return render(visit.request, "contracts", page, Text("Contracts", "合同"), visit)


@router.get("/contracts/{kind}/{name}")
def instrument(visit: Visiting, kind: Kind, name: Annotated[str, Path(pattern=Name)]) -> Response:
    filed = visit.desk.instruments.find(visit.caller, kind, name)
    return render(
        visit.request, "instrument", Instrument(filed, STATES, acts.steps(visit, filed), _DO), Text(name, name), visit
    )


@router.get("/money")
def money(visit: Visiting, party: Annotated[str, Query(max_length=128)] = "") -> Response:
    """An asker's own account; any for who sees everything. Raises Refused for another's."""
    who, desk = visit.caller, visit.desk
    if who.role not in _READ_MONEY:
        raise no_page()
    nodes = desk.nodes()
    parties = sorted({"operator", *(f"hospital:{n}" for n in nodes), *(f"patients@{n}" for n in nodes)})
    parties = parties if who.sees_all else []
    shown = party or ("operator" if who.sees_all else who.name)
    lines = desk.statement(who, shown)[::-1]
    page = Money(shown, lines[:_LAST], max(0, len(lines) - _LAST), parties)
    return render(visit.request, "money", page, Text("Money", "账目"), visit)
