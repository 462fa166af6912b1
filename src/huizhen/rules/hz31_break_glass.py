"""A record is opened in an emergency by a role that may, with a reason, for a limited time; another role reviews it.

PIPL Art 13(4) lets data be used where life or health is in danger [V]; Art 51 asks for authorisations and for measures
inside the organisation [V]. HL7 calls it break-the-glass (v3 PurposeOfUse BTG, ETREAT) [S]. Care is no purpose of a
study: what is opened here opens nothing there. Decision record 0030.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import opening
from huizhen.model.giving import Opening
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(asked: Opening) -> Answer:
    if asked.role not in asked.roles:
        named = ", ".join(sorted(asked.roles)), "、".join(sorted(asked.roles))
        return Answer(
            "deny", Text(f"By this hospital's policy it is for: {named[0]}.", f"本院规定可行者：{named[1]}。")
        )
    if asked.reviews is not None:
        staff, role = asked.reviews
        if asked.staff == staff or asked.role == role:
            return Answer("deny", Text("Somebody else, of another role, reviews it.", "须由另一人以另一角色复核。"))
        return Answer("allow", Text("Somebody else, of another role.", "由另一人以另一角色复核。"))
    if not (asked.reason or "").strip():
        return unknown("No reason is given.", "未说明原因。")
    if not 0 < asked.minutes <= asked.most_minutes:
        return Answer(
            "deny",
            Text(f"At most for {asked.most_minutes} minutes.", f"最长 {asked.most_minutes} 分钟。"),
        )
    return Answer("allow", Text("For care, with a reason, for a limited time.", "为诊疗所需，已说明原因并限时。"))


RULE = Rule("HZ31", "House rule: break-glass; PIPL 13(4), 51", "2026-11-28", decide, about="care")
CASES = (
    Case("a physician in an emergency", opening(), "allow"),
    Case("a clerk", opening(role="clerk"), "deny"),
    Case("for a week", opening(minutes=7 * 24 * 60), "deny"),
    Case("without a reason", opening(reason="  "), "needs"),
    Case("reviewed by the privacy officer", opening(staff="bo", role="officer", reviews=("ann", "physician")), "allow"),
    Case("reviewed by herself", opening(role="officer", reviews=("ann", "physician")), "deny"),
    Case("reviewed by another physician",
         opening(staff="bo", roles=frozenset({"physician"}), reviews=("ann", "physician")), "deny"),
)  # fmt: skip
