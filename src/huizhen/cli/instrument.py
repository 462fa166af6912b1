"""deed and contract: draft, offer, sign, show, list, suspend, resume, end; contract commit. One life for both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import yaml

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.place import place
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput, Refused
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.cli.place import Place
    from huizhen.model.deed import Act, Contract, Deed, Instrument, Kind

_KIND = {"deed": Text("Deed", "信托契约"), "contract": Text("Contract", "合同")}
_FILES = {"deed": "deed.yaml", "contract": "contract.yaml"}
_NAMED = {"deed": "lung-trust", "contract": "acme-2026"}
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The terms, as YAML.")]
NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Its name, as in its terms.")]
VersionOption = Annotated[
    int | None, typer.Option("--version", metavar="N", min=1, help="That version; else the last one.")
]
AsOption = Annotated[str, typer.Option("--as", metavar="PARTY", help="The party that signs, as in the register.")]
As_ = Annotated[
    str | None, typer.Option("--as", metavar="PARTY", help="A party that leaves, by its signature; else the trustee.")
]
KeyOption = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="That party's own key file, from `party key`; it is only read.")
]
Key_ = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="With --as: that party's own key file; it is only read."),
]
OdrlOption = Annotated[
    Path | None, typer.Option("--odrl", metavar="FILE", help="Also write it as an ODRL 2.2 agreement (JSON-LD).")
]
TermsOption = Annotated[
    Path | None, typer.Option("--terms", metavar="FILE", help="Also write its terms as YAML, to read and to sign.")
]


def _help(kind: Kind, words: str, example: str) -> str:
    return f"{words}\n\nExample: `huizhen {kind} {example} --region demo`"


def make(kind: Kind, words: str) -> typer.Typer:
    """The commands of one kind of instrument."""
    app = new_group(words)
    named, file = _NAMED[kind], _FILES[kind]
    _add_papers(app, kind, named, file)
    _add_signing(app, kind, named, file)
    for verb, said in (
        ("offer", "Offer the last version to its parties for signature. From then on its terms stand."),
        ("suspend", "Suspend it: nothing is granted under it until it is resumed."),
        ("resume", "Let a suspended one go on."),
    ):
        app.command(verb, cls=Command, help=_help(kind, said, f"{verb} {named}"))(_trustees_step(kind, verb))
    return app


def _trustees_step(kind: Kind, step: str) -> Callable[..., None]:
    def run(
        name: NameArgument,
        region: Region_ = None,
        hub: HubOption = None,
        token: TokenOption = None,
        as_json: JsonFlag = False,
    ) -> None:
        with place(region, hub, token) as at:
            found = at.move(kind, name, {"step": step})
            at.settle()
        _tell(found, as_json)

    return run


def _add_papers(app: typer.Typer, kind: Kind, named: str, file: str) -> None:
    said = "Put terms on file, as the next version of their name. Nobody is bound until all parties have signed."

    @app.command("draft", cls=Command, help=_help(kind, said, f"draft {file}"))
    def draft(
        file: FileArgument,
        region: Region_ = None,
        hub: HubOption = None,
        token: TokenOption = None,
        as_json: JsonFlag = False,
    ) -> None:
        terms = _read(kind, file)
        with place(region, hub, token) as at:
            found = at.draft(kind, terms.as_json())
            at.settle()
        _tell(found, as_json)

    said = "Show it as it stands today: state, signatures, what happened when, and its terms."

    @app.command("show", cls=Command, help=_help(kind, said, f"show {named} --odrl {named}.jsonld"))
    def show(
        name: NameArgument,
        version: VersionOption = None,
        odrl: OdrlOption = None,
        terms: TermsOption = None,
        region: Region_ = None,
        hub: HubOption = None,
        token: TokenOption = None,
        as_json: JsonFlag = False,
    ) -> None:
        with place(region, hub, token) as at:
            found = at.instrument(kind, name, version)
        if odrl is not None:
            from huizhen.market.odrl import to_odrl

            text = json.dumps(to_odrl(_instrument(found)), ensure_ascii=False, indent=2)
            odrl.write_text(text + "\n", encoding="utf-8")
        if terms is not None:
            terms.write_text(_yaml(found), encoding="utf-8")
        if as_json:
            VOICE.json(found)
        else:
            _tell(found, False)
            _history(found)
            VOICE.say(_yaml(found).rstrip(), _yaml(found).rstrip())

    said = "List the last version of each, with its state today."

    @app.command("list", cls=Command, help=_help(kind, said, "list"))
    def list_(
        region: Region_ = None, hub: HubOption = None, token: TokenOption = None, as_json: JsonFlag = False
    ) -> None:
        with place(region, hub, token) as at:
            found = at.instruments(kind)
        if as_json:
            VOICE.json(found)
            return
        VOICE.table(
            Text({"deed": "Deeds", "contract": "Contracts"}[kind], _KIND[kind].zh),
            [
                Head(Text("name", "名称"), "id"),
                Head(Text("version", "版本"), "number"),
                Head(Text("state", "状态")),
                Head(Text("signed by", "已签署"), spare=True),
                Head(Text("last day", "末日"), "id"),
            ],
            [(x["name"], x["version"], _state(x), ", ".join(x["signed_by"]), x["last_day"]) for x in found],
        )


def _add_signing(app: typer.Typer, kind: Kind, named: str, file: str) -> None:
    said = "Sign the terms in your own file, with your own key. Refused where the last version at the hub differs."

    @app.command("sign", cls=Command, help=_help(kind, said, f"sign {file} --as north --key north.pem"))
    def sign(
        file: FileArgument,
        party: AsOption,
        key: KeyOption,
        region: Region_ = None,
        hub: HubOption = None,
        token: TokenOption = None,
        as_json: JsonFlag = False,
    ) -> None:
        terms = _read(kind, file)
        with place(region, hub, token) as at:
            instrument = _instrument(at.instrument(kind, terms.name))
            if instrument.terms.as_json() != terms.as_json():
                raise Refused(
                    "terms-differ",
                    Text(f"The last version of '{terms.name}' at the hub differs from {file.name}. Nothing was signed.",
                         f"中心所存“{terms.name}”的最后版本与 {file.name} 条款不同。未作任何签署。"),
                    Text(f"Compare: huizhen {kind} show {terms.name} --terms FILE",
                         f"请比较：huizhen {kind} show {terms.name} --terms 文件"),
                )  # fmt: skip
            found = at.move(kind, terms.name, _signed(instrument, "sign", "sign", party, key))
            at.settle()
        _tell(found, as_json)

    said = "End it: at once before it has begun, or with the notice that its exit clause asks for."

    @app.command("end", cls=Command, help=_help(kind, said, f"end {named}"))
    def end(
        name: NameArgument,
        party: As_ = None,
        key: Key_ = None,
        region: Region_ = None,
        hub: HubOption = None,
        token: TokenOption = None,
        as_json: JsonFlag = False,
    ) -> None:
        if (party is None) != (key is None):
            raise BadInput(
                "as-without-key",
                Text("--as and --key belong together.", "--as 与 --key 须同时给出。"),
                Text("Give both, or neither for the trustee.", "请同时给出；受托方则都不给。"),
            )
        with place(region, hub, token) as at:
            found = at.move(kind, name, {"step": "end"} if party is None else _leaving(at, kind, name, party, key))
            at.settle()
        _tell(found, as_json)


def _leaving(at: Place, kind: Kind, name: str, party: str, key: Path | None) -> dict[str, Any]:
    """What a party signs to leave: a notice, once it has begun and where the exit clause asks for one."""
    assert key is not None
    found = at.instrument(kind, name)
    instrument = _instrument(found)
    noticed = found["state"] in {"active", "suspended"} and instrument.terms.exit.notice_days
    return _signed(instrument, "end", "notice" if noticed else "end", party, key)


def _signed(instrument: Instrument, step: str, act: Act, party: str, key: Path) -> dict[str, Any]:
    from huizhen.client import party_key

    return {"step": step, "by": party, "signature": party_key.read(key).sign(instrument.signed_bytes(act)).hex()}


def commit(
    study: Annotated[str, typer.Argument(metavar="ID", help="The study's id, e.g. st-0123456789abcdef.")],
    key: Annotated[
        Path, typer.Option("--key", metavar="FILE", help="The asker's own key file, from `party key`; it is only read.")
    ],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Sign the commitment that a contract asks for before the result of a study is released.

    Example: `huizhen contract commit st-0123456789abcdef --key acme.pem --region demo`
    """
    from huizhen.client import party_key
    from huizhen.model.deed import Commitment

    with place(region, hub, token) as at:
        signer = party_key.read(key)
        made = Commitment.read({**at.to_commit(study), "key": signer.public.hex()}).signed(signer.sign)
        at.commit(study, made.signature)
    if as_json:
        VOICE.json(made.as_json())
    else:
        VOICE.say(f"Signed: {made.text}", f"已签署：{made.text}")


