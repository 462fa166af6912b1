"""describe: each column by itself."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines.datasets import load_lung
from sklearn.datasets import load_breast_cancer

from drive import build, hospitals, run, schema_of, trace
from huizhen.kit.errors import BadInput
from huizhen.model.result import Statistic, Table

LUNG = load_lung()
LUNG["male"] = LUNG.sex == 1
LUNG["site"] = LUNG.inst.map(lambda v: None if np.isnan(v) else f"hospital {v:.0f}")
SCHEMA = schema_of(LUNG)


def described(frame: pd.DataFrame, **params: Any) -> dict[str, Any]:
    asked = {"columns": list(map(str, frame.columns)), **params}
    return run("describe", asked, schema_of(frame), hospitals(frame), batches=2).values["columns"]


@pytest.mark.parametrize("column", ["age", "time", "meal.cal", "wt.loss", "ph.ecog"])
def test_numbers_have_the_mean_sd_and_quantiles_of_pandas_over_the_values_that_are_there(column: str) -> None:
    asked = {"columns": [column], "quantiles": [0.05, 0.25, 0.5, 0.75, 0.95]}
    found = run("describe", asked, SCHEMA, hospitals(LUNG)).values["columns"][column]
    pooled = LUNG[column]
    assert found["n"] == pooled.count()
    assert found["missing"] == pooled.isna().sum()
    assert found["mean"] == pytest.approx(pooled.mean(), rel=1e-13)
    assert found["sd"] == pytest.approx(pooled.std(), rel=1e-13)
    assert [q["value"] for q in found["quantiles"]] == [pooled.quantile(q["p"]) for q in found["quantiles"]]


def test_quantiles_are_those_of_numpy_to_the_last_bit_for_thirty_columns_of_any_doubles() -> None:
    cells = load_breast_cancer(as_frame=True).data
    for name, found in described(cells, quantiles=[0.1, 0.33, 0.9]).items():
        assert [q["value"] for q in found["quantiles"]] == np.quantile(cells[name], [0.1, 0.33, 0.9]).tolist()


def test_whole_numbers_need_three_rounds_and_any_doubles_a_few_more() -> None:
    whole = trace("describe", {"columns": ["age", "time"]}, SCHEMA, hospitals(LUNG)).rounds
    years = LUNG.assign(years=LUNG.time / 365.25)
    assert whole == 3
    assert trace("describe", {"columns": ["years"]}, schema_of(years), hospitals(years)).rounds <= 7


def test_negative_and_equal_values_and_both_zeros_are_in_order() -> None:
    frame = pd.DataFrame({"x": [-3.5, -0.0, 0.0, -3.5, 1e-300, 7.0, -2e9, 7.0]})
    found = described(frame, quantiles=[0.01, 0.5, 0.99])["x"]["quantiles"]
    assert [q["value"] for q in found] == pytest.approx(np.quantile(frame.x, [0.01, 0.5, 0.99]).tolist(), rel=1e-15)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12, 1e200])
def test_the_unit_of_a_column_costs_no_digit(scale: float) -> None:
    age = LUNG.age * scale
    found = described(pd.DataFrame({"x": age}))["x"]
    assert found["mean"] == pytest.approx(LUNG.age.mean() * scale, rel=1e-13)
    assert found["sd"] == pytest.approx(LUNG.age.std() * scale, rel=1e-13)


def test_a_small_spread_around_a_large_mean_is_found_exactly() -> None:
    values = [1e9 + 1e-6 * i for i in range(30)]
    exact = [Fraction(v) for v in values]
    mean = sum(exact) / 30
    sd = float(sum((v - mean) ** 2 for v in exact) / 29) ** 0.5
    assert described(pd.DataFrame({"x": values}))["x"]["sd"] == pytest.approx(sd, rel=1e-12)


def test_a_column_with_one_value_has_no_spread_even_where_its_mean_is_rounded() -> None:
    found = described(pd.DataFrame({"x": [0.1] * 30}))["x"]
    assert found["sd"] == 0
    assert found["mean"] == pytest.approx(0.1, rel=1e-15)


def test_categories_and_booleans_have_counts_by_level_with_the_missing_ones_last() -> None:
    found = run("describe", {"columns": ["site", "male"]}, SCHEMA, hospitals(LUNG)).values["columns"]
    counts = LUNG.site.value_counts()
    levels = sorted(counts.index)
    assert found["site"]["levels"] == [*levels, None]
    assert found["site"]["counts"] == [*counts[levels].tolist(), 1]
    assert (found["site"]["n"], found["site"]["missing"]) == (227, 1)
    assert found["male"] == {
        "type": "boolean", "unit": None, "n": 228, "missing": 0, "levels": [0, 1], "counts": [90, 138],
    }  # fmt: skip


def test_where_nothing_is_known_there_is_nothing_to_say() -> None:
    frame = pd.DataFrame({"x": [np.nan] * 3, "y": [np.nan, 5.0, np.nan]})
    found = described(frame)
    assert (found["x"]["n"], found["x"]["mean"], found["x"]["sd"]) == (0, None, None)
    assert {q["value"] for q in found["x"]["quantiles"]} == {None}
    assert (found["y"]["mean"], found["y"]["sd"]) == (5.0, None)


def test_smallest_and_largest_value_are_not_among_the_figures_since_each_is_one_persons() -> None:
    column = run("describe", {"columns": ["age"]}, SCHEMA, hospitals(LUNG)).values["columns"]["age"]
    assert set(column) == {"type", "unit", "n", "missing", "mean", "sd", "quantiles"}
    for p in (0, 1):
        with pytest.raises(BadInput):
            build("describe", {"columns": ["age"], "quantiles": [p]}, SCHEMA)


def test_a_quantile_rests_on_the_people_on_its_thinner_side() -> None:
    exposures = run("describe", {"columns": ["age"], "quantiles": [0.02, 0.5, 0.98]}, SCHEMA, [LUNG]).exposures
    people = {e.paths: e.people for e in exposures if isinstance(e, Statistic)}
    assert people[(("columns", "age", "quantiles", 0, "value"),)] == (LUNG.age <= LUNG.age.quantile(0.02)).sum() == 5
    assert people[(("columns", "age", "quantiles", 2, "value"),)] == 5
    assert people[(("columns", "age", "quantiles", 1, "value"),)] == 114


def test_the_mean_of_amounts_says_how_far_one_person_can_dominate_it() -> None:
    frame = pd.DataFrame({"cost": [10.0] * 50 + [5000.0], "change": [-1.0] * 50 + [100.0]})
    result = run("describe", {"columns": ["cost", "change"]}, schema_of(frame), hospitals(frame))
    shares = {e.paths[0][1]: e.dominance for e in result.exposures if isinstance(e, Statistic) and len(e.paths) == 2}
    total = frame.cost.sum()
    assert shares["cost"] == pytest.approx(np.sqrt((frame.cost**2).sum()) / total)
    assert shares["cost"] >= 5000 / total
    assert shares["change"] is None


def test_filled_and_missing_hide_together_since_they_sum_to_the_rows() -> None:
    exposures = run("describe", {"columns": ["ph.ecog"]}, SCHEMA, [LUNG]).exposures
    n, missing = ("columns", "ph.ecog", "n"), ("columns", "ph.ecog", "missing")
    assert Table(n, derived=(missing,)) in exposures
    assert Table(missing, derived=(n,)) in exposures


def test_dates_are_days_since_1970() -> None:
    frame = pd.DataFrame({"admitted": [0.0, 10.0, 20.0]})
    schema = schema_of(frame, types={"admitted": "date"})
    column = run("describe", {"columns": ["admitted"]}, schema, [frame]).values["columns"]["admitted"]
    assert (column["unit"], column["quantiles"][1]["value"]) == ("days since 1970-01-01", 10.0)


def test_infinite_values_are_a_named_error() -> None:
    frame = pd.DataFrame({"x": [1.0, np.inf, 0.5]})
    with pytest.raises(BadInput, match="infinite"):
        run("describe", {"columns": ["x"]}, schema_of(frame, types={"x": "number"}), [frame])


@pytest.mark.parametrize(
    ("columns", "code"), [([], "no-columns"), (["age", "age"], "repeated-column"), (["agee"], "unknown-column")]
)
def test_columns_are_named_once_and_exist(columns: list[str], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        build("describe", {"columns": columns}, SCHEMA)
    assert refused.value.code == code
