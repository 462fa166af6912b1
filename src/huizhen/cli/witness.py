"""witness init, run, show, evidence: what a regulator or an auditor does on a machine of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.program import Command, new_group
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.log_files import Log
    from huizhen.witness.witness import Witness

app = new_group("Outside witnesses, who see to it that the ledger only grows.")
HomeOption = Annotated[Path, typer.Option("--home", metavar="DIR", help="Folder of the witness.")]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", metavar="FILE", help="Keys to trust, one a line, the hub's first.")
]
AuthorityOption = Annotated[
    Path | None,
    typer.Option("--authority", metavar="FILE", help="Certificate (PEM) of the authority that the hub's comes from."),
]
AccessOption = Annotated[
    Path | None, typer.Option("--token", metavar="FILE", help="The trustee's access file, for its keys and authority.")
]
FORKED = 8


def read_file(path: Path) -> bytes:
    """Raises BadInput where there is none."""
    if not path.is_file():
        raise BadInput(
            "no-proof-file",
            Text(f"There is no file {path}.", f"没有文件 {path}。"),
            Text("Check the path.", "请检查路径。"),
        )
    return path.read_bytes()


def read_note(path: Path) -> bytes:
    """The checkpoint in a file: a note as it is, or the one that a proof holds."""
    from huizhen.ledger import proof

    data = read_file(path)
    return proof.parse(data).checkpoint if data.startswith(proof.HEADER.encode()) else data


def trust(keys: Path | None, token: Path | None, authority: Path | None) -> tuple[list[str], str | None]:
    """Keys, the hub's first, and the authority in PEM: from a file of keys, or from an access file."""
    pem = None if authority is None else read_file(authority).decode("utf-8", "replace")
    if keys is not None:
        return read_file(keys).decode("utf-8", "replace").split(), pem
    if token is not None:
        from huizhen.client import access

        found = access.read(token)
        return list(found.keys), pem or found.authority
    return [], pem


@contextmanager
def opened(home: Path) -> Iterator[Witness]:
    """The witness in a folder."""
    from huizhen.witness.witness import Witness

    with interruptible("What was co-signed is kept.", "已联署的内容均已保存。"):
        found = Witness(home)
        try:
            yield found
        finally:
            found.close()


@app.command("init", cls=Command)
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the witness, e.g. regulator.example.org.")],
    home: HomeOption,
    log: Annotated[
        str | None,
        typer.Option("--from", metavar="URL|DIR", help="The ledger's files: the hub's https://HOST:PORT, or a folder."),
    ] = None,
    keys: KeysOption = None,
    token: AccessOption = None,
    authority: AuthorityOption = None,
    every: Annotated[
        float, typer.Option("--every", metavar="SECONDS", min=0.1, max=3600, help="How often it looks.")
    ] = 10.0,
    as_json: JsonFlag = False,
) -> None:
    """Make a witness with a key of its own, for one hub's ledger. Take the hub's key from the trustee by a safe way.

    Example: `huizhen witness init auditor.example.org --home auditor --from https://hub:8470 --token auditor.access`
    """
    from huizhen.model.following import Following
    from huizhen.witness.witness import Witness

    known, pem = trust(keys, token, authority)
    if not known:
        raise BadInput(
            "no-keys",
            Text("It is not said which hub's ledger it is.", "未指明是哪个中心的账本。"),
            Text(
                "Give --keys FILE or --token FILE, from the trustee.", "请给出受托方提供的 --keys 文件或 --token 文件。"
            ),
        )
    made = Witness.create(home, Following(name=name, hub=known[0], log=log, authority=pem, every_seconds=every))
    vkey = made.key.vkey
    made.close()
    if as_json:
        VOICE.json({"name": name, "home": str(home), "key": vkey})
        return
    VOICE.say(f"Witness {name} is ready in {home}. Its key:", f"见证方 {name} 已就绪：{home}。其公钥：")
    VOICE.say(vkey, vkey)
    VOICE.say(
        f"The trustee enrols it: huizhen witness add KEY --region DIR. Then: huizhen witness run --home {home}",
        f"受托方登记：huizhen witness add 公钥 --region 文件夹。然后：huizhen witness run --home {home}",
    )


@app.command("run", cls=Command)
def run(
    home: HomeOption,
    once: Annotated[bool, typer.Option("--once", help="Look once, and end.")] = False,
    listen: Annotated[
        str | None,
        typer.Option("--listen", metavar="HOST:PORT", help="Also be asked there (C2SP tlog-witness); not needed."),
    ] = None,
) -> None:
    """Follow the ledger until Ctrl-C or SIGTERM: read every new entry, co-sign what only grew, keep the proof of what
    did not. It only dials out.

    Example: `huizhen witness run --home auditor`
    """
    from huizhen.kit.clock import stamp, utc_now
    from huizhen.witness.service import Service

    def say(text: Text) -> None:
        at = stamp(utc_now())[:19] + "Z"
        VOICE.say(f"{at} {found.key.name}: {text.en}", f"{at} {found.key.name}：{text.zh}")

    with opened(home) as found:
        log = _log(found)
        if log is None and (once or listen is None):
            raise BadInput(
                "nothing-to-follow",
                Text("It is not said where the ledger's files are.", "未指明账本文件在何处。"),
                Text(f"Write log: URL or folder into {home}/witness.yaml.", f"请在 {home}/witness.yaml 中写入 log。"),
            )
        service = None if log is None else Service(found, log, say)
        if service is not None and once:
            problem = service.look()
            if problem is not None:
                raise problem
        else:
            _serve(found, service, listen, say)
        if log is not None:
            log.close()


def _log(found: Witness) -> Log | None:
    from huizhen.adapters.log_files import at

    chosen = found.following
    return None if chosen.log is None else at(chosen.log, chosen.authority)


