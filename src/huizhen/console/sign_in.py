"""Signing in: by passkey, by password and code, by a one-time link; and signing out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from huizhen.console.render import render
from huizhen.console.visit import (
    COOKIE,
    ROOT,
    AnyForm,
    OwnForm,
    Visiting,
    check_same_site,
    doorman,
    site,
    way_back,
)
from huizhen.hub.api.gate import bad_request
from huizhen.hub.app import bounded
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text

router = APIRouter()
_LARGEST_ANSWER = 16 << 10
_TITLE = Text("Sign in", "登录")
Address = Annotated[str, Query(max_length=2000)]


@dataclass(frozen=True)
class SignIn:
    """`to`: where to go afterwards. `problem`: why the last try failed. `login`: what was written then."""

    to: str
    login: str = ""
    problem: HuizhenError | None = None


@dataclass(frozen=True)
class ByLink:
    """A link is used up by a press of a button, not by whoever looks at the page, such as a scanner of mail. Its secret
    stands behind #, which browsers send to nobody: the page itself takes it from there."""


async def json_of(request: Request) -> dict[str, Any]:
    """An answer of the browser's as JSON. Raises BadInput; Refused from another site."""
    check_same_site(request)
    try:
        found = json.loads(await bounded(request, _LARGEST_ANSWER))
    except ValueError:
        raise bad_request("not JSON") from None
    if not isinstance(found, dict):
        raise bad_request("not an object")
    return found


Answer = Annotated[dict[str, Any], Depends(json_of)]


def knock(request: Request) -> None:
    """Raises Lost for a stranger who knocks too often."""
    doorman(request).pace.check(request.client.host if request.client else "")


Knocks = [Depends(knock)]


def _let_in(request: Request, login: str, way: str, answer: Response) -> Response:
    """Open a session, always a new one: whatever secret was in the browser before opens nothing more."""
    sessions = doorman(request).sessions
    before = request.cookies.get(COOKIE)
    if before:
        sessions.end(before)
    secret = sessions.open(login, way)
    answer.set_cookie(COOKIE, secret, secure=True, httponly=True, samesite="lax")
    return answer


@router.get("/sign-in")
def show(request: Request, to: Address = "") -> Response:
    site(request)
    return render(request, "sign_in", SignIn(way_back(to)), _TITLE)


@router.post("/sign-in", dependencies=Knocks)
def by_password(request: Request, form: AnyForm) -> Response:
    to, login = way_back(form.get("to", "")), form.get("login", "")
    try:
        found = doorman(request).accounts.by_password(login, form.get("password", ""), form.get("code", ""))
    except HuizhenError as problem:
        return render(request, "sign_in", SignIn(to, login[:64], problem), _TITLE, status=403)
    return _let_in(request, found.login, "password", RedirectResponse(to, 303))


@router.post("/sign-in/passkey/options", dependencies=Knocks)
def passkey_options(request: Request, _answer: Answer) -> Response:
    return JSONResponse(doorman(request).passkeys.options_to_sign_in(site(request)))


@router.post("/sign-in/passkey", dependencies=Knocks)
def by_passkey(request: Request, answer: Answer, to: Address = "") -> Response:
    door = doorman(request)
    login = door.passkeys.by_passkey(answer, site(request))
    return _let_in(request, door.accounts.find(login).login, "passkey", JSONResponse({"to": way_back(to)}))


@router.get("/link", dependencies=Knocks)
def show_link(request: Request) -> Response:
    site(request)
    return render(request, "by_link", ByLink(), _TITLE)


@router.post("/link", dependencies=Knocks)
def by_link(request: Request, form: AnyForm) -> Response:
    found = doorman(request).accounts.by_link(form.get("secret", ""))
    return _let_in(request, found.login, "link", RedirectResponse(f"{ROOT}/account", 303))


@router.post("/sign-out")
def sign_out(visit: Visiting, form: OwnForm) -> Response:
    door = doorman(visit.request)
    if form.get("everywhere"):
        door.sessions.end_all(visit.account.login)
    else:
        door.sessions.end(visit.secret)
    left = RedirectResponse(f"{ROOT}/sign-in", 303)
    left.delete_cookie(COOKIE, secure=True, httponly=True, samesite="lax")
    return left
