"""anonymize --auto: what was tried, and the command line that it settled on."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.anonymisation import Anonymisation

RISK = 0.05


def check(auto: bool, risk: float | None, use: str | None, asked: Anonymisation) -> None:
    """Raises BadInput for options that do not go together."""
    if risk is not None and not auto:
        raise BadInput(
            "risk-without-auto",
            Text("--risk goes with --auto.", "--risk 须与 --auto 同用。"),
            Text("Add --auto, or give --k.", "请加上 --auto，或给出 --k。"),
        )
    if (auto or use is not None) and (asked.differential is not None or asked.population is not None):
        raise BadInput(
            "auto-not-here",
            Text("--auto and --for go neither with differential privacy nor with a population.",
                 "--auto 与 --for 不能与差分隐私或总体同用。"),
            Text("With differential privacy, what follows from the rows would not be covered by epsilon; give weights "
                 "and levels yourself.",
                 "差分隐私下，由数据推得的设置不在 epsilon 的保证之内；请自行给出权重与层级。"),
        )  # fmt: skip


def proposed(
    file: Path, asked: Anonymisation, beside: Path, auto: bool, risk: float | None, use: str | None, heard: Any
) -> tuple[Anonymisation, dict[str, Any] | None]:
    """What is asked, with weights by use, and with --auto all that it settled on, and how."""
    check(auto, risk, use, asked)
    if not auto and use is None:
        return asked, None
    from huizhen.adapters.anonymise_auto import adapted, settled
    from huizhen.adapters.own_file import read_table

    table = read_table(file)[0]
    if not auto and use is not None:
        return adapted(table, asked, beside, use), None
    found = settled(table, asked, beside, risk or RISK, use, heard)
    return found.asked, found.as_json(risk or RISK, use)


def command_line(file: str, out: Path, asked: Anonymisation, said: Mapping[str, Any]) -> str:
    """The same without --auto. A promise of two values that --auto added is said, too."""
    words = ["huizhen", "anonymize", file, "--out", str(out)]
    for key in ("qi", "sensitive", "keep", "drop", "unknown", "mode", "algorithm", "hierarchies", "outside"):
        if said.get(key) is not None:
            words += [f"--{key}", str(said[key])]
    if said.get("population-size") is not None:
        words += ["--population-size", str(said["population-size"])]
    words += ["--k", str(asked.k)]
    distinct = {v.distinct for v in asked.sensitive.values()} - {None}
    if distinct:
        words += ["--l", str(min(d for d in distinct if d is not None))]
    if said.get("t") is not None:
        words += ["--t", f"{said['t']:g}"]
    if asked.suppress:
        words += ["--suppress", f"{asked.suppress:g}"]
    weights = {n: how.weight for n, how in asked.quasi_identifiers.items() if how.weight != 1}
    if weights:
        words += ["--weight", ",".join(f"{n}={w:g}" for n, w in weights.items())]
    if said.get("no-attacks"):
        words.append("--no-attacks")
    return shlex.join(words)


def show(auto: Mapping[str, Any]) -> None:
    """The curve of risk against loss and use, and what it came to."""
    used = auto["use"] is not None
    ways = {"equal": Text("equal", "相等"), "adaptive": Text("by use", "按用途")}
    heads = [
        Head(Text("k", "k"), "number"),
        Head(Text("risk", "风险"), "number"),
        Head(Text("weights", "权重"), "id"),
        Head(Text("left out", "抑制"), "number"),
        Head(Text("loss (NCP)", "损失（NCP）"), "number"),
        *([Head(Text("use (AUC)", "用途（AUC）"), "number")] if used else []),
    ]
    rows = [
        (
            f"{x['k']:,}",
            f"{x['risk']:.4f}",
            ways[x["way"]].say(VOICE.language),
            f"{x['left_out']:,}",
            f"{x['loss']:.3f}",
            *((f"{x['use']:.3f}" if x["use"] is not None else "–",) if used else ()),
        )
        for x in auto["curve"]
    ]
    VOICE.table(Text("Risk against loss", "风险与损失"), heads, rows)
    if auto["original"] is not None:
        VOICE.say(
            f"A model of '{auto['use']}' grown on the original has an area under the curve of {auto['original']:.3f}.",
            f"以原文件训练的“{auto['use']}”模型，曲线下面积为 {auto['original']:.3f}。",
        )
    if "command" in auto:
        VOICE.say(f"Settled on: {auto['command']}", f"选定：{auto['command']}")
