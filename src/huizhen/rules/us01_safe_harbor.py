"""Safe harbor: no identifier, no date finer than a year, and no actual knowledge. 45 CFR 164.514(b)(2) [S].

Where an expert's determination holds (US02) safe harbor need not be met. Whether a place is finer than three digits of
a ZIP code, or an age above 89 is pooled, is not in the type of a column; the statement of no actual knowledge, signed
by who prepared the data, vouches for these.
"""

from typing import Any

from huizhen.kit.text import Text
from huizhen.model.casebook import legally, on_file
from huizhen.model.dataset import Column
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if facts.legal.jurisdiction != "US" or facts.on_file("expert-determination") == "granted":
        return None
    listed = [c.name for c in facts.columns if c.identifier or c.type in ("date", "text")]
    if listed:
        return Answer("deny", Text(f"Among the 18 identifiers: {', '.join(listed)}.",
                                   f"属于 18 类标识符：{'、'.join(listed)}。"))  # fmt: skip
    return by_act(facts, "no-actual-knowledge")


_US: dict[str, Any] = {"jurisdiction": "US"}
_BORN = (Column(name="born", type="date"),)
RULE = Rule("US01", "45 CFR 164.514(b)(2)", "2003-04-14", decide)
CASES = (
    Case("a region in China", legally(), None),
    Case("no identifier, and the statement is on file", legally(None, on_file("no-actual-knowledge"), **_US), "allow"),
    Case("the date of birth", legally(None, on_file("no-actual-knowledge"), columns=_BORN, **_US), "deny"),
    Case("nobody stated what they know", legally(**_US), "needs"),
    Case("an expert found the risk very small", legally(None, on_file("expert-determination"), columns=_BORN, **_US),
         None),
)  # fmt: skip
