"""A listed party is refused everywhere until its term ends. PIPL Art 42, HGR Regulation Art 43 [V]."""

from huizhen.kit.text import Text
from huizhen.model.casebook import but
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer | None:
    if facts.request.asker not in facts.blacklist:
        return None
    return Answer("deny", Text("The asker is on the blacklist.", "申请方在黑名单上。"))


RULE = Rule("CN30", "PIPL 42; HGR Regulation 43", "2021-11-01", decide)
CASES = (
    Case("nobody is listed", but(), None),
    Case("somebody else is listed", but(blacklist=frozenset({"shady-data"})), None),
    Case("the asker is listed", but(blacklist=frozenset({"acme-pharma"})), "deny"),
)
