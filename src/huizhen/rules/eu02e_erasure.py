"""Erasure when consent is withdrawn or the person asks; not where research would be impaired, or law has it kept.

GDPR 7(3), 17(1)(b), 17(3)(b) and (d) with 89(1) [M]: there is no right to erasure as far as processing is necessary
for a legal obligation, or for research of which erasure would make the aims impossible or seriously impair them. That
it would, the hospital has to write down; then the data are stored and used no more. Decision record 0041.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import leaving
from huizhen.model.giving import Leaving
from huizhen.model.place import in_eu
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(left: Leaving) -> Answer | None:
    if left.jurisdiction is None or not in_eu(left.jurisdiction):
        return None
    if left.standing and left.cause == "withdrawal":
        return Answer("deny", Text("Another consent to these data still stands.", "对该数据仍有其他有效同意。"))
    if left.retained is not None:
        return Answer("deny", Text(f"Law has them kept ({left.retained}).", f"法律要求保存（{left.retained}）。"))
    if left.research_blank:
        return unknown("Why research would be impaired is not written down.", "未书面说明为何将妨碍研究。")
    if left.research is not None:
        return Answer(
            "deny",
            Text(f"Research would be impaired, as was written down ({left.research}): stored, and not used.",
                 f"删除将严重妨碍研究，已书面说明（{left.research}）：仅存储，不再使用。"),
        )  # fmt: skip
    return Answer("allow", Text("No exception applies: they are erased.", "无例外情形：予以删除。"))


RULE = Rule("EU02E", "GDPR 7(3), 17", "2018-05-25", decide, about="deletion")
CASES = (
    Case("the last consent is withdrawn", leaving(jurisdiction="DE"), "allow"),
    Case("consent to another purpose stands", leaving(jurisdiction="DE", standing=True), "deny"),
    Case("a legal duty to keep", leaving(jurisdiction="DE", retained="Section 630f BGB, 10 years"), "deny"),
    Case("a trial that would be worthless", leaving(jurisdiction="DE", research="trial 7, note of 3 May"), "deny"),
    Case("it would be impaired, and nobody wrote down why", leaving(jurisdiction="DE", research=" "), "needs"),
    Case("a hospital in China", leaving(), None),
)
