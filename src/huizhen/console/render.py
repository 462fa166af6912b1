"""A page from its context, in one language: every template is given exactly one documented context, as `page`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from huizhen.console.visit import LANGUAGE, ROOT, Visit, language
from huizhen.hub.caller import ROLE_WORDS, Role
from huizhen.kit.money import yuan
from huizhen.kit.text import Language, Text

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_YEAR = 365 * 24 * 3600
_EVERYONE: tuple[Role, ...] = ("asker", "trustee", "auditor", "regulator", "reviewer")
_ALL_SEEING: tuple[Role, ...] = ("trustee", "auditor", "regulator")


@dataclass(frozen=True)
class Door:
    """A way on in the head of every page: where to, its word, and for which roles."""

    path: str
    word: Text
    roles: tuple[str, ...]


DOORS = (
    Door("/", Text("Overview", "概览"), _EVERYONE),
    Door("/data", Text("Data", "数据目录"), _EVERYONE),
    Door("/studies", Text("Studies", "研究"), _EVERYONE),
    Door("/reviews", Text("Reviews", "审查"), ("trustee", "auditor", "regulator", "reviewer")),
    Door("/contracts", Text("Contracts", "合同"), ("asker", *_ALL_SEEING)),
    Door("/hospitals", Text("Hospitals", "医院"), _ALL_SEEING),
    Door("/alarms", Text("Alarms", "警报"), _ALL_SEEING),
    Door("/money", Text("Money", "账目"), ("asker", *_ALL_SEEING)),
    Door("/ledger", Text("Ledger", "账本"), _EVERYONE),
    Door("/rules", Text("Rules", "规则"), _EVERYONE),
)


@dataclass(frozen=True)
class House:
    """What one console has that another has not: its ways on, the words of its roles, who gives new links to accounts,
    what it wants people to remember, and whether they sign there with keys of their own."""

    doors: tuple[Door, ...]
    roles: Mapping[str, Text]
    giver: Text
    motto: Text
    signs: bool


HUB = House(
    DOORS,
    {str(role): word for role, word in ROLE_WORDS.items()},
    Text("the trustee", "受托方"),
    Text("No record leaves its hospital.", "记录不离开医院。"),
    signs=True,
)


def house(request: Request) -> House:
    """The console that is visited."""
    found: House = request.app.state.house
    return found


@dataclass(frozen=True)
class Frame:
    """What surrounds every page: language, who is signed in and where they can go. `account` is None before that."""

    language: Language
    path: str
    account: str | None
    party: str
    role: str
    doors: tuple[tuple[str, str, bool], ...]
    form_key: str
    giver: str
    motto: str


@cache
def _environment() -> Environment:
    return Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("huizhen.console", "templates"),
                PackageLoader("huizhen.console.at_node", "templates"),
                PackageLoader("huizhen.client", "templates"),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def style() -> str:
    """The style sheet of every page: that of the reports, and what pages need beside it."""
    return _environment().get_template("console.css").render()


def _frame(request: Request, visit: Visit | None) -> Frame:
    said, path, of = language(request), request.url.path.removeprefix(ROOT) or "/", house(request)
    rest = of.giver.say(said), of.motto.say(said)
    if visit is None:
        return Frame(said, path, None, "", "", (), "", *rest)
    own = visit.account
    open_to = [door for door in of.doors if own.role in door.roles]
    here = max((d.path for d in open_to if path == d.path or path.startswith(f"{d.path}/")), key=len, default="")
    doors = tuple((ROOT + d.path, d.word.say(said), d.path == here) for d in open_to)
    return Frame(said, path, own.login, own.party, of.roles[own.role].say(said), doors, visit.form_key, *rest)


def render(
    request: Request, name: str, page: Any, title: Text, visit: Visit | None = None, status: int = 200
) -> HTMLResponse:
    """The page `name`.html as an answer, under a policy that lets nothing in from elsewhere; all text is escaped."""
    frame = _frame(request, visit)

    def say(en: str, zh: str) -> str:
        return zh if frame.language == "zh" else en

    def tell(text: Text) -> str:
        return text.say(frame.language)

    written = (
        _environment()
        .get_template(f"{name}.html")
        .render(page=page, frame=frame, title=title.say(frame.language), t=say, tell=tell, yuan=yuan, root=ROOT)
    )
    made = HTMLResponse(written, status)
    if request.query_params.get("lang") in ("en", "zh"):
        made.set_cookie(LANGUAGE, frame.language, max_age=_YEAR, secure=True, samesite="lax")
    return made
