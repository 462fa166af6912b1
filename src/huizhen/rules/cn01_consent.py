"""Health data are sensitive: each person's separate consent, applied row by row at the node.

PIPL Art 13, 28, 29; Network Data Security Regulations Art 22 [V]. Research is not a listed basis of its own, so
consent it is; the node joins every query with the consents in force for the study's purpose.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import but
from huizhen.model.purpose import PURPOSES
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer:
    purpose = facts.purpose
    if purpose is None:
        known = ", ".join(PURPOSES)
        return Answer(
            "needs",
            Text(
                f"'{facts.request.purpose}' is not a purpose that anyone can consent to; name one of: {known}.",
                f"“{facts.request.purpose}”不是可供同意的用途；请从以下代码中选择：{known}。",
            ),
        )
    return Answer(
        "allow",
        Text(
            f"Only people who consented to {purpose.label.en} ({purpose.code}) are read, person by person.",
            f"仅读取已就“{purpose.label.zh}”（{purpose.code}）单独同意的个人，逐人核对。",
        ),
    )


RULE = Rule("CN01", "PIPL 13, 28, 29; NDR 22", "2021-11-01", decide)
CASES = (
    Case("biomedical research, a purpose people consent to", but(), "allow"),
    Case("public-health surveillance", but({"purpose": "PUBHLTH"}), "allow"),
    Case("a purpose nobody has heard of", but({"purpose": "FUN"}), "needs"),
)
