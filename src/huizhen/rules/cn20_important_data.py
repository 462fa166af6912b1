"""Important data take a risk assessment before they are provided. DSL Art 21; Network Data Regulations 28, 31, 33 [V].

The yearly report is the trustee's duty and not decided here.
"""

from huizhen.model.casebook import legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or not facts.important:
        return None
    return by_act(facts, "risk-assessment")


_MARK = on_file("important-data", party=None, dataset="lung", until=None)
RULE = Rule("CN20", "DSL 21; NDR 28, 31, 33", "2025-01-01", decide)
CASES = (
    Case("nobody was notified that the data are important", legally(), None),
    Case("the risk was assessed", legally(None, _MARK, on_file("risk-assessment")), "allow"),
    Case("the risk is too high", legally(None, _MARK, on_file("risk-assessment", "refused")), "deny"),
    Case("the risk was not assessed", legally(None, _MARK), "needs"),
    Case("another dataset was notified", legally(None, on_file("important-data", party=None, dataset="heart")), None),
)
