"""Secondary use is for listed purposes; public health, policy and statistics are for public bodies. EHDS Art 53 [S]."""

from typing import Any

from huizhen.kit.text import Text
from huizhen.model.casebook import DOMESTIC, legally
from huizhen.model.place import in_eu
from huizhen.model.rule import Answer, Case, Facts, Rule, unknown

PUBLIC_ONLY = ("PUBHLTH", "INSSUP")


def decide(facts: Facts) -> Answer | None:
    if not in_eu(facts.legal.jurisdiction):
        return None
    if facts.purpose is None:
        return unknown("The purpose is not known.", "用途未知。")
    if facts.purpose.code in PUBLIC_ONLY:
        return _by_public_body(facts)
    if facts.purpose.prohibited:
        return Answer("deny", Text("Not among the permitted secondary uses.", "不属于允许的二次使用。"))
    return Answer("allow", Text("Research is a permitted secondary use.", "科研属于允许的二次使用。"))


def _by_public_body(facts: Facts) -> Answer:
    if facts.party is None:
        return unknown(
            "Whether the asker is a public body is not in the register.", "登记册未载明申请方是否为公共机构。"
        )
    if facts.party.kind not in ("public", "authority"):
        return Answer("deny", Text("This purpose is for public bodies.", "该用途仅限公共机构。"))
    return Answer("allow", Text("A public body, for a purpose of its own.", "公共机构，用途属其职责。"))


_DE: dict[str, Any] = {"jurisdiction": "DE"}
_OFFICE = DOMESTIC.model_copy(update={"kind": "public", "jurisdiction": "DE"})
_WATCH = {"purpose": "PUBHLTH"}
RULE = Rule("EU05", "EHDS 53", "2025-03-26", decide)
CASES = (
    Case("a region in China", legally(), None),
    Case("biomedical research", legally(**_DE), "allow"),
    Case("surveillance by a public office", legally(_OFFICE, request=_WATCH, **_DE), "allow"),
    Case("surveillance by a company", legally(DOMESTIC, request=_WATCH, **_DE), "deny"),
    Case("marketing", legally(request={"purpose": "HMARKT"}, **_DE), "deny"),
    Case("surveillance by nobody knows whom", legally(request=_WATCH, **_DE), "needs"),
)
