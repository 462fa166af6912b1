"""Money: what was booked for a party, and the double entries of a study. Integer fen."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from huizhen.hub.api.at import AtDesk, AtStudies, Name, answer
from huizhen.hub.api.gate import Who, body_of, takes
from huizhen.hub.api.shapes import Balanced, BookedPayment, BookedThen
from huizhen.model.settlement import Payment

router = APIRouter(prefix="/money", tags=["money"])
Paid = Annotated[Payment, Depends(body_of(Payment))]


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


@router.post(
    "/payments",
    response_model=BookedPayment,
    status_code=201,
    summary="Book money that came in",
    openapi_extra=takes(Payment),
)
def receive(who: Who, payment: Paid, studies: AtStudies) -> Response:
    """By the trustee. Results that a contract keeps back for it are released by themselves. The same reference of the
    same party is booked once."""
    booked = studies.desk.instruments.receive(who, payment)
    studies.go_on()
    return answer(booked, 201)
