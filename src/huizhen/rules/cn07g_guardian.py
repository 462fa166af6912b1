"""Who speaks for a child, and for an adult who cannot. PIPL Art 31 [V]; Civil Code Art 21, 22 [M].

Under 14 (the hospital's policy may set another age, `consent_age`; GDPR Art 8: 13 to 16) the guardian consents, on a
ground that is named; from that birthday on only the person does, and what the guardian said has lapsed. For an adult
who cannot decide the guardian speaks by the court's decision. A no of the person's own is always taken.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import saying
from huizhen.model.giving import Giving
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(giving: Giving) -> Answer | None:
    if giving.died is not None:
        return None
    if giving.by == "guardian":
        return _guardian(giving)
    if giving.by in ("person", "staff") and giving.act in ("ask", "grant"):
        if giving.child:
            return Answer(
                "deny",
                Text(f"The person is under {giving.consent_age}: the guardian consents.",
                     f"本人未满 {giving.consent_age} 周岁：须由监护人同意。"),
            )  # fmt: skip
        if giving.incapable is not None:
            return Answer("deny", Text("The guardian consents for this person.", "须由监护人代为同意。"))
    return None


def _guardian(giving: Giving) -> Answer:
    if giving.ground is None:
        return unknown("The ground of guardianship is not named.", "未载明监护依据。")
    if giving.incapable is not None:
        return Answer("allow", Text("The guardian speaks by a decision on file.", "监护人依据在案决定代为表示。"))
    if giving.child is None:
        return unknown("The person's date of birth is not known.", "未知本人出生日期。")
    if not giving.child:
        return Answer(
            "deny",
            Text(f"The person is {giving.consent_age} or older and decides alone.",
                 f"本人已满 {giving.consent_age} 周岁，由本人决定。"),
        )  # fmt: skip
    return Answer("allow", Text("The guardian speaks for the child.", "监护人代儿童表示。"))


_CHILD = "2015-03-02"
RULE = Rule("CN07G", "PIPL 31; Civil Code 21, 22", "2021-11-01", decide, about="consent")
CASES = (
    Case("a person of whom nobody says that they are a child: the rule does not apply", saying(), None),
    Case("a child's guardian, by custody", saying(by="guardian", ground="custody 2024-17", born=_CHILD), "allow"),
    Case("on the day before the fourteenth birthday",
         saying(by="guardian", ground="custody", born="2012-11-29"), "allow"),
    Case("on the fourteenth birthday", saying(by="guardian", ground="custody", born="2012-11-28"), "deny"),
    Case("a child alone", saying(born=_CHILD), "deny"),
    Case("a child says no", saying("withdraw", born=_CHILD), None),
    Case("a guardian of somebody whose age nobody knows", saying(by="guardian", ground="custody"), "needs"),
    Case("a guardian who names no ground", saying(by="guardian", born=_CHILD), "needs"),
    Case("an adult for whom a court named a guardian",
         saying(by="guardian", ground="court 2025-3", born="1950-01-01", incapable="court 2025-3"), "allow"),
    Case("that adult alone", saying(born="1950-01-01", incapable="court 2025-3"), "deny"),
)  # fmt: skip
