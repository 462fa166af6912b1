"""Studies that ask for the hospital's data: what became of each here; and the hospital's own yes or no."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from fastapi import APIRouter, Response
from fastapi.responses import RedirectResponse
from pyroaring import BitMap

from huizhen.client.my_page import how
from huizhen.client.words import STATUS
from huizhen.console.at_node.desk import AsStaff
from huizhen.console.render import render
from huizhen.console.visit import ROOT, OwnForm, no_page
from huizhen.hub.api.at import StudyId
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.ledger.my_data import StudyUse
from huizhen.model.policy import Policy
from huizhen.model.purpose import PURPOSES
from huizhen.model.study import Study
from huizhen.node import approvals
from huizhen.node.agent import Agent
from huizhen.node.approvals import SAID_NO, WAITS, Answered
from huizhen.node.coverage import least_shown, told

router = APIRouter()
_NEWEST = 200
_STATUS = {**STATUS, "open": Text("open", "进行中"), "refused": Text("refused here", "本院拒绝")}


@dataclass(frozen=True)
class Question:
    """One study as this hospital has it. `people`: included here, rounded; None: some, too few to be told. `read` is
    false where nothing was. `code`: why it was refused here. `said`: the hospital's own answer."""

    id: str
    title: str
    asker: str
    purpose: Text
    method: str
    dataset: str
    date_utc: str
    status: Text
    style: str
    code: str
    people: int | None
    read: bool
    price_fen: int | None
    said: Answered | None
    study: Study | None

    @property
    def waits(self) -> bool:
        return self.code == WAITS and self.said is None


@dataclass(frozen=True)
class Questions:
    """Newest first, those that wait for an answer before all others."""

    waiting: list[Question]
    others: list[Question]
    approve_each: bool


@dataclass(frozen=True)
class OneQuestion:
    question: Question
    how: Text
    parts: list[tuple[Text, str]]
    least: int
    policy: Policy


def questions(agent: Agent) -> list[Question]:
    """Every study that asked this hospital, newest first."""
    found = [*_opened(agent), *_refused(agent)]
    return sorted(found, key=lambda q: q.date_utc, reverse=True)


def _opened(agent: Agent) -> Iterator[Question]:
    least = least_shown(agent)
    for row in agent.book.studies():
        study = None if row["request"] is None else Study.model_validate_json(row["request"])
        count = None if row["included"] is None else len(BitMap.deserialize(row["included"]))
        yield Question(
            id=row["id"],
            title=row["title"],
            asker=row["asker"],
            purpose=_purpose(row["purpose"]),
            method=row["method"],
            dataset=row["dataset"],
            date_utc=row["opened_utc"],
            status=_STATUS.get(row["status"], Text(row["status"], row["status"])),
            style={"released": "", "open": "running"}.get(row["status"], "denied"),
            code="",
            people=None if count is None else told(count, least),
            read=count is not None,
            price_fen=None if study is None else study.request.price_fen,
            said=None if study is None else approvals.answered(agent.book, study.request),
            study=study,
        )


def _refused(agent: Agent) -> Iterator[Question]:
    for each in agent.book.uses.refused():
        request = each.study.request
        yield Question(
            id=each.study.id,
            title=request.title,
            asker=request.asker,
            purpose=_purpose(request.purpose),
            method=request.method,
            dataset=request.dataset,
            date_utc=each.at_utc,
            status=_STATUS["refused"],
            style="denied",
            code=each.code,
            people=None,
            read=False,
            price_fen=request.price_fen,
            said=approvals.answered(agent.book, request),
            study=each.study,
        )


def _purpose(code: str) -> Text:
    return PURPOSES[code].label if code in PURPOSES else Text(code, code)


@router.get("/questions")
def show(staff: AsStaff) -> Response:
    with staff.desk.where() as (agent, _hub):
        found, policy = questions(agent), agent.policy()
    asked_once = {q.study.request.canonical(): q for q in reversed(found) if q.waits and q.study is not None}
    waiting = list(asked_once.values())[::-1]
    others = [q for q in found if not q.waits][:_NEWEST]
    page = Questions(waiting, others, policy.approve_each)
    return render(staff.visit.request, "questions", page, Text("Studies", "研究"), staff.visit)


@router.get("/questions/{study}")
def one(staff: AsStaff, study: StudyId) -> Response:
    with staff.desk.where() as (agent, _hub):
        found = _find(agent, study)
        use = StudyUse(
            id=found.id, asker=found.asker, title=found.title, purpose="", method=found.method, dataset=found.dataset,
            opened_utc=found.date_utc, status="", part="not-asked",
        )  # fmt: skip
        page = OneQuestion(found, how(use), _parts(found), least_shown(agent), agent.policy())
    return render(staff.visit.request, "question", page, Text(found.title, found.title), staff.visit)


def _find(agent: Agent, study: str) -> Question:
    found = next((q for q in questions(agent) if q.id == study), None)
    if found is None:
        raise no_page()
    return found


def _parts(found: Question) -> list[tuple[Text, str]]:
    if found.study is None:
        return []
    request = found.study.request
    noise = "" if request.protection.epsilon is None else str(request.protection.epsilon)
    told = [
        (Text("parameters", "参数"), "; ".join(f"{k}: {v}" for k, v in request.params.items())),
        (Text("cohort", "人群"), request.cohort or ""),
        (Text("smallest cell", "最小单元"), str(request.protection.min_cell)),
        (Text("noise (epsilon)", "噪声（epsilon）"), noise),
        (Text("masked sums", "掩码求和"), "✓" if request.protection.secure_sum else "–"),
    ]
    return [(name, said) for name, said in told if said]


@router.post("/questions/{study}")
def answer(staff: AsStaff, form: OwnForm, study: StudyId) -> Response:
    """The hospital's yes or no, in the name of who is signed in. It holds from the next time the question is opened."""
    said = form.get("answer", "")
    if said not in ("approved", "refused"):
        raise BadInput(
            "no-answer",
            Text("It is a yes or a no.", "须为同意或拒绝。"),
            Text("Press one of the two.", "请选择其一。"),
        )
    with staff.desk.where() as (agent, _hub):
        found = _find(agent, study)
        if found.study is None:
            raise no_page()
        now = stamp(agent.clock())
        approvals.say(
            agent.book, found.study.request, cast(approvals.Answer, said), staff.visit.account.login, now
        )  # fmt: skip
        agent.log.note(now, "question-answered", study, found.study.digest(), "" if said == "approved" else SAID_NO)
    return RedirectResponse(f"{ROOT}/questions", 303)
