"""anonymize: the data holder's own file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from huizhen.cli.common import JsonFlag, ended_like_interrupted, interruptible
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.clock import stamp, utc_now
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from huizhen.adapters.anonymise_trail import Trail
    from huizhen.kit.keys import SigningKey
    from huizhen.model.anonymisation import Anonymisation

Source = Annotated[
    str,
    typer.Argument(
        metavar="FILE|WAREHOUSE", show_default=False,
        help="A .csv or .parquet file, or postgresql://..., spark:DIR or duckdb:FILE.",
    ),
]  # fmt: skip
Table = Annotated[
    str, typer.Option("--table", metavar="TABLE", help="The table or view in the warehouse; its rows are brought here.")
]
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
Mode = Annotated[
    str | None,
    typer.Option("--mode", metavar="public|controlled|enclave", help="Who gets the file: risk up to 1/20, 1/5, 1/3."),
]
Size = Annotated[int | None, typer.Option("--population-size", min=2, help="How many people the file was drawn from.")]
Outside = Annotated[
    Path | None,
    typer.Option("--outside", metavar="FILE", help="People as an attacker knows them; else rows are drawn."),
]
Unknown = Annotated[
    str | None, typer.Option("--unknown", metavar="A,B", help="Columns of --keep that nobody outside can know.")
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Chooses who is attacked.")]
Report = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Also write a report with figures: .html, .pdf or .md."),
]
TrailFile = Annotated[
    Path | None, typer.Option("--trail", metavar="FILE", help="Append every step, signed by --key, also where stopped.")
]
Key = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Key that signs the trail (`party key`).")]
Rule = Annotated[
    Path | None,
    typer.Option("--rule", metavar="FILE", help="Release by a rule of many hospitals: what `study run --json` wrote."),
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="2GB", help="For large files: rows lie on the disk, and so much is in memory."),
]
Auto = Annotated[
    bool, typer.Option("--auto", help="Find k, suppression and weights for --risk, and for --for if said.")
]
Risk = Annotated[
    float | None,
    typer.Option(
        "--risk", min=1e-9, max=0.5, help="With --auto: nobody is found with a greater chance; 0.05 if not said."
    ),
]
Use = Annotated[
    str | None,
    typer.Option("--for", metavar="COLUMN", help="What the file is for: columns that tell this one stay finer."),
]
Weight = Annotated[
    str | None, typer.Option("--weight", metavar="A=3,B=1", help="How much the loss of each column counts.")
]
Epsilon = Annotated[
    float | None, typer.Option("--epsilon", min=1e-9, max=10, help="Differential privacy, by sampling; with --delta.")
]
Delta = Annotated[
    float | None, typer.Option("--delta", min=1e-300, max=0.009, help="With --epsilon: how often it may fail.")
]
NoMeasures = Annotated[bool, typer.Option("--no-measures", help="Leave out the measures of use.")]
NoAttacks = Annotated[bool, typer.Option("--no-attacks", help="Release without trying any attack.")]


def anonymize(
    source: Source,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The anonymised file to write.")],
    table: Table = "",
    config: Config = None,
    rule: Rule = None,
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
    auto: Auto = False,
    risk: Risk = None,
    use: Use = None,
    weight: Weight = None,
    epsilon: Epsilon = None,
    delta: Delta = None,
    mode: Mode = None,
    population_size: Size = None,
    outside: Outside = None,
    unknown: Unknown = None,
    no_attacks: NoAttacks = False,
    seed: Seed = 0,
    no_measures: NoMeasures = False,
    memory: Memory = None,
    report: Report = None,
    trail: TrailFile = None,
    key: Key = None,
    as_json: JsonFlag = False,
) -> None:
    """Anonymise a file of your own: rows in classes of at least k that cannot be told apart, with as little loss as
    can be. What was written is checked from the file alone, and attacked, before it gets its name.

    Say what each column is in a file, or by options; how a column is made coarser then follows from its values, and is
    said.

    Example: `huizhen anonymize in.csv --out out.csv --config anonymize.yaml`

    Example: `huizhen anonymize in.csv --out out.csv --qi age,sex,region --sensitive icd10 --k 5 --l 2 --t 0.2`

    Example: `huizhen anonymize in.csv --out out.csv --rule rule.json --drop patient_id`

    Example: `huizhen anonymize in.parquet --out out.parquet --config a.yaml --memory 2GB --no-measures`

    Example: `huizhen anonymize in.csv --out out.csv --qi age,sex --sensitive income --auto --risk 0.05 --for income`

    Example: `huizhen anonymize postgresql://reader@db/his --table public.visits --out out.parquet --config a.yaml`
    """
    from huizhen.adapters.anonymise_from import brought, check_source, is_elsewhere
    from huizhen.adapters.anonymise_said import asked_by_file, asked_by_options
    from huizhen.adapters.own_file import reading
    from huizhen.cli.anonymize_auto import command_line, proposed, show

    said = {"qi": qi, "sensitive": sensitive, "keep": keep, "drop": drop, "k": k, "l": l, "t": t,
            "suppress": suppress, "algorithm": algorithm, "hierarchies": hierarchies, "mode": mode,
            "population-size": population_size, "outside": outside, "unknown": unknown,
            "weight": weight, "epsilon": epsilon, "delta": delta, "no-attacks": no_attacks or None}  # fmt: skip
    check_source(source, table, rule is not None)
    if rule is not None:
        from huizhen.cli.anonymize_by_rule import by_rule

        others = {"config": config, "report": report, "trail": trail, "key": key, "memory": memory,
                  "auto": auto or None, "risk": risk, "for": use}  # fmt: skip
        by_rule(Path(source), out, rule, {**said, **others}, as_json)
        return
    if report is not None:
        from huizhen.client.paper import check_format

        check_format(report)
    kept, signing = _trail(trail, key)
    allowed = _allowed(memory, no_measures, auto or use is not None)
    interrupted = interruptible("Nothing was written.", "没有写出任何内容。")
    with interrupted, ended_like_interrupted(), ExitStack() as between, VOICE.progress(as_json) as progress:

        def heard(step: str, n: int) -> None:
            progress.step(step, _counted(step, n))

        file, named = Path(source), Path(source).name
        if is_elsewhere(source):
            file, named = between.enter_context(brought(source, table, out, heard))
        if config is not None:
            asked, beside = asked_by_file(config, said), config.parent
        else:
            asked, beside = asked_by_options(file, said), hierarchies or Path()
        read = reading(file, asked.keep) if allowed is None else None
        anonymise = _engine()
        try:
            asked, settled = proposed(file, asked, beside, auto, risk, use, heard)
            found = anonymise(
                file, out, asked, beside, heard, seed, measured=not no_measures, trail=kept, memory=allowed,
                read=read,
            )  # fmt: skip
        finally:
            if trail is not None and signing is not None:
                kept.write(trail, signing)
    found = {"out": str(out), "k": asked.k, "config": asked.as_json(), **found}
    if settled is not None:
        again = not config and not is_elsewhere(source)
        found["auto"] = settled | ({"command": command_line(source, out, asked, said)} if again else {})
    if report is not None:
        _write_report(report, {**found, "file": named, "made_utc": stamp(utc_now())})
    if as_json:
        VOICE.json(found)
        return
    if settled is not None:
        show(found["auto"])
    _show(out, found, asked)
    if report is not None:
        VOICE.say(f"Report written to {report}.", f"报告已写入 {report}。")


def _write_report(report: Path, told: dict[str, Any]) -> None:
    from huizhen.client import anonymised_paper, paper

    paper.write(anonymised_paper.paper(told, VOICE.language), report)


def _engine() -> Callable[..., dict[str, Any]]:
    """`anonymise`, loaded while the file is being read. numba looks for linear algebra, which no kernel here uses and
    which takes as long to load as all the rest of it: it is not found."""
    algebra = "scipy.linalg.cython_blas"
    if unasked := algebra not in sys.modules:
        sys.modules[algebra] = None  # type: ignore[assignment]
    try:
        from huizhen.adapters.anonymised import anonymise
        from huizhen.privacy.anonymise.partition import ready

        ready()
    finally:
        if unasked:
            del sys.modules[algebra]
    return anonymise


def _trail(trail: Path | None, key: Path | None) -> tuple[Trail, SigningKey | None]:
    """Where steps are kept, and the key that signs them; what is in the file already has to be that key's."""
    from huizhen.adapters.anonymise_trail import Trail, check_trail
    from huizhen.client import party_key

    if (trail is None) != (key is None):
        raise BadInput(
            "trail-without-key",
            Text("--trail and --key go together.", "--trail 与 --key 须同时给出。"),
            Text("Make a key with `huizhen party key --out FILE`.", "可用 `huizhen party key --out 文件` 生成密钥。"),
        )
    if trail is None or key is None:
        return Trail(), None
    signing = party_key.read(key)
    if trail.exists():
        check_trail(trail.read_text(encoding="utf-8").splitlines(), signing.public)
    return Trail(), signing


