"""A new recipient of personal data is told to the persons, with name and contact, and each consents. PIPL Art 23 [V].

A guarded statistic provides nobody's data to the asker, so the rule waits for a release into an enclave, where the
asker works on records. Recipients abroad are CN17's.
"""

from huizhen.model.casebook import DOMESTIC, legally, on_file
from huizhen.model.rule import Answer, Case, Facts, Rule, by_act, unknown


def decide(facts: Facts) -> Answer | None:
    if not facts.under_cn or facts.request.release != "enclave" or facts.abroad:
        return None
    if facts.party is None:
        return unknown("Who receives the data is not in the register.", "接收方未登记。")
    if facts.party.contact is None:
        return unknown("The register has no contact of the recipient.", "登记册缺少接收方联系方式。")
    return by_act(facts, "recipient-notice")


_ENCLAVE = {"release": "enclave"}
RULE = Rule("CN04", "PIPL 23", "2021-11-01", decide)
CASES = (
    Case("statistics for a domestic party: the rule does not apply", legally(DOMESTIC), None),
    Case("the persons were told and consented", legally(DOMESTIC, on_file("recipient-notice"), request=_ENCLAVE),
         "allow"),
    Case("they were told and said no", legally(DOMESTIC, on_file("recipient-notice", "refused"), request=_ENCLAVE),
         "deny"),
    Case("nobody was told", legally(DOMESTIC, request=_ENCLAVE), "needs"),
    Case("a recipient without contact",
         legally(DOMESTIC.model_copy(update={"contact": None}), on_file("recipient-notice"), request=_ENCLAVE),
         "needs"),
    Case("a recipient whom nobody registered", legally(request=_ENCLAVE), "needs"),
)  # fmt: skip
