"""An asker that has a contract stays within it, and one who needs a contract has one. House rule; decision record 0031.

A region without contracts is as before. Once a contract with an asker has come into force it binds that asker for good:
when it has ended, nothing is allowed until there is another. A deed may ask for a contract of everybody.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import bound_by, contract, deed
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer | None:
    if not facts.under_contracts:
        return _without(facts)
    within = facts.contract
    if within is not None:
        name = f"{within.instrument.name} v{within.instrument.version}"
        return Answer("allow", Text(f"Within the contract {name}.", f"符合合同 {name}。"))
    last, outside = facts.outside_contract
    en, zh = last.instrument.cited(outside[0].clause)
    said_en, said_zh = "; ".join(b.text.en for b in outside), "；".join(b.text.zh for b in outside)
    return Answer("deny", Text(f"Outside {en}: {said_en}.", f"不符合{zh}：{said_zh}。"))


def _without(facts: Facts) -> Answer | None:
    asking = facts.contract_asked
    if asking is None:
        return None
    en, zh = asking.instrument.cited("contract_required")
    return Answer("needs", Text(f"By {en} the asker needs a contract; none with it is in force.",
                                f"按{zh}，申请方须有合同；目前没有生效的合同。"))  # fmt: skip


RULE = Rule("HZ05", "House rule: what was contracted is what may be asked", "2026-11-28", decide)
CASES = (
    Case("no contract, and no deed that asks for one", bound_by(deed()), None),
    Case("a deed asks for a contract, and there is none", bound_by(deed(contract_required=True)), "needs"),
    Case("one is offered, and not signed by all", bound_by(deed(contract_required=True), contract(unsigned=True)),
         "needs"),
    Case("within the contract", bound_by(deed(contract_required=True), contract()), "allow"),
    Case("another purpose", bound_by(contract(), request={"purpose": "GRU"}), "deny"),
    Case("another dataset", bound_by(contract(), request={"dataset": "heart"}), "deny"),
    Case("another method", bound_by(contract(methods=["cox"])), "deny"),
    Case("a price below the least", bound_by(contract(price_fen=100)), "deny"),
    Case("the last study of those agreed", bound_by(contract(studies=3), taken=2), "allow"),
    Case("one study more than agreed", bound_by(contract(studies=3), taken=3), "deny"),
    Case("the contract is suspended", bound_by(contract(suspended=True)), "deny"),
    Case("the contract's term has passed", bound_by(contract(until_day="2026-11-21")), "deny"),
    Case("one has ended, another is in force",
         bound_by(contract(name="old", until_day="2026-06-30"), contract(name="new")), "allow"),
    Case("a contract with somebody else", bound_by(contract(asker="lion-lab")), None),
)  # fmt: skip
