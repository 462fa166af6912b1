"""A processor works under a contract: purpose, term, method, and how data come back. PIPL Art 20, 21; NDR 12 [V]."""

from huizhen.model.casebook import DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.party is None or facts.party.kind != "processor":
        return None
    return by_act(facts, "processor-contract")


_PROCESSOR = DOMESTIC.model_copy(update={"kind": "processor"})
RULE = Rule("CN11", "PIPL 20, 21; NDR 12", "2021-11-01", decide)
CASES = (
    Case("the asker acts for itself", legally(DOMESTIC), None),
    Case("a processor under contract", legally(_PROCESSOR, on_file("processor-contract")), "allow"),
    Case("the contract was refused", legally(_PROCESSOR, on_file("processor-contract", "refused")), "deny"),
    Case("no contract on file", legally(_PROCESSOR), "needs"),
    Case("the contract has ended", legally(_PROCESSOR, on_file("processor-contract", until="2026-10-31")), "needs"),
)
