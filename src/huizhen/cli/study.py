"""study check, run, show, list, result; `study assess` is in `assess`, `study sign` in `rows`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import INTERRUPTED, HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.papers import As_, Key_, cabinet, filed, told
from huizhen.cli.place import Left, opened_place, place
from huizhen.cli.program import Command, new_group
from huizhen.cli.show import STATUS, show_check, show_grant, show_outcome
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput, HuizhenError, NotFound
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from huizhen.cli.place import Place
    from huizhen.cli.voice import Progress

app = new_group("Studies: what is asked of the data.")
StudyFile = Annotated[Path, typer.Argument(metavar="STUDY.yaml", help="The study: who asks what, of which data.")]
StudyId = Annotated[str, typer.Argument(metavar="ID", help="The study's id, e.g. st-0123456789abcdef.")]
EXIT = {"released": 0, "denied": 5, "needs": 5, "failed": 6, "running": 7, "awaiting": 4}


@app.command("check", cls=Command)
def check(
    file: StudyFile,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Say whether the study would be granted, with every reason, its price and what it would cost of the privacy
    budget. Computes nothing, reads no row.

    Example: `huizhen study check cox.yaml --region demo`
    """
    with place(region, hub, token) as at:
        from huizhen.client.request import read_study

        request = read_study(file, at)
        asked = at.check(request)
        if as_json:
            VOICE.json(asked)
        else:
            show_check(asked, request.method)
        if asked["grant"]["verdict"] != "allow":
            raise typer.Exit(EXIT["denied"])


@app.command("run", cls=Command)
def run(
    file: StudyFile,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--json", metavar="OUT", help="Write the whole outcome there; '-' for standard output."),
    ] = None,
) -> None:
    """Run a study down the whole road. A study that was cut off is taken up where it stopped. Exit code 0 only when
    something was released.

    Example: `huizhen study run cox.yaml --region demo --json cox.json`
    """
    to_stdout = str(out) == "-"
    if out is not None and not to_stdout:
        check_place(out)
    with VOICE.progress(to_stdout) as progress:
        found = _run(file, opened_place(region, hub, token), out, progress)
    if to_stdout:
        VOICE.json(found)
    else:
        show_outcome(found)
    if found["status"] != "released":
        raise typer.Exit(EXIT[found["status"]])


def _run(file: Path, where: AbstractContextManager[Place], out: Path | None, progress: Progress) -> dict[str, Any]:
    try:
        with where as at:
            from huizhen.client.request import read_study

            found = at.run(read_study(file, at), progress.step)
            _write(out, found)
            if found["status"] != "awaiting":
                at.delivered(found["study"])
            return found
    except HuizhenError as error:
        _write(out, {**NOTHING, "problem": {"class": type(error).__name__, **error.as_dict()}})
        raise
    except Left as left:
        progress.stop()
        VOICE.aside(
            f"Interrupted. Study {left.study} goes on at the hub: run {file} again to wait for it, or look at it with "
            f"`huizhen study show {left.study}`.",
            f"已中断。研究 {left.study} 在中心继续运行：再次运行 {file} 可等待其结果，或用 "
            f"`huizhen study show {left.study}` 查看。",
        )
        raise typer.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:
        progress.stop()
        VOICE.aside(
            f"Interrupted. Nothing is lost: run {file} again, and the study goes on where it stopped.",
            f"已中断。没有丢失任何内容：再次运行 {file}，研究会从中断处继续。",
        )
        raise typer.Exit(INTERRUPTED) from None


NOTHING: dict[str, Any] = {
    "study": None,
    "request": None,
    "submitted_utc": None,
    "status": "failed",
    "grant": None,
    "hospitals": None,
    "left_out": [],
    "result": None,
    "guard": [],
    "epsilon_spent": None,
    "problem": None,
    "evidence": {"entries": [], "checkpoint": ""},
    "settlement": None,
    "timings": {"seconds": None, "steps": {}},
    "own": {},
    "rounds": 0,
    "bytes_up": 0,
    "bytes_down": 0,
}
"""The outcome of what did not become a study."""


