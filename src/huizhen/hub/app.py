"""What the hub serves to nodes: the mailbox, and whether it is well. Every answer is MessagePack or JSON."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, RedirectResponse
from msgspec import structs
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from huizhen.adapters.dial import MEDIA, TURN
from huizhen.adapters.enrolment import AUTHORITY, ENROL, RENEW, Application, Renewal
from huizhen.adapters.enrolment import read as read_enrolment
from huizhen.adapters.mail_desk import not_admitted
from huizhen.adapters.mailbox import Mailbox
from huizhen.adapters.turn import LARGEST_TURN, Turn, read
from huizhen.hub.enrolment import Enrolment
from huizhen.hub.files import add_log
from huizhen.hub.log import Log
from huizhen.kit import wire
from huizhen.kit.errors import BadInput, HuizhenError, to_wire
from huizhen.kit.text import Text

_LARGEST_APPLICATION = 16 << 10


def make_app(
    mailbox: Mailbox,
    enrolment: Enrolment | None = None,
    api: FastAPI | None = None,
    log: Log | None = None,
    console: ASGIApp | None = None,
) -> FastAPI:
    """The application around a mailbox; `client_key` of the TLS extension says who calls. `api` is found at /v1,
    `console` at /console, to which the root leads."""
    app = FastAPI(title="Huizhen hub", openapi_url=None)
    app.add_exception_handler(HuizhenError, _said)

    async def turn(request: Request) -> Response:
        """One turn of a node at the mailbox."""
        call = mailbox.call(node_key(request), read(Turn, await bounded(request, LARGEST_TURN)))
        hung_up: asyncio.Future[None] = asyncio.ensure_future(_hung_up(request))
        waits: set[asyncio.Future[Any]] = {call.future, hung_up}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hung_up.cancel()
        if not call.future.done():
            mailbox.leave(call)
            return Response(status_code=204)
        return Response(wire.encode(call.future.result()), media_type=MEDIA)

    def ready() -> Response:
        """200 once the database answers; 503 says that another hub process should be asked."""
        well = mailbox.well()
        return JSONResponse({"ready": well}, status_code=200 if well else 503)

    app.add_route(TURN, turn, methods=["POST"])
    app.add_api_route("/health", lambda: {"status": "ok"}, methods=["GET"])
    app.add_api_route("/ready", ready, methods=["GET"])
    if enrolment is not None:
        _add_enrolment(app, enrolment)
    if log is not None:
        add_log(app, log)
    if api is not None:
        from huizhen.hub.api.app import no_such_place

        app.add_exception_handler(HTTPException, no_such_place)
        app.mount("/v1", api)
    if console is not None:
        app.add_api_route("/", lambda: RedirectResponse("/console/"), methods=["GET"])
        app.mount("/console", console)
    return app


def _add_enrolment(app: FastAPI, enrolment: Enrolment) -> None:
    """A node comes in by its code alone; once it is in, by its certificate."""

    def authority() -> Response:
        return Response(enrolment.authority.pem, media_type="application/x-pem-file")

    async def enrol(request: Request) -> Response:
        asked = read_enrolment(Application, await bounded(request, _LARGEST_APPLICATION))
        welcome = await run_in_threadpool(enrolment.enrol, asked)
        return Response(wire.encode(structs.asdict(welcome)), media_type=MEDIA)

    async def renew(request: Request) -> Response:
        asked = read_enrolment(Renewal, await bounded(request, _LARGEST_APPLICATION))
        pem = await run_in_threadpool(enrolment.renew, node_key(request), asked.request)
        return Response(pem, media_type="application/x-pem-file")

    app.add_api_route(AUTHORITY, authority, methods=["GET"])
    app.add_route(ENROL, enrol, methods=["POST"])
    app.add_route(RENEW, renew, methods=["POST"])


def node_key(request: Request) -> str:
    """Digest of the TLS key of the node that calls. Raises Refused where it shows no certificate."""
    key = request.scope.get("extensions", {}).get("tls", {}).get("client_key")
    if not isinstance(key, str):
        raise not_admitted()
    return key


async def bounded(request: Request, most: int) -> bytes:
    """The body of a request. Raises BadInput for one that is too large, before all of it has come."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise BadInput(
                "request-too-large",
                Text(f"A request has more than {most >> 10} kB.", f"请求超过 {most >> 10} kB。"),
                Text("Use the same version of Huizhen at hub and node.", "请在中心和节点使用同一版本。"),
            )
    return bytes(body)


async def _hung_up(request: Request) -> None:
    """Ends when the caller has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _said(_request: Request, problem: Any) -> Response:
    return JSONResponse({"error": to_wire(problem)}, status_code=problem.http)
