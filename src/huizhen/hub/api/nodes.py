"""What nodes tell the hub outside studies. Everything else that passes between them is mail."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from huizhen.hub.api.at import AtStudies
from huizhen.hub.api.gate import Who, body_of, takes
from huizhen.model.statement import Statement

router = APIRouter(prefix="/node", tags=["nodes"])
Said = Annotated[Statement, Depends(body_of(Statement))]


@router.post(
    "/statements",
    status_code=204,
    response_class=Response,
    summary="A node says that it holds a dataset, or that its consents have changed",
    openapi_extra=takes(Statement),
)
def announce(who: Who, said: Said, studies: AtStudies) -> Response:
    """By the node's own certificate, about itself only, signed with its identity key; the signature goes onto the
    ledger, so that nobody can say it in the node's place. The same statement again changes nothing."""
    studies.desk.announce(who, said)
    studies.witness_soon()
    return Response(status_code=204)
