"""patient uses, patient consents; and those of `claim`, `my_data`, `deletion` and `correction`."""

from __future__ import annotations

from typing import Any

from huizhen.cli import correction
from huizhen.cli.claim import claim
from huizhen.cli.common import HomeOption, JsonFlag, NodeOption, Region_
from huizhen.cli.consent import SubjectOption
from huizhen.cli.deletion import confirm, delete, deletions
from huizhen.cli.my_data import data, verify
from huizhen.cli.place import own
from huizhen.cli.program import Command, new_group
from huizhen.cli.show import STATUS
from huizhen.cli.table import Head
from huizhen.cli.voice import VOICE
from huizhen.kit.money import yuan
from huizhen.kit.text import Text
from huizhen.model.purpose import PURPOSES

app = new_group("What a person may see of their own data's use.")


@app.command("uses", cls=Command)
def uses_(
    node: NodeOption,
    subject: SubjectOption,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Every use of this person's data: purpose, asker, date, fen earned; and every time they were opened for care.

    Example: `huizhen patient uses --node north --subject 1001 --region demo`
    """
    from huizhen.node import uses

    with own(node, region, home) as agent:
        found, opened = uses.uses(agent, subject), uses.openings(agent, subject)
        if as_json:
            VOICE.json(sorted([*found, *opened], key=lambda x: x["date_utc"]))
            return
        if not found and not opened:
            VOICE.say("This person's data have not been used.", "该患者的数据尚未被使用。")
        if opened:
            show_openings(opened)
        if not found:
            return
        VOICE.table(
            Text("Uses of this person's data", "该患者数据的使用记录"),
            [
                Head(Text("date", "日期"), "id"),
                Head(Text("asker", "申请方")),
                Head(Text("purpose", "用途"), spare=True),
                Head(Text("question", "问题")),
                Head(Text("outcome", "结果"), "id"),
                Head(Text("earned (yuan)", "收益（元）"), "number"),
            ],
            [
                (
                    x["date_utc"][:10],
                    x["asker"],
                    PURPOSES[x["purpose"]].label.say(VOICE.language),
                    x["title"],
                    STATUS.get(x["status"], Text(x["status"], x["status"])).say(VOICE.language),
                    yuan(x["fen"]),
                )
                for x in found
            ],
        )
        total = sum(x["fen"] for x in found)
        VOICE.say(f"Earned in all: {yuan(total)} yuan.", f"累计收益：{yuan(total)} 元。")


def show_openings(opened: list[dict[str, Any]]) -> None:
    """Openings for care, as `node.uses.openings` tells them."""
    from huizhen.cli.care import VERDICTS

    waits = Text("to be reviewed", "待复核")
    VOICE.table(
        Text("Opened for care in an emergency", "因紧急诊疗被访问"),
        [
            Head(Text("from (UTC)", "自（UTC）"), "id"),
            Head(Text("until (UTC)", "至（UTC）"), "id"),
            Head(Text("role", "角色")),
            Head(Text("reason", "原因")),
            Head(Text("review", "复核")),
        ],
        [
            (x["date_utc"][:16], x["until_utc"][:16], x["role"], x["reason"],
             VERDICTS.get(x["review"], waits).say(VOICE.language))
            for x in opened
        ],
    )  # fmt: skip


@app.command("consents", cls=Command)
def consents_(
    node: NodeOption,
    subject: SubjectOption,
    region: Region_ = None,
    home: HomeOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Everything that this person, or somebody for them, ever said; what stands; and what they were shown.

    Example: `huizhen patient consents --node north --subject 1001 --region demo`
    """
    from huizhen.node import uses

    with own(node, region, home) as agent:
        found = uses.words(agent, subject)
    if as_json:
        VOICE.json(found)
        return
    VOICE.table(
        Text("What was said", "同意记录"),
        [
            Head(Text("date", "日期"), "id"),
            Head(Text("word", "表示")),
            Head(Text("purpose", "用途")),
            Head(Text("data", "数据")),
            Head(Text("narrowed to", "限定")),
            Head(Text("until", "至"), "id"),
            Head(Text("by", "由")),
            Head(Text("was shown", "展示文本"), "id"),
            Head(Text("stands", "有效")),
        ],
        [_said(x) for x in found],
    )
    if any(x["wording"] for x in found):
        VOICE.say(
            f"What was shown, word for word: `huizhen consent wording show DIGEST --node {node}`.",
            f"所展示文本全文见：`huizhen consent wording show 摘要 --node {node}`。",
        )


_ACTS = {
    "grant": Text("yes", "同意"),
    "refuse": Text("no", "拒绝"),
    "withdraw": Text("withdrawn", "撤回"),
}
_NARROWED = {
    "recipients": Text("to", "接收方"),
    "methods": Text("for", "方法"),
    "min_percent": Text("patients' part at least, %:", "患者分成不低于（%）："),
    "min_price_fen": Text("price at least, fen:", "价格不低于（分）："),
}


def _said(x: dict[str, Any]) -> tuple[str, ...]:
    from huizhen.model.consent import BY

    language = VOICE.language
    every = Text("all", "全部").say(language)
    terms = [f"{_NARROWED[k].say(language)} {_listed(v)}" for k, v in x["terms"].items() if v]
    act = _ACTS["grant" if x["permit"] else x["act"] if x["act"] in ("refuse", "withdraw") else "withdraw"]
    return (
        x["date_utc"][:10],
        act.say(language),
        x["purpose"],
        x["dataset"] or x["category"] or every,
        "; ".join(terms),
        _last_day(x["until_utc"]),
        BY[x["by"]].say(language),
        (x["wording"] or "")[:16],
        (Text("yes", "是") if x["stands"] else Text("no", "否")).say(language) if x["permit"] else "",
    )


def _last_day(until_utc: str | None) -> str:
    """The last day on which it holds, by the clock on the wall; the stamp is the first moment without."""
    from datetime import timedelta

    from huizhen.kit.clock import parse

    return "" if until_utc is None else (parse(until_utc) - timedelta(microseconds=1)).astimezone().date().isoformat()


def _listed(value: Any) -> str:
    from huizhen.model.consent import KIND_WORDS

    return ", ".join(KIND_WORDS[kind].say(VOICE.language) for kind in value) if isinstance(value, list) else str(value)


app.command("claim", cls=Command)(claim)
app.command("data", cls=Command)(data)
app.command("delete", cls=Command)(delete)
app.command("deletions", cls=Command)(deletions)
app.command("confirm-deletion", cls=Command)(confirm)
app.command("verify", cls=Command)(verify)
app.command("corrections", cls=Command)(correction.corrections)
app.command("decide-correction", cls=Command)(correction.decide)
app.command("confirm-correction", cls=Command)(correction.confirm)
