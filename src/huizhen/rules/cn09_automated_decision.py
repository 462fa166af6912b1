"""Who decides about persons by machine explains it and lets them refuse. PIPL Art 24 [V].

What an asker does with a result is not in the result: the mark `automated-decision` on the party says it.
"""

from huizhen.model.casebook import DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.on_file("automated-decision") == "missing":
        return None
    return by_act(facts, "refusal-route")


_MARK = on_file("automated-decision", until=None)
RULE = Rule("CN09", "PIPL 24", "2021-11-01", decide)
CASES = (
    Case("no such decisions", legally(DOMESTIC), None),
    Case("explained, and can be refused", legally(DOMESTIC, _MARK, on_file("refusal-route")), "allow"),
    Case("the way to refuse was found wanting", legally(DOMESTIC, _MARK, on_file("refusal-route", "refused")), "deny"),
    Case("no way to refuse is on file", legally(DOMESTIC, _MARK), "needs"),
)
