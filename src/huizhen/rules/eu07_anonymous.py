"""Answers are anonymous; pseudonymised records only with reasons, and in a protected room. EHDS Art 66, 68 [S].

The opt-out of Art 71 is the person's and looked up at the node with the consents.
"""

from typing import Any

from huizhen.kit.text import Text
from huizhen.model.casebook import legally, on_file
from huizhen.model.dataset import Column
from huizhen.model.place import in_eu
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if not in_eu(facts.legal.jurisdiction):
        return None
    if any(c.identifier for c in facts.columns):
        return Answer("deny", Text("Identifiers are not given, even with reasons.", "无论理由如何均不提供标识符。"))
    if facts.request.release == "enclave":
        return by_act(facts, "pseudonym-justification")
    return Answer("allow", Text("Only anonymous statistics are given.", "仅提供匿名统计结果。"))


_ROOM: dict[str, Any] = {"request": {"release": "enclave"}, "jurisdiction": "DE"}
RULE = Rule("EU07", "EHDS 66, 68, 71", "2025-03-26", decide)
CASES = (
    Case("a region in China", legally(), None),
    Case("statistics", legally(jurisdiction="DE"), "allow"),
    Case("records, with reasons", legally(None, on_file("pseudonym-justification"), **_ROOM), "allow"),
    Case(
        "an identifier", legally(columns=(Column(name="id", type="text", identifier=True),), jurisdiction="DE"), "deny"
    ),
    Case("records, without reasons", legally(**_ROOM), "needs"),
)
