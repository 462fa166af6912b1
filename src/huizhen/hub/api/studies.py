"""Studies: ask what would be decided, submit, watch, fetch the outcome, confirm that it has arrived."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from huizhen.hub.api.at import AtDesk, AtStudies, Name, StudyId, answer
from huizhen.hub.api.gate import Who, body_of, takes
from huizhen.hub.api.shapes import Checked, Committed, Outcome, Progress, StudyLine, Submitted, ToCommit
from huizhen.kit.errors import NotFound
from huizhen.kit.text import Text
from huizhen.model.assessment import Assessment
from huizhen.model.study import Request as StudyRequest

router = APIRouter(prefix="/studies", tags=["studies"])
LONGEST_HOLD = 30.0
_LOOK = 0.1
"""Seconds between two looks for news."""
Asked = Annotated[StudyRequest, Depends(body_of(StudyRequest))]
CommittedBody = Annotated[Committed, Depends(body_of(Committed))]


@router.post("/check", response_model=Checked, summary="What would be decided", openapi_extra=takes(StudyRequest))
def check(who: Who, asked: Asked, desk: AtDesk) -> Response:
    """The verdict with every reason, the price, and what it would cost of the privacy budget. Computes nothing."""
    return answer(desk.check(who, asked))


@router.post(
    "/assess", response_model=Assessment, summary="What it would mean for persons", openapi_extra=takes(StudyRequest)
)
def assess(who: Who, asked: Asked, desk: AtDesk) -> Response:
    """A draft of the impact assessment, on no record. By the asker or the trustee; computes nothing."""
    return answer(desk.assessments.assess(who, asked).as_json())


@router.post("", response_model=Submitted, status_code=202, summary="Submit a study", openapi_extra=takes(StudyRequest))
def submit(who: Who, asked: Asked, studies: AtStudies) -> Response:
    """Begin the study, or take up one of the very same request that has not been confirmed as delivered: to submit
    twice is harmless. It runs on when the caller leaves."""
    study = studies.submit(who, asked)
    made = answer({"study": study}, 202)
    made.headers["Location"] = f"/v1/studies/{study}"
    return made


@router.get("", response_model=list[StudyLine], summary="All studies that the caller may see, oldest first")
def list_studies(who: Who, desk: AtDesk) -> Response:
    """An asker's own; those of all for trustees, auditors and regulators."""
    return answer(desk.studies(who))


@router.get("/{study}", response_model=Outcome, summary="Everything known of a study")
def outcome(who: Who, study: StudyId, desk: AtDesk) -> Response:
    """The same object that `huizhen study run --json` writes, at any time of the study's life."""
    return answer(desk.outcome(who, study))


@router.get("/{study}/progress", response_model=Progress, summary="Watch a study")
async def progress(
    who: Who,
    study: StudyId,
    studies: AtStudies,
    request: Request,
    after: Annotated[int, Query(ge=0, lt=2**53, description="Lines from this number on: `next` of the last.")] = 0,
    hold: Annotated[float, Query(ge=0, le=LONGEST_HOLD, description="Seconds to wait for news, at most.")] = 0.0,
) -> Response:
    """Its lines of progress. With `hold` the answer waits until there is something new, or nothing more will come."""
    found = await run_in_threadpool(studies.watch, who, study, after)
    loop = asyncio.get_running_loop()
    until = loop.time() + hold
    while not studies.news(study, after) and loop.time() < until and not await request.is_disconnected():
        await asyncio.sleep(_LOOK)
    if hold and not found["lines"]:
        found = await run_in_threadpool(studies.watch, who, study, after)
    return answer(found)


@router.get("/{study}/result", summary="The result of a released study")
def result(who: Who, study: StudyId, desk: AtDesk) -> Response:
    """The guarded figures alone, as the method gives them. 404 where there are none."""
    found = desk.outcome(who, study)
    if found["result"] is None:
        raise NotFound(
            "no-result",
            Text(f"Study {study} has no result: it is {found['status']}.", f"研究 {study} 没有结果。"),
            Text(f"`huizhen study show {study}` says why.", f"`huizhen study show {study}` 会说明原因。"),
        )
    return answer(found["result"])


@router.get(
    "/{study}/rows/{node}/{number}",
    response_class=Response,
    responses={200: {"content": {"application/octet-stream": {}}}},
    summary="A piece of a hospital's rows, sealed to the asker",
)
def rows(
    who: Who,
    study: StudyId,
    node: Annotated[str, Path(pattern=Name, description="The hospital's node.")],
    number: Annotated[int, Path(ge=0, lt=2**31, description="Number of the piece, from 0.")],
    desk: AtDesk,
) -> Response:
    """Of a released study that gives out rows; how many pieces there are is in its result. What the hub hands on here
    it cannot read. 404 where there are none."""
    return Response(desk.piece(who, study, node, number), media_type="application/octet-stream")


@router.post("/{study}/delivered", status_code=204, response_class=Response, summary="Confirm that the answer arrived")
def delivered(who: Who, study: StudyId, desk: AtDesk) -> Response:
    """From now on the same request is a new study. Until then, whoever submits it again after a crash gets this one."""
    desk.delivered(who, study)
    return Response(status_code=204)


@router.get("/{study}/commitment", response_model=ToCommit, summary="What has to be signed before the release")
def to_commit(who: Who, study: StudyId, desk: AtDesk) -> Response:
    """Of a study whose result a contract keeps back until its asker has signed. 409 where nothing is waited for."""
    return answer(desk.to_commit(who, study))


@router.post(
    "/{study}/commitment",
    status_code=204,
    response_class=Response,
    summary="Hand in the signed commitment",
    openapi_extra=takes(Committed),
)
def commit(who: Who, study: StudyId, made: CommittedBody, studies: AtStudies) -> Response:
    """Signed with the asker's registered key. The result is then released by itself, once the price is paid, too."""
    studies.desk.commit(who, study, made.signature)
    studies.go_on()
    return Response(status_code=204)
