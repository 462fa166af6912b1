"""consent export: what people said, as FHIR R4; and the report of a file that could not be imported."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from huizhen.cli.common import HomeOption, JsonFlag, NodeOption, Region_
from huizhen.cli.place import own
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text


def export(
    node: NodeOption,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="NDJSON to write, one resource a line.")],
    subject: Annotated[
        list[str] | None,
        typer.Option("--subject", metavar="ID", help="The person's number at this hospital. May be repeated."),
    ] = None,
    subjects: Annotated[
        Path | None, typer.Option("--subjects", metavar="FILE", help="Or a file of numbers, one a line.")
    ] = None,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write all that people said as FHIR R4 Consent resources, which `consent import` reads back to the same decisions.
    The node keeps pseudonyms only, so the hospital brings the numbers.

    Examples: `huizhen consent export --node north --subject 1001 --out consents.ndjson --region demo`,
    `huizhen consent export --node north --subjects numbers.txt --out consents.ndjson --region demo`
    """
    from huizhen.node.consents import exported

    people, written = list(_people(subject, subjects)), 0
    with own(node, region, home) as agent, out.open("wb") as file:
        for resource in exported(agent, people):
            file.write(msgspec.json.encode(resource) + b"\n")
            written += 1
    if as_json:
        VOICE.json({"people": len(people), "resources": written, "file": str(out)})
    else:
        VOICE.say(f"{written:,} resources of {len(people):,} people written to {out}.",
                  f"已将 {len(people):,} 人的 {written:,} 条资源写入 {out}。")  # fmt: skip


def _people(subject: list[str] | None, subjects: Path | None) -> Iterator[str]:
    """Raises BadInput where nobody is named, NotFound where the file is not there."""
    if not subject and subjects is None:
        raise BadInput(
            "nobody-named",
            Text("It is not said whose consents are meant.", "未指明导出谁的同意。"),
            Text("Give --subject ID, or --subjects FILE.", "请给出 --subject 编号，或 --subjects 文件。"),
        )
    if subjects is not None and not subjects.is_file():
        raise NotFound(
            "no-subjects-file",
            Text(f"There is no file {subjects}.", f"没有文件 {subjects}。"),
            Text("Check the path.", "请检查路径。"),
        )
    yield from subject or ()
    if subjects is not None:
        yield from (line.strip() for line in subjects.read_text(encoding="utf-8").splitlines() if line.strip())


@contextmanager
def reporting(path: Path | None) -> Iterator[None]:
    """Where a file has bad lines: all of them, each with what is wrong, in a CSV file of their own."""
    from huizhen.intake.consents import BadLines

    try:
        yield
    except BadLines as problem:
        if path is not None:
            with path.open("w", encoding="utf-8", newline="") as file:
                rows = csv.writer(file)
                rows.writerow(("line", "fault"))
                rows.writerows((number, fault.say(VOICE.language)) for number, fault in problem.lines.items())
        raise
