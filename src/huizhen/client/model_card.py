"""The card of a model as one HTML page that opens without a network: what it may be used for, how good it is, drift."""

from __future__ import annotations

from typing import Any

from huizhen.client import drift, number
from huizhen.client.block import Block, Cell, Fact, Figure, Head, Part, Sentence, Table
from huizhen.client.figures import bars
from huizhen.client.figures.bars import Bar
from huizhen.client.licence import NOTHING_SAID
from huizhen.client.paper import Paper, Section, html
from huizhen.client.reading import row_head
from huizhen.client.words import LABELS, OUTCOME, PAGE
from huizhen.kit.text import Language, Text

WITHHELD = Text("withheld by the hospital", "医院未公开")
Card = dict[str, Any]


def render(card: Card, language: Language) -> str:
    """The page of a card (`registry.card`). Self-contained: no script, nothing from elsewhere; all text is escaped."""
    return html(page(card, language))


def page(card: Card, language: Language) -> Paper:
    """What the template shows, in words of one language."""
    words = _Words(language)
    sections = [
        Section("licence", words.say("What it may be used for", "可用于什么"), words.licence(card["licence"])),
        Section(
            "metrics", words.say("How good it was where it was fitted", "在拟合数据上的效果"), (words.metrics(card),)
        ),
        Section("guard", words.say("What the guard found", "出口检查的结论"), (words.guard(card),)),
    ]
    if card["evaluations"]:
        blocks = words.evaluations(card["evaluations"])
        sections.append(Section("evaluations", words.say("How good it is elsewhere", "在其他数据上的效果"), blocks))
    return Paper(
        language, card["title"], words.say("Card of a model", "模型卡"), words.lead(card), words.lineage(card),
        tuple(sections),
    )  # fmt: skip


