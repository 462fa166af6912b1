"""count: how many rows are in the cohort, altogether or by the levels of one column."""

from __future__ import annotations

import pandas as pd
import pytest
from lifelines.datasets import load_lung

from drive import build, hospitals, run, schema_of
from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Column, Schema
from huizhen.model.result import Table

LUNG = load_lung()
SCHEMA = schema_of(LUNG)


def test_without_a_column_it_is_one_number_and_reads_nothing() -> None:
    assert build("count", {}, SCHEMA).columns == ()
    assert run("count", {}, SCHEMA, hospitals(LUNG)).values == {"n": 228}


def test_by_a_column_it_is_one_number_for_each_level() -> None:
    result = run("count", {"by": "sex"}, SCHEMA, hospitals(LUNG))
    assert result.values == {"n": 228, "by": "sex", "levels": [1, 2], "counts": [138, 90]}


def test_the_total_is_declared_as_the_margin_of_the_counts_so_that_the_guard_sees_both() -> None:
    assert run("count", {"by": "sex"}, SCHEMA, [LUNG]).exposures == (Table(("counts",), ((("n",), None),)),)


def test_rows_with_a_missing_level_are_left_out_by_the_reader() -> None:
    assert run("count", {"by": "ph.ecog"}, SCHEMA, hospitals(LUNG)).values["counts"] == [63, 113, 50, 1]


def test_a_level_that_nobody_has_counts_zero() -> None:
    frame = pd.DataFrame({"stage": ["I", "II", "I"]})
    schema = schema_of(frame, categories={"stage": ["I", "II", "III"]})
    assert run("count", {"by": "stage"}, schema, [frame]).values["counts"] == [2, 1, 0]


def test_a_boolean_counts_no_then_yes() -> None:
    frame = pd.DataFrame({"smoker": [True, False, True]})
    assert run("count", {"by": "smoker"}, schema_of(frame), [frame]).values["counts"] == [1, 2]


def test_no_hospital_with_a_row_gives_zeros() -> None:
    assert run("count", {"by": "sex"}, SCHEMA, [LUNG.iloc[:0]] * 3).values["counts"] == [0, 0]


@pytest.mark.parametrize(
    ("by", "code", "remedy"),
    [
        ("sexx", "unknown-column", "Did you mean 'sex'?"),
        ("meal.cal", "no-levels", "levelled columns: "),
        ("name", "text-column", "choose another column"),
        ("mrn", "identifier-column", "never used in a study"),
    ],
)
def test_a_column_that_will_not_do_is_refused_before_anything_runs(by: str, code: str, remedy: str) -> None:
    schema = Schema(
        columns=(*SCHEMA.columns, Column(name="name", type="text"), Column(name="mrn", type="text", identifier=True))
    )
    with pytest.raises(BadInput) as refused:
        build("count", {"by": by}, schema)
    assert refused.value.code == code
    assert f"'{by}'" in refused.value.what.en
    assert f"“{by}”" in refused.value.what.zh
    assert remedy in refused.value.remedy.en


def test_a_value_that_the_schema_does_not_list_is_an_error_and_not_lost() -> None:
    narrow = Schema(columns=(Column(name="sex", type="integer", levels=(1,)),))
    with pytest.raises(BadInput) as refused:
        run("count", {"by": "sex"}, narrow, hospitals(LUNG))
    assert refused.value.code == "value-outside-levels"
