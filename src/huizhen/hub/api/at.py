"""How an endpoint reaches what it serves, and the forms of names in paths and queries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from fastapi.responses import JSONResponse

from huizhen.hub.desk import PAGE, Desk
from huizhen.hub.studies import Studies


def _desk(request: Request) -> Desk:
    found: Desk = request.app.state.desk
    return found


def _studies(request: Request) -> Studies:
    found: Studies = request.app.state.studies
    return found


AtDesk = Annotated[Desk, Depends(_desk)]
AtStudies = Annotated[Studies, Depends(_studies)]
StudyId = Annotated[str, Path(pattern=r"^st-[0-9a-f]{16}$", description="The study's id.")]
Name = r"^[^\x00-\x1f/\\]{1,128}$"
EntryNumber = Annotated[int, Path(ge=0, lt=2**53, description="Number of the entry, from 0.")]
Start = Annotated[int, Query(ge=0, lt=2**53, description="The first entry wanted.")]
Limit = Annotated[int, Query(ge=1, le=PAGE, description="Entries wanted, at most.")]


def answer(value: Any, status: int = 200) -> JSONResponse:
    """JSON as it is: what the desk gave is not touched any more."""
    return JSONResponse(value, status_code=status)
