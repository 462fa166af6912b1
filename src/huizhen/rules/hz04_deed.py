"""What is in a data trust is used as its deed says. House rule; decision record 0031.

Where no deed about the dataset ever came into force the rule does not apply; where the last one has ended, the trustee
has no mandate any more.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import bound_by, deed
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer | None:
    found = facts.under_deeds
    if not found:
        return None
    outside = facts.outside_deed
    if outside is not None:
        filing, breach = outside
        en, zh = filing.instrument.cited(breach.clause)
        return Answer("deny", Text(f"Outside {en}: {breach.text.en}.", f"不符合{zh}：{breach.text.zh}。"))
    names = [f"{f.instrument.name} v{f.instrument.version}" for f in found if f.state == "active"]
    return Answer("allow", Text(f"Within the deed {', '.join(names)}.", f"符合信托契约 {'、'.join(names)}。"))


RULE = Rule("HZ04", "House rule: a data trust is used as its deed says", "2026-11-28", decide)
CASES = (
    Case("no deed was ever in force", bound_by(), None),
    Case("a deed that not all have signed binds nobody", bound_by(deed(unsigned=True)), None),
    Case("within the deed", bound_by(deed()), "allow"),
    Case("a deed about another dataset", bound_by(deed(datasets=["heart"])), None),
    Case("another purpose than the deed's", bound_by(deed(), request={"purpose": "GRU"}), "deny"),
    Case("the deed is suspended", bound_by(deed(suspended=True)), "deny"),
    Case("the deed's term has passed", bound_by(deed(until_day="2026-06-30")), "deny"),
)
