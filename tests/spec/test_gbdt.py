"""gbdt: the boosted trees that the pooled rows would give, grown on histograms that are sums."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines.datasets import load_gbsg2
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import log_loss, roc_auc_score, roc_curve

from drive import Trace, build, hospitals, run, schema_of, trace
from guarding import census, limits
from huizhen.kit.errors import BadInput, Unable
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.result import Membership, Model, Statistic
from huizhen.model.study import Request
from huizhen.path.authorise import plan
from huizhen.path.guard import guard_result
from huizhen.privacy.noise import OpenDpNoise
from huizhen.statistics.holdout import held_out
from huizhen.statistics.scoring import predict

CELLS = load_breast_cancer(as_frame=True).frame.rename(columns=lambda name: name.replace(" ", "_"))
SUGAR = load_diabetes(as_frame=True, scaled=False).frame
SIZE = {"trees": 25, "depth": 3, "holdout": 0.3, "early_stopping_rounds": None}


@cache
def breast() -> pd.DataFrame:
    """The German Breast Cancer Study, with its categories, and gaps of our own making."""
    frame = load_gbsg2()
    gaps = np.random.default_rng(5).random(frame.shape) < 0.15
    gaps[:, list(frame.columns).index("cens")] = False
    return frame.mask(gaps).drop(columns="time").astype({"cens": int})


def grown(frame: pd.DataFrame, outcome: str, parts: list[pd.DataFrame] | None = None, **params: Any) -> Trace:
    columns = [str(name) for name in frame.columns if name != outcome]
    asked = {"outcome": outcome, "columns": columns, **SIZE, **params}
    return trace("gbdt", asked, schema_of(frame), parts or [frame])


@cache
def cells() -> Trace:
    return grown(CELLS, "target")


@cache
def sugar() -> Trace:
    return grown(SUGAR, "target", objective="squared_error")


def held(frame: pd.DataFrame, outcome: str, share: float = 0.3, seed: int = 0) -> np.ndarray[Any, Any]:
    columns = [frame[name].to_numpy(float) for name in frame.columns if name != outcome]
    return held_out(columns, len(frame), share, seed)


def coded(seen: Trace, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    edges = seen.states[-1]["edges"]
    return np.stack([np.searchsorted(e, frame.iloc[:, k], side="right") for k, e in enumerate(edges)], axis=1)


def risks(seen: Trace, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    return predict(seen.result.values, {str(name): frame[name].to_numpy() for name in frame.columns})


# -- the same trees as elsewhere


def test_on_the_same_bins_every_tree_is_scikit_learns() -> None:
    train = ~held(CELLS, "target")
    bins = coded(cells(), CELLS.drop(columns="target"))
    pooled = HistGradientBoostingClassifier(
        max_iter=25, max_depth=3, max_leaf_nodes=None, l2_regularization=1.0, early_stopping=False
    ).fit(bins[train], CELLS.target[train])
    expected = pooled.predict_proba(bins)[:, 1]
    assert np.allclose(risks(cells(), CELLS), expected, atol=1e-6)
    found = cells().result.values
    for name, rows in (("train", train), ("holdout", ~train)):
        exact = roc_auc_score(CELLS.target[rows], expected[rows])
        assert found[name]["auc"] == pytest.approx(exact, abs=found[name]["auc_tolerance"] + 1e-12)
        assert found[name]["auc_tolerance"] < 5e-3
        assert found[name]["log_loss"] == pytest.approx(log_loss(CELLS.target[rows], expected[rows]), abs=1e-6)
        assert found[name]["outcomes"] == np.bincount(CELLS.target[rows]).tolist()


def test_a_number_as_outcome_too_is_predicted_as_by_scikit_learn() -> None:
    train = ~held(SUGAR, "target")
    bins = coded(sugar(), SUGAR.drop(columns="target"))
    pooled = HistGradientBoostingRegressor(
        max_iter=25, max_depth=3, max_leaf_nodes=None, l2_regularization=1.0, early_stopping=False
    ).fit(bins[train], SUGAR.target[train])
    expected = pooled.predict(bins)
    assert np.allclose(risks(sugar(), SUGAR), expected, rtol=1e-5)
    found, y = sugar().result.values, SUGAR.target.to_numpy()
    for name, rows in (("train", train), ("holdout", ~train)):
        squares = ((y - expected)[rows] ** 2).mean()
        assert found[name]["mse"] == pytest.approx(squares, rel=1e-4)
        assert found[name]["r_squared"] == pytest.approx(
            1 - squares / ((y[rows] - y[train].mean()) ** 2).mean(), abs=1e-4
        )


def test_the_area_under_the_curve_is_within_a_hundredth_of_scikit_learns_own_bins_categories_and_gaps() -> None:
    frame = breast()
    seen = grown(frame, "cens", holdout=0, trees=60, learning_rate=0.05)
    plain = frame.drop(columns="cens").apply(lambda c: c.astype("category") if c.dtype == object else c)
    pooled = HistGradientBoostingClassifier(
        max_iter=60, max_depth=3, learning_rate=0.05, l2_regularization=1.0, early_stopping=False,
        categorical_features="from_dtype",
    ).fit(plain, frame.cens)  # fmt: skip
    theirs = roc_auc_score(frame.cens, pooled.predict_proba(plain)[:, 1])
    assert seen.result.values["train"]["auc"] == pytest.approx(theirs, abs=0.01)
    assert "holdout" not in seen.result.values
    kinds = {next(k for k in ("below", "levels", "value") if k in node) for node in nodes(seen)}
    assert kinds == {"below", "levels", "value"}


def nodes(seen: Trace) -> list[dict[str, Any]]:
    return [node for tree in seen.result.values["trees"] for node in tree["nodes"]]


def test_hospitals_together_grow_the_trees_of_the_pooled_rows_to_the_last_digit() -> None:
    frame = breast()
    whole = grown(frame, "cens", trees=8).result
    spread = grown(frame, "cens", hospitals(frame), trees=8).result
    shuffled = grown(frame, "cens", [frame.sample(frac=1, random_state=1)], trees=8).result
    assert spread == whole
    assert shuffled == whole


# -- what a released model says


def test_a_released_model_scores_rows_as_its_own_figures_were_counted() -> None:
    frame, seen = breast(), grown(breast(), "cens", trees=12, holdout=0)
    found = seen.result.values
    risk = risks(seen, frame)
    assert found["train"]["log_loss"] == pytest.approx(log_loss(frame.cens, risk), abs=1e-6)
    assert found["train"]["auc"] == pytest.approx(roc_auc_score(frame.cens, risk), abs=found["train"]["auc_tolerance"])
    unknown = {str(c): np.full(2, np.nan if c not in ("horTh", "menostat", "tgrade") else None) for c in frame.columns}
    strange = {**unknown, "tgrade": np.array(["IV", "never seen"], dtype=object)}
    assert np.array_equal(predict(found, unknown), predict(found, strange))


def test_importance_is_the_share_of_gain_and_names_every_column() -> None:
    found = cells().result.values
    assert set(found["importance"]) == set(found["columns"])
    assert sum(found["importance"].values()) == pytest.approx(1)
    gain = pd.Series(dict.fromkeys(found["columns"], 0.0))
    for node in nodes(cells()):
        if "column" in node:
            gain[node["column"]] += node["gain"]
    assert found["importance"] == pytest.approx((gain / gain.sum()).to_dict())
    assert list(found["importance"].values()) == sorted(found["importance"].values(), reverse=True)


def test_the_gain_is_what_the_split_takes_from_the_loss() -> None:
    """Half the sum of squares, of a tree that is a single question learnt in full."""
    seen = grown(SUGAR, "target", objective="squared_error", trees=1, depth=1, learning_rate=1.0, l2=0, holdout=0)
    before, after = (row["train"] for row in seen.result.values["history"])
    assert nodes(seen)[0]["gain"] == pytest.approx((before - after) * len(SUGAR) / 2, rel=1e-6)


# -- missing values and categories


def made(rows: int = 400, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame({"x": rng.normal(size=rows).round(2), "y": rng.integers(0, 2, rows)})


ONE = {"trees": 1, "depth": 1, "holdout": 0, "learning_rate": 1.0, "min_child_rows": 10}


@pytest.mark.parametrize(("risk", "side"), [(0.9, "right"), (0.1, "left")])
def test_missing_values_go_where_they_fit(risk: float, side: str) -> None:
    frame = made()
    frame["y"] = (np.random.default_rng(1).random(400) < np.where(frame.x < 0, 0.1, 0.9)).astype(int)
    gone = np.arange(400) % 4 == 0
    frame.loc[gone, "y"] = (np.random.default_rng(2).random(100) < risk).astype(int)
    root = nodes(grown(frame.mask(np.outer(gone, [True, False])), "y", **ONE))[0]
    assert root["missing"] == side
    assert root["below"] == pytest.approx(0, abs=0.3)


def test_missing_values_may_stand_apart_from_all_others() -> None:
    frame = made()
    gone = np.arange(400) % 4 == 0
    frame["y"] = np.where(gone, 1, np.arange(400) % 4 == 1).astype(int)
    seen = grown(frame.mask(np.outer(gone, [True, False])), "y", **ONE)
    root = nodes(seen)[0]
    assert (root["below"], root["missing"]) == (None, "right")
    low, high = predict(seen.result.values, {"x": np.array([5.0, np.nan])})
    assert low < 0.6 < high


def test_a_few_missing_values_go_with_the_larger_side_whatever_their_outcome() -> None:
    frame = made()
    frame["y"] = (np.random.default_rng(1).random(400) < np.where(frame.x < 0.5, 0.1, 0.9)).astype(int)
    few = np.arange(400) < 9
    sides = set()
    for outcome in (0, 1):
        changed = frame.mask(np.outer(few, [True, False]))
        changed.loc[few, "y"] = outcome
        sides.add(nodes(grown(changed, "y", **ONE))[0]["missing"])
    assert sides == {"left"}


def test_of_a_category_the_best_of_all_groupings_is_found_and_rare_levels_are_not_named() -> None:
    rng = np.random.default_rng(8)
    kind = rng.choice([*"abcdef", "rare"], 600, p=[0.16, 0.16, 0.16, 0.16, 0.17, 0.18, 0.01])
    risk = pd.Series({"a": 0.7, "b": 0.2, "c": 0.6, "d": 0.3, "e": 0.65, "f": 0.25, "rare": 1.0})
    frame = pd.DataFrame({"kind": kind, "y": (rng.random(600) < risk[kind].to_numpy()).astype(int)})
    seen = grown(frame, "y", **ONE)
    root = nodes(seen)[0]
    assert set(root["levels"]) in ({"a", "c", "e"}, {"b", "d", "f"})
    assert "missing" not in root
    by_level = predict(seen.result.values, {"kind": np.array([*"abcdef"], dtype=object)})
    assert np.allclose(by_level[[0, 2, 4]], by_level[0]) and np.allclose(by_level[[1, 3, 5]], by_level[1])
    assert by_level[0] > 0.5 > by_level[1]


def test_a_category_of_two_levels_can_be_the_outcome() -> None:
    frame = made().assign(y=lambda f: np.where(f.x + np.sin(np.arange(400)) > 0, "yes", "no"))
    seen = grown(frame, "y", **ONE)
    assert seen.result.values["outcome"] == "y[yes]"
    assert predict(seen.result.values, {"x": np.array([-3.0, 3.0])}).tolist() == sorted(
        predict(seen.result.values, {"x": np.array([-3.0, 3.0])})
    )


def test_rows_without_an_outcome_are_left_out_and_counted() -> None:
    frame = made().astype({"y": float})
    frame["y"] = (frame.x > 0).astype(float)
    some = frame.mask(np.outer(np.arange(400) < 30, [False, True]))
    found = grown(some, "y", **ONE).result.values
    assert (found["n"], found["without_outcome"]) == (370, 30)
    assert found["trees"] == grown(frame.iloc[30:], "y", **ONE).result.values["trees"]


# -- bins


def test_no_two_edges_enclose_fewer_rows_than_a_leaf_may_have() -> None:
    train = ~held(CELLS, "target")
    measured = CELLS.drop(columns="target")
    for k, edges in enumerate(cells().states[-1]["edges"]):
        values = measured.iloc[:, k][train]
        assert len(edges) > 5
        assert np.bincount(np.searchsorted(edges, values, side="right")).min() >= 20


def test_whole_numbers_are_cut_between_each_other() -> None:
    frame = made().assign(x=np.arange(400) % 5)
    frame["y"] = (frame.x > 2).astype(int)
    seen = grown(frame, "y", **ONE)
    edges = seen.states[-1]["edges"][0]
    assert np.bincount(np.searchsorted(edges, np.arange(5), side="right")).tolist() == [1] * 5
    assert 2 < nodes(seen)[0]["below"] <= 3


# -- held-out rows


def test_who_is_held_out_follows_from_the_row_alone_and_never_from_its_outcome() -> None:
    frame = CELLS.sample(frac=1, random_state=2)
    assert np.array_equal(held(CELLS, "target")[frame.index], held(frame, "target"))
    assert held(CELLS, "target").mean() == pytest.approx(0.3, abs=0.05)
    assert not np.array_equal(held(CELLS, "target"), held(CELLS, "target", seed=1))
    twice = pd.concat([CELLS, CELLS])
    assert np.array_equal(*np.split(held(twice, "target"), 2))


def test_no_tree_rests_on_a_held_out_row() -> None:
    out = held(CELLS, "target")
    other = CELLS.copy()
    other.loc[out, "target"] = 1 - other.target[out]
    one, two = cells().result.values, grown(other, "target").result.values
    assert one["trees"] == two["trees"] and one["base"] == two["base"]
    assert one["holdout"]["log_loss"] < two["holdout"]["log_loss"]
    far = CELLS.copy()
    far.loc[out, "mean_radius"] += 1000
    assert (held(far, "target") != out).any()


def test_growing_stops_when_held_out_rows_gain_no_more_and_the_best_trees_are_kept() -> None:
    seen = grown(SUGAR, "target", objective="squared_error", trees=200, learning_rate=0.4, early_stopping_rounds=6)
    found = seen.result.values
    loss = [row["holdout"] for row in found["history"]]
    assert found["iterations"] == int(np.argmin(loss)) == len(found["trees"])
    assert len(loss) == found["iterations"] + 6 + 1 < 200
    assert found["holdout"]["mse"] == min(loss)
    kept = grown(SUGAR, "target", objective="squared_error", trees=found["iterations"], learning_rate=0.4)
    assert kept.result.values["trees"] == found["trees"]


def test_where_nothing_helps_held_out_rows_no_tree_is_kept() -> None:
    frame = made()
    frame["y"] = ((frame.x > 0) != held(frame, "y")).astype(int)
    found = grown(frame, "y", early_stopping_rounds=3).result.values
    assert (found["iterations"], found["trees"]) == (0, [])
    assert found["holdout"]["auc"] == 0.5
    assert set(found["importance"].values()) == {0.0}
    assert np.allclose(predict(found, {"x": np.zeros(3)}), 1 / (1 + np.exp(-found["base"])))


# -- what the guard makes of it


def leaf_sizes(seen: Trace, frame: pd.DataFrame, rows: np.ndarray[Any, Any]) -> list[int]:
    """Rows of each leaf of each tree, by following each tree on its own."""
    sizes = []
    for tree in seen.result.values["trees"]:
        alone = {**seen.result.values, "trees": [tree], "base": 0.0, "objective": "squared_error"}
        leaf = predict(alone, {str(name): frame[name].to_numpy() for name in frame.columns})
        sizes += np.unique(leaf[rows], return_counts=True)[1].tolist()
    return sizes


def test_no_leaf_rests_on_fewer_rows_than_the_model_says_and_held_out_figures_rest_on_the_rarer_outcome() -> None:
    seen = cells()
    model = seen.result.exposures[-1]
    assert isinstance(model, Model) and (model.people, model.parameters) == (20, 1)
    assert min(leaf_sizes(seen, CELLS, ~held(CELLS, "target"))) == 20
    rarer = min(seen.result.values["holdout"]["outcomes"])
    resting = [e for e in seen.result.exposures if isinstance(e, Statistic) and ("holdout", "auc") in e.paths]
    assert [e.people for e in resting] == [rarer]
    assert ("history", 0, "holdout") in resting[0].paths


@pytest.mark.parametrize(("least", "status"), [(20, "released"), (21, "denied")])
def test_trees_whose_leaves_may_hold_fewer_people_than_a_cell_are_refused(least: int, status: str) -> None:
    guarded = guard_result(cells().result, census(), limits(min_cell=least), OpenDpNoise())
    assert guarded.status == status
    assert [c.check for c in guarded.checks if c.outcome == "refused"] == ["rows-per-parameter"] * (status == "denied")


def test_when_fewer_are_held_out_than_a_cell_may_have_the_study_is_refused() -> None:
    asked = {"outcome": "target", "columns": ["mean_radius"], **SIZE, "trees": 1, "holdout": 0.05, "seed": 3}
    result = run("gbdt", asked, schema_of(CELLS), [CELLS.iloc[:150]])
    few = result.values["holdout"]["n"]
    assert few < 20
    assert guard_result(result, census(), limits(min_cell=few + 1), OpenDpNoise()).status == "denied"


# -- who was in the training


GROSS = {"trees": 60, "depth": 6, "min_child_rows": 3, "learning_rate": 0.5, "l2": 0, "early_stopping_rounds": None}


def attacked(seen: Trace) -> Membership:
    model = seen.result.exposures[-1]
    assert isinstance(model, Model) and model.membership is not None
    return model.membership


@pytest.mark.parametrize("outcome", ["cens", "tsize"])
def test_the_attack_gains_what_it_gains_on_the_losses_of_the_rows_themselves(outcome: str) -> None:
    """Worked out from every row's own loss, by scikit-learn: the best threshold, and the area under the curve."""
    frame = load_gbsg2().drop(columns=["horTh", "menostat", "tgrade", "time"])
    objective = "logistic" if outcome == "cens" else "squared_error"
    seen = grown(frame, outcome, objective=objective, trees=40, learning_rate=0.3)
    out, risk, y = held(frame, outcome), risks(seen, frame), frame[outcome].to_numpy()
    loss = np.abs(y - risk) if objective == "squared_error" else -np.log(np.where(y == 1, risk, 1 - risk))
    mistaken, found, _ = roc_curve(~out, -loss, drop_intermediate=False)
    told = attacked(seen)
    assert (told.members, told.others) == ((~out).sum(), out.sum())
    assert told.advantage > 0.05
    assert told.advantage == pytest.approx((found - mistaken).max(), abs=0.005)
    assert told.auc == pytest.approx(roc_auc_score(~out, -loss), abs=0.005)
    assert seen.result.values["membership"] == {"advantage": told.advantage, "auc": told.auc}


