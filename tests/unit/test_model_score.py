"""A released model scores a file as the pooled model of another library does, from its result alone."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from lifelines import CoxPHFitter
from lifelines.datasets import load_gbsg2
from pyarrow import parquet
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.decomposition import PCA

from huizhen.client import score as scoring_file
from huizhen.client.score import score
from huizhen.kit.canonical import digest
from huizhen.kit.errors import BadInput, Conflict, NotFound, Unable
from huizhen.statistics import nets
from huizhen.statistics.scoring import predict
from released import outcome

GBSG2 = load_gbsg2()
DIABETES = load_diabetes(as_frame=True, scaled=False).frame
CELLS = load_breast_cancer(as_frame=True).frame.rename(columns=lambda name: name.replace(" ", "_"))
RANDHIE = sm.datasets.randhie.load_pandas().data


def scored(found: dict[str, Any], frame: pd.DataFrame, folder: Path) -> pd.DataFrame:
    frame.to_csv(folder / "rows.csv", index=False)
    score(found, folder / "rows.csv", folder / "scores.csv")
    return pd.read_csv(folder / "scores.csv", float_precision="round_trip")


def as_levels(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.array([None if isinstance(v, float) else v for v in values], dtype=object)


@cache
def logistic() -> dict[str, Any]:
    return outcome("glm", GBSG2, formula="cens ~ horTh + scale(age) + C(tgrade) * log(pnodes)", family="binomial")


# -- as pooled


def test_logistic_regression_with_categories_an_interaction_and_scale_is_statsmodels(tmp_path: Path) -> None:
    pooled = smf.glm(
        "cens ~ horTh + scale(age) + C(tgrade) * log(pnodes)",
        GBSG2.assign(),
        family=sm.families.Binomial(),
        eval_env={"scale": lambda x: (x - x.mean()) / x.std(), "log": np.log},
    ).fit(tol=1e-14)
    found = scored(logistic(), GBSG2, tmp_path)
    assert list(found.columns) == ["row", "prediction"]
    assert np.allclose(found.prediction, pooled.fittedvalues, atol=1e-9)


def test_new_rows_are_scaled_by_what_the_model_was_fitted_to_and_not_by_themselves(tmp_path: Path) -> None:
    whole = scored(logistic(), GBSG2, tmp_path).prediction
    few = scored(logistic(), GBSG2.iloc[600:], tmp_path).prediction
    assert np.array_equal(few, whole[600:])


def test_poisson_regression_with_an_offset_is_statsmodels(tmp_path: Path) -> None:
    frame = RANDHIE.assign(years=np.random.default_rng(2).uniform(0.5, 2, len(RANDHIE)).round(3)).iloc[:4000]
    found = outcome("glm", frame, formula="mdvis ~ lncoins + idp + physlm + disea", family="poisson",
                    offset="log(years)")  # fmt: skip
    x = sm.add_constant(frame[["lncoins", "idp", "physlm", "disea"]])
    pooled = sm.GLM(frame.mdvis, x, family=sm.families.Poisson(), offset=np.log(frame.years)).fit(tol=1e-14)
    assert np.allclose(scored(found, frame, tmp_path).prediction, pooled.fittedvalues, rtol=1e-9)


def test_linear_regression_is_statsmodels(tmp_path: Path) -> None:
    found = outcome("glm", DIABETES, formula="target ~ age + bmi + I(bp ** 2) + C(sex)", family="gaussian")
    pooled = smf.ols("target ~ age + bmi + I(bp ** 2) + C(sex)", DIABETES).fit()
    assert np.allclose(scored(found, DIABETES, tmp_path).prediction, pooled.fittedvalues, rtol=1e-9)


def test_cox_is_lifelines_up_to_where_the_hazard_is_one(tmp_path: Path) -> None:
    frame = GBSG2.assign(treated=(GBSG2.horTh == "yes").astype(int))[["time", "cens", "treated", "age", "pnodes"]]
    found = outcome("cox", frame, duration="time", event="cens", formula="treated + standardize(age) + pnodes")
    theirs = frame.assign(age=(frame.age - frame.age.mean()) / frame.age.std(ddof=0))
    pooled = CoxPHFitter().fit(theirs, "time", "cens", fit_options={"precision": 1e-12})
    expected = theirs[pooled.params_.index] @ pooled.params_
    assert np.allclose(scored(found, frame, tmp_path).linear_predictor, expected, atol=1e-6)


def test_trees_are_what_the_pure_function_says_of_the_table_categories_and_gaps_included(tmp_path: Path) -> None:
    gaps = np.random.default_rng(5).random(GBSG2.shape) < 0.15
    frame = GBSG2.mask(gaps).assign(cens=GBSG2.cens).drop(columns="time")
    columns = [c for c in frame.columns if c != "cens"]
    found = outcome("gbdt", frame, outcome="cens", columns=columns, trees=12, depth=3)
    numbers = frame[columns].select_dtypes("number").columns
    plain = {c: frame[c].to_numpy(float if c in numbers else object, na_value=np.nan) for c in columns}
    expected = predict(found["result"], {c: v if c in numbers else as_levels(v) for c, v in plain.items()})
    got = scored(found, frame, tmp_path).prediction
    assert got.notna().all() and np.array_equal(got, expected)


def test_a_net_is_what_the_pure_function_says_of_the_table(tmp_path: Path) -> None:
    frame = GBSG2.drop(columns="time")
    columns = [c for c in frame.columns if c != "cens"]
    found = outcome("nn", frame, outcome="cens", columns=columns, hidden=[4], rounds=3)
    expected = nets.predict(found["result"], {c: frame[c].to_numpy() for c in columns})
    got = scored(found, frame, tmp_path).prediction
    assert np.ptp(expected) > 0.01 and np.allclose(got, expected, rtol=1e-12)


def test_clusters_are_scikit_learns(tmp_path: Path) -> None:
    frame = CELLS.iloc[:, :5]
    found = outcome("kmeans", frame, columns=list(frame.columns), k=3, seed=1)
    got = scored(found, frame, tmp_path)
    points = (frame / frame.std()).to_numpy()
    centres = pd.DataFrame(found["result"]["centres"])[list(frame.columns)] / frame.std()
    pooled = KMeans(3, init=centres.to_numpy(), n_init=1, max_iter=1).fit(points)
    assert np.array_equal(got.cluster, pooled.predict(points) + 1)
    assert (got.distance**2).sum() == pytest.approx(found["result"]["inertia"], rel=1e-9)
    assert np.bincount(got.cluster.astype(int))[1:].tolist() == found["result"]["sizes"]


@pytest.mark.parametrize("standardize", [True, False])
def test_components_are_scikit_learns(standardize: bool, tmp_path: Path) -> None:
    frame = CELLS.iloc[:, :5]
    found = outcome("pca", frame, columns=list(frame.columns), components=2, standardize=standardize)
    got = scored(found, frame, tmp_path)[["PC1", "PC2"]].to_numpy()
    expected = PCA(2).fit_transform((frame / (frame.std() if standardize else 1)).to_numpy())
    assert np.allclose(np.abs(got), np.abs(expected), atol=1e-8)


# -- rows as they come


def test_a_row_with_a_missing_value_has_an_empty_score_and_is_counted(tmp_path: Path) -> None:
    frame = GBSG2.mask(np.random.default_rng(1).random(GBSG2.shape) < 0.1).assign(pnodes=GBSG2.pnodes, spare="x")
    frame.loc[3, "pnodes"] = 0  # of which there is no logarithm
    frame.to_csv(tmp_path / "rows.csv", index=False)
    told = score(logistic(), tmp_path / "rows.csv", tmp_path / "s.csv", keep="spare")
    got = pd.read_csv(tmp_path / "s.csv")
    whole = frame[["horTh", "age", "tgrade", "pnodes"]].notna().all(axis=1)
    assert whole[3]
    assert (told.rows, told.missing, told.not_finite) == (686, int((~whole).sum()), 1)
    assert told.scored == got.prediction.notna().sum() == 686 - told.missing - 1
    assert np.array_equal(got.prediction.notna(), whole & (frame.index != 3))
    assert got.row.tolist() == list(range(1, 687)) and set(got.spare) == {"x"}


def test_scores_come_batch_by_batch_in_the_order_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    once = scored(logistic(), GBSG2, tmp_path)
    monkeypatch.setattr("huizhen.intake.csv.BLOCK_BYTES", 4096)
    seen: list[int] = []
    score(logistic(), tmp_path / "rows.csv", tmp_path / "s.parquet", progress=seen.append)
    assert len(seen) > 5 and seen == sorted(seen) and seen[-1] == 686
    assert parquet.read_table(tmp_path / "s.parquet").to_pandas().equals(once)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"drop": "tgrade"}, "missing-columns"),
        ({"tgrade": "IV"}, "bad-values"),
        ({"age": "old"}, "bad-values"),
        ({"keep": "patient"}, "no-column-to-keep"),
        ({"out": "scores.xlsx"}, "unknown-output-format"),
        ({"out": "nowhere/scores.csv"}, "no-place-for-outcome"),
        ({"rows": 0}, "no-rows-to-score"),
    ],
)
def test_what_cannot_be_scored_is_said_and_nothing_is_left_behind(
    change: dict[str, Any], code: str, tmp_path: Path
) -> None:
    frame = GBSG2.iloc[: change.get("rows", 686)]
    frame = frame.drop(columns=change["drop"]) if "drop" in change else frame
    frame.assign(**{k: v for k, v in change.items() if k in GBSG2}).to_csv(tmp_path / "rows.csv", index=False)
    out = tmp_path / change.get("out", "scores.csv")
    with pytest.raises(BadInput) as refused:
        score(logistic(), tmp_path / "rows.csv", out, keep=change.get("keep"))
    assert refused.value.code == code
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]


def test_what_is_no_model_or_has_gaps_or_is_of_another_version_does_not_score(tmp_path: Path) -> None:
    found = logistic()
    clusters = outcome("kmeans", CELLS.iloc[:, :2], columns=["mean_radius", "mean_texture"], k=2)
    clusters["result"]["centres"][0]["mean_radius"] = None
    older = {**found, "grant": {"limits": {**found["grant"]["limits"], "method_version": "0"}}}
    cases: list[tuple[dict[str, Any], type[Exception], str]] = [
        ({**found, "request": {"method": "count", "params": {}}}, BadInput, "not-a-model"),
        ({**found, "result": None}, NotFound, "no-model"),
        (older, Conflict, "model-of-another-version"),
        (clusters, Unable, "model-with-gaps"),
    ]
    for case, kind, code in cases:
        with pytest.raises(kind) as refused:
            scoring_file.scorer(case)
        assert refused.value.code == code  # type: ignore[attr-defined]


# -- what lies beside the scores


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_file_of_scores_has_its_lineage_and_licence_beside_it(tmp_path: Path, suffix: str) -> None:
    rows, out = tmp_path / "rows.csv", tmp_path / f"scores.{suffix}"
    GBSG2.to_csv(rows, index=False)
    seen: list[dict[str, Any]] = []
    score(logistic(), rows, out, "age", record=lambda told: seen.append({**told, "early": not out.exists()}))
    told = json.loads((tmp_path / f"scores.{suffix}-metadata.json").read_text())
    assert seen == [{**told, "early": True}]
    assert (told["@context"], told["url"]) == ("http://www.w3.org/ns/csvw", out.name)
    assert [c["titles"] for c in told["tableSchema"]["columns"]] == ["row", "age", "prediction"]
    (notes,), (of_model, of_rows) = told["notes"], told["prov:wasDerivedFrom"]
    assert notes["sha256"] == sha256(out.read_bytes()).hexdigest()
    assert of_rows == f"urn:sha256:{sha256(rows.read_bytes()).hexdigest()}" and of_model == "urn:huizhen:st-0"
    assert notes["model"]["digest"] == digest(logistic()["result"]) and notes["rows"]["scored"] == len(GBSG2)
    assert "only for: health, medical or biomedical research" in told["dc:license"]
    assert {r["code"] for r in notes["licence"]["restrictions"]} >= {"HMB", "no-re-identification"}


def test_where_the_log_cannot_be_written_there_are_no_scores(tmp_path: Path) -> None:
    GBSG2.to_csv(tmp_path / "rows.csv", index=False)

    def full(_: dict[str, Any]) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        score(logistic(), tmp_path / "rows.csv", tmp_path / "scores.csv", record=full)
    assert [p.name for p in tmp_path.iterdir()] == ["rows.csv"]
