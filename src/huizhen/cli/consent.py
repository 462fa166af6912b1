"""consent grant, withdraw, ask, refuse, import; and the export of `consent_export`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.consent_export import export, reporting
from huizhen.cli.place import at_node, own
from huizhen.cli.program import Command, new_group
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput, Lost, NotFound
from huizhen.kit.text import Text, did_you_mean

if TYPE_CHECKING:
    from huizhen.cli.place import Place
    from huizhen.intake.consents import Consents
    from huizhen.model.consent import By, Terms
    from huizhen.node.agent import Agent
    from huizhen.node.consents import Changed

app = new_group("What people allow, recorded at their hospital.")
SubjectOption = Annotated[
    str, typer.Option("--subject", metavar="ID", help="The person's number at this hospital, as in its tables.")
]
PurposeOption = Annotated[
    str, typer.Option("--purpose", metavar="CODE", help="Purpose code, e.g. HMB: health and biomedical research.")
]
DatasetOption = Annotated[
    str | None, typer.Option("--dataset", metavar="NAME", help="For this dataset only; else for every one.")
]
CategoryOption = Annotated[
    str | None, typer.Option("--category", metavar="NAME", help="For datasets of this category only.")
]
RecipientOption = Annotated[
    list[str] | None,
    typer.Option(
        "--recipient",
        metavar="KIND",
        help="Only to this kind of party, e.g. academic; foreign beside it lets it be abroad. May be repeated.",
    ),
]
MethodOption = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="KIND", help="Only statistics, model or extract. May be repeated."),
]
WordingOption = Annotated[
    str | None,
    typer.Option("--wording", metavar="SCENE[@N]", help="What the person saw, in the language of --lang."),
]
AskedWordingOption = Annotated[
    str, typer.Option("--wording", metavar="SCENE[@N]", help="What the person saw, in the language of --lang.")
]
ByOption = Annotated[
    str, typer.Option("--by", metavar="WHO", help="person, staff:NAME, guardian:ID, family:ID or kin:ID.")
]
GroundOption = Annotated[
    str | None, typer.Option("--ground", metavar="TEXT", help="Why a guardian or kin may speak, e.g. custody 2024-17.")
]
PaperOption = Annotated[
    str | None, typer.Option("--paper", metavar="TEXT", help="Number of the paper that the person signed.")
]
WitnessOption = Annotated[str | None, typer.Option("--witness", metavar="NAME", help="Who was there, beside staff.")]
BornOption = Annotated[str | None, typer.Option("--born", metavar="DATE", help="The person's date of birth.")]
DiedOption = Annotated[str | None, typer.Option("--died", metavar="DATE", help="The day on which the person died.")]
IncapableOption = Annotated[
    str | None,
    typer.Option("--incapable", metavar="TEXT", help="Decision by which a guardian speaks for an adult."),
]


_LOOKED_UP = 1000
"""People of a consent file who are looked up at the node, to see whether numbers are written as in its tables."""


def strangers(agent: Agent, subjects: Sequence[str]) -> int | None:
    """How many of these people, of the first thousand, the node has in no dataset; None where it has no dataset."""
    if not agent.book.cards():
        return None
    unknown = 0
    for subject in subjects[:_LOOKED_UP]:
        try:
            agent.book.find(subject)
        except NotFound:
            unknown += 1
    return unknown


def warn_of_strangers(node: str, looked_up: int, unknown: int | None) -> None:
    """Consents of people whom no dataset of the node knows are kept, but may be misspelt."""
    looked_up = min(looked_up, _LOOKED_UP)
    if unknown and looked_up == 1:
        VOICE.aside(
            f"Note: no dataset at {node} knows this person. Is the number written as in its tables?",
            f"注意：{node} 的数据集中没有此人。编号写法与数据表一致吗？",
        )
    elif unknown:
        VOICE.aside(
            f"Note: of {looked_up:,} people, {unknown:,} are in no dataset at {node}. Are the numbers written as in "
            "its tables?",
            f"注意：{looked_up:,} 人中有 {unknown:,} 人不在 {node} 的任何数据集中。编号写法与数据表一致吗？",
        )


def warn_of_datasets(agent: Agent, datasets: Iterable[str | None]) -> None:
    """A consent to a dataset that is not there yet is kept, but its name may be misspelt."""
    known = {card.name for card in agent.book.cards()}
    absent = sorted({name for name in datasets if name is not None and name not in known})
    if absent:
        VOICE.aside(
            f"Note: there is no dataset {', '.join(absent)} at {agent.name}, as yet.",
            f"注意：{agent.name} 目前没有数据集 {'、'.join(absent)}。",
        )


def warn_of_categories(agent: Agent, categories: Iterable[str | None]) -> None:
    """The same for a category of datasets."""
    known = {card.table.category for card in agent.book.cards()}
    absent = sorted({name for name in categories if name is not None and name not in known})
    if absent:
        VOICE.aside(
            f"Note: no dataset at {agent.name} is of the category {', '.join(absent)}, as yet.",
            f"注意：{agent.name} 目前没有类别为 {'、'.join(absent)} 的数据集。",
        )


def record_all(agent: Agent, given: Consents) -> Changed:
    """Record the consents of a file at the node."""
    from huizhen.model.consent import ANY, Terms, Word
    from huizhen.node import consents

    names = ("subject", "purpose", "dataset", "permit", "from_utc", "until_utc", "category", "terms")
    columns = [given.table.column(name).to_pylist() for name in names]
    terms = {text: ANY if text is None else Terms.model_validate_json(text) for text in set(columns[7])}
    said = zip(*columns, strict=True)
    words = [Word(who, use, data, yes, start, end, kind, terms[t]) for who, use, data, yes, start, end, kind, t in said]
    people = list(dict.fromkeys(columns[0]))
    unknown = strangers(agent, people)
    changed = consents.record(agent, words)
    warn_of_strangers(agent.name, len(people), unknown)
    warn_of_datasets(agent, columns[2])
    warn_of_categories(agent, columns[6])
    return changed


def tell(agent: Agent, at: Place) -> None:
    """Tell the hub how many consents changed. Where it cannot be reached, it is told later: what was recorded at the
    node holds already."""
    from huizhen.node.statements import deliver

    try:
        deliver(agent, at.announce)
        at.settle()
    except Lost as problem:
        VOICE.aside(
            f"Recorded at {agent.name}, and in force. The hub is told when it can be reached: {problem.what.en}",
            f"已在 {agent.name} 登记并生效；待可连接时再通知中心：{problem.what.zh}",
        )


def _tell(agent: Agent, at: Place, changed: Changed, as_json: bool, said: Text) -> None:
    tell(agent, at)
    if as_json:
        VOICE.json({"node": agent.name, "epoch": changed.epoch, "changes": changed.changes})
    else:
        VOICE.text(said)


def speaker(by: str) -> tuple[By, str | None]:
    """What --by says: (kind, number or name). Raises BadInput."""
    from huizhen.model.consent import BY

    kind, colon, who = by.partition(":")
    if kind not in BY or (kind == "person") != (not who) or (colon and not who):
        hint = did_you_mean(kind, list(BY))
        raise BadInput(
            "bad-speaker",
            Text(f"--by does not say who speaks{hint.en}.", f"--by 未说明由谁表示{hint.zh}。"),
            Text("It is person, staff:NAME, guardian:ID, family:ID or kin:ID.",
                 "可为 person、staff:姓名、guardian:编号、family:编号 或 kin:编号。"),
        )  # fmt: skip
    return kind, who or None


def terms_of(
    recipients: list[str] | None, methods: list[str] | None, min_percent: int = 0, min_price_fen: int = 0
) -> Terms:
    """Raises BadInput for a kind that there is not."""
    from pydantic import ValidationError

    from huizhen.model.consent import METHOD_KINDS, RECIPIENT_KINDS, Terms

    said = {"recipients": recipients or None, "methods": methods or None}
    try:
        return Terms.read({**said, "min_percent": min_percent, "min_price_fen": min_price_fen})
    except ValidationError:
        raise BadInput(
            "bad-terms",
            Text("There is no such kind of recipient or method; 'foreign' stands beside a kind.",
                 "没有该类接收方或方法；foreign 须与某一类并列。"),
            Text(f"Recipients: {', '.join(RECIPIENT_KINDS)}. Methods: {', '.join(METHOD_KINDS)}.",
                 f"接收方：{'、'.join(RECIPIENT_KINDS)}。方法：{'、'.join(METHOD_KINDS)}。"),
        ) from None  # fmt: skip


def until_utc(day: str | None) -> str | None:
    """The first moment after the last day, by the clock on the wall. Raises BadInput."""
    from datetime import datetime, timedelta

    from huizhen.kit.clock import stamp
    from huizhen.node.saying import check_day

    checked = check_day("--until", day)
    return None if checked is None else stamp((datetime.fromisoformat(checked) + timedelta(days=1)).astimezone())


@app.command("grant", cls=Command)
def grant(
    node: NodeOption,
    subject: SubjectOption,
    purpose: PurposeOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    dataset: DatasetOption = None,
    category: CategoryOption = None,
    recipient: RecipientOption = None,
    method: MethodOption = None,
    min_percent: Annotated[
        int,
        typer.Option("--min-percent", metavar="N", min=0, max=100, help="Least part of the price for the patients."),
    ] = 0,
    min_price_fen: Annotated[
        int, typer.Option("--min-price-fen", metavar="FEN", min=0, help="Least price of a study.")
    ] = 0,
    until: Annotated[str | None, typer.Option("--until", metavar="DATE", help="The last day; else no end.")] = None,
    wording: WordingOption = None,
    unasked: Annotated[
        bool, typer.Option("--unasked", help="After a no: the person came back of their own accord.")
    ] = False,
    by: ByOption = "person",
    ground: GroundOption = None,
    paper: PaperOption = None,
    witness: WitnessOption = None,
    born: BornOption = None,
    died: DiedOption = None,
    incapable: IncapableOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record that a person consents to a purpose, in place of what was said before on it.

    Examples: `huizhen consent grant --node north --subject 1001 --purpose HMB --region demo`,
    `huizhen consent grant --node north --subject 1001 --purpose DS --wording diabetes-research@1 --region demo`,
    `huizhen consent grant --node north --subject 7 --purpose DS --by guardian:2002 --ground custody --born 2016-05-01`
    """
    from huizhen.node import saying

    kind, who = speaker(by)
    said = saying.Saying(
        subject, purpose, dataset, category, terms_of(recipient, method, min_percent, min_price_fen), until_utc(until),
        kind, who, ground, paper, witness, saying.check_day("--born", born), saying.check_day("--died", died),
        incapable, True if unasked else None, wording, VOICE.language,
    )  # fmt: skip
    with at_node(node, region, home, hub) as (agent, at):
        unknown = strangers(agent, [subject])
        changed = saying.grant(agent, said)
        warn_of_strangers(node, 1, unknown)
        warn_of_datasets(agent, [dataset])
        warn_of_categories(agent, [category])
        _tell(agent, at, changed, as_json, Text(f"Consent to {purpose} is recorded at {node}.",
                                                f"{node} 已登记对 {purpose} 的同意。"))  # fmt: skip


