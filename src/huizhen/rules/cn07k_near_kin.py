"""After death near kin may view, copy, correct and delete, unless the person arranged otherwise. PIPL Art 49 [V].

So they may end a consent. A new one they may give only where the person arranged it in life: a delegation that goes on
after death. Nobody else speaks for the dead, and nobody is asked in their place.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import delegated, saying
from huizhen.model.giving import Giving
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(giving: Giving) -> Answer | None:
    if giving.by == "kin":
        return _kin(giving)
    if giving.died is None:
        return None
    arranged = giving.delegation is not None and giving.delegation.after_death
    if giving.by == "family" and arranged:
        return Answer("allow", Text("The person arranged this for after death.", "本人生前已作此安排。"))
    return Answer("deny", Text("The person has died; near kin speak.", "本人已故；由近亲属行使权利。"))


def _kin(giving: Giving) -> Answer:
    if giving.died is None:
        return unknown("It is not on file that the person has died.", "本人死亡未登记。")
    if giving.ground is None:
        return unknown("The kinship is not named.", "未载明亲属关系依据。")
    if giving.act in ("withdraw", "refuse"):
        return Answer("allow", Text("Near kin may end a consent of the dead.", "近亲属可撤回逝者的同意。"))
    return Answer(
        "deny",
        Text("Near kin may view, copy, correct and delete, and not consent to what the person did not arrange.",
             "近亲属可查阅、复制、更正、删除；本人生前未安排的，不得代为同意。"),
    )  # fmt: skip


_DEAD = "2026-10-01"
RULE = Rule("CN07K", "PIPL 49", "2021-11-01", decide, about="consent")
CASES = (
    Case("a living person: the rule does not apply", saying(), None),
    Case("the widow ends it", saying("withdraw", by="kin", died=_DEAD, ground="spouse"), "allow"),
    Case("the widow consents to more", saying(by="kin", died=_DEAD, ground="spouse"), "deny"),
    Case("the daughter whom the dead had named for this",
         saying(by="family", died=_DEAD, delegation=delegated(after_death=True)), "allow"),
    Case("the daughter whom the dead had named for life", saying(by="family", died=_DEAD, delegation=delegated()),
         "deny"),
    Case("a word in the name of the dead", saying(died=_DEAD), "deny"),
    Case("nobody has said that the person died", saying("withdraw", by="kin", ground="spouse"), "needs"),
    Case("kin of whom nobody knows how", saying("withdraw", by="kin", died=_DEAD), "needs"),
)  # fmt: skip