def _read(kind: Kind, file: Path) -> Deed | Contract:
    from huizhen.intake.document import read_yaml
    from huizhen.model.deed import Contract, Deed

    return read_yaml(file, Deed) if kind == "deed" else read_yaml(file, Contract)


def _instrument(found: dict[str, Any]) -> Instrument:
    from huizhen.model.deed import Instrument

    return Instrument.read(found["instrument"])


def _yaml(found: dict[str, Any]) -> str:
    return yaml.safe_dump(found["instrument"][found["kind"]], sort_keys=False, allow_unicode=True, width=100)


def _state(found: dict[str, Any]) -> str:
    from huizhen.model.lifecycle import STATES

    return STATES[found["state"]].say(VOICE.language)


def _tell(found: dict[str, Any], as_json: bool) -> None:
    """Where it stands, in a line or two."""
    from huizhen.model.lifecycle import STATES

    if as_json:
        VOICE.json(found)
        return
    kind, state = _KIND[found["kind"]], STATES[found["state"]]
    name = f"{found['name']} v{found['version']}"
    VOICE.say(f"{kind.en} {name}: {state.en}. SHA-256 {found['digest']}",
              f"{kind.zh} {name}：{state.zh}。摘要 SHA-256 {found['digest']}")  # fmt: skip
    parties = _instrument(found).terms.parties
    missing = [p for p in parties if p not in found["signed_by"]]
    if missing and found["state"] in {"offered", "signed"}:
        VOICE.say(f"Still to sign: {', '.join(missing)}.", f"尚待签署：{'、'.join(missing)}。")
    elif found["state"] in {"active", "suspended"}:
        VOICE.say(f"Its last day is {found['last_day']}.", f"末日为 {found['last_day']}。")


def _history(found: dict[str, Any]) -> None:
    from huizhen.model.lifecycle import STEPS

    VOICE.table(
        Text("What happened", "经过"),
        [Head(Text("day", "日期"), "id"), Head(Text("step", "步骤")), Head(Text("by", "由"))],
        [(e["day"], STEPS[e["step"]].say(VOICE.language), e["by"]) for e in found["events"]],
    )


deed = make("deed", "Data-trust deeds: who puts data into trust, for what, and how it pays.")
contract = make("contract", "Contracts between askers and the trustee.")
contract.command("commit", cls=Command)(commit)
