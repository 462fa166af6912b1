"""patient data, patient verify: all that became of a person's data, and the check of it without the hospital."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.common import HomeOption, HubOption, JsonFlag, NodeOption, Region_
from huizhen.cli.consent import SubjectOption
from huizhen.cli.place import at_node, verifier_keys
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.cli.witness import AuthorityOption, read_file, trust
from huizhen.kit.errors import BadInput
from huizhen.kit.money import yuan
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.client.my_data import Checked, Found
    from huizhen.ledger.my_data import MyData, StudyUse
    from huizhen.ledger.note import VerifierKey

BROKEN, OPEN = 8, 7


def data(
    node: NodeOption,
    subject: SubjectOption,
    region: Region_ = None,
    hub: HubOption = None,
    home: HomeOption = None,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write it as an HTML page for a telephone.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", metavar="FILE", help="Write it with its proofs, for `patient verify`.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option("--keys", metavar="FILE", help="Also write the public keys that verify the bundle to this file."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """All that became of this person's data: every use, by whom, for what, how, what came out and what it earned; what
    was refused on their behalf; every opening for care. With --bundle there is a proof for each, to be checked without
    the hospital.

    Examples: `huizhen patient data --node north --subject 1001 --region demo`,
    `huizhen patient data --node north --subject 1001 --page me.html --bundle me.json --keys keys.txt --region demo`
    """
    from huizhen.client import my_page
    from huizhen.node.my_data import gather, known_keys

    with at_node(node, region, home, hub) as (agent, at):
        found = gather(agent, subject, None if bundle is None else at.prove)
        lines = known_keys(agent) if region is None else at.keys()
    if page is not None:
        page.write_text(my_page.render(found, VOICE.language), encoding="utf-8")
    if bundle is not None:
        bundle.write_text(found.canonical().decode() + "\n", encoding="utf-8")
    if keys is not None:
        keys.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if as_json:
        VOICE.json(found.as_json())
        return
    _tell(found)
    for path in (page, bundle, keys):
        if path is not None:
            VOICE.say(f"Written: {path}.", f"已写出：{path}。")


def _tell(found: MyData) -> None:
    from huizhen.client.my_page import READ, came_out, why
    from huizhen.ledger.my_data import PARTS
    from huizhen.model.purpose import PURPOSES

    language = VOICE.language
    who = [Head(Text("date", "日期"), "id"), Head(Text("asker", "申请方")), Head(Text("purpose", "用途"), spare=True)]
    who += [Head(Text("question", "问题")), Head(Text("method", "方法"), "id")]

    def first(x: StudyUse) -> tuple[str, ...]:
        return (x.opened_utc[:10], x.asker, PURPOSES[x.purpose].label.say(language), x.title, x.method)

    VOICE.table(
        Text("What the data were used for", "数据使用记录"),
        [*who, Head(Text("what came out", "结果")), Head(Text("earned (yuan)", "收益（元）"), "number")],
        [(*first(x), came_out(x).say(language), yuan(x.fen)) for x in found.uses if x.part in READ],
    )
    VOICE.table(
        Text("Refused on this person's behalf", "代本人拒绝的申请"),
        [*who, Head(Text("why", "原因"))],
        [(*first(x), why(x).say(language)) for x in found.uses if x.part in ("not-covered", "refused")],
    )
    if found.care:
        from huizhen.cli.patient import show_openings

        show_openings([x.as_json() for x in found.care])
    _tell_corrections(found)
    rest = sum(x.part == "not-asked" for x in found.uses)
    if rest:
        asked = PARTS["not-asked"]
        VOICE.say(f"{rest} more: {asked.en}.", f"另有 {rest} 项：{asked.zh}。")
    VOICE.say(f"Earned in all: {yuan(found.fen)} yuan.", f"累计收益：{yuan(found.fen)} 元。")


def _tell_corrections(found: MyData) -> None:
    from huizhen.model.correction import STATES

    records = [record for each in found.corrected if (record := each.said()) is not None]
    for last in {r.number: r for r in records}.values():
        state, why = STATES[last.state], f" ({last.why})" if last.why else ""
        VOICE.say(f"Correction {last.number}, {last.dataset}: {state.en}{why}.",
                  f"第 {last.number} 号更正，{last.dataset}：{state.zh}{why}。")  # fmt: skip


def verify(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `patient data --bundle` wrote.")],
    keys: Annotated[Path, typer.Option("--keys", metavar="FILE", help="Keys to trust, one a line, the hub's first.")],
    ledger: Annotated[
        str | None,
        typer.Option("--ledger", metavar="URL|DIR", help="The ledger's files, to see that no use is left out."),
    ] = None,
    authority: AuthorityOption = None,
    earlier: Annotated[
        Path | None, typer.Option("--earlier", metavar="FILE", help="A bundle from before, with which it has to agree.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check what a hospital says of a person's data, without the hospital and, but for --ledger URL, without a network.
    Exit code 8 where something is not so, 7 where something is not shown.

    Examples: `huizhen patient verify me.json --keys keys.txt`,
    `huizhen patient verify me.json --keys keys.txt --ledger https://hub:8470 --earlier last-year.json`
    """
    from huizhen.client import my_data
    from huizhen.hub.verify import quorum

    found, trusted = _read(file), verifier_keys(trust(keys, None, None)[0])
    if not trusted:
        raise BadInput(
            "no-keys-there",
            Text("The file of keys is empty.", "公钥文件为空。"),
            Text("Write one with `huizhen patient data --keys FILE`, or take it from the regulator.",
                 "请用 `huizhen patient data --keys 文件` 生成，或向监管方索取。"),
        )  # fmt: skip
    before = None if earlier is None else _read(earlier)
    done = my_data.check(found, trusted, quorum(len(trusted) - 1), before)
    done.found += (
        [my_data.Found("not-compared")] if ledger is None else _compare(found, done, trusted, ledger, authority)
    )
    _tell_checked(found, done, as_json)


