"""Whether the law is kept is audited regularly. PIPL Art 54 [V]; audit measures 2025 [M].

The measures ask it every two years of who handles ten million persons; here it is asked of everybody.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import on_file, upkeep
from huizhen.model.rule import Answer, Case, Rule, unknown
from huizhen.model.upkeep import Upkeep

TWO_YEARS = 731


def decide(facts: Upkeep) -> Answer | None:
    if facts.jurisdiction != "CN":
        return None
    act = facts.last("compliance-audit")
    if act is not None and act.outcome == "refused":
        return Answer("deny", Text("The last audit was not passed.", "最近一次合规审计未通过。"))
    if not facts.holds(act, TWO_YEARS):
        return unknown("No audit of the last two years is on file.", "近两年内无合规审计。")
    return Answer("allow", Text("Audited within two years.", "两年内已完成合规审计。"))


_HUB = {"party": "hub"}
RULE = Rule("CN26", "PIPL 54", "2021-11-01", decide, about="upkeep")
CASES = (
    Case("a region in Germany", upkeep(jurisdiction="DE"), None),
    Case("audited this year", upkeep(on_file("compliance-audit", **_HUB)), "allow"),
    Case("not passed", upkeep(on_file("compliance-audit", "refused", **_HUB)), "deny"),
    Case("audited three years ago", upkeep(on_file("compliance-audit", **_HUB, from_day="2023-11-01")), "needs"),
    Case("never audited", upkeep(), "needs"),
)
