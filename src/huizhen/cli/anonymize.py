"""anonymize: the data holder's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text


def anonymize(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The anonymised file to write.")],
    config: Annotated[
        Path, typer.Option("--config", metavar="FILE", help="anonymize.yaml: what each column is, and what to promise.")
    ],
    as_json: JsonFlag = False,
) -> None:
    """Anonymise a file of your own: rows in classes of at least k that cannot be told apart, with as little loss as
    can be. What was written is checked from the file alone before it gets its name.

    Example: `huizhen anonymize in.csv --out out.csv --config anonymize.yaml`
    """
    from huizhen.adapters.anonymised import anonymise
    from huizhen.intake.document import read_yaml
    from huizhen.model.anonymisation import Anonymisation

    with interruptible("Nothing was written.", "没有写出任何内容。"):
        asked = read_yaml(config, Anonymisation)
        with VOICE.progress(as_json) as progress:
            found = anonymise(
                file, out, asked, config.parent, lambda step, n: progress.step(step, Text(f"{n:,} rows", f"{n:,} 行"))
            )
    if as_json:
        VOICE.json({"out": str(out), "k": asked.k, **found})
    else:
        _show(out, found, asked.k)


def _show(out: Path, found: dict[str, Any], k: int) -> None:
    rows, classes = found["rows"], found["classes"]
    VOICE.say(
        f"{out}: {rows:,} rows in {classes:,} classes of at least {found['smallest_class']:,} (promised: {k}).",
        f"{out}：{rows:,} 行，{classes:,} 个等价类，每类至少 {found['smallest_class']:,} 行（承诺：{k}）。",
    )
    VOICE.say(
        f"Loss (NCP): {found['ncp']:.3f}. Highest risk for one person: {found['prosecutor_risk_highest']:.3f}; "
        f"on average: {found['marketer_risk']:.3f}.",
        f"信息损失（NCP）：{found['ncp']:.3f}。单人最高风险：{found['prosecutor_risk_highest']:.3f}；"
        f"平均：{found['marketer_risk']:.3f}。",
    )
    above = ", ".join(f"{name}: {count:,}" for name, count in found["rows_above"].items())
    VOICE.say(f"Rows at a risk above {above}.", f"风险高于阈值的行数：{above}。")
    VOICE.table(
        Text("Loss by column", "各列信息损失"),
        [Head(Text("column", "列"), "id"), Head(Text("loss (NCP)", "损失（NCP）"), "number")],
        [(name, f"{loss:.3f}") for name, loss in found["ncp_by_column"].items()],
    )
