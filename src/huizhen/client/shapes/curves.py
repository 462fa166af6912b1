"""Curves over time: survival by group with its test, and the baseline of a hazard model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from huizhen.client import number
from huizhen.client.block import Block, Cell, Figure, Sentence, Shown, Table
from huizhen.client.figures import survival
from huizhen.client.figures.survival import Line, Step
from huizhen.client.reading import Reading, keys_of, row_head
from huizhen.client.words import PAGE
from huizhen.model.result import Path

CHANCE = 0.05
"""A difference that chance alone would give less often than this is called clear."""


def groups(reading: Reading) -> Shown | None:
    """For `groups`: a list of mappings that each hold a `curve` of steps with time and survival."""
    found = reading.at("groups")
    if not _listed(found, "curve") or not all(_steps(g["curve"], "survival") for g in found):
        return None
    lines = [_line(reading, i) for i in range(len(found))]
    blocks: list[Block] = [_medians(reading, lines)]
    test = reading.at("logrank")
    if isinstance(test, dict) and test.get("p") is not None:
        blocks.append(_difference(reading, test["p"]))
    if any(line.steps for line in lines):
        blocks.append(_figure(reading, lines))
    blocks.append(_group_table(reading))
    keys = {"groups"} | ({"cases"} if _cases(reading) else set())
    if isinstance(test, dict):
        facts = tuple(reading.fact(k, "logrank", k, kind="p" if k == "p" else "number") for k in test)
        blocks.append(reading.facts(reading.name("logrank"), facts, "logrank"))
        keys.add("logrank")
    blocks += [_step_table(reading, line.label, ("groups", i, "curve")) for i, line in enumerate(lines) if line.steps]
    return Shown(frozenset(keys), tuple(blocks))


def baselines(reading: Reading) -> Shown | None:
    """For `baseline_cumulative_hazard`: a list of mappings that each hold `steps` with time and hazard."""
    key = "baseline_cumulative_hazard"
    found = reading.at(key)
    if not _listed(found, "steps") or not all(_steps(b["steps"], "hazard") for b in found):
        return None
    everyone = reading.say("baseline", "基线")
    labels = [str(b["stratum"]) if b.get("stratum") is not None else everyone for b in found]
    lines = [
        Line(
            label,
            tuple(Step(s["time"], math.exp(-s["hazard"]), None, None, s.get("at_risk"), None) for s in b["steps"]),
            None,
        )
        for label, b in zip(labels, found, strict=True)
    ]
    blocks: list[Block] = []
    if any(line.steps for line in lines):
        title = reading.say("Survival of an average patient", "“平均患者”的生存曲线")
        caption = reading.say(
            "The model’s survival curve for a patient with the mean of every column: the exponential of minus the "
            "cumulative baseline hazard.",
            "模型给出的、各列均取均值的患者的生存曲线：即负的基线累积风险的指数。",
        )
        drawn = survival.survival("baseline", lines, _words(reading, title, lines, ""))
        blocks.append(Figure(title, drawn, caption, reading.notes(key)))
    blocks += [_step_table(reading, label, (key, i, "steps")) for i, label in enumerate(labels)]
    return Shown(frozenset({key}), tuple(blocks))


def _listed(found: Any, inner: str) -> bool:
    return (
        isinstance(found, list)
        and bool(found)
        and all(isinstance(x, dict) and isinstance(x.get(inner), list) for x in found)
    )


def _steps(steps: list[Any], share: str) -> bool:
    return all(isinstance(s, dict) and s.get("time") is not None and s.get(share) is not None for s in steps)


def _line(reading: Reading, i: int) -> Line:
    group = reading.at("groups", i)
    by = reading.at("by")
    everyone = reading.say("everyone", "全体")
    label = everyone if by is None else f"{reading.label(by)}: {reading.level(group.get('group'))}"
    return Line(label, tuple(_step(s) for s in group["curve"]), group.get("n"), group.get("median"))


def _step(s: Mapping[str, Any]) -> Step:
    known = s.get("events") is not None and s.get("censored") is not None
    leaving = s["events"] + s["censored"] if known else None
    return Step(s["time"], s["survival"], s.get("ci_low"), s.get("ci_high"), s.get("at_risk"), leaving)


def _time_unit(reading: Reading) -> str:
    unit = reading.at("unit") or reading.unit(str(reading.at("duration")))
    return f" {unit}" if unit else ""


def _medians(reading: Reading, lines: list[Line]) -> Sentence:
    unit = _time_unit(reading)
    said = []
    for i, line in enumerate(lines):
        if line.median is not None:
            said.append(f"{line.label} — {number.short(line.median)}{unit}")
        elif reading.reason(("groups", i, "median")) is not None:
            said.append(f"{line.label} — {PAGE['hidden'].say(reading.language)}")
        else:
            said.append(f"{line.label} — " + reading.say("not reached", "未达到"))
    return Sentence(reading.say(
        f"Time by which half of the people had the event: {'; '.join(said)}.",
        f"半数人发生事件所经历的时间：{'；'.join(said)}。",
    ))  # fmt: skip


def _difference(reading: Reading, p: float) -> Sentence:
    if p < CHANCE:
        return Sentence(reading.say(
            f"The curves differ by more than chance would easily explain (log-rank test, {number.equals_p(p)}).",
            f"各曲线的差异难以用偶然来解释（对数秩检验，{number.equals_p(p)}）。",
        ))  # fmt: skip
    return Sentence(reading.say(
        f"Chance alone could well explain how the curves differ (log-rank test, {number.equals_p(p)}).",
        f"各曲线的差异完全可能出于偶然（对数秩检验，{number.equals_p(p)}）。",
    ))  # fmt: skip


def _figure(reading: Reading, lines: list[Line]) -> Figure:
    title = reading.say("Survival over time", "随时间变化的生存率")
    level = reading.at("confidence")
    band = number.percent(level) if isinstance(level, float) else ""
    event = reading.label(str(reading.at("event") or ""))
    caption = reading.say(
        f"How to read it: each line starts with everyone and steps down when the event ({event}) happens to someone. "
        f"The shaded band is the {band} confidence band. Fine lines lead to the time by which half have had the event. "
        "Below: how many people were still being observed.",
        f"如何阅读：每条线从全体开始，每当有人发生事件（{event}）就下降一级。阴影为 {band} 置信带。"
        "细线指向半数人已发生事件的时间。下方为仍在观察中的人数。",
    )
    if not all(line.complete for line in lines):
        caption += reading.say(
            " The marks are exact; steps between them are left out to protect people, and the line is drawn straight. "
            "“≥”: at least so many.",
            "各标记点为精确值；其间的步被略去以保护个人，线段直接相连。“≥”表示至少有这么多人。",
        )
    described = _medians(reading, lines).text
    drawn = survival.survival("survival", lines, _words(reading, title, lines, described))
    curves = [f"groups.{i}.curve" for i in range(len(lines))]
    return Figure(title, drawn, caption, reading.notes(*curves))


def _words(reading: Reading, title: str, lines: list[Line], described: str) -> survival.Words:
    ends = reading.say("; ", "；").join(
        f"{line.label}: {number.percent(line.steps[-1].survival)} @ {number.short(line.steps[-1].time)}"
        for line in lines if line.steps
    )  # fmt: skip
    name = reading.at("duration")
    unit = _time_unit(reading).strip()
    time = reading.label(name) if isinstance(name, str) else reading.name("time")
    return survival.Words(
        title,
        described + reading.say(" At the end of the curve: ", "曲线末端：") + ends,
        reading.say("without the event so far", "尚未发生事件的比例"),
        time + (reading.say(f" ({unit})", f"（{unit}）") if unit else ""),
        reading.name("at_risk"),
        PAGE["hidden"].say(reading.language),
        number.short,
    )


def _cases(reading: Reading) -> bool:
    """Whether `cases` is [events, censored] for each group, so that the groups' table shows all of it."""
    cases = reading.at("cases")
    return (
        isinstance(cases, list)
        and len(cases) == len(reading.at("groups"))
        and all(isinstance(c, list) and len(c) == 2 for c in cases)
        and all(c[0] == reading.at("groups", g, "events") for g, c in enumerate(cases))
    )


def _group_table(reading: Reading) -> Table:
    found = reading.at("groups")
    keys = [k for k in keys_of(found) if k not in {"group", "curve"}]
    censored = _cases(reading)
    heads = [reading.head("group", is_number=False), *(reading.head(k) for k in keys)]
    heads += [reading.head("censored")] if censored else []
    rows = []
    for i in range(len(found)):
        cells: list[Cell] = [row_head(_line(reading, i).label, _raw(reading.at("groups", i, "group")))]
        cells += [reading.cell("groups", i, k) for k in keys]
        cells += [reading.cell("cases", i, 1)] if censored else []
        rows.append(tuple(cells))
    return reading.table(reading.name("groups"), heads, rows, "groups", "cases")


def _raw(level: Any) -> str | None:
    return None if level is None else str(level)


def _step_table(reading: Reading, label: str, path: Path) -> Table:
    caption = reading.say(f"Steps of the curve, {label}", f"曲线各级数值，{label}")
    return reading.records(caption, path, folded=True)
