"""Resources of FHIR R4 are told from everything else, and streams are taken apart where they are."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from huizhen.intake import fhir_split
from huizhen.intake.fhir_check import Fault, check_entry, check_resource
from made_fhir import patient, pressure


def checked(**more: Any) -> str:
    try:
        return check_resource(json.dumps(patient("p") | more, ensure_ascii=False).encode()).id
    except Fault as fault:
        return fault.said.en


def test_a_resource_is_taken_as_it_came() -> None:
    raw = json.dumps(patient("p", meta={"lastUpdated": "2024-01-01T08:00:00.5+08:00"}), indent=1).encode()
    found = check_resource(raw)
    assert found == ("Patient", "p", "2024-01-01T00:00:00.500000Z", raw.decode())


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"resourceType": "Person"}, "p"), ({"resourceType": "Patinet"}, "no resource type of FHIR R4"),
        ({"resourceType": None}, "no resourceType"), ({"id": None}, "no id"),
        ({"id": "a b"}, "its id is not one of FHIR"),
        ({"birthDate": "2023-02-29"}, "'birthDate' is no date that there is"), ({"birthDate": "2024-02-29"}, "p"),
        ({"birthDate": "1970"}, "p"), ({"birthDate": "19700228"}, "'birthDate' is no date that there is"),
        ({"deceasedDateTime": "2024-01-01T25:00:00Z"}, "'deceasedDateTime' is no date that there is"),
        ({"deceasedDateTime": "0001-01-01"}, "'deceasedDateTime' is no date that there is"),
        ({"animal": {}}, "FHIR STU3; export it as R4"),
        ({"resourceType": "ProcedureRequest"}, "FHIR STU3; export it as R4"),
        ({"resourceType": "Encounter", "actualPeriod": {}}, "FHIR R5; export it as R4"),
        ({"resourceType": "Encounter", "class": [{}]}, "FHIR R5; export it as R4"),
        ({"resourceType": "Encounter", "class": {"code": "AMB"}}, "p"),
        ({"resourceType": "GenomicStudy"}, "FHIR R5; export it as R4"),
        ({"resourceType": "Bundle"}, "a bundle inside a bundle or a line"),
    ],
)  # fmt: skip
def test_what_is_no_resource_of_r4_is_refused_by_name(more: dict[str, Any], why: str) -> None:
    assert checked(**more) == why


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"a":1}}', b"\xff\xfe", b"null", b"[" * 5000])
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(Fault):
        check_resource(raw)


def test_text_that_is_not_utf_8_is_refused_and_not_guessed() -> None:
    with pytest.raises(Fault):
        check_resource(json.dumps(patient("p", name=[{"text": "李娜"}]), ensure_ascii=False).encode("gb18030"))


def test_an_entry_without_id_gets_that_of_its_full_url() -> None:
    inner = {k: v for k, v in patient("x").items() if k != "id"}
    found = check_entry(json.dumps({"fullUrl": "urn:uuid:abc-1", "resource": inner}).encode())
    assert found.id == "abc-1"
    assert json.loads(found.text) == inner | {"id": "abc-1"}
    with pytest.raises(Fault):
        check_entry(json.dumps({"fullUrl": "urn:uuid:abc-1", "resource": patient("other")}).encode())
    with pytest.raises(Fault):
        check_entry(b'{"request":{"method":"DELETE"}}')


def test_entries_are_found_whatever_their_strings_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [patient(f"p{i}", name=[{"text": t}]) for i, t in enumerate(['"}]', "\\", '\\"{[', "[{", "李\\\\"])]
    whole = {
        "link": [{"a": 1}],
        "entry": [{"resource": r} for r in odd],
        "signature": {"data": ["x"]},
        "resourceType": "Bundle",
    }
    for size in (1, 7, 64, 1 << 20):
        monkeypatch.setattr(fhir_split, "_CHUNK_BYTES", size)
        for text in (json.dumps(whole), json.dumps(whole, indent=2)):
            *entries, around = fhir_split.document(io.BytesIO(text.encode()))
            assert [json.loads(e.raw)["resource"] for e in entries] == odd
            assert not around.cut
            assert json.loads(around.raw) == whole | {"entry": []}


def test_a_record_that_is_too_long_comes_in_pieces_and_the_next_one_whole() -> None:
    long = b'{"a":"' + b"x" * 5000 + b'"}'
    records = list(fhir_split.lines(io.BytesIO(long + b"\n\n{}\n"), limit=1000))
    assert b"".join(r.raw for r in records if r.place == 1).strip() == long
    assert all(r.piece for r in records if r.place == 1)
    assert [(r.place, r.raw) for r in records if not r.piece] == [(3, b"{}")]
    document = b'{"resourceType":"Bundle","entry":[' + long + b',{"b":1}]}'
    found = list(fhir_split.document(io.BytesIO(document), limit=1000))
    assert b"".join(r.raw for r in found if r.place == 1) == long
    assert [(r.place, r.raw) for r in found if r.entry and not r.piece] == [(2, b'{"b":1}')]


def test_a_cut_file_says_so() -> None:
    text = json.dumps({"resourceType": "Bundle", "entry": [{"resource": pressure("a", 1, 2)}] * 2})
    *entries, around = fhir_split.document(io.BytesIO(text[:-40].encode()))
    assert [e.cut for e in entries] == [False, True]
    assert around.cut
