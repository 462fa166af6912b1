"""consent grant, withdraw, import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.place import at_node
from huizhen.cli.program import Command, new_group
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import Lost, NotFound
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.cli.place import Place
    from huizhen.intake.consents import Consents
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


def record_all(agent: Agent, given: Consents) -> Changed:
    """Record the consents of a file at the node."""
    from huizhen.node import consents

    table = given.table
    names = ("subject", "purpose", "dataset", "permit", "from_utc", "until_utc")
    columns = [table.column(name).to_pylist() for name in names]
    words = list(zip(*columns, strict=True))
    people = list(dict.fromkeys(columns[0]))
    unknown = strangers(agent, people)
    changed = consents.record(agent, words)
    warn_of_strangers(agent.name, len(people), unknown)
    warn_of_datasets(agent, columns[2])
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


@app.command("grant", cls=Command)
def grant(
    node: NodeOption,
    subject: SubjectOption,
    purpose: PurposeOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    dataset: DatasetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record that a person consents to a purpose.

    Example: `huizhen consent grant --node north --subject 1001 --purpose HMB --region demo`
    """
    from huizhen.node import consents

    with at_node(node, region, home, hub) as (agent, at):
        unknown = strangers(agent, [subject])
        changed = consents.grant(agent, subject, purpose, dataset)
        warn_of_strangers(node, 1, unknown)
        warn_of_datasets(agent, [dataset])
        said = Text(f"Consent to {purpose} is recorded at {node}.", f"{node} 已登记对 {purpose} 的同意。")
        _tell(agent, at, changed, as_json, said)


@app.command("withdraw", cls=Command)
def withdraw(
    node: NodeOption,
    subject: SubjectOption,
    purpose: PurposeOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    dataset: DatasetOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record that a person no longer consents. It holds from the next round on, in studies that are running, too.

    Example: `huizhen consent withdraw --node north --subject 1001 --purpose HMB --region demo`
    """
    from huizhen.node import consents

    with at_node(node, region, home, hub) as (agent, at):
        changed = consents.withdraw(agent, subject, purpose, dataset)
        said = Text(
            f"Consent to {purpose} is withdrawn at {node}; it holds from the next round on.",
            f"{node} 已撤回对 {purpose} 的同意；自下一轮计算起生效。",
        )
        _tell(agent, at, changed, as_json, said)


@app.command("import", cls=Command)
def import_(
    node: NodeOption,
    source: Annotated[
        Path,
        typer.Option("--from", metavar="FILE", help="CSV: subject,purpose[,from,until,dataset]; or FHIR R4 Consent."),
    ],
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record many consents from a file: all of them, or, where a line is wrong, none.

    Example: `huizhen consent import --node north --from consents.csv --region demo`
    """
    from huizhen.intake.consents import read_consents

    with at_node(node, region, home, hub) as (agent, at), VOICE.progress(as_json) as progress:
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
