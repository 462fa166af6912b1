"""Money: what was booked for a party, and the double entries of a study. Integer fen."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from huizhen.hub.api.at import AtDesk, Name, answer
from huizhen.hub.api.gate import Who
from huizhen.hub.api.shapes import Balanced, BookedThen

router = APIRouter(prefix="/money", tags=["money"])


@router.get("/statement", response_model=list[Balanced], summary="All bookings of a party, with the running balance")
def statement(
    who: Who,
    desk: AtDesk,
    party: Annotated[str, Query(pattern=Name, description="operator, a hospital, patients@HOSPITAL, or an asker.")],
) -> Response:
    """Askers and nodes see their own account."""
    return answer(desk.statement(who, party))


@router.get("/postings", response_model=list[BookedThen], summary="The double entries of one study")
def postings(
    who: Who,
    desk: AtDesk,
    study: Annotated[str, Query(pattern=r"^st-[0-9a-f]{16}$", description="The study's id.")],
) -> Response:
    """Debits equal credits."""
    return answer(desk.postings(who, study))
