"""patient delete, deletions, confirm-deletion: data that are deleted, and the record of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.place import at_node, own
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from huizhen.adapters.deletion_book import DeletionCase
    from huizhen.node.agent import Agent
    from huizhen.node.deletion import Decided

SubjectOption = Annotated[
    str, typer.Option("--subject", metavar="ID", help="The person's number at this hospital, as in its tables.")
]
AnySubjectOption = Annotated[
    str | None, typer.Option("--subject", metavar="ID", help="Of this person only; else of everybody.")
]
OrderOption = Annotated[
    Path | None,
    typer.Option("--order", metavar="FILE", help="Write what has to be deleted in the warehouse to this file."),
]
NumberOption = Annotated[int, typer.Option("--number", metavar="N", help="Number of the deletion.")]


def delete(
    node: NodeOption,
    subject: SubjectOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    by: Annotated[
        str, typer.Option("--by", metavar="WHO", help="person, staff:NAME, guardian:ID, family:ID or kin:ID.")
    ] = "person",
    ground: Annotated[
        str | None,
        typer.Option("--ground", metavar="TEXT", help="Why a guardian or kin may speak, e.g. custody 2024-17."),
    ] = None,
    died: Annotated[
        str | None, typer.Option("--died", metavar="DATE", help="The day on which the person died.")
    ] = None,
    order: OrderOption = None,
    as_json: JsonFlag = False,
) -> None:
    """End every consent of a person and delete their data, wherever no law has them kept. What is in a warehouse stays
    the hospital's: an order is written, and confirmed once it is carried out. Each has a signed record, whose hash is
    on the ledger; a backup does not bring the data back.

    Example: `huizhen patient delete --node north --subject 1001 --region demo`
    """
    from huizhen.cli.consent import speaker, tell
    from huizhen.node import deletion
    from huizhen.node.saying import Saying, check_day

    kind, who = speaker(by)
    said = Saying(subject, "GRU", by=kind, speaker=who, ground=ground, died=check_day("--died", died))
    with at_node(node, region, home, hub) as (agent, at):
        cases = deletion.on_request(agent, said)
        tell(agent, at)
        if order is not None:
            _write_order(agent, subject, cases, order)
    if as_json:
        VOICE.json([as_json_of(case) for case in cases])
    elif cases:
        told(cases, ())
    else:
        VOICE.say(f"Every consent has ended; {node} holds no row of this person.",
                  f"全部同意已终止；{node} 没有此人的数据行。")  # fmt: skip


def _write_order(agent: Agent, subject: str, cases: Sequence[DeletionCase], path: Path) -> None:
    """For the hospital's own hands: it names the person as the warehouse does."""
    from huizhen.adapters.warehouse import kept

    lines = []
    for case in cases:
        place = kept(agent.folder, case.record.dataset) if case.record.state == "ordered" else None
        if place is not None:
            lines.append({"number": case.record.number, "table": place.table, "subject_column": place.subject,
                          "subject": subject, "at_utc": case.record.at_utc, "commitment": case.commitment})  # fmt: skip
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def as_json_of(case: DeletionCase) -> dict[str, Any]:
    """A record with what opens its commitment."""
    return {
        "record": case.record.as_json(),
        "salt": case.salt.hex(),
        "commitment": case.commitment,
        "confirmed_utc": case.confirmed_utc,
    }


def told(cases: Sequence[DeletionCase], unclear: Sequence[Decided]) -> None:
    """What became of the data, and what is kept and why."""
    from huizhen.model.deletion import KEPT, STATES

    for case in cases:
        record = case.record
        duty = f" ({record.duty})" if record.duty else ""
        state = STATES[record.state]
        VOICE.say(
            f"Deletion {record.number}, {record.dataset}: {record.rows} rows, {state.en}{duty}.",
            f"第 {record.number} 号删除，{record.dataset}：{record.rows} 行，{state.zh}{duty}。",
        )
        if record.given:
            VOICE.aside(
                f"Rows with this person's among them were given out: {', '.join(record.given)}. Ask each to delete the "
                f"rows of {record.node}; record {record.number} says so.",
                f"含此人的数据行已对外提供：{'、'.join(record.given)}。请要求各方删除 {record.node} 的数据行；"
                f"第 {record.number} 号记录载明此事。",
            )
    for each in unclear:
        what = " ".join(f"{r.rule}: {r.en}" for r in each.reasons), "".join(f"{r.rule}：{r.zh}" for r in each.reasons)
        VOICE.aside(
            f"Note: nothing of {each.card.name} was deleted. {what[0]} policy.yaml: jurisdiction.",
            f"注意：{each.card.name} 未删除任何数据。{what[1]}请在 policy.yaml 填写 jurisdiction。",
        )
    if cases:
        kept = [KEPT[name].what for name in cases[0].record.kept]
        VOICE.say(f"Kept at the node: {'; '.join(t.en for t in kept)}.", f"节点保留：{'；'.join(t.zh for t in kept)}。")


def deletions(
    node: NodeOption,
    subject: AnySubjectOption = None,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the records of what was deleted, with what is kept of a person and under which duty.

    Example: `huizhen patient deletions --node north --subject 1001 --region demo`
    """
    from huizhen.model.deletion import KEPT, STATES

    with own(node, region, home) as agent:
        cases = agent.book.deletions.cases(None if subject is None else agent.book.find(subject))
    if as_json:
        VOICE.json([as_json_of(case) for case in cases])
        return
    language = VOICE.language
    VOICE.table(
        Text("Deletions", "删除记录"),
        [
            Head(Text("number", "编号"), "number"),
            Head(Text("date", "日期"), "id"),
            Head(Text("dataset", "数据集"), "id"),
            Head(Text("rows", "行数"), "number"),
            Head(Text("state", "状态")),
            Head(Text("duty", "依据"), spare=True),
            Head(Text("confirmed", "确认"), "id"),
        ],
        [
            (c.record.number, c.record.at_utc[:10], c.record.dataset, c.record.rows,
             STATES[c.record.state].say(language), c.record.duty or "", (c.confirmed_utc or "")[:10])
            for c in cases
        ],
    )  # fmt: skip
    if subject is not None and cases:
        VOICE.table(
            Text("Kept of this person", "此人仍保留的内容"),
            [Head(Text("what", "内容")), Head(Text("why", "依据")), Head(Text("years", "年限"), "number")],
            [(d.what.say(language), d.why.say(language), d.years or "") for d in KEPT.values()],
        )


def confirm(
    node: NodeOption,
    number: NumberOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Look in the warehouse whether an order to delete was carried out; where it was, that is put on the ledger.

    Example: `huizhen patient confirm-deletion --node north --number 1 --region demo`
    """
    from huizhen.cli.consent import tell
    from huizhen.node import deletion

    with at_node(node, region, home, hub) as (agent, at):
        case = deletion.confirm(agent, number)
        tell(agent, at)
    if as_json:
        VOICE.json(as_json_of(case))
    else:
        VOICE.say(f"No row of deletion {number} is left.", f"第 {number} 号删除已无剩余数据。")
