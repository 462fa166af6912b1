"""The Secretary of HHS is told: of 500 persons or more within 60 days of discovery; of fewer, within 60 days after the
end of the calendar year in which it was discovered. 45 CFR 164.408 [M].

As long as nobody has counted, the earlier of the two clocks runs.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import breached
from huizhen.model.incident import Breached, by_clock
from huizhen.model.rule import Answer, Case, Rule


def decide(facts: Breached) -> Answer | None:
    if facts.jurisdiction != "US":
        return None
    if facts.spared and facts.authority_utc is None:
        return Answer("allow", Text("Noted: no breach of unsecured data, or a low probability of compromise.",
                                    "已记录：不属未加密信息泄露，或受损概率低。"))  # fmt: skip
    return Answer(*by_clock(facts.clock("authority-told"), facts.now_utc))


_US = {"jurisdiction": "US"}
_LATER = {**_US, "now_utc": "2027-02-10T09:00:00.000000Z"}
RULE = Rule("US05", "45 CFR 164.408", "2009-09-23", decide, about="breach")
CASES = (
    Case("a region in China", breached(), None),
    Case("500 persons, told within the month",
         breached(**_US, people=500, authority_utc="2026-12-20T09:00:00.000000Z"), "allow"),
    Case("a low probability of compromise", breached(**_US, spared=True), "allow"),
    Case("499 persons, in February of the next year", breached(**_LATER, people=499), "needs"),
    Case("500 persons, in February of the next year", breached(**_LATER, people=500), "deny"),
    Case("nobody has counted until February", breached(**_LATER), "deny"),
    Case("499 persons, in March of the next year",
         breached(**{**_LATER, "now_utc": "2027-03-02T09:00:00.000000Z"}, people=499), "deny"),
)  # fmt: skip
