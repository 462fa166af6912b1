"""model list, show, drift, score, export."""

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
    from huizhen.client.score import Scored

app = new_group("Models: what released studies have fitted, to be looked up, used and taken away.")
ModelId = Annotated[str, typer.Argument(metavar="ID", help="The id of the model's study, from `model list`.")]
FromFile = Annotated[
    Path,
    typer.Option("--from", metavar="FILE", help="A .csv or .parquet file with the model's columns."),
]
ScoresFile = Annotated[Path, typer.Option("--out", metavar="FILE", help="Scores to write: a .csv or .parquet file.")]
KeptColumn = Annotated[
    str | None, typer.Option("--keep", metavar="COLUMN", help="Also write this column of the file, as it is.")
]
_NAMES = {
    "asker": Text("asked by", "申请方"),
    "purpose": Text("may be used for", "可用于"),
    "profit": Text("for profit", "营利性使用"),
    "licence": Text("licence", "许可"),
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
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write the card as an HTML page instead.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show a model's card: where it comes from, what it may be used for, how good it is here and elsewhere, what the
    guard found, and what proves it. The model itself is in `huizhen study result`.

    Example: `huizhen model show st-0123456789abcdef --region demo`
    """
    from huizhen.client import registry

    with place(region, hub, token) as at:
        found = at.outcome(model)
        registry.check_model(found)
        card = registry.card(found, at.entries(), _evaluations(at))
    if html is not None:
        from huizhen.client.model_card import render

        check_place(html)
        html.write_text(render(card, VOICE.language), encoding="utf-8")
        if not as_json:
            VOICE.say(f"Card written to {html}.", f"模型卡已写入 {html}。")
    if as_json:
        VOICE.json(card)
    elif html is None:
        _show(card)


def _evaluations(at: Any) -> list[dict[str, Any]]:
    """Outcomes of the released evaluations, of any model."""
    return [at.outcome(s["study"]) for s in at.studies() if s["method"] == "evaluate" and s["status"] == "released"]


@app.command("drift", cls=Command)
def drift(
    model: ModelId,
    region: Region_ = None,
    hub: HubOption = None,
    token: TokenOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Show how far score and inputs of a model have moved since a reference: by its last evaluation that names one.

    Example: `huizhen model drift st-0123456789abcdef --region demo`
    """
    from huizhen.client import registry

    with place(region, hub, token) as at:
        found = at.outcome(model)
        registry.check_model(found)
        last = registry.drifted(found["study"], _evaluations(at))
    if as_json:
        VOICE.json(last)
    else:
        _show_drift(last)


def _show_drift(last: dict[str, Any]) -> None:
    from huizhen.client import drift as drifts

    rows = []
    for name, part in drifts.lines(last["drift"]):
        figures = ("" if part[k] is None else f"{part[k]:.3f}" for k in ("psi", "psi_chance", "ks", "ks_chance"))
        word = drifts.WORDS[drifts.grade(part)]
        rows.append((name or Text("score", "评分").say(VOICE.language), word.say(VOICE.language), *figures))
    VOICE.table(
        Text(f"Drift from {last['drift']['reference']} to {last['study']}",
             f"从 {last['drift']['reference']} 到 {last['study']} 的漂移"),
        [
            Head(Text("of what", "对象"), "id"), Head(Text("moved", "漂移")), Head(_same("PSI"), "number"),
            Head(Text("by chance", "偶然"), "number"), Head(_same("KS"), "number"),
            Head(Text("by chance", "偶然"), "number"),
        ],
        rows,
    )  # fmt: skip
    VOICE.say(f"PSI below {drifts.LITTLE:g}: little; from {drifts.MUCH:g} on: much (Siddiqi 2006).",
              f"PSI 低于 {drifts.LITTLE:g}：很小；{drifts.MUCH:g} 起：很大（Siddiqi 2006）。")  # fmt: skip


def _show(card: dict[str, Any]) -> None:
    from huizhen.client.words import OUTCOME

    use, lineage, evidence = card["restrictions"], card["lineage"], card["evidence"]
    VOICE.say(card["title"], card["title"], "bold")
    profit = YES if use["for_profit"] else NO
    facts: list[tuple[str, Text]] = [
        ("asker", _same(card["asker"])),
        ("purpose", Text(f"{use['en']} ({use['purpose']})", f"{use['zh']}（{use['purpose']}）")),
        ("profit", profit),
        ("licence", _licence(card["licence"])),
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
    for e in card["evaluations"]:
        _show_evaluation(e)
    for c in card["guard"]:
        word = OUTCOME[c["outcome"]]
        VOICE.say(f"Guard, {c['check']} ({word.en}): {c['en']}", f"出口检查 {c['check']}（{word.zh}）：{c['zh']}")


def _licence(licence: dict[str, Any]) -> Text:
    from huizhen.client.licence import NOTHING_SAID

    stated, bound = licence["stated"], licence["restrictions"]
    en = "; ".join([stated or NOTHING_SAID.en, *(r["en"] for r in bound)])
    return Text(en, "；".join([stated or NOTHING_SAID.zh, *(r["zh"] for r in bound)]))


def _show_evaluation(e: dict[str, Any]) -> None:
    from huizhen.client.model_card import WITHHELD

    told = ", ".join(f"{k} {v:.4g}" for k, v in e["metrics"].items() if isinstance(v, int | float))
    VOICE.say(f"Evaluation {e['study']} on {e['dataset']}: {told}", f"评估 {e['study']}，数据集 {e['dataset']}：{told}")
    for name, own in e["hospitals"].items():
        figures = None if own is None else _same(", ".join(f"{k} {v:g}" for k, v in own.items()))
        text = figures or WITHHELD
        VOICE.say(f"  {name}: {text.en}", f"  {name}：{text.zh}")


def _same(text: str) -> Text:
    return Text(text, text)


def _plain(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


@app.command("score", cls=Command)
def score(
    model: ModelId,
    file: FromFile,
    out: ScoresFile,
    keep: KeptColumn = None,
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
    say_scored(done, found, out, as_json)


def say_scored(done: Scored, found: dict[str, Any], out: Path, as_json: bool) -> None:
    """How many rows have a score, where it is, and what binds whoever uses the model."""
    from huizhen.client.licence import licence
    from huizhen.client.lineage import beside

    if as_json:
        told = {"study": found["study"], "out": str(out), "lineage": str(beside(out)), **done.counts}
        VOICE.json({**told, "licence": licence(found)})
        return
    bound = _licence(licence(found))
    VOICE.say(f"Licence of the model: {bound.en}.", f"模型的许可：{bound.zh}。")
    VOICE.say(f"{done.scored} of {done.rows} rows scored; written to {out}.",
              f"共 {done.rows} 行，已评分 {done.scored} 行；已写入 {out}。")  # fmt: skip
    VOICE.say(f"Where they come from, and that licence, is in {beside(out)}.",
              f"来源与许可见 {beside(out)}。")  # fmt: skip
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
    """Write a model of glm, cox, gbdt or nn as an ONNX file, which scores as `model score` does, in any runtime.

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
