"""Breaches of personal data: declared and followed by the trustee, read by whom they concern."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Response

from huizhen.hub.api.at import AtDesk, AtStudies, answer
from huizhen.hub.api.gate import Who, body_of, takes
from huizhen.hub.api.shapes import Reason, Shape
from huizhen.hub.bundle import Bundle
from huizhen.model.incident import Declaration, Noted

router = APIRouter(prefix="/breaches", tags=["breaches"])
BreachId = Annotated[str, Path(pattern=r"^br-[0-9a-f]{16}$", description="The breach's id.")]

DeclarationBody = Annotated[Declaration, Depends(body_of(Declaration))]
NotedBody = Annotated[Noted, Depends(body_of(Noted))]


class Clock(Shape):
    """What has to be done by when, and when it was; `late` once it was, or is."""

    what: str
    due_utc: str
    done_utc: str | None
    late: bool


class Happened(Shape):
    at_utc: str
    step: str
    by: str
    note: str | None


class Breach(Shape):
    """A breach as the ledger has it, with its clocks, and what each rule answers now."""

    breach: str
    state: str
    declared_utc: str
    jurisdiction: str
    critical: bool
    declaration: Declaration
    people: dict[str, int]
    affected: int | None
    clocks: list[Clock]
    reasons: list[Reason]
    events: list[Happened]


@router.get("", response_model=list[Breach], summary="Every breach that concerns the caller, oldest first")
def list_breaches(who: Who, desk: AtDesk) -> Response:
    """All for trustees, auditors and regulators, the closed ones too; for a hospital those that may affect it."""
    return answer(desk.incidents.breaches(who))


@router.get("/{breach}", response_model=Breach, summary="One breach")
def show_breach(who: Who, breach: BreachId, desk: AtDesk) -> Response:
    """404 for one that does not concern the caller."""
    return answer(desk.incidents.breach(who, breach))


@router.post("", response_model=Breach, status_code=201, summary="Declare a breach", openapi_extra=takes(Declaration))
def declare_breach(who: Who, said: DeclarationBody, studies: AtStudies) -> Response:
    """For trustees. The ledger has it from this moment on, and nothing takes it off."""
    made: dict[str, Any] = studies.desk.incidents.declare(who, said)
    studies.witness_soon()
    return answer(made, 201)


@router.post("/{breach}/steps", response_model=Breach, summary="Take one step", openapi_extra=takes(Noted))
def step_breach(who: Who, breach: BreachId, said: NotedBody, studies: AtStudies) -> Response:
    """For trustees. A step happened when it is recorded: no time can be given."""
    found = studies.desk.incidents.step(who, breach, said)
    studies.witness_soon()
    return answer(found)


@router.get("/{breach}/bundle", response_model=Bundle, summary="The evidence of a breach")
def breach_bundle(who: Who, breach: BreachId, desk: AtDesk) -> Response:
    """Every entry of the ledger about it, with proofs and documents that are verified without this hub."""
    return answer(desk.incidents.bundle(who, breach))
