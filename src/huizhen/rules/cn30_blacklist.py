"""A listed party is refused everywhere until its term ends. PIPL Art 42, HGR Regulation Art 43 [V].

Listed is who is in the region's settings or the hospital's policy, and whom a signed paper lists for a term that today
falls into (`model.listing`; decision 0039): as asker, and as a hospital that takes part.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import but, legally, listed
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer | None:
    if facts.request.asker in facts.blacklist:
        return Answer("deny", Text("The asker is on the blacklist.", "申请方在黑名单上。"))
    if not facts.listed:
        return None
    cited = [x.cited() for x in facts.listed]
    return Answer("deny", Text(" ".join(c.en for c in cited), "".join(c.zh for c in cited)))


_LISTED = listed("acme-pharma", until="2026-11-22")
RULE = Rule("CN30", "PIPL 42; HGR Regulation 43", "2021-11-01", decide)
CASES = (
    Case("nobody is listed", but(), None),
    Case("somebody else is listed", but(blacklist=frozenset({"shady-data"})), None),
    Case("the asker is listed", but(blacklist=frozenset({"acme-pharma"})), "deny"),
    Case("listed by a signed paper, on its last day", legally(papers=_LISTED), "deny"),
    Case("the term has ended", legally(papers=_LISTED, today="2026-11-23"), None),
    Case("another is listed", legally(papers=listed("shady-data")), None),
    Case("a hospital that takes part is listed", legally(papers=listed("south")), "deny"),
    Case("an appeal changes nothing", legally(papers=listed("acme-pharma", then="appeal")), "deny"),
    Case("lifted by who listed it", legally(papers=listed("acme-pharma", then="lift")), None),
    Case("lifted by somebody else", legally(papers=listed("acme-pharma", then="lift", by="other")), "deny"),
)
