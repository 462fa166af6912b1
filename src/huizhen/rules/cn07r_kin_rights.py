"""After death near kin may view, copy, correct and delete, for interests of their own. PIPL Art 49 [V].

What the person arranged in life comes first; the hospital says so by not naming the ground. Consents are CN07K's.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import claim
from huizhen.model.right import Claim
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(facts: Claim) -> Answer | None:
    if facts.jurisdiction != "CN" or not facts.for_kin:
        return None
    if facts.died is None:
        return unknown("It is not on file that the person has died.", "本人死亡未登记。")
    if facts.ground is None:
        return unknown("The kinship is not named.", "未载明亲属关系依据。")
    if facts.right == "port":
        return Answer("deny", Text("Near kin may not have the data moved.", "近亲属无权请求转移数据。"))
    return Answer("allow", Text("Near kin, after death.", "本人死亡后由近亲属行使。"))


_DEAD = {"for_kin": True, "died": "2026-10-01"}
RULE = Rule("CN07R", "PIPL 49", "2021-11-01", decide, about="right")
CASES = (
    Case("the person", claim("view"), None),
    Case("the widow asks to view", claim("view", **_DEAD, ground="spouse"), "allow"),
    Case("the widow has the data moved", claim("port", **_DEAD, ground="spouse"), "deny"),
    Case("kin of whom nobody knows how", claim("view", **_DEAD), "needs"),
    Case("nobody has said that the person died", claim("view", for_kin=True, ground="spouse"), "needs"),
)
