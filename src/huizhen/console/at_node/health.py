"""How the hospital stands: what waits, what its own alarms say, the node's log, and whether node and hub are well."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Annotated, Literal, cast

from fastapi import APIRouter, Query, Response
from fastapi.responses import RedirectResponse

from huizhen.adapters import certificates
from huizhen.adapters.outbox import Outbox
from huizhen.console.at_node.desk import AsStaff, Hub, Staff
from huizhen.console.at_node.questions import questions
from huizhen.console.render import render
from huizhen.console.visit import ROOT, OwnForm
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput, HuizhenError
from huizhen.kit.text import Text
from huizhen.model.alarm import BEHAVIOURS
from huizhen.model.logged import Logged
from huizhen.model.watched import NodeAlarm
from huizhen.node import watching
from huizhen.node.agent import Agent
from huizhen.node.join import CERTIFICATE
from huizhen.node.log import check_log
from huizhen.node.service import is_running

router = APIRouter()
_NEWEST = 200
Check = Annotated[bool, Query()]
_OUTCOMES = {"explained": Text("explained", "已说明"), "confirmed": Text("confirmed", "已确认")}


@dataclass(frozen=True)
class Overview:
    """Numbers with where they lead; what waits for somebody."""

    hospital: str
    tiles: tuple[tuple[str, str, Text], ...]
    waiting: tuple[tuple[str, Text], ...]
    well: tuple[tuple[bool, Text, str], ...]


@dataclass(frozen=True)
class Health:
    """Each: whether it is well, what it is, and what is known of it."""

    found: tuple[tuple[bool, Text, str], ...]


@dataclass(frozen=True)
class OwnAlarms:
    """Newest first. `who`: who looks; nobody answers an alarm about themselves."""

    alarms: list[NodeAlarm]
    behaviours: dict[str, Text]
    outcomes: dict[str, Text]
    who: str


@dataclass(frozen=True)
class NodeLogPage:
    """The newest lines. `head`: of the whole log, once all of it was checked; empty before."""

    lines: list[Logged]
    head: str
    lines_in_all: int


def overview(staff: Staff) -> Response:
    """The first page of those who run the node."""
    desk = staff.desk
    with desk.where() as (agent, hub):
        asked, cards = questions(agent), agent.book.cards()
        alarms = [a for a in watching.alarms(agent) if a.acknowledged is None]
        well = _well(agent, hub)
    waits = [q for q in asked if q.waits]
    claims = [a for a in desk.people.asked() if a.answered_utc is None]
    tiles = (
        (f"{ROOT}/data", str(len(cards)), Text("datasets", "数据集")),
        (f"{ROOT}/questions", str(len(asked)), Text("studies that asked", "收到的研究")),
        (f"{ROOT}/requests", str(len(claims)), Text("requests to answer", "待答复请求")),
        (f"{ROOT}/alarms", str(len(alarms)), Text("open alarms", "未处理警报")),
    )
    waiting = [
        (f"{ROOT}/questions/{q.id}", Text(f"{q.asker} asks: {q.title}", f"{q.asker} 提出：{q.title}"))
        for q in waits[:10]
    ]
    waiting += [
        (f"{ROOT}/requests/{a.number}", Text(f"A patient’s request of {a.at_utc[:10]}", f"{a.at_utc[:10]} 的患者请求"))
        for a in claims[:10]
    ]
    waiting += [(f"{ROOT}/alarms", Text(f"{len(alarms)} open alarms", f"{len(alarms)} 条未处理警报"))] * bool(alarms)
    waiting += [
        (f"{ROOT}/health", Text(f"Not well: {what.en}", f"异常：{what.zh}")) for good, what, _ in well if not good
    ]
    page = Overview(desk.name, tiles, tuple(waiting), tuple(well))
    return render(staff.visit.request, "at_node", page, Text("Overview", "概览"), staff.visit)


def _well(agent: Agent, hub: Hub) -> list[tuple[bool, Text, str]]:
    last, folder = agent.book.last_logged(), agent.folder
    outbox = Outbox(folder / "node.sqlite")
    unsaid = len(outbox.unsaid())
    outbox.close()
    free = shutil.disk_usage(folder)
    found = [_hub(hub)]
    if (folder / CERTIFICATE).exists():
        pem, now = (folder / CERTIFICATE).read_bytes(), agent.clock()
        found.insert(0, (is_running(folder), Text("the node is running", "节点正在运行"), ""))
        ends = stamp(certificates.ends(pem))[:10]
        found.append((certificates.ends(pem) > now, Text("certificate for the hub, until", "中心证书有效至"), ends))
    found.append((unsaid == 0, Text("statements the hub has not heard", "尚未告知中心的声明"), str(unsaid)))
    gigabytes = f"{free.free / 1e9:.1f} GB"
    found.append((free.free > free.total // 20, Text("room on the disk", "磁盘剩余空间"), gigabytes))
    found.append((True, Text("last message of the hub", "中心最近一次消息"), "–" if last is None else last.at_utc[:19]))
    return found


def _hub(hub: Hub) -> tuple[bool, Text, str]:
    try:
        hub.standing()
    except HuizhenError as problem:
        return False, Text("the hub answers", "中心有应答"), problem.code
    return True, Text("the hub answers", "中心有应答"), ""


@router.get("/health")
def health(staff: AsStaff) -> Response:
    with staff.desk.where() as (agent, hub):
        page = Health(tuple(_well(agent, hub)))
    return render(staff.visit.request, "health", page, Text("Health", "运行状况"), staff.visit)


@router.get("/alarms")
def alarms(staff: AsStaff) -> Response:
    with staff.desk.where() as (agent, _hub):
        found = watching.alarms(agent)[::-1]
    behaviours = {str(code): word for code, word in BEHAVIOURS.items()}
    page = OwnAlarms(found, behaviours, _OUTCOMES, staff.visit.account.login)
    return render(staff.visit.request, "own_alarms", page, Text("Alarms", "警报"), staff.visit)


@router.post("/alarms")
def acknowledge(staff: AsStaff, form: OwnForm) -> Response:
    """Say what an alarm was; by somebody else than whom it is about."""
    number, outcome, text = form.get("number", ""), form.get("outcome", ""), form.get("text", "").strip()
    if not number.isdecimal() or len(number) > 9 or outcome not in _OUTCOMES or not text or len(text) > 500:
        raise BadInput(
            "alarm-answer-lacking",
            Text("What it was has to be said, in at most 500 characters.", "须说明核查结论，不超过 500 字。"),
            Text("Choose one of the two, and say in a sentence what was found.", "请选择结论并用一句话说明。"),
        )
    with staff.desk.where() as (agent, _hub):
        said = cast(Literal["explained", "confirmed"], outcome)
        watching.acknowledge(agent, int(number), staff.visit.account.login, said, text)
    staff.desk.tell()
    return RedirectResponse(f"{ROOT}/alarms", 303)


@router.get("/log")
def log(staff: AsStaff, check: Check = False) -> Response:
    """What the hub asked of the node and what it decided; with `check` every line is held against the one before."""
    with staff.desk.where() as (agent, _hub):
        last = agent.book.last_logged()
        head = check_log(agent.book.logged(), agent.key.public) if check else ""
        lines = agent.book.newest_logged(_NEWEST)
    page = NodeLogPage(lines, head, 0 if last is None else last.number + 1)
    return render(staff.visit.request, "node_log", page, Text("Log", "日志"), staff.visit)
