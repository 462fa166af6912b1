"""What is not known never helps: taking a fact away turns no refusal into leave, whatever the facts are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from huizhen import rules
from huizhen.model.casebook import legally, on_file
from huizhen.model.grant import Verdict, verdict
from huizhen.model.party import ACTS, MARKS, PARTY_KINDS, Act, Exported, Party
from huizhen.model.rule import EXEMPTIONS, Facts

CLAIMS = {*MARKS, *EXEMPTIONS, "use-agreement", "security-assessment", "expert-determination"}
"""Each brings a duty with it, or stands in for another: without the claim its rule does not apply."""
LEAVE = sorted(set(ACTS) - CLAIMS)
rules.all_rules()  # loaded before the first example, whose time is limited: their casebooks sign deeds


def decide(facts: Facts) -> Verdict:
    return verdict(rules.ask("study", facts))


@st.composite
def acts(draw: st.DrawFn) -> tuple[Act, ...]:
    kinds = draw(st.lists(st.sampled_from(sorted(ACTS)), unique=True))
    made = []
    for kind in kinds:
        outcome = draw(st.sampled_from(["granted", "granted", "granted", "refused"]))
        more: dict[str, Any] = {"people": 20_000, "purposes": ["HMB"], "reference": "A-1"}
        more["detail"] = draw(st.sampled_from([None, "9(2)(j)", "6(1)(f)"]))
        made.append(on_file(kind, outcome, draw(st.sampled_from(["2029-01-01", "2026-02-01", None])), **more))
    return tuple(made)


@st.composite
def situations(draw: st.DrawFn) -> Facts:
    party = Party(
        name="acme-pharma",
        kind=draw(st.sampled_from(PARTY_KINDS)),
        jurisdiction=draw(st.sampled_from([None, "CN", "SG", "DE", "US"])),
        foreign_controlled=draw(st.sampled_from([None, True, False])),
        contact=draw(st.sampled_from([None, "dpo@acme.example"])),
    )
    return legally(
        party,
        *draw(acts()),
        request={
            "purpose": draw(st.sampled_from(["HMB", "HGR", "PUBHLTH", "GRU"])),
            "release": draw(st.sampled_from([None, "public", "controlled", "enclave"])),
            "protection": {"min_cell": draw(st.sampled_from([4, 10, 20]))},
        },
        jurisdiction=draw(st.sampled_from(["CN", "CN", "DE", "US"])),
        category=draw(st.sampled_from(["clinical", "human-genetic"])),
        exported=(Exported(recipient="acme-pharma", people=draw(st.sampled_from([0, 9_999, 10_000]))),),
        people=draw(st.sampled_from([None, 1])),
    )


def without(facts: Facts, **changes: Any) -> Facts:
    return replace(facts, legal=facts.legal.model_copy(update=changes))


@given(situations(), st.data())
def test_an_act_of_leave_taken_off_file_turns_no_refusal_into_leave(facts: Facts, data: st.DataObject) -> None:
    missing = data.draw(st.sampled_from(LEAVE))
    fewer = without(facts, acts=tuple(a for a in facts.legal.acts if a.kind != missing))
    assert not (decide(facts) != "allow" and decide(fewer) == "allow")


@given(situations(), st.sampled_from(["foreign_controlled", "contact"]))
def test_less_known_of_a_party_turns_no_refusal_into_leave(facts: Facts, field: str) -> None:
    assert facts.party is not None
    less = without(facts, party=facts.party.model_copy(update={field: None}))
    if facts.foreign is not True or field == "contact":
        assert not (decide(facts) != "allow" and decide(less) == "allow")
    if facts.under_cn and facts.genetic and less.foreign is None:
        assert decide(less) != "allow"


@given(situations())
def test_an_asker_of_nobody_knows_where_is_never_allowed_where_place_matters(facts: Facts) -> None:
    assert facts.party is not None
    nowhere = without(facts, party=facts.party.model_copy(update={"jurisdiction": None}))
    if facts.legal.jurisdiction in ("CN", "DE"):
        assert decide(nowhere) != "allow"


@given(situations())
def test_where_a_register_is_kept_nobody_outside_it_is_allowed(facts: Facts) -> None:
    assert decide(without(facts, party=None)) != "allow"


def test_the_situations_hold_some_that_are_allowed() -> None:
    """So that the tests above can fail."""
    domestic = legally(None)
    assert decide(domestic) == "allow"
    leave = ("standard-contract", "impact-assessment", "export-consent")
    party = Party(name="acme-pharma", kind="commercial", jurisdiction="SG", contact="x")
    abroad = legally(party, *(on_file(kind) for kind in leave))
    assert decide(abroad) == "allow"
    for kind in leave:
        assert decide(without(abroad, acts=tuple(a for a in abroad.legal.acts if a.kind != kind))) == "needs"
    for field in ("jurisdiction", "contact"):
        assert decide(without(abroad, party=party.model_copy(update={field: None}))) == "needs"
