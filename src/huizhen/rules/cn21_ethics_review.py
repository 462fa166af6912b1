"""Human genetic resources: ethics review first. HGR Regulation Art 9, 12 [V].

The written consent with unconditional exit is the person's, kept and looked up at the node (CN01).
"""

from huizhen.model.casebook import legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or not facts.genetic:
        return None
    return by_act(facts, "ethics-review")


_G = "human-genetic"
RULE = Rule("CN21", "HGR Regulation 9, 12", "2019-07-01", decide)
CASES = (
    Case("clinical data", legally(), None),
    Case("reviewed", legally(None, on_file("ethics-review"), category=_G), "allow"),
    Case("the committee said no", legally(None, on_file("ethics-review", "refused"), category=_G), "deny"),
    Case("not reviewed", legally(category=_G), "needs"),
    Case(
        "reviewed for another dataset", legally(None, on_file("ethics-review", dataset="heart"), category=_G), "needs"
    ),
)
