"""What became of one person's data as a page for a telephone: one file, no script, no network, English or Chinese."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from huizhen import methods
from huizhen.client.paper import template
from huizhen.client.words import STATUS
from huizhen.kit.errors import HuizhenError
from huizhen.kit.money import yuan
from huizhen.kit.text import Language, Text
from huizhen.ledger.my_data import PARTS, MyData, StudyUse
from huizhen.model import correction
from huizhen.model.deletion import KEPT, STATES
from huizhen.model.purpose import PURPOSES

READ = ("used", "begun")
"""Parts of a study in which the person's rows were read."""
WHY: dict[str, Text] = {
    "recipients": Text("you did not allow this kind of recipient", "您未允许此类接收方"),
    "methods": Text("you did not allow this kind of method", "您未允许此类方法"),
    "min_percent": Text("too little of the price goes to patients", "患者所得比例低于您的要求"),
    "min_price_fen": Text("the price is below the one you set", "价格低于您的要求"),
}
"""Terms of a yes that a study does not meet, as the person reads them."""
VERDICTS = {"proper": Text("found proper", "认定为正当"), "misuse": Text("found to be misuse", "认定为滥用")}
_NO_YES = Text("you have not said yes to this purpose", "您未同意该用途")
_PAGE = {
    "title": Text("My data", "我的数据"),
    "read": Text("What my data were used for", "我的数据用于"),
    "refused": Text("Refused on my behalf", "代我拒绝的"),
    "rest": Text("Asked, and not about me", "与我无关的申请"),
    "care": Text("Opened for care in an emergency", "因紧急诊疗被访问"),
    "deleted": Text("Deleted", "已删除"),
    "corrected": Text("Corrections I asked for", "我提出的更正"),
    "column": Text("column", "列"),
    "wrong": Text("what is wrong", "错误内容"),
    "answer": Text("answer", "答复"),
    "given": Text("rows were given to", "数据行曾提供给"),
    "rows": Text("rows", "行数"),
    "kept": Text("kept", "仍保留"),
    "none": Text("Nothing.", "无。"),
    "who": Text("who", "申请方"),
    "why": Text("what for", "用途"),
    "how": Text("how", "方法"),
    "came": Text("what came out", "结果"),
    "earned": Text("earned", "收益"),
    "reason": Text("reason", "原因"),
    "review": Text("review", "复核"),
    "proof": Text("in the ledger", "账本序号"),
    "check": Text(
        "This page says what the hospital says. With the file beside it anyone can check each line against the public "
        "ledger without the hospital: huizhen patient verify FILE --keys KEYS --ledger ADDRESS",
        "本页为医院所述。凭随附文件，任何人无需医院即可对照公开账本逐项核验："
        "huizhen patient verify 文件 --keys 公钥文件 --ledger 地址",
    ),
}
_DATA = Text("dataset", "数据集")


@dataclass(frozen=True)
class Card:
    """One study or opening: a heading, a mark, and what there is to say of it."""

    heading: str
    date: str
    mark: str
    style: str
    facts: tuple[tuple[str, str], ...]
    study: str = ""


@dataclass(frozen=True)
class Page:
    """All that the template reads."""

    language: Language
    lead: str
    words: dict[str, str]
    read: tuple[Card, ...]
    refused: tuple[Card, ...]
    rest: tuple[Card, ...]
    care: tuple[Card, ...]
    deleted: tuple[Card, ...]
    corrected: tuple[Card, ...]


def render(data: MyData, language: Language) -> str:
    """The page as HTML. All text is escaped."""
    return template("my_data.html").render(page=page(data, language))


def page(data: MyData, language: Language) -> Page:
    """What the template shows, in words of one language."""
    newest = sorted(data.uses, key=lambda use: use.opened_utc, reverse=True)
    read = [use for use in newest if use.part in READ]
    lead = Text(
        f"At {data.node}, my data were read for {len(read)} studies and earned {yuan(data.fen)} yuan "
        f"(as of {data.made_utc[:16].replace('T', ' ')} UTC).",
        f"截至 {data.made_utc[:16].replace('T', ' ')}（UTC），我在 {data.node} 的数据被 {len(read)} 项研究读取，"
        f"累计收益 {yuan(data.fen)} 元。",
    )
    return Page(
        language=language,
        lead=lead.say(language),
        words={key: text.say(language) for key, text in _PAGE.items()},
        read=tuple(card(use, language) for use in read),
        refused=tuple(card(use, language) for use in newest if use.part in ("not-covered", "refused")),
        rest=tuple(card(use, language) for use in newest if use.part == "not-asked"),
        care=tuple(_care(data, language)),
        deleted=tuple(_deleted(data, language)),
        corrected=tuple(_corrected(data, language)),
    )


