"""A withdrawal, or the person's wish, has data deleted; what another law has kept is only stored and protected.

PIPL 15, 16 and 47 [V]: data are deleted of oneself when consent is withdrawn, and otherwise when asked; where a term of
another law has not passed, or deleting cannot be done, there is nothing but storage and protection. A yes to another
purpose on the same data is a ground to keep them for that purpose. Decision record 0041.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import leaving
from huizhen.model.giving import Leaving
from huizhen.model.rule import Answer, Case, Rule, unknown


def decide(left: Leaving) -> Answer | None:
    if left.jurisdiction is None:
        return unknown("It is not known whose law holds here.", "不清楚此处适用何地法律。")
    if left.jurisdiction != "CN":
        return None
    if left.standing and left.cause == "withdrawal":
        return Answer("deny", Text("Another consent to these data still stands.", "对该数据仍有其他有效同意。"))
    if left.retained is not None:
        return Answer(
            "deny",
            Text(f"They have to be kept ({left.retained}): they are stored and protected, and not used.",
                 f"依法须保存（{left.retained}）：仅存储与保护，不得使用。"),
        )  # fmt: skip
    return Answer("allow", Text("Nothing has them kept: they are deleted.", "无须保存：予以删除。"))


RULE = Rule("CN06D", "PIPL 15, 16, 47", "2021-11-01", decide, about="deletion")
CASES = (
    Case("the last consent is withdrawn", leaving(), "allow"),
    Case("consent to another purpose stands", leaving(standing=True), "deny"),
    Case("it stands, but the person asks for deletion", leaving(standing=True, cause="request"), "allow"),
    Case("the medical record itself", leaving(retained="medical record, 30 years"), "deny"),
    Case("nobody knows whose law holds", leaving(jurisdiction=None), "needs"),
    Case("a hospital in Germany", leaving(jurisdiction="DE"), None),
)
