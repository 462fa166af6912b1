"""review enrol, dismiss, reviewers, waive, restore, waivers, list, show, seal, open.

Two people look before what is not a sum goes out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.papers import cabinet, made, told
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput, Conflict, NotFound
from huizhen.kit.text import Text

app = new_group("Two-person review of what is not a sum, before it is released.")
StudyArgument = Annotated[str, typer.Argument(metavar="ID", help="The study's id, e.g. st-0123456789abcdef.")]
ReviewerArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the reviewer.")]
ReviewerOption = Annotated[str, typer.Option("--as", metavar="NAME", help="The reviewer, as enrolled.")]
KeyOption = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="The reviewer's own key file, from `party key`; it is only read.")
]
EnvelopeOption = Annotated[
    Path | None,
    typer.Option(
        "--envelope", metavar="FILE", help="Where the verdict is kept until it is opened; else beside the key."
    ),
]


@app.command("enrol", cls=Command)
def enrol(
    name: ReviewerArgument,
    organisation: Annotated[
        str, typer.Option("--organisation", metavar="PARTY", help="The organisation that the reviewer is of.")
    ],
    key: Annotated[
        str, typer.Option("--key", metavar="KEY", help="Public key of the reviewer, as `party key` printed it.")
    ],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Enrol a reviewer of an organisation. By the trustee; the ledger has it, and nodes see it in each grant.

    Example: `huizhen review enrol ann --organisation med-school --key 5a1c... --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = at.say("reviewer-enrolled", name, {"organisation": organisation, "key": key})
    told(found, as_json, f"Enrolled: {name} of {organisation}.", f"已登记：{organisation} 的 {name}。")


@app.command("dismiss", cls=Command)
def dismiss(
    name: ReviewerArgument,
    text: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why.")],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Dismiss a reviewer: nothing more is sealed by them. What they sealed before, they may still open.

    Example: `huizhen review dismiss ann --reason "has left" --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = at.say("reviewer-dismissed", name, {"text": text})
    told(found, as_json, f"Dismissed: {name}.", f"已解除：{name}。")


@app.command("reviewers", cls=Command)
def reviewers(
    region: Region_ = None, hub: HubOption = None, token: TokenOption = None, as_json: JsonFlag = False
) -> None:
    """List who may review, and for which organisation.

    Example: `huizhen review reviewers --region demo`
    """
    from huizhen.model import review
    from huizhen.model.paper import Paper

    with cabinet(region, hub, token) as at:
        papers = at.papers("reviewer-enrolled", "reviewer-dismissed")
    found = review.reviewers(Paper.read(p) for p in papers)
    if as_json:
        VOICE.json([{"name": name, **each.as_json()} for name, each in found.items()])
        return
    VOICE.table(
        Text("Reviewers", "审查人"),
        [Head(Text("name", "名称"), "id"), Head(Text("organisation", "机构")), Head(Text("key", "公钥"), "id")],
        [(name, each.organisation, each.key[:8]) for name, each in found.items()],
    )


WhatArgument = Annotated[str, typer.Argument(metavar="WHAT", help="own-figures or memorising-model.")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; anyone can read it.")]


@app.command("waive", cls=Command)
def waive(
    what: WhatArgument,
    text: ReasonOption,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Let something that is not a sum go out without review, in the whole region, from the next study on. By the
    trustee; it is on the ledger, each grant says so, and a hospital whose policy asks for the review still gets it.
    Records are always reviewed.

    Example: `huizhen review waive memorising-model --reason "each model is attacked first" --region demo`
    """
    _check_waivable(what)
    with cabinet(region, hub, token) as at:
        found = at.say("review-waived", what, {"text": text})
    told(found, as_json, f"Not reviewed from now on: {what}. The ledger has it.", f"自此不再审查：{what}。已记入账本。")


