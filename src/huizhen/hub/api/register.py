"""The register that the law gate reads: who asks, and which approvals, filings and marks there are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from huizhen.hub.api.at import AtDesk, AtStudies, Name, answer
from huizhen.hub.api.gate import Who, bad_request, body_of, takes
from huizhen.hub.api.shapes import Reason
from huizhen.model.assessment import Assessment, Concluded
from huizhen.model.party import Act, Exported, Filing, Party

router = APIRouter(tags=["register"])
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{16,64}$", description="SHA-256, or how it begins.")]
PartyName = Annotated[str, Path(pattern=Name, description="Name of the party.")]


@router.get("/parties", response_model=list[Party], summary="The register of parties")
def parties(who: Who, desk: AtDesk) -> Response:  # noqa: ARG001
    """In order of name. What is null is not known, and `needs` where a rule asks for it."""
    return answer([p.as_json() for p in desk.parties()])


@router.get("/parties/{name}", response_model=Party, summary="One party")
def party(who: Who, name: PartyName, desk: AtDesk) -> Response:  # noqa: ARG001
    """As it is registered now; the ledger has what was known before. 404 where it is not registered."""
    return answer(desk.party(name).as_json())


@router.put("/parties/{name}", response_model=Party, summary="Register a party", openapi_extra=takes(Party))
def put_party(
    who: Who, name: PartyName, said: Annotated[Party, Depends(body_of(Party))], studies: AtStudies
) -> Response:
    """Register it, or replace what is known of it. For trustees; the ledger has who did it. From the first party on,
    whoever asks must be registered."""
    who.check_is_trustee()
    if said.name != name:
        raise bad_request("name: another one in the path")
    studies.desk.register_party(who, said)
    studies.witness_soon()
    return answer(said.as_json())


@router.get("/acts", response_model=list[Act], summary="Acts on file")
def acts(
    who: Who,
    desk: AtDesk,
    party: Annotated[str | None, Query(pattern=Name, description="Those that hold for this party.")] = None,
    dataset: Annotated[str | None, Query(pattern=Name, description="Those that hold for this dataset.")] = None,
) -> Response:
    """In the order in which they were filed; of one kind, the last that holds for party and dataset counts. Assessments
    of a study are shown to its asker and to who sees all."""
    return answer([a.as_json() for a in desk.acts(who, party, dataset)])


@router.post("/acts", response_model=Act, status_code=201, summary="File an act", openapi_extra=takes(Filing))
def file_act(who: Who, said: Annotated[Filing, Depends(body_of(Filing))], studies: AtStudies) -> Response:
    """For trustees; the ledger has who did it. None is ever taken off: a later one of its kind takes its place."""
    act = studies.desk.file_act(who, said)
    studies.witness_soon()
    return answer(act.as_json(), 201)


@router.post(
    "/assessments", response_model=Assessment, status_code=201, summary="Conclude an impact assessment",
    openapi_extra=takes(Concluded),
)  # fmt: skip
def conclude(who: Who, said: Annotated[Concluded, Depends(body_of(Concluded))], studies: AtStudies) -> Response:
    """For trustees: it is written anew with the officer's conclusion, filed, and its digest is on the ledger."""
    made = studies.desk.assessments.conclude(who, said.request, said.opinion)
    studies.witness_soon()
    return answer(made.as_json(), 201)


@router.get("/assessments/{digest}", response_model=Assessment, summary="An impact assessment on file")
def assessment(who: Who, digest: Digest, desk: AtDesk) -> Response:
    """By its digest or the first 16 digits of it. 404 for one about another asker's study."""
    return answer(desk.assessments.assessment(who, digest).as_json())


@router.get("/exported", response_model=list[Exported], summary="Persons in results that went abroad")
def exported(who: Who, desk: AtDesk) -> Response:
    """By recipient since 1 January, who is in two results twice; an asker sees its own. From 10,000 over all recipients
    an export needs a security assessment (rule CN14)."""
    return answer(desk.exported(who))


@router.get("/upkeep", response_model=list[Reason], summary="What has to be done from time to time")
def upkeep(who: Who, desk: AtDesk) -> Response:  # noqa: ARG001
    """Every rule about the region's upkeep, as it stands today: `allow` is done, `needs` and `deny` are not."""
    return answer([r.as_json() for r in desk.upkeep()])