def check_place(out: Path) -> None:
    """Whether the outcome can be written is known before the study runs."""
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise BadInput(
            "no-place-for-outcome",
            Text(f"'{out}' cannot be written: there is no such folder.", f"无法写入“{out}”：没有该文件夹。"),
            Text("Name a file in a folder that exists.", "请指定已有文件夹中的文件。"),
        )


def _write(out: Path | None, value: dict[str, Any]) -> None:
    if out is not None and str(out) != "-":
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
        partial = out.with_name(out.name + ".part")
        partial.write_text(text, encoding="utf-8")
        partial.replace(out)


@app.command("show", cls=Command)
def show(
    study: StudyId,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show everything about a study: grant, result, guard, evidence, settlement.

    Example: `huizhen study show st-0123456789abcdef --region demo`
    """
    with place(region, hub, token) as at:
        found = at.outcome(study)
    if as_json:
        VOICE.json(found)
    else:
        VOICE.say(found["request"]["title"], found["request"]["title"], "bold")
        show_grant(found["grant"])
        show_outcome(found)


@app.command("list", cls=Command)
def list_(
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List all studies, oldest first.

    Example: `huizhen study list --region demo`
    """
    with place(region, hub, token) as at:
        rows = at.studies()
    if as_json:
        VOICE.json(rows)
        return
    VOICE.table(
        Text("Studies", "研究"),
        [
            Head(Text("id", "编号"), "id"),
            Head(Text("status", "状态"), "id"),
            Head(Text("asker", "申请方"), spare=True),
            Head(Text("method", "方法")),
            Head(Text("title", "标题")),
            Head(Text("submitted (UTC)", "提交时间（UTC）"), spare=True),
        ],
        [
            (
                x["study"],
                STATUS.get(x["status"], STATUS["running"]).say(VOICE.language),
                x["asker"],
                x["method"],
                x["title"],
                x["submitted_utc"][:16].replace("T", " "),
            )
            for x in rows
        ],
    )


@app.command("stop", cls=Command)
def stop(
    study: StudyId,
    text: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why it is stopped; its asker is shown it.")],
    by: As_ = None,
    key: Key_ = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Stop a study that is under way, or whose result is kept back, by a signed paper: by an authority of the register
    with its own key, or by the trustee. Nothing of it is released; what is released already cannot be called back.

    Example: `huizhen study stop st-0123456789abcdef --reason "outside its purpose" --region demo`
    """
    with cabinet(region, hub, token) as at:
        found = filed(at, "study-stopped", study, {"text": text}, by, key)
    told(found, as_json, f"Stopped: {study}.", f"已叫停：{study}。")


@app.command("result", cls=Command)
def result(
    study: StudyId,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write a report with figures; it opens without a network."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the rows it gives out: .csv or .parquet.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="The key file that the study was signed with.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, help="Synthetic rows to draw; else about as many.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Draw the same synthetic rows again; the noise stays.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show the result of a released study, or write it as an HTML report; or the rows that it gives out, opened with
    the asker's key; or synthetic rows, drawn here from a study of `synthesize`.

    Example: `huizhen study result st-0123456789abcdef --html report.html --region demo`

    Example: `huizhen study result st-0123456789abcdef --out rows.csv --key acme.pem --region demo`

    Example: `huizhen study result st-0123456789abcdef --out synthetic.csv --rows 10000 --seed 1 --region demo`
    """
    with place(region, hub, token) as at:
        found = at.outcome(study)
        if out is not None:
            from huizhen.cli.rows import write

            write(at, found, out, key, rows, seed)
    if html is not None:
        from huizhen.client.report import render

        html.write_text(render(found, VOICE.language), encoding="utf-8")
        VOICE.say(f"Report written to {html}.", f"报告已写入 {html}。")
    if html is not None or out is not None:
        return
    if found["result"] is None:
        word = STATUS.get(found["status"], STATUS["running"])
        raise NotFound(
            "no-result",
            Text(f"Study {study} has no result: it is {word.en}.", f"研究 {study} 没有结果：状态为{word.zh}。"),
            Text(f"`huizhen study show {study}` says why.", f"`huizhen study show {study}` 会说明原因。"),
        )
    if as_json:
        VOICE.json(found["result"])
    else:
        show_outcome(found)
