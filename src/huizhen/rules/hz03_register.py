"""Where a register of parties is kept, whoever asks is in it. House rule; decision record 0024.

Without it a foreign party would be domestic by asking under another name. A region that keeps no register is one whose
trustee knows its askers otherwise; there an asker counts as domestic, but for genetic data (CN23) and enclaves (CN04).
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import DOMESTIC, legally
from huizhen.model.rule import Answer, Case, Facts, Rule, unknown


def decide(facts: Facts) -> Answer | None:
    if not facts.legal.register_kept:
        return None
    if facts.party is None:
        return unknown("The asker is not in the register of parties.", "申请方不在登记册中。")
    if facts.party.name != facts.request.asker:
        return Answer("deny", Text("The registered party is not the asker.", "所登记的主体不是申请方。"))
    return Answer("allow", Text("The asker is registered.", "申请方已登记。"))


RULE = Rule("HZ03", "House rule: a register that is kept is complete", "2026-11-28", decide)
CASES = (
    Case("no register is kept", legally(), None),
    Case("registered", legally(DOMESTIC), "allow"),
    Case("registered as somebody else", legally(DOMESTIC.model_copy(update={"name": "other"})), "deny"),
    Case("not registered", legally(register_kept=True), "needs"),
)
