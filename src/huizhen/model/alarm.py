"""Alarms: behaviour that stood out, kept until somebody has said what it was. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from huizhen.kit.errors import Conflict, NotFound
from huizhen.kit.text import Text
from huizhen.model.paper import AlarmAcknowledged, AlarmRaised, Behaviour, Kind, Paper

KINDS: tuple[Kind, ...] = ("alarm-raised", "alarm-acknowledged")
BEHAVIOURS: dict[Behaviour, Text] = {
    "bulk": Text("reads in bulk", "批量读取"),
    "one-person": Text("one patient many times", "反复查看同一患者"),
    "hours": Text("at unusual hours", "非惯常时段"),
    "repeats": Text("nearly the same question again and again", "反复提出近乎相同的问题"),
    "small-cells": Text("asks just above the cell limit", "人数紧贴最小单元上限"),
    "purpose": Text("departs from the contract", "偏离合同约定"),
    "node": Text("a hospital's own alarm", "医院自身的警报"),
}


def alarm_id(paper: Paper) -> str:
    """The name by which an alarm is known; the ledger's entries, open to anyone, name nobody else."""
    return f"al-{paper.digest()[:16]}"


class Alarm(NamedTuple):
    paper: Paper
    acknowledged: Paper | None = None

    @property
    def id(self) -> str:
        return alarm_id(self.paper)

    @property
    def body(self) -> AlarmRaised:
        return AlarmRaised.read(self.paper.body)

    @property
    def outcome(self) -> str | None:
        """explained, confirmed, or None as long as nobody has looked."""
        return None if self.acknowledged is None else str(self.acknowledged.body["outcome"])


def alarms(papers: Iterable[Paper]) -> tuple[Alarm, ...]:
    """All alarms in these papers, in the order in which they were raised."""
    found: dict[str, Alarm] = {}
    for paper in papers:
        if paper.kind == "alarm-raised":
            found.setdefault(paper.digest(), Alarm(paper))
        elif paper.kind == "alarm-acknowledged":
            alarm = found.get(AlarmAcknowledged.read(paper.body).alarm)
            if alarm is not None and alarm.acknowledged is None and alarm.paper.subject == paper.subject:
                found[alarm.paper.digest()] = alarm._replace(acknowledged=paper)
    return tuple(found.values())


def check_follows(paper: Paper, before: Sequence[Paper]) -> None:
    """Raises NotFound for an alarm that there is not, Conflict for one that was acknowledged."""
    if paper.kind != "alarm-acknowledged":
        return
    wanted = AlarmAcknowledged.read(paper.body).alarm
    found = next((a for a in alarms(before) if a.paper.digest() == wanted and a.paper.subject == paper.subject), None)
    if found is None:
        raise unknown_alarm()
    if found.acknowledged is not None:
        raise Conflict(
            "alarm-acknowledged",
            Text("That alarm has been acknowledged already.", "该警报已处理。"),
            Text("`huizhen watch show` says by whom.", "可用 `huizhen watch show` 查看处理人。"),
        )


def unknown_alarm() -> NotFound:
    return NotFound(
        "unknown-alarm",
        Text("There is no such alarm.", "没有该警报。"),
        Text("`huizhen watch list` shows those there are.", "可用 `huizhen watch list` 查看现有警报。"),
    )
