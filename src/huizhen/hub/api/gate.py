"""The gate of the API: who calls, how often, with how large a body, and what an error looks like from outside."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar, cast

from fastapi import Depends, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from huizhen.adapters.tokens import Tokens
from huizhen.hub.app import bounded
from huizhen.hub.caller import Caller, Role
from huizhen.hub.scope import check_within
from huizhen.kit.defect import note_defect
from huizhen.kit.errors import BadInput, HuizhenError, Lost, Refused, to_wire
from huizhen.kit.text import Text
from huizhen.path.ports import Stopping

LARGEST_BODY = 1 << 20
RATE, BURST = 50.0, 300.0
"""Requests of one caller: so many a second, in the long run and at once."""
_STRANGER_RATE, _STRANGER_BURST = 10.0, 100.0
"""The same of one address that shows no valid token or certificate."""
_MOST_KEYS = 10_000
_BEARER = HTTPBearer(auto_error=False, description="A token from the trustee: `huizhen hub token add`.")

M = TypeVar("M", bound=BaseModel)


class Pace:
    """A bucket per caller that fills at `rate` up to `burst`, one request emptying it by one."""

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._now = rate, burst, now
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, who: str) -> None:
        """Raises Lost for one request too many."""
        with self._lock:
            now = self._now()
            left, then = self._left.pop(who, (self._burst, now))
            left = min(self._burst, left + (now - then) * self._rate)
            enough = left >= 1
            self._left[who] = (left - 1 if enough else left, now)
            while len(self._left) > _MOST_KEYS:
                self._left.popitem(last=False)
        if not enough:
            raise Lost(
                "too-many-requests",
                Text("There were too many requests in a short time.", "短时间内请求过多。"),
                Text("Wait a second, then go on more slowly.", "请等一秒后放慢速度再试。"),
            )


class Gate:
    """`node_of` answers the node whose TLS key has that digest, unless it is unknown or revoked."""

    def __init__(self, tokens: Tokens, node_of: Callable[[str], str | None]) -> None:
        self._tokens = tokens
        self._node_of = node_of
        self._known = Pace(RATE, BURST)
        self._strangers = Pace(_STRANGER_RATE, _STRANGER_BURST)

    def admit(self, request: Request, token: str | None) -> Caller:
        """Who calls: by token, else by the node's certificate. Raises Refused; Lost for too many requests."""
        try:
            caller = self._caller(request, token)
        except Refused:
            self._strangers.check(request.client.host if request.client else "")
            raise
        self._known.check(f"{caller.role} {caller.name}")
        return caller

    def _caller(self, request: Request, token: str | None) -> Caller:
        if token is not None:
            found = self._tokens.who(token)
            check_within(found.scope, request.method, request.url.path.removeprefix(request.scope.get("root_path", "")))
            return Caller(found.name, cast(Role, found.role))
        key = request.scope.get("extensions", {}).get("tls", {}).get("client_key")
        node = self._node_of(key) if isinstance(key, str) else None
        if node is None:
            raise Refused(
                "no-token",
                Text("The hub does not know who asks.", "中心无法确认请求方身份。"),
                Text("Give --token FILE; the trustee makes one with `huizhen hub token add`.",
                     "请给出 --token 文件；由受托方用 `huizhen hub token add` 创建。"),
            )  # fmt: skip
        return Caller(node, "node")


def _admit(request: Request, bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> Caller:
    gate: Gate = request.app.state.gate
    return gate.admit(request, None if bearer is None else bearer.credentials)


Who = Annotated[Caller, Depends(_admit)]


def nothing_unknown(request: Request) -> None:
    """A dependency of every endpoint. Raises BadInput for a query that it does not know, or that is given twice."""
    known = {p.alias for p in request.scope["route"].dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    if not set(given) <= known or len(set(given)) != len(given):
        raise bad_request("an unknown query, or one that is given twice")


def body_of(model: type[M]) -> Callable[[Request], Awaitable[M]]:
    """A dependency that reads the body as strict JSON of this type. FastAPI's own way would coerce lists to tuples."""

    async def read(request: Request) -> M:
        raw = await bounded(request, LARGEST_BODY)
        try:
            return model.model_validate_json(raw)
        except (ValidationError, ValueError) as error:
            raise bad_request(_said(error)) from None

    return read


def takes(model: type[BaseModel]) -> dict[str, Any]:
    """How the description of an endpoint shows such a body."""
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _said(error: ValueError) -> str:
    """Where the input is wrong and how, without the input itself."""
    if not isinstance(error, ValidationError):
        return "not JSON"
    found = [(".".join(map(str, e["loc"])) or "body", e["msg"]) for e in error.errors(include_input=False)[:3]]
    return "; ".join(f"{place}: {what}" for place, what in found)


def bad_request(said: str) -> BadInput:
    return BadInput(
        "bad-request",
        Text(f"The request is not of the right form: {said}.", f"请求格式不正确：{said}。"),
        Text("See /v1/openapi.json for what is allowed.", "允许的格式见 /v1/openapi.json。"),
    )


def failure(problem: HuizhenError) -> JSONResponse:
    """An error as it goes out."""
    headers = {"Retry-After": "1"} if problem.code == "too-many-requests" else {}
    if problem.code in {"no-token", "token-refused"}:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.code == "request-too-large":
        headers["Connection"] = "close"  # nothing more of it is read
    return JSONResponse({"error": to_wire(problem)}, status_code=problem.http, headers=headers)


class Sheltered:
    """Around the application: what nobody foresaw ends as an error without a value; nothing is to be kept by caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def pass_on(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] += [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
            await send(message)

        try:
            await self._app(scope, receive, pass_on)
        except Exception as fault:
            if not isinstance(fault, Stopping):
                note_defect("at the hub", fault)
            if not begun:
                await failure(_unforeseen(fault))(scope, receive, pass_on)


def _unforeseen(fault: Exception) -> HuizhenError:
    if isinstance(fault, Stopping):
        return Lost(
            "hub-stopping",
            Text("The hub is being stopped.", "中心正在停止。"),
            Text("Ask again when it is back: what was begun goes on.", "请待其恢复后再试：已开始的工作会继续。"),
        )
    if isinstance(fault, SQLAlchemyError):
        return Lost(
            "store-unavailable",
            Text("The hub's database does not answer.", "中心的数据库没有应答。"),
            Text("Try again later; tell the trustee if it goes on.", "请稍后重试；若持续出现，请告知受托方。"),
        )
    return HuizhenError(
        "unexpected",
        Text(f"Something failed at the hub that should not ({type(fault).__name__}).",
             f"中心出现意外故障（{type(fault).__name__}）。"),
        Text("Tell the trustee the time; the hub's log says where it was.", "请将时间告知受托方；中心日志记有位置。"),
    )  # fmt: skip
