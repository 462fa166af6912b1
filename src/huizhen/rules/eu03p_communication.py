"""The persons are told without undue delay where a high risk is likely. GDPR Art 34 [M].

No risk is taken for less than high here: health data. 34(3) spares it where the data cannot be read by who has them, or
what was done since makes the risk unlikely, or, by disproportionate effort, where the public is told instead; the
authority may order it all the same (34(4)). The article gives no hours, so none run here: until it is on record it is
asked for, and the breach is not closed.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import breached
from huizhen.model.incident import STEPS, Breached
from huizhen.model.place import in_eu
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(facts: Breached) -> Answer | None:
    if not in_eu(facts.jurisdiction):
        return None
    if facts.persons_utc is not None:
        return Answer("allow", _said("persons-told"))
    if facts.ordered:
        return Answer("deny", Text("The authority ordered that the persons be told, and they were not.",
                                   "监管机构已要求告知个人，尚未告知。"))  # fmt: skip
    if facts.spared:
        return Answer("allow", _said("persons-spared"))
    return unknown("The persons have to be told without undue delay.", "须不迟延地告知个人。")


def _said(step: str) -> Text:
    word = STEPS[step]
    return Text(f"On record: {word.en}.", f"已记录：{word.zh}。")


_T = "2026-11-28T09:00:00.000000Z"
RULE = Rule("EU03P", "GDPR 34", "2018-05-25", decide, about="breach")
CASES = (
    Case("a region in China", breached(), None),
    Case("letters were sent", breached(jurisdiction="DE", persons_utc=_T), "allow"),
    Case("the disk was encrypted", breached(jurisdiction="DE", spared=True), "allow"),
    Case("encrypted, but the authority orders it", breached(jurisdiction="DE", spared=True, ordered=True), "deny"),
    Case("ordered, and done", breached(jurisdiction="DE", ordered=True, persons_utc=_T), "allow"),
    Case("nobody has told them", breached(jurisdiction="DE"), "needs"),
)
