"""A foreign or foreign-controlled party uses Chinese genetic resources only with a Chinese partner and approval.

HGR Regulation Art 7, 21 to 24; Biosecurity Law Art 56, 57 [V]. Here nobody passes as domestic by not being registered:
whoever is in no register, or of whom control is not known, is `needs`.
"""

from typing import Any

from huizhen.kit.text import Text
from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, unknown


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or not facts.genetic:
        return None
    if facts.foreign is None:
        return unknown("Whether the asker is foreign, or under foreign control, is not in the register.",
                       "登记册未载明申请方是否为境外或外方控制。")  # fmt: skip
    if not facts.foreign:
        return Answer(
            "allow", Text("The asker is domestic and not under foreign control.", "申请方为境内且非外方控制。")
        )
    if facts.request.release is not None and facts.request.release != "controlled":
        return Answer("deny", Text("Nothing but a controlled result leaves for a foreign party.",
                                   "外方仅可获得受控发布的结果。"))  # fmt: skip
    answers = [by_act(facts, kind) for kind in ("hgr-approval", "chinese-partner")]
    return next(a for v in ("deny", "needs", "allow") for a in answers if a.verdict == v)


_G: dict[str, Any] = {"category": "human-genetic"}
_BOTH = (on_file("hgr-approval"), on_file("chinese-partner"))
_CONTROLLED_AT_HOME = DOMESTIC.model_copy(update={"foreign_controlled": True})
RULE = Rule("CN23", "HGR Regulation 7, 21 to 24; Biosecurity Law 56, 57", "2021-04-15", decide)
CASES = (
    Case("clinical data", legally(ABROAD), None),
    Case("a domestic party", legally(DOMESTIC, **_G), "allow"),
    Case("foreign, with partner and approval", legally(ABROAD, *_BOTH, **_G), "allow"),
    Case("approval was refused",
         legally(ABROAD, on_file("hgr-approval", "refused"), on_file("chinese-partner"), **_G), "deny"),
    Case("foreign, into an enclave", legally(ABROAD, *_BOTH, request={"release": "enclave"}, **_G), "deny"),
    Case("at home under foreign control, without partner",
         legally(_CONTROLLED_AT_HOME, on_file("hgr-approval"), **_G), "needs"),
    Case("nobody knows who controls it",
         legally(DOMESTIC.model_copy(update={"foreign_controlled": None}), *_BOTH, **_G), "needs"),
    Case("an asker in no register", legally(None, *_BOTH, **_G), "needs"),
)  # fmt: skip
