"""Individuals are told without unreasonable delay, within 60 days of discovery. 45 CFR 164.404 [M].

Not where the data were unreadable to who has them (secured, 164.402) or a documented risk assessment finds a low
probability that they were compromised (164.402(2)): `persons-spared` notes which. Notice later than 60 days stays late.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import breached
from huizhen.model.incident import Breached, by_clock
from huizhen.model.rule import Answer, Case, Rule


def decide(facts: Breached) -> Answer | None:
    if facts.jurisdiction != "US":
        return None
    if facts.spared and facts.persons_utc is None:
        return Answer("allow", Text("Noted: no breach of unsecured data, or a low probability of compromise.",
                                    "已记录：不属未加密信息泄露，或受损概率低。"))  # fmt: skip
    return Answer(*by_clock(facts.clock("persons-told"), facts.now_utc))


RULE = Rule("US03", "45 CFR 164.404", "2009-09-23", decide, about="breach")
CASES = (
    Case("a region in China", breached(), None),
    Case("letters after a month", breached(jurisdiction="US", persons_utc="2026-12-28T09:00:00.000000Z"), "allow"),
    Case("a low probability of compromise", breached(jurisdiction="US", spared=True), "allow"),
    Case("61 days, and nobody was told", breached(jurisdiction="US", now_utc="2027-01-28T09:00:00.000000Z"), "deny"),
    Case("a week, and not told yet", breached(jurisdiction="US", now_utc="2026-12-05T09:00:00.000000Z"), "needs"),
)
