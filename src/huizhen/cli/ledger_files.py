"""ledger export; and `ledger verify --from` and `--evidence`, which need nothing of ours but a program."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption, interruptible
from huizhen.cli.place import no_region
from huizhen.cli.voice import VOICE, Progress
from huizhen.cli.witness import read_file, read_note
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.cli.region import Region
    from huizhen.ledger.anchor import Anchor
    from huizhen.ledger.audit import Audit
    from huizhen.ledger.checkpoint import Checkpoint
    from huizhen.ledger.note import VerifierKey

BROKEN, WAITING = 8, 7
_SHOWN = 10
_DAY = 86_400


def export(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the files; it is brought up to date.")],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write the ledger as static files (C2SP tlog-tiles), which any web server can serve and any witness can follow.
    Only what is new is written. Witnesses of a folder leave their cosignatures there, and they are taken in.

    Example: `huizhen ledger export --out public --region demo`
    """
    from huizhen.adapters import log_files

    with interruptible("Run it again: it goes on.", "请重新运行：会继续。"), VOICE.progress(as_json) as progress:
        say = _counting(progress, Text("files written", "写出文件"))
        if hub is not None:
            files = log_files.at(hub, _authority(token))
            point, refused = log_files.export(files, out, say), list[HuizhenError]()
            files.close()
        elif region is None:
            raise no_region()
        else:
            from huizhen.cli.region import opened

            with opened(region) as found:
                refused = _bring_up_to_date(found, out)
                point = log_files.export(found.desk.log, out, say)
    _tell_export(out, point, refused, as_json)


def _bring_up_to_date(found: Region, out: Path) -> list[HuizhenError]:
    """Take in what witnesses left, and publish a checkpoint of now; what of theirs was refused. Where a hub runs, it
    publishes."""
    from huizhen.adapters.log_files import left

    log, refused = found.desk.log, list[HuizhenError]()
    for given in left(out):
        try:
            log.cosign(given)
        except HuizhenError as problem:
            refused.append(problem)
    if not found.is_served():
        if log.publish() < found.hub.store.size():
            found.road().witness()
        log.publish()
    return refused


def _authority(token: Path | None) -> str | None:
    from huizhen.client import access

    return None if token is None else access.read(token).authority


def _tell_export(out: Path, point: Checkpoint, refused: Sequence[HuizhenError], as_json: bool) -> None:
    if as_json:
        VOICE.json({"folder": str(out), "entries": point.size, "refused": [p.as_dict() for p in refused]})
        return
    for problem in refused:
        VOICE.say(
            f"A cosignature was not taken in: {problem.say('en')}", f"有一份联署未被采纳：{problem.say('zh')}", "red"
        )
    VOICE.say(f"{out} holds {point.size} entries.", f"{out} 中有 {point.size} 条。")


def _counting(progress: Progress, what: Text) -> Any:
    def say(done: int, all_: int) -> None:
        progress.step("read", Text(f"{done} of {all_} {what.en}", f"{what.zh}：已完成 {done} / {all_}"))

    return say


# -- verify


