"""A final report of an incident within 30 days. Incident-reporting measures, from 2025-11-01 [S].

The days are counted from when the incident was contained [M]: before that nobody can conclude anything.
"""

from huizhen.model.casebook import breached
from huizhen.model.incident import Breached, by_clock
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(facts: Breached) -> Answer | None:
    if facts.jurisdiction != "CN":
        return None
    if facts.contained_utc is None:
        return unknown("When it was contained is not on record; the final report is due 30 days later.",
                       "尚无控制时间的记录；总结报告须在其后 30 日内提交。")  # fmt: skip
    return Answer(*by_clock(facts.clock("reported"), facts.now_utc))


_CONTAINED = {"contained_utc": "2026-11-28T09:00:00.000000Z"}
RULE = Rule("CN13F", "Incident-reporting measures 2025", "2025-11-01", decide, about="breach")
CASES = (
    Case("a region in Germany", breached(jurisdiction="DE"), None),
    Case("handed in after three weeks",
         breached(**_CONTAINED, reported_utc="2026-12-19T09:00:00.000000Z"), "allow"),
    Case("31 days, and no report", breached(**_CONTAINED, now_utc="2026-12-29T10:00:00.000000Z"), "deny"),
    Case("a week, and no report yet", breached(**_CONTAINED, now_utc="2026-12-05T10:00:00.000000Z"), "needs"),
    Case("it still goes on", breached(), "needs"),
)  # fmt: skip
