"""A person may view, copy and correct their data, and have them moved. PIPL 45, 46; Network Data Regulations 25 [V].

It has to be sure who asks. To move data: they rest on consent or contract, it is feasible, and it harms nobody else.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import claim
from huizhen.model.right import Claim, identified, portable
from huizhen.model.rule import Answer, Case, Rule


def decide(facts: Claim) -> Answer | None:
    if facts.jurisdiction != "CN" or facts.right in ("withdraw", "delete"):
        return None
    return identified(facts) or (portable(facts) if facts.right == "port" else None) or _granted(facts)


def _granted(_facts: Claim) -> Answer:
    return Answer("allow", Text("The person's own data.", "属本人数据。"))


_SURE = {"identified": True}
_MOVED = {**_SURE, "basis": "consent", "feasible": True, "harms_others": False}
RULE = Rule("CN08", "PIPL 45, 46; NDR 25", "2021-11-01", decide, about="right")
CASES = (
    Case("a withdrawal: other rules decide", claim("withdraw"), None),
    Case("the person asks to view", claim("view", **_SURE), "allow"),
    Case("somebody else asks", claim("copy", identified=False), "deny"),
    Case("nobody knows who asks", claim("view"), "needs"),
    Case("moved to the next hospital", claim("port", **_MOVED), "allow"),
    Case("moved, though collected by duty of law", claim("port", **{**_MOVED, "basis": "law"}), "deny"),
    Case("moved, with a relative's data among them", claim("port", **{**_MOVED, "harms_others": True}), "deny"),
    Case("moved, and nobody has looked whether it can be", claim("port", **_SURE, basis="consent"), "needs"),
)
