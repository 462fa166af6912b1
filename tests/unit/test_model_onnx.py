"""A model written as ONNX gives, in another runtime, the scores that `model score` gives."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from lifelines.datasets import load_gbsg2
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

from huizhen.client import onnx_export
from huizhen.client.onnx_export import export
from huizhen.client.score import score
from huizhen.kit.errors import BadInput
from released import outcome

GBSG2 = load_gbsg2()
DIABETES = load_diabetes(as_frame=True, scaled=False).frame
CELLS = load_breast_cancer(as_frame=True).frame.rename(columns=lambda name: name.replace(" ", "_"))

DIGITS = load_digits(as_frame=True).frame.assign(even=lambda f: f.target % 2).drop(columns="target")[:400]
NAMED = GBSG2.rename(columns={"age": "age at entry"}).assign(prediction=GBSG2.estrec, node=GBSG2.pnodes % 3 + 1)
EVERYTHING = (
    "cens ~ horTh * scale(`age at entry`) + C(tgrade, Treatment('II')) + log1p(pnodes) + I(tsize ** 2 / 1000 > 0.5)"
    " + center(log(estrec + 1)) + standardize(progrec) + sqrt(tsize) + C(node) + I(-abs(tsize - 30)) + np.log10(tsize)"
    " + I(pnodes != 2) + prediction"
)
GAPS = GBSG2.mask(np.random.default_rng(5).random(GBSG2.shape) < 0.15).assign(cens=GBSG2.cens).drop(columns="time")
TREES: dict[str, Any] = {"trees": 20, "depth": 4, "learning_rate": 0.3, "early_stopping_rounds": None}


def as_study(found: dict[str, Any]) -> dict[str, Any]:
    found["request"] |= {"title": "a title", "purpose": "HMB"}
    return found


def elsewhere(written: bytes, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """The scores that onnxruntime gives."""
    session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
    given = {}
    for each in session.get_inputs():
        column = frame[each.name]
        text = each.type == "tensor(string)"
        values = column.astype(object).where(column.notna(), "").astype(str) if text else column
        given[each.name] = values.to_numpy(object if text else np.float64, na_value=np.nan).reshape(-1, 1)
    (scores,) = session.run(None, given)
    assert scores.shape == (len(frame), 1) and scores.dtype == np.float64
    return scores[:, 0]


@pytest.mark.parametrize(
    ("method", "frame", "params"),
    [
        ("glm", NAMED, {"formula": EVERYTHING, "family": "binomial"}),
        ("glm", DIABETES, {"formula": "target ~ age * bmi + C(sex)", "family": "gaussian"}),
        ("glm", GBSG2, {"formula": "pnodes ~ 0 + menostat + age", "family": "poisson", "offset": "log(tsize)"}),
        ("cox", GBSG2, {"duration": "time", "event": "cens", "formula": "horTh + tgrade + scale(age) + pnodes"}),
        ("gbdt", CELLS, {"outcome": "target", "columns": [*CELLS.columns[:8]], **TREES}),
        ("gbdt", GAPS, {"outcome": "cens", "columns": [c for c in GAPS if c != "cens"], **TREES}),
        ("gbdt", DIABETES, {"outcome": "target", "columns": ["age", "bmi", "sex"], "objective": "squared_error",
                            **TREES}),
        ("nn", GBSG2, {"outcome": "cens", "columns": ["age", "horTh", "tgrade", "pnodes"], "hidden": [4, 3],
                       "rounds": 5, "ranges": {"age": [30, 60]}}),
        ("nn", DIGITS, {"outcome": "even", "columns": ["pixel_*"], "rounds": 3, "module": "cnn1d", "hidden": [4]}),
        ("nn", DIGITS, {"outcome": "even", "columns": ["pixel_*"], "rounds": 3, "module": "cnn2d", "image": [8, 4, 2]}),
    ],
    ids=["logistic", "linear", "poisson", "cox", "trees", "trees-with-gaps", "trees-of-a-number", "net", "signal-net",
         "image-net"],
)  # fmt: skip
def test_it_scores_as_model_score_does(method: str, frame: pd.DataFrame, params: Any, tmp_path: Path) -> None:
    found = as_study(outcome(method, frame, **params))
    rows = frame.mask(np.random.default_rng(3).random(frame.shape) < 0.05)
    rows.to_csv(tmp_path / "rows.csv", index=False)
    score(found, tmp_path / "rows.csv", tmp_path / "scores.csv")
    expected = pd.read_csv(tmp_path / "scores.csv", float_precision="round_trip").iloc[:, -1].to_numpy()
    got = elsewhere(export(found), rows)
    formula = method != "gbdt" and "module" not in params
    assert np.isnan(expected).any() == (method != "gbdt") and np.nanstd(expected) > 0.01
    assert np.array_equal(np.isnan(got), np.isnan(expected))
    assert np.nanmax(np.abs(got - expected) / np.maximum(1, np.abs(expected))) < (1e-9 if formula else 1e-6)


def test_trees_that_ask_nothing_are_a_constant() -> None:
    frame = GBSG2[["age", "cens"]]
    found = as_study(outcome("gbdt", frame, outcome="cens", columns=["age"], trees=2))
    found["result"] |= {"trees": []}
    assert np.allclose(elsewhere(export(found), frame), 1 / (1 + np.exp(-found["result"]["base"])))


def test_the_file_says_where_it_comes_from_and_is_the_same_each_time() -> None:
    found = as_study(outcome("glm", GBSG2, formula="cens ~ age", family="binomial"))
    written = export(found)
    told = {p.key: p.value for p in onnx.load(io.BytesIO(written)).metadata_props}
    assert told.pop("licence").startswith("none stated")
    assert told == {"study": "st-0", "title": "a title", "purpose": "HMB"}
    assert written == export(found)


def test_what_is_not_written_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    clusters = as_study(outcome("kmeans", CELLS.iloc[:, :2], columns=["mean_radius", "mean_texture"], k=2))
    with pytest.raises(BadInput) as refused:
        export(clusters)
    assert refused.value.code == "no-onnx-for-method"
    found = as_study(outcome("glm", GBSG2, formula="cens ~ age", family="binomial"))

    def gone(*_: Any) -> None:
        raise ImportError

    monkeypatch.setattr(onnx_export.Graph, "__init__", gone)
    with pytest.raises(BadInput) as missing:
        export(found)
    assert missing.value.code == "no-onnx" and "huizhen[onnx]" in missing.value.remedy.en
