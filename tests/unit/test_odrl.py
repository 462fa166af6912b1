"""ODRL: what is exported is an agreement by the rules of the information model, and is read back to the same terms.

The rules are those of "ODRL Information Model 2.2" (W3C Recommendation, 15 February 2018), asked as SPARQL of the graph
that an RDF library makes of the JSON-LD. Each is shown to notice an agreement that breaks it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import Graph

from huizhen.kit.errors import BadInput
from huizhen.market.odrl import CONTEXT, from_odrl, to_odrl
from huizhen.model.casebook import contract, deed
from huizhen.model.deed import Instrument
from huizhen.model.purpose import PURPOSES

pytestmark = pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning")
"""The library's own parser uses it."""
VOCABULARY = "http://www.w3.org/ns/odrl/2/"
IRI = ("profile", "target", "assigner", "assignee", "permission", "prohibition", "duty", "constraint",
       "compensatedParty")  # fmt: skip
WORD = ("action", "leftOperand", "operator")
W3C: dict[str, Any] = {
    "odrl": VOCABULARY,
    **{name: f"odrl:{name}" for name in ("Agreement", "use", "compensate", "purpose", "dateTime", "count", "payAmount",
                                         "eq", "gteq", "lteq", "isAnyOf", "rightOperand")},
    **{name: {"@id": f"odrl:{name}", "@type": "@id"} for name in IRI},
    **{name: {"@id": f"odrl:{name}", "@type": "@vocab"} for name in WORD},
}  # fmt: skip
"""What the W3C context says of the terms used here: no test fetches it."""
ASKS = "PREFIX o: <http://www.w3.org/ns/odrl/2/> PREFIX hz: <urn:huizhen:odrl:1:> SELECT ?x WHERE { %s }"
RULES = {
    "2.1 a policy has one uid that is an IRI": "?x a o:Agreement FILTER NOT EXISTS { ?x o:uid ?u FILTER isIRI(?u) }",
    "2.1 a policy has at least one rule":
        "?x a o:Agreement FILTER NOT EXISTS { ?x o:permission|o:prohibition|o:obligation ?r }",
    "2.1 a profile is named, since there are terms of one": "?x a o:Agreement FILTER NOT EXISTS { ?x o:profile ?p }",
    "2.1.3 an agreement has one assigner": "?x a o:Agreement FILTER NOT EXISTS { ?x o:assigner ?a FILTER isIRI(?a) }",
    "2.1.3 an agreement has one assignee": "?x a o:Agreement FILTER NOT EXISTS { ?x o:assignee ?a FILTER isIRI(?a) }",
    "2.1.3 and not two": "?x o:assigner ?a, ?b FILTER (?a != ?b)",
    "2.6.1 a permission has a target": "?p o:permission ?x FILTER NOT EXISTS { ?x o:target ?t FILTER isIRI(?t) }",
    "2.6.2 a prohibition has a target": "?p o:prohibition ?x FILTER NOT EXISTS { ?x o:target ?t FILTER isIRI(?t) }",
    "2.6 a rule has one action":
        "?p o:permission|o:prohibition|o:obligation|o:duty ?x FILTER NOT EXISTS { ?x o:action ?a FILTER isIRI(?a) }",
    "2.4 actions are of the vocabulary or the profile":
        'FILTER (!STRSTARTS(STR(?a), STR(o:)) && !STRSTARTS(STR(?a), STR(hz:))) ?x o:action ?a',
    "2.5.1 a constraint has one leftOperand": "?r o:constraint ?x FILTER NOT EXISTS { ?x o:leftOperand ?l }",
    "2.5.1 and one operator of the vocabulary":
        "?r o:constraint ?x FILTER NOT EXISTS { ?x o:operator ?l FILTER STRSTARTS(STR(?l), STR(o:)) }",
    "2.5.1 and a rightOperand": "?r o:constraint ?x FILTER NOT EXISTS { ?x o:rightOperand ?l }",
    "vocabulary: dateTime compares with a date":
        "?x o:leftOperand o:dateTime ; o:rightOperand ?v "
        "FILTER (DATATYPE(?v) != <http://www.w3.org/2001/XMLSchema#date>)",
    "vocabulary: count compares with an integer":
        "?x o:leftOperand o:count ; o:rightOperand ?v "
        "FILTER (DATATYPE(?v) != <http://www.w3.org/2001/XMLSchema#integer>)",
    "vocabulary: payAmount is a decimal and has a unit":
        "?x o:leftOperand o:payAmount ; o:rightOperand ?v FILTER (DATATYPE(?v) != "
        "<http://www.w3.org/2001/XMLSchema#decimal> || NOT EXISTS { ?x o:unit ?u })",
}  # fmt: skip


def graph(agreement: dict[str, Any]) -> Graph:
    first, ours = agreement["@context"]
    assert first == CONTEXT
    here = json.dumps({**agreement, "@context": [W3C, ours]})
    return Graph().parse(data=here, format="json-ld")