class _Words:
    def __init__(self, language: Language) -> None:
        self.language = language

    def say(self, en: str, zh: str) -> str:
        return Text(en, zh).say(self.language)

    def name(self, key: str) -> str:
        return LABELS[key].say(self.language) if key in LABELS else key

    def dotted(self, key: str) -> str:
        return " · ".join(self.name(part) for part in key.split("."))

    def figure(self, value: Any) -> Cell:
        if value is None:
            return Cell((Part(PAGE["hidden"].say(self.language)),), "hidden")
        return Cell((Part(number.short(value), number.exact(value)),), "number")

    def lead(self, card: Card) -> str:
        lineage = card["lineage"]
        count, rows = len(lineage["hospitals"]), number.short(lineage["rows"]) if lineage["rows"] is not None else "–"
        return self.say(
            f"Fitted by {card['method']['name']} for {card['asker']} to {rows} records of the dataset "
            f"“{lineage['dataset']}” at {count} hospitals, none of which left its hospital.",
            f"由 {card['asker']} 申请，以 {card['method']['name']} 方法在数据集“{lineage['dataset']}”上、"
            f"{count} 家医院的 {rows} 条记录拟合；没有一条记录离开医院。",
        )

    def fact(self, en: str, zh: str, text: str) -> Fact:
        return Fact(self.say(en, zh), Cell((Part(text),)), None)

    def lineage(self, card: Card) -> tuple[Fact, ...]:
        lineage, evidence = card["lineage"], card["evidence"]
        return (
            self.fact("model", "模型", card["study"]),
            self.fact("hospitals", "医院", ", ".join(lineage["hospitals"])),
            self.fact("cohort", "队列", lineage["cohort"] or self.say("all", "全部")),
            self.fact("columns", "列", ", ".join(c["name"] for c in lineage["columns"])),
            self.fact("released (UTC)", "发布时间（UTC）", (lineage["released_utc"] or "")[:16].replace("T", " ")),
            self.fact("code", "代码", card["method"]["code"]),
            self.fact("release in the ledger", "账本中的发布", evidence["release"] or ""),
        )

    def licence(self, licence: dict[str, Any]) -> tuple[Block, ...]:
        stated = licence["stated"] or NOTHING_SAID.say(self.language)
        rows = tuple((row_head(r[self.language], r["code"]),) for r in licence["restrictions"])
        caption = self.say("It is bound by", "须遵守")
        heads = (Head(self.say("restriction", "限制"), number=False),)
        return (Sentence(self.say(f"Licence: {stated}.", f"许可：{stated}。")), Table(caption, heads, rows))

    def metrics(self, card: Card) -> Table:
        rows = tuple((row_head(self.dotted(k), k), self.figure(v)) for k, v in card["metrics"].items())
        heads = (Head(self.say("metric", "指标"), number=False), Head(self.name("value")))
        return Table(self.say("As its result says", "结果所载"), heads, rows)

    def guard(self, card: Card) -> Table:
        rows = tuple(
            (
                row_head(c["check"]),
                Cell((Part(OUTCOME[c["outcome"]].say(self.language)),)),
                Cell((Part(c[self.language]),)),
            )
            for c in card["guard"]
        )
        heads = [
            Head(self.say(*pair), number=False) for pair in (("check", "检查"), ("outcome", "结论"), ("why", "说明"))
        ]
        return Table(self.say("Every check", "各项检查"), tuple(heads), rows)

    def evaluations(self, found: list[dict[str, Any]]) -> tuple[Block, ...]:
        keys = list(dict.fromkeys(k for e in found for k in e["metrics"] if k != "calibration"))
        heads = [Head(self.say("evaluation", "评估"), number=False), Head(self.say("dataset", "数据集"), number=False)]
        rows = []
        for e in found:
            cells = [self.figure(e["metrics"][k]) if k in e["metrics"] else Cell((Part(""),)) for k in keys]
            rows.append((row_head(e["title"], e["study"]), Cell((Part(e["dataset"]),)), *cells))
        caption = self.say("Evaluations that followed, oldest first", "其后的评估（由早到晚）")
        blocks: list[Block] = [Table(caption, (*heads, *(Head(self.name(k), k) for k in keys)), tuple(rows))]
        blocks += [self.hospitals(found[-1])] if found[-1]["hospitals"] else []
        moved = [e for e in found if e["drift"] is not None]
        return (*blocks, *([self.drift(moved[-1])] if moved else []))

    def hospitals(self, found: dict[str, Any]) -> Table:
        keys = list(dict.fromkeys(k for own in found["hospitals"].values() if own for k in own))
        empty = Cell((Part(""),))
        rows = []
        for name, own in found["hospitals"].items():
            first = Cell((Part(WITHHELD.say(self.language)),), "hidden") if own is None else empty
            figures = [empty if own is None or k not in own else self.figure(own[k]) for k in keys]
            rows.append((row_head(name), first, *figures))
        first_heads = (Head(self.say("hospital", "医院"), number=False), Head("", number=False))
        heads = (*first_heads, *(Head(self.name(k), k) for k in keys))
        caption = self.say(
            f"At each hospital alone, to two digits ({found['title']})",
            f"各医院单独的数值，两位有效数字（{found['title']}）",
        )
        return Table(caption, heads, tuple(rows))

    def drift(self, found: dict[str, Any]) -> Figure:
        hidden, score = PAGE["hidden"].say(self.language), self.say("score of the model", "模型评分")
        drawn = []
        for name, part in drift.lines(found["drift"]):
            word = drift.WORDS[drift.grade(part)].say(self.language)
            text = hidden if part["psi"] is None else f"{number.short(part['psi'], 2)} · {word}"
            drawn.append(Bar(name or score, part["psi"], text))
        title = self.say(f"Drift since {found['drift']['reference']}", f"自 {found['drift']['reference']} 以来的漂移")
        said = self.say("; ", "；").join(f"{bar.label}: {bar.text}" for bar in drawn)
        caption = self.say(
            f"Population stability index: below {drift.LITTLE:g} little, from {drift.MUCH:g} on much (Siddiqi 2006).",
            f"群体稳定性指数（PSI）：低于 {drift.LITTLE:g} 为很小，{drift.MUCH:g} 起为很大（Siddiqi 2006）。",
        )
        return Figure(title, bars.level_bars("drift", drawn, bars.Words(title, said, hidden)), caption)
