"""The console as an application of its own, to be mounted at /console: pages, their headers, and errors as pages."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from huizhen.adapters.accounts import Accounts
from huizhen.adapters.passkeys import Passkeys
from huizhen.adapters.sessions import Sessions
from huizhen.console import account, acts, contracts, data, hospitals, ledger, overview, sign_in, studies, watching
from huizhen.console.render import HUB, POLICY, House, render, style
from huizhen.console.visit import Doorman, SignInFirst, no_page, sign_in_address, signed_in
from huizhen.hub.hub import Hub
from huizhen.hub.studies import Studies
from huizhen.kit.defect import note_defect
from huizhen.kit.errors import BadInput, HuizhenError
from huizhen.kit.text import Text

_PARTS = (sign_in, account, acts, overview, data, studies, watching, contracts, hospitals, ledger)
_HEADERS = {
    "content-security-policy": POLICY,
    "strict-transport-security": "max-age=31536000",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_STATIC = Path(__file__).parent / "static"


@dataclass(frozen=True)
class Problem:
    """An error as a page: what is wrong, what to do, and the code to name when asking for help."""

    what: Text
    remedy: Text
    code: str


def doorman_of(hub: Hub, hosts: Sequence[str]) -> Doorman:
    """The console's door at this hub, under these names of it."""
    seed = hub.key.private.private_bytes_raw()
    accounts = Accounts(hub.engine, hub.clock, seed)
    return Doorman(accounts, Passkeys(hub.engine, hub.clock), Sessions(hub.engine, hub.clock), tuple(hosts))


def make_console(running: Studies, there: Callable[[], Sequence[str]], hosts: Sequence[str]) -> FastAPI:
    """The console of a hub; `there` answers the nodes that wait for mail now, `hosts` are the names of the hub."""
    app = furnished(HUB, doorman_of(running.desk.hub, hosts), [part.router for part in _PARTS])
    app.state.studies, app.state.there = running, there
    return app


def furnished(of: House, door: Doorman, parts: Sequence[APIRouter]) -> FastAPI:
    """A console with these pages behind that door: what is the same at the hub and at a hospital."""
    app = FastAPI(title="Huizhen console", openapi_url=None)
    app.state.house, app.state.doorman = of, door
    for part in parts:
        app.include_router(part)
    app.add_api_route("/static/console.css", lambda: Response(style(), media_type="text/css"), methods=["GET"])
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    app.add_exception_handler(SignInFirst, lambda request, _e: RedirectResponse(sign_in_address(request), 303))
    app.add_exception_handler(HuizhenError, _problem)
    app.add_exception_handler(RequestValidationError, lambda request, _e: _problem(request, _crooked()))
    app.add_exception_handler(HTTPException, lambda request, _e: _problem(request, no_page()))
    app.add_middleware(Covered)
    return app


def _problem(request: Request, problem: Any) -> Response:
    """The error as a page, with the ways on of whoever is signed in."""
    try:
        visit = signed_in(request)
    except HuizhenError:
        visit = None
    page = Problem(problem.what, problem.remedy, problem.code)
    status = {400: 400, 401: 401, 403: 403, 404: 404, 409: 409, 422: 422, 503: 503}.get(problem.http, 500)
    title = Text("That did not work", "未能完成")
    return render(request, "problem", page, title, visit, 429 if problem.code == "too-many-requests" else status)


def _crooked() -> BadInput:
    return BadInput(
        "bad-address",
        Text("The address of the page is not of the right form.", "页面地址格式不正确。"),
        Text("Go to the first page and on from there.", "请返回首页。"),
    )


class Covered:
    """Around the application: the headers of every answer; and what nobody foresaw ends as a page without a value."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False
        kept = b"public, max-age=3600" if scope["path"].startswith(f"{scope['root_path']}/static/") else b"no-store"

        async def pass_on(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                named = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message["headers"] = [*message["headers"], *named, (b"cache-control", kept)]
            await send(message)

        try:
            await self._app(scope, receive, pass_on)
        except Exception as fault:
            note_defect("at the console", fault)
            if not begun:
                unforeseen = HuizhenError(
                    "unexpected-on-page",
                    Text("Something failed here that should not.", "出现意外故障。"),
                    Text("Tell whoever gave you your account the time; the log says where it was.",
                         "请将时间告知为您开设账户的一方；日志记有位置。"),
                )  # fmt: skip
                await _problem(Request(scope, receive), unforeseen)(scope, receive, pass_on)
