"""Any export: a named recipient whom persons can reach, and their separate consent. PIPL Art 38, 39 [V]."""

from huizhen.model.casebook import ABROAD, DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, unknown, where_unknown


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.party is None or facts.abroad is False:
        return None
    if facts.abroad is None:
        return where_unknown()
    if facts.party.contact is None:
        return unknown("The register has no contact of the recipient abroad.", "登记册缺少境外接收方联系方式。")
    return by_act(facts, "export-consent")


RULE = Rule("CN17", "PIPL 38, 39", "2021-11-01", decide)
CASES = (
    Case("a domestic party", legally(DOMESTIC), None),
    Case("the persons consented to the export", legally(ABROAD, on_file("export-consent")), "allow"),
    Case("they refused", legally(ABROAD, on_file("export-consent", "refused")), "deny"),
    Case("they were not asked", legally(ABROAD), "needs"),
    Case("a recipient whom nobody can reach",
         legally(ABROAD.model_copy(update={"contact": None}), on_file("export-consent")), "needs"),
    Case("nobody knows where the asker is", legally(DOMESTIC.model_copy(update={"jurisdiction": None})), "needs"),
    Case("Hong Kong is another jurisdiction to this rule",
         legally(DOMESTIC.model_copy(update={"jurisdiction": "HK"})), "needs"),
)  # fmt: skip
