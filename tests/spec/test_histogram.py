"""histogram: how the values of one column are spread."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines.datasets import load_lung

from drive import build, hospitals, run, schema_of
from huizhen.kit.errors import BadInput

LUNG = load_lung()
SCHEMA = schema_of(LUNG)


@pytest.mark.parametrize(
    ("column", "bins", "ends"),
    [("age", 8, (40, 80)), ("time", 20, (0, 1022)), ("wt.loss", 7, (-24.5, 60.1)), ("meal.cal", 10, (96, 2600))],
)
def test_counts_between_the_ends_are_those_of_numpy(column: str, bins: int, ends: tuple[float, float]) -> None:
    asked = {"column": column, "bins": bins, "range": ends}
    found = run("histogram", asked, SCHEMA, hospitals(LUNG), batches=2).values
    values = LUNG[column].dropna()
    counts, edges = np.histogram(values, bins, ends)
    assert found["counts"][1:-1] == counts.tolist()
    assert found["edges"][1:-1] == edges.tolist()
    assert found["counts"][0] == (values < ends[0]).sum()
    assert found["counts"][-1] == (values > ends[1]).sum()


def test_the_first_and_the_last_bin_are_open_so_that_nobody_is_lost() -> None:
    found = run("histogram", {"column": "age", "edges": [50, 60, 70]}, SCHEMA, hospitals(LUNG)).values
    assert found["edges"] == [None, 50.0, 60.0, 70.0, None]
    assert sum(found["counts"]) == found["n"] == 228


def test_a_value_on_an_edge_belongs_to_the_bin_that_it_begins_and_on_the_last_edge_to_the_one_it_ends() -> None:
    frame = pd.DataFrame({"x": [0.0, 1.0, 1.0, 2.0, 2.5]})
    found = run("histogram", {"column": "x", "edges": [0, 1, 2]}, schema_of(frame), [frame]).values
    assert found["counts"] == [0, 1, 3, 1]


def test_ten_bins_unless_another_number_is_asked_for() -> None:
    found = run("histogram", {"column": "age", "range": [40, 80]}, SCHEMA, hospitals(LUNG)).values
    assert len(found["counts"]) == 12


def test_a_column_with_levels_is_counted_by_level() -> None:
    frame = pd.DataFrame({"stage": ["I", "III", "I"], "node": [1, 2, 2]})
    schema = schema_of(frame, categories={"stage": ["I", "II", "III"]})
    assert run("histogram", {"column": "stage"}, schema, [frame]).values == {
        "column": "stage", "levels": ["I", "II", "III"], "counts": [2, 0, 1], "n": 3,
    }  # fmt: skip
    assert run("histogram", {"column": "node"}, schema, [frame]).values["counts"] == [1, 2]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"column": "age"}, "no-range"),
        ({"column": "age", "bins": 5}, "no-range"),
        ({"column": "age", "range": [40]}, "bad-params"),
        ({"column": "age", "range": [40, 50, 60]}, "bad-params"),
        ({"column": "age", "range": [80, 40]}, "edges-not-ascending"),
        ({"column": "age", "edges": [1, 1, 2]}, "edges-not-ascending"),
        ({"column": "age", "edges": [1, 2], "bins": 3}, "edges-or-bins"),
        ({"column": "age", "range": [0, 1], "bins": 0}, "bad-params"),
        ({"column": "age", "range": [0, 1], "bns": 3}, "bad-params"),
        ({"column": "kind", "range": [0, 1]}, "no-bins-for-levels"),
    ],
)
def test_what_will_not_do_is_refused_with_a_remedy(params: dict[str, Any], code: str) -> None:
    schema = schema_of(LUNG.assign(kind="a"))
    with pytest.raises(BadInput) as refused:
        build("histogram", params, schema)
    assert refused.value.code == code
    assert refused.value.remedy.en
    assert refused.value.remedy.zh
