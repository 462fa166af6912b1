"""ledger list, prove, export, verify."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.chinese_ledger import FACTS, KINDS
from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption, interruptible
from huizhen.cli.ledger_chain import anchor, anchors_at, verify_anchors
from huizhen.cli.ledger_files import export, prove_from, verify_evidence, verify_files
from huizhen.cli.place import elsewhere, place, verifier_keys, verify_folder
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.cli.witness import AuthorityOption, read_file, trust
from huizhen.cli.witness import KeysOption as TrustOption
from huizhen.cli.witnesses import tell_standing
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.ledger.note import VerifierKey

app = new_group("The evidence ledger, which anyone can check.")
KeysOption = Annotated[
    Path | None,
    typer.Option("--keys", metavar="FILE", help="Also write the public keys that verify the proof to this file."),
]
BROKEN = 8


@app.command("list", cls=Command)
def list_(
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List all entries, oldest first.

    Example: `huizhen ledger list --region demo`
    """
    with place(region, hub, token) as at:
        entries, standing = at.entries(), at.standing()
        if as_json:
            VOICE.json(entries)
            return
        VOICE.table(
            Text("Ledger", "账本"),
            [
                Head(Text("entry", "序号"), "number"),
                Head(Text("time (UTC)", "时间（UTC）"), "id", spare=True),
                Head(Text("kind", "类型"), "id"),
                Head(Text("actor", "行为方")),
                Head(Text("subject", "对象"), "id"),
                Head(Text("facts", "事实"), spare=True),
            ],
            [
                (
                    e["entry"],
                    e["at_utc"][:16].replace("T", " "),
                    _said(e["kind"], KINDS),
                    e["actor"],
                    _short(e["subject"]),
                    _facts(e["facts"]),
                )
                for e in entries
            ],
        )
        tell_standing(standing)


def _short(subject: str) -> str:
    """A study's id or a node's name in full; the name of a ledger, which is long, by its beginning."""
    return subject if len(subject) <= 20 else subject[:19] + "…"


def _said(code: str, words: dict[str, str]) -> str:
    return words.get(code, code) if VOICE.language == "zh" else code


def _facts(facts: dict[str, Any]) -> str:
    """Facts in short: of keys and commitments the first eight characters."""
    short = {k: v if len(str(v)) <= 20 else f"{str(v)[:8]}…" for k, v in facts.items()}
    return ", ".join(f"{_said(k, FACTS)} {v}" for k, v in short.items())


