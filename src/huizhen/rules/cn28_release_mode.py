"""What goes out is public, controlled or in an enclave, and each has its condition. GB/T 37964 [S].

The conditions are the house's: a controlled release rests on an agreement of use; the strictest grade is not made
public; no enclave is run here, so one needs its certification on file. A study that states no mode gets guarded
figures for its asker alone, as before there were modes.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import DOMESTIC, legally, on_file
from huizhen.model.dataset import Column
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    mode = facts.request.release
    if not facts.under_cn or mode is None:
        return None
    if mode == "controlled":
        return by_act(facts, "use-agreement")
    if mode == "enclave":
        return by_act(facts, "certification")
    if any(c.grade == 5 for c in facts.columns):
        return Answer("deny", Text("Columns of grade 5 are not made public.", "5 级数据不得公开发布。"))
    return Answer("allow", Text("A public release of grades below 5.", "公开发布，不含 5 级数据。"))


_HIV = (Column(name="hiv", type="boolean", grade=5),)
RULE = Rule("CN28", "GB/T 37964", "2020-03-01", decide)
CASES = (
    Case("no mode is stated", legally(), None),
    Case("public", legally(request={"release": "public"}), "allow"),
    Case("controlled, under an agreement",
         legally(DOMESTIC, on_file("use-agreement"), request={"release": "controlled"}), "allow"),
    Case("HIV status made public", legally(request={"release": "public"}, columns=_HIV), "deny"),
    Case("controlled, without an agreement", legally(DOMESTIC, request={"release": "controlled"}), "needs"),
    Case("an enclave that nobody certified", legally(DOMESTIC, request={"release": "enclave"}), "needs"),
)  # fmt: skip
