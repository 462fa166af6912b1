"""patient uses."""

from __future__ import annotations

from huizhen.cli.common import HomeOption, JsonFlag, NodeOption, Region_
from huizhen.cli.consent import SubjectOption
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
    """Every use of this person's data: purpose, asker, date, fen earned.

    Example: `huizhen patient uses --node north --subject 1001 --region demo`
    """
    from huizhen.node import uses

    with own(node, region, home) as agent:
        found = uses.uses(agent, subject)
        if as_json:
            VOICE.json(found)
            return
        if not found:
            VOICE.say("This person's data have not been used.", "该患者的数据尚未被使用。")
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
