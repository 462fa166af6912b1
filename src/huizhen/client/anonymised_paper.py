"""The report of an anonymised file: what was done, what of risk and of use is left, and how it was tried. No row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from huizhen.client.block import Block, Fact, Figure, Prose, Sentence
from huizhen.client.figures import bars, curve
from huizhen.client.paper import Paper, Section, fact, grid
from huizhen.kit.text import Language, Text

MODES = {
    "public": Text("public", "公开"),
    "controlled": Text("controlled", "受控"),
    "enclave": Text("enclave", "可信环境"),
}
ATTACKS = {
    "linkage": Text("linkage", "链接"),
    "attribute": Text("attribute inference", "属性推断"),
    "membership": Text("membership", "成员推断"),
    "singling-out": Text("singling out", "单独识别"),
}


class _Told:
    """What is known of a release, in words of one language."""

    def __init__(self, found: Mapping[str, Any], language: Language) -> None:
        self.found, self.language = found, language
        self.asked: Mapping[str, Any] = found["config"]

    def __call__(self, en: str, zh: str) -> str:
        return Text(en, zh).say(self.language)

    def of(self, text: Text) -> str:
        return text.say(self.language)


def paper(found: Mapping[str, Any], language: Language) -> Paper:
    """found: what `huizhen anonymize --json` answers. The same report for HTML, Markdown and PDF."""
    t = _Told(found, language)
    sections = [_columns(t), _risk(t)]
    sections += [_attacks(t)] if "attacks" in found else []
    sections += [_use(t)] if "utility" in found else []
    sections = [_settled(t), *sections] if "auto" in found else sections
    return Paper(
        language,
        t(f"Anonymised: {found['file']}", f"匿名化：{found['file']}"),
        t("Report of an anonymisation", "匿名化报告"),
        _lead(t),
        _facts(t),
        (*sections, _parameters(t)),
    )


def _lead(t: _Told) -> str:
    found, k = t.found, t.found["k"]
    return t(
        f"{found['rows']:,} rows in {found['classes']:,} classes of at least {found['smallest_class']:,} rows that "
        f"cannot be told apart (promised: {k}); {found['suppressed']:,} rows were left out.",
        f"{found['rows']:,} 行，{found['classes']:,} 个等价类，每类至少 {found['smallest_class']:,} 行不可相互区分"
        f"（承诺：{k}）；抑制 {found['suppressed']:,} 行。",
    )


def _facts(t: _Told) -> tuple[Fact, ...]:
    found = t.found
    rest = [fact(t("Seed of the attacks", "攻击的随机种子"), str(found["seed"]))] if "seed" in found else []
    if "differential" in found:
        p = found["differential"]
        said = t(
            f"epsilon {p['epsilon']:g}, delta {p['delta']:g}: each row drawn with a chance of {p['sample']:.4f}, "
            f"k {p['k']:,}. This holds for the file, and not for this report, which tells of the original.",
            f"epsilon {p['epsilon']:g}，delta {p['delta']:g}：每行以 {p['sample']:.4f} 的概率抽取，k 为 {p['k']:,}。"
            "此保证针对发布文件，不包括本报告：报告述及原文件。",
        )
        rest.append(fact(t("Differential privacy", "差分隐私"), said))
    for name, made in found.get("microaggregation", {}).items():
        said = t(
            f"{made['means']:,} means of at least {found['k']:,} rows; {made['variance_kept']:.3f} of variance kept",
            f"{made['means']:,} 个均值，每个至少 {found['k']:,} 行；保留方差的 {made['variance_kept']:.3f}",
        )
        rest.append(fact(t(f"'{name}' as means", f"“{name}”写为均值"), said))
    return (
        fact(t("Made at (UTC)", "生成时间（UTC）"), found["made_utc"]),
        fact(t("SHA-256 of the original", "原文件 SHA-256"), found["input_sha256"]),
        fact(t("SHA-256 of the release", "发布文件 SHA-256"), found["output_sha256"]),
        *rest,
    )


def _settled(t: _Told) -> Section:
    """How --auto came to its setting: loss and use against risk."""
    auto = t.found["auto"]
    ways = {"equal": t("equal weights", "权重相等"), "adaptive": t("weights by use", "按用途加权")}
    plain = [x for x in auto["curve"] if x["suppress"] == min(y["suppress"] for y in auto["curve"])]
    blocks: list[Block] = []
    measures = [("loss", t("loss (NCP)", "损失（NCP）"))]
    measures += [("use", t("area under the curve", "曲线下面积"))] if auto["use"] else []
    for key, name in measures:
        lines = [
            curve.Curve(ways[way], tuple((x["risk"], x[key]) for x in reversed(plain) if x["way"] == way and x[key]))
            for way in dict.fromkeys(x["way"] for x in plain)
        ]
        lines = [each for each in lines if each.points]
        if lines:
            title = t(f"Risk against {name}", f"风险与{name}")
            lowest = min(b for each in lines for _, b in each.points)
            least = 0.5 if key == "use" and lowest >= 0.5 else 0.0
            said = "; ".join(f"{a:.4f}: {b:.3f}" for a, b in lines[0].points)
            words = curve.Words(title, said, t("highest risk of one person", "单人最高风险"), name, least)
            told = t(
                f"Asked: at most {auto['risk']:g}. Each point is a setting that was tried.",
                f"要求：不超过 {auto['risk']:g}。每一点为试过的一种设置。",
            )
            blocks.append(Figure(title, curve.curves(f"auto-{key}", lines, words), told))
    rows = tuple(
        (
            f"{x['k']:,}",
            f"{x['risk']:.4f}",
            ways[x["way"]],
            f"{x['left_out']:,}",
            _share(x["loss"]),
            _share(x["use"]),
        )
        for x in auto["curve"]
    )
    heads = (
        "k",
        t("risk", "风险"),
        t("weights", "权重"),
        t("left out", "抑制"),
        t("loss (NCP)", "损失（NCP）"),
        t("use (AUC)", "用途（AUC）"),
    )
    blocks.append(grid(t("What was tried", "试过的设置"), heads, rows))
    if "command" in auto:
        blocks.insert(0, Sentence(t(f"Settled on: {auto['command']}", f"选定：{auto['command']}")))
    return Section("auto", t("How the setting was found", "如何选定设置"), tuple(blocks))


def _columns(t: _Told) -> Section:
    found, before = t.found, t.found.get("before")
    rows = []
    for name, how in t.asked["quasi_identifiers"].items():
        more = how["lengths"] or how["widths"] or how["parts"]
        values = before["values"][name] if before else ["–", "–"]
        words = " ".join([how["by"], *([str(list(more))] if more else [])])
        rows.append(
            (
                name,
                t("made coarser", "概括"),
                words,
                *(_whole(v) for v in values),
                f"{found['ncp_by_column'][name]:.3f}",
            )
        )
    kept = [n for n in t.asked["keep"] if n not in t.asked["attacks"]["unknown"]]
    for names, what in (
        (t.asked["sensitive"], t("sensitive: as it is", "敏感：原样")),
        (kept, t("as it is", "原样")),
        (
            t.asked["attacks"]["unknown"],
            t("as it is; by the holder's word nobody outside can know it", "原样；持有方声明外人无从得知"),
        ),
        (t.asked["drop"], t("left out", "不写出")),
    ):
        rows += [(name, what, "–", "–", "–", "–") for name in names]
    heads = (
        t("column", "列"),
        t("what was done", "处理"),
        t("how", "方式"),
        t("different values before", "处理前取值数"),
        t("different labels after", "处理后标签数"),
        t("loss (NCP)", "损失（NCP）"),
    )
    table = grid(t("Each column, before and after", "各列处理前后"), heads, tuple(rows))
    return Section("columns", t("What was done", "做了什么"), (table, _sizes(t)))


def _sizes(t: _Told) -> Block:
    sizes, rows = t.found["class_sizes"], t.found["rows"]
    drawn = [bars.Bar(t(f"from {low:,}", f"{low:,} 行起"), float(count), f"{count / rows:.1%}") for low, count in sizes]
    title = t("Rows by the size of their class", "按等价类大小的行数")
    return Figure(
        title,
        _bars("sizes", drawn, title, t),
        t("Larger classes hide people better and tell less of them.", "等价类越大，越难辨认个人，信息也越少。"),
    )


def _risk(t: _Told) -> Section:
    risk, before = t.found["risk"], t.found.get("before")
    fits = [t.of(MODES[m]) for m, good in risk["verdict"].items() if good]
    blocks: list[Block] = [
        Sentence(
            t(
                f"By the thresholds of GB/T 42460 it may go out as: {', '.join(fits)}.",
                f"按 GB/T 42460 的阈值可用于：{'、'.join(fits)}。",
            )
            if fits
            else t(
                "By the thresholds of GB/T 42460 it may go out in no mode.",
                "按 GB/T 42460 的阈值，任何方式均不可发布。",
            )
        )
    ]
    highest = {"before": before["prosecutor"]["highest"] if before else None, "after": risk["prosecutor"]["highest"]}
    average = {"before": before["prosecutor"]["average"] if before else None, "after": risk["prosecutor"]["average"]}
    rows = [
        (
            t("prosecutor (knows that a person is in the file), highest", "检察官（知道某人在文件中），最高"),
            _share(highest["before"]),
            _share(highest["after"]),
        ),
        (t("prosecutor, on average", "检察官，平均"), _share(average["before"]), _share(average["after"])),
        (
            t("journalist (knows a population), highest", "记者（只知总体），最高"),
            "–",
            _share(risk["journalist"]["highest"]),
        ),
        (t("marketer (links as many as can be)", "营销者（尽可能多地链接）"), "–", _share(risk["marketer"])),
    ]
    if "uniqueness" in t.found:
        one = t.found["uniqueness"]
        rows.append(
            (
                t(
                    f"unique among {one['population']:,} people, estimated ({one['before']['model']})",
                    f"在 {one['population']:,} 人中唯一的估计比例（{one['before']['model']}）",
                ),
                _share(one["before"]["share"]),
                _share(one["after"]["share"]),
            )
        )
    if before:
        rows.append((t("rows alone with their combination", "组合独有的行数"), _whole(before["alone"]), "0"))
    notes = (
        (
            t(
                "No population is known: the journalist's and the marketer's risk are what they are at most.",
                "总体未知：记者与营销者风险为其上限。",
            ),
        )
        if risk["bounded"]
        else ()
    )
    heads = (t("who may try", "何人尝试"), t("before", "处理前"), t("after", "处理后"))
    blocks.append(grid(t("Risk of being found", "被找到的风险"), heads, tuple(rows), notes))
    above = risk["prosecutor"]["rows_above"]
    words = {"public": "1/20", "controlled": "1/5", "enclave": "1/3"}
    drawn = [
        bars.Bar(f"{t.of(MODES[m])} ({words[m]})", float(n), f"{n:,} ({n / t.found['rows']:.1%})")
        for m, n in above.items()
    ]
    title = t("Rows at a risk above each threshold", "风险高于各阈值的行数")
    blocks.append(
        Figure(title, _bars("above", drawn, title, t), t("By the prosecutor's risk, after.", "按处理后的检察官风险。"))
    )
    return Section("risk", t("Risk", "风险"), tuple(blocks))


def _attacks(t: _Told) -> Section:
    rows, drawn = [], []
    for a in t.found["attacks"]:
        name = t.of(ATTACKS[a["attack"]]) + (f": {a['column']}" if a["column"] else "")
        gain, control = a["gain"], _share(a["control"]["share"]) if a["controls"] else "–"
        rows.append(
            (
                name,
                _whole(a["targets"]),
                _share(a["success"]["share"]),
                control,
                _share(a["baseline"]),
                f"{_share(gain['share'])} ({_share(gain['low'])}–{_share(gain['high'])})",
                _share(a["limit"]),
            )
        )
        drawn.append(bars.Bar(name, gain["share"], f"{_share(gain['share'])} / {_share(a['limit'])}"))
    heads = (
        t("attack", "攻击"),
        t("people", "人数"),
        t("succeeds", "成功率"),
        t("with people who are not in the file", "对照人群"),
        t("without the file", "不看文件"),
        t("gain (95 % interval)", "收益（95% 区间）"),
        t("promised at most", "承诺上限"),
    )
    title = t("What each attack gained, and what it may gain", "各攻击的收益与上限")
    return Section(
        "attacks",
        t("Attacks that were made on the file", "对文件实际进行的攻击"),
        (
            Prose(
                t(
                    "Each attack was made on the file as it was written. Control people are left out of a twin "
                    "release, made by the same settings; what succeeds with them, too, the file does not give away. "
                    "Nothing is released where a gain is beyond what was promised. Intervals are Wilson's.",
                    "各攻击均针对实际写出的文件。对照人群不在以相同设置另行生成的孪生发布之中；对其同样成功的部分并非文件所泄露。"
                    "收益超出承诺时不予发布。区间为 Wilson 区间。",
                )
            ),
            grid(title, heads, tuple(rows)),
            Figure(title, _bars("attacks", drawn, title, t), t("Gain / promised at most.", "收益／承诺上限。")),
        ),
    )


def _use(t: _Told) -> Section:
    use = t.found["utility"]
    names = list(t.asked["quasi_identifiers"])
    columns = tuple(
        (n, *(_share(use[key].get(n)) for key in ("granularity", "non_uniform_entropy", "marginal_distance")))
        for n in (*names, *t.asked["sensitive"])
    )
    heads = (
        t("column", "列"),
        t("granularity (1: as before)", "粒度（1：不变）"),
        t("entropy lost (0: none)", "熵损失（0：无）"),
        t("distance of the distribution (0: none)", "分布距离（0：无）"),
    )
    figures = (
        (t("loss (NCP)", "损失（NCP）"), _share(t.found["ncp"])),
        (t("loss as in ARX", "ARX 损失"), _share(use["arx_loss"])),
        (t("average class size over k", "平均类大小／k"), f"{use['average_class_over_k']:.2f}"),
        (t("discernibility, as a share of rows squared", "可辨识度（占行数平方之比）"), f"{use['discernibility']:.2e}"),
    )
    worst = sorted(use["pair_distance"].items(), key=lambda p: -p[1])
    drawn = [bars.Bar(name, distance, _share(distance)) for name, distance in worst[:15]]
    title = t("Distance of each pair of columns", "各对列的联合分布距离")
    blocks: list[Block] = [
        *(
            Sentence(
                t(
                    f"A model of '{m['column']}' grown on the release has an area under the curve of "
                    f"{_share(m['released']['auc'])} on rows it has not seen; grown on the original, "
                    f"{_share(m['original']['auc'])}.",
                    f"以发布文件训练的“{m['column']}”模型，在未见行上的曲线下面积为 "
                    f"{_share(m['released']['auc'])}；以原文件训练为 {_share(m['original']['auc'])}。",
                )
            )
            for m in use["models"]
        ),
        grid(t("The whole file", "整个文件"), (t("measure", "度量"), t("value", "值")), figures),
        grid(t("By column", "各列"), heads, columns),
    ]
    if drawn:
        said = t("Total variation, in groups of values; the worst 15.", "总变差距离，按取值分组；列出最差的 15 对。")
        blocks.append(Figure(title, _bars("pairs", drawn, title, t), said))
    return Section("use", t("What it is still good for", "仍有何用"), tuple(blocks))


def _parameters(t: _Told) -> Section:
    """All that was asked, as it stands in a configuration."""
    flat = [(key, _said(value)) for key, value in t.asked.items() if key not in ("quasi_identifiers",)]
    return Section(
        "parameters",
        t("Parameters", "参数"),
        (grid(t("As in anonymize.yaml", "同 anonymize.yaml"), (t("key", "键"), t("value", "值")), tuple(flat)),),
    )


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        there = [f"{k}: {_said(v)}" for k, v in value.items() if v not in (None, [], {})]
        return "; ".join(there) or "–"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "–"
    return "–" if value is None else str(value)


def _bars(key: str, drawn: list[bars.Bar], title: str, t: _Told) -> Markup:
    said = "; ".join(f"{bar.label}: {bar.text}" for bar in drawn)
    return bars.level_bars(key, drawn, bars.Words(title, said, t("hidden", "隐藏")))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _whole(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