@app.command("restore", cls=Command)
def restore(
    what: WhatArgument,
    text: ReasonOption,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Have two people look again at what a waiver let go, from the next study on.

    Example: `huizhen review restore memorising-model --reason "two reviewers are there" --region demo`
    """
    _check_waivable(what)
    with cabinet(region, hub, token) as at:
        found = at.say("review-restored", what, {"text": text})
    told(found, as_json, f"Reviewed again from now on: {what}.", f"自此恢复审查：{what}。")


def _check_waivable(what: str) -> None:
    from huizhen.cli.register import check_word
    from huizhen.model.review import WAIVABLE

    check_word(what, WAIVABLE, "unknown-waiver", Text("kind of release", "发布类别"))


@app.command("waivers", cls=Command)
def waivers(
    region: Region_ = None, hub: HubOption = None, token: TokenOption = None, as_json: JsonFlag = False
) -> None:
    """List what is not a sum, and whether two people look at it before it is released.

    Example: `huizhen review waivers --region demo`
    """
    from huizhen.model import review
    from huizhen.model.paper import Paper

    with cabinet(region, hub, token) as at:
        papers = at.papers("review-waived", "review-restored")
    found = review.waived(Paper.read(p) for p in papers)
    if as_json:
        VOICE.json([{"what": what, "waived": found[what].as_json() if what in found else None}
                    for what in review.NO_SUM])  # fmt: skip
        return
    stands = Text("reviewed by two", "双人审查"), Text("waived", "已免除")
    VOICE.table(
        Text("What is not a sum", "并非求和的内容"),
        [
            Head(Text("name", "名称"), "id"),
            Head(Text("what", "内容")),
            Head(Text("stands", "状态")),
            Head(Text("since", "自"), "id"),
            Head(Text("why", "理由"), spare=True),
        ],
        [
            (what, review.WHATS[what].say(VOICE.language), stands[what in found].say(VOICE.language),
             found[what].day if what in found else "", found[what].body["text"] if what in found else "")
            for what in review.NO_SUM
        ],
    )  # fmt: skip


@app.command("list", cls=Command)
def list_(region: Region_ = None, hub: HubOption = None, token: TokenOption = None, as_json: JsonFlag = False) -> None:
    """List results that wait for reviewers, and those that were reviewed.

    Example: `huizhen review list --hub https://hub.example:8443 --token reviewer.json`
    """
    with cabinet(region, hub, token) as at:
        found = at.reviews()
    if as_json:
        VOICE.json(found)
        return
    VOICE.table(
        Text("Reviews", "审查"),
        [
            Head(Text("study", "研究"), "id"),
            Head(Text("asker", "申请方")),
            Head(Text("for", "事由")),
            Head(Text("stands", "进展")),
        ],
        [(x["study"], x["asker"], _whats(x), Text(x["state_en"], x["state_zh"]).say(VOICE.language)) for x in found],
    )


def _whats(found: dict[str, Any]) -> str:
    from huizhen.model.review import WHATS

    return "; ".join(WHATS[what].say(VOICE.language) for what in found["what"])


@app.command("show", cls=Command)
def show(
    study: StudyArgument,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show exactly what is reviewed: the request, the guard's report, the result as it would go out; and where the
    review stands. Verdicts are shown once it is decided.

    Example: `huizhen review show st-0123456789abcdef --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = at.review(study)
    if as_json:
        VOICE.json(found)
        return
    state = Text(found["state_en"], found["state_zh"])
    VOICE.say(f"{study}: {state.en}. SHA-256 of what is reviewed: {found['release']}",
              f"{study}：{state.zh}。待审内容摘要 SHA-256：{found['release']}")  # fmt: skip
    request = json.dumps(found["request"], ensure_ascii=False, indent=2)
    VOICE.say(request, request)
    for check in found["content"]["guard"]:
        VOICE.say(f"{check['check']}: {check['outcome']}. {check['en']}",
                  f"{check['check']}：{check['outcome']}。{check['zh']}")  # fmt: skip
    for part in (found["content"]["result"], found["content"].get("own")):
        if part is not None:
            shown = json.dumps(part, ensure_ascii=False, indent=2)
            VOICE.say(shown, shown)
    opened = [p for p in found["papers"] if p["kind"] == "review-opened"]
    VOICE.table(
        Text("Verdicts", "意见"),
        [Head(Text("by", "由"), "id"), Head(Text("verdict", "结论")), Head(Text("why", "理由"))],
        [(p["by"], _VERDICTS[p["body"]["verdict"]].say(VOICE.language), p["body"]["note"]) for p in opened],
    )


_VERDICTS = {"approve": Text("approve", "同意"), "reject": Text("reject", "反对")}


@app.command("seal", cls=Command)
def seal(
    study: StudyArgument,
    reviewer: ReviewerOption,
    key: KeyOption,
    verdict: Annotated[str, typer.Option("--verdict", metavar="WORD", help="approve or reject.")],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; read once the review is decided.")],
    envelope: EnvelopeOption = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Seal your verdict on a result that waits: the hub gets a commitment that nobody can read. The verdict itself is
    kept in a file on your machine until both reviewers have sealed.

    Example: `huizhen review seal st-0123456789abcdef --as ann --key ann.pem --verdict approve --note "fine" --region d`
    """
    from huizhen.client import party_key
    from huizhen.model.paper import ReviewOpened, sealed

    if verdict not in _VERDICTS:
        raise BadInput(
            "unknown-verdict",
            Text(f"'{verdict[:32]}' is not a verdict.", f"“{verdict[:32]}”不是有效的结论。"),
            Text("Say approve or reject.", "请填写 approve 或 reject。"),
        )
    with cabinet(region, hub, token) as at:
        found, public = at.review(study), party_key.read(key).public.hex()
        kept = {"release": _digest(found), "verdict": verdict, "note": note, "salt": os.urandom(32).hex()}
        try:
            opened = ReviewOpened.read(kept)
        except ValueError:
            raise BadInput(
                "bad-verdict-note",
                Text("A note has 1 to 2,000 characters.", "理由须为 1 至 2,000 个字符。"),
                Text("Say it in short.", "请简要填写。"),
            ) from None
        body = {"release": kept["release"], "commitment": sealed(found["region"], study, reviewer, public, opened)}
        paper = made(found["region"], "review-sealed", study, reviewer, key, body)
        file = _envelope(envelope, key, study)
        _keep(file, opened.model_dump_json())
        try:
            filed = at.file(paper)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
    told(filed, as_json, f"Sealed. Your verdict is in {file}; open it when both are sealed.",
         f"已封存。您的意见保存在 {file}；两份均封存后请开封。")  # fmt: skip


def _digest(found: dict[str, Any]) -> str:
    """Of the content as it was shown, not as the hub says: a verdict is on what its reviewer saw."""
    from huizhen.kit.errors import Tampered
    from huizhen.model.release import Release

    seen = Release.read(found["content"]).digest()
    if seen != found["release"]:
        raise Tampered(
            "another-content",
            Text("The hub shows something else than what it says is reviewed.", "中心所示内容与其声称的待审内容不符。"),
            Text("Seal nothing, and tell the trustee and the regulator.", "请勿封存，并告知受托方与监管方。"),
        )
    return seen


def _envelope(envelope: Path | None, key: Path, study: str) -> Path:
    return envelope or key.with_name(f"{key.stem}.{study}.sealed.json")


def _keep(path: Path, text: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Conflict(
            "envelope-exists",
            Text(f"There is a sealed verdict in {path} already.", f"{path} 中已有封存的意见。"),
            Text("Open it, or name another file with --envelope.", "请先开封，或用 --envelope 指定其他文件。"),
        ) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


@app.command("open", cls=Command)
def open_(
    study: StudyArgument,
    reviewer: ReviewerOption,
    key: KeyOption,
    envelope: EnvelopeOption = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Open the verdict that you sealed, once both are sealed. Where two agree on approval the result goes out by
    itself; where they differ, a third reviewer of another organisation decides.

    Example: `huizhen review open st-0123456789abcdef --as ann --key ann.pem --region demo`
    """
    file = _envelope(envelope, key, study)
    if not file.is_file():
        raise NotFound(
            "no-envelope",
            Text(f"There is no sealed verdict in {file}.", f"{file} 中没有封存的意见。"),
            Text(
                "Name the file that `review seal` wrote: --envelope FILE.",
                "请用 --envelope 指定 `review seal` 写入的文件。",
            ),
        )
    with cabinet(region, hub, token) as at:
        body = json.loads(file.read_text(encoding="utf-8"))
        filed = at.file(made(at.ledger, "review-opened", study, reviewer, key, body))
    told(filed, as_json, "Opened.", "已开封。")
