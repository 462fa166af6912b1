"""Whatever bytes come, the intake says what they are and loses none; and a view's texts stay texts."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.intake import fhir_split, fhirpath
from huizhen.intake.fhir_check import Fault, check_entry, check_resource
from huizhen.kit.errors import BadInput
from made_fhir import patient
from sql_on_fhir import rows_of

ODD = st.text(st.sampled_from('"\\{}[],: \n李a'), max_size=12)
TREE = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | ODD,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD, inner, max_size=3),
    max_leaves=8,
)
BYTES = st.binary(max_size=80) | st.text(st.sampled_from('{}[]",:\\ aeinrtuy\n'), max_size=60).map(str.encode)


@settings(max_examples=150)
@given(st.lists(st.dictionaries(ODD, TREE, max_size=3), max_size=4), st.integers(1, 40), st.booleans())
def test_a_bundle_comes_apart_into_its_entries(entries: list[dict[str, Any]], size: int, spaced: bool) -> None:
    whole = {"resourceType": "Bundle", "link": [{"entry": []}], "entry": entries, "total": 3}
    text = json.dumps(whole, indent=1 if spaced else None, ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(fhir_split, "_CHUNK_BYTES", size)
        *found, around = fhir_split.document(io.BytesIO(text))
    assert [json.loads(one.raw) for one in found] == entries
    assert json.loads(around.raw) == whole | {"entry": []}


@settings(max_examples=200)
@given(BYTES, st.integers(1, 30))
def test_lines_of_any_bytes_are_all_there(data: bytes, limit: int) -> None:
    found = list(fhir_split.lines(io.BytesIO(data), limit))
    assert b"".join(r.raw for r in found).replace(b"\n", b"").split() == data.replace(b"\n", b"").split() or any(
        r.raw.strip() for r in found
    )
    kept, given_ = (b"".join(x.split()) for x in (b"".join(r.raw for r in found), data))
    assert kept == given_


@settings(max_examples=300)
@given(BYTES)
def test_any_bytes_are_a_resource_or_a_fault(data: bytes) -> None:
    list(fhir_split.document(io.BytesIO(data)))
    for check in (check_resource, check_entry):
        with suppress(Fault):
            check(data)


@settings(max_examples=200)
@given(st.dictionaries(ODD, TREE, max_size=4))
def test_a_resource_with_anything_in_it_is_taken_as_it_came(more: dict[str, Any]) -> None:
    whole = {**more, **patient("p")}
    assert json.loads(check_resource(json.dumps(whole).encode()).text) == whole


@settings(max_examples=300)
@given(st.text(st.sampled_from("abc.()[]'\"=<>+-*/%$`@0123 andor\\"), max_size=40) | st.text(max_size=20))
def test_any_text_is_a_path_or_bad_input(path: str) -> None:
    with suppress(BadInput):
        fhirpath.parse(path)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=12).filter(lambda t: "\0" not in t and t.isprintable()))
def test_a_text_of_a_view_is_compared_as_it_is(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    column = {"name": "c", "path": f"name.text.first() = '{escaped}'", "type": "boolean"}
    view = {"resource": "Patient", "select": [{"column": [column]}]}
    people = [patient("a", name=[{"text": text}]), patient("b", name=[{"text": text + "'"}])]
    assert [row["c"] for row in rows_of(view, people)] == [True, False]


@settings(max_examples=30, deadline=None)
@given(TREE, st.sampled_from(["name.given.first()", "name.where(use = 'x').exists()", "name[0]", "name.join()"]))
def test_a_view_over_anything_gives_rows_or_says_why(tree: Any, path: str) -> None:
    view = {"resource": "Patient", "select": [{"column": [{"name": "c", "path": path}]}]}
    try:
        assert len(rows_of(view, [patient("a", name=tree)])) == 1
    except duckdb.Error as error:
        assert "huizhen:" in str(error)
