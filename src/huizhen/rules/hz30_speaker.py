"""Whose word it is: the person's own, written down by staff with paper or witness, or a family member's within limits.

PIPL Art 14 asks for a voluntary and explicit word of the person [V]; Civil Code Art 161 to 173 let an agent speak,
within what they were given, as long as it lasts [M]. The person's own later word wins. Decision record 0030.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import delegated, saying
from huizhen.model.giving import Giving
from huizhen.model.purpose import consents_that_permit
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(giving: Giving) -> Answer | None:
    if giving.by == "person":
        return Answer("allow", Text("The person's own word.", "本人意思表示。"))
    if giving.by == "staff":
        return _staff(giving)
    return _family(giving) if giving.by == "family" else None


def _staff(giving: Giving) -> Answer:
    if giving.witness is not None and giving.witness == giving.speaker:
        return Answer("deny", Text("Nobody is a witness to themself.", "代录人不得自任见证人。"))
    if giving.reference is None and giving.witness is None:
        return unknown("Neither a signed paper nor a witness is named.", "未载明签署文件编号或见证人。")
    return Answer("allow", Text("The person's own word, written down by staff.", "本人意思表示，由医院人员代录。"))


def _family(giving: Giving) -> Answer:
    found = giving.delegation
    if found is None:
        return unknown("The person has not named this family member.", "本人未授权该家属。")
    if found.revoked_utc is not None:
        return Answer("deny", Text("The person has revoked it.", "本人已撤销授权。"))
    if giving.today > found.until_day:
        return Answer("deny", Text("The time for which the person named them is over.", "授权期限已过。"))
    if not any(code in found.purposes for code in consents_that_permit(giving.purpose)):
        named = ", ".join(found.purposes), "、".join(found.purposes)
        return Answer("deny", Text(f"The person named them for {named[0]} only.", f"本人仅就 {named[1]} 授权。"))
    if giving.own_word_since:
        return Answer(
            "deny", Text("The person has spoken since, and that word holds.", "本人此后已表示意见，以其为准。")
        )
    return Answer("allow", Text("Within what the person named them for.", "在本人授权范围内。"))


RULE = Rule("HZ30", "House rule: whose word it is; PIPL 14", "2026-11-28", decide, about="consent")
CASES = (
    Case("the person", saying(), "allow"),
    Case("a guardian: other rules decide", saying(by="guardian"), None),
    Case("a nurse with a signed paper", saying(by="staff", speaker="nurse-7", reference="F-2026-114"), "allow"),
    Case("a nurse with a witness", saying(by="staff", speaker="nurse-7", witness="nurse-9"), "allow"),
    Case("a nurse who is her own witness", saying(by="staff", speaker="nurse-7", witness="nurse-7"), "deny"),
    Case("a nurse with neither", saying(by="staff", speaker="nurse-7"), "needs"),
    Case("a daughter within her limits", saying(by="family", delegation=delegated()), "allow"),
    Case("a daughter beyond her purposes", saying(by="family", delegation=delegated(), purpose="GRU"), "deny"),
    Case("a daughter after her time", saying(by="family", delegation=delegated(until_day="2026-01-01")), "deny"),
    Case("a daughter who was revoked",
         saying(by="family", delegation=delegated(revoked_utc="2026-11-01T00:00:00.000000Z")), "deny"),
    Case("the father has spoken since", saying(by="family", delegation=delegated(), own_word_since=True), "deny"),
    Case("somebody whom the person has not named", saying(by="family"), "needs"),
)  # fmt: skip
