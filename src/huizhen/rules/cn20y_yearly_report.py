"""Who handles important data assesses the risk and reports every year. Network Data Regulations 33 [V]."""

from typing import Any

from huizhen.kit.text import Text
from huizhen.model.casebook import on_file, upkeep
from huizhen.model.rule import Answer, Case, Rule, unknown
from huizhen.model.upkeep import Upkeep

YEAR = 366


def decide(facts: Upkeep) -> Answer | None:
    if facts.jurisdiction != "CN" or not facts.important:
        return None
    act = facts.last("important-data-report")
    if act is not None and act.outcome == "refused":
        return Answer("deny", Text("The yearly report was sent back.", "年度报告被退回。"))
    if not facts.holds(act, YEAR):
        return unknown("No report on important data is on file for the last year.", "近一年内无重要数据年度报告。")
    return Answer("allow", Text("This year's report is on file.", "年度报告已备。"))


_MARK = on_file("important-data", party=None, dataset="lung", until=None)
_REPORT: dict[str, Any] = {"party": None, "dataset": "lung"}
RULE = Rule("CN20Y", "NDR 33", "2025-01-01", decide, about="upkeep")
CASES = (
    Case("nobody was notified that data are important", upkeep(), None),
    Case("reported in January", upkeep(_MARK, on_file("important-data-report", **_REPORT)), "allow"),
    Case("the report was sent back", upkeep(_MARK, on_file("important-data-report", "refused", **_REPORT)), "deny"),
    Case("reported two years ago",
         upkeep(_MARK, on_file("important-data-report", **_REPORT, from_day="2024-11-01")), "needs"),
    Case("never reported", upkeep(_MARK), "needs"),
)  # fmt: skip
