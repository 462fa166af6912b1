"""The ledger: everything that it takes to verify it elsewhere, with keys that the hub did not choose."""

from __future__ import annotations

from fastapi import APIRouter, Response

from huizhen.hub.api.at import AtDesk, EntryNumber, Limit, Start, answer
from huizhen.hub.api.gate import Who
from huizhen.hub.api.shapes import Entries, Keys, Note, Standing
from huizhen.hub.desk import PAGE

router = APIRouter(prefix="/ledger", tags=["ledger"])
PROOF = "text/plain; charset=utf-8"


@router.get("/entries", response_model=Entries, summary="Entries, oldest first, page by page")
def entries(who: Who, desk: AtDesk, start: Start = 0, limit: Limit = PAGE) -> Response:
    """Every caller gets every entry, since nobody can check one without all; documents of studies that the caller may
    not see are left out."""
    return answer({"size": desk.size(), "entries": desk.entries(who, start, limit)})


@router.get("/checkpoint", response_model=Note, summary="The newest checkpoint, with its cosignatures")
def checkpoint(who: Who, desk: AtDesk) -> Response:  # noqa: ARG001
    """What hub and hospitals have signed last of how the ledger stands."""
    return answer({"checkpoint": desk.checkpoint()})


@router.get(
    "/entries/{entry}/proof",
    summary="A proof of one entry that stands alone",
    response_class=Response,
    responses={200: {"content": {PROOF: {"schema": {"type": "string"}}}, "description": "C2SP tlog-proof"}},
)
def prove(who: Who, entry: EntryNumber, desk: AtDesk) -> Response:  # noqa: ARG001
    """Whoever has the keys can verify it without hub and network: `huizhen ledger verify --proof FILE --keys FILE`."""
    return Response(desk.prove(entry), media_type=PROOF)


@router.get("/witnesses", response_model=Standing, summary="How far outside witnesses have co-signed")
def witnesses(who: Who, desk: AtDesk) -> Response:  # noqa: ARG001
    """What the hub says of it; the checkpoint itself bears the cosignatures."""
    return answer(desk.standing())


@router.get("/keys", response_model=Keys, summary="The keys that the hub says are its own and the nodes'")
def keys(who: Who, desk: AtDesk) -> Response:  # noqa: ARG001
    """To be compared with those you were given, and to learn of new nodes; not to be relied on."""
    return answer({"keys": desk.keys()})