def _allowed(memory: str | None, no_measures: bool, sought: bool) -> int | None:
    """Bytes, where rows are to lie on the disk."""
    if memory is None:
        return None
    from huizhen.adapters.anonymise_large import sized

    if not no_measures:
        raise BadInput(
            "measures-need-all-rows",
            Text("The measures of use need all rows in memory at once.", "效用指标须将所有行同时放入内存。"),
            Text("Give --no-measures beside --memory, or leave --memory out.",
                 "请在 --memory 之外加上 --no-measures，或不用 --memory。"),
        )  # fmt: skip
    if sought:
        raise BadInput(
            "auto-needs-all-rows",
            Text("--auto and --for look at all rows in memory at once.", "--auto 与 --for 须将所有行同时放入内存。"),
            Text("Find the settings on a sample of the file, and give them beside --memory.",
                 "请先在文件的样本上求得设置，再与 --memory 一同给出。"),
        )  # fmt: skip
    return sized(memory)


def _counted(step: str, n: int) -> Text:
    many = {"search": Text("rules", "条规则"), "attack": Text("people", "人"), "auto": Text("k", "k")}.get(
        step, Text("rows", "行")
    )
    return Text(f"{n:,} {many.en}", f"{n:,} {many.zh}")


def _show(out: Path, found: dict[str, Any], asked: Anonymisation) -> None:
    rows, classes = found["rows"], found["classes"]
    VOICE.say(
        f"{out}: {rows:,} rows in {classes:,} classes of at least {found['smallest_class']:,} "
        f"(promised: {found['k']}).",
        f"{out}：{rows:,} 行，{classes:,} 个等价类，每类至少 {found['smallest_class']:,} 行（承诺：{found['k']}）。",
    )
    if "differential" in found:
        private = found["differential"]
        VOICE.say(
            f"Differentially private: epsilon {private['epsilon']:g}, delta {private['delta']:g}; each row was drawn "
            f"with a chance of {private['sample']:.4f}. Another release of these people adds its epsilon and delta.",
            f"满足差分隐私：epsilon {private['epsilon']:g}，delta {private['delta']:g}；每行以 {private['sample']:.4f} "
            f"的概率抽取。再次发布这些人的数据时，epsilon 与 delta 相加。",
        )
    for name, made in found.get("microaggregation", {}).items():
        VOICE.say(
            f"'{name}' is written as {made['means']:,} means, which keep {made['variance_kept']:.3f} of its variance.",
            f"“{name}”写为 {made['means']:,} 个均值，保留其方差的 {made['variance_kept']:.3f}。",
        )
    if found["suppressed"]:
        VOICE.say(f"Left out: {found['suppressed']:,} rows.", f"抑制（未写出）：{found['suppressed']:,} 行。")
    risk = found["risk"]
    highest, average = risk["prosecutor"]["highest"], risk["marketer"]
    VOICE.say(
        f"Loss (NCP): {found['ncp']:.3f}. Highest risk for one person: {highest:.3f}; on average: {average:.3f}.",
        f"信息损失（NCP）：{found['ncp']:.3f}。单人最高风险：{highest:.3f}；平均：{average:.3f}。",
    )
    _show_modes(risk["verdict"])
    if "uniqueness" in found:
        before, after = (found["uniqueness"][when]["share"] for when in ("before", "after"))
        VOICE.say(
            f"Unique in the population, by estimate: {before:.2%} before, {after:.2%} after.",
            f"总体中唯一者的估计比例：处理前 {before:.2%}，处理后 {after:.2%}。",
        )
    for model in found.get("utility", {}).get("models", ()):
        before, after = model["original"]["auc"], model["released"]["auc"]
        VOICE.say(
            f"Use: a model of '{model['column']}' has an area under the curve of {after:.3f} grown on the release, "
            f"{before:.3f} on the original.",
            f"用途：以“{model['column']}”建模，曲线下面积在发布文件上训练为 {after:.3f}，"
            f"在原文件上训练为 {before:.3f}。",
        )
    if "attacks" in found:
        show_attacks(found["attacks"])
    else:
        VOICE.say("No attack was tried.", "未尝试任何攻击。")
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


