"""patient corrections, decide-correction, confirm-correction: what was asked to be corrected, and what was done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.deletion import AnySubjectOption
from huizhen.cli.place import at_node, own
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.correction_book import CorrectionStep

NumberOption = Annotated[int, typer.Option("--number", metavar="N", help="Number of the correction.")]
StaffOption = Annotated[str, typer.Option("--staff", metavar="NAME", help="Who at the hospital did it.")]


def as_json_of(step: CorrectionStep) -> dict[str, Any]:
    """A record with what opens its commitment."""
    return {"record": step.record.as_json(), "salt": step.salt.hex(), "commitment": step.commitment}


def told(step: CorrectionStep) -> None:
    """Where it stands, and what is next."""
    from huizhen.model.correction import STATES

    record, state = step.record, STATES[step.record.state]
    VOICE.say(f"Correction {record.number}, {record.dataset}: {state.en}.",
              f"第 {record.number} 号更正，{record.dataset}：{state.zh}。")  # fmt: skip
    if record.told:
        VOICE.aside(
            f"Rows with this person's among them were given out: {', '.join(record.told)}. Tell each what "
            "was corrected.",
            f"含此人的数据行已对外提供：{'、'.join(record.told)}。请告知各方所作更正。",
        )


def corrections(
    node: NodeOption,
    subject: AnySubjectOption = None,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the corrections that were asked for: where each stands, by when it is due, why it was refused.

    Example: `huizhen patient corrections --node north --region demo`
    """
    from huizhen.model.correction import NEXT, STATES

    with own(node, region, home) as agent:
        found = agent.book.corrections.standing(None if subject is None else agent.book.find(subject))
    if as_json:
        VOICE.json([as_json_of(step) for step in found])
        return
    language = VOICE.language
    VOICE.table(
        Text("Corrections", "更正"),
        [
            Head(Text("number", "编号"), "number"),
            Head(Text("dataset", "数据集"), "id"),
            Head(Text("column", "列"), "id"),
            Head(Text("what is wrong", "错误内容"), spare=True),
            Head(Text("state", "状态")),
            Head(Text("due", "期限"), "id"),
            Head(Text("why", "理由"), spare=True),
        ],
        [
            (r.number, r.dataset, r.column or "", r.text, STATES[r.state].say(language),
             r.due_utc[:10] if r.state in NEXT else "", r.why or "")
            for r in (step.record for step in found)
        ],
    )  # fmt: skip


def decide(
    node: NodeOption,
    number: NumberOption,
    staff: StaffOption,
    why: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the person reads it.")],
    granted: Annotated[
        bool, typer.Option("--grant/--refuse", help="Whether the data will be corrected.", show_default=False)
    ],
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Decide on a correction that a person asked for, with the reason; it stands, signed, on the ledger.

    Example: `huizhen patient decide-correction --node north --number 1 --grant --staff wang --reason "born 1950"
    --region demo`
    """
    from huizhen.cli.consent import tell
    from huizhen.node import correction

    with at_node(node, region, home, hub) as (agent, at):
        step = correction.decide(agent, number, granted, staff, why)
        tell(agent, at)
    if as_json:
        VOICE.json(as_json_of(step))
        return
    told(step)
    if granted:
        VOICE.say("Correct it in the hospital's own system, take the export in with `huizhen dataset add`, then: "
                  "`huizhen patient confirm-correction`.",
                  "请在医院自有系统中更正，用 `huizhen dataset add` 重新导入，再用 "
                  "`huizhen patient confirm-correction` 确认。")  # fmt: skip


def confirm(
    node: NodeOption,
    number: NumberOption,
    staff: StaffOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say that a granted correction was made. The node looks at the rows: as long as the column has the values that it
    had when the person asked, it was not.

    Example: `huizhen patient confirm-correction --node north --number 1 --staff wang --region demo`
    """
    from huizhen.cli.consent import tell
    from huizhen.node import correction

    with at_node(node, region, home, hub) as (agent, at):
        step = correction.confirm(agent, number, staff)
        tell(agent, at)
    if as_json:
        VOICE.json(as_json_of(step))
    else:
        told(step)
