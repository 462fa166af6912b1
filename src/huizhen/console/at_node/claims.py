"""Rights that people claim, from their side and from the hospital's: asked at the console, answered by the law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, cast, get_args

from fastapi import APIRouter, Path, Response
from fastapi.responses import RedirectResponse

from huizhen.adapters.person_accounts import Asked, Person
from huizhen.client import my_page
from huizhen.client.my_page import Card
from huizhen.console.at_node.desk import AsPatient, AsStaff, Staff, in_words
from huizhen.console.render import render
from huizhen.console.visit import ROOT, Form, OwnForm
from huizhen.kit.errors import BadInput, HuizhenError
from huizhen.kit.text import Text
from huizhen.model.consent import BY
from huizhen.model.grant import verdict
from huizhen.model.right import NO_DUTY, RIGHT_WORDS, RIGHTS, Basis, Claim, Right
from huizhen.node import claims
from huizhen.node.my_data import gather
from huizhen.node.saying import Saying, check_day

router = APIRouter()
Number = Annotated[int, Path(ge=1, lt=2**53)]
_LONGEST = 2000
VERDICTS = {
    "allow": Text("granted", "准许"),
    "deny": Text("not granted", "不予准许"),
    "needs": Text("something is missing", "尚缺信息"),
}
_BASES = {
    "consent": Text("consent", "同意"),
    "contract": Text("a contract", "合同"),
    "law": Text("a law", "法律"),
}


@dataclass(frozen=True)
class Rights:
    """What a person can take away by themselves, ask for, and has asked for, newest first."""

    rights: Mapping[str, Text]
    asked: list[Asked]
    verdicts: dict[str, Text]
    problem: HuizhenError | None = None
    written: str = ""


@dataclass(frozen=True)
class Requests:
    """What people ask of the hospital, newest first; whose, is on the page of each."""

    asked: list[Asked]
    rights: Mapping[str, Text]
    verdicts: dict[str, Text]


@dataclass(frozen=True)
class OneRequest:
    """One claim, whose it is, and what the law has to know. `uses` is there where the person asks to see them."""

    asked: Asked
    person: Person
    by: Text
    right: Text
    verdicts: dict[str, Text]
    bases: dict[str, Text]
    uses: tuple[Card, ...]
    problem: HuizhenError | None = None


# -- the person's side


@router.get("/ask")
def show(mine: AsPatient) -> Response:
    page = Rights(RIGHT_WORDS, mine.desk.people.asked(mine.visit.account.login), VERDICTS)
    return render(mine.visit.request, "ask_right", page, Text("My rights", "我的权利"), mine.visit)


@router.post("/ask")
def ask(mine: AsPatient, form: OwnForm) -> Response:
    """Keep the claim for the hospital to answer."""
    with mine.open():
        pass  # whoever does not speak for the person any more asks for nothing
    right, text, people = form.get("right", ""), form.get("text", "").strip(), mine.desk.people
    try:
        if right not in RIGHTS or len(text) > _LONGEST:
            raise BadInput(
                "no-such-right",
                Text(f"Choose one of the rights, and write at most {_LONGEST} characters.",
                     f"请选择一项权利，说明不超过 {_LONGEST} 字。"),
                Text("Write it again.", "请重新填写。"),
            )  # fmt: skip
        people.ask(mine.visit.account.login, right, text)
    except HuizhenError as problem:
        page = Rights(RIGHT_WORDS, people.asked(mine.visit.account.login), VERDICTS, problem, text[:_LONGEST])
        return render(
            mine.visit.request, "ask_right", page, Text("My rights", "我的权利"), mine.visit, problem.http
        )  # fmt: skip
    return RedirectResponse(f"{ROOT}/ask", 303)


# -- the hospital's


@router.get("/requests")
def requests(staff: AsStaff) -> Response:
    page = Requests(staff.desk.people.asked(), RIGHT_WORDS, VERDICTS)
    return render(staff.visit.request, "requests", page, Text("Requests", "患者请求"), staff.visit)


@router.get("/requests/{number}")
def one(staff: AsStaff, number: Number) -> Response:
    return _page(staff, number)


def _page(staff: Staff, number: int, problem: HuizhenError | None = None) -> Response:
    asked = staff.desk.people.find(number)
    person = staff.desk.people.of(asked.login)
    uses: tuple[Card, ...] = ()
    if asked.right in ("view", "copy") and asked.answered_utc is None:
        with staff.desk.where() as (agent, _hub):
            uses = my_page.page(gather(agent, person.subject), staff.visit.language).read
    page = OneRequest(
        asked, person, BY[person.by], RIGHT_WORDS[asked.right], VERDICTS, _BASES, uses, problem
    )  # fmt: skip
    status = 200 if problem is None else problem.http
    return render(
        staff.visit.request, "request", page, Text(f"Request {number}", f"请求 {number}"), staff.visit, status
    )


@router.post("/requests/{number}")
def answer(staff: AsStaff, form: OwnForm, number: Number) -> Response:
    """What the law answers to it, with what the hospital knows; what is granted is done. What lacks a fact waits."""
    people = staff.desk.people
    asked = people.find(number)
    person = people.of(asked.login)
    try:
        claim = _claim(asked.right, person, form)
        with in_words(), staff.desk.where() as (agent, _hub):
            reasons = claims.answer(agent, person.subject, claim)
            found = verdict(reasons)
            if found == "needs":
                raise BadInput(
                    "claim-lacks",
                    Text(" ".join(r.en for r in reasons if r.verdict == "needs") or "No rule of this law is here.",
                         "".join(r.zh for r in reasons if r.verdict == "needs") or "此处没有该法域的规则。"),
                    Text("Say what is missing, and answer again.", "请补充所缺信息后再答复。"),
                )  # fmt: skip
            if found == "allow":
                said = Saying(
                    person.subject, "GRU", by=person.by, speaker=person.speaker, ground=person.ground
                )  # fmt: skip
                claims.carry_out(agent, said, claim)
        told = [(r.rule, Text(r.en, r.zh)) for r in reasons]
        people.answer(number, found, form.get("reply", "")[:_LONGEST].strip(), told)
    except HuizhenError as problem:
        return _page(staff, number, problem)
    staff.desk.tell()
    return RedirectResponse(f"{ROOT}/requests/{number}", 303)


def _claim(right: Right, person: Person, form: Form) -> Claim:
    keep, basis = form.get("keep", ""), form.get("basis", "")
    return Claim(
        right,
        "",
        "CN",
        identified=True,  # they have signed in
        basis=cast(Basis, basis) if basis in get_args(Basis) else None,
        keep_until=NO_DUTY if keep == NO_DUTY else check_day("keep", form.get("keep_until") or None),
        feasible=_yes_no(form.get("feasible", "")),
        harms_others=_yes_no(form.get("harms", "")),
        ground=person.ground,
    )


def _yes_no(said: Any) -> bool | None:
    return {"yes": True, "no": False}.get(said)
