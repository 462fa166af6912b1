"""anonymize: the data holder's own file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.model.anonymisation import Anonymisation

Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="anonymize.yaml: what each column is, and what to promise."),
]
Quasi = Annotated[str | None, typer.Option("--qi", metavar="A,B", help="Columns that may be known from elsewhere.")]
Secrets = Annotated[
    str | None, typer.Option("--sensitive", metavar="A,B", help="Columns nobody may learn about a person.")
]
Keep = Annotated[str | None, typer.Option("--keep", metavar="A,B", help="Columns released as they are.")]
Drop = Annotated[str | None, typer.Option("--drop", metavar="A,B", help="Columns left out.")]
K = Annotated[
    int | None, typer.Option("--k", min=2, help="Rows that share each combination, at least; 10 if not said.")
]
L = Annotated[int | None, typer.Option("--l", min=2, help="Different values of each sensitive column in every class.")]
T = Annotated[
    float | None, typer.Option("--t", min=0, max=1, help="How far a class may be from the whole, for each of them.")
]
Suppress = Annotated[
    float | None, typer.Option("--suppress", min=0, max=0.5, help="The share of rows that may be left out.")
]
Algorithm = Annotated[
    str | None, typer.Option("--algorithm", metavar="topdown|lattice", help="lattice: one rule for each column.")
]
Folder = Annotated[
    Path | None, typer.Option("--hierarchies", metavar="DIR", help="Hierarchies as CSV, called after their columns.")
]


def anonymize(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The anonymised file to write.")],
    config: Config = None,
    qi: Quasi = None,
    sensitive: Secrets = None,
    keep: Keep = None,
    drop: Drop = None,
    k: K = None,
    l: L = None,  # noqa: E741
    t: T = None,
    suppress: Suppress = None,
    algorithm: Algorithm = None,
    hierarchies: Folder = None,
    as_json: JsonFlag = False,
) -> None:
    """Anonymise a file of your own: rows in classes of at least k that cannot be told apart, with as little loss as
    can be. What was written is checked from the file alone before it gets its name.

    Say what each column is in a file, or by options; how a column is made coarser then follows from its values, and is
    said.

    Example: `huizhen anonymize in.csv --out out.csv --config anonymize.yaml`

    Example: `huizhen anonymize in.csv --out out.csv --qi age,sex,region --sensitive icd10 --k 5 --l 2 --t 0.2`
    """
    from huizhen.adapters.anonymise_said import asked_by_file, asked_by_options
    from huizhen.adapters.anonymised import anonymise

    said = {"qi": qi, "sensitive": sensitive, "keep": keep, "drop": drop, "k": k, "l": l, "t": t,
            "suppress": suppress, "algorithm": algorithm, "hierarchies": hierarchies}  # fmt: skip
    with interruptible("Nothing was written.", "没有写出任何内容。"):
        if config is not None:
            asked, beside = asked_by_file(config, said), config.parent
        else:
            asked, beside = asked_by_options(file, said), hierarchies or Path()
        with VOICE.progress(as_json) as progress:
            found = anonymise(file, out, asked, beside, lambda step, n: progress.step(step, _counted(step, n)))
    if as_json:
        VOICE.json({"out": str(out), "k": asked.k, "config": asked.as_json(), **found})
    else:
        _show(out, found, asked)


def _counted(step: str, n: int) -> Text:
    return Text(f"{n:,} rules", f"{n:,} 条规则") if step == "search" else Text(f"{n:,} rows", f"{n:,} 行")


def _show(out: Path, found: dict[str, Any], asked: Anonymisation) -> None:
    rows, classes = found["rows"], found["classes"]
    VOICE.say(
        f"{out}: {rows:,} rows in {classes:,} classes of at least {found['smallest_class']:,} (promised: {asked.k}).",
        f"{out}：{rows:,} 行，{classes:,} 个等价类，每类至少 {found['smallest_class']:,} 行（承诺：{asked.k}）。",
    )
    if found["suppressed"]:
        VOICE.say(f"Left out: {found['suppressed']:,} rows.", f"抑制（未写出）：{found['suppressed']:,} 行。")
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
        [
            Head(Text("column", "列"), "id"),
            Head(Text("made coarser", "概括方式"), "id"),
            Head(Text("loss (NCP)", "损失（NCP）"), "number"),
        ],
        [
            (name, asked.quasi_identifiers[name].in_words, f"{loss:.3f}")
            for name, loss in found["ncp_by_column"].items()
        ],
    )
