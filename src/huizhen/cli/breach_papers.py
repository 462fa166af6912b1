"""breach affected, notices, bundle, verify: who it concerns, what they are told, and the evidence."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from huizhen.cli.breach import BreachArgument, app, desk
from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_, TokenOption, interruptible
from huizhen.cli.consent import tell
from huizhen.cli.place import at_node, place, verifier_keys
from huizhen.cli.program import Command
from huizhen.cli.voice import VOICE
from huizhen.cli.witness import read_file
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

FORMATS = ("md", "html", "pdf")


@app.command("affected", cls=Command)
def affected(
    breach: BreachArgument,
    node: NodeOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    among: Annotated[
        Path | None,
        typer.Option("--among", metavar="FILE", help="The hospital's numbers, one a line: which of them are affected."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the list there; it names persons: keep it safe.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find who is affected, at the hospital, and have the hub told how many. The list stays here: pseudonyms, or with
    --among the hospital's own numbers.

    Example: `huizhen breach affected br-0123456789abcdef --node north --among numbers.txt --out told.txt --region demo`
    """
    from huizhen.model.incident import Declaration
    from huizhen.node import incidents

    with at_node(node, region, home, hub) as (agent, at):
        said = Declaration.read(desk(at).breach(breach)["declaration"])
        found = incidents.affected(agent, said)
        listed = list(found.pseudonyms)
        if among is not None:
            listed = incidents.among(agent, found, read_file(among).decode().split())
        if out is not None:
            out.touch(mode=0o600)
            out.write_text("".join(f"{x}\n" for x in listed), encoding="utf-8")
        commitment = incidents.count(agent, breach, found)
        tell(agent, at)
    if as_json:
        VOICE.json({
            "people": found.people, "listed": len(listed), "studies": found.studies, "datasets": found.datasets,
            "commitment": commitment,
        })  # fmt: skip
        return
    VOICE.say(f"Affected here: {found.people:,} persons. The hub is told the number, and no more.",
              f"本院受影响 {found.people:,} 人。仅向中心告知人数。")  # fmt: skip
    if out is not None:
        VOICE.say(f"{len(listed):,} written to {out}.", f"已将 {len(listed):,} 条写入 {out}。")


@app.command("notices", cls=Command)
def notices(
    breach: BreachArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the drafts; it is made.")],
    format_: Annotated[str, typer.Option("--format", metavar="WORD", help="Of the drafts: md, html or pdf.")] = "md",
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Draft the notices to the authority and to the persons, in English and Chinese.

    Example: `huizhen breach notices br-0123456789abcdef --out notices --format pdf --region demo`
    """
    from huizhen.client.notices import drafts

    _check_format(format_)
    with place(region, hub, token) as at:
        found = desk(at).breach(breach)
    out.mkdir(parents=True, exist_ok=True)
    made = drafts(found, f".{format_}")
    for name, data in made.items():
        (out / name).write_bytes(data)
    if as_json:
        VOICE.json({"folder": str(out), "files": sorted(made)})
    else:
        VOICE.say(f"Drafts written to {out}: {', '.join(made)}. Read them before they go out.",
                  f"草稿已写入 {out}：{'、'.join(made)}。发出前请审阅。")  # fmt: skip


def _check_format(given: str) -> None:
    from huizhen.cli.register import check_word

    check_word(given, FORMATS, "unknown-format", Text("format", "格式"))


@app.command("bundle", cls=Command)
def bundle(
    breach: BreachArgument,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The .zip file to write.")],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the evidence as one file: every entry of the ledger about it with its proof, documents and notices. It can
    be verified without this program and without a network.

    Example: `huizhen breach bundle br-0123456789abcdef --out breach.zip --region demo`
    """
    from huizhen.client.notices import drafts
    from huizhen.hub.bundle import Bundle

    if not out.absolute().parent.is_dir():
        raise BadInput(
            "no-place-for-bundle",
            Text(f"'{out}' cannot be written: there is no such folder.", f"无法写入“{out}”：没有该文件夹。"),
            Text("Name a file in a folder that exists.", "请指定已有文件夹中的文件。"),
        )
    with place(region, hub, token) as at:
        found, told = Bundle.read(desk(at).bundle(breach)), desk(at).breach(breach)
    more = {f"notices/{name}": data for name, data in drafts(told, ".html").items()}
    out.write_bytes(found.zipped(more))
    if as_json:
        VOICE.json({"file": str(out), "entries": sorted(map(int, found.proofs))})
    else:
        VOICE.say(f"{len(found.proofs)} entries with their proofs written to {out}.",
                  f"已将 {len(found.proofs)} 条及其证明写入 {out}。")  # fmt: skip


@app.command("verify", cls=Command)
def verify(
    file: Annotated[Path, typer.Argument(metavar="BUNDLE", help="The .zip file of `breach bundle`.")],
    keys: Annotated[
        Path,
        typer.Option("--keys", metavar="FILE", help="Keys to trust, one a line, the hub's first."),
    ],
    as_json: JsonFlag = False,
) -> None:
    """Verify the evidence of a breach with keys of your own: no region, no hub and no network. Exit code 8 where it
    does not hold.

    Example: `huizhen breach verify breach.zip --keys keys.txt`
    """
    from huizhen.hub.bundle import Bundle, verify_bundle
    from huizhen.model.incident import STEPS

    with interruptible("Nothing was changed.", "未作任何更改。"):
        lines = read_file(keys).decode().split("\n")
        trusted = verifier_keys([line for line in lines if line.strip()])
        found = verify_bundle(Bundle.unzipped(read_file(file)), trusted)
    if as_json:
        VOICE.json({"breach": found.id, "state": found.state, "people": dict(found.people),
                    "events": [{"at_utc": at, "step": e.step} for at, e in found.events]})  # fmt: skip
        return
    made, known = found.declared_utc[:19], found.declaration.known_utc[:19]
    VOICE.say(
        f"Proven: {found.id}, declared {made}Z, known {known}Z.",
        f"已证实：{found.id}，申报于 {made}Z，知悉于 {known}Z。",
    )
    for at_utc, event in found.events:
        VOICE.say(f"  {at_utc[:19]}Z {STEPS[event.step].en}", f"  {at_utc[:19]}Z {STEPS[event.step].zh}")
    for name, people in sorted(found.people.items()):
        VOICE.say(f"  {name}: {people:,} persons, signed", f"  {name}：{people:,} 人，已签名")
