"""No more than the purpose needs: identifiers and free text never enter a study. PIPL Art 6 [V]."""

from huizhen.kit.text import Text
from huizhen.model.casebook import but
from huizhen.model.dataset import Column
from huizhen.model.rule import Answer, Case, Facts, Rule


def decide(facts: Facts) -> Answer:
    beyond = [c.name for c in facts.columns if c.identifier or c.type == "text"]
    if beyond:
        return Answer(
            "deny",
            Text(
                f"Identifiers and free text are never usable in a study: {', '.join(beyond)}.",
                f"标识符和自由文本不得用于研究：{'、'.join(beyond)}。",
            ),
        )
    read = ", ".join(c.name for c in facts.columns)
    return Answer(
        "allow",
        Text(
            f"Only the columns the method needs are read: {read}." if read else "No column is read, only rows counted.",
            f"只读取该方法所需的列：{read}。" if read else "不读取任何列，只计行数。",
        ),
    )


RULE = Rule("CN03", "PIPL 6", "2021-11-01", decide)
CASES = (
    Case("age alone", but(), "allow"),
    Case("the identity number", but(columns=(Column(name="id_card", type="text", identifier=True),)), "deny"),
    Case("a column of free text", but(columns=(Column(name="remarks", type="text"),)), "deny"),
)
