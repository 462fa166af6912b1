"""The risk of re-identification stays below 1/20 in public, 1/5 under agreement, 1/3 in an enclave. GB/T 42460 [S].

The risk of one person in a figure that rests on k people is at most 1/k, so the smallest cell is at least 20, 5 or 3.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import legally
from huizhen.model.dataset import Column
from huizhen.model.rule import Answer, Case, Facts, Rule, unknown
from huizhen.privacy.risk import SMALLEST


def decide(facts: Facts) -> Answer | None:
    mode = facts.request.release
    if not facts.under_cn or mode is None:
        return None
    if any(c.type == "category" and c.levels is None for c in facts.columns):
        return unknown("How many levels a column has is not known, so the risk cannot be judged.",
                       "某列的取值数量未知，无法判断重标识风险。")  # fmt: skip
    asked, least = facts.request.protection.min_cell, SMALLEST[mode]
    if asked < least:
        return Answer(
            "deny",
            Text(
                f"A {mode} release needs protection.min_cell of at least {least}, not {asked}.",
                f"“{mode}”发布要求 protection.min_cell 不小于 {least}（现为 {asked}）。",
            ),
        )
    return Answer("allow", Text(f"The risk is at most 1/{asked}.", f"重标识风险不超过 1/{asked}。"))


_UNTOLD = (Column(name="place", type="category"),)
RULE = Rule("CN27", "GB/T 42460", "2023-10-01", decide)
CASES = (
    Case("no mode of release is stated", legally(), None),
    Case("controlled, at least ten people a cell", legally(request={"release": "controlled"}), "allow"),
    Case("public, at least twenty", legally(request={"release": "public", "protection": {"min_cell": 20}}), "allow"),
    Case("public, at least ten", legally(request={"release": "public"}), "deny"),
    Case("a column whose levels nobody listed", legally(request={"release": "controlled"}, columns=_UNTOLD), "needs"),
)
