"""Human genetic resources are not for sale; costs may be recovered. HGR Regulation Art 10 [V]."""

from huizhen.kit.text import Text
from huizhen.model.casebook import but
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer | None:
    if facts.category != "human-genetic":
        return None
    if facts.purpose is None:
        return Answer(
            "needs",
            Text("Whether the purpose is for profit is not known.", "无法判断该用途是否营利。"),
        )
    if facts.purpose.for_profit:
        return Answer(
            "deny",
            Text(
                "Human genetic resources may not be sold; ask with a purpose that settles at cost, such as HGR.",
                "禁止买卖人类遗传资源；请使用按成本结算的用途，例如 HGR。",
            ),
        )
    return Answer("allow", Text("Settles at cost only.", "仅按成本结算。"))


RULE = Rule("CN22", "HGR Regulation 10", "2019-07-01", decide)
CASES = (
    Case("clinical data: the rule does not apply", but(), None),
    Case("genetic data, at cost", but({"purpose": "HGR"}, category="human-genetic"), "allow"),
    Case("genetic data, for profit", but(category="human-genetic"), "deny"),
    Case("genetic data, purpose unknown", but({"purpose": "FUN"}, category="human-genetic"), "needs"),
)
