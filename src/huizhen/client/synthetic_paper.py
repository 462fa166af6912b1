"""The report of a synthetic file: what was learned, at what price in privacy, how near it is, how it was attacked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from huizhen.client.anonymised_paper import ATTACKS
from huizhen.client.block import Block, Fact, Figure, Prose, Sentence
from huizhen.client.figures import bars
from huizhen.client.paper import Paper, Section, fact, grid
from huizhen.kit.text import Language, Text

STEPS = {
    "domains": Text("what columns hold", "各列取值范围"),
    "single": Text("single columns", "单列"),
    "choice": Text("the choice of pairs", "选择列对"),
    "pairs": Text("pairs of columns", "列对"),
}
KINDS = {"values": Text("values", "取值"), "number": Text("numbers", "数值"), "date": Text("dates", "日期")}
Say = Callable[[str, str], str]


def paper(found: Mapping[str, Any], language: Language) -> Paper:
    """found: what `huizhen synthesize --json` answers, with `file` and `made_utc`."""

    def t(en: str, zh: str) -> str:
        return Text(en, zh).say(language)

    sections = [_spent(found, language, t)]
    sections += [_near(found, t)] if "fidelity" in found else []
    sections += [_attacked(found, language, t)] if "attacks" in found else []
    return Paper(
        language,
        t(f"Synthetic: {found['file']}", f"合成数据：{found['file']}"),
        t("Report of a synthetic file", "合成文件报告"),
        t(
            f"{found['rows']:,} rows that are nobody's, drawn from noisy counts; (epsilon, delta) is "
            f"({found['epsilon']:g}, {found['delta']:g}).",
            f"{found['rows']:,} 行，不属于任何人，由含噪计数抽得；(epsilon, delta) 为 "
            f"({found['epsilon']:g}, {found['delta']:g})。",
        ),
        _facts(found, t),
        tuple(sections),
    )


def _facts(found: Mapping[str, Any], t: Say) -> tuple[Fact, ...]:
    return (
        fact(t("Made at (UTC)", "生成时间（UTC）"), found["made_utc"]),
        fact(t("Cost in zCDP", "zCDP 代价"), f"{found['zcdp']:.3g}"),
        fact(t("Seed of what was drawn", "抽样的随机种子"), "–" if found["seed"] is None else str(found["seed"])),
    )


def _spent(found: Mapping[str, Any], language: Language, t: Say) -> Section:
    drawn = [
        bars.Bar(STEPS[step].say(language), share, f"{share:.0%}") for step, share in found["spent"].items() if share
    ]
    title = t("What the budget was spent on", "预算用途")
    single = found["fidelity"]["single"] if "fidelity" in found else {}
    rows = tuple(
        (
            name,
            KINDS[c["kind"]].say(language),
            t("found with noise", "含噪求得") if c["found"] else t("said", "已说明"),
            f"{c['many']:,}",
            f"{single[name]:.3f}" if name in single else "–",
        )
        for name, c in found["columns"].items()
    )
    heads = (
        t("column", "列"),
        t("taken as", "视为"),
        t("what it holds was", "取值范围"),
        t("values or bins", "取值或区间数"),
        t("distance of the distribution (0: none)", "分布距离（0：无）"),
    )
    pairs = ", ".join(" – ".join(pair) for pair in found["pairs"]) or t("none", "无")
    return Section(
        "learned",
        t("What was learned", "学到了什么"),
        (
            Figure(title, _bars("spent", drawn, title, t), t("Shares of the cost in zCDP.", "占 zCDP 代价的比例。")),
            grid(t("Columns", "各列"), heads, rows),
            Sentence(t(f"Pairs of columns that were measured: {pairs}.", f"测量的列对：{pairs}。")),
        ),
    )


def _near(found: Mapping[str, Any], t: Say) -> Section:
    pairs = sorted(found["fidelity"]["pairs"].items(), key=lambda p: -p[1])[:15]
    drawn = [bars.Bar(name, distance, f"{distance:.3f}") for name, distance in pairs]
    title = t("Distance of each pair of columns", "各对列的联合分布距离")
    blocks: list[Block] = [
        Prose(
            t(
                "These figures, and those of the attacks, compare with the original without noise: they are the "
                "holder's own, and epsilon does not cover them. Hand on the synthetic file, not this report.",
                "以下数值及攻击结果均与原文件直接比较，未加噪声，仅供数据持有方使用，不受 epsilon 保护。"
                "请只交付合成文件，不要交付本报告。",
            )
        )
    ]
    if drawn:
        said = t("Total variation, in groups of values; the worst 15.", "总变差距离，按取值分组；列出最差的 15 对。")
        blocks.append(Figure(title, _bars("pairs", drawn, title, t), said))
    blocks += [
        Sentence(
            t(
                f"A model of '{u['column']}' grown on synthetic rows has an area under the curve of "
                f"{u['synthetic']:.3f} on rows of the original; grown on other rows of the original, "
                f"{u['original']:.3f}.",
                f"以合成数据训练的“{u['column']}”模型，在原文件的行上曲线下面积为 {u['synthetic']:.3f}；"
                f"以原文件其他行训练为 {u['original']:.3f}。",
            )
        )
        for u in found["utility"]
    ]
    return Section("near", t("How near it is", "与原文件的接近程度"), tuple(blocks))


def _attacked(found: Mapping[str, Any], language: Language, t: Say) -> Section:
    heads = (
        t("attack", "攻击"),
        t("people", "人数"),
        t("succeeds", "成功率"),
        t("with people who were not learned from", "对照人群"),
        t("by guessing", "猜测"),
        t("gain (95 % interval)", "收益（95% 区间）"),
        t("promised at most", "承诺上限"),
    )
    rows = tuple(
        (
            ATTACKS[a["attack"]].say(language) + (f": {a['column']}" if a["column"] else ""),
            f"{a['targets']:,}",
            f"{a['success']['share']:.3f}",
            f"{a['control']['share']:.3f}",
            f"{a['baseline']:.3f}",
            f"{a['gain']['share']:.3f} ({a['gain']['low']:.3f}–{a['gain']['high']:.3f})",
            f"{a['limit']:.3f}",
        )
        for a in found["attacks"]
    )
    return Section(
        "attacks",
        t("Attacks that were made on it", "实际进行的攻击"),
        (
            Prose(
                t(
                    "Control people were kept out before anything was learned. What succeeds with them, too, the file "
                    "does not give away. Nothing is written where a gain is surely beyond what is promised.",
                    "对照人群在学习之前即已留出。对其同样成功的部分并非文件所泄露。收益确定超出承诺时不予写出。",
                )
            ),
            grid(t("What each attack gained, and what it may gain", "各攻击的收益与上限"), heads, rows),
        ),
    )


def _bars(key: str, drawn: list[bars.Bar], title: str, t: Say) -> Any:
    said = "; ".join(f"{bar.label}: {bar.text}" for bar in drawn)
    return bars.level_bars(key, drawn, bars.Words(title, said, t("hidden", "隐藏")))
