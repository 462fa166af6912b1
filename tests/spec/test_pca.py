"""pca: the directions in which rows differ most."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.decomposition import PCA

from drive import build, hospitals, run, schema_of
from huizhen.kit.errors import BadInput, Unable
from huizhen.model.result import Model, Result

IRIS = load_iris(as_frame=True).data
IRIS.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
CELLS = load_breast_cancer(as_frame=True).data


def components(frame: pd.DataFrame, **params: Any) -> Result:
    asked = {"columns": list(map(str, frame.columns)), **params}
    return run("pca", asked, schema_of(frame), hospitals(frame), batches=2)


@pytest.mark.parametrize(("frame", "standardize"), [(IRIS, True), (IRIS, False), (CELLS, True)])
def test_variances_and_loadings_are_those_of_scikit_learn_up_to_sign(frame: pd.DataFrame, standardize: bool) -> None:
    found = components(frame, standardize=standardize).values["components"]
    pooled = PCA().fit((frame - frame.mean()) / frame.std() if standardize else frame)
    assert np.allclose([c["variance"] for c in found], pooled.explained_variance_, rtol=1e-10, atol=1e-13)
    assert np.allclose([c["ratio"] for c in found], pooled.explained_variance_ratio_, rtol=1e-10, atol=1e-13)
    loadings = np.array([list(c["loadings"].values()) for c in found])
    assert np.allclose(np.abs(loadings), np.abs(pooled.components_), atol=1e-9)
    assert np.allclose(np.abs((loadings * pooled.components_).sum(axis=1)), 1)


def test_the_largest_entry_of_each_component_is_positive_so_that_two_runs_agree() -> None:
    for component in components(CELLS).values["components"]:
        loadings = list(component["loadings"].values())
        assert max(loadings, key=abs) > 0


def test_means_and_standard_deviations_come_along_so_that_a_reader_can_compute_scores() -> None:
    values = components(IRIS, components=2).values
    scores = ((IRIS - pd.Series(values["mean"])) / pd.Series(values["sd"])) @ pd.DataFrame(
        {c["name"]: c["loadings"] for c in values["components"]}
    )
    assert scores.var().tolist() == pytest.approx([c["variance"] for c in values["components"]])
    assert len(values["components"]) == 2


def test_units_that_differ_by_thirty_orders_of_magnitude_cost_no_digit() -> None:
    scaled = components(IRIS * [1e15, 1, 1e-15, 1]).values["components"]
    for a, b in zip(scaled, components(IRIS).values["components"], strict=True):
        assert list(a["loadings"].values()) == pytest.approx(list(b["loadings"].values()), rel=1e-9)


def test_the_model_has_a_parameter_for_each_mean_variance_and_covariance() -> None:
    found = [(e.people, e.parameters) for e in components(IRIS).exposures if isinstance(e, Model)]
    assert found == [(150, 4 + 10)]


def test_what_has_no_answer_is_a_named_error() -> None:
    with pytest.raises(Unable) as constant:
        components(IRIS.assign(one=1.1), standardize=False)
    with pytest.raises(Unable) as few:
        components(IRIS.iloc[:1])
    assert (constant.value.code, few.value.code) == ("constant-column", "too-few-rows")
    assert "one" in constant.value.what.zh


def test_more_components_than_columns_are_refused() -> None:
    with pytest.raises(BadInput) as refused:
        build("pca", {"columns": ["sepal_length"], "components": 2}, schema_of(IRIS))
    assert refused.value.code == "too-many-components"
