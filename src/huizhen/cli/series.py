"""series: releases of the data holder's own records, as they arrive."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.program import Command, new_group
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.series import Day

app = new_group("Series: anonymised releases day by day, that keep their promise when joined.")
Folder = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of the series; it stays with the holder.", show_default=False)
]


@app.command("start", cls=Command)
def start(
    folder: Folder,
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="series.yaml: whose record it is, and what to promise.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Begin a series. Its folder keeps who was released (as keyed hashes) and which records wait: it is not for anyone
    else. The releases in it are.

    Example: `huizhen series start visits --config series.yaml`
    """
    from huizhen.adapters import series
    from huizhen.intake.document import read_yaml
    from huizhen.model.series import Series

    asked = read_yaml(config, Series)
    series.start(folder, asked, config.parent)
    if as_json:
        VOICE.json({"series": str(folder), "config": asked.as_json()})
    else:
        VOICE.say(f"Series begun in {folder}.", f"已在 {folder} 中开始发布系列。")


@app.command("add", cls=Command)
def add(
    folder: Folder,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="New records: .csv or .parquet.", show_default=False)],
    seed: Annotated[int, typer.Option("--seed", min=0, help="Chooses who is attacked.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Take new records, and release those that can be, in a file of their own.

    Each person is released once. Records that cannot be in a class of k wait for others; those that have waited as long
    as the series says are given up. All of it happens, or none: a file is never taken twice.

    Example: `huizhen series add visits 2026-03-01.csv`
    """
    from huizhen.adapters import series

    nothing = ("Nothing was taken.", "未收入任何记录。")
    with interruptible(*nothing), series.opened(folder) as shelf, VOICE.progress(as_json) as progress:
        day = shelf.add(file, lambda step, n: progress.step(step, Text(f"{n:,}", f"{n:,}")), seed)
        place = folder / series.FOLDER / f"{day.release:04}{file.suffix.lower()}"
    if as_json:
        VOICE.json({**day.as_json(), "out": str(place) if day.release else None})
        return
    if day.release:
        VOICE.say(f"{place}: {day.released:,} people.", f"{place}：{day.released:,} 人。")
    else:
        VOICE.say(f"Nothing could be released ({day.held}).", f"未能发布任何记录（{day.held}）。")
    _show([day])


@app.command("show", cls=Command)
def show(folder: Folder, as_json: JsonFlag = False) -> None:
    """What became of each file.

    Example: `huizhen series show visits`
    """
    from huizhen.adapters import series

    with series.opened(folder) as shelf:
        days = shelf.days()
    if as_json:
        VOICE.json([day.as_json() for day in days])
    else:
        _show(days)


@app.command("check", cls=Command)
def check(folder: Folder, as_json: JsonFlag = False) -> None:
    """Check the whole series anew, by SQL that shares nothing with what made it: the promise in each release and in all
    joined, nobody released twice, no record lost, no file changed.

    Example: `huizhen series check visits`
    """
    from huizhen.adapters import series
    from huizhen.adapters.series_check import broken

    with series.opened(folder) as shelf:
        found, days = broken(shelf), shelf.days()
    if found:
        raise Refused(
            "series-broken",
            Text(f"The series does not hold: {'; '.join(f.en for f in found)}.",
                 f"该系列不成立：{'；'.join(f.zh for f in found)}。"),
            Text("Release nothing more from it, and find out what changed its folder.",
                 "请停止从中发布，并查明其文件夹被何者改动。"),
        )  # fmt: skip
    releases = sum(1 for d in days if d.release)
    if as_json:
        VOICE.json({"holds": True, "releases": releases, "people": sum(d.released for d in days)})
    else:
        VOICE.say(f"It holds: {releases} releases, {sum(d.released for d in days):,} people.",
                  f"成立：{releases} 次发布，{sum(d.released for d in days):,} 人。")  # fmt: skip


def _show(days: list[Day]) -> None:
    VOICE.table(
        Text("Files of the series", "系列中的文件"),
        [
            Head(Text("file", "文件"), "number"),
            Head(Text("records", "记录"), "number"),
            Head(Text("of people who were there before", "此前已有者"), "number"),
            Head(Text("released", "已发布"), "number"),
            Head(Text("then waiting", "随后等待"), "number"),
            Head(Text("given up", "已放弃"), "number"),
            Head(Text("held because", "未发布原因"), "id"),
        ],
        [
            (
                str(d.number),
                f"{d.received:,}",
                f"{d.again:,}",
                f"{d.released:,}",
                f"{d.waiting:,}",
                f"{d.given_up:,}",
                d.held,
            )
            for d in days
        ],
    )
