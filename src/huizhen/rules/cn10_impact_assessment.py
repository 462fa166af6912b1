"""Providing, entrusting, publishing or exporting sensitive data takes an impact assessment first. PIPL Art 55, 56 [V].

Asked of each study that does one of these: release to the public or into an enclave, a processor, a recipient abroad;
and of rows, which are anonymised, but whose anonymity is what the assessment is to look at.
That the trustee assesses its own routine, guarded statistics for domestic askers, once for all of them, is its duty
and not decided per study. The assessment is kept for three years at least.

One that was written here (`huizhen study assess`) is read from the hub's record, and holds for what it assessed:
purpose, method, way out, columns and protection. It goes before one made elsewhere, which is on file on the filer's
word.
"""

from huizhen.kit.text import Text
from huizhen.model.breach import ROWS
from huizhen.model.casebook import ABROAD, DOMESTIC, assessed, legally, on_file
from huizhen.model.rule import ASSESSMENT, Answer, Case, Facts, Rule, by_this, unknown


def decide(facts: Facts) -> Answer | None:
    entrusted = facts.party is not None and facts.party.kind == "processor"
    rows = facts.request.method == ROWS or facts.request.release == "enclave"
    provided = rows or facts.request.release == "public" or facts.abroad is not False
    if not facts.under_cn or not (entrusted or provided):
        return None
    about = facts.assessment
    if about is not None and about.assessed is not None:
        short = about.assessed.document[:16]
        if about.outcome == "refused":
            return Answer(
                "deny", Text(f"The impact assessment {short} advises against it.", f"影响评估 {short} 不予支持。")
            )
        if about.holds(facts.legal.today):
            return Answer("allow", Text(f"Assessed: {short}, on the ledger.", f"已作影响评估 {short}，载于账本。"))
        return unknown(f"The impact assessment {short} does not hold today.", f"影响评估 {short} 今日不在有效期内。")
    elsewhere = facts.assessed_elsewhere
    if elsewhere is None and facts.assessed_otherwise:
        return unknown(
            "The assessment on file is of another purpose, method, column or way out, or of stronger protection.",
            "已备影响评估所涉用途、方法、列、发布方式或保护强度与本研究不符。",
        )
    return by_this(ASSESSMENT, elsewhere, facts.legal.today)


RULE = Rule("CN10", "PIPL 55, 56", "2021-11-01", decide)
CASES = (
    Case("statistics for a domestic party", legally(DOMESTIC), None),
    Case("export, assessed here", legally(ABROAD, assessed()), "allow"),
    Case("the assessment written here advised against it", legally(ABROAD, assessed(outcome="refused")), "deny"),
    Case("against it, whatever is on file from elsewhere",
         legally(ABROAD, assessed(outcome="refused"), on_file("impact-assessment")), "deny"),
    Case("assessed here, for a smaller cell than is asked for now",
         legally(ABROAD, assessed(), request={"protection": {"min_cell": 20}}), "allow"),
    Case("assessed here, for a larger cell than is asked for now",
         legally(ABROAD, assessed(), request={"protection": {"min_cell": 5}}), "needs"),
    Case("assessed here, for another purpose", legally(ABROAD, assessed(), request={"purpose": "GRU"}), "needs"),
    Case("assessed here, and it has run out", legally(ABROAD, assessed(until="2026-02-01")), "needs"),
    Case("export, assessed elsewhere", legally(ABROAD, on_file("impact-assessment")), "allow"),
    Case("the assessment advised against it", legally(ABROAD, on_file("impact-assessment", "refused")), "deny"),
    Case("publication without assessment", legally(DOMESTIC, request={"release": "public"}), "needs"),
    Case("rows without assessment", legally(DOMESTIC, request={"method": "extract"}), "needs"),
    Case("rows, assessed elsewhere", legally(DOMESTIC, on_file("impact-assessment"), request={"method": "extract"}),
         "allow"),
    Case("export under an assessment that has run out",
         legally(ABROAD, on_file("impact-assessment", until="2026-02-01")), "needs"),
)  # fmt: skip
