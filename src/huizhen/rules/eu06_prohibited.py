"""Some purposes are refused whoever consents: marketing, and worse terms of insurance, credit or work.

EHDS Regulation Art 54 [S]; PIPL Art 24 forbids unreasonable differential treatment [V].
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import but
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer | None:
    if facts.purpose is None:
        return Answer("needs", Text("The purpose is not known.", "用途未知。"))
    if facts.purpose.prohibited:
        return Answer(
            "deny",
            Text(
                f"{facts.purpose.label.en.capitalize()} is a prohibited use of health data; no consent can allow it.",
                f"健康数据禁止用于“{facts.purpose.label.zh}”；即使同意也不允许。",
            ),
        )
    return None


RULE = Rule("EU06", "EHDS 54; PIPL 24", "2025-03-26", decide)
CASES = (
    Case("biomedical research", but(), None),
    Case("marketing", but({"purpose": "HMARKT"}), "deny"),
    Case("terms of insurance", but({"purpose": "HCREDIT"}), "deny"),
    Case("no such purpose", but({"purpose": "FUN"}), "needs"),
)
