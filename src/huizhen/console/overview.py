"""The first page: where things stand, and what waits for the person who looks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Response

from huizhen.client.words import STATUS
from huizhen.console.render import render
from huizhen.console.visit import ROOT, Visit, Visiting
from huizhen.kit.text import Text
from huizhen.model.review import DECIDED

router = APIRouter()
_NEWEST = 8


@dataclass(frozen=True)
class Tile:
    """One number with its word, and the page that has more of it."""

    number: str
    word: Text
    path: str


@dataclass(frozen=True)
class Waiting:
    """Something that waits for a person: what, where, and how urgent (`needs` or `denied`)."""

    what: Text
    path: str
    style: str = "needs"


@dataclass(frozen=True)
class Overview:
    tiles: list[Tile]
    waiting: list[Waiting]
    studies: list[dict[str, Any]]
    status: dict[str, Text]
    may_ask: bool


@router.get("/")
def show(visit: Visiting) -> Response:
    studies = visit.desk.studies(visit.caller)
    page = Overview(
        list(_tiles(visit, studies)),
        list(_waiting(visit, studies)),
        studies[: -_NEWEST - 1 : -1],
        STATUS,
        visit.caller.role == "asker",
    )
    return render(visit.request, "overview", page, Text("Overview", "概览"), visit)


def _tiles(visit: Visit, studies: list[dict[str, Any]]) -> Iterator[Tile]:
    desk = visit.desk
    stand = Counter(s["status"] for s in studies)
    yield Tile(str(len({c.name for c in desk.cards()})), Text("datasets to ask", "可申请的数据集"), f"{ROOT}/data")
    yield Tile(str(stand["released"]), Text("studies released", "已发布的研究"), f"{ROOT}/studies")
    yield Tile(str(stand["running"]), Text("under way", "进行中"), f"{ROOT}/studies")
    if visit.caller.sees_all:
        there, known = len(visit.request.app.state.there()), len(desk.nodes())
        yield Tile(f"{there} / {known}", Text("hospitals connected", "已连接的医院"), f"{ROOT}/hospitals")
    yield Tile(str(desk.size()), Text("entries of the ledger", "账本条目"), f"{ROOT}/ledger")


def _waiting(visit: Visit, studies: list[dict[str, Any]]) -> Iterator[Waiting]:
    desk, who = visit.desk, visit.caller
    if visit.session.way == "link":
        words = Text("Add a passkey or a password: the link opened this account once.",
                     "请添加通行密钥或密码：登录链接只能使用一次。")  # fmt: skip
        yield Waiting(words, f"{ROOT}/account")
    for review in desk.papers.reviews(who):
        if review["state"] not in DECIDED:
            title = review["title"]
            yield Waiting(Text(f"To be reviewed: {title}", f"待审查：{title}"), f"{ROOT}/reviews/{review['study']}")
    if who.role == "asker":
        for study in studies:
            if study["status"] == "awaiting":
                title = study["title"]
                yield Waiting(Text(f"Kept back: {title}", f"暂缓发布：{title}"), f"{ROOT}/studies/{study['study']}")
    if who.sees_all:
        alarms = desk.watching.alarms(who)
        if alarms:
            words = Text(f"Alarms nobody has answered: {len(alarms)}", f"未处理的警报：{len(alarms)}")
            yield Waiting(words, f"{ROOT}/alarms", "denied")
        for reason in desk.upkeep():
            if reason.verdict != "allow":
                yield Waiting(Text(reason.en, reason.zh), f"{ROOT}/rules#{reason.rule}")
        standing = desk.standing()
        if standing["waiting"]:
            words = Text(f"Entries that wait for witnesses: {standing['waiting']}",
                         f"等待见证的条目：{standing['waiting']}")  # fmt: skip
            yield Waiting(words, f"{ROOT}/ledger")
