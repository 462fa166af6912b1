"""A visit: who looks at a page, in which language, and what every form has to show. Who may see what is the desk's."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Annotated, cast
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request

from huizhen.adapters.accounts import Account, Accounts
from huizhen.adapters.passkeys import Passkeys, Site
from huizhen.adapters.sessions import Session, Sessions, form_key
from huizhen.hub.api.gate import Pace
from huizhen.hub.app import bounded
from huizhen.hub.caller import Caller, Role
from huizhen.hub.desk import Desk
from huizhen.hub.studies import Studies
from huizhen.kit.errors import BadInput, HuizhenError, NotFound, Refused
from huizhen.kit.text import Language, Text

ROOT = "/console"
COOKIE = "__Host-huizhen"
"""The prefix has browsers insist on HTTPS, on this host alone, and on all of it (RFC 6265bis, 4.1.3.2)."""
LANGUAGE = "__Host-language"
_LARGEST_FORM = 64 << 10


class Doorman:
    """What lets people in: their accounts, passkeys and sessions, and how often a stranger may knock."""

    def __init__(self, accounts: Accounts, passkeys: Passkeys, sessions: Sessions, hosts: tuple[str, ...]) -> None:
        self.accounts, self.passkeys, self.sessions, self.hosts = accounts, passkeys, sessions, hosts
        self.pace = Pace(rate=0.5, burst=30.0)
        self.known = Pace(rate=20.0, burst=200.0)


@dataclass(frozen=True)
class Visit:
    """Of a person who has signed in. `secret` is that of the session."""

    request: Request
    language: Language
    account: Account
    session: Session
    secret: str

    @property
    def caller(self) -> Caller:
        return Caller(self.account.party, cast(Role, self.account.role))

    @property
    def form_key(self) -> str:
        return form_key(self.secret)

    @property
    def desk(self) -> Desk:
        return self.studies.desk

    @property
    def studies(self) -> Studies:
        found: Studies = self.request.app.state.studies
        return found


class SignInFirst(HuizhenError):
    """Nobody is signed in: the page is shown after that."""

    http = 401


def doorman(request: Request) -> Doorman:
    found: Doorman = request.app.state.doorman
    return found


def site(request: Request) -> Site:
    """The site that is visited. Raises BadInput under a name that is not the hub's: no page is for another's name."""
    host = request.url.hostname or ""
    if host not in doorman(request).hosts:
        raise BadInput(
            "not-this-host",
            Text("These pages are not known under this name.", "这些页面没有此名称。"),
            Text("Use the address that came with your account.", "请使用开设账户时收到的地址。"),
        )
    return Site(host, f"https://{request.url.netloc}")


def language(request: Request) -> Language:
    """As chosen on a page; else the first that the browser asks for; else English."""
    chosen = request.query_params.get("lang") or request.cookies.get(LANGUAGE)
    if chosen in ("en", "zh"):
        return cast(Language, chosen)
    asked = request.headers.get("accept-language", "")
    firsts = [part.strip()[:2].lower() for part in asked.split(",")]
    return "zh" if next((x for x in firsts if x in ("en", "zh")), "en") == "zh" else "en"


def signed_in(request: Request) -> Visit:
    """Raises SignInFirst; Lost for too many requests."""
    door, secret = doorman(request), request.cookies.get(COOKIE, "")
    site(request)
    session = door.sessions.find(secret) if secret else None
    if session is None:
        raise SignInFirst(
            "sign-in-first",
            Text("Sign in to see this page.", "请先登录再查看此页。"),
            Text("Use your passkey, or your password and code.", "请使用通行密钥，或密码加验证码。"),
        )
    door.known.check(session.login)
    return Visit(request, language(request), door.accounts.find(session.login), session, secret)


Visiting = Annotated[Visit, Depends(signed_in)]
Form = dict[str, str]


async def form_of(request: Request) -> Form:
    """The fields of a form, the last of each name. Raises BadInput for what is no form; Refused from another site."""
    check_same_site(request)
    raw = await bounded(request, _LARGEST_FORM)
    try:
        return dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=bool(raw), max_num_fields=100))
    except ValueError:
        raise BadInput(
            "bad-form",
            Text("The form could not be read.", "无法读取表单。"),
            Text("Load the page again and send it once more.", "请重新加载页面后再次提交。"),
        ) from None


def check_same_site(request: Request) -> None:
    """Raises Refused for a request that another site's page sends (Fetch Metadata; Origin where that is lacking)."""
    fetched, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if fetched not in (None, "same-origin") or origin not in (None, site(request).origin):
        raise another_site()


async def own_form(visit: Visiting, form: Annotated[Form, Depends(form_of)]) -> Form:
    """The fields of a form that this session was shown. Raises Refused for any other."""
    if not hmac.compare_digest(form.pop("key", ""), visit.form_key):
        raise another_site()
    return form


def another_site() -> Refused:
    return Refused(
        "not-from-this-page",
        Text("This was not sent from a page of this session.", "该请求不是由本次会话的页面发出的。"),
        Text("Load the page again and send it once more.", "请重新加载页面后再次提交。"),
    )


OwnForm = Annotated[Form, Depends(own_form)]
AnyForm = Annotated[Form, Depends(form_of)]


def way_back(to: str) -> str:
    """Where to go after signing in: a page of the console, whatever was asked for."""
    plain = to.isascii() and to.isprintable() and "\\" not in to
    return to if plain and (to == ROOT or to.startswith(f"{ROOT}/")) and "//" not in to else f"{ROOT}/"


def sign_in_address(request: Request) -> str:
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{ROOT}/sign-in?to={quote(request.url.path + query, safe='')}"


def no_page() -> NotFound:
    return NotFound(
        "no-such-page",
        Text("There is no such page, or it is not for you.", "没有该页面，或该页面不对您开放。"),
        Text("Go to the first page and on from there.", "请返回首页。"),
    )