@app.command("withdraw", cls=Command)
def withdraw(
    node: NodeOption,
    subject: SubjectOption,
    purpose: PurposeOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    dataset: DatasetOption = None,
    by: ByOption = "person",
    ground: GroundOption = None,
    died: DiedOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record that a person no longer consents. It holds from the next round on, in studies that are running, too; where
    no other consent stands and no law has them kept, the person's data are deleted.

    Example: `huizhen consent withdraw --node north --subject 1001 --purpose HMB --region demo`
    """
    from huizhen.cli.deletion import told as tell_deleted
    from huizhen.node import deletion, saying

    kind, who = speaker(by)
    said = saying.Saying(
        subject, purpose, dataset, by=kind, speaker=who, ground=ground, died=saying.check_day("--died", died)
    )
    with at_node(node, region, home, hub) as (agent, at):
        changed = saying.withdraw(agent, said)
        told = Text(
            f"Consent to {purpose} is withdrawn at {node}; it holds from the next round on.",
            f"{node} 已撤回对 {purpose} 的同意；自下一轮计算起生效。",
        )
        deleted, unclear = deletion.after_withdrawal(agent, subject)
        _tell(agent, at, changed, as_json, told)
    if not as_json:
        tell_deleted(deleted, unclear)


@app.command("ask", cls=Command)
def ask(
    node: NodeOption,
    subject: SubjectOption,
    purpose: PurposeOption,
    wording: AskedWordingOption,
    region: Region_ = None,
    home: HomeOption = None,
    dataset: DatasetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what a person is asked, if they may be asked: not again soon after a no. That they were is noted.

    Example: `huizhen consent ask --node north --subject 1001 --purpose DS --wording diabetes-research --region demo`
    """
    from huizhen.cli.wording import show_text
    from huizhen.node import saying

    said = saying.Saying(subject, purpose, dataset, wording=wording, language=VOICE.language)
    with own(node, region, home) as agent:
        text, digest = saying.ask(agent, said)
        show_text(text, digest, as_json)


@app.command("refuse", cls=Command)
def refuse(
    node: NodeOption,
    subject: SubjectOption,
    purpose: PurposeOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    dataset: DatasetOption = None,
    wording: WordingOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record that a person was asked and said no. They are not asked again for a term that the hospital sets.

    Example: `huizhen consent refuse --node north --subject 1001 --purpose DS --region demo`
    """
    from huizhen.node import saying

    said = saying.Saying(subject, purpose, dataset, wording=wording, language=VOICE.language)
    with at_node(node, region, home, hub) as (agent, at):
        changed = saying.refuse(agent, said)
        told = Text(f"The no to {purpose} is recorded at {node}.", f"{node} 已登记对 {purpose} 的拒绝。")
        _tell(agent, at, changed, as_json, told)


@app.command("import", cls=Command)
def import_(
    node: NodeOption,
    source: Annotated[
        Path,
        typer.Option("--from", metavar="FILE", help="CSV: subject,purpose[,until,dataset,...]; or FHIR R4 Consent."),
    ],
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write every bad line, and why, to this CSV file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Record many consents from a file: all of them, or, where a line is wrong, none.

    Example: `huizhen consent import --node north --from consents.csv --report bad-lines.csv --region demo`
    """
    from huizhen.intake.consents import read_consents

    with at_node(node, region, home, hub) as (agent, at), reporting(report), VOICE.progress(as_json) as progress:
        progress.step("read", Text(source.name, source.name))
        changed = record_all(agent, read_consents(source))
        tell(agent, at)
        progress.stop()
        if as_json:
            VOICE.json({"node": node, "epoch": changed.epoch, "changes": changed.changes})
        else:
            VOICE.say(
                f"{changed.changes:,} consents recorded at {node}.", f"{node} 已登记 {changed.changes:,} 条同意。"
            )


app.command("export", cls=Command)(export)
