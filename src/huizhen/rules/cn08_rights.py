"""A person may view, copy and correct their data, and have them moved. PIPL 45, 46; Network Data Regulations 25 [V].

It has to be sure who asks. To move data: they rest on consent or contract, it is feasible, and it harms nobody else.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import claim
from huizhen.model.right import Claim
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(facts: Claim) -> Answer | None:
    if facts.jurisdiction != "CN" or facts.right in ("withdraw", "delete"):
        return None
    return identified(facts) or (portable(facts) if facts.right == "port" else None) or _granted(facts)


def _granted(_facts: Claim) -> Answer:
    return Answer("allow", Text("The person's own data.", "属本人数据。"))


def identified(facts: Claim) -> Answer | None:
    """None where it is sure who asks."""
    if facts.identified is None:
        return unknown("Whether it is the person who asks is not verified.", "尚未核验请求人身份。")
    return None if facts.identified else Answer("deny", Text("It is not the person who asks.", "请求人并非本人。"))


def portable(facts: Claim) -> Answer | None:
    """None where data may be moved."""
    if facts.basis is None or facts.feasible is None or facts.harms_others is None:
        return unknown("Not known: on what the data rest, whether it is feasible, or whether it harms others.",
                       "尚不明确：收集依据、技术可行性或是否损害他人权益。")  # fmt: skip
    if facts.basis == "law":
        return Answer("deny", Text("They rest neither on consent nor on a contract.", "并非基于同意或合同收集。"))
    if not facts.feasible:
        return Answer("deny", Text("It is not feasible to send them there.", "技术上无法转移至该处。"))
    if facts.harms_others:
        return Answer("deny", Text("It would harm others.", "将损害他人合法权益。"))
    return None


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
