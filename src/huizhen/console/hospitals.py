"""The hospitals: a map of which are connected and at work now, what they hold, and the uses as they happen."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass

from fastapi import APIRouter, Response

from huizhen.console.render import render
from huizhen.console.visit import Visit, Visiting, no_page
from huizhen.kit.text import Text

router = APIRouter()
_LOOK, _TOLD = 200, 12
"""So many entries are looked at for the flow, and so many lines are told."""
STAGES: dict[str, Text] = {
    "study-proposed": Text("asked", "提出"),
    "study-authorised": Text("decided", "裁决"),
    "round-summed": Text("hospitals summed", "各医院求和"),
    "study-guarded": Text("guarded", "出口检查"),
    "study-released": Text("released", "发布"),
    "study-denied": Text("denied", "拒绝"),
    "study-failed": Text("failed", "失败"),
    "study-stopped": Text("stopped", "叫停"),
    "study-settled": Text("paid out", "结算"),
}


@dataclass(frozen=True)
class Hospital:
    """`quality`: share of cells that are filled, over all rows of its datasets; None without any."""

    name: str
    connected: bool
    datasets: list[str]
    rows: int
    quality: float | None


@dataclass(frozen=True)
class Spot:
    """Where a hospital stands on the map around the hub, in its own units, and which way its name goes."""

    hospital: Hospital
    x: float
    y: float
    anchor: str
    busy: bool
    """Whether a study that runs now computes there."""


@dataclass(frozen=True)
class Use:
    """One thing that happened to a study, as the ledger has it."""

    entry: int
    at_utc: str
    what: Text
    study: str
    title: str
    asker: str
    purpose: str


@dataclass(frozen=True)
class Flow:
    """What happened last, newest first."""

    uses: list[Use]


@dataclass(frozen=True)
class Hospitals:
    hospitals: list[Hospital]
    connected: int
    spots: list[Spot]
    flow: Flow


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
    page = Hospitals(found, sum(h.connected for h in found), _map(found, _busy(visit)), Flow(list(_uses(visit))))
    return render(visit.request, "hospitals", page, Text("Hospitals", "医院"), visit)


def _busy(visit: Visit) -> set[str]:
    """The hospitals where studies compute now."""
    desk, who = visit.desk, visit.caller
    running = [s["study"] for s in desk.studies(who) if s["status"] == "running"]
    return {name for study in running for name in desk.outcome(who, study)["hospitals"] or ()}


def _map(found: list[Hospital], busy: set[str]) -> list[Spot]:
    """On an ellipse around the hub, the first at the top: nobody told us where they are, so nearness says nothing."""
    spots = []
    for i, each in enumerate(found):
        turn = 2 * math.pi * i / len(found)
        x, y = 360 + 215 * math.sin(turn), 170 - 125 * math.cos(turn)
        anchor = "middle" if abs(x - 360) < 40 else "start" if x > 360 else "end"
        spots.append(Spot(each, round(x, 1), round(y, 1), anchor, each.name in busy))
    return spots


@router.get("/hospitals/flow")
def flow(visit: Visiting) -> Response:
    """A part of the page, asked for again and again while it is looked at."""
    if not visit.caller.sees_all:
        raise no_page()
    return render(visit.request, "flow", Flow(list(_uses(visit))), Text("Uses", "使用"), visit)


def _uses(visit: Visit) -> Iterator[Use]:
    """Of the newest entries those that tell how a study goes on."""
    desk, size = visit.desk, visit.desk.size()
    start = max(0, size - _LOOK)
    told = 0
    for each in desk.entries(visit.caller, start, size - start)[::-1] if size else ():
        leaf = json.loads(each["leaf"])
        if leaf["kind"] not in STAGES:
            continue
        asked = desk.hub.store.study(leaf["subject"]).request
        yield Use(each["entry"], leaf["at_utc"], STAGES[leaf["kind"]], leaf["subject"], asked.title, asked.asker,
                  asked.purpose)  # fmt: skip
        told += 1
        if told == _TOLD:
            return
