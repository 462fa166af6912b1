"""Network logs are kept for six months at least; each node has a level of protection. Cybersecurity Law 21(3) [V];
GB/T 22239 [M].

The node's own log of what was asked and answered is kept for good, signed and chained; the logs of its network are its
hospital's, which says so by an act (log-retention), as it does for the filed level of protection (protection-level).
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import on_file, upkeep
from huizhen.model.rule import Answer, Case, Rule, unknown
from huizhen.model.upkeep import LOGS, Upkeep


def decide(facts: Upkeep) -> Answer | None:
    if facts.jurisdiction != "CN" or not facts.nodes:
        return None
    failed, missing = facts.logs_failed, facts.unlogged
    if failed:
        return Answer("deny", Text(f"Did not pass: {', '.join(failed)}.", f"未达标：{'、'.join(failed)}。"))
    if missing:
        return unknown(f"Not on file for: {', '.join(missing)} ({' and '.join(LOGS)}).",
                       f"以下节点尚缺（{'、'.join(LOGS)}）：{'、'.join(missing)}。")  # fmt: skip
    return Answer("allow", Text("On file for every node.", "各节点均已备。"))


_BOTH = tuple(on_file(kind, party="north") for kind in LOGS)
RULE = Rule("CN25", "Cybersecurity Law 21(3); GB/T 22239", "2017-06-01", decide, about="upkeep")
CASES = (
    Case("a region in Germany", upkeep(jurisdiction="DE"), None),
    Case("logs and level are on file", upkeep(*_BOTH), "allow"),
    Case("the level was not confirmed",
         upkeep(_BOTH[0], on_file("protection-level", "refused", party="north")), "deny"),
    Case("a second node of which nothing is on file", upkeep(*_BOTH, nodes=("north", "south")), "needs"),
    Case("nothing is on file", upkeep(), "needs"),
)  # fmt: skip
