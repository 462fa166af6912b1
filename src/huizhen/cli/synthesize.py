"""synthesize: rows of nobody, made from the data holder's own file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from huizhen.cli.common import JsonFlag, interruptible
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.clock import stamp, utc_now
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text


def synthesize(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A .csv or .parquet file.", show_default=False)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The synthetic file to write.")],
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="synthesize.yaml: what is known of columns beforehand."),
    ] = None,
    epsilon: Annotated[
        float | None, typer.Option("--epsilon", min=0.01, max=100, help="The whole budget; 1 if not said.")
    ] = None,
    delta: Annotated[float | None, typer.Option("--delta", help="With what chance it may fail; 1e-8.")] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="Rows to draw; else about as many.")] = None,
    drop: Annotated[str | None, typer.Option("--drop", metavar="A,B", help="Columns left out.")] = None,
    person: Annotated[
        str | None, typer.Option("--person", metavar="COLUMN", help="Whose row it is, where people have several.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="Of what is drawn; the noise is never repeatable.")
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Also write a report with figures: .html, .pdf or .md."),
    ] = None,
    no_attacks: Annotated[
        bool, typer.Option("--no-attacks", help="Learn from every row; nothing is compared or attacked.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a synthetic file of your own file: rows that are nobody's, drawn from noisy counts of columns and of pairs
    of columns, with differential privacy. It is compared with the original, and attacked, before it gets its name.

    What you do not say about a column, even which values there are, is found with noise. The comparison is for you: it
    looks at the original without noise.

    Example: `huizhen synthesize in.csv --out out.csv --epsilon 1 --drop name`

    Example: `huizhen synthesize in.csv --out out.csv --config synthesize.yaml --report report.html`
    """
    from huizhen.adapters.synthesised import synthesise

    said = {"epsilon": epsilon, "delta": delta, "rows": rows, "person": person,
            "drop": tuple(n.strip() for n in drop.split(",") if n.strip()) if drop else None}  # fmt: skip
    asked = _asked(config, {key: value for key, value in said.items() if value is not None})
    if report is not None:
        from huizhen.client.paper import check_format

        check_format(report)
    with interruptible("Nothing was written.", "没有写出任何内容。"), VOICE.progress(as_json) as progress:
        found = synthesise(
            file, out, asked, lambda step, n: progress.step(step, _counted(step, n)), seed, judged=not no_attacks
        )
    found = {"out": str(out), **found}
    if report is not None:
        from huizhen.client import paper, synthetic_paper

        named = {**found, "file": file.name, "made_utc": stamp(utc_now())}
        paper.write(synthetic_paper.paper(named, VOICE.language), report)
    if as_json:
        VOICE.json(found)
        return
    _show(found)
    if report is not None:
        VOICE.say(f"Report written to {report}.", f"报告已写入 {report}。")


def _asked(config: Path | None, said: dict[str, Any]) -> Any:
    from huizhen.intake.document import read_yaml
    from huizhen.model.synthesis import Synthesis

    asked = read_yaml(config, Synthesis) if config is not None else Synthesis()
    if "delta" in said and not 0 < said["delta"] <= 1e-3:
        raise BadInput(
            "delta-out-of-range",
            Text("--delta is above 0 and at most 0.001.", "--delta 须大于 0 且不超过 0.001。"),
            Text("Take far less than 1 over the people in the file.", "应远小于文件中人数的倒数。"),
        )
    return asked.model_copy(update=said)


def _counted(step: str, n: int) -> Text:
    many = {"domains": Text("columns", "列"), "attack": Text("people", "人")}.get(step, Text("rows", "行"))
    return Text(f"{n:,} {many.en}", f"{n:,} {many.zh}")


def _show(found: dict[str, Any]) -> None:
    from huizhen.client.synthetic_paper import KINDS, STEPS

    spent = found["spent"]
    VOICE.say(
        f"{found['out']}: {found['rows']:,} rows that are nobody's; epsilon {found['epsilon']:g}, "
        f"delta {found['delta']:g}.",
        f"{found['out']}：{found['rows']:,} 行，不属于任何人；epsilon 为 {found['epsilon']:g}，"
        f"delta 为 {found['delta']:g}。",
    )
    parts = [(STEPS[step], share) for step, share in spent.items() if share]
    VOICE.say(
        "Spent on: " + ", ".join(f"{step.en} {share:.0%}" for step, share in parts) + ".",
        "用于：" + "，".join(f"{step.zh} {share:.0%}" for step, share in parts) + "。",
    )
    near = found.get("fidelity")
    VOICE.table(
        Text("Columns", "各列"),
        [
            Head(Text("column", "列"), "id"),
            Head(Text("taken as", "视为"), "word"),
            Head(Text("what it holds was", "取值范围"), "word"),
            Head(Text("values or bins", "取值或区间数"), "number"),
            Head(Text("distance", "距离"), "number"),
        ],
        [
            (
                name,
                KINDS[c["kind"]].say(VOICE.language),
                (Text("found with noise", "含噪求得") if c["found"] else Text("said", "已说明")).say(VOICE.language),
                f"{c['many']:,}",
                f"{near['single'][name]:.3f}" if near else "–",
            )
            for name, c in found["columns"].items()
        ],
    )
    if near and near["pairs_mean"] is not None:
        VOICE.say(
            f"Distance of pairs of columns: {near['pairs_mean']:.3f} on average; {len(found['pairs'])} were measured.",
            f"列对的平均距离：{near['pairs_mean']:.3f}；共测量 {len(found['pairs'])} 对。",
        )
    for use in found.get("utility", ()):
        VOICE.say(
            f"Use: a model of '{use['column']}' has an area under the curve of {use['synthetic']:.3f} grown on the "
            f"synthetic rows, {use['original']:.3f} on the original.",
            f"用途：以“{use['column']}”建模，曲线下面积在合成数据上训练为 {use['synthetic']:.3f}，"
            f"在原文件上训练为 {use['original']:.3f}。",
        )
    if "attacks" in found:
        from huizhen.cli.anonymize import show_attacks

        show_attacks(found["attacks"])
    else:
        VOICE.say("No attack was tried.", "未尝试任何攻击。")
