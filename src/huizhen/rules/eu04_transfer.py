"""Out of the EEA only to an adequate country, under safeguards, or by derogation. GDPR Art 44 to 49 [S].

The list of adequate countries is from memory [M] and without the United States, where it depends on the recipient:
counsel has to confirm it.
"""

from typing import Any

from huizhen.kit.text import Text
from huizhen.model.casebook import DOMESTIC, legally, on_file
from huizhen.model.place import ADEQUATE, in_eea, in_eu
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, where_unknown


def decide(facts: Facts) -> Answer | None:
    if not in_eu(facts.legal.jurisdiction) or facts.party is None:
        return None
    where = facts.party.jurisdiction
    if where is None:
        return where_unknown()
    if in_eea(where):
        return None
    if where in ADEQUATE:
        return Answer("allow", Text(f"{where} is adequate by decision.", f"{where} 已获充分性认定。"))
    return by_act(facts, "safeguards")


def _in(where: str | None) -> dict[str, Any]:
    return {"party": DOMESTIC.model_copy(update={"jurisdiction": where}), "jurisdiction": "DE"}


RULE = Rule("EU04", "GDPR 44 to 49", "2018-05-25", decide)
CASES = (
    Case("a recipient in France", legally(**_in("FR")), None),
    Case("a recipient in Japan", legally(**_in("JP")), "allow"),
    Case("in China, under safeguards", legally(DOMESTIC, on_file("safeguards"), jurisdiction="DE"), "allow"),
    Case("the safeguards were found wanting", legally(DOMESTIC, on_file("safeguards", "refused"), jurisdiction="DE"),
         "deny"),
    Case("in China, without safeguards", legally(DOMESTIC, jurisdiction="DE"), "needs"),
    Case("nobody knows where", legally(**_in(None)), "needs"),
)  # fmt: skip
