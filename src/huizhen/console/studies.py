"""Studies: all that the person may see; one, with progress and answer; a new one, with what would be decided."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from huizhen import methods
from huizhen.client import report, report_paper, result_files
from huizhen.client.request import read_request
from huizhen.client.words import STATUS
from huizhen.console import acts
from huizhen.console.data import Holdings, holdings
from huizhen.console.render import render
from huizhen.console.visit import ROOT, Form, OwnForm, Visit, Visiting, no_page
from huizhen.hub.api.at import StudyId
from huizhen.intake.yaml_tree import Tree, parse
from huizhen.kit.errors import BadInput, HuizhenError
from huizhen.kit.text import Text
from huizhen.model.purpose import PURPOSES, Purpose
from huizhen.model.study import Request
from huizhen.path.outcome import UNFINISHED

router = APIRouter()
_LINES = 12
_ROUND = "10"
"""To a multiple of so many people the size of a cohort is told before the question itself is asked."""
_BLANK = {"title": "", "dataset": "", "purpose": "HMB", "cohort": "", "method": "count", "params": "", "min_cell": "10",
          "price": "0"}  # fmt: skip
"""A new form."""
_ASK = Text("Ask a new question", "提出新研究")


@dataclass(frozen=True)
class Listed:
    """Newest first."""

    studies: list[dict[str, Any]]
    status: dict[str, Text]
    may_ask: bool


@dataclass(frozen=True)
class Shown:
    """A study: its report as everyone gets it, and while it runs the last lines of its progress."""

    study: str
    report: report.Page
    running: bool
    progress: Progress
    stop: acts.Act | None
    commitment: tuple[acts.Act, str] | None
    """What the asker has still to promise, in words, and its form."""


@dataclass(frozen=True)
class Progress:
    """The last lines, oldest first. `over`: nothing more will come, and the page is to be loaded anew."""

    study: str
    lines: list[dict[str, Any]]
    rounds: int
    over: bool


@dataclass(frozen=True)
class Param:
    """A parameter of a method: its key, its default as YAML (None: it must be given)."""

    key: str
    default: str | None


@dataclass(frozen=True)
class Kind:
    """A method that can be asked for: its name, in words what it computes, and its parameters."""

    name: str
    summary: Text
    params: list[Param]


@dataclass(frozen=True)
class Asking:
    """A form for a new study. `given`: what was written into it; `problem`: why it could not be submitted."""

    data: list[Holdings]
    purposes: list[Purpose]
    kinds: list[Kind]
    given: dict[str, str]
    checked: Checked | None = None
    problem: HuizhenError | None = None


@dataclass(frozen=True)
class Checked:
    """What would be decided: verdict and reasons, price and budget; or why the question cannot be read."""

    verdict: str | None
    reasons: list[dict[str, Any]]
    hospitals: list[str]
    price_fen: int
    budget: dict[str, Any] | None
    rows: str = ""
    """About how many rows those asked hold of the dataset, cohort or not."""
    problem: HuizhenError | None = None


@router.get("/studies")
def all_studies(visit: Visiting) -> Response:
    page = Listed(visit.desk.studies(visit.caller)[::-1], STATUS, visit.caller.role == "asker")
    return render(visit.request, "studies", page, Text("Studies", "研究"), visit)


# -- a new one


@router.get("/studies/new")
def new(visit: Visiting, data: Annotated[str, Query(max_length=100)] = "") -> Response:
    return _form(visit, {"dataset": data})


def _form(visit: Visit, given: Form, checked: Checked | None = None, problem: HuizhenError | None = None) -> Response:
    if visit.caller.role != "asker":
        raise no_page()
    purposes = [p for p in PURPOSES.values() if not p.prohibited]
    page = Asking(holdings(visit.desk.cards()), purposes, list(_kinds()), {**_BLANK, **given}, checked, problem)
    return render(visit.request, "ask", page, _ASK, visit, 200 if problem is None else problem.http)


def _kinds() -> Iterator[Kind]:
    for name in methods.names():
        kind = methods.find(name)
        fields = kind.Params.model_fields.items()
        params = [Param(key, None if f.is_required() else json.dumps(f.get_default(call_default_factory=True),
                                                                     default=list)) for key, f in fields]  # fmt: skip
        yield Kind(name, kind.summary, params)


@router.post("/studies/check")
def check(visit: Visiting, form: OwnForm) -> Response:
    """A part of a page, for the form while it is being filled in; the whole of it where no script asked."""
    checked = _check(visit, form)
    if visit.request.headers.get("sec-fetch-dest") == "document":
        return _form(visit, form, checked)
    return render(visit.request, "checked", checked, _ASK, visit)


def _check(visit: Visit, form: Form) -> Checked:
    try:
        found = visit.desk.check(visit.caller, _request(visit, form))
    except HuizhenError as problem:
        return Checked(None, [], [], 0, None, problem=problem)
    grant = found["grant"]
    asked = [p["name"] for p in (grant["limits"] or {"participants": []})["participants"]]
    rows = sum(card.rows for card in visit.desk.cards(form.get("dataset", "")) if card.holder in asked)
    return Checked(grant["verdict"], grant["reasons"], asked, found["price_fen"], found["budget"], _about(rows))


def _about(rows: int) -> str:
    """Two figures of it: 12,345 is 12,000."""
    if not rows:
        return ""
    unit = 10 ** max(0, len(str(rows)) - 2)
    return f"{round(rows / unit) * unit:,}"


@router.post("/studies/count")
def count(visit: Visiting, form: OwnForm) -> Response:
    """How large the cohort is: a study of its own, which takes the road and the guard like any other, at no price."""
    title = Text(f"How many? {form.get('title', '')}", f"多少人？{form.get('title', '')}").say(visit.language).strip()
    plain = {**form, "title": title, "method": "count", "params": "", "price": "0", "round_to": _ROUND}
    try:
        study = visit.studies.submit(visit.caller, _request(visit, plain))
    except HuizhenError as problem:
        return _form(visit, form, None, problem)
    return RedirectResponse(f"{ROOT}/studies/{study}", 303)


@router.post("/studies/new")
def submit(visit: Visiting, form: OwnForm) -> Response:
    try:
        study = visit.studies.submit(visit.caller, _request(visit, form))
    except HuizhenError as problem:
        return _form(visit, form, None, problem)
    return RedirectResponse(f"{ROOT}/studies/{study}", 303)


def _request(visit: Visit, form: Form) -> Request:
    """The request that the form says. Raises BadInput for whatever is wrong with it."""
    asked: dict[str, Any] = {
        "title": form.get("title", ""),
        "asker": visit.account.party,
        "purpose": form.get("purpose", ""),
        "dataset": form.get("dataset", ""),
        "method": form.get("method", ""),
        "price_fen": _fen(form.get("price", "")),
        "protection": {"min_cell": _whole(form.get("min_cell", ""))},
    }
    if form.get("round_to"):
        asked["protection"]["round_to"] = _whole(form["round_to"])
    if form.get("cohort", "").strip():
        asked["cohort"] = form["cohort"].strip()
    params = parse(form.get("params", ""), "params").value if form.get("params", "").strip() else None
    if params is not None:
        asked["params"] = params
    return read_request(Tree("study", asked, {}), visit.desk.hub.store)


def _fen(text: str) -> int:
    """Yuan as written, in fen."""
    try:
        fen = Decimal(text.strip() or "0") * 100
        if fen != int(fen):
            raise ValueError("less than a fen")
    except (InvalidOperation, ValueError, OverflowError):
        raise BadInput(
            "bad-price",
            Text("The price is not an amount of yuan.", "价格不是有效的人民币金额。"),
            Text("Write it as 1200 or 1200.50.", "请写成 1200 或 1200.50。"),
        ) from None
    return int(fen)


def _whole(text: str) -> int:
    if not text.strip().isdecimal():
        raise BadInput(
            "bad-cell",
            Text("The smallest cell is not a whole number.", "最小单元格人数不是整数。"),
            Text("Write a number of people, 3 or more.", "请填写不小于 3 的人数。"),
        )
    return int(text)


# -- one of them


@router.get("/studies/{study}")
def one(visit: Visiting, study: StudyId) -> Response:
    found = visit.desk.outcome(visit.caller, study)
    running = found["status"] in UNFINISHED and found["status"] != "awaiting"
    stop = acts.paper(visit, "study-stopped", study) if found["status"] in ("running", "awaiting") else None
    if visit.caller.role == "asker" and found["status"] not in UNFINISHED:
        visit.desk.delivered(visit.caller, study)
    shown, promise = report.page(found, visit.language), acts.commitment(visit, study)
    page = Shown(study, shown, running, _progress(visit, study), stop, promise)
    return render(visit.request, "study", page, Text(found["request"]["title"], found["request"]["title"]), visit)


def _progress(visit: Visit, study: str) -> Progress:
    watched = visit.studies.watch(visit.caller, study, 0)
    over = watched["over"] or watched["status"] not in UNFINISHED
    return Progress(study, watched["lines"][-_LINES:], watched["rounds"], over)


@router.get("/studies/{study}/progress")
def progress(visit: Visiting, study: StudyId) -> Response:
    """A part of the page of a study that runs."""
    return render(visit.request, "progress", _progress(visit, study), Text("Progress", "进度"), visit)


@router.get("/studies/{study}/report.html")
def report_file(visit: Visiting, study: StudyId) -> Response:
    """The report as one file that opens without a network, with the evidence in it."""
    written = report.render(visit.desk.outcome(visit.caller, study), visit.language)
    return _file(written.encode(), "text/html; charset=utf-8", f"{study}.html")


@router.get("/studies/{study}/report.pdf")
def pdf_file(visit: Visiting, study: StudyId) -> Response:
    """The same report as PDF."""
    written = report_paper.pdf(visit.desk.outcome(visit.caller, study), visit.language)
    return _file(written, "application/pdf", f"{study}.pdf")


@router.get("/studies/{study}/figures.zip")
def figures_file(visit: Visiting, study: StudyId) -> Response:
    """The tables of the result as CSV, with all that is known of the study and the proof of each of its entries."""
    found = visit.desk.outcome(visit.caller, study)
    proofs = {n: visit.desk.prove(n) for n in found["evidence"]["entries"]} if found["evidence"]["checkpoint"] else {}
    return _file(result_files.archive(found, proofs), "application/zip", f"{study}.zip")


@router.get("/studies/{study}/outcome.json")
def outcome_file(visit: Visiting, study: StudyId) -> Response:
    """All figures at full precision, with grant, guard, evidence and settlement."""
    written = json.dumps(visit.desk.outcome(visit.caller, study), ensure_ascii=False, indent=2)
    return _file(written.encode(), "application/json", f"{study}.json")


def _file(content: bytes, media: str, name: str) -> Response:
    return Response(content, media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})
