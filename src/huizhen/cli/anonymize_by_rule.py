"""anonymize --rule: the holder's own file, by a rule that many hospitals agreed on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

_BESIDE = ("keep", "unknown", "drop")
"""Options that go with a rule."""


def by_rule(file: Path, out: Path, rule: Path, said: Mapping[str, Any], as_json: bool) -> None:
    """Release a file by a rule. Raises BadInput for options that the rule decides; and as `release` does."""
    from huizhen.adapters.anonymise_by_rule import read_rule, release

    beside = [name for name, value in said.items() if value is not None and name not in _BESIDE]
    if beside:
        raise BadInput(
            "decided-by-rule",
            Text(f"--{beside[0]} cannot be given with --rule.", f"--{beside[0]} 不能与 --rule 同时给出。"),
            Text("The rule decides it for all hospitals; only --keep, --unknown and --drop go with it.",
                 "该项由规则对各医院统一决定；只可另给 --keep、--unknown 和 --drop。"),
        )  # fmt: skip
    keep, unknown, drop = ([n.strip() for n in (said[key] or "").split(",") if n.strip()] for key in _BESIDE)
    known = [name for name in keep if name not in unknown]
    if known:
        raise BadInput(
            "kept-may-be-known",
            Text(f"Column '{known[0]}' would be released as it is, and counts as known.",
                 f"列“{known[0]}”将按原样发布，视为可能为外界所知。"),
            Text("Drop it, have it made coarser by the rule, or give your word with --unknown that nobody outside can "
                 "know it.",
                 "请去掉该列，或在规则中加以概括，或以 --unknown 声明外界无法得知该列。"),
        )  # fmt: skip
    agreed = read_rule(rule)
    found = {"out": str(out), **release(file, out, agreed, keep, drop)}
    if as_json:
        VOICE.json(found)
        return
    _show(out, found)
    VOICE.table(
        Text("Loss by column", "各列信息损失"),
        [
            Head(Text("column", "列"), "id"),
            Head(Text("made coarser", "概括方式"), "id"),
            Head(Text("loss (NCP)", "损失（NCP）"), "number"),
        ],
        [(r.column.name, r.how.in_words, f"{found['ncp_by_column'][r.column.name]:.3f}") for r in agreed.rule.columns],
    )


def _show(out: Path, found: Mapping[str, Any]) -> None:
    hospitals, k, least = found["hospitals"], found["k"], found["per_hospital_min"]
    VOICE.say(
        f"{out}: {found['rows']:,} rows in {found['classes']:,} classes, {k}-anonymous over the union of {hospitals} "
        f"hospitals, as counted in study {found['study']}.",
        f"{out}：{found['rows']:,} 行，{found['classes']:,} 个等价类；按研究 {found['study']} 的计数，"
        f"在 {hospitals} 家医院合并后满足 {k}-匿名。",
    )
    gone = found["suppressed"]
    if any(gone.values()):
        VOICE.say(
            f"Left out: {gone['uncovered']:,} rows that no class covers, {gone['few_here']:,} of classes with fewer "
            f"than {least} rows here.",
            f"抑制（未写出）：{gone['uncovered']:,} 行不属于任何等价类，"
            f"{gone['few_here']:,} 行所在等价类在本院不足 {least} 行。",
        )
    share = found["smallest_share"]
    VOICE.say(
        f"This hospital alone: classes of at least {share} rows. Who knows that a row is from here has a risk of up to "
        f"1/{share}; per_hospital_min in the study bounds that.",
        f"仅就本院而言：每类至少 {share} 行。知道记录来自本院者的识别风险可达 1/{share}；"
        "研究参数 per_hospital_min 可限制这一风险。",
    )
    VOICE.say("No attack was tried.", "未尝试任何攻击。")
