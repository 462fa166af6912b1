"""The report of a study: one HTML page that opens without a network, for people who have never heard of any of this."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from huizhen import methods
from huizhen.client import number, sections
from huizhen.client.block import Block, Fact, Prose, Sentence
from huizhen.client.paper import fact, template
from huizhen.client.reading import Reading
from huizhen.client.shapes import (
    agreed,
    columns,
    counts,
    curves,
    directions,
    evaluation,
    given,
    model,
    rest,
    synthetic,
    trees,
)
from huizhen.client.words import PAGE, STATUS
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Language, Text
from huizhen.model.dataset import Column
from huizhen.model.purpose import PURPOSES
from huizhen.model.release import Check

SHAPES = (
    counts.everyone,
    synthetic.table,
    given.rows,
    model.show,
    curves.groups,
    curves.baselines,
    counts.by_level,
    counts.by_interval,
    counts.two_way,
    columns.show,
    directions.components,
    directions.clusters,
    trees.show,
    agreed.rule,
    evaluation.show,
)
"""Every shape is asked; each says which keys of the result it has shown in full. The rest becomes plain tables."""


@dataclass(frozen=True)
class Page:
    """All that the template reads."""

    language: Language
    title: str
    status: str
    status_word: str
    lead: str
    asked: tuple[Fact, ...]
    answer: tuple[Block, ...]
    problem: tuple[str, str] | None
    """What went wrong and what to do about it."""
    protected: sections.Protected
    allowed: sections.Allowed | None
    paid: sections.Paid | None
    evidence: sections.Evidence
    technical: tuple[Fact, ...]
    head: dict[str, str]


def render(found: dict[str, Any], language: Language) -> str:
    """The whole report of what is known of a study (`path.outcome.outcome`), in English or Chinese.

    Self-contained HTML: no script, no font, no picture and no address from elsewhere. All text is escaped. Works for
    every method: a result is shown by its shape, and what has no known shape becomes a table.
    """
    return template("report.html").render(page=page(found, language))


def page(found: dict[str, Any], language: Language) -> Page:
    """What the template shows of a study, in words of one language."""
    reading = reading_of(found, language)
    return Page(
        language=language,
        title=found["request"]["title"],
        status=found["status"],
        status_word=STATUS[found["status"]].say(language),
        lead=_lead(found, reading),
        asked=_asked(found, reading),
        answer=answer(reading) if found["result"] is not None else (),
        problem=_problem(found, language),
        protected=sections.protected(found, reading),
        allowed=sections.allowed(found, reading),
        paid=sections.paid(found, reading),
        evidence=sections.evidence(found, reading),
        technical=sections.technical(found, reading),
        head={key: text.say(language) for key, text in PAGE.items()},
    )


def answer(reading: Reading) -> tuple[Block, ...]:
    """Every figure of the result, each shape in its own way and what is left in tables."""
    blocks: list[Block] = []
    keys: frozenset[str] = frozenset()
    for shape in SHAPES:
        shown = shape(reading)
        if shown is not None:
            blocks += shown.blocks
            keys |= shown.keys
    return tuple(_said_once((*blocks, *rest.show(reading, keys))))


def _said_once(blocks: Iterable[Block]) -> Iterator[Block]:
    """Each note of the guard stays at the first block that bears it."""
    said: set[str] = set()
    for block in blocks:
        if isinstance(block, Sentence | Prose):
            yield block
            continue
        yield replace(block, notes=tuple(note for note in block.notes if note not in said))
        said.update(block.notes)


def reading_of(found: dict[str, Any], language: Language) -> Reading:
    """The guarded result of an outcome as the shapes read it."""
    limits = sections.limits_of(found)
    columns = {c["name"]: Column.read(c) for c in limits["dataset_schema"]["columns"]} if limits else {}
    checks = tuple(Check.read(c) for c in found["guard"])
    return Reading(found["result"] or {}, language, checks, columns)


def _lead(found: dict[str, Any], reading: Reading) -> str:
    """What was asked, of whom, and on how many records at how many hospitals the answer rests."""
    request, limits = found["request"], sections.limits_of(found)
    purpose = PURPOSES.get(request["purpose"])
    why = purpose.label if purpose else Text(request["purpose"], request["purpose"])
    count = len(found["hospitals"]) if limits else None
    whom = Text(f"{count} hospitals", f" {count} 家医院") if count else Text("the hospitals", "各医院")
    asked = Text(
        f"{request['asker']} asked {whom.en} about the dataset “{request['dataset']}”, for {why.en}",
        f"{request['asker']} 就数据集“{request['dataset']}”向{whom.zh}提出此问题，用途为{why.zh}",
    )
    if found["result"] is None:
        word = STATUS[found["status"]]
        return reading.say(
            f"{asked.en}. No figure was released: {word.en}.", f"{asked.zh}。未发布任何数值：{word.zh}。"
        )
    n = reading.at("n") if "n" in reading.values else reading.at("rows")
    about = Text("about ", "约") if limits and limits["epsilon"] is not None else Text("", "")
    rests = (
        Text(f"{about.en}{number.short(n)} patient records", f"{about.zh}{number.short(n)} 条患者记录")
        if isinstance(n, int | float)
        else Text("patient records (how many is hidden)", "若干条患者记录（数量已隐藏）")
    )
    return reading.say(
        f"{asked.en}. The answer rests on {rests.en}, none of which left its hospital.",
        f"{asked.zh}。答案基于 {rests.zh}，没有一条记录离开医院。",
    )


def _asked(found: dict[str, Any], reading: Reading) -> tuple[Fact, ...]:
    request, facts = found["request"], []
    try:
        summary = methods.find(request["method"]).summary.say(reading.language)
    except HuizhenError:
        summary = ""
    say = reading.say
    facts.append(fact(say("computed", "计算内容"), summary or request["method"], request["method"]))
    if request["cohort"]:
        facts.append(fact(say("of whom", "针对人群"), request["cohort"]))
    missing = reading.at("n_missing")
    if missing:
        facts.append(
            fact(
                say("left out", "剔除"),
                say(
                    f"{number.short(missing)} record{'s' if missing != 1 else ''}, since a needed value is missing",
                    f"{number.short(missing)} 条记录，因所需数值缺失",
                ),
            )
        )
    for each in found["left_out"]:
        facts.append(
            fact(say("not in it", "未参与"), say(f"{each['node']}. {each['en']}", f"{each['node']}。{each['zh']}"))
        )
    facts.append(fact(say("asked on", "申请时间"), found["submitted_utc"][:16].replace("T", " ") + " UTC"))
    return tuple(facts)


def _problem(found: dict[str, Any], language: Language) -> tuple[str, str] | None:
    problem = found["problem"]
    if not problem:
        return None
    return (
        (problem["message_zh"], problem["remedy_zh"]) if language == "zh" else (problem["message"], problem["remedy"])
    )