def why(use: StudyUse) -> Text:
    """Why nothing of this person was read; empty where something was."""
    if use.part == "refused":
        code = ", ".join(use.why)
        return Text(f"{PARTS['refused'].en} ({code})", f"{PARTS['refused'].zh}（{code}）")
    if use.part != "not-covered":
        return Text("", "")
    said = [WHY[name] for name in use.why if name in WHY] or [_NO_YES]
    return Text("; ".join(each.en for each in said), "；".join(each.zh for each in said))


def came_out(use: StudyUse) -> Text:
    """What came out of a study, as far as this person's data are in it."""
    status = STATUS.get(use.status, Text(use.status, use.status))
    if use.part == "begun":
        return Text(f"nothing with your data in it ({status.en})", f"结果中不含您的数据（{status.zh}）")
    if use.status != "released":
        return Text(f"nothing ({status.en})", f"无（{status.zh}）")
    return Text("sums over several hospitals; no record left", "多家医院的汇总结果；没有记录离开医院")


def how(use: StudyUse) -> Text:
    """What the method computes, in words; its name where it is not installed here."""
    try:
        summary = methods.find(use.method).summary
    except HuizhenError:
        return Text(use.method, use.method)
    return Text(f"{summary.en} ({use.method})", f"{summary.zh}（{use.method}）")


def card(use: StudyUse, language: Language) -> Card:
    """One study, as the person reads it."""
    purpose = PURPOSES.get(use.purpose)
    facts = [("who", Text(use.asker, use.asker)), ("why", purpose.label if purpose else Text(use.purpose, use.purpose))]
    data = Text(f"{how(use).en}; {_DATA.en} {use.dataset}", f"{how(use).zh}；{_DATA.zh} {use.dataset}")
    facts.append(("how", data))
    if use.part in READ:
        facts += [("came", came_out(use)), ("earned", Text(f"{yuan(use.fen)} yuan", f"{yuan(use.fen)} 元"))]
    elif use.part != "not-asked":
        facts.append(("reason", why(use)))
    numbers = ", ".join(str(each.entry) for each in use.entries)
    facts += [("proof", Text(numbers, numbers))] if numbers else []
    style = {"used": "", "begun": "needs", "not-covered": "off", "refused": "denied", "not-asked": "off"}[use.part]
    told = tuple((_PAGE[key].say(language), text.say(language)) for key, text in facts)
    return Card(use.title, use.opened_utc[:10], PARTS[use.part].say(language), style, told, use.id)


def _care(data: MyData, language: Language) -> Iterator[Card]:
    waits = Text("to be reviewed", "待复核")
    for each in data.care:
        found = waits if each.review is None else VERDICTS[each.review]
        told = ((_PAGE["who"].say(language), each.role), (_PAGE["reason"].say(language), each.reason))
        style = "needs" if each.review is None else "" if each.review == "proper" else "denied"
        until = f"{each.date_utc[:16].replace('T', ' ')} – {each.until_utc[11:16]} UTC"
        yield Card(f"#{each.number}", until, found.say(language), style, told)


def _deleted(data: MyData, language: Language) -> Iterator[Card]:
    for each in data.deleted:
        record = each.said()
        if record is None:
            continue
        kept = [f"{KEPT[k].what.say(language)} ({KEPT[k].why.say(language)})" for k in record.kept if k in KEPT]
        told = [(_PAGE["rows"], str(record.rows)), (_PAGE["kept"], "; ".join(kept))]
        told += [(_PAGE["reason"], record.duty)] if record.duty else []
        style = {"deleted": "", "stored": "off", "ordered": "needs"}[record.state]
        mark = STATES["deleted" if each.confirmed_utc else record.state].say(language)
        facts = tuple((name.say(language), text) for name, text in told)
        yield Card(record.dataset, record.at_utc[:10], mark, style, facts)


def _corrected(data: MyData, language: Language) -> Iterator[Card]:
    """Where each stands; the answer is the last one with reasons."""
    records = [record for each in data.corrected if (record := each.said()) is not None]
    for last in {r.number: r for r in records}.values():
        told = [("wrong", last.text), ("column", last.column), ("answer", last.why), ("given", ", ".join(last.told))]
        facts = tuple((_PAGE[key].say(language), text) for key, text in told if text)
        style = {"filed": "needs", "granted": "needs", "refused": "denied", "made": ""}[last.state]
        mark = correction.STATES[last.state].say(language)
        yield Card(f"{last.dataset} #{last.number}", last.at_utc[:10], mark, style, facts)
