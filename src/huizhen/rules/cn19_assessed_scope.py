"""An approved export keeps within what was assessed. Network Data Security Regulations Art 37, 38 [V].

The same articles say that data nobody was notified of as important are not treated as such: hence the mark
`important-data` is a fact, and its absence is no missing one.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.party import Exported
from huizhen.model.rule import Answer, Case, Facts, Rule, unknown


def decide(facts: Facts) -> Answer | None:
    act = facts.act("security-assessment")
    if not facts.under_cn or not facts.abroad or act is None or facts.on_file("security-assessment") != "granted":
        return None
    if act.people is None or not act.purposes:
        return unknown("The scope of the security assessment, purposes and persons, is not on file.",
                       "未载明安全评估的范围（用途与人数）。")  # fmt: skip
    mine = facts.exported_to_asker
    if facts.request.purpose not in act.purposes or mine > act.people:
        return Answer(
            "deny",
            Text(f"Beyond the assessment, which covers {act.people:,} persons for {', '.join(act.purposes)}.",
                 f"超出安全评估范围（{act.people:,} 人；用途：{'、'.join(act.purposes)}）。"),
        )  # fmt: skip
    return Answer("allow", Text(f"Within the assessment: {mine:,} of {act.people:,} persons.",
                                f"在安全评估范围内：{mine:,}／{act.people:,} 人。"))  # fmt: skip


_ASSESSED = on_file("security-assessment", people=20_000, purposes=["HMB"])
_SENT = (Exported(recipient="acme-pharma", people=19_000),)
RULE = Rule("CN19", "NDR 37, 38", "2025-01-01", decide)
CASES = (
    Case("a domestic party", legally(DOMESTIC, _ASSESSED), None),
    Case("within the scope", legally(ABROAD, _ASSESSED, exported=_SENT, people=1_000), "allow"),
    Case("the study's own persons exceed it", legally(ABROAD, _ASSESSED, exported=_SENT, people=1_001), "deny"),
    Case("another purpose than assessed", legally(ABROAD, _ASSESSED, request={"purpose": "GRU"}), "deny"),
    Case("the scope is not on file", legally(ABROAD, on_file("security-assessment")), "needs"),
)
