"""Consents as FHIR R4 resources: what is understood is taken as it is meant, what is not is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from huizhen.intake.consents import SCHEMA, Consents, read_consents
from huizhen.kit.errors import BadInput
from huizhen.model.consent import Terms
from huizhen.model.purpose import PURPOSES

DUO = "http://purl.obolibrary.org/obo"
HMB = [{"system": DUO, "code": "DUO_0000006"}]


def resource(subject: str = "P1", **changes: Any) -> dict[str, Any]:
    """An active permission for health research; `provision` is merged, all else replaced, None takes it out."""
    provision = {"type": "permit", "purpose": HMB, **changes.pop("provision", {})}
    made = {
        "resourceType": "Consent",
        "status": "active",
        "scope": {"coding": [{"code": "research"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "patient": {"reference": f"Patient/{subject}"},
        "dateTime": "2026-01-01",
        "provision": {k: v for k, v in provision.items() if v is not None},
        **changes,
    }
    return {k: v for k, v in made.items() if v is not None}


def lines(folder: Path, *resources: Any) -> Consents:
    path = folder / "consents.ndjson"
    path.write_text("".join(json.dumps(r) + "\n" for r in resources), encoding="utf-8")
    return read_consents(path)


def words(given: Consents) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in given.table.to_pylist()]


def refusal(folder: Path, *resources: Any) -> str:
    with pytest.raises(BadInput) as caught:
        lines(folder, *resources)
    assert caught.value.code == "bad-consents"
    return caught.value.what.en


def test_a_permission_for_a_purpose(tmp_path: Path) -> None:
    given = lines(tmp_path, resource())
    assert given.table.schema == SCHEMA
    assert words(given) == [("P1", "HMB", None, None, None, None, None, True)]


@pytest.mark.parametrize(
    ("code", "ours"), [("DUO_0000042", "GRU"), ("DUO:0000007", "DS"), ("HMB", "HMB"), ("HRESCH", "HMB")]
)
def test_purposes_in_the_codes_of_three_systems(tmp_path: Path, code: str, ours: str) -> None:
    assert words(lines(tmp_path, resource(provision={"purpose": [{"code": code}]})))[0][1] == ours


def test_period_and_datasets(tmp_path: Path) -> None:
    data = [{"meaning": "instance", "reference": {"identifier": {"value": name}}} for name in ("lung", "heart")]
    period = {"start": "2026-02", "end": "2026-12-31"}
    given = lines(tmp_path, resource(provision={"period": period, "data": data}))
    span = ("2026-02-01T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z")
    assert words(given) == [("P1", "HMB", name, *span, None, None, True) for name in ("lung", "heart")]


def test_a_number_may_be_an_identifier(tmp_path: Path) -> None:
    assert words(lines(tmp_path, resource(patient={"identifier": {"value": " 12 "}})))[0][0] == "12"


@pytest.mark.parametrize(
    "no", [{"status": "inactive"}, {"status": "entered-in-error"}, {"provision": {"type": "deny"}}]
)
def test_what_is_no_longer_so_is_a_no(tmp_path: Path, no: dict[str, Any]) -> None:
    assert words(lines(tmp_path, resource(**no))) == [("P1", "HMB", None, None, None, None, None, False)]


def test_a_no_without_purposes_is_a_no_to_all(tmp_path: Path) -> None:
    given = lines(tmp_path, resource(status="rejected", provision={"type": "deny", "purpose": None}))
    assert [w[1] for w in words(given)] == list(PURPOSES) and not any(w[-1] for w in words(given))


def test_a_denial_within_a_period_is_one_without_end(tmp_path: Path) -> None:
    """The book keeps no periods of denials; the safe side is a no that lasts."""
    given = lines(tmp_path, resource(provision={"type": "deny", "period": {"start": "2030", "end": "2031"}}))
    assert words(given)[0][3:] == (None, None, None, None, False)


def test_the_later_word_holds_whatever_the_order_of_the_file(tmp_path: Path) -> None:
    later = resource(dateTime="2026-06-01T08:00:00+08:00", provision={"type": "deny"})
    assert [w[-1] for w in words(lines(tmp_path, later, resource()))] == [True, False]


def test_drafts_say_nothing(tmp_path: Path) -> None:
    given = lines(tmp_path, resource(status="draft"), resource("P2"))
    assert [w[0] for w in words(given)] == ["P2"] and given.lines == 2


def test_a_bundle_and_a_single_resource(tmp_path: Path) -> None:
    bundle = {
        "resourceType": "Bundle",
        "entry": [
            {"resource": {"resourceType": "Patient"}},
            {"resource": resource("P7")},
            {"resource": resource("P8")},
        ],
    }
    path = tmp_path / "consents.json"
    path.write_text(json.dumps(bundle))
    assert [w[0] for w in words(read_consents(path))] == ["P7", "P8"]
    path.write_text(json.dumps(resource("P9")))
    assert [w[0] for w in words(read_consents(path))] == ["P9"]


@pytest.mark.parametrize("name", ["actor", "action", "securityLabel", "class", "code", "dataPeriod", "provision"])
def test_a_narrower_permission_is_never_read_as_a_broader_one(tmp_path: Path, name: str) -> None:
    assert f"line 1: narrowed by {name}" in refusal(tmp_path, resource(provision={name: [{"type": "deny"}]}))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"provision": {"purpose": [{"code": "Q-SECRET"}]}}, "unknown purpose"),
        ({"provision": {"purpose": None}}, "no purpose"),
        ({"provision": {"type": None}}, "'type' is missing"),
        ({"provision": {"type": "Q-SECRET"}}, "neither permit nor deny"),
        ({"provision": {"period": {"end": "Q-SECRET"}}}, "not a FHIR dateTime"),
        ({"provision": {"period": {"end": "2026-01-01T08:00:00"}}}, "not a FHIR dateTime"),
        ({"provision": {"period": {"start": "2027", "end": "2026"}}}, "ends before it begins"),
        ({"provision": {"data": [{"reference": {"reference": "Observation/1"}}]}}, "does not name a dataset"),
        ({"patient": {"display": "Q-SECRET"}}, "no number"),
        ({"patient": {"reference": "Group/Q-SECRET"}}, "no number"),
        ({"status": "Q-SECRET"}, "'status' is not"),
        ({"decision": "permit"}, "FHIR R5"),
        ({"purpose": HMB}, "FHIR STU3"),
        ({"resourceType": "Patient"}, "not a Consent"),
    ],
)
def test_what_is_not_understood_is_refused_without_a_value(tmp_path: Path, changed: dict[str, Any], why: str) -> None:
    said = refusal(tmp_path, resource(), resource(**changed))
    assert "1 line is wrong" in said and "line 2: " in said and why in said
    assert "Q-SECRET" not in said


def test_each_bad_line_is_told_and_what_is_no_json_too(tmp_path: Path) -> None:
    path = tmp_path / "consents.ndjson"
    path.write_bytes(b"{\n\n[1]\n\xff\n" + json.dumps(resource()).encode())
    with pytest.raises(BadInput) as caught:
        read_consents(path)
    said = caught.value.what.en
    assert "3 lines are wrong" in said and all(f"line {n}: not a JSON object" in said for n in (1, 3, 4))


OURS = "urn:huizhen:"


def receives(kind: str, role: str = "IRCP", system: str = f"{OURS}recipient-kind") -> dict[str, Any]:
    return {
        "role": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": role}]},
        "reference": {"identifier": {"system": system, "value": kind}},
    }


def does(kind: str) -> dict[str, Any]:
    return {"coding": [{"system": f"{OURS}method-kind", "code": kind}]}


def least(name: str, value: Any) -> dict[str, Any]:
    return {"url": f"{OURS}{name}", "valueInteger": value}


def test_what_narrows_a_permission_and_can_be_kept(tmp_path: Path) -> None:
    provision = {
        "actor": [receives("academic"), receives("foreign")],
        "action": [does("statistics"), does("model")],
        "class": [{"system": f"{OURS}category", "code": "imaging"}],
        "modifierExtension": [least("min-percent", 50)],
    }
    given = lines(tmp_path, resource(provision=provision, modifierExtension=[least("min-price-fen", 100)]))
    (row,) = given.table.to_pylist()
    assert row["category"] == "imaging"
    assert Terms.model_validate_json(row["terms"]) == Terms(
        recipients=("academic", "foreign"), methods=("statistics", "model"), min_percent=50, min_price_fen=100
    )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"provision": {"actor": [receives("acme", system="urn:oid:1.2")]}}, "narrowed by actor"),
        ({"provision": {"actor": [receives("academic", role="PRCP")]}}, "narrowed by actor"),
        ({"provision": {"actor": [receives("academics")]}}, "recipients, methods or price"),
        ({"provision": {"actor": [receives("foreign")]}}, "recipients, methods or price"),
        ({"provision": {"action": [{"coding": [{"code": "collect"}]}]}}, "narrowed by action"),
        ({"provision": {"class": [{"code": "Observation"}]}}, "narrowed by class"),
        ({"provision": {"modifierExtension": [least("min-percent", 101)]}}, "recipients, methods or price"),
        ({"provision": {"modifierExtension": [least("min-percent", True)]}}, "recipients, methods or price"),
        ({"modifierExtension": [{"url": "http://other", "valueInteger": 1}]}, "narrowed by a modifierExtension"),
        ({"performer": [{"reference": "RelatedPerson/9"}]}, "somebody else than the patient"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    assert said in refusal(tmp_path, resource(**changes))


def test_the_patient_as_performer_is_the_patient(tmp_path: Path) -> None:
    assert words(lines(tmp_path, resource(performer=[{"reference": "https://his/fhir/Patient/P1"}])))[0][0] == "P1"
