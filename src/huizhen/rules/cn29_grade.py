"""The strictest grade (5: HIV, sexually transmitted and mental illness, ...) travels only under secure sums.

GB/T 39725 [S] grades health data from 1 (public) to 5; how each grade is protected is the house's decision.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import but
from huizhen.model.dataset import Column
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer | None:
    strictest = [c.name for c in facts.columns if c.grade == 5]
    if not strictest:
        return None
    if not facts.request.protection.secure_sum:
        return Answer(
            "deny",
            Text(
                f"Columns of grade 5 are summed under masks only ({', '.join(strictest)}): set secure_sum to true.",
                f"5 级数据（{'、'.join(strictest)}）只能在掩码下求和：请将 secure_sum 设为 true。",
            ),
        )
    return Answer("allow", Text("Columns of grade 5, under secure sums.", "5 级数据，使用安全求和。"))


_HIV = (Column(name="hiv", type="boolean", grade=5),)
RULE = Rule("CN29", "GB/T 39725", "2021-07-01", decide)
CASES = (
    Case("no such column: the rule does not apply", but(), None),
    Case("HIV status under secure sums", but(columns=_HIV), "allow"),
    Case("HIV status in the clear", but({"protection": {"secure_sum": False}}, columns=_HIV), "deny"),
)
