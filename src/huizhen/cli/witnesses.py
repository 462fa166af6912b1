"""witness add, list, remove: what the trustee does about outside witnesses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, RegionOption, TokenOption, interruptible
from huizhen.cli.network import DatabaseOption, opened_hub
from huizhen.cli.place import place
from huizhen.cli.program import Command
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.cli.witness import app
from huizhen.kit.text import Text


@app.command("add", cls=Command)
def add(
    key: Annotated[str, typer.Argument(metavar="KEY", help="The witness's key, as `huizhen witness init` prints it.")],
    region: RegionOption,
    database: DatabaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Take in an outside witness. It is on the ledger; from now on it counts among those that have to co-sign.

    Example: `huizhen witness add auditor.example.org+1ff9f4e3+BFl3... --region demo`
    """
    from huizhen.hub.log import Log

    with interruptible("Run it again.", "请重新运行。"), opened_hub(region, database) as found:
        log = Log(found)
        made, needed = log.enrol(key), log.needed()
    if as_json:
        VOICE.json({"name": made.name, "key": made.vkey, "needed": needed})
        return
    VOICE.say(f"Witness {made.name} is enrolled.", f"见证方 {made.name} 已登记。")
    VOICE.say(f"Witnesses that have to co-sign: {needed}.", f"须联署的见证方数：{needed}。")


@app.command("remove", cls=Command)
def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the witness.")],
    region: RegionOption,
    database: DatabaseOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Count a witness no longer. What it has co-signed stays.

    Example: `huizhen witness remove auditor.example.org --region demo`
    """
    from huizhen.hub.log import Log

    with interruptible("Run it again.", "请重新运行。"), opened_hub(region, database) as found:
        log = Log(found)
        log.remove(name)
        needed = log.needed()
    if as_json:
        VOICE.json({"name": name, "removed": True, "needed": needed})
    else:
        VOICE.say(f"Witness {name} no longer counts.", f"见证方 {name} 不再计入。")


@app.command("list", cls=Command)
def list_(region: Region_ = None, hub: HubOption = None, token: TokenOption = None, as_json: JsonFlag = False) -> None:
    """List the outside witnesses: how far each has co-signed, and what still waits.

    Example: `huizhen witness list --region demo`
    """
    with place(region, hub, token) as at:
        standing = at.standing()
    if as_json:
        VOICE.json(standing)
        return
    VOICE.table(
        Text("Witnesses", "见证方"),
        [
            Head(Text("name", "名称"), "id"),
            Head(Text("entries", "条数"), "number"),
            Head(Text("last (UTC)", "最近（UTC）"), "id"),
        ],
        [(w["name"], w["entries"], _when(w["at_unix_s"])) for w in standing["witnesses"]],
    )
    tell_standing(standing)


def _when(at_unix_s: int | None) -> str:
    return "-" if at_unix_s is None else f"{datetime.fromtimestamp(at_unix_s, UTC):%Y-%m-%d %H:%M}"


def tell_standing(standing: dict[str, int]) -> None:
    """One line on how far the ledger is witnessed; none where no witness has to co-sign."""
    if not standing["needed"]:
        return
    if standing["waiting"]:
        VOICE.say(
            f"Waiting for witnesses: {standing['waiting']} of {standing['entries']} entries are not yet co-signed by "
            f"{standing['needed']} outside witnesses.",
            f"等待见证：{standing['entries']} 条中有 {standing['waiting']} 条尚未由 "
            f"{standing['needed']} 个外部见证方联署。",
        )
    else:
        VOICE.say(
            f"All {standing['entries']} entries are co-signed by {standing['needed']} outside witnesses or more.",
            f"全部 {standing['entries']} 条均由至少 {standing['needed']} 个外部见证方联署。",
        )
