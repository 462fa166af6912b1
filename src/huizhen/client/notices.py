"""Drafts of the notices of a breach, to the authority and to the persons: what PIPL 57, GDPR 33 and 34, and 45 CFR
164.404 have them say.

A draft is filled from the declaration and the hospitals' counts; somebody reads it before it goes out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from huizhen.client.block import Fact, Prose, Sentence
from huizhen.client.paper import Paper, Section, fact, grid, rendered
from huizhen.kit.text import Language, Text
from huizhen.model.incident import KINDS, STEPS, Declaration, grade
from huizhen.model.place import in_eu

Say = Callable[[str, str], str]
Whom = Literal["authority", "persons"]
WHOM: dict[Whom, Text] = {"authority": Text("authority", "主管部门"), "persons": Text("persons", "个人")}
LANGUAGES: tuple[Language, ...] = ("en", "zh")


def drafts(found: dict[str, Any], suffix: str) -> dict[str, bytes]:
    """By file name: both notices in both languages, in the format of this suffix. `found`: a breach as the hub tells
    it (`hub.incidents.IncidentDesk.breach`)."""
    return {
        f"{whom}.{language}{suffix}": rendered(paper(found, whom, language), suffix)
        for whom in WHOM
        for language in LANGUAGES
    }


def paper(found: dict[str, Any], whom: Whom, language: Language) -> Paper:
    """One notice."""

    def say(en: str, zh: str) -> str:
        return Text(en, zh).say(language)

    said = Declaration.read(found["declaration"])
    titles = {
        "authority": Text("Report of a breach of personal information", "个人信息泄露事件报告"),
        "persons": Text("What happened to your data", "关于您个人信息安全事件的告知"),
    }
    kind = Text("draft of a notice, to be read before it goes out", "通知草稿，发出前须经审阅")
    law = _law(found["jurisdiction"])
    return Paper(
        language, titles[whom].say(language), kind.say(language), said.what.text.say(language),
        _facts(found, said, whom, law.say(language), say, language),
        (*_told(said, say, language), *(_for_authority(found, say, language) if whom == "authority" else ())),
    )  # fmt: skip


def _law(jurisdiction: str) -> Text:
    if in_eu(jurisdiction):
        return Text("GDPR 33, 34", "GDPR 第 33、34 条")
    if jurisdiction == "US":
        return Text("45 CFR 164.404 to 164.408 (HIPAA)", "45 CFR 164.404 至 164.408（HIPAA）")
    return Text("PIPL 57; Network Data Regulations 11", "个人信息保护法第 57 条；网络数据安全管理条例第 11 条")


def _facts(
    found: dict[str, Any], said: Declaration, whom: Whom, law: str, say: Say, language: Language
) -> tuple[Fact, ...]:
    unknown = say("not known yet", "尚不明确")
    kinds = say("; ", "；").join(KINDS[k].say(language) for k in said.kinds)
    facts = [
        fact(say("law", "依据"), law),
        fact(say("who is responsible", "个人信息处理者"), said.holder),
        fact(say("what became of the data", "事件类型"), kinds),
        fact(say("which data", "涉及的信息种类"), ", ".join((*said.datasets, *said.studies))),
        fact(say("known since (UTC)", "知悉时间（UTC）"), _moment(said.known_utc)),
        fact(say("exposed from (UTC)", "起始时间（UTC）"), _moment(said.since_utc) if said.since_utc else unknown),
        fact(say("contact", "联系方式"), said.contact),
    ]
    if whom == "authority":
        people = found["affected"]
        counted = (
            unknown if people is None else say(f"{people:,} ({grade(people).en})", f"{people:,}（{grade(people).zh}）")
        )
        facts.insert(4, fact(say("persons affected", "受影响人数"), counted))
    return tuple(facts)


def _moment(utc: str) -> str:
    return utc[:16].replace("T", " ")


def _told(said: Declaration, say: Say, language: Language) -> tuple[Section, ...]:
    parts = (
        ("harm", Text("What harm may come of it", "可能造成的危害"), said.harm),
        ("remedy", Text("What was done against it", "已采取的补救措施"), said.remedy),
        ("advice", Text("What the persons can do themselves", "个人可以采取的减轻危害的措施"), said.advice),
    )
    contact = say(f"For questions and for your rights: {said.contact}.", f"咨询与行使权利：{said.contact}。")
    sections = [Section(k, head.say(language), (Prose(text.text.say(language)),)) for k, head, text in parts]
    return (*sections, Section("contact", say("Whom to ask", "联系方式"), (Prose(contact),)))


def _for_authority(found: dict[str, Any], say: Say, language: Language) -> tuple[Section, ...]:
    nodes = tuple((node, f"{people:,}") for node, people in sorted(found["people"].items()))
    events = tuple((_moment(e["at_utc"]), STEPS[e["step"]].say(language), e["note"] or "") for e in found["events"])
    late = [c for c in found["clocks"] if c["late"]]
    delay = say(
        "This comes after the time the law gives; the reasons for the delay have to be added here.",
        "本报告已超过法定期限；须在此说明延迟原因。",
    )
    none = Prose(say("No hospital has counted yet.", "尚无医院完成统计。"))
    heads = (say("time (UTC)", "时间（UTC）"), say("step", "步骤"), say("note", "备注"))
    counted = grid(say("Persons affected", "受影响人数"), (say("hospital", "医院"), say("persons", "人数")), nodes)
    return (
        Section("people", say("Where they are", "分布"), (counted if nodes else none,)),
        Section("course", say("What happened when", "事件经过"),
                (grid(say("By the ledger", "账本记录"), heads, events), *((Sentence(delay),) if late else ()))),
    )  # fmt: skip
