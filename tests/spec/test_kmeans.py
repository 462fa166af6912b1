"""kmeans: groups of similar rows, from starting points that are nobody's row."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_iris

from drive import build, hospitals, schema_of, trace
from huizhen.kit.errors import BadInput, Unable
from huizhen.model.result import Model, Statistic, Table
from huizhen.statistics import cluster

IRIS = load_iris(as_frame=True).data
IRIS.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
CELLS = load_breast_cancer(as_frame=True).data.iloc[:, :6]
COLUMNS = list(IRIS.columns)


def clusters(frame: pd.DataFrame, **params: Any) -> Any:
    asked = {"columns": list(map(str, frame.columns)), **params}
    return trace("kmeans", asked, schema_of(frame), hospitals(frame), batches=2)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(("frame", "k"), [(IRIS, 3), (IRIS, 5), (CELLS, 2), (CELLS, 4)])
def test_it_ends_where_scikit_learn_ends_from_the_same_starting_points(
    frame: pd.DataFrame, k: int, standardize: bool
) -> None:
    seen = clusters(frame, k=k, starts=1, standardize=standardize, seed=5)
    begin = next(s for s in seen.states if "centres" in s)
    points = (frame.to_numpy() - begin["mean"]) / begin["unit"]
    pooled = KMeans(k, init=begin["centres"][0], n_init=1, tol=0, max_iter=300).fit(points)
    order = np.lexsort(np.round(pooled.cluster_centers_, 9).T[::-1])
    found = seen.result.values
    assert 0 not in found["sizes"]
    assert found["sizes"] == np.bincount(pooled.labels_, minlength=k)[order].tolist()
    places = pooled.cluster_centers_[order] * begin["unit"] + begin["mean"]
    assert np.allclose([list(c.values()) for c in found["centres"]], places, rtol=1e-11)
    area = 1 if standardize else begin["unit"][0] ** 2
    assert found["inertia"] == pytest.approx(pooled.inertia_ * area, rel=1e-11)


def test_of_ten_starts_the_best_end_wins_and_is_as_good_as_that_of_scikit_learn() -> None:
    found = clusters(IRIS, k=3).result.values
    points = (IRIS - IRIS.mean()) / IRIS.std()
    pooled = KMeans(3, n_init=20, random_state=0, tol=0).fit(points)
    assert found["inertia"] == pytest.approx(pooled.inertia_, rel=1e-9)
    assert found["explained"] == pytest.approx(1 - pooled.inertia_ / (points**2).to_numpy().sum(), rel=1e-9)


def test_standardising_divides_by_the_standard_deviation_so_that_units_do_not_matter() -> None:
    plain, scaled = (clusters(f, k=3).result.values for f in (IRIS, IRIS * [1000, 1, 0.001, 1]))
    assert plain["sizes"] == scaled["sizes"]
    assert plain["inertia"] == pytest.approx(scaled["inertia"], rel=1e-9)


def test_no_starting_point_is_a_row() -> None:
    begin = next(s for s in clusters(IRIS, k=5).states if "centres" in s)
    starts = (begin["centres"] * begin["unit"] + begin["mean"]).reshape(-1, 4)
    assert np.abs(starts[:, None] - IRIS.to_numpy()).max(axis=2).min() > 1e-6


def test_the_same_seed_gives_the_same_answer_and_another_seed_other_starting_points() -> None:
    begin = [next(s for s in clusters(IRIS, k=3, seed=s).states if "centres" in s)["centres"] for s in (1, 1, 2)]
    assert np.array_equal(begin[0], begin[1])
    assert not np.array_equal(begin[0], begin[2])


def test_a_centre_without_rows_at_the_end_has_size_zero_and_no_place() -> None:
    frame = pd.DataFrame({"x": [0.0] * 10 + [1.0] * 10})
    found = clusters(frame, k=4, starts=1, seed=0).result.values
    empty = [i for i, size in enumerate(found["sizes"]) if size == 0]
    assert sum(found["sizes"]) == 20
    assert len(empty) == 2
    assert all(found["centres"][i]["x"] is None for i in empty)


def test_a_centre_that_loses_its_rows_stays_where_it_is() -> None:
    seen = clusters(pd.DataFrame({"x": [0.0] * 10 + [1.0] * 10}), k=4, starts=1, seed=0)
    rounds = [
        (s["centres"][0], t["counts"][0]) for s, t in zip(seen.states, seen.totals, strict=True) if "counts" in t.fields
    ]
    empty_at = [(counts == 0, before, after) for (before, counts), (after, _) in pairwise(rounds)]
    assert any(empty.any() for empty, _, _ in empty_at)
    assert all(np.array_equal(before[empty], after[empty]) for empty, before, after in empty_at)


def test_a_start_whose_centres_have_settled_moves_no_more_while_others_do() -> None:
    seen = clusters(CELLS, k=4, starts=6, tol=0.01)
    rounds = [s for s in seen.states if "centres" in s and "last" not in s]
    assert rounds[-2]["settled"].any() and not rounds[-2]["settled"].all()
    for before, after in pairwise(rounds):
        assert np.array_equal(before["centres"][before["settled"]], after["centres"][before["settled"]])


def test_rows_as_near_to_one_centre_as_to_another_go_to_the_first_wherever_they_lie() -> None:
    frame = pd.DataFrame({"x": [-2.0, -1.0, 0.0, 1.0, 2.0] * 4})
    whole = clusters(frame, k=2, starts=3).result.values
    alone = trace("kmeans", {"columns": ["x"], "k": 2, "starts": 3}, schema_of(frame), [frame]).result.values
    assert whole["sizes"] == alone["sizes"]
    hair = np.array([[0.3], [0.1 + 0.2]])
    assert cluster.nearest(hair, np.array([[0.0], [0.6]])).tolist() == [0, 0]


def test_each_centre_rests_on_its_own_rows_and_the_whole_on_enough_rows_for_its_parameters() -> None:
    result = clusters(IRIS, k=3).result
    sizes = result.values["sizes"]
    assert Table(("sizes",), ((("n",), None),)) in result.exposures
    assert [(e.people, e.parameters) for e in result.exposures if isinstance(e, Model)] == [(150, 12)]
    for i, size in enumerate(sizes):
        assert Statistic(tuple(("centres", i, c) for c in COLUMNS), size) in result.exposures


def test_what_has_no_answer_is_a_named_error() -> None:
    with pytest.raises(Unable, match="x holds one value"):
        clusters(pd.DataFrame({"x": [0.1] * 9, "y": range(9)}), k=2)
    with pytest.raises(Unable) as few:
        clusters(IRIS.iloc[:3], k=4)
    with pytest.raises(Unable) as moving:
        clusters(CELLS, k=9, max_iter=1, starts=2)
    assert (few.value.code, moving.value.code) == ("fewer-rows-than-clusters", "not-converged")


@pytest.mark.parametrize("params", [{"k": 1}, {"k": 3, "tol": 0}, {"k": 3, "seed": -1}, {"k": 3, "init": "kmeans++"}])
def test_parameters_are_checked(params: dict[str, Any]) -> None:
    with pytest.raises(BadInput) as refused:
        build("kmeans", {"columns": COLUMNS, **params}, schema_of(IRIS))
    assert refused.value.code == "bad-params"


def test_a_column_that_is_no_number_is_refused() -> None:
    with pytest.raises(BadInput) as refused:
        build("kmeans", {"columns": ["kind"], "k": 2}, schema_of(IRIS.assign(kind="a")))
    assert refused.value.code == "not-numeric"
    assert "sepal_length" in refused.value.remedy.en
