"""model list, show, score, export."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import HubOption, JsonFlag, Region_, TokenOption
from huizhen.cli.place import place
from huizhen.cli.program import Command, new_group
from huizhen.cli.study import check_place
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.client.registry import Figures

app = new_group("Models: what released studies have fitted, to be looked up, used and taken away.")
ModelId = Annotated[str, typer.Argument(metavar="ID", help="The id of the model's study, from `model list`.")]
FromFile = Annotated[
    Path,
    typer.Option("--from", metavar="FILE", help="A .csv or .parquet file with the model's columns."),
]
_NAMES = {
    "asker": Text("asked by", "申请方"),
    "purpose": Text("may be used for", "可用于"),
    "profit": Text("for profit", "营利性使用"),
    "dataset": Text("dataset", "数据集"),
    "cohort": Text("cohort", "队列"),
    "hospitals": Text("hospitals", "医院"),
    "rows": Text("rows used", "使用的行数"),
    "columns": Text("columns", "列"),
    "method": Text("method", "方法"),
    "params": Text("parameters", "参数"),
    "released": Text("released (UTC)", "发布时间（UTC）"),
    "entries": Text("ledger entries", "账本条目"),
    "release": Text("release in the ledger", "账本中的发布"),
}
YES, NO = Text("yes", "是"), Text("no", "否")


@app.command("list", cls=Command)
def list_(
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """List the models that studies have released, oldest first.

    Example: `huizhen model list --region demo`
    """
    from huizhen.client import registry

    with place(region, hub, token) as at:
        models = [at.outcome(study) for study in registry.listed(at.studies())]
    rows = [
        {
            "study": m["study"],
            "method": m["request"]["method"],
            "asker": m["request"]["asker"],
            "purpose": m["request"]["purpose"],
            "rows": m["result"]["n"],
            "metrics": registry.metrics(m),
            "title": m["request"]["title"],
        }
        for m in models
    ]
    if as_json:
        VOICE.json(rows)
        return
    VOICE.table(
        Text("Models", "模型"),
        [
            Head(Text("id", "编号"), "id"),
            Head(Text("method", "方法")),
            Head(Text("rows", "行数"), "number"),
            Head(Text("metric", "指标")),
            Head(Text("purpose", "用途"), "id"),
            Head(Text("asker", "申请方"), spare=True),
            Head(Text("title", "标题")),
        ],
        [
            (r["study"], r["method"], r["rows"], _first(r["metrics"]), r["purpose"], r["asker"], r["title"])
            for r in rows
        ],
    )


def _first(metrics: Figures) -> str:
    return next((f"{name} {value:.4g}" for name, value in metrics.items() if value is not None), "")


@app.command("show", cls=Command)
def show(
    model: ModelId,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a model's card: where it comes from, what it may be used for, how good it is, what the guard found, and what
    proves it. The model itself is in `huizhen study result`.

    Example: `huizhen model show st-0123456789abcdef --region demo`
    """
    from huizhen.client import registry

    with place(region, hub, token) as at:
        found = at.outcome(model)
        registry.check_model(found)
        card = registry.card(found, at.entries())
    if as_json:
        VOICE.json(card)
    else:
        _show(card)


def _show(card: dict[str, Any]) -> None:
    from huizhen.client.words import OUTCOME

    use, lineage, evidence = card["restrictions"], card["lineage"], card["evidence"]
    VOICE.say(card["title"], card["title"], "bold")
    profit = YES if use["for_profit"] else NO
    facts: list[tuple[str, Text]] = [
        ("asker", _same(card["asker"])),
        ("purpose", Text(f"{use['en']} ({use['purpose']})", f"{use['zh']}（{use['purpose']}）")),
        ("profit", profit),
        ("dataset", _same(lineage["dataset"])),
        ("cohort", _same(lineage["cohort"]) if lineage["cohort"] else Text("all", "全部")),
        ("hospitals", _same(", ".join(lineage["hospitals"]))),
        ("rows", _same(str(lineage["rows"]))),
        ("columns", _same(", ".join(c["name"] for c in lineage["columns"]))),
        ("method", Text(f"{card['method']['name']}, version {card['method']['version']}, code {card['method']['code']}",
                        f"{card['method']['name']}，版本 {card['method']['version']}，代码 {card['method']['code']}")),
        ("params", _same("; ".join(f"{k} = {_plain(v)}" for k, v in card["params"].items()))),
        ("released", _same((lineage["released_utc"] or "")[:16].replace("T", " "))),
        ("entries", _same(f"{evidence['entries'][0]}-{evidence['entries'][-1]}")),
        ("release", _same(evidence["release"] or "")),
    ]  # fmt: skip
    for name, told in facts:
        label = _NAMES[name]
        VOICE.say(f"  {label.en}: {told.en}", f"  {label.zh}：{told.zh}")
    VOICE.table(
        Text("How good it is", "效果"),
        [Head(Text("metric", "指标"), "id"), Head(Text("value", "值"), "number")],
        [(name, "" if value is None else f"{value:.7g}") for name, value in card["metrics"].items()],
    )
    for c in card["guard"]:
        word = OUTCOME[c["outcome"]]
        VOICE.say(f"Guard, {c['check']} ({word.en}): {c['en']}", f"出口检查 {c['check']}（{word.zh}）：{c['zh']}")


def _same(text: str) -> Text:
    return Text(text, text)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@app.command("score", cls=Command)
def score(
    model: ModelId,
    file: FromFile,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="Scores to write: a .csv or .parquet file.")],
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="COLUMN", help="Also write this column of the file, as it is.")
    ] = None,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Score the rows of a file of your own with a released model. It is done on this machine: no row is sent anywhere.

    Example: `huizhen model score st-0123456789abcdef --from rows.csv --out scores.csv --region demo`
    """
    with place(region, hub, token) as at:
        found = at.outcome(model)
    from huizhen.client.score import score as score_file

    with VOICE.progress(as_json) as progress:
        done = score_file(found, file, out, keep, progress.rows)
    if as_json:
        counts = {"rows": done.rows, "scored": done.scored, "missing": done.missing, "not_finite": done.not_finite}
        VOICE.json({"study": found["study"], "out": str(out), **counts})
        return
    VOICE.say(f"{done.scored} of {done.rows} rows scored; written to {out}.",
              f"共 {done.rows} 行，已评分 {done.scored} 行；已写入 {out}。")  # fmt: skip
    if done.missing:
        VOICE.say(f"{done.missing} rows lack a value that the model needs and have no score.",
                  f"{done.missing} 行缺少模型所需的值，没有分数。")  # fmt: skip
    if done.not_finite:
        VOICE.say(f"{done.not_finite} rows have no finite score.", f"{done.not_finite} 行没有有限的分数。")


@app.command("export", cls=Command)
def export(
    model: ModelId,
    onnx: Annotated[Path, typer.Option("--onnx", metavar="FILE", help="ONNX file to write.")],
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Write a model of glm, cox or gbdt as an ONNX file, which scores as `model score` does, in any runtime.

    Example: `huizhen model export st-0123456789abcdef --onnx model.onnx --region demo`
    """
    with place(region, hub, token) as at:
        found = at.outcome(model)
    from huizhen.client.onnx_export import export as as_onnx

    check_place(onnx)
    written = as_onnx(found)
    onnx.write_bytes(written)
    if as_json:
        VOICE.json({"study": found["study"], "out": str(onnx), "bytes": len(written)})
    else:
        VOICE.say(f"Model written to {onnx}.", f"模型已写入 {onnx}。")
