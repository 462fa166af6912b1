"""hub backup, hub restore, node backup, node restore."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huizhen.cli.common import HomeOption, JsonFlag, Region_, RegionOption, interruptible
from huizhen.cli.network import DatabaseOption, NameArgument, opened_hub
from huizhen.cli.place import no_region
from huizhen.cli.program import Command
from huizhen.cli.voice import VOICE

OutOption = Annotated[Path, typer.Option("--out", metavar="FILE", help="The backup; it must not be there yet.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]
_CARE = (
    "It holds secret keys: keep it where you would keep the machine itself.",
    "其中含有密钥：请像保管该机器一样保管它。",
)


def register(hub: typer.Typer, node: typer.Typer) -> None:
    """Put the commands beside those that are there."""
    hub.command("backup", cls=Command)(hub_backup)
    hub.command("restore", cls=Command)(hub_restore)
    node.command("backup", cls=Command)(node_backup)
    node.command("restore", cls=Command)(node_restore)


def hub_backup(
    region: RegionOption, out: OutOption, database: DatabaseOption = None, as_json: JsonFlag = False
) -> None:
    """Back up the hub as of one moment, while it serves: keys, settings, ledger, studies, money. Reads SQLite and
    PostgreSQL alike; either can be restored into the other.

    Example: `huizhen hub backup --region demo --out hub-2026-11-28.backup`
    """
    from huizhen.hub.backup import back_up

    with interruptible("Nothing was written.", "没有写入任何内容。"), opened_hub(region, database) as found:
        made = back_up(found, out)
    if as_json:
        VOICE.json({"file": str(out), "entries": made.entries, "bytes": made.size, "made_utc": made.made_utc})
        return
    VOICE.say(
        f"Backed up to {out}: {made.entries} ledger entries, {made.size >> 10} kB.",
        f"已备份到 {out}：账本 {made.entries} 条，{made.size >> 10} kB。",
    )
    VOICE.aside(*_CARE)


def hub_restore(
    file: FileArgument, region: RegionOption, database: DatabaseOption = None, as_json: JsonFlag = False
) -> None:
    """Make a hub from its backup, in a new region folder, and compute its whole ledger again. What was recorded after
    the backup is not in it: hospitals and witnesses that have seen more refuse an older ledger, so restore the newest.

    Example: `huizhen hub restore hub-2026-11-28.backup --region again`
    """
    from huizhen.hub.backup import restore
    from huizhen.hub.server import driven
    from huizhen.hub.verify import verify_restored

    with interruptible("Nothing was kept.", "没有保留任何内容。"):
        made = restore(file, region, None if database is None else driven(database))
        with opened_hub(region, database) as found:
            wrong = verify_restored(found)
    if as_json:
        VOICE.json({"region": str(region), "entries": made.entries, "made_utc": made.made_utc,
                    "wrong": [w.en for w in wrong]})  # fmt: skip
    else:
        VOICE.say(
            f"Restored to {region}, as of {made.made_utc[:16]} UTC: {made.entries} ledger entries.",
            f"已恢复到 {region}，备份时间 {made.made_utc[:16]} UTC：账本 {made.entries} 条。",
        )
        for each in wrong:
            VOICE.text(each)
        if not wrong:
            VOICE.say(
                "Every hash and signature in it was computed again and holds.", "其中每个哈希与签名均已重新计算并成立。"
            )
    if wrong:
        raise typer.Exit(8)


def node_backup(
    name: NameArgument, out: OutOption, region: Region_ = None, home: HomeOption = None, as_json: JsonFlag = False
) -> None:
    """Back up a hospital's node: keys, consents, book of uses, rows. Stop the node for it. The file holds patients'
    data and the key of their pseudonyms: it stays in the hospital.

    Example: `huizhen node backup north --home hospital --out north.backup`
    """
    from huizhen.node.backup import back_up

    with interruptible("Nothing was written.", "没有写入任何内容。"):
        made = back_up(_home(region, home) / "nodes" / name, out)
    if as_json:
        VOICE.json({"file": str(out), "node": made.node, "bytes": made.size, "made_utc": made.made_utc})
        return
    VOICE.say(f"Backed up to {out}: {made.size >> 10} kB.", f"已备份到 {out}：{made.size >> 10} kB。")
    VOICE.aside(*_CARE)


def node_restore(
    file: FileArgument, region: Region_ = None, home: HomeOption = None, as_json: JsonFlag = False
) -> None:
    """Make a node's folder from its backup. Consents that were withdrawn after the backup are not known in it: the hub
    tells how new they must be, and the node refuses until it knows them.

    Example: `huizhen node restore north.backup --home hospital`
    """
    from huizhen.node.backup import restore

    with interruptible("Nothing was kept.", "没有保留任何内容。"):
        where = _home(region, home)
        made = restore(file, where)
    if as_json:
        VOICE.json({"node": made.node, "folder": str(where / "nodes" / made.node), "made_utc": made.made_utc})
        return
    VOICE.say(
        f"Node {made.node} is restored, as of {made.made_utc[:16]} UTC.",
        f"节点 {made.node} 已恢复，备份时间 {made.made_utc[:16]} UTC。",
    )


def _home(region: Path | None, home: Path | None) -> Path:
    found = home or region
    if found is None:
        raise no_region()
    return found