def test_hospitals_together_are_attacked_as_the_pooled_rows_are() -> None:
    frame = SUGAR
    whole = grown(frame, "target", objective="squared_error", trees=5)
    assert attacked(whole) == attacked(grown(frame, "target", hospitals(frame), objective="squared_error", trees=5))


@pytest.mark.parametrize(("params", "refused"), [({"early_stopping_rounds": 5}, []), (GROSS, ["membership"])])
def test_a_model_that_has_learnt_its_rows_by_heart_is_refused_and_a_sane_one_is_not(
    params: dict[str, Any], refused: list[str]
) -> None:
    seen = grown(breast(), "cens", **{"trees": 60, "learning_rate": 0.1, "depth": 3, **params})
    guarded = guard_result(seen.result, census(), limits(min_cell=3), OpenDpNoise())
    assert [c.check for c in guarded.checks if c.outcome == "refused"] == refused
    told = next(c for c in guarded.checks if c.check == "membership")
    assert (attacked(seen).advantage > 0.5) == bool(refused)
    assert f"{attacked(seen).advantage:.3f}" in told.en and f"{attacked(seen).advantage:.3f}" in told.zh


def test_trees_without_held_out_rows_cannot_be_attacked_and_are_refused() -> None:
    seen = grown(breast(), "cens", trees=3, holdout=0)
    told = next(
        c for c in guard_result(seen.result, census(), limits(), OpenDpNoise()).checks if c.check == "membership"
    )
    assert told.outcome == "refused" and told.en.startswith("No attack could be run") and "holdout: 0.2" in told.zh
    assert "membership" not in seen.result.values


