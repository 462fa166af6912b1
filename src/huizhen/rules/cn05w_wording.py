"""A yes holds for what the person was shown: another purpose or method needs a new consent. PIPL Art 14, 17 [V].

A yes that rests on a wording is for one of its purposes and within its terms, and the wording is the one shown today.
Earlier versions keep what was said under them, and no more. A yes on paper rests on its paper.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import WORDING, saying
from huizhen.model.consent import Terms
from huizhen.model.giving import Giving
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(giving: Giving) -> Answer | None:
    wording = giving.wording
    if giving.act not in ("ask", "grant") or (giving.act == "grant" and not giving.wording_named):
        return None
    if wording is None:
        return unknown("It is not known what the person is shown.", "未说明向本人展示的文本。")
    if giving.wording_newest != wording.version:
        return Answer(
            "deny",
            Text(f"Version {wording.version} of the wording is not the one that is shown today.",
                 f"文本第 {wording.version} 版不是当前展示的版本。"),
        )  # fmt: skip
    if giving.purpose not in wording.purposes:
        named = ", ".join(wording.purposes), "、".join(wording.purposes)
        return Answer(
            "deny",
            Text(f"The wording is for {named[0]}; another purpose needs another one.",
                 f"该文本仅用于 {named[1]}；变更用途须另行征得同意。"),
        )  # fmt: skip
    if giving.act == "grant" and not giving.terms_within:
        return Answer(
            "deny",
            Text("The yes is wider than what the wording says of recipients, methods or price.",
                 "同意的范围超出文本所述的接收方、方法或价格条件。"),
        )  # fmt: skip
    return Answer("allow", Text("It is for what the person was shown.", "与向本人展示的内容一致。"))


_ALL = WORDING.model_copy(update={"terms": Terms()})
RULE = Rule("CN05W", "PIPL 14, 17", "2021-11-01", decide, about="consent")
CASES = (
    Case("a yes on paper, without a wording: the rule does not apply", saying(), None),
    Case("what was shown", saying(wording=WORDING, terms=WORDING.terms), "allow"),
    Case("narrower than what was shown",
         saying(wording=WORDING, terms=Terms(recipients=("academic",), methods=("statistics",), min_percent=60)),
         "allow"),
    Case("another purpose than was shown", saying(wording=WORDING, terms=WORDING.terms, purpose="GRU"), "deny"),
    Case("another method than was shown",
         saying(wording=WORDING, terms=WORDING.terms.model_copy(update={"methods": ("model",)})), "deny"),
    Case("any method, where statistics were shown", saying(wording=WORDING), "deny"),
    Case("any method, where any was shown", saying(wording=_ALL), "allow"),
    Case("an old version", saying(wording=WORDING, terms=WORDING.terms, wording_newest=2), "deny"),
    Case("a version that nobody knows", saying(wording_named=True), "needs"),
    Case("asked without a wording", saying("ask"), "needs"),
)  # fmt: skip