@app.command("prove", cls=Command)
def prove(
    entry: Annotated[int, typer.Argument(metavar="ENTRY", help="Number of the entry, from `ledger list`.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="File to write the proof to.")],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    keys: KeysOption = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="URL|DIR", help="Make it from the ledger's files there, with nothing else."),
    ] = None,
    under: Annotated[
        Path | None,
        typer.Option("--under", metavar="FILE", help="With --from: under this checkpoint, e.g. an anchored one."),
    ] = None,
    authority: AuthorityOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a proof that an entry is in the ledger. It stands alone: whoever has the keys can check it without us.

    Examples: `huizhen ledger prove 12 --out entry12.proof --keys keys.txt --region demo`,
    `huizhen ledger prove 12 --out entry12.proof --from public --under anchored.note`
    """
    if from_ is not None:
        prove_from(from_, trust(None, token, authority)[1], entry, under, out, as_json)
        return
    with place(region, hub, token) as at:
        out.write_bytes(at.prove(entry))
        if keys is not None:
            keys.write_text("\n".join(at.keys()) + "\n", encoding="utf-8")
        if as_json:
            VOICE.json({"entry": entry, "proof": str(out), "keys": None if keys is None else str(keys)})
            return
        VOICE.say(f"Proof of entry {entry} written to {out}.", f"第 {entry} 条的证明已写入 {out}。")
        with_keys = f"--keys {keys}" if keys else f"--region {region}" if region else f"--hub {hub} --token {token}"
        check = f"huizhen ledger verify --proof {out} {with_keys}"
        VOICE.say(f"Check it with: {check}", f"核验命令：{check}")


app.command("export", cls=Command)(export)
app.command("anchor", cls=Command)(anchor)


@app.command("verify", cls=Command)
def verify(
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    proof_file: Annotated[
        Path | None, typer.Option("--proof", metavar="FILE", help="Verify this proof instead of the whole ledger.")
    ] = None,
    keys: TrustOption = None,
    from_: Annotated[
        str | None,
        typer.Option("--from", metavar="URL|DIR", help="Verify the ledger's files there, with nothing but keys."),
    ] = None,
    authority: AuthorityOption = None,
    quorum: Annotated[
        int | None,
        typer.Option("--quorum", metavar="N", min=1, help="With --from: witnesses needed; else more than half."),
    ] = None,
    seen: Annotated[
        list[Path] | None,
        typer.Option(
            "--seen", metavar="FILE", help="With --from or --chain: a checkpoint or proof seen elsewhere, to be in it."
        ),
    ] = None,
    chain: Annotated[
        str | None,
        typer.Option("--chain", metavar="URL", help="Hold it to what is anchored there: a node of the chain."),
    ] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", metavar="ADDRESS", help="With --chain: the contract with the anchors.")
    ] = None,
    evidence: Annotated[
        Path | None, typer.Option("--evidence", metavar="FILE", help="Verify this proof that the hub forked.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Compute everything again, offline, and name the first entry at which the story breaks. Trusts the keys that the
    hospitals keep, not the hub. With --from it reads the ledger's files only, in little memory, and exit code 7 says
    that nothing is wrong but witnesses are still to come. With --chain, files, checkpoint or proof are also held to the
    anchors on a chain.

    Examples: `huizhen ledger verify --region demo`, `huizhen ledger verify --proof entry12.proof --keys keys.txt`,
    `huizhen ledger verify --from https://hub:8470 --token auditor.access`,
    `huizhen ledger verify --from public --keys keys.txt`,
    `huizhen ledger verify --chain http://localhost:8545 --contract 0x5FbD... --proof entry12.proof --keys keys.txt`
    """
    with interruptible("Nothing was changed.", "没有任何改动。"):
        if from_ is not None:
            from huizhen.hub.verify import quorum as majority

            trusted = _trusted_keys(keys, region, token)
            enough = quorum or (majority(len(trusted) - 1) if trusted[1:] else 0)
            anchors = () if chain is None else anchors_at(chain, contract, trusted).all()
            verify_files(from_, trust(None, token, authority)[1], trusted, enough, seen or (), as_json, anchors)
        elif chain is not None:
            trusted = _trusted_keys(keys, region, token)
            verify_anchors(anchors_at(chain, contract, trusted), trusted, seen or [], proof_file, as_json)
        elif evidence is not None:
            verify_evidence(evidence, _trusted_keys(keys, region, token), as_json)
        elif proof_file is not None:
            _verify_proof(proof_file, _trusted_keys(keys, region, token if hub else None), as_json)
        elif hub is not None:
            with elsewhere(hub, token) as there:
                _verify_ledger(there.verify, as_json, fetched=True)
        elif region is not None:
            _verify_ledger(lambda: verify_folder(region), as_json)
        else:
            raise BadInput(
                "nothing-to-verify",
                Text("Say which ledger to verify.", "请指明要验证的账本。"),
                Text(
                    "Give --region DIR, or --proof FILE --keys FILE.",
                    "请给出 --region 文件夹，或 --proof 文件 --keys 文件。",
                ),
            )


def _verify_ledger(check: Callable[[], tuple[int, list[Text], int]], as_json: bool, fetched: bool = False) -> None:
    with VOICE.progress(as_json) as progress:
        progress.step("read", Text("computing every entry again", "正在逐条重算"))
        entries, wrong, witnesses = check()
    if as_json:
        VOICE.json({"ok": not wrong, "entries": entries, "wrong": [w._asdict() for w in wrong]})
    elif wrong:
        VOICE.say("The ledger does NOT hold.", "账本不完好。", "bold red")
        for each in wrong:
            VOICE.say(f"- {each.en}", f"- {each.zh}")
    elif fetched:
        VOICE.say(
            f"The ledger holds: {entries} entries, every hash and signature computed again on this machine, and every "
            f"document that you may see, under the keys of {witnesses} hospitals.",
            f"账本完好：{entries} 条，已在本机逐一重算哈希与签名以及您可查看的文件；依据 {witnesses} 家医院的公钥。",
        )
    else:
        VOICE.say(
            f"The ledger holds: {entries} entries, every hash, signature, document and posting computed again; "
            f"{witnesses} hospitals' own copies agree.",
            f"账本完好：{entries} 条，已逐一重算哈希、签名、文件与分录；与 {witnesses} 家医院自存副本一致。",
        )
    if wrong:
        raise typer.Exit(BROKEN)


def _trusted_keys(keys: Path | None, region: Path | None, token: Path | None) -> list[VerifierKey]:
    """From a file of keys, the hospitals of a region, or an access file; never from a hub."""
    lines, _ = trust(keys, token, None)
    if lines or keys is not None:
        return verifier_keys(lines)
    if region is not None:
        from huizhen.cli.region import check_there, trusted

        check_there(region)
        hub, witnesses = trusted(region)
        return [hub, *(w.key for w in witnesses)]
    raise BadInput(
        "no-keys",
        Text("A proof is checked against keys that you trust.", "验证证明需要您信任的公钥。"),
        Text("Give --keys FILE, or --region DIR.", "请给出 --keys 文件，或 --region 文件夹。"),
    )


def _verify_proof(path: Path, trusted_keys: list[VerifierKey], as_json: bool) -> None:
    from huizhen.hub.verify import verify_proof
    from huizhen.ledger.story import read_leaf

    data = read_file(path)
    if not trusted_keys:
        raise BadInput(
            "no-keys",
            Text("The file of keys is empty.", "公钥文件为空。"),
            Text("Write it with `huizhen ledger prove --keys FILE`.", "请用 `huizhen ledger prove --keys 文件` 生成。"),
        )
    proven = verify_proof(data, trusted_keys)
    entry = read_leaf(proven.leaf)
    names = sorted(proven.signed.witnessed)
    if as_json:
        leaf = entry.as_json() if entry else None
        VOICE.json({"ok": True, "entry": proven.index, "leaf": leaf, "witnesses": names})
        return
    kind, subject = (entry.kind, entry.subject) if entry else ("?", "?")
    origin = proven.signed.checkpoint.origin
    VOICE.say(
        f"Proven: entry {proven.index} ({kind}, {subject}) is in the ledger {origin}, co-signed by {', '.join(names)}.",
        f"已证实：第 {proven.index} 条（{kind}，{subject}）在账本 {origin} 中，由 {'、'.join(names)} 联署。",
    )