def prove_from(where: str, authority: str | None, entry: int, under: Path | None, out: Path, as_json: bool) -> None:
    """Make the proof of an entry from the files at a URL or in a folder, under their checkpoint or another one of the
    same ledger. Nothing is trusted: what the files do not bear out is not written. Raises NotFound, Tampered."""
    from huizhen.adapters import log_files
    from huizhen.ledger import note, proof
    from huizhen.ledger.checkpoint import Checkpoint
    from huizhen.ledger.merkle import leaf_hash, verify_inclusion
    from huizhen.ledger.tiles import CHECKPOINT, ENTRIES, WIDTH, decode_bundle, files_tree, tile_of

    files = log_files.at(where, authority)
    shown = Checkpoint.parse(note.parse_note(files.read(CHECKPOINT)).text)
    signed = files.read(CHECKPOINT) if under is None else read_note(under)
    point = Checkpoint.parse(note.parse_note(signed).text)
    tree = files_tree(files, max(shown.size, point.size))
    path = tree.inclusion_proof(entry, point.size)
    bundle = tile_of(ENTRIES, entry // WIDTH, max(shown.size, point.size))
    leaf = decode_bundle(files.read(bundle.path), bundle.width)[entry % WIDTH]
    files.close()
    verify_inclusion(leaf_hash(leaf), entry, point.size, path, point.root)
    out.write_bytes(proof.make(tree, leaf, entry, signed))
    if as_json:
        VOICE.json({"entry": entry, "proof": str(out), "entries": point.size})
        return
    VOICE.say(
        f"Proof of entry {entry} under the checkpoint of {point.size} entries written to {out}.",
        f"第 {entry} 条在 {point.size} 条检查点下的证明已写入 {out}。",
    )


def verify_files(
    where: str,
    authority: str | None,
    keys: Sequence[VerifierKey],
    quorum: int,
    seen: Sequence[Path],
    as_json: bool,
    anchors: Sequence[Anchor] = (),
) -> None:
    """Compute everything again from the files at a URL or in a folder. Exit code 8 where it breaks, 7 where it only
    waits for witnesses."""
    from huizhen.adapters import log_files
    from huizhen.ledger.audit import Trust, audit

    notes = tuple(read_note(path) for path in seen)
    files, now = log_files.at(where, authority), time.time()
    with VOICE.progress(as_json) as progress:
        say = _counting(progress, Text("entries computed again", "重算条目"))
        found = audit(files, Trust(keys[0], tuple(keys[1:]), quorum, notes, tuple(anchors)), now, say)
    files.close()
    broken = any(f.severity == "broken" for f in found.findings)
    if as_json:
        VOICE.json(_as_json(found, where, quorum))
    else:
        _tell(found, bool(keys[1:]), broken, now)
        if anchors:
            VOICE.say(f"Anchored on the chain: {found.anchored} entries, by {len(anchors)} anchors.",
                      f"链上锚定：{found.anchored} 条，共 {len(anchors)} 个锚点。")  # fmt: skip
    if found.findings:
        raise typer.Exit(BROKEN if broken else WAITING)


def _as_json(found: Audit, where: str, quorum: int) -> dict[str, Any]:
    return {
        "ok": not found.findings,
        "from": where,
        "entries": found.entries,
        "witnessed": found.witnessed,
        "anchored": found.anchored,
        "quorum": quorum,
        "cosigned": found.cosigned,
        "enrolled": found.enrolled,
        "wrong": [{"en": f.say("en"), "zh": f.say("zh"), **f.as_json()} for f in found.findings],
        "more": found.more,
    }


def _tell(found: Audit, any_witness: bool, broken: bool, now: float) -> None:
    if broken:
        VOICE.say("The ledger does NOT hold.", "账本不完好。", "bold red")
    else:
        VOICE.say(
            f"The ledger holds: {found.entries} entries, every one hashed again, as the hub signed them.",
            f"账本完好：{found.entries} 条，已逐条重算哈希，与中心的签名一致。",
        )
    for each in found.findings[:_SHOWN]:
        VOICE.say(f"- {each.say('en')}", f"- {each.say('zh')}")
    more = found.more + max(0, len(found.findings) - _SHOWN)
    if more:
        VOICE.say(f"- and {more} findings more", f"- 另有 {more} 处")
    for name, at_unix_s in sorted(found.cosigned.items()):
        ago = max(0.0, now - at_unix_s)
        VOICE.say(f"Co-signed by {name}, {_ago(ago).en}.", f"{name} 已联署，{_ago(ago).zh}。")
    if not any_witness:
        VOICE.say(
            "No key of a witness was given: that the hub shows everybody the same ledger is not checked.",
            "未给出见证方公钥：未核验中心是否向所有人出示同一账本。",
        )


def _ago(seconds: float) -> Text:
    if seconds < 120:
        return Text(f"{seconds:.0f} s ago", f"{seconds:.0f} 秒前")
    if seconds < 2 * 3600:
        return Text(f"{seconds / 60:.0f} min ago", f"{seconds / 60:.0f} 分钟前")
    if seconds < 2 * _DAY:
        return Text(f"{seconds / 3600:.1f} h ago", f"{seconds / 3600:.1f} 小时前")
    return Text(f"{seconds / _DAY:.0f} days ago", f"{seconds / _DAY:.0f} 天前")


def verify_evidence(path: Path, keys: Sequence[VerifierKey], as_json: bool) -> None:
    """Check offline that a file proves a fork. Raises Tampered where it does not."""
    from huizhen.ledger import fork

    found = fork.read(read_file(path), keys[0], keys[1:])
    old, new = found.shorter.checkpoint, found.longer.checkpoint
    names = sorted({*found.shorter.witnessed, *found.longer.witnessed})
    if as_json:
        VOICE.json({"ok": True, "ledger": old.origin, "shorter": old.size, "longer": new.size, "witnesses": names})
        return
    VOICE.say(
        f"Proven: {old.origin} has signed two histories. The first {old.size} entries of its ledger of {new.size} are "
        f"not those that it signed as its ledger of {old.size}.",
        f"已证实：{old.origin} 签署了两段不同的历史。其 {new.size} 条账本的前 {old.size} 条，"
        f"与其签署的 {old.size} 条账本不同。",
        "bold red",
    )
