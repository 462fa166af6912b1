"""node log."""

from __future__ import annotations

from typing import Annotated

import typer

from huizhen.cli.common import HomeOption, JsonFlag, Region_
from huizhen.cli.place import own
from huizhen.cli.program import Command
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text


def register(node: typer.Typer) -> None:
    node.command("log", cls=Command)(node_log)


def node_log(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the hospital's node.")],
    region: Region_ = None,
    home: HomeOption = None,
    study: Annotated[str | None, typer.Option("--study", metavar="ID", help="Only what belongs to this study.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """What the hub asked of a node, and what the node decided: its own signed log, every line checked as it is read.

    Example: `huizhen node log north --region demo`
    """
    from huizhen.node.log import check_log

    with own(name, region, home) as agent:
        head = check_log(agent.book.logged(), agent.key.public)
        lines = [line for line, _ in agent.book.logged(study)]
        if as_json:
            VOICE.json({"node": name, "head": head, "lines": [line.as_json() for line in lines]})
            return
        if not head:
            VOICE.say(f"The hub has asked nothing of node {name} so far.", f"中心尚未向节点 {name} 提出任何请求。")
            return
        VOICE.table(
            Text(f"Log of node {name}", f"节点 {name} 的日志"),
            [
                Head(Text("line", "行"), "number"),
                Head(Text("time (UTC)", "时间（UTC）"), "id"),
                Head(Text("message", "消息"), "id"),
                Head(Text("study", "研究"), "id"),
                Head(Text("decision", "决定")),
                Head(Text("left the node", "送出数据的摘要"), spare=True),
            ],
            [
                (
                    line.number,
                    line.at_utc[:19],
                    line.kind,
                    line.study,
                    line.code or Text("answered", "已应答").say(VOICE.language),
                    line.partial[:12],
                )
                for line in lines
            ],
        )
        VOICE.say(
            f"{len(lines)} lines; each follows from the one before and is signed. The log's head: {head[:16]}.",
            f"共 {len(lines)} 行；日志各行首尾相接且均有签名。最新摘要为 {head[:16]}。",
        )
