"""act due, act exported: what the law has the trustee do from time to time, and how many persons' data went abroad."""

from __future__ import annotations

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.network import DatabaseOption
from huizhen.cli.program import Command
from huizhen.cli.register import act, book
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text


@act.command("exported", cls=Command)
def act_exported(
    region: Region_ = None,
    database: DatabaseOption = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how many persons were in results that went abroad since 1 January, by recipient, as the rules count them.

    Example: `huizhen act exported --region demo`
    """
    from huizhen.model.rule import EXPORT_THRESHOLD

    with book(region, database, hub, token) as found:
        counted = found.exported()
    if as_json:
        VOICE.json(counted)
        return
    VOICE.table(
        Text("Persons exported since 1 January", "自 1 月 1 日起累计出境人数"),
        [Head(Text("recipient", "接收方")), Head(Text("persons", "人数"), "number")],
        [(e["recipient"], f"{e['people']:,}") for e in counted],
    )
    total = sum(e["people"] for e in counted)
    VOICE.say(
        f"In all {total:,}; the study that reaches {EXPORT_THRESHOLD:,} needs a security assessment.",
        f"合计 {total:,}；累计达到 {EXPORT_THRESHOLD:,} 人的研究须经安全评估。",
    )


@act.command("due", cls=Command)
def act_due(
    region: Region_ = None,
    database: DatabaseOption = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what the law has the trustee do from time to time, and whether it is done today. Exit code 5 where it is not.

    Example: `huizhen act due --region demo`
    """
    from huizhen.cli.show import show_reasons

    with book(region, database, hub, token) as found:
        reasons = found.upkeep()
    if as_json:
        VOICE.json([r.as_json() for r in reasons])
    elif reasons:
        show_reasons(r.as_json() for r in reasons)
    else:
        VOICE.say("No rule of this region's law asks for anything.", "本区域适用的规则没有定期义务。")
    if any(r.verdict != "allow" for r in reasons):
        raise typer.Exit(5)
