"""No court or police abroad gets data without the competent authority's approval. PIPL Art 36, 41; DSL Art 36 [V]."""

from huizhen.kit.text import Text
from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, where_unknown


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.party is None or facts.party.kind != "authority" or facts.abroad is False:
        return None
    if facts.abroad is None:
        return where_unknown()
    answer = by_act(facts, "authority-approval")
    if answer.verdict != "needs":
        return answer
    return Answer(
        "deny",
        Text(
            "An authority abroad asks, and no approval is on file that holds.",
            "境外机构请求，且没有有效的主管机关批准。",
        ),
    )


_COURT = ABROAD.model_copy(update={"kind": "authority"})
RULE = Rule("CN18", "PIPL 36, 41; DSL 36", "2021-11-01", decide)
CASES = (
    Case("no authority asks", legally(ABROAD), None),
    Case("an authority at home", legally(DOMESTIC.model_copy(update={"kind": "authority"})), None),
    Case("a court abroad, approved", legally(_COURT, on_file("authority-approval")), "allow"),
    Case("a court abroad, without approval", legally(_COURT), "deny"),
    Case("a court of nobody knows where", legally(_COURT.model_copy(update={"jurisdiction": None})), "needs"),
)
