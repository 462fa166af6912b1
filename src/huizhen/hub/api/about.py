"""Whether the hub serves, whom it takes the caller for, and what there is to ask about."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from huizhen import __version__
from huizhen.hub.api.at import AtDesk, Name, answer
from huizhen.hub.api.gate import Who
from huizhen.hub.api.shapes import Health, Node
from huizhen.hub.api.shapes import Who as WhoShape
from huizhen.hub.meters import MEDIA
from huizhen.kit.clock import stamp
from huizhen.model.dataset import Dataset

router = APIRouter(tags=["about"])
API = 1


@router.get("/health", response_model=Health, summary="Whether the hub serves")
def health(desk: AtDesk) -> Response:
    """Needs no token. A client compares version and clock before it relies on them."""
    return answer(
        {
            "status": "ok",
            "version": __version__,
            "api": API,
            "now_utc": stamp(desk.hub.clock()),
            "ledger": desk.hub.origin,
        }
    )


@router.get("/who", response_model=WhoShape, summary="Whom the hub takes the caller for")
def who_am_i(who: Who) -> Response:
    """Name and role of the token or certificate that was shown."""
    return answer({"name": who.name, "role": who.role})


@router.get("/datasets", response_model=list[Dataset], summary="The catalogue")
def datasets(
    who: Who,  # noqa: ARG001
    desk: AtDesk,
    name: Annotated[str | None, Query(pattern=Name, description="Of this dataset only.")] = None,
) -> Response:
    """The cards of all holders: columns, types, levels, counts; no row and no identifier."""
    return answer([card.as_json() for card in desk.cards(name)])


@router.get("/nodes", response_model=list[Node], summary="The hospitals' nodes")
def nodes(who: Who, desk: AtDesk, request: Request) -> Response:  # noqa: ARG001
    """Which there are, and which of them are connected to this hub at this moment."""
    there = set(request.app.state.there())
    return answer([{"name": name, "there": name in there} for name in desk.nodes()])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    summary="Measures of this hub process, in Prometheus' form",
)
def metrics(who: Who, request: Request) -> Response:
    """For trustees, auditors and regulators. Counts and times; it names nobody."""
    who.check_sees_all()
    return Response(request.app.state.meters.text(), media_type=MEDIA)
