"""Rows go out only to an asker that signed for exactly them, under a contract that names them. House rule; 0051.

A contract for every method was made for sums: rows have to be named in its `methods`. The signature is the asker's over
the whole study; whether it holds, and is by the key of the contract, each hospital checks itself.
"""

from huizhen.kit.text import Text
from huizhen.model.breach import ROWS
from huizhen.model.casebook import bound_by, contract
from huizhen.model.rule import Answer, Case, Facts, Rule, unknown


def decide(facts: Facts) -> Answer | None:
    if facts.request.method != ROWS:
        return None
    if facts.request.release == "public":
        return Answer("deny", Text("Rows are sealed to one asker, and not made public.",
                                   "数据行仅封装给一个申请方，不予公开。"))  # fmt: skip
    filing = facts.contract
    if filing is None:
        return unknown(
            f"Rows go out under a contract that names them; none in force has '{ROWS}' among its methods.",
            f"数据行须依据明确列出该方法的合同提供；目前没有生效合同在 methods 中列出“{ROWS}”。",
        )
    if facts.request.recipient is None:
        return unknown(
            "Rows are sealed to the asker, and the asker has not signed the study: `huizhen study sign`.",
            "数据行封装给申请方，而申请方尚未签署该研究：请用 `huizhen study sign`。",
        )
    return Answer("allow", Text(f"Rows, sealed to the asker, under the contract {filing.instrument.name}.",
                                f"依据合同 {filing.instrument.name}，将数据行封装给申请方。"))  # fmt: skip


_SIGNED = {"method": ROWS, "recipient": {"key": "5a" * 32, "sealing": "5b" * 32, "signature": "5c" * 64}}
RULE = Rule("HZ07", "House rule: rows are contracted by name, and signed for", "2026-11-28", decide)
CASES = (
    Case("sums", bound_by(contract()), None),
    Case("rows, named in the contract, signed for", bound_by(contract(methods=["extract"]), request=_SIGNED), "allow"),
    Case("rows, not signed for", bound_by(contract(methods=["extract"]), request={"method": ROWS}), "needs"),
    Case("a contract for every method", bound_by(contract(), request=_SIGNED), "needs"),
    Case("rows made public",
         bound_by(contract(methods=["extract"]), request={**_SIGNED, "release": "public"}), "deny"),
    Case("no contract", bound_by(request=_SIGNED), "needs"),
    Case("the contract is suspended", bound_by(contract(methods=["extract"], suspended=True), request=_SIGNED),
         "needs"),
)  # fmt: skip
