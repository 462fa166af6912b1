"""Nets through the commands: with noise, and with a head of each hospital's own, for that hospital alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import NAMES, Region, chinese, done, huizhen, in_both, patients, split
from huizhen.node.scored import commitment

OWN = {
    "title": "Who dies, here?",
    "method": "nn",
    "params": {"outcome": "died", "columns": ["age", "time"], "hidden": [1], "rounds": 4, "personal": "head"},
}


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Region:
    rows = dict(zip(NAMES, split(patients()), strict=True))
    made = Region(tmp_path_factory.mktemp("nets"), rows, "patient", "lung")
    patients().to_csv(made.folder / "rows.csv", index=False)
    made.waive("memorising-model")
    return made


def test_a_hospital_scores_with_its_own_model_and_nobody_else_can(where: Region, tmp_path: Path) -> None:
    study = where.outcome(**OWN)["study"]
    rows, risks = where.folder / "rows.csv", []
    for name in NAMES[:2]:
        out = tmp_path / f"{name}.csv"
        words = ["node", "score", name, study, "--from", rows, "--out", out, "--region", where.path]
        assert "of 240 rows scored" in done(*words).out
        risks.append(pd.read_csv(out).prediction.to_numpy())
    assert np.nanmax(np.abs(risks[0] - risks[1])) > 1e-6, "each has its own head"
    told = json.loads((tmp_path / f"{NAMES[0]}.csv-metadata.json").read_text())
    lines = done("node", "log", NAMES[0], "--study", study, "--region", where.path, "--json").json()["lines"]
    (line,) = [line for line in lines if line["kind"] == "scored"]
    assert line["question"] == commitment(told) and told["notes"][0]["model"]["study"] == study
    told["notes"][0]["sha256"] = "00" * 32
    assert line["question"] != commitment(told), "another file is not what the log speaks of"
    for words in (["model", "score", study, "--from", rows, "--out", tmp_path / "x.csv"], ["model", "export", study,
                   "--onnx", tmp_path / "x.onnx"]):  # fmt: skip
        refused = huizhen(*words, "--region", where.path)
        assert refused.code != 0 and "head-stays" in refused.err and not (tmp_path / "x.csv").exists()


def test_where_no_model_was_left_it_says_so(where: Region, tmp_path: Path) -> None:
    words = ["node", "score", NAMES[0], "st-0123456789abcdef", "--from", where.folder / "rows.csv", "--out",
             tmp_path / "x.csv", "--region", where.path]  # fmt: skip
    en, zh = huizhen(*words), huizhen(*words, HUIZHEN_LANG="zh")
    assert en.code == zh.code != 0 and "no-own-model" in en.err and chinese(zh.err)


def test_a_net_with_noise_is_released_scored_and_paid_for(where: Region, tmp_path: Path) -> None:
    asked = {
        "title": "Who dies, with noise?", "method": "nn", "protection": {"epsilon": 2.5},
        "params": {"outcome": "died", "columns": ["age", "time"], "hidden": [], "rounds": 5,
                   "ranges": {"age": [30, 85], "time": [0, 900]}},
    }  # fmt: skip
    found = where.outcome(**asked)
    assert found["status"] == "released" and found["epsilon_spent"] == 2.5
    card = done("model", "show", found["study"], "--region", where.path, "--json").json()
    assert card["metrics"]["privacy.epsilon"] == 2.5
    done("model", "score", found["study"], "--from", where.folder / "rows.csv", "--out", tmp_path / "s.csv",
         "--region", where.path)  # fmt: skip
    assert pd.read_csv(tmp_path / "s.csv").prediction.between(0, 1).all()
    en, zh = in_both("study", "show", found["study"], "--region", where.path)
    assert "share of the noise" in en and "份额的噪声" in zh
    assert where.outcome(**{**asked, "title": "again"})["status"] == "denied"
