"""A withdrawal stops use from then on and costs no service; what is no longer needed is deleted. PIPL 15, 16, 47 [V].

Who withdraws is always heard. To delete, no law may ask to keep the data (medical records: 15 years for outpatients, 30
for inpatients [M]); where one does, there is storage and protection only. That use stops is held by the nodes, which
look every consent up anew in each round; that no service is lost is the hospital's to keep.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import claim
from huizhen.model.right import Claim
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(facts: Claim) -> Answer | None:
    if facts.jurisdiction != "CN" or facts.right not in ("withdraw", "delete"):
        return None
    if facts.right == "withdraw":
        return Answer(
            "allow", Text("Use stops from now on; it costs no service.", "自即刻起停止使用，不影响所获服务。")
        )
    if facts.kept is None:
        return unknown("Until when a law asks to keep the data is not known.", "法定保存期限未知。")
    if facts.kept:
        return Answer(
            "deny",
            Text(f"To be kept until {facts.keep_until}: storage and protection only, no study reads them.",
                 f"依法须保存至 {facts.keep_until}：仅作存储与安全保护，不用于任何研究。"),
        )  # fmt: skip
    return Answer("allow", Text("No law asks to keep the data.", "无法定保存义务。"))


RULE = Rule("CN06", "PIPL 15, 16, 47", "2021-11-01", decide, about="right")
CASES = (
    Case("a wish to view: other rules decide", claim("view"), None),
    Case("consent is withdrawn", claim("withdraw"), "allow"),
    Case("delete what no law asks to keep", claim("delete", keep_until="none"), "allow"),
    Case("delete when the time of keeping is over", claim("delete", keep_until="2020-12-31"), "allow"),
    Case("delete a record of last year", claim("delete", keep_until="2040-12-31"), "deny"),
    Case("delete what nobody knows how long to keep", claim("delete"), "needs"),
)
