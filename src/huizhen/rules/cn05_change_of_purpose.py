"""Another purpose than agreed needs a new agreement, and new consent. PIPL Art 14; Network Data Regulations Art 22 [V].

The consents themselves are by purpose and looked up at the node (CN01); this holds the asker to what was agreed.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, unknown


def decide(facts: Facts) -> Answer | None:
    agreed = facts.act("use-agreement")
    if not facts.under_cn or agreed is None:
        return None
    if facts.on_file("use-agreement") != "granted":
        return by_act(facts, "use-agreement")
    if not agreed.purposes:
        return unknown("The agreement of use on file names no purpose.", "已备使用协议未载明用途。")
    if facts.request.purpose not in agreed.purposes:
        named = ", ".join(agreed.purposes), "、".join(agreed.purposes)
        return Answer(
            "deny",
            Text(f"The agreement of use is for {named[0]}; another purpose needs a new one, and new consent.",
                 f"使用协议仅限 {named[1]}；变更用途须重新签订协议并重新取得同意。"),
        )  # fmt: skip
    return Answer("allow", Text("The purpose is the one agreed.", "用途与协议一致。"))


_AGREED = on_file("use-agreement", purposes=["HMB", "DS"])
RULE = Rule("CN05", "PIPL 14; NDR 22", "2021-11-01", decide)
CASES = (
    Case("nothing was agreed: consents decide alone", legally(), None),
    Case("the purpose agreed", legally(DOMESTIC, _AGREED), "allow"),
    Case("another purpose", legally(DOMESTIC, _AGREED, request={"purpose": "GRU"}), "deny"),
    Case("an agreement that names no purpose", legally(DOMESTIC, on_file("use-agreement")), "needs"),
    Case("the agreement has ended",
         legally(DOMESTIC, on_file("use-agreement", until="2026-06-30", purposes=["HMB"])), "needs"),
)  # fmt: skip
