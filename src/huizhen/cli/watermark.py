"""watermark: who got which copy of a released table."""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import Annotated

import typer

from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

app = new_group("Watermarks: which recipient a copy of a table is from.")
File = Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.", show_default=False)]
Register = Annotated[
    Path, typer.Option("--register", metavar="DIR", help="Folder of the key and of who got which copy.")
]


@app.command("embed", cls=Command)
def embed(
    file: File,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The marked copy to write.")],
    recipient: Annotated[str, typer.Option("--recipient", metavar="NAME", help="Who gets this copy.")],
    tolerance: Annotated[
        list[str],
        typer.Option("--tolerance", metavar="COLUMN=MOST", help="By how much a number may change. May be repeated."),
    ],
    register: Register,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="anonymize.yaml of the table: only what it keeps is marked."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a copy of a table for one recipient, with a mark that names them: some numbers change by the tolerance
    that you state, and none by more. Doses and identifiers are never marked, nor what an anonymisation promises
    something of.

    Example: `huizhen watermark embed released.csv --out acme.csv --recipient acme --tolerance cost=1 --register marks`
    """
    from huizhen.adapters.watermarks import embed as embedded
    from huizhen.intake.document import read_yaml
    from huizhen.kit.clock import stamp, utc_now
    from huizhen.model.anonymisation import Anonymisation

    asked = {}
    for one in tolerance:
        name, said, most = one.rpartition("=")
        if not said or not name or name in asked:
            raise BadInput(
                "bad-tolerance-words",
                Text(f"--tolerance '{one}' names no column and number.", f"--tolerance“{one}”没有给出列与数值。"),
                Text("Write it as cost=1, once for each column.", "请写成 cost=1，每列一次。"),
            )
        asked[name] = most
    with interruptible("Nothing was written.", "没有写出任何内容。"):
        by = read_yaml(config, Anonymisation) if config else None
        told = embedded(file, out, recipient, asked, register, stamp(utc_now()), by)
    if as_json:
        VOICE.json({"out": str(out), **told})
        return
    VOICE.say(
        f"{out}: {told['rows']:,} rows for {recipient}, release {told['release']}. {told['intervals']:,} intervals "
        f"carry the mark; one row in a hundred has about {told['intervals_in_1_percent']:,} of them.",
        f"{out}：{told['rows']:,} 行，发给 {recipient}，发布编号 {told['release']}。"
        f"承载水印的区间 {told['intervals']:,} 个；百分之一的行约含 {told['intervals_in_1_percent']:,} 个。",
    )
    VOICE.table(
        Text("What changed", "改动"),
        [
            Head(Text("column", "列"), "id"),
            Head(Text("changed", "已改变"), "number"),
            Head(Text("by at most", "至多"), "number"),
            Head(Text("mean", "均值"), "number"),
            Head(Text("mean now", "现均值"), "number"),
        ],
        [
            (n, f"{c['changed']:,}", f"{c['tolerance']:g}", f"{c['mean_before']:.6g}", f"{c['mean_after']:.6g}")
            for n, c in told["marked"].items()
        ],
    )


@app.command("trace", cls=Command)
def trace(
    file: File,
    register: Register,
    odds: Annotated[
        float, typer.Option("--odds", min=1e-300, max=0.1, help="Name nobody who may be wrong with a greater chance.")
    ] = 1e-6,
    as_json: JsonFlag = False,
) -> None:
    """Say whose copy a table is from, and how likely that is wrong: rows and columns may be missing, shuffled, renamed,
    rounded, or mixed from two copies. The chance is exact, over everyone in the register.

    Example: `huizhen watermark trace found.csv --register marks`
    """
    from huizhen.adapters.watermarks import trace as traced

    with interruptible("Nothing was changed.", "没有任何改动。"):
        found = traced(file, register, odds)
    if as_json:
        VOICE.json(found)
        return
    if not found["named"]:
        VOICE.say(
            f"Nobody: no copy of {found['releases']:,} agrees with {file.name} by more than chance.",
            f"无人：登记的 {found['releases']:,} 份副本与 {file.name} 的吻合均不超过偶然。",
        )
        return
    VOICE.table(
        Text(f"{file.name} is from the copy of", f"{file.name} 来自下列接收方的副本"),
        [
            Head(Text("recipient", "接收方"), "id"),
            Head(Text("release", "发布编号"), "id"),
            Head(Text("on", "时间"), "id", True),
            Head(Text("intervals that agree", "吻合区间"), "number"),
            Head(Text("chance of being wrong", "误指概率"), "number"),
        ],
        [
            (
                n["recipient"],
                n["release"],
                n["at_utc"],
                f"{n['agree']:,} / {n['of']:,}",
                f"< 10^{ceil(n['log10_chance'])}",
            )
            for n in found["named"]
        ],
    )
