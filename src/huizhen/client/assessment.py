"""An impact assessment as a paper: what the law asks it to say, in the words of one language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from huizhen.client.block import Block, Fact, Prose, Sentence
from huizhen.client.paper import Paper, Section, fact, grid
from huizhen.client.words import VERDICT
from huizhen.kit.money import yuan
from huizhen.kit.text import Language, Text
from huizhen.model.assessment import DEGREES, Assessment
from huizhen.model.place import in_eu
from huizhen.model.purpose import PURPOSES

Say = Callable[[str, str], str]
OUTCOMES = {"granted": Text("it may go ahead", "可以实施"), "refused": Text("it should not go ahead", "不予支持")}


def paper(made: Assessment, language: Language) -> Paper:
    """The whole of it, with its digest: what the ledger holds, and what anyone can hold the paper against."""

    def say(en: str, zh: str) -> str:
        return Text(en, zh).say(language)

    kind = (
        Text("data-protection impact assessment (GDPR 35)", "数据保护影响评估（GDPR 第 35 条）")
        if in_eu(made.jurisdiction)
        else Text("personal-information protection impact assessment (PIPL 55, 56)",
                  "个人信息保护影响评估（个人信息保护法第 55、56 条）")
    )  # fmt: skip
    return Paper(
        language, made.request.title, kind.say(language), _lead(made, say), _facts(made, say),
        (
            _section("why", say("Why it is asked for", "评估事由"), made.triggers, language),
            Section("purpose", say("Purpose and necessity", "目的与必要性"), _purpose(made, say, language)),
            Section("data", say("Data", "数据"), _data(made, say)),
            Section("risks", say("Risks to the persons, and the measures in force", "对个人的风险与已采取的措施"),
                    _risks(made, say, language)),
            Section("rules", say("Rules applied", "适用规则"), _rules(made, say, language)),
            Section("conclusion", say("Conclusion", "结论"), _conclusion(made, say)),
            Section("record", say("How it is kept", "留存"), _record(made, say)),
        ),
    )  # fmt: skip


def _section(key: str, heading: str, words: Sequence[object], language: Language) -> Section:
    return Section(key, heading, tuple(Prose(w.text.say(language)) for w in words))  # type: ignore[attr-defined]


def _lead(made: Assessment, say: Say) -> str:
    level = DEGREES[made.residual]
    return say(
        f"{made.request.asker} asks about the dataset “{made.request.dataset}” at {len(made.holders)} hospitals. The "
        f"highest risk that is left with the measures in force is {level.en}.",
        f"{made.request.asker} 就 {len(made.holders)} 家医院的数据集“{made.request.dataset}”提出申请。"
        f"采取现有措施后，最高剩余风险为{level.zh}。",
    )


def _facts(made: Assessment, say: Say) -> tuple[Fact, ...]:
    return (
        fact(say("made on", "评估日期"), made.day),
        fact(say("region", "区域"), made.region),
        fact(say("law", "适用法域"), made.jurisdiction),
        fact(
            say("written by", "编制"),
            say("the system, from the facts that its rules decide by", "系统依规则所据事实生成"),
        ),
    )


def _purpose(made: Assessment, say: Say, language: Language) -> tuple[Block, ...]:
    request, party = made.request, made.party
    purpose = PURPOSES.get(request.purpose)
    label = request.purpose if purpose is None else f"{purpose.label.say(language)} ({request.purpose})"
    unknown = say("not in the register", "未登记")
    facts = (
        (say("purpose", "用途"), label),
        (say("asker", "申请方"), request.asker),
        (say("kind of asker", "申请方类别"), party.kind if party else unknown),
        (say("where it is", "所在法域"), (party.jurisdiction if party else None) or unknown),
        (say("contact for rights", "权利行使联系方式"), (party.contact if party else None) or unknown),
        (say("method", "方法"), request.method),
        (say("way out", "发布方式"), request.release or say("to the asker, guarded", "经出口检查后交申请方")),
        (say("price", "价格"), say(f"{yuan(request.price_fen)} yuan", f"{yuan(request.price_fen)} 元")),
    )
    heads = (say("what", "项目"), say("in this study", "本研究"))
    return (
        grid(say("What is asked", "申请内容"), heads, facts),
        *(Prose(w.text.say(language)) for w in made.necessity),
    )


def _data(made: Assessment, say: Say) -> tuple[Block, ...]:
    yes, no = say("yes", "是"), say("no", "否")
    columns = tuple((c.label or c.name, c.name, str(c.grade), yes if c.sensitive else no) for c in made.columns)
    total = say(
        f"{made.subjects:,} persons with {made.rows:,} records at {len(made.holders)} hospitals ({made.category}), "
        "each hospital's persons counted apart, before any consent or cohort.",
        f"{len(made.holders)} 家医院共 {made.subjects:,} 人、{made.rows:,} 条记录（{made.category}）；"
        "各院分别计数，未扣除同意范围与队列之外者。",
    )
    heads = (
        say("column", "列"),
        say("name", "名称"),
        say("grade (1 to 5)", "级别（1 至 5）"),
        say("sensitive", "敏感"),
    )
    none = (Prose(say("No column is read: rows are counted.", "不读取任何列，只计行数。")),)
    read: tuple[Block, ...] = (grid(say("Columns read", "读取的列"), heads, columns),) if columns else none
    return (Sentence(total), *read)


def _risks(made: Assessment, say: Say, language: Language) -> tuple[Block, ...]:
    named = {m.key: m.what.text.say(language) for m in made.measures}

    def degree(value: int) -> str:
        return DEGREES[value].say(language)

    rows = tuple(
        (r.what.text.say(language), degree(r.harm), degree(r.chance), degree(r.before), degree(r.left), degree(r.after))
        for r in made.risks
    )
    heads = (
        say("risk", "风险"), say("harm", "影响"), say("likelihood", "可能性"), say("level", "等级"),
        say("likelihood left", "剩余可能性"), say("level left", "剩余等级"),
    )  # fmt: skip
    against = tuple(
        (
            r.what.text.say(language),
            " ".join(named[k] for k in r.measures) or say("none", "无"),
            " ".join(named[k] for k in r.missing) or say("none", "无"),
        )
        for r in made.risks
    )
    note = say(
        "Harm by likelihood, four degrees each (after GB/T 39335, from memory); each measure in force takes one degree "
        "off the likelihood. A coarse scale: it orders risks, and proves nothing.",
        "影响与可能性各分四级（参照 GB/T 39335，凭记忆）；每项已采取的措施降低一级可能性。"
        "该尺度较粗，仅用于排序，不构成证明。",
    )
    measured = (say("risk", "风险"), say("measures in force", "已采取"), say("not in force", "未采取"))
    return (
        grid(say("Risks", "风险"), heads, rows, (note,)),
        grid(say("Measures", "措施"), measured, against),
    )


def _rules(made: Assessment, say: Say, language: Language) -> tuple[Block, ...]:
    rows = tuple((r.rule, VERDICT[r.verdict].say(language), r.say(language), r.source) for r in made.reasons)
    heads = (say("rule", "规则"), say("verdict", "结论"), say("reason", "理由"), say("source", "依据"))
    note = say(
        "As the rules answered when this was written, without it. They are the authors' reading of the law; counsel "
        "has to confirm them.",
        "为编制时各规则的结论，未计入本评估。规则为作者对法律的理解，须经律师确认。",
    )
    return (grid(say("What each rule answers", "各规则结论"), heads, rows, (note,)),)


def _conclusion(made: Assessment, say: Say) -> tuple[Block, ...]:
    opinion = made.opinion
    if opinion is None:
        return (Sentence(say("A draft: nobody has concluded yet.", "草案：尚无结论。")),)
    outcome = OUTCOMES[opinion.outcome]
    until = opinion.until_day
    holds = Text(f" It holds until {until}.", f"有效期至 {until}。") if until else Text("", "")
    return (
        Sentence(say(f"{opinion.by}: {outcome.en}.{holds.en}", f"{opinion.by}：{outcome.zh}。{holds.zh}")),
        Prose(opinion.note),
    )


def _record(made: Assessment, say: Say) -> tuple[Block, ...]:
    kept = say(
        f"To be kept until {made.keep_until} at least (PIPL 56: three years); the hub keeps it with its ledger for "
        "good.",
        f"至少留存至 {made.keep_until}（个人信息保护法第 56 条：三年）；中心将其随账本永久保存。",
    )
    if made.opinion is None:
        return (Prose(kept),)
    held = say(
        f"SHA-256 of its canonical JSON (RFC 8785): {made.digest()}. The ledger of {made.region} holds this digest in "
        "an entry act-filed.",
        f"规范 JSON（RFC 8785）的 SHA-256：{made.digest()}。{made.region} 的账本在 act-filed 条目中载有该摘要。",
    )
    return (Prose(kept), Prose(held))
