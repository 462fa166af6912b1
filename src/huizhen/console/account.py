"""A person's own account: passkeys, password and code, and where they are signed in."""

from __future__ import annotations

import hmac
import io
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import JSONResponse, RedirectResponse

from huizhen.adapters.passkeys import Passkey
from huizhen.adapters.sessions import Session
from huizhen.console import acts
from huizhen.console.render import house, render
from huizhen.console.sign_in import Answer
from huizhen.console.visit import ROOT, Form, OwnForm, Visit, Visiting, another_site, check_same_site, doorman, site
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text

router = APIRouter()
_TITLE = Text("Your account", "我的账户")


@dataclass(frozen=True)
class Own:
    """How the account can be opened, and with which key it signs. `codes` is a new seed for the
    app, `picture` the same as one (SVG)."""

    passkeys: list[Passkey]
    has_password: bool
    sessions: list[Session]
    here: str
    by_link: bool
    codes: str
    picture: str
    registered: str | None
    """Public key that is on file for this person to sign with; "" for none yet, None where nobody signs."""
    problem: HuizhenError | None = None


@router.get("/account")
def show(visit: Visiting) -> Response:
    return _page(visit)


def _page(visit: Visit, form: Form | None = None, problem: HuizhenError | None = None) -> Response:
    door, login = doorman(visit.request), visit.account.login
    codes = (form or {}).get("codes") or door.accounts.new_codes()
    page = Own(
        door.passkeys.of(login),
        visit.account.has_password,
        door.sessions.of(login),
        visit.session.id,
        visit.session.way == "link",
        codes,
        _picture(door.accounts.codes_address(login, codes)),
        acts.own_key(visit) if house(visit.request).signs else None,
        problem,
    )
    return render(visit.request, "account", page, _TITLE, visit, 200 if problem is None else problem.http)


def _picture(address: str) -> str:
    """A QR code as SVG, without styles of its own: the policy of the page lets none in."""
    import segno

    out = io.BytesIO()
    segno.make(address, error="m").save(out, kind="svg", scale=4, border=2, xmldecl=False, svgns=True, dark="#000",
                                        light="#fff", omitsize=True)  # fmt: skip
    return out.getvalue().decode()


@router.post("/account/password")
def set_password(visit: Visiting, form: OwnForm) -> Response:
    accounts = doorman(visit.request).accounts
    try:
        accounts.set_password(
            visit.account.login, form.get("password", ""), form.get("codes", ""), form.get("code", "")
        )
    except HuizhenError as problem:
        return _page(visit, form, problem)
    return RedirectResponse(f"{ROOT}/account", 303)


@router.post("/account/passkeys/options")
def passkey_options(visit: Visiting, answer: Answer) -> Response:
    _check_key(visit, answer)
    return JSONResponse(doorman(visit.request).passkeys.options_to_add(visit.account.login, site(visit.request)))


@router.post("/account/passkeys")
def add_passkey(visit: Visiting, answer: Answer, label: Annotated[str, Query(max_length=60)] = "") -> Response:
    _check_key(visit, answer)
    doorman(visit.request).passkeys.add(visit.account.login, label, answer, site(visit.request))
    return JSONResponse({"to": f"{ROOT}/account"})


def _check_key(visit: Visit, answer: dict[str, object]) -> None:
    """What a script sends bears the form's key, too."""
    check_same_site(visit.request)
    if not hmac.compare_digest(str(answer.pop("key", "")), visit.form_key):
        raise another_site()


@router.post("/account/passkeys/remove")
def remove_passkey(visit: Visiting, form: OwnForm) -> Response:
    doorman(visit.request).passkeys.remove(visit.account.login, form.get("id", ""))
    return RedirectResponse(f"{ROOT}/account", 303)
