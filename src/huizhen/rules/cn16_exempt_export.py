"""Some exports need no assessment, contract or certification: emergency, foreign data in transit, a contract with the
person that needs it. Cross-border provisions 2024, Art 3 to 5 [S].

The exemption below 100,000 ordinary persons is not one for health data, which are sensitive. Important data are never
exempt. The duties of CN10 and CN17 stay.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.rule import EXEMPTIONS, Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    claimed = [kind for kind in EXEMPTIONS if facts.on_file(kind) != "missing"]
    if not facts.under_cn or not facts.abroad or not claimed:
        return None
    if facts.important:
        return Answer("deny", Text("Important data are exempt from nothing.", "重要数据不适用豁免。"))
    answers = [by_act(facts, kind) for kind in claimed]
    return next((a for v in ("allow", "deny", "needs") for a in answers if a.verdict == v), None)


RULE = Rule("CN16", "Cross-border provisions 2024, 3 to 5", "2024-03-22", decide)
CASES = (
    Case("no exemption is claimed", legally(ABROAD), None),
    Case("a domestic party", legally(DOMESTIC, on_file("emergency")), None),
    Case("an emergency was declared", legally(ABROAD, on_file("emergency", until="2026-12-31")), "allow"),
    Case("important data in an emergency",
         legally(ABROAD, on_file("emergency"), on_file("important-data", party=None, dataset="lung")), "deny"),
    Case("the exemption was refused", legally(ABROAD, on_file("contract-necessity", "refused")), "deny"),
    Case("the emergency is over", legally(ABROAD, on_file("emergency", until="2026-03-31")), "needs"),
)  # fmt: skip
