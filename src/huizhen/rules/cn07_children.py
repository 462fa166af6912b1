"""Data of people under 14 need their guardians' consent. PIPL Art 31 [V].

Whether there are any is a mark on the dataset (`children-included`); the trustee sets it when the data are registered.
Art 49, on the dead and their near kin, is the person's matter with the hospital and not decided here.
"""

from typing import Any

from huizhen.model.casebook import legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.on_file("children-included") == "missing":
        return None
    return by_act(facts, "guardian-consent")


_MARK = on_file("children-included", party=None, dataset="lung", until=None)
_OF: dict[str, Any] = {"party": None, "dataset": "lung"}
RULE = Rule("CN07", "PIPL 31", "2021-11-01", decide)
CASES = (
    Case("no children in the data", legally(), None),
    Case("the guardians consented", legally(None, _MARK, on_file("guardian-consent", **_OF)), "allow"),
    Case("the guardians refused", legally(None, _MARK, on_file("guardian-consent", "refused", **_OF)), "deny"),
    Case("the guardians were not asked", legally(None, _MARK), "needs"),
)
