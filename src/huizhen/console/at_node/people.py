"""Family members whom a patient names to speak for them: within limits, and taken back in one tap."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse

from huizhen.console.at_node.desk import AsPatient, Mine
from huizhen.console.render import render
from huizhen.console.visit import ROOT, OwnForm, no_page
from huizhen.kit.errors import BadInput, HuizhenError
from huizhen.kit.text import Text
from huizhen.model.consent import Delegation
from huizhen.model.purpose import PURPOSES
from huizhen.node import delegates
from huizhen.node.saying import check_day

router = APIRouter()
_TITLE = Text("Family", "家属")
_LABELS = {code: p.label for code, p in PURPOSES.items() if not p.prohibited}


@dataclass(frozen=True)
class Family:
    """Whom the person named, newest first; `own` is false where it is not the person who looks."""

    named: list[Delegation]
    today: str
    purposes: dict[str, Text]
    own: bool
    problem: HuizhenError | None = None


@router.get("/family")
def show(mine: AsPatient) -> Response:
    return _page(mine)


def _page(mine: Mine, problem: HuizhenError | None = None) -> Response:
    with mine.open() as (agent, _hub):
        named = delegates.listed(agent, mine.person.subject)[::-1]
        today = agent.clock().astimezone().date().isoformat()
    page = Family(named, today, _LABELS, mine.person.by == "person", problem)
    status = 200 if problem is None else problem.http
    return render(mine.visit.request, "family", page, _TITLE, mine.visit, status)


def _check_own(mine: Mine) -> None:
    """Nobody but the person names who else may speak for them."""
    if mine.person.by != "person":
        raise no_page()


@router.post("/family")
def add(mine: AsPatient, form: OwnForm) -> Response:
    """Name a family member, in the person's own words and by nobody else's."""
    _check_own(mine)
    who, relation = form.get("number", "").strip(), form.get("relation", "").strip()
    try:
        day = check_day("until", form.get("until") or None)
        if not who or not relation or day is None or len(relation) > 60:
            raise BadInput(
                "family-lacking",
                Text("Who it is, how related, and until when has to be said.", "须填写编号、关系与截止日期。"),
                Text("Fill in all three.", "请填写全部三项。"),
            )
        purposes = tuple(code for code in _LABELS if form.get(f"for-{code}"))
        with mine.open() as (agent, _hub):
            delegates.add(agent, mine.person.subject, who, relation, purposes, day, bool(form.get("after_death")))
    except BadInput as problem:
        return _page(mine, problem)
    return RedirectResponse(f"{ROOT}/family", 303)


@router.post("/family/revoke")
def revoke(mine: AsPatient, form: OwnForm) -> Response:
    """They speak no more, and what they said yes to ends."""
    _check_own(mine)
    number = form.get("number", "")
    with mine.open() as (agent, _hub):
        delegates.revoke(agent, mine.person.subject, int(number) if number.isdecimal() and len(number) < 10 else -1)
    mine.desk.withdrawn(mine.visit.account.login)
    return RedirectResponse(f"{ROOT}/family", 303)
