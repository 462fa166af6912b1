"""Papers: reviews, the blacklist, alarms, auditors' reports. Whoever signs one, anybody with a token may hand it in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from huizhen.hub.api.at import AtDesk, AtStudies, Name, StudyId, answer
from huizhen.hub.api.gate import Who, body_of, takes
from huizhen.hub.api.shapes import Listing, Reviewed, ReviewLine, Said
from huizhen.model.paper import Kind, Paper

router = APIRouter(tags=["papers"])
KindQuery = Annotated[Kind | None, Query(description="Those of this kind; else all.")]
SubjectQuery = Annotated[str | None, Query(pattern=Name, description="Those about this party, reviewer or study.")]
PaperBody = Annotated[Paper, Depends(body_of(Paper))]
SaidBody = Annotated[Said, Depends(body_of(Said))]


@router.get("/papers", response_model=list[Paper], summary="Papers on file")
def papers(who: Who, desk: AtDesk, kind: KindQuery = None, subject: SubjectQuery = None) -> Response:
    """In the order in which they were filed. Verdicts of a review are shown once it is decided; alarms to trustees,
    auditors and regulators."""
    return answer(desk.papers.all(who, () if kind is None else (kind,), subject))


@router.post("/papers", response_model=Paper, status_code=201, summary="File a paper", openapi_extra=takes(Paper))
def file_paper(who: Who, paper: PaperBody, studies: AtStudies) -> Response:
    """Signed by who says it, whoever hands it in; the same one again changes nothing."""
    return answer(studies.file(who, paper), 201)


@router.post(
    "/papers/trustee", response_model=Paper, status_code=201, summary="Say something as trustee",
    openapi_extra=takes(Said),
)  # fmt: skip
def say(who: Who, said: SaidBody, studies: AtStudies) -> Response:
    """For trustees: the hub signs it with its own key."""
    return answer(studies.say(who, said.kind, said.subject, said.body), 201)


@router.get("/reviews", response_model=list[ReviewLine], summary="What has to be reviewed, or was")
def reviews(who: Who, desk: AtDesk) -> Response:
    """An asker's own; those of all for reviewers, trustees, auditors and regulators. Without the results."""
    return answer(desk.papers.reviews(who))


@router.get("/reviews/{study}", response_model=Reviewed, summary="Exactly what is reviewed")
def review(who: Who, study: StudyId, desk: AtDesk) -> Response:
    """For reviewers, and who sees everything. The digest of `content` (RFC 8785, SHA-256) is what a verdict is on."""
    return answer(desk.papers.review(who, study))


@router.get("/blacklist", response_model=list[Listing], summary="Every listing, as it stands today")
def blacklist(who: Who, desk: AtDesk, subject: SubjectQuery = None) -> Response:  # noqa: ARG001
    """For every caller: a listed party is refused everywhere until its term ends."""
    return answer(desk.papers.blacklist(subject))
