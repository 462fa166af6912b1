"""What is not a sum is released only after two reviewers of different organisations approve. House rule; decisions
0040, 0066.

The grant says what will have to be reviewed. Whether it was, the road asks before it releases; here it is asked whether
there are reviewers at all who may, since without them a result would wait for nobody. What the trustee
has waived is said.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import legally, reviewing
from huizhen.model.review import WHATS
from huizhen.model.rule import Answer, Case, Facts, Rule, unknown


def decide(facts: Facts) -> Answer | None:
    if not facts.reviews:
        return _waived(facts)
    if facts.reviewing < 2:
        return unknown(
            "What is released here is reviewed by two people of different organisations, none of them the asker's; "
            "no two such reviewers are enrolled.",
            "此类结果须经两家不同机构（均非申请方）的审查人审查；尚未登记足够的审查人。",
        )
    said = [word for what, word in WHATS.items() if what in facts.reviews]
    en, zh = "; ".join(w.en for w in said), "；".join(w.zh for w in said)
    return Answer("allow", Text(f"To be reviewed by two before release: {en}.", f"发布前须经双人审查：{zh}。"))


def _waived(facts: Facts) -> Answer | None:
    if not facts.unreviewed:
        return None
    said = [word for what, word in WHATS.items() if what in facts.unreviewed]
    en, zh = "; ".join(w.en for w in said), "；".join(w.zh for w in said)
    return Answer("allow", Text(f"Not a sum, and not reviewed, since the trustee waived that on the ledger: {en}.",
                                f"并非求和，因受托方已在账本上免除审查而不经审查：{zh}。"))  # fmt: skip


_TWO = reviewing("med-school", "ethics-board")
RULE = Rule("HZ06", "House rule: what is not a sum is reviewed by two", "2026-11-28", decide)
CASES = (
    Case("sums need no review", legally(papers=_TWO), None),
    Case("two organisations review", legally(papers=_TWO, reviews=("extract",)), "allow"),
    Case("the trustee waived the review of such models", legally(unreviewed=("memorising-model",)), "allow"),
    Case("waived for models, not for figures of one hospital",
         legally(reviews=("own-figures",), unreviewed=("memorising-model",)), "needs"),
    Case("nobody is enrolled", legally(reviews=("model",)), "needs"),
    Case("two reviewers of one organisation", legally(papers=reviewing("med", "med"), reviews=("extract",)), "needs"),
    Case(
        "one of the two is the asker's own", legally(papers=reviewing("med", "acme-pharma"), reviews=("extract",)),
        "needs",
    ),
)  # fmt: skip
