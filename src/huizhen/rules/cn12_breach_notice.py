"""A breach is remedied at once; authority and persons are told. PIPL Art 57; Network Data Regulations 11 [V].

The persons need not be told where harm was effectively avoided, unless the authority then orders it. What a notice has
to say is in its draft (`huizhen breach notices`): categories, cause, harm, remedy, what persons can do, contact.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import breached
from huizhen.model.incident import STEPS, Breached
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(facts: Breached) -> Answer | None:
    if facts.jurisdiction != "CN":
        return None
    if facts.ordered and facts.persons_utc is None:
        return Answer("deny", Text("The authority ordered that the persons be told, and they were not.",
                                   "主管部门已要求通知个人，尚未通知。"))  # fmt: skip
    missing = [
        STEPS[step]
        for step, done in (
            ("contained", facts.contained_utc is not None),
            ("authority-told", facts.authority_utc is not None),
            ("persons-told", facts.persons_utc is not None or facts.spared),
        )
        if not done
    ]
    if missing:
        return unknown(f"Not on record: {'; '.join(m.en for m in missing)}.",
                       f"尚无记录：{'；'.join(m.zh for m in missing)}。")  # fmt: skip
    told = STEPS["persons-told" if facts.persons_utc else "persons-spared"]
    return Answer("allow", Text(f"Remedied; authority told; {told.en}.", f"已补救并报告主管部门；{told.zh}。"))


_T = "2026-11-28T09:00:00.000000Z"
_DONE = {"contained_utc": _T, "authority_utc": _T}
RULE = Rule("CN12", "PIPL 57; NDR 11", "2021-11-01", decide, about="breach")
CASES = (
    Case("a region in Germany", breached(jurisdiction="DE"), None),
    Case("remedied, authority and persons told", breached(**_DONE, persons_utc=_T), "allow"),
    Case("harm was effectively avoided", breached(**_DONE, spared=True), "allow"),
    Case("harm was avoided, but the authority orders notice", breached(**_DONE, spared=True, ordered=True), "deny"),
    Case("ordered, and done", breached(**_DONE, spared=True, ordered=True, persons_utc=_T), "allow"),
    Case("the persons were not told", breached(**_DONE), "needs"),
    Case("the authority was not told", breached(contained_utc=_T, persons_utc=_T), "needs"),
    Case("it still goes on", breached(authority_utc=_T, persons_utc=_T), "needs"),
)
