"""Views: what a ViewDefinition of SQL on FHIR v2 selects, over a few made-up resources.

The specification's own cases are run where `HUIZHEN_SQL_ON_FHIR` names a folder of them (see tests/sql_on_fhir.py).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import duckdb
import pytest

from huizhen.intake import views
from huizhen.intake.view import read_view
from huizhen.kit.errors import BadInput, NotFound
from sql_on_fhir import passes, rows_of

ANN = {
    "resourceType": "Patient", "id": "ann", "gender": "female", "birthDate": "1970-02-28", "active": True,
    "name": [{"use": "official", "family": "Li", "given": ["An", "Na"]}, {"use": "usual", "family": "Lee"}],
    "link": [{"other": {"reference": "Patient/bo"}}], "extension": [{"url": "urn:x", "valueCode": "F"}],
}  # fmt: skip
BO = {
    "resourceType": "Patient",
    "id": "bo",
    "birthDate": "1970",
    "name": [{"family": "O'Bo"}],
    "deceasedBoolean": False,
}
PEOPLE: list[dict[str, Any]] = [ANN, BO]
FORM = {"resourceType": "QuestionnaireResponse", "id": "q", "item": [
    {"linkId": "1", "item": [{"linkId": "1.1", "answer": [{"item": [{"linkId": "1.1.1"}]}]}]}, {"linkId": "2"}
]}  # fmt: skip


def cell(path: str, resources: list[dict[str, Any]] = PEOPLE, **column: Any) -> list[Any]:
    view = {"resource": resources[0]["resourceType"], "select": [{"column": [{"name": "c", "path": path, **column}]}]}
    return [row["c"] for row in rows_of(view, resources)]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("gender", ["female", None]),
        ("name.given.first()", ["An", None]),
        ("name[1].family", ["Lee", None]),
        ("name.where(use = 'official').family", ["Li", None]),
        ("name.where(family = 'O\\'Bo').exists()", [False, True]),
        ("name.given.join('-')", ["An-Na", None]),
        ("deceased.ofType(boolean)", [None, "false"]),
        ("extension('urn:x').value.ofType(code)", ["F", None]),
        ("getResourceKey()", ["ann", "bo"]),
        ("link.other.getReferenceKey(Patient)", ["bo", None]),
        ("link.other.getReferenceKey(Group)", [None, None]),
        ("gender = 'female' and active", [True, None]),
        ("gender.exists().not() or active = true", [True, True]),
        ("1 + 2 * 3 = 7", [True, True]),
        ("birthDate < @1971", [True, True]),
        ("birthDate < @1970-03-01", [True, None]),
        ("name.where($this.family = 'Li').exists()", [True, False]),
    ],
)
def test_a_path_finds(path: str, found: list[Any]) -> None:
    truth = any(isinstance(one, bool) for one in found)
    assert cell(path, **({"type": "boolean"} if truth else {})) == found


def test_moments_with_zones_are_compared_as_moments() -> None:
    seen = {"resourceType": "Observation", "id": "o", "effectiveDateTime": "2020-01-01T00:30:00+08:00"}
    assert cell("effective.ofType(dateTime) < @2019-12-31T18:00:00Z", [seen], type="boolean") == [True]


def test_several_values_are_no_single_one() -> None:
    with pytest.raises(duckdb.Error, match="huizhen:several"):
        cell("name.family")
    assert cell("name.family", collection=True) == [["Li", "Lee"], ["O'Bo"]]


def test_a_condition_has_to_be_true_or_false() -> None:
    view = {"resource": "Patient", "select": [{"column": [{"name": "c", "path": "id"}]}], "where": [{"path": "gender"}]}
    with pytest.raises(duckdb.Error, match="huizhen:no-boolean"):
        rows_of(view, PEOPLE)


def test_rows_of_each_element_of_nothing_and_of_several_lists() -> None:
    family = [{"name": "family", "path": "family"}, {"name": "at", "path": "%rowIndex", "type": "integer"}]
    who = {"column": [{"name": "id", "path": "id"}]}
    each = rows_of(
        {"resource": "Patient", "select": [who, {"forEach": "name.where(use.exists())", "column": family}]}, PEOPLE
    )
    assert [(r["id"], r["family"], r["at"]) for r in each] == [("ann", "Li", 0), ("ann", "Lee", 1)]
    part = {"forEachOrNull": "name.where(use.exists())", "column": family}
    both = rows_of({"resource": "Patient", "select": [who, {"unionAll": [part, part]}]}, PEOPLE)
    assert [(r["id"], r["family"]) for r in both] == [("ann", "Li"), ("ann", "Lee")] * 2 + [("bo", None)] * 2


def test_repeat_follows_all_the_way_down_and_refuses_to_stop_half_way() -> None:
    select = {"repeat": ["item", "answer.item"], "column": [{"name": "c", "path": "linkId"}]}
    found = rows_of({"resource": "QuestionnaireResponse", "select": [select]}, [FORM])
    assert [r["c"] for r in found] == ["1", "1.1", "1.1.1", "2"]
    deep: dict[str, Any] = {"linkId": "x"}
    for _ in range(20):
        deep = {"linkId": "x", "item": [deep]}
    with pytest.raises(duckdb.Error, match="huizhen:too-deep"):
        rows_of({"resource": "QuestionnaireResponse", "select": [select]}, [FORM | {"item": [deep]}])


def test_a_day_that_is_none_is_empty_and_counted() -> None:
    day = {"type": "date", "tag": [{"name": "ansi/type", "value": "DATE"}]}
    assert [str(d) for d in cell("birthDate", **day)] == ["1970-02-28", "None"]
    assert cell("birthDate") == ["1970-02-28", "1970"]


@pytest.mark.parametrize(
    "wrong",
    [
        {}, {"resource": "Patient", "select": [{"column": [{"name": "a b", "path": "id"}]}]},
        {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id"}], "forEvery": "name"}]},
        {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id"}, {"name": "a", "path": "id"}]}]},
        {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id", "typ": "id"}]}]},
        {"resource": "Patient", "select": [{"forEach": "name", "repeat": ["x"], "column": []}]},
        {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "%none"}]}]},
        {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "name.trace('x')"}]}]},
        {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "name..family"}]}]},
        {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "(" * 99 + "id" + ")" * 99}]}]},
    ],
)  # fmt: skip
def test_a_view_that_is_not_understood_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        rows_of(wrong, PEOPLE)


def test_views_that_come_along_are_understood_and_named_after_their_files() -> None:
    for name in views.names():
        assert read_view(views.definition(name)).name == name
    assert set(views.names()) == {
        "patients", "encounters", "conditions", "observations", "medications", "procedures", "claims",
        "imaging_studies",
    }  # fmt: skip
    with pytest.raises(NotFound):
        views.definition("conditons")


def _published() -> list[Any]:
    folder = os.environ.get("HUIZHEN_SQL_ON_FHIR")
    found = []
    for path in sorted(Path(folder).glob("*.json")) if folder else []:
        whole = json.loads(path.read_text(encoding="utf-8"))
        for case in whole["tests"]:
            if "experimental" not in case.get("tags", []):
                found.append(pytest.param(case, whole["resources"], id=f"{path.stem}: {case['title']}"))
    return found


@pytest.mark.skipif(not os.environ.get("HUIZHEN_SQL_ON_FHIR"), reason="HUIZHEN_SQL_ON_FHIR names no folder of cases")
@pytest.mark.parametrize(("case", "resources"), _published())
def test_a_published_case_passes(case: dict[str, Any], resources: list[dict[str, Any]]) -> None:
    assert passes(case, resources)
