"""init, node add, dataset add, doctor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.common import (
    HomeOption,
    HubOption,
    JsonFlag,
    NodeOption,
    Region_,
    RegionOption,
    TokenOption,
    command,
    interruptible,
)
from huizhen.cli.place import at_node
from huizhen.cli.program import Command, new_group
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import Conflict
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.model.dataset import Dataset
    from huizhen.node.agent import Agent
    from huizhen.node.hold import Held
    from huizhen.node.point import Origin

node = new_group("Hospitals' nodes.")
dataset = new_group("Datasets at the nodes.")


def init(
    region: RegionOption,
    settings: Annotated[
        Path | None,
        typer.Option("--settings", metavar="FILE", help="settings.yaml: deed, refused askers, privacy budget."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a region: a folder that holds a whole federation, with no service to install.

    Example: `huizhen init --region demo`
    """
    from huizhen.hub.hub import Hub
    from huizhen.intake.document import read_yaml
    from huizhen.model.settings import RegionSettings

    with interruptible("Remove the folder before you try again.", "重试前请删除该文件夹。"):
        chosen = read_yaml(settings, RegionSettings) if settings else RegionSettings()
        hub = Hub.create(region / "hub", chosen)
        origin = hub.origin
        hub.close()
    if as_json:
        VOICE.json({"region": str(region), "ledger": origin})
        return
    VOICE.say(f"Region {region} is ready; its ledger is {origin}.", f"区域 {region} 已建立；账本名为 {origin}。")
    VOICE.say(f"Next: huizhen node add NAME --region {region}", f"下一步：huizhen node add 名称 --region {region}")


@node.command("add", cls=Command)
def node_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the hospital's node.")],
    region: RegionOption,
    as_json: JsonFlag = False,
) -> None:
    """Add a hospital's node: its own folder, keys, policy.

    Example: `huizhen node add north --region demo`
    """
    from huizhen.node.enrol import check_name, create_node

    check_name(name)
    with command(region) as r:
        enrolled = name in r.hub.store.node_keys()
        key = create_node(r.folder / "nodes" / name, r.hub.key.public, r.hub.vkey, enrolled)
        r.hub.enrol(name, key)
        r.witness()
        if as_json:
            VOICE.json({"node": name, "key": key.hex()})
            return
        policy = r.folder / "nodes" / name / "policy.yaml"
        VOICE.say(
            f"Node {name} is part of the region. Its policy: {policy}", f"节点 {name} 已加入区域。策略文件：{policy}"
        )


@dataset.command("add", cls=Command)
def dataset_add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the dataset, the same at every hospital that holds a share.")
    ],
    node: NodeOption,
    source: Annotated[
        str,
        typer.Option(
            "--from", metavar="FILE|WAREHOUSE", help="A .csv or .parquet file, or postgresql://... or spark:DIR."
        ),
    ],
    subject: Annotated[str, typer.Option("--subject", metavar="COLUMN", help="The column that tells people apart.")],
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    schema: Annotated[
        Path | None,
        typer.Option("--schema", metavar="FILE", help="schema.yaml that pins the columns; else they are inferred."),
    ] = None,
    consent: Annotated[
        str, typer.Option("--consent", metavar="none|FILE", help="none, or a consent file to import along with it.")
    ] = "none",
    table: Annotated[
        str, typer.Option("--table", metavar="TABLE", help="The table or view in the warehouse; nothing is copied.")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Take in a table at a node. Its rows stay there; the hub learns columns, types, levels and counts.

    Examples: `huizhen dataset add lung --node north --from north.csv --subject patient_id --consent consents.csv`,
    `huizhen dataset add visits --node north --from postgresql://reader@db/his --table public.visits --subject mrn`,
    `huizhen dataset add visits --node north --from spark:/lake/visits --subject mrn`
    """
    from huizhen.cli import catalogue
    from huizhen.cli.consent import record_all, tell
    from huizhen.intake.consents import read_consents
    from huizhen.node.point import Origin
    from huizhen.node.statements import deliver, publish

    with at_node(node, region, home, hub) as (agent, at), VOICE.progress(as_json) as progress:
        given = None if consent == "none" else read_consents(Path(consent))
        others = [c for c in at.cards(name) if c.holder != node]
        held = _held(agent, name, Origin(source, table, subject), schema, others, progress.rows)
        publish(agent, held.card)
        deliver(agent, at.announce)
        changed = 0 if given is None else record_all(agent, given).changes
        tell(agent, at)
        written = catalogue.write(agent.folder, held.card, others)
        progress.stop()
        if as_json:
            VOICE.json(catalogue.as_json(held, others, changed, written))
        else:
            catalogue.show(held, others, changed, written)


def _held(
    agent: Agent,
    name: str,
    origin: Origin,
    schema: Path | None,
    others: list[Dataset],
    rows: Callable[[int], None],
) -> Held:
    """The dataset, taken in; where it differs from others', the remedy names the schema to begin from."""
    from huizhen.cli import catalogue
    from huizhen.node.point import take_in

    try:
        return take_in(agent, name, origin, schema, others, rows)
    except Conflict as problem:
        at = catalogue.place(agent.folder.parent / others[0].holder, name) if others else None
        if problem.code != "schemas-differ" or at is None or not at.exists():
            raise
        more = Text(f" Begin from {at}.", f"可从 {at} 开始修改。")
        remedy = Text(problem.remedy.en + more.en, problem.remedy.zh + more.zh)
        raise Conflict(problem.code, problem.what, remedy) from None


def doctor(
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Look for what could go wrong, and say what to do about it.

    Examples: `huizhen doctor --region demo`, `huizhen doctor --hub https://hub.example.org:8470 --token acme.access`
    """
    from huizhen.cli import checkup, checkup_hub

    with interruptible("Nothing was changed.", "没有任何改动。"), VOICE.progress(as_json):
        found = checkup.look(region) if hub is None else checkup_hub.look(hub, token)
    if as_json:
        VOICE.json([f.as_dict() for f in found])
    else:
        for f in found:
            word = Text("ok", "正常") if f.ok else Text("BAD", "异常")
            VOICE.say(f"{word.en:<4} {f.what.en}", f"{word.zh} {f.what.zh}", None if f.ok else "red")
            if not f.ok:
                VOICE.say(f"     -> {f.remedy.en}", f"     -> {f.remedy.zh}")
    if not all(f.ok for f in found):
        raise typer.Exit(1)