def _compare(
    found: MyData, done: Checked, trusted: list[VerifierKey], where: str, authority: Path | None
) -> list[Found]:
    from huizhen.adapters import log_files
    from huizhen.client import my_data
    from huizhen.ledger.audit import newest
    from huizhen.ledger.tiles import read_leaves

    files = log_files.at(where, trust(None, None, authority)[1])
    point = newest(files, trusted[0], trusted[1:])
    try:
        return my_data.compare(found, done, read_leaves(files, point.size), point.root)
    finally:
        files.close()


def _read(path: Path) -> MyData:
    """Raises BadInput for what is no bundle."""
    from huizhen.ledger.my_data import MyData

    try:
        return MyData.model_validate_json(read_file(path))
    except ValueError:
        raise BadInput(
            "no-bundle",
            Text(f"{path} is not what `patient data --bundle` writes.",
                 f"{path} 不是 `patient data --bundle` 写出的文件。"),
            Text("Get it again from the hospital; keep this one.", "请向医院重新索取，并保留此文件。"),
        ) from None  # fmt: skip


def _tell_checked(found: MyData, done: Checked, as_json: bool) -> None:
    if as_json:
        rows = [{"code": x.code, "severity": x.severity, "study": x.study, **x.what._asdict()} for x in done.found]
        VOICE.json({"ok": not done.found, "node": found.node, "uses": len(found.uses), "proven": done.proven,
                    "fen": found.fen, "found": rows})  # fmt: skip
    else:
        VOICE.say(
            f"{done.proven} of {len(found.uses)} studies hold in full; {yuan(found.fen)} yuan earned.",
            f"{len(found.uses)} 项研究中 {done.proven} 项完全成立；累计收益 {yuan(found.fen)} 元。",
        )
        for each in done.found:
            study = f" ({each.study})" if each.study else ""
            VOICE.say(f"- [{each.code}] {each.what.en}{study}", f"- [{each.code}] {each.what.zh}{study}",
                      "red" if each.severity == "broken" else "")  # fmt: skip
    if done.found:
        raise typer.Exit(BROKEN if done.broken else OPEN)
