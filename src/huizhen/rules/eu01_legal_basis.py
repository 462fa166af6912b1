"""Health data need a basis of GDPR Art 6 and one of Art 9: 9(2)(a), (h), (i) or (j). GDPR Art 6, 9 [M]."""

from typing import Any

from huizhen.kit.text import Text
from huizhen.model.casebook import legally, on_file
from huizhen.model.place import in_eu
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, unknown

BASES = ("9(2)(a)", "9(2)(h)", "9(2)(i)", "9(2)(j)")


def decide(facts: Facts) -> Answer | None:
    if not in_eu(facts.legal.jurisdiction):
        return None
    found = by_act(facts, "legal-basis")
    if found.verdict != "allow":
        return found
    act = facts.act("legal-basis")
    if act is None or act.detail is None:
        return unknown("Which basis of Art 9 it is is not on file.", "未载明第 9 条的具体依据。")
    if act.detail not in BASES:
        return Answer("deny", Text(f"No basis for health data; those of Art 9 are {', '.join(BASES)}.",
                                   f"不是处理健康数据的依据；第 9 条的依据为 {'、'.join(BASES)}。"))  # fmt: skip
    return Answer("allow", Text(f"On the basis of GDPR {act.detail}.", f"依据 GDPR {act.detail}。"))


_DE: dict[str, Any] = {"jurisdiction": "DE"}
RULE = Rule("EU01", "GDPR 6, 9", "2018-05-25", decide)
CASES = (
    Case("a region in China", legally(), None),
    Case("research with safeguards", legally(None, on_file("legal-basis", detail="9(2)(j)"), **_DE), "allow"),
    Case("legitimate interests", legally(None, on_file("legal-basis", detail="6(1)(f)"), **_DE), "deny"),
    Case("a basis, but which?", legally(None, on_file("legal-basis"), **_DE), "needs"),
    Case("no basis on file", legally(**_DE), "needs"),
)
