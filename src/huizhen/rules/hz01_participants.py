"""With two hospitals each learns the other's sum, so a sum needs three, or everybody's leave to go without.

House rule; the minimum of three parties is the textbook condition for a sum that tells a party nothing about one
other (Bonawitz et al. 2017, section 2).
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import but
from huizhen.model.rule import Answer, Case, Facts, Rule

FEWEST = 3


def decide(facts: Facts) -> Answer:
    n = facts.hospitals
    if n == 0:
        return Answer(
            "needs",
            Text(
                f"No hospital holds the dataset '{facts.request.dataset}'.",
                f"没有医院持有数据集“{facts.request.dataset}”。",
            ),
        )
    if not facts.request.protection.secure_sum:
        if facts.plain_allowed:
            return Answer("allow", Text("Every hospital allows plain sums.", "所有医院均允许明文求和。"))
        return Answer(
            "deny",
            Text(
                "secure_sum is false, but not every hospital's policy allows plain sums (allow_plain).",
                "secure_sum 为 false，但并非所有医院的策略都允许明文求和（allow_plain）。",
            ),
        )
    if n < FEWEST:
        return Answer(
            "deny",
            Text(
                f"{n} hospital(s) take part; a secure sum needs {FEWEST}: with two, each learns the other's figures.",
                f"仅有 {n} 家医院参与；安全求和至少需要 {FEWEST} 家，否则两家可互相推知对方数据。",
            ),
        )
    return Answer("allow", Text(f"{n} hospitals take part in a secure sum.", f"{n} 家医院参与安全求和。"))


_PLAIN = {"protection": {"secure_sum": False}}
RULE = Rule("HZ01", "House rule: three parties to a sum", "2026-11-22", decide)
CASES = (
    Case("three hospitals", but(), "allow"),
    Case("two hospitals", but(participants=("north", "south")), "deny"),
    Case(
        "two hospitals that allow plain sums", but(_PLAIN, participants=("north", "south"), plain_allowed=True), "allow"
    ),
    Case("plain sums against a hospital's policy", but(_PLAIN), "deny"),
    Case("nobody holds the data", but(participants=()), "needs"),
)
