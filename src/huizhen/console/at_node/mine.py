"""A patient's own data: what they were used for and by whom, what it earned, what was refused for them, with proofs."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from huizhen.client import my_page
from huizhen.client.my_page import READ, Card
from huizhen.console.at_node.desk import AsPatient, Hub, Mine
from huizhen.console.render import render
from huizhen.console.visit import no_page
from huizhen.hub.api.at import EntryNumber, StudyId
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text
from huizhen.ledger.my_data import MyData, Proven, StudyUse
from huizhen.model.consent import BY
from huizhen.model.study import Study
from huizhen.node import uses
from huizhen.node.agent import Agent
from huizhen.node.my_data import gather, known_keys

router = APIRouter()
_NEWEST = 20


@dataclass(frozen=True)
class MyUses:
    """`read`, `refused`, `rest`, `care`, `deleted`: as on the page of `patient data`. `allowed`: standing yeses.
    `more`: how many older uses are not shown. `speaks`: who looks, where it is not the person."""

    read: tuple[Card, ...]
    refused: tuple[Card, ...]
    rest: tuple[Card, ...]
    care: tuple[Card, ...]
    deleted: tuple[Card, ...]
    studies: int
    fen: int
    allowed: int
    more: int
    speaks: Text | None


@dataclass(frozen=True)
class MyUse:
    """One study. `asked` is the request as it was signed, in parts; `entries` what the ledger has of it."""

    card: Card
    entries: tuple[Proven, ...]
    asked: tuple[tuple[Text, str], ...]
    was_read: bool
    signed: str


def show(mine: Mine, every: bool = False) -> Response:
    """The first page of a patient."""
    with mine.open() as (agent, _hub):
        found = gather(agent, mine.person.subject)
        words = uses.words(agent, mine.person.subject)
    told = my_page.page(found, mine.visit.language)
    read = told.read if every else told.read[:_NEWEST]
    page = MyUses(
        read=read,
        refused=told.refused if every else told.refused[:_NEWEST],
        rest=told.rest if every else told.rest[:_NEWEST],
        care=told.care,
        deleted=told.deleted,
        studies=len(told.read),
        fen=found.fen,
        allowed=sum(bool(x["stands"]) for x in words),
        more=len(found.uses) - sum(map(len, (read, told.refused[:_NEWEST], told.rest[:_NEWEST]))) if not every else 0,
        speaks=None if mine.person.by == "person" else BY[mine.person.by],
    )
    return render(mine.visit.request, "my_uses", page, Text("My data", "我的数据"), mine.visit)


@router.get("/uses")
def all_uses(mine: AsPatient) -> Response:
    return show(mine, every=True)


@router.get("/uses/{study}")
def one_use(mine: AsPatient, study: StudyId) -> Response:
    with mine.open() as (agent, _hub):
        use = _use(agent, mine, study)
    asked = () if use.study is None else tuple(_asked(use.study))
    signed = "" if use.study is None else json.dumps(use.study.as_json(), ensure_ascii=False, indent=1)
    page = MyUse(my_page.card(use, mine.visit.language), use.entries, asked, use.part in READ, signed)
    return render(mine.visit.request, "my_use", page, Text(use.title, use.title), mine.visit)


def _use(agent: Agent, mine: Mine, study: str) -> StudyUse:
    """Raises NotFound for a study that did not ask this hospital."""
    found = next((use for use in gather(agent, mine.person.subject).uses if use.id == study), None)
    if found is None:
        raise no_page()
    return found


def _asked(study: Study) -> list[tuple[Text, str]]:
    request = study.request
    told = [
        (Text("what is computed", "计算内容"), ", ".join(f"{k}: {_plain(v)}" for k, v in request.params.items())),
        (Text("of whom", "人群"), request.cohort or ""),
        (Text("smallest group shown", "最小显示人数"), str(request.protection.min_cell)),
        (Text("noise (epsilon)", "噪声（epsilon）"), _plain(request.protection.epsilon)),
    ]
    return [(name, said) for name, said in told if said]


def _plain(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


@router.get("/uses/{study}/proof/{entry}")
def proof(mine: AsPatient, study: StudyId, entry: EntryNumber) -> Response:
    """The proof that an entry on this use stands in the ledger; of others there is none here."""
    with mine.open() as (agent, hub):
        if entry not in {each.entry for each in _use(agent, mine, study).entries}:
            raise no_page()
        made = hub.prove(entry)
    return _file(made, f"entry{entry}.proof", "text/plain; charset=utf-8")


@router.get("/my-data.json")
def bundle(mine: AsPatient) -> Response:
    """Everything with its proofs, for `patient verify`; without them as long as the hub cannot be reached."""
    with mine.open() as (agent, hub):
        found = _with_proofs(agent, hub, mine.person.subject)
    return _file(found.canonical() + b"\n", "my-data.json", "application/json")


def _with_proofs(agent: Agent, hub: Hub, subject: str) -> MyData:
    try:
        return gather(agent, subject, hub.prove)
    except HuizhenError as problem:
        if problem.http != 503:
            raise
        return gather(agent, subject)


@router.get("/my-data.html")
def paper(mine: AsPatient) -> Response:
    """The same as one page that opens without a network."""
    with mine.open() as (agent, _hub):
        found = gather(agent, mine.person.subject)
    return _file(my_page.render(found, mine.visit.language).encode(), "my-data.html", "text/html; charset=utf-8")


@router.get("/keys.txt")
def keys(mine: AsPatient) -> Response:
    """The keys by which the files are verified, as this hospital knows them."""
    with mine.open() as (agent, _hub):
        lines = known_keys(agent)
    return _file(("\n".join(lines) + "\n").encode(), "keys.txt", "text/plain; charset=utf-8")


@router.get("/consents.ndjson")
def consents(mine: AsPatient) -> Response:
    """All that was said, as FHIR R4, to be taken to another hospital."""
    from huizhen.node.consents import exported

    with mine.open() as (agent, _hub):
        lines = [json.dumps(resource, ensure_ascii=False) for resource in exported(agent, [mine.person.subject])]
    return _file("".join(f"{line}\n" for line in lines).encode(), "consents.ndjson", "application/fhir+ndjson")


def _file(content: bytes, name: str, media: str) -> Response:
    return Response(content, media_type=media, headers={"content-disposition": f'attachment; filename="{name}"'})
