"""Withdraw at any time, erase, have moved. GDPR Art 7(3), 17, 20 [M].

Erasure gives way where a law asks to keep the data (17(3)(b)); that it would seriously impair research (17(3)(d)) is
never assumed here: what is out is a statistic, and who withdraws is in no later one.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import claim
from huizhen.model.place import in_eu
from huizhen.model.right import Claim, identified, portable
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(facts: Claim) -> Answer | None:
    if not in_eu(facts.jurisdiction):
        return None
    if facts.right == "withdraw":
        return Answer("allow", Text("As easy as to give it.", "撤回与给予同样便捷。"))
    refused = identified(facts)
    if refused is None and facts.right == "port":
        refused = portable(facts)
    if refused is None and facts.right == "delete":
        if facts.kept is None:
            return unknown("Until when a law asks to keep the data is not known.", "法定保存期限未知。")
        if facts.kept:
            return Answer("deny", Text(f"A law asks to keep them until {facts.keep_until}.",
                                       f"依法须保存至 {facts.keep_until}。"))  # fmt: skip
    return refused or Answer("allow", Text("The person's own data.", "属本人数据。"))


_DE = {"jurisdiction": "DE", "identified": True}
RULE = Rule("EU02", "GDPR 7(3), 17, 20", "2018-05-25", decide, about="right")
CASES = (
    Case("a region in China", claim("view"), None),
    Case("consent is withdrawn", claim("withdraw", **_DE), "allow"),
    Case("erase what no law asks to keep", claim("delete", **_DE, keep_until="none"), "allow"),
    Case("erase what a law asks to keep", claim("delete", **_DE, keep_until="2040-12-31"), "deny"),
    Case("erase what nobody knows how long to keep", claim("delete", **_DE), "needs"),
    Case("moved, and nobody has looked whether it can be", claim("port", **_DE), "needs"),
)
