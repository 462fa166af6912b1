"""What is published must be anonymous: neither identifiable nor to be made so again. PIPL Art 4, 73 [V].

De-identified data stay under the law. Only what goes out to everyone is asked here; of that, exact figures need a
recorded finding that they cannot be turned back (an `expert-determination`), and noise with a proven loss does not.
That noise or an expert's finding meets Art 73 is the house's reading.
"""

from huizhen.kit.text import Text
from huizhen.model.casebook import legally, on_file
from huizhen.model.dataset import Column
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.request.release != "public":
        return None
    single = [c.name for c in facts.columns if c.identifier]
    if single:
        return Answer("deny", Text("An identifier cannot be made public.", "标识符不得公开。"))
    if facts.request.protection.epsilon is not None:
        return Answer("allow", Text("Published with differential privacy only.", "仅以差分隐私方式公开。"))
    return by_act(facts, "expert-determination")


_PUBLIC = {"release": "public"}
RULE = Rule("CN02", "PIPL 4, 73", "2021-11-01", decide)
CASES = (
    Case("nothing is published", legally(), None),
    Case("counts with noise", legally(request={**_PUBLIC, "protection": {"epsilon": 0.5}}), "allow"),
    Case("an expert found exact figures anonymous",
         legally(None, on_file("expert-determination"), request=_PUBLIC), "allow"),
    Case("the identity number", legally(request=_PUBLIC, columns=(Column(name="id", type="text", identifier=True),)),
         "deny"),
    Case("exact figures that nobody has examined", legally(request=_PUBLIC), "needs"),
)  # fmt: skip
