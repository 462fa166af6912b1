"""Below the threshold of CN14, an export of sensitive data goes by filed standard contract or certification.

Cross-border provisions 2024, Art 8 [S]: from the first person with sensitive data, which health data are.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.party import Exported
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, where_unknown


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.abroad is False:
        return None
    if facts.abroad is None:
        return where_unknown()
    if facts.exempt or facts.assessed:
        return None
    certified = by_act(facts, "certification")
    filed = by_act(facts, "standard-contract")
    route = certified if certified.verdict == "allow" else filed
    if route.verdict != "needs":
        return route
    return Answer(
        "needs",
        Text(f"{route.text.en} A certification would do as well. Exported since 1 January: {facts.exported:,} persons.",
             f"{route.text.zh}个人信息保护认证亦可。自 1 月 1 日起累计出境 {facts.exported:,} 人。"),
    )  # fmt: skip


RULE = Rule("CN15", "Cross-border provisions 2024, 8", "2024-03-22", decide)
CASES = (
    Case("a domestic party", legally(DOMESTIC), None),
    Case("the contract is filed", legally(ABROAD, on_file("standard-contract")), "allow"),
    Case("certified instead", legally(ABROAD, on_file("certification")), "allow"),
    Case("the filing was refused", legally(ABROAD, on_file("standard-contract", "refused")), "deny"),
    Case("neither is on file", legally(ABROAD), "needs"),
    Case("so many persons that CN14 governs",
         legally(ABROAD, exported=(Exported(recipient="acme-pharma", people=10_000),)), None),
    Case("nobody knows where the asker is", legally(DOMESTIC.model_copy(update={"jurisdiction": None})), "needs"),
)  # fmt: skip
