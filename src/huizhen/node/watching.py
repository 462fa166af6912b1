"""A hospital watches its own staff, and who asks it: alarms stay in its book, and the ledger has a commitment to each.

From what the node itself recorded: who opened whose record in an emergency (`care`), and which studies were opened.
"""

from __future__ import annotations

import os
from datetime import date
from typing import Any, Literal

from huizhen.kit.canonical import salted
from huizhen.kit.clock import parse, stamp
from huizhen.kit.errors import BadInput, Conflict
from huizhen.kit.text import Text
from huizhen.model.alarm import unknown_alarm
from huizhen.model.watched import NodeAcknowledged, NodeAlarm
from huizhen.node.agent import Agent
from huizhen.node.statements import state
from huizhen.statistics.behaviour import WINDOW, Access, Alarming, alarming, series

SETTLING_IN = 14
_PREFIX = "alarm:"


def scan(agent: Agent, days: int = 1) -> list[NodeAlarm]:
    """Score the last `days` days by the clock on the hospital's wall; keep what stands out and was not kept."""
    today, known = agent.clock().astimezone().date(), alarms(agent)
    seen = {(a.who, a.behaviour, a.window) for a in known}
    new: list[NodeAlarm] = []
    for accesses in (_staff(agent), _askers(agent)):
        found = series(accesses, today)
        last = (today - found.first).days
        if not accesses or last < SETTLING_IN:
            continue
        for each in alarming(found, range(max(SETTLING_IN, last - days + 1), last + 1)):
            spans = {date.fromordinal(each.day.toordinal() - d).isoformat() for d in range(WINDOW[each.behaviour])}
            if not any((each.who, each.behaviour, day) in seen for day in spans):
                new.append(_keep(agent, each, len(known) + len(new) + 1))
                seen.add((each.who, each.behaviour, each.day.isoformat()))
    return new


def _keep(agent: Agent, found: Alarming, number: int) -> NodeAlarm:
    alarm = NodeAlarm(
        number=number,
        at_utc=stamp(agent.clock()),
        behaviour=found.behaviour,
        who=found.who,
        window=found.day.isoformat(),
        count=found.count,
        of=found.of,
        own=f"{found.own:.1f}",
        peers=f"{found.peers:.1f}",
        bits=f"{found.bits:.1f}",
        salt=os.urandom(16).hex(),
    )
    agent.book.put(f"{_PREFIX}{number}", alarm.model_dump_json())
    commitment = commitment_to(alarm)
    agent.log.note(alarm.at_utc, "staff-alarmed", None, commitment)
    state(agent, "staff-alarmed", {"commitment": commitment, "behaviour": found.behaviour})
    return alarm


def commitment_to(alarm: NodeAlarm) -> str:
    """What the ledger has of an alarm: nobody is in it."""
    return salted(bytes.fromhex(alarm.salt), alarm.model_copy(update={"acknowledged": None}).canonical())


def alarms(agent: Agent) -> list[NodeAlarm]:
    """All, oldest first."""
    found = [NodeAlarm.model_validate_json(text) for text in agent.book.under(_PREFIX).values()]
    return sorted(found, key=lambda a: a.number)


def acknowledge(
    agent: Agent, number: int, staff: str, outcome: Literal["explained", "confirmed"], text: str
) -> NodeAlarm:
    """Say what an alarm was. Raises NotFound; Conflict where that was said; BadInput for whom it is about."""
    alarm = next((a for a in alarms(agent) if a.number == number), None)
    if alarm is None:
        raise unknown_alarm()
    if alarm.acknowledged is not None:
        raise Conflict(
            "alarm-acknowledged",
            Text("That alarm has been acknowledged already.", "该警报已处理。"),
            Text("`huizhen watch node list --all` says by whom.", "可用 `huizhen watch node list --all` 查看处理人。"),
        )
    if staff == alarm.who:
        raise BadInput(
            "own-alarm",
            Text("Nobody acknowledges an alarm about themselves.", "不得处理针对自己的警报。"),
            Text("Let somebody else look into it.", "请由他人核查。"),
        )
    said = NodeAcknowledged(staff=staff, outcome=outcome, text=text, at_utc=stamp(agent.clock()))
    told = alarm.model_copy(update={"acknowledged": said})
    agent.book.put(f"{_PREFIX}{number}", told.model_dump_json())
    commitment = salted(bytes.fromhex(alarm.salt), said.canonical())
    agent.log.note(said.at_utc, "staff-alarm-reviewed", None, commitment)
    body = {"commitment": commitment, "alarm": commitment_to(alarm), "outcome": outcome}
    state(agent, "staff-alarm-reviewed", body)
    return told


def _staff(agent: Agent) -> list[Access]:
    return [
        Access(c.opened.staff, c.opened.role, _wall(c.opened.at_utc), subject=str(c.person))
        for c in agent.book.care.cases()
    ]


def _askers(agent: Agent) -> list[Access]:
    """Studies that were opened here; what was asked in detail the node does not keep."""
    return [Access(s["asker"], "asker", _wall(s["opened_utc"])) for s in agent.book.studies()]


def _wall(utc: str) -> Any:
    return parse(utc).astimezone().replace(tzinfo=None)
