"""Providing, entrusting, publishing or exporting sensitive data takes an impact assessment first. PIPL Art 55, 56 [V].

Asked of each study that does one of these: release to the public or into an enclave, a processor, a recipient abroad.
That the trustee assesses its own routine, guarded statistics for domestic askers, once for all of them, is its duty
and not decided per study. The assessment is kept for three years at least.
"""

from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    entrusted = facts.party is not None and facts.party.kind == "processor"
    provided = facts.request.release in ("public", "enclave") or facts.abroad is not False
    if not facts.under_cn or not (entrusted or provided):
        return None
    return by_act(facts, "impact-assessment")


RULE = Rule("CN10", "PIPL 55, 56", "2021-11-01", decide)
CASES = (
    Case("statistics for a domestic party", legally(DOMESTIC), None),
    Case("export, assessed", legally(ABROAD, on_file("impact-assessment")), "allow"),
    Case("the assessment advised against it", legally(ABROAD, on_file("impact-assessment", "refused")), "deny"),
    Case("publication without assessment", legally(DOMESTIC, request={"release": "public"}), "needs"),
    Case("export under an assessment that has run out",
         legally(ABROAD, on_file("impact-assessment", until="2026-02-01")), "needs"),
)  # fmt: skip
