"""Genetic information for a foreign party is screened, and reviewed where public health or security is at risk.

HGR Regulation Art 28; HGR Rules 2023 [S]. Clinical, imaging, protein and metabolic data are excluded, so only the
category human-genetic is asked. A screening that found risk is on file as refused; the review then decides.
"""

from typing import Any

from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or not facts.genetic or not facts.foreign:
        return None
    screened = by_act(facts, "hgr-screening")
    return by_act(facts, "hgr-security-review") if screened.verdict == "deny" else screened


_G: dict[str, Any] = {"category": "human-genetic"}
_RISK = on_file("hgr-screening", "refused")
RULE = Rule("CN24", "HGR Regulation 28; HGR Rules 2023", "2023-07-01", decide)
CASES = (
    Case("imaging data", legally(ABROAD, category="imaging"), None),
    Case("a domestic party", legally(DOMESTIC, **_G), None),
    Case("screened: no risk", legally(ABROAD, on_file("hgr-screening"), **_G), "allow"),
    Case("risk, and the review passed", legally(ABROAD, _RISK, on_file("hgr-security-review"), **_G), "allow"),
    Case(
        "risk, and the review failed", legally(ABROAD, _RISK, on_file("hgr-security-review", "refused"), **_G), "deny"
    ),
    Case("risk, and no review", legally(ABROAD, _RISK, **_G), "needs"),
    Case("not screened", legally(ABROAD, **_G), "needs"),
)