def _serve(found: Witness, service: Any, listen: str | None, say: Any) -> None:
    """Until a signal."""
    import threading

    from huizhen.cli.network import until_stopped

    over, port = threading.Event(), None
    if listen is not None:
        from huizhen.hub.server import address, port_taken
        from huizhen.witness.server import Port

        try:
            port = Port(found, *address(listen))
        except OSError as error:
            raise port_taken(listen, error) from error
        port.start()
        say(
            Text(
                f"listening at http://{listen.rpartition(':')[0]}:{port.port}",
                f"监听 http://{listen.rpartition(':')[0]}:{port.port}",
            )
        )
    say(Text(f"key {found.key.vkey}", f"公钥 {found.key.vkey}"))

    def stop() -> None:
        over.set()
        if service is not None:
            service.stop()

    def rest() -> None:
        over.wait()

    until_stopped(rest if service is None else service.run, stop)
    if port is not None:
        port.stop()
    say(Text("stopped", "已停止"))


@app.command("show", cls=Command)
def show(
    home: HomeOption,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Also write the last co-signed checkpoint to this file."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what the witness has co-signed last, what stands in its way, and the evidence that it keeps.

    Example: `huizhen witness show --home auditor`
    """
    from datetime import UTC, datetime

    from huizhen.kit.clock import stamp
    from huizhen.witness.service import trouble

    with opened(home) as found:
        last, problem = found.store.last(), trouble(found)
        kept = [str(p) for p in found.evidence()]
        if out is not None and last is not None:
            out.write_bytes(last.whole)
        if as_json:
            VOICE.json(
                {
                    "name": found.key.name,
                    "key": found.key.vkey,
                    "ledger": found.hub.name,
                    "log": found.following.log,
                    "entries": last.size if last else 0,
                    "at_unix_s": last.at_unix_s if last else None,
                    "handed_in": bool(last and last.told),
                    "checkpoints": found.store.count(),
                    "problem": problem,
                    "evidence": kept,
                }
            )
            return
        VOICE.say(f"Witness {found.key.name} of {found.hub.name}", f"见证方 {found.key.name}，账本 {found.hub.name}")
        VOICE.say(f"  key: {found.key.vkey}", f"  公钥：{found.key.vkey}")
        VOICE.say(f"  follows: {found.following.log or '-'}", f"  跟踪：{found.following.log or '-'}")
        if last is None:
            VOICE.say("  Nothing is co-signed yet.", "  尚未联署。")
        else:
            when = stamp(datetime.fromtimestamp(last.at_unix_s, UTC))[:16].replace("T", " ")
            VOICE.say(f"  co-signed: {last.size} entries at {when} UTC", f"  已联署：{last.size} 条，{when} UTC")
            if not last.told:
                VOICE.say("  The hub has not confirmed that it has this.", "  中心尚未确认收到。")
        if problem:
            VOICE.say(
                f"  {problem['message']} {problem['remedy']}", f"  {problem['message_zh']}{problem['remedy_zh']}", "red"
            )
        for path in kept:
            VOICE.say(f"  evidence: {path}", f"  证据：{path}", "red")


@app.command("evidence", cls=Command)
def evidence(
    home: HomeOption,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="FILE", help="A checkpoint from elsewhere, to compare with its own."),
    ] = None,
    log: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="URL|DIR", help="Files of the ledger that the other checkpoint is of, if longer."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Also write the proof of the fork to this file.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """The proof that the hub has signed two histories: what is kept of it, or what comes of comparing with a checkpoint
    that another witness, a hospital or a proof file holds. Exit code 8 where there is such a proof.

    Examples: `huizhen witness evidence --home auditor`,
    `huizhen witness evidence --home auditor --against regulator.note --out fork.txt`
    """
    from huizhen.adapters.log_files import at
    from huizhen.ledger.checkpoint import Checkpoint
    from huizhen.ledger.note import parse_note
    from huizhen.ledger.tiles import files_tree

    with opened(home) as found:
        if against is not None:
            data = read_note(against)
            size = Checkpoint.parse(parse_note(data).text).size
            longer = None if log is None else files_tree(at(log, found.following.authority), size)
            _check_comparable(found, size, log)
            found.compare(data, longer)
        kept = found.evidence()
        proofs = [p for p in kept if p.name.startswith("fork-")]
        if out is not None and proofs:
            out.write_bytes(proofs[-1].read_bytes())
    if as_json:
        VOICE.json({"fork": bool(proofs), "evidence": [str(p) for p in kept]})
    elif not kept:
        VOICE.say("Nothing speaks against the hub.", "没有不利于中心的证据。")
    for path in [] if as_json else kept:
        if path in proofs:
            VOICE.say(f"The hub has signed two histories: {path}", f"中心签署了两段不同的历史：{path}", "bold red")
        else:
            VOICE.say(f"The hub has shown a shorter ledger: {path}", f"中心出示过更短的账本：{path}", "red")
    if proofs:
        raise typer.Exit(FORKED)


def _check_comparable(found: Witness, size: int, log: str | None) -> None:
    """Raises BadInput where only the other's files could tell."""
    last = found.store.last()
    if last is not None and size > last.size and log is None:
        raise BadInput(
            "files-needed",
            Text(
                f"The other checkpoint is of {size} entries, this witness knows {last.size}.",
                f"对方检查点有 {size} 条，该见证方知道 {last.size} 条。",
            ),
            Text("Give --from, the files of that ledger; or have the other compare with `huizhen witness show --out`.",
                 "请用 --from 给出该账本的文件；或由对方与 `huizhen witness show --out` 的输出比较。"),
        )  # fmt: skip
