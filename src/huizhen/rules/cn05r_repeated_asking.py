"""Who has said no is not asked again and again. PIPL Art 16; Network Data Regulations Art 22 [V].

The law says "not frequently" and names no number of days: the hospital's policy does (`ask_again_days`). A refusal and
a withdrawal count alike. Who comes back of their own accord was not asked, and may say yes on any day.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import saying
from huizhen.model.giving import Giving
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(giving: Giving) -> Answer | None:
    if giving.act not in ("ask", "grant") or giving.refused_days is None:
        return None
    days, term = giving.refused_days, giving.ask_again_days
    if days >= term:
        return Answer("allow", Text(f"The last no is {days} days ago.", f"距上次拒绝已 {days} 天。"))
    said = f"{days} of {term} days", f"{days}/{term} 天"
    if giving.act == "ask":
        return Answer(
            "deny",
            Text(f"The person said no {said[0]} ago and is not asked again before these are over.",
                 f"本人已拒绝，未满再次询问期限（{said[1]}），不得再次征求同意。"),
        )  # fmt: skip
    if giving.unasked is None:
        return unknown(
            f"The person said no {said[0]} ago; it is not said whether they came back of their own accord.",
            f"本人此前已拒绝（{said[1]}）；未说明此次是否为本人主动提出。",
        )
    if not giving.unasked:
        return Answer("deny", Text("The person said no, and was asked again too soon.", "本人拒绝后被过早再次询问。"))
    return Answer("allow", Text("The person came back of their own accord.", "本人主动提出。"))


RULE = Rule("CN05R", "PIPL 16; NDR 22", "2025-01-01", decide, about="consent")
CASES = (
    Case("nobody said no before: the rule does not apply", saying("ask"), None),
    Case("the no is longer ago than the term", saying("ask", refused_days=200), "allow"),
    Case("asked again a week after the no", saying("ask", refused_days=7), "deny"),
    Case("came back of their own accord a week after the no", saying(refused_days=7, unasked=True), "allow"),
    Case("a yes a week after the no, after being asked", saying(refused_days=7, unasked=False), "deny"),
    Case("a yes a week after the no, and nobody says how it came about", saying(refused_days=7), "needs"),
    Case("a second no is always taken", saying("refuse", refused_days=7), None),
)