def broken(agreement: dict[str, Any]) -> set[str]:
    found = graph(agreement)
    return {rule for rule, ask in RULES.items() if len(found.query(ASKS % ask))}


FULL = {
    "deed": deed(duties=["No record leaves a hospital."], purposes=["HMB", "PUBHLTH"], contract_required=True),
    "contract": contract(
        methods=["cox", "glm"],
        studies=7,
        price_fen=120_005,
        commitment="I single nobody out. 不识别个人。",
        duties=["x"],
    ),
}


@pytest.mark.parametrize("kind", FULL)
def test_an_export_keeps_the_rules_of_the_information_model(kind: str) -> None:
    agreement = to_odrl(FULL[kind].instrument)
    assert broken(agreement) == set()
    assert len(graph(agreement)) > 30


def without(*path: Any) -> Callable[[dict[str, Any]], None]:
    def change(agreement: dict[str, Any]) -> None:
        *to, last = path
        for step in to:
            agreement = agreement[step]
        del agreement[last]

    return change


def put(value: Any, *path: Any) -> Callable[[dict[str, Any]], None]:
    def change(agreement: dict[str, Any]) -> None:
        *to, last = path
        for step in to:
            agreement = agreement[step]
        agreement[last] = value

    return change


def no_rules(agreement: dict[str, Any]) -> None:
    for name in ("permission", "prohibition", "obligation"):
        del agreement[name]


PERMISSION = ("permission", 0)
BREAKS = [
    without("uid"), no_rules, without("profile"), without("assigner"), without("assignee"),
    put(["urn:a", "urn:b"], "assigner"), without(*PERMISSION, "target"), without("prohibition", 0, "target"),
    without("obligation", 0, "action"), put("http://example.org/steal", "prohibition", 0, "action"),
    without(*PERMISSION, "constraint", 0, "leftOperand"),
    put("http://example.org/like", *PERMISSION, "constraint", 0, "operator"),
    without(*PERMISSION, "constraint", 0, "rightOperand"), put("soon", *PERMISSION, "constraint", 1, "rightOperand"),
    put("many", *PERMISSION, "constraint", 4, "rightOperand"),
    without(*PERMISSION, "duty", 0, "constraint", 0, "unit"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change"), list(zip(RULES, BREAKS, strict=True)), ids=list(RULES))
def test_each_rule_notices_what_breaks_it(rule: str, change: Callable[[dict[str, Any]], None]) -> None:
    agreement = json.loads(json.dumps(to_odrl(FULL["contract"].instrument)))
    change(agreement)
    assert rule in broken(agreement)


TEXT = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20)
NAME = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
DAYS = st.dates().map(str)
COMMON: dict[str, Any] = {
    "title": TEXT,
    "datasets": st.lists(NAME, min_size=1, max_size=3),
    "purposes": st.lists(st.sampled_from(sorted(PURPOSES)), min_size=1, max_size=3, unique=True),
    "duties": st.lists(TEXT, max_size=3),
    "exit": st.fixed_dictionaries({"notice_days": st.integers(0, 3650), "then": TEXT}),
}


@st.composite
def instruments(draw: st.DrawFn) -> Instrument:
    first, last = sorted([draw(DAYS), draw(DAYS)])
    terms = {name: draw(strategy) for name, strategy in COMMON.items()} | {"from_day": first, "until_day": last}
    previous = draw(st.none() | st.just("ab" * 32))
    version = 1 if previous is None else draw(st.integers(2, 99))
    if draw(st.booleans()):
        own = deed(**terms, accrual=draw(st.sampled_from(["month", "quarter", "year"])), unsigned=True).instrument
    else:
        own = contract(
            **terms,
            unsigned=True,
            methods=draw(st.just("all") | st.lists(TEXT, min_size=1, max_size=3)),
            studies=draw(st.none() | st.integers(1, 10**6)),
            price_fen=draw(st.integers(0, 10**9)),
            prepaid=draw(st.booleans()),
            commitment=draw(st.none() | TEXT),
        ).instrument
    return Instrument.read({**own.as_json(), "version": version, "previous": previous, "region": draw(NAME)})


@settings(deadline=None)
@given(instruments())
def test_it_is_read_back_to_the_same_terms(instrument: Instrument) -> None:
    written = json.dumps(to_odrl(instrument), ensure_ascii=False)
    assert from_odrl(json.loads(written)) == instrument


@pytest.mark.parametrize("change", [put("x", "dcterms:title"), put(4, "hz:version"), without("permission"), no_rules])
def test_an_agreement_that_was_changed_is_not_read(change: Callable[[dict[str, Any]], None]) -> None:
    agreement = json.loads(json.dumps(to_odrl(FULL["contract"].instrument)))
    change(agreement)
    with pytest.raises(BadInput) as caught:
        from_odrl(agreement)
    assert caught.value.code == "bad-odrl"
