"""Models through the commands: listed, shown with where they come from, and used on rows of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from onnxruntime import InferenceSession

from commands import COX, NAMES, Region, done, huizhen, in_both, patients, split

GBDT = {
    "title": "Who dies?",
    "method": "gbdt",
    "params": {"outcome": "died", "columns": ["age", "sex", "score", "time"], "trees": 6, "depth": 2, "holdout": 0.3},
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[Region, dict[str, Any]]:
    """A region with one model of each of two kinds, by method, and a count, which is no model."""
    rows = dict(zip(NAMES, split(patients()), strict=True))
    where = Region(tmp_path_factory.mktemp("models"), rows, "patient", "lung")
    patients().to_csv(where.folder / "rows.csv", index=False)
    where.waive("memorising-model")
    asked = {"cox": COX, "gbdt": GBDT, "count": {"title": "How many?", "method": "count"}}
    return where, {name: where.outcome(**study) for name, study in asked.items()}


def test_models_are_listed_and_counts_are_not(models: tuple[Region, dict[str, Any]]):
    where, found = models
    rows = done("model", "list", "--region", where.path, "--json").json()
    assert [(r["study"], r["method"], r["rows"]) for r in rows] == [
        (found["cox"]["study"], "cox", 240),
        (found["gbdt"]["study"], "gbdt", 240),
    ]
    assert rows[0]["metrics"]["concordance"] == found["cox"]["result"]["concordance"]
    assert rows[1]["metrics"]["holdout.auc"] == found["gbdt"]["result"]["holdout"]["auc"]
    en, zh = in_both("model", "list", "--region", where.path)
    assert found["cox"]["study"] in en and "Models" in en and "模型" in zh


def test_a_card_says_where_a_model_comes_from_and_the_ledger_bears_it_out(models: tuple[Region, dict[str, Any]]):
    where, found = models
    card = done("model", "show", found["cox"]["study"], "--region", where.path, "--json").json()
    assert card["restrictions"]["purpose"] == "HMB" and card["restrictions"]["rules"][0]["rule"] == "CN01"
    lineage = card["lineage"]
    assert (lineage["dataset"], lineage["rows"], sorted(lineage["hospitals"])) == ("lung", 240, sorted(NAMES))
    assert [c["name"] for c in lineage["columns"]] == ["age", "sex", "time", "died"]
    assert card["guard"] == found["cox"]["guard"] and card["params"] == COX["params"]
    entries = {e["entry"]: e for e in done("ledger", "list", "--region", where.path, "--json").json()}
    own = [entries[n] for n in card["evidence"]["entries"]]
    assert {e["subject"] for e in own} == {card["study"]}
    assert card["evidence"]["release"] == next(e["refs"]["release"] for e in own if "release" in e["refs"])
    assert lineage["released_utc"] == next(e["at_utc"] for e in own if e["kind"] == "study-released")
    en, zh = in_both("model", "show", found["cox"]["study"], "--region", where.path)
    for part in ("asked by: acme", "health, medical or biomedical research (HMB)", "concordance", "Guard, curves"):
        assert part in en, part
    assert "可用于：健康与生物医学研究（HMB）" in zh and "效果" in zh


def test_a_file_is_scored_and_rows_with_gaps_are_told_of(models: tuple[Region, dict[str, Any]], tmp_path: Path):
    where, found = models
    rows, out = where.folder / "rows.csv", tmp_path / "scores.csv"
    gone = patients()
    gone.loc[:9, "sex"] = None
    gone.to_csv(tmp_path / "gaps.csv", index=False)
    words = ["--out", out, "--keep", "patient", "--region", where.path]
    en, zh = in_both("model", "score", found["cox"]["study"], "--from", tmp_path / "gaps.csv", *words)
    assert "230 of 240 rows scored" in en and "10 rows lack a value" in en and "10 行缺少" in zh
    got, beta = pd.read_csv(out), [c["estimate"] for c in found["cox"]["result"]["coefficients"]]
    expected = beta[0] * gone.age + beta[1] * (gone.sex == "m")
    assert got.patient.tolist() == gone.patient.tolist() and got.linear_predictor[:10].isna().all()
    assert np.allclose(got.linear_predictor[10:], expected[10:], atol=1e-12)
    told = done("model", "score", found["gbdt"]["study"], "--from", rows, *words, "--json").json()
    assert (told["rows"], told["scored"], told["missing"]) == (240, 240, 0)
    assert pd.read_csv(out).prediction.between(0, 1).all()


def test_a_model_is_taken_away_as_onnx(models: tuple[Region, dict[str, Any]], tmp_path: Path):
    where, found = models
    words = ["model", "export", found["cox"]["study"], "--onnx", tmp_path / "cox.onnx", "--region", where.path]
    en, zh = in_both(*words)
    assert "Model written to" in en and "模型已写入" in zh
    frame = patients()
    given = {"age": frame[["age"]].to_numpy(float), "sex": frame[["sex"]].to_numpy(object)}
    (scores,) = InferenceSession(tmp_path / "cox.onnx").run(["linear_predictor"], given)
    beta = [c["estimate"] for c in found["cox"]["result"]["coefficients"]]
    assert np.allclose(scores[:, 0], beta[0] * frame.age + beta[1] * (frame.sex == "m"), atol=1e-12)
    assert done(*words, "--json").json()["bytes"] == (tmp_path / "cox.onnx").stat().st_size
    in_both(*words[:3], "--onnx", tmp_path / "nowhere" / "cox.onnx", *words[5:], code=2)


def test_an_evaluation_and_its_drift_are_on_the_card_and_its_page(
    models: tuple[Region, dict[str, Any]], tmp_path: Path
):
    where, found = models
    at, model = ["--region", where.path], found["gbdt"]["study"]
    en, zh = in_both("model", "drift", model, *at, code=3)
    assert "names a reference" in en and "reference" in zh
    asked = {"method": "evaluate", "params": {"model": model, "outcome": "died"}}
    first = where.outcome(title="As it was", **asked)
    asked["params"] = {**asked["params"], "reference": first["study"]}
    last = where.outcome(title="As it is", cohort="age > 60", **asked)
    drift = done("model", "drift", model, *at, "--json").json()
    assert (drift["study"], drift["drift"]["reference"]) == (last["study"], first["study"])
    assert drift["drift"] == last["result"]["drift"] and drift["drift"]["inputs"]["age"]["psi"] > 0.25
    en, zh = in_both("model", "drift", model, *at)
    assert "much" in en and "Siddiqi" in en and "很大" in zh
    card = done("model", "show", model, *at, "--json").json()
    assert [e["study"] for e in card["evaluations"]] == [first["study"], last["study"]]
    assert card["evaluations"][0]["metrics"]["auc"] == first["result"]["auc"]
    assert set(card["evaluations"][0]["hospitals"].values()) == {None}
    assert [r["code"] for r in card["licence"]["restrictions"]] == ["HMB", "no-re-identification"]
    en, zh = in_both("model", "show", model, *at)
    assert "withheld by the hospital" in en and "医院未公开" in zh and "许可" in zh
    en, _ = in_both("model", "show", model, *at, "--html", tmp_path / "card.html")
    page = (tmp_path / "card.html").read_text(encoding="utf-8")
    assert "Card written" in en and "withheld" not in page and "医院未公开" in page and "<script" not in page
    assert "As it was" in page and first["study"] in page and "群体稳定性指数" in page


def test_what_cannot_be_used_says_why(models: tuple[Region, dict[str, Any]], tmp_path: Path):
    where, found = models
    at, count = ["--region", where.path], found["count"]["study"]
    en, _ = in_both("model", "show", count, *at, code=2)
    assert "count, which fits no model" in en
    in_both("model", "show", "st-0123456789abcdef", *at, code=3)
    patients().rename(columns={"sex": "sexx"}).to_csv(tmp_path / "other.csv", index=False)
    words = ["--from", tmp_path / "other.csv", "--out", tmp_path / "s.csv", *at]
    en, zh = in_both("model", "score", found["cox"]["study"], *words, code=2)
    assert "lacks columns" in en and "'sex' (did you mean 'sexx'?)" in en and "缺少" in zh
    assert not (tmp_path / "s.csv").exists()
    assert huizhen("model", "score", count, *words).code == 2
