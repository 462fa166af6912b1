"""intake: files of FHIR R4 become tables from which datasets are made."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.resource_store import Store

app = new_group("Intake: from the records a hospital has to tables.")
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="The folder of taken-in records; it stays here.", show_default=False)
]


@app.command("fhir", cls=Command)
def fhir(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="Files or folders: .ndjson, .json, .gz, .zip.", show_default=False),
    ],
    into: Annotated[Path, typer.Option("--into", metavar="DIR", help="The folder of taken-in records.")],
    as_json: JsonFlag = False,
) -> None:
    """Take in FHIR R4: bundles, and NDJSON of a bulk export. Run it again after an interruption, or with more files:
    what was read is not read twice.

    A record that cannot be taken in is kept whole, with the reason, and nothing else stops for it. STU3 and R5 are
    recognised and refused.

    Example: `huizhen intake fhir export/ --into records`
    """
    from huizhen.adapters.fhir_intake import take_in
    from huizhen.adapters.resource_store import opened

    kept = ("What was read is kept; run the command again to go on.", "已读内容已保存；重新运行即可继续。")
    with interruptible(*kept), VOICE.progress(as_json) as progress, opened(into, create=True) as store:

        def heard(records: int, size: int) -> None:
            said = f"{records:,} records, {size / 1e6:,.0f} MB"
            progress.step("read", Text(said, f"{records:,} 条记录，{size / 1e6:,.0f} MB"))

        take_in(store, paths, heard)
        progress.stop()
        _tell(into, store, as_json)


@app.command("show", cls=Command)
def show(folder: Folder, as_json: JsonFlag = False) -> None:
    """What was taken in, and how many records were refused for what reason. No record is shown.

    Example: `huizhen intake show records`
    """
    from huizhen.adapters.resource_store import opened

    with opened(folder) as store:
        _tell(folder, store, as_json)


@app.command("refused", cls=Command)
def refused(
    folder: Folder,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write, for its owner only.")],
    as_json: JsonFlag = False,
) -> None:
    """Write the refused records with file, place and reason, as lines of JSON, to correct them. They are patients'
    records: only you can read the file.

    Example: `huizhen intake refused records --out refused.ndjson`
    """
    from huizhen.adapters.refused_file import write_refused
    from huizhen.adapters.resource_store import opened

    with opened(folder) as store:
        count = write_refused(store, out)
    if as_json:
        VOICE.json({"out": str(out), "records": count})
    else:
        VOICE.say(f"{out}: {count:,} refused records.", f"{out}：{count:,} 条被拒记录。")


@app.command("views", cls=Command)
def views_(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A view, to print its definition.", show_default=False)
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """The views that come with Huizhen, or the definition of one of them, to begin your own from.

    Examples: `huizhen intake views`, `huizhen intake views conditions`
    """
    from huizhen.intake import views
    from huizhen.intake.view import read_view

    if name is not None:
        VOICE.json(views.definition(name))
        return
    found = [(n, read_view(views.definition(n))) for n in views.names()]
    if as_json:
        VOICE.json([{"view": n, "resource": v.resource, "columns": [c.name for c in v.columns]} for n, v in found])
        return
    VOICE.table(
        Text("Views", "视图"),
        [Head(Text("view", "视图"), "id"), Head(Text("of", "资源"), "id"), Head(Text("columns", "列"))],
        [(n, v.resource, ", ".join(c.name for c in v.columns)) for n, v in found],
    )


@app.command("table", cls=Command)
def table(
    folder: Folder,
    view: Annotated[
        str,
        typer.Option("--view", metavar="NAME|FILE", help="A view by its name, or a ViewDefinition in a .json file."),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The table to write: .parquet or .csv.")],
    as_json: JsonFlag = False,
) -> None:
    """Write the table of a view: SQL on FHIR v2, over all that was taken in. `dataset add` makes a dataset of it.

    Example: `huizhen intake table records --view conditions --out conditions.parquet`
    """
    from huizhen.adapters.fhir_view import find_view, write_view
    from huizhen.adapters.resource_store import opened

    nothing = ("Nothing was written.", "没有写出任何内容。")
    with interruptible(*nothing), VOICE.progress(as_json) as progress, opened(folder) as store:
        told = write_view(store, find_view(view), out, progress.rows)
    unread = {name: count for name, count in told.unread.items() if count}
    if as_json:
        VOICE.json({"out": str(out), "rows": told.rows, "unread": unread})
        return
    VOICE.say(f"{out}: {told.rows:,} rows.", f"{out}：{told.rows:,} 行。")
    for name, count in unread.items():
        VOICE.say(
            f"Column {name}: {count:,} values are no value of its type, and were left empty.",
            f"列 {name}：{count:,} 个值不符合其类型，已留空。",
        )


def _tell(folder: Path, store: Store, as_json: bool) -> None:
    totals, types, reasons = store.totals(), store.types(), store.reasons()
    count = sum(n for _, n in reasons)
    if as_json:
        why: list[dict[str, Any]] = [{"reason": said.en, "reason_zh": said.zh, "records": n} for said, n in reasons]
        VOICE.json({"folder": str(folder), **totals, "refused": count, "types": types, "reasons": why})
        return
    plural = "" if totals["sources"] == 1 else "s"
    files = Text(f"{totals['sources']:,} file{plural}", f"{totals['sources']:,} 个文件")
    if totals["done"] < totals["sources"]:
        files = Text(f"{totals['done']:,} of {files.en} read to their end", f"{files.zh}中 {totals['done']:,} 个已读完")
    VOICE.say(
        f"{folder}: {sum(types.values()):,} resources from {files.en}; {totals['again']:,} were there already, "
        f"{count:,} refused.",
        f"{folder}：{files.zh}，{sum(types.values()):,} 个资源；{totals['again']:,} 个此前已收入，{count:,} 条被拒。",
    )
    VOICE.table(
        Text("Taken in", "已收入"),
        [Head(Text("resource", "资源"), "id"), Head(Text("number", "数量"), "number")],
        [(kind, f"{n:,}") for kind, n in types.items()],
    )
    if reasons:
        VOICE.table(
            Text("Refused", "被拒"),
            [Head(Text("reason", "原因")), Head(Text("records", "记录"), "number")],
            [(said.say(VOICE.language), f"{n:,}") for said, n in reasons],
        )
        VOICE.say(
            f"They are kept: huizhen intake refused {folder} --out FILE",
            f"均已保留：huizhen intake refused {folder} --out 文件",
        )
