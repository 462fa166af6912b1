"""consent delegate add, list, revoke."""

from __future__ import annotations

from typing import Annotated

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.consent import PaperOption, SubjectOption, tell
from huizhen.cli.place import at_node, own
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

app = new_group("Family members whom a person names to speak for them, within limits.")


@app.command("add", cls=Command)
def add(
    node: NodeOption,
    subject: SubjectOption,
    delegate: Annotated[str, typer.Option("--delegate", metavar="ID", help="The family member's own number.")],
    relation: Annotated[str, typer.Option("--relation", metavar="TEXT", help="E.g. daughter.")],
    purpose: Annotated[
        list[str], typer.Option("--purpose", metavar="CODE", help="A purpose they may speak for; may be repeated.")
    ],
    until: Annotated[str, typer.Option("--until", metavar="DATE", help="The last day on which they may.")],
    region: Region_ = None,
    home: HomeOption = None,
    after_death: Annotated[
        bool, typer.Option("--after-death", help="The person arranges that it goes on after their death.")
    ] = False,
    paper: PaperOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Record that a person names a family member, for these purposes and until that day.

    Example:
    `huizhen consent delegate add --node n --subject 7 --delegate 9 --relation wife --purpose HMB --until 2028-12-31`
    """
    from huizhen.node import delegates
    from huizhen.node.saying import check_day

    day = check_day("--until", until) or ""
    with own(node, region, home) as agent:
        made = delegates.add(agent, subject, delegate, relation, tuple(purpose), day, after_death, paper)
    if as_json:
        VOICE.json(made.as_json())
    else:
        VOICE.say(f"Delegation {made.number} is recorded at {node}.", f"{node} 已登记第 {made.number} 号授权。")


@app.command("list", cls=Command)
def list_(
    node: NodeOption,
    subject: SubjectOption,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List whom a person ever named, and whether it still holds.

    Example: `huizhen consent delegate list --node north --subject 1001 --region demo`
    """
    from huizhen.node import delegates

    with own(node, region, home) as agent:
        found = delegates.listed(agent, subject)
    if as_json:
        VOICE.json([d.as_json() for d in found])
        return
    VOICE.table(
        Text("Delegations", "家属授权"),
        [
            Head(Text("number", "编号"), "number"),
            Head(Text("relation", "关系")),
            Head(Text("purposes", "用途")),
            Head(Text("until", "至"), "id"),
            Head(Text("after death", "身后有效")),
            Head(Text("revoked", "撤销"), "id"),
        ],
        [
            (d.number, d.relation, ", ".join(d.purposes), d.until_day,
             (Text("yes", "是") if d.after_death else Text("no", "否")).say(VOICE.language),
             (d.revoked_utc or "")[:10])
            for d in found
        ],
    )  # fmt: skip


@app.command("revoke", cls=Command)
def revoke(
    node: NodeOption,
    subject: SubjectOption,
    number: Annotated[int, typer.Option("--number", metavar="N", help="Number of the delegation.")],
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Revoke a delegation: they speak no more, and what they consented to ends with the next round.

    Example: `huizhen consent delegate revoke --node north --subject 1001 --number 1 --region demo`
    """
    from huizhen.node import delegates

    with at_node(node, region, home, hub) as (agent, at):
        changed = delegates.revoke(agent, subject, number)
        tell(agent, at)
    if as_json:
        VOICE.json({"node": node, "epoch": changed.epoch, "changes": changed.changes})
    else:
        VOICE.say(
            f"Delegation {number} is revoked at {node}; {changed.changes} words of consent changed by it.",
            f"{node} 已撤销第 {number} 号授权；因此变更 {changed.changes} 条同意。",
        )