def _show_modes(verdict: dict[str, bool]) -> None:
    from huizhen.client.anonymised_paper import MODES

    fits = [mode for mode, good in verdict.items() if good]
    VOICE.say(
        f"By risk it may go out as: {', '.join(fits) or 'none of public, controlled, enclave'}.",
        f"按风险可用于：{'、'.join(MODES[m].zh for m in fits) or '公开、受控、可信环境均不可'}。",
    )


def show_attacks(attacks: list[dict[str, Any]]) -> None:
    """A table of attacks, each as `Attack.as_json` tells it."""
    from huizhen.client.anonymised_paper import ATTACKS

    VOICE.table(
        Text("Attacks on the file", "对文件的攻击"),
        [
            Head(Text("attack", "攻击"), "id"),
            Head(Text("people", "人数"), "number"),
            Head(Text("succeeds", "成功率"), "number"),
            Head(Text("on others", "对照"), "number"),
            Head(Text("gain (95 %)", "收益（95%）"), "number"),
            Head(Text("promised", "承诺上限"), "number"),
        ],
        [
            (
                ATTACKS[a["attack"]].say(VOICE.language) + (f": {a['column']}" if a["column"] else ""),
                f"{a['targets']:,}",
                f"{a['success']['share']:.3f}",
                f"{a['control']['share']:.3f}" if a["controls"] else "–",
                f"{a['gain']['share']:.3f} ({a['gain']['low']:.3f}–{a['gain']['high']:.3f})",
                f"{a['limit']:.3f}",
            )
            for a in attacks
        ],
    )
