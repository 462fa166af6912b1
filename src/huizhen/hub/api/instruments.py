"""Deeds and contracts: read by whom they concern, filed and moved by the trustee, signed by their parties."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from huizhen.hub.api.at import AtDesk, AtStudies, Name, answer
from huizhen.hub.api.gate import Who, body_of, takes
from huizhen.hub.api.shapes import Filed, Step
from huizhen.model.deed import Contract, Deed, Kind

router = APIRouter(prefix="/instruments", tags=["deeds and contracts"])
KindPath = Annotated[Kind, Path(description="deed or contract")]
NamePath = Annotated[str, Path(pattern=Name, description="Its name, as in its terms.")]
DeedBody = Annotated[Deed, Depends(body_of(Deed))]
ContractBody = Annotated[Contract, Depends(body_of(Contract))]
StepBody = Annotated[Step, Depends(body_of(Step))]


@router.get("/{kind}", response_model=list[Filed], summary="The last version of each, as it stands today")
def list_instruments(who: Who, kind: KindPath, desk: AtDesk) -> Response:
    """Deeds are for every caller; contracts for their parties, trustees, auditors and regulators."""
    return answer(desk.instruments.all(who, kind))


@router.get("/{kind}/{name}", response_model=Filed, summary="One version, with all that happened to it")
def show_instrument(
    who: Who,
    kind: KindPath,
    name: NamePath,
    desk: AtDesk,
    version: Annotated[int | None, Query(ge=1, lt=2**31, description="That version; else the last.")] = None,
) -> Response:
    """`instrument` is what its parties sign; its canonical bytes (RFC 8785) hash to `digest`."""
    return answer(desk.instruments.find(who, kind, name, version))


@router.post("/deed", response_model=Filed, status_code=201, summary="Draft a deed", openapi_extra=takes(Deed))
def draft_deed(who: Who, terms: DeedBody, studies: AtStudies) -> Response:
    """By the trustee: the next version of its name."""
    made = studies.desk.instruments.draft(who, "deed", terms.as_json())
    studies.witness_soon()
    return answer(made, 201)


@router.post(
    "/contract", response_model=Filed, status_code=201, summary="Draft a contract", openapi_extra=takes(Contract)
)
def draft_contract(who: Who, terms: ContractBody, studies: AtStudies) -> Response:
    """By the trustee: the next version of its name."""
    made = studies.desk.instruments.draft(who, "contract", terms.as_json())
    studies.witness_soon()
    return answer(made, 201)


@router.post("/{kind}/{name}/steps", response_model=Filed, summary="Take one step", openapi_extra=takes(Step))
def take_step(who: Who, kind: KindPath, name: NamePath, step: StepBody, studies: AtStudies) -> Response:
    """`offer`, `suspend`, `resume`, `end` by the trustee; `sign` and `end` by a party, with its signature, whoever
    sends it."""
    said = {key: value for key, value in step.model_dump().items() if value is not None}
    found = studies.desk.instruments.move(who, kind, name, said)
    studies.witness_soon()
    return answer(found)
