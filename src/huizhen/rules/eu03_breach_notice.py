"""The supervisory authority is told within 72 hours of knowing, unless a risk is unlikely. GDPR Art 33 [S].

No risk is taken for unlikely here: health data. A later notice has to give the reasons for the delay (33(1)).
"""

from huizhen.model.casebook import breached
from huizhen.model.incident import Breached, by_clock
from huizhen.model.place import in_eu
from huizhen.model.rule import Answer, Case, Rule


def decide(facts: Breached) -> Answer | None:
    if not in_eu(facts.jurisdiction):
        return None
    return Answer(*by_clock(facts.clock("authority-told"), facts.now_utc))


RULE = Rule("EU03", "GDPR 33", "2018-05-25", decide, about="breach")
CASES = (
    Case("a region in China", breached(), None),
    Case("told on the third day", breached(jurisdiction="DE", authority_utc="2026-11-30T20:00:00.000000Z"), "allow"),
    Case("73 hours, and not told", breached(jurisdiction="DE", now_utc="2026-12-01T09:00:00.000000Z"), "deny"),
    Case("a day, and not told yet", breached(jurisdiction="DE", now_utc="2026-11-29T09:00:00.000000Z"), "needs"),
)
