"""Alarms and credibility, for who watches: trustees, auditors, regulators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from huizhen.hub.api.at import AtDesk, AtStudies, answer
from huizhen.hub.api.gate import Who
from huizhen.hub.api.shapes import Alarm, Credibility

router = APIRouter(prefix="/watch", tags=["watching"])
AlarmId = Annotated[str, Path(pattern=r"^al-[0-9a-f]{16}$", description="The alarm's id.")]


@router.get("/alarms", response_model=list[Alarm], summary="Alarms")
def alarms(
    who: Who,
    desk: AtDesk,
    every: Annotated[bool, Query(alias="all", description="Those that were acknowledged, too.")] = False,
) -> Response:
    """Oldest first."""
    return answer(desk.watching.alarms(who, not every))


@router.get("/alarms/{alarm}", response_model=Alarm, summary="One alarm")
def alarm(who: Who, alarm: AlarmId, desk: AtDesk) -> Response:
    """With its reasons, and what was found. To acknowledge one, file a paper of kind `alarm-acknowledged`."""
    return answer(desk.watching.alarm(who, alarm))


@router.post("/scan", response_model=list[Alarm], summary="Look at access behaviour now")
def scan(
    who: Who,
    studies: AtStudies,
    days: Annotated[int, Query(ge=1, le=366, description="So many days back, today the last.")] = 1,
) -> Response:
    """Every study that was submitted, scored against its asker's history and peers; answers the alarms that are new.
    It is done after every study, too."""
    found = studies.desk.watching.scan(who, days)
    if found:
        studies.witness_soon()
    return answer(found)


@router.get("/credibility", response_model=list[Credibility], summary="Credibility of each party")
def credibility(who: Who, desk: AtDesk) -> Response:
    """From the ledger alone, each addend named; an asker sees its own."""
    return answer(desk.watching.credibility(who))
