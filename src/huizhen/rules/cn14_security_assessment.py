"""From 10,000 persons with sensitive data since 1 January an export needs a security assessment; so do important data
and critical operators at any number. Cross-border provisions 2024, Art 7 [S]; valid for three years.

Persons are added up from the tallies of released studies, over all recipients abroad, and who is in two results counts
twice. The gate counts what went out before; once this study's census is taken the rule is asked again with its own
persons, so that the study which would cross the threshold is the one that is stopped. Health data are sensitive, so the
threshold of a million ordinary persons never governs. The rule treats a guarded statistic as an export of the data of
everyone in it, which is stricter than the law asks of anonymous results. An approval without an end is `needs`.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.party import Exported
from huizhen.model.rule import EXPORT_THRESHOLD, Answer, Case, Facts, Rule, by_act, unknown, where_unknown


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.abroad is False:
        return None
    if facts.abroad is None:
        return where_unknown()
    if facts.exempt or not facts.assessed:
        return None
    if facts.on_file("security-assessment") == "granted":
        act = facts.act("security-assessment")
        if act is None or act.until_day is None:
            return unknown("Until when the security assessment holds is not on file.", "未载明安全评估的有效期。")
        return Answer("allow", Text(f"Security assessment until {act.until_day}.",
                                    f"安全评估有效期至 {act.until_day}。"))  # fmt: skip
    answer = by_act(facts, "security-assessment")
    return Answer(
        answer.verdict,
        Text(f"{answer.text.en} Persons exported since 1 January, with this study: {facts.exported:,} (from "
             f"{EXPORT_THRESHOLD:,}, or for important data or a critical operator, it is needed).",
             f"{answer.text.zh}自 1 月 1 日起连同本研究累计出境 {facts.exported:,} 人"
             f"（达到 {EXPORT_THRESHOLD:,} 人，或涉及重要数据、关键信息基础设施运营者时必需）。"),
    )  # fmt: skip


def _sent(people: int) -> tuple[Exported, ...]:
    return (Exported(recipient="acme-pharma", people=people),)


_NOWHERE = DOMESTIC.model_copy(update={"jurisdiction": None})
RULE = Rule("CN14", "Cross-border provisions 2024, 7", "2024-03-22", decide)
CASES = (
    Case("a domestic party", legally(DOMESTIC, exported=_sent(50_000)), None),
    Case("9,000 persons sent, 500 in this study", legally(ABROAD, exported=_sent(9_000), people=500), None),
    Case("9,000 sent, 1,000 in this study, assessed",
         legally(ABROAD, on_file("security-assessment"), exported=_sent(9_000), people=1_000), "allow"),
    Case("the assessment was not passed",
         legally(ABROAD, on_file("security-assessment", "refused"), exported=_sent(10_000)), "deny"),
    Case("9,000 sent, and the 1,000 of this study cross the threshold",
         legally(ABROAD, exported=_sent(9_000), people=1_000), "needs"),
    Case("the persons went to several recipients",
         legally(ABROAD, exported=(*_sent(6_000), Exported(recipient="other", people=6_000))), "needs"),
    Case("a critical operator holds the data", legally(ABROAD, critical_holders=("north",)), "needs"),
    Case("important data", legally(ABROAD, on_file("important-data", party=None, dataset="lung")), "needs"),
    Case("an assessment without an end", legally(ABROAD, on_file("security-assessment", until=None),
                                                 exported=_sent(10_000)), "needs"),
    Case("nobody knows where the asker is", legally(_NOWHERE), "needs"),
)  # fmt: skip
