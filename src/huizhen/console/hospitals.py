"""The hospitals: which are connected now, what they hold, and how far each has co-signed the ledger."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response

from huizhen.console.render import render
from huizhen.console.visit import Visiting, no_page
from huizhen.kit.text import Text

router = APIRouter()


@dataclass(frozen=True)
class Hospital:
    """`quality`: share of cells that are filled, over all rows of its datasets; None without any."""

    name: str
    connected: bool
    datasets: list[str]
    rows: int
    quality: float | None


@dataclass(frozen=True)
class Hospitals:
    hospitals: list[Hospital]
    connected: int


@router.get("/hospitals")
def hospitals(visit: Visiting) -> Response:
    """For who sees everything: others learn at a dataset who holds it."""
    if not visit.caller.sees_all:
        raise no_page()
    there, cards = set(visit.request.app.state.there()), visit.desk.cards()
    found = []
    for name in visit.desk.nodes():
        own = [card for card in cards if card.holder == name]
        rows = sum(card.rows for card in own)
        quality = sum(card.quality * card.rows for card in own) / rows if rows else None
        found.append(Hospital(name, name in there, sorted(card.name for card in own), rows, quality))
    page = Hospitals(found, sum(h.connected for h in found))
    return render(visit.request, "hospitals", page, Text("Hospitals", "医院"), visit)
