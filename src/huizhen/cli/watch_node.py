"""watch node scan, list, acknowledge: a hospital watches its own staff."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.consent import tell
from huizhen.cli.place import at_node, own
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.cli.watch import OUTCOMES, AllFlag, DaysOption, FoundOption, OutcomeOption, check_word
from huizhen.kit.text import Text

app = new_group("A hospital's own watching: its staff, and who asks it.")


@app.command("scan", cls=Command)
def scan(
    node: NodeOption,
    days: DaysOption = 1,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Score who opened whose record, and who asked, against their own history and their peers. Alarms stay at the node;
    the ledger gets a commitment that names nobody.

    Example: `huizhen watch node scan --node north --home /srv/huizhen`
    """
    from huizhen.node import watching

    with at_node(node, region, home, hub) as (agent, at):
        found = watching.scan(agent, days)
        tell(agent, at)
    _tell([a.as_json() for a in found], as_json)


@app.command("list", cls=Command)
def list_(
    node: NodeOption,
    every: AllFlag = False,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the hospital's own alarms that nobody has looked into.

    Example: `huizhen watch node list --node north --home /srv/huizhen`
    """
    from huizhen.node import watching

    with own(node, region, home) as agent:
        found = [a for a in watching.alarms(agent) if every or a.acknowledged is None]
    _tell([a.as_json() for a in found], as_json)


@app.command("acknowledge", cls=Command)
def acknowledge(
    node: NodeOption,
    number: Annotated[int, typer.Option("--number", metavar="N", help="Number of the alarm.")],
    staff: Annotated[str, typer.Option("--staff", metavar="NAME", help="Name of the member of staff.")],
    outcome: OutcomeOption,
    text: FoundOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what an alarm was; by somebody else than whom it is about. It stands.

    Example: `huizhen watch node acknowledge --node n --number 1 --staff wu --outcome confirmed --text "a neighbour"`
    """
    from huizhen.node import watching

    check_word(outcome, OUTCOMES)
    with at_node(node, region, home, hub) as (agent, at):
        said = cast("Literal['explained', 'confirmed']", outcome)
        found = watching.acknowledge(agent, number, staff, said, text)
        tell(agent, at)
    if as_json:
        VOICE.json(found.as_json())
    else:
        VOICE.say(f"Alarm {number}: {OUTCOMES[outcome].en}.", f"第 {number} 号警报：{OUTCOMES[outcome].zh}。")


def _tell(found: list[dict[str, Any]], as_json: bool) -> None:
    from huizhen.model.alarm import BEHAVIOURS

    if as_json:
        VOICE.json(found)
        return
    behaviours = {str(code): word for code, word in BEHAVIOURS.items()}
    VOICE.table(
        Text("Alarms", "警报"),
        [
            Head(Text("number", "编号"), "number"),
            Head(Text("day", "日期"), "id"),
            Head(Text("about", "对象")),
            Head(Text("behaviour", "行为")),
            Head(Text("times", "次数"), "number"),
            Head(Text("own history", "自身历史"), "number"),
            Head(Text("peers", "同类"), "number"),
            Head(Text("outcome", "结论")),
        ],
        [
            (
                a["number"], a["window"], a["who"], behaviours[a["behaviour"]].say(VOICE.language), a["count"],
                a["own"], a["peers"],
                OUTCOMES[a["acknowledged"]["outcome"]].say(VOICE.language) if a["acknowledged"] else "",
            )
            for a in found
        ],
    )  # fmt: skip
