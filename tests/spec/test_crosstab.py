"""crosstab: two columns against each other."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from lifelines.datasets import load_gbsg2, load_lung
from scipy.stats import chi2_contingency
from scipy.stats.contingency import association

from drive import build, hospitals, run, schema_of
from huizhen.kit.errors import BadInput
from huizhen.model.result import Table

LUNG = load_lung()
SCHEMA = schema_of(LUNG)


def test_the_table_is_that_of_pandas_with_its_totals() -> None:
    found = run("crosstab", {"row": "sex", "col": "ph.ecog"}, SCHEMA, hospitals(LUNG), batches=2).values
    pooled = pd.crosstab(LUNG.sex, LUNG["ph.ecog"])
    assert found["table"] == pooled.to_numpy().tolist()
    assert (found["row_levels"], found["col_levels"]) == ([1, 2], [0, 1, 2, 3])
    assert found["row_totals"] == pooled.sum(axis=1).tolist()
    assert found["col_totals"] == pooled.sum(axis=0).tolist()
    assert found["n"] == 227


@pytest.mark.parametrize(("row", "col"), [("tgrade", "menostat"), ("horTh", "tgrade"), ("cens", "horTh")])
def test_chi_square_and_cramers_v_are_those_of_scipy_without_continuity_correction(row: str, col: str) -> None:
    patients = load_gbsg2()
    found = run("crosstab", {"row": row, "col": col}, schema_of(patients), hospitals(patients)).values
    pooled = pd.crosstab(patients[row], patients[col]).to_numpy()
    test = chi2_contingency(pooled, correction=False)
    assert (found["chi2"], found["p"]) == pytest.approx((test.statistic, test.pvalue), rel=1e-12)
    assert found["dof"] == test.dof
    assert np.allclose(found["expected"], test.expected_freq, rtol=1e-14)
    assert found["cramers_v"] == pytest.approx(association(pooled, method="cramer", correction=False), rel=1e-12)


def test_levels_that_nobody_has_stay_in_the_table_and_out_of_the_test() -> None:
    frame = pd.DataFrame({"a": list("xxxyyyxy"), "b": list("ppqqqppq")})
    schema = schema_of(frame, categories={"a": ["x", "y", "z"], "b": ["o", "p", "q"]})
    found = run("crosstab", {"row": "a", "col": "b"}, schema, hospitals(frame)).values
    test = chi2_contingency(pd.crosstab(frame.a, frame.b), correction=False)
    assert found["table"][2] == [0, 0, 0]
    assert (found["chi2"], found["dof"]) == (pytest.approx(test.statistic), 1)


def test_with_one_level_left_there_is_no_test() -> None:
    found = run("crosstab", {"row": "sex", "col": "ph.ecog"}, SCHEMA, hospitals(LUNG[LUNG.sex == 1])).values
    assert (found["chi2"], found["dof"], found["p"], found["cramers_v"]) == (None, 0, None, None)


def test_margins_and_everything_computed_from_the_cells_are_declared_to_the_guard() -> None:
    (table,) = run("crosstab", {"row": "sex", "col": "ph.ecog"}, SCHEMA, [LUNG]).exposures
    assert isinstance(table, Table)
    assert table.margins == ((("row_totals",), 0), (("col_totals",), 1), (("n",), None))
    assert set(table.derived) == {("expected",), ("chi2",), ("dof",), ("p",), ("cramers_v",)}


def test_a_column_against_itself_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        build("crosstab", {"row": "sex", "col": "sex"}, SCHEMA)
    assert refused.value.code == "repeated-column"
