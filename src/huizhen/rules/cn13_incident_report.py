"""The authority is told of an incident within an hour by a critical operator, within four by others.
Incident-reporting measures, from 2025-11-01 [S].

The clock runs from when the holder came to know of it, and stops with the ledger's entry that says it was told. By the
measures it binds from a larger incident on (1 M persons); here it runs for every breach of health data, which is
stricter: nobody knows the number in the first hour. A report that was late is late for good, but no ground to keep a
breach open.
"""

from huizhen.model.casebook import breached
from huizhen.model.incident import Breached, by_clock
from huizhen.model.rule import Answer, Case, Rule


def decide(facts: Breached) -> Answer | None:
    if facts.jurisdiction != "CN":
        return None
    return Answer(*by_clock(facts.clock("authority-told"), facts.now_utc))


RULE = Rule("CN13", "Incident-reporting measures 2025", "2025-11-01", decide, about="breach")
CASES = (
    Case("a region in Germany", breached(jurisdiction="DE"), None),
    Case("told after three hours", breached(authority_utc="2026-11-28T11:00:00.000000Z"), "allow"),
    Case("told a day late, which stays on record", breached(authority_utc="2026-11-29T13:00:00.000000Z"), "allow"),
    Case("five hours, and not told", breached(now_utc="2026-11-28T13:00:00.000000Z"), "deny"),
    Case("a critical operator, two hours, and not told",
         breached(critical=True, now_utc="2026-11-28T10:00:00.000000Z"), "deny"),
    Case("two hours, and not told yet", breached(now_utc="2026-11-28T10:00:00.000000Z"), "needs"),
)  # fmt: skip
