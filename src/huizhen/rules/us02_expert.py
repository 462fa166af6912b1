"""Or an expert finds the risk very small, and it is documented. 45 CFR 164.514(b)(1) [S]."""

from typing import Any

from huizhen.model.casebook import legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, unknown


def decide(facts: Facts) -> Answer | None:
    act = facts.act("expert-determination")
    if facts.legal.jurisdiction != "US" or act is None:
        return None
    found = by_act(facts, "expert-determination")
    if found.verdict == "allow" and act.reference is None:
        return unknown("Where the expert's determination is documented is not on file.", "未载明专家判定的文档编号。")
    return found


_US: dict[str, Any] = {"jurisdiction": "US"}
RULE = Rule("US02", "45 CFR 164.514(b)(1)", "2003-04-14", decide)
CASES = (
    Case("no expert was asked: US01 decides", legally(**_US), None),
    Case("documented", legally(None, on_file("expert-determination", reference="ED-7"), **_US), "allow"),
    Case("the expert found too much risk", legally(None, on_file("expert-determination", "refused"), **_US), "deny"),
    Case("found, but documented nowhere", legally(None, on_file("expert-determination"), **_US), "needs"),
    Case("found long ago", legally(None, on_file("expert-determination", until="2026-01-31", reference="ED-6"), **_US),
         "needs"),
)  # fmt: skip