# -- what has no answer


def test_what_has_no_answer_is_a_named_error() -> None:
    def refusal(frame: pd.DataFrame, **params: Any) -> str:
        with pytest.raises((Unable, BadInput)) as refused:
            grown(frame, "y", **{**ONE, **params})
        return refused.value.code

    frame = made()
    assert refusal(frame.iloc[:19]) == "too-few-rows"
    assert refusal(frame.assign(x=1.0)) == "no-split"
    assert refusal(frame.assign(x=1.0), holdout=0.3, seed=1) in {"too-few-rows", "no-split"}
    assert refusal(frame.assign(y=1)) == "constant-outcome"
    assert refusal(frame.assign(y=0.1), objective="squared_error") == "constant-outcome"
    assert refusal(frame.assign(y=np.arange(400))) == "outcome-out-of-range"
    assert refusal(frame.assign(x=[np.inf] + [0.1] * 399)) == "infinite-value"
    assert refusal(frame.assign(y=[np.inf] + [0.1] * 399), objective="squared_error") == "infinite-value"


def test_a_value_outside_the_levels_is_named_by_its_column() -> None:
    schema = Schema(columns=(Column(name="kind", type="category", levels=("a",)), Column(name="y", type="boolean")))
    method = build("gbdt", {"outcome": "y", "columns": ["kind"], **ONE}, schema)
    state = method.start()
    batch = Batch(40, {"kind": np.ones(40, dtype=np.int32), "y": np.arange(40) % 2.0})
    with pytest.raises(BadInput, match="kind") as refused:
        method.combine(method.partial(batch, state), state)
    assert refused.value.code == "value-outside-levels"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"columns": ["x", "y"]}, "outcome-among-columns"),
        ({"columns": []}, "bad-params"),
        ({"columns": ["x", "x"]}, "repeated-column"),
        ({"holdout": 0.01}, "holdout-too-small"),
        ({"holdout": 0.6}, "bad-params"),
        ({"depth": 7}, "bad-params"),
        ({"bins": 255}, "bad-params"),
        ({"min_child_rows": 2}, "bad-params"),
        ({"objective": "poisson"}, "bad-params"),
        ({"outcome": "z"}, "unknown-column"),
    ],
)
def test_parameters_are_checked(params: dict[str, Any], code: str) -> None:
    with pytest.raises(BadInput) as refused:
        build("gbdt", {"outcome": "y", "columns": ["x"], **params}, schema_of(made()))
    assert refused.value.code == code


