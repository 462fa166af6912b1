"""The media are told within 60 days where more than 500 residents of one state are affected. 45 CFR 164.406 [M].

Where the persons live is the hospitals' to know: of more than 500 in all, `media-spared` notes that no state has so
many of them. As long as nobody has counted it is not known.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import breached
from huizhen.model.incident import US_MANY, Breached, by_clock
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(facts: Breached) -> Answer | None:
    if facts.jurisdiction != "US":
        return None
    if facts.media_utc is None and (facts.media_spared or facts.spared):
        return Answer("allow", Text("Noted: the media need not be told.", "已记录：无须告知媒体。"))
    if facts.media_utc is None and facts.people is None:
        return unknown("How many persons are affected is not counted.", "受影响人数尚未统计。")
    if facts.media_utc is None and facts.people is not None and facts.people <= US_MANY:
        return Answer("allow", Text(f"{US_MANY} persons or fewer in all.", f"受影响总数不超过 {US_MANY} 人。"))
    return Answer(*by_clock(facts.clock("media-told"), facts.now_utc))


_US = {"jurisdiction": "US"}
RULE = Rule("US04", "45 CFR 164.406", "2009-09-23", decide, about="breach")
CASES = (
    Case("a region in China", breached(), None),
    Case("a practice with 80 patients", breached(**_US, people=80), "allow"),
    Case("600 persons, and the papers have it", breached(**_US, people=600, media_utc="2026-12-20T09:00:00.000000Z"),
         "allow"),
    Case("600 persons, from seven states", breached(**_US, people=600, media_spared=True), "allow"),
    Case("600 persons, 61 days", breached(**_US, people=600, now_utc="2027-01-28T09:00:00.000000Z"), "deny"),
    Case("600 persons, a week", breached(**_US, people=600, now_utc="2026-12-05T09:00:00.000000Z"), "needs"),
    Case("nobody has counted", breached(**_US), "needs"),
)  # fmt: skip
