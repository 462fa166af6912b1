"""breach declare, revise, note, close, reopen, status: what the trustee does, and what the law's clocks say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, cast

import typer

from huizhen.cli.at_desk import part
from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.place import place
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.cli.place import Place
    from huizhen.model.incident import Declaration, Noted

app = new_group("Breaches of personal data: declared, counted, told, proven.")
BreachArgument = Annotated[str, typer.Argument(metavar="ID", help="The breach's id, e.g. br-0123456789abcdef.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="What is known of the breach, as YAML.")]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="File number or grounds; names no person.")]


class Breaches(Protocol):
    """See `hub.incidents.IncidentDesk`."""

    def breaches(self) -> list[dict[str, Any]]: ...
    def breach(self, name: str) -> dict[str, Any]: ...
    def declare(self, said: Declaration) -> dict[str, Any]: ...
    def step(self, name: str, said: Noted) -> dict[str, Any]: ...
    def bundle(self, name: str) -> dict[str, Any]: ...


def desk(at: Place) -> Breaches:
    return cast(Breaches, part(at, "incidents"))


@app.command("declare", cls=Command)
def declare(
    file: FileArgument,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Declare a breach: the ledger has it from now on, nothing takes it off, and the clocks of the law are shown.

    Example: `huizhen breach declare breach.yaml --region demo`
    """
    said = _read(file)
    with place(region, hub, token) as at:
        found = desk(at).declare(said)
        at.settle()
    _tell(found, as_json)


@app.command("revise", cls=Command)
def revise(
    breach: BreachArgument,
    file: FileArgument,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say what has become known since. Datasets and studies can be added; when it became known can only be earlier.

    Example: `huizhen breach revise br-0123456789abcdef breach.yaml --region demo`
    """
    _step(breach, {"step": "revised", "declaration": _read(file).as_json()}, region, hub, token, as_json)


@app.command("note", cls=Command)
def note(
    breach: BreachArgument,
    step: Annotated[str, typer.Argument(metavar="STEP", help="E.g. authority-told; an unknown word lists them all.")],
    note: NoteOption,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Note what was just done: contained, authority-told, persons-told, persons-spared, persons-ordered, media-told,
    media-spared, reported. It counts as done at this moment, and at no other.

    Example: `huizhen breach note br-0123456789abcdef authority-told --note "CAC 2026-17" --region demo`
    """
    from huizhen.cli.register import check_word
    from huizhen.model.incident import CLOSED, NOTED

    check_word(step, [s for s in NOTED if s not in (*CLOSED, "reopened")], "unknown-breach-step", Text("step", "步骤"))
    _step(breach, {"step": step, "note": note}, region, hub, token, as_json)


@app.command("close", cls=Command)
def close(
    breach: BreachArgument,
    note: NoteOption,
    unfounded: Annotated[
        bool, typer.Option("--unfounded", help="There was no breach after all; it stays listed.")
    ] = False,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Close a breach, once every rule about it is met. Closed or not, it stays on the ledger and in the list.

    Example: `huizhen breach close br-0123456789abcdef --note "all told" --region demo`
    """
    _step(breach, {"step": "unfounded" if unfounded else "closed", "note": note}, region, hub, token, as_json)


@app.command("reopen", cls=Command)
def reopen(
    breach: BreachArgument,
    note: NoteOption,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Go on with a breach that was closed.

    Example: `huizhen breach reopen br-0123456789abcdef --note "a second file was found" --region demo`
    """
    _step(breach, {"step": "reopened", "note": note}, region, hub, token, as_json)


@app.command("status", cls=Command)
def status(
    breach: Annotated[
        str | None, typer.Argument(metavar="ID", help="One breach; else all, the closed ones too.")
    ] = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the clocks, who has counted, what the rules ask for, and what happened when.

    Example: `huizhen breach status --region demo`
    """
    with place(region, hub, token) as at:
        found = desk(at).breaches() if breach is None else [desk(at).breach(breach)]
    if as_json:
        VOICE.json(found if breach is None else found[0])
        return
    VOICE.table(
        Text("Breaches", "泄露事件"),
        [
            Head(Text("id", "编号"), "id"),
            Head(Text("state", "状态")),
            Head(Text("at", "发生于")),
            Head(Text("known (UTC)", "知悉（UTC）"), "id"),
            Head(Text("persons", "人数"), "number"),
        ],
        [
            (x["breach"], _state(x).say(VOICE.language), x["declaration"]["holder"],
             _moment(x["declaration"]["known_utc"]), "?" if x["affected"] is None else f"{x['affected']:,}")
            for x in found
        ],
    )  # fmt: skip
    if breach is not None:
        _tell(found[0], False)
        _history(found[0])


def _step(
    breach: str, said: dict[str, Any], region: Path | None, hub: str | None, token: Path | None, as_json: bool
) -> None:
    from huizhen.cli.register import made_of
    from huizhen.model.incident import Noted

    with place(region, hub, token) as at:
        found = desk(at).step(breach, made_of(Noted.read, said))
        at.settle()
    _tell(found, as_json)


def _read(file: Path) -> Declaration:
    from huizhen.intake.document import read_yaml
    from huizhen.model.incident import Declaration

    return read_yaml(file, Declaration)


def _state(found: dict[str, Any]) -> Text:
    from huizhen.model.incident import STEPS

    return STEPS[found["state"]] if found["state"] in STEPS else Text("open", "处置中")


def _moment(utc: str) -> str:
    return utc[:16].replace("T", " ")


def _tell(found: dict[str, Any], as_json: bool) -> None:
    """State, clocks and what the rules answer."""
    from huizhen.cli.show import show_reasons
    from huizhen.model.incident import grade

    if as_json:
        VOICE.json(found)
        return
    state = _state(found)
    VOICE.say(f"{found['breach']}: {state.en}", f"{found['breach']}：{state.zh}")
    show_reasons(found["reasons"])
    if found["affected"] is not None:
        size, nodes = grade(found["affected"]), ", ".join(sorted(found["people"]))
        VOICE.say(f"Persons affected: {found['affected']:,} ({size.en}); counted by {nodes}.",
                  f"受影响 {found['affected']:,} 人（{size.zh}）；已统计：{nodes}。")  # fmt: skip


def _history(found: dict[str, Any]) -> None:
    from huizhen.model.incident import STEPS

    VOICE.table(
        Text("What happened", "经过"),
        [
            Head(Text("time (UTC)", "时间（UTC）"), "id"),
            Head(Text("step", "步骤")),
            Head(Text("note", "备注"), spare=True),
        ],
        [(_moment(e["at_utc"]), STEPS[e["step"]].say(VOICE.language), e["note"] or "") for e in found["events"]],
    )