def test_trees_of_too_many_cells_are_refused_before_anything_runs() -> None:
    many = Schema(
        columns=(*(Column(name=f"x{i}", type="number") for i in range(200)), Column(name="y", type="boolean"))
    )
    asked = {"outcome": "y", "columns": [f"x{i}" for i in range(200)], "bins": 254, "depth": 6}
    with pytest.raises(BadInput) as refused:
        build("gbdt", asked, many)
    wide = Schema(columns=(Column(name="k", type="category", levels=tuple(range(300))), many.columns[-1]))
    with pytest.raises(BadInput) as too_many:
        build("gbdt", {"outcome": "y", "columns": ["k"]}, wide)
    assert (refused.value.code, too_many.value.code) == ("histogram-too-large", "histogram-too-large")


def test_trees_that_could_not_be_attacked_are_refused_before_anything_runs() -> None:
    asked = {"asker": "acme", "purpose": "HMB", "dataset": "d", "title": "t", "method": "gbdt"}
    params = {"outcome": "cens", "columns": ["radius"], "holdout": 0}
    schema = Schema(columns=(Column(name="cens", type="boolean"), Column(name="radius", type="number")))
    with pytest.raises(BadInput) as refused:
        plan(Request.read({**asked, "params": params}), schema)
    assert refused.value.code == "nothing-to-attack"
    assert plan(Request.read({**asked, "params": {**params, "holdout": 0.2}}), schema).columns == ("cens", "radius")
