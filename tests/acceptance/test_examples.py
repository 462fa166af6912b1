"""The examples run: every study, on the data that their script makes, under their schema and settings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from commands import NAMES, done, huizhen
from huizhen import methods

HERE = Path(__file__).resolve().parents[2] / "examples"
STUDIES = sorted(p for p in HERE.glob("*.yaml") if p.stem not in {"schema", "settings"})


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples")
    subprocess.run([sys.executable, HERE / "clinic.py", folder], check=True)
    done("init", "--settings", HERE / "settings.yaml", "--region", folder / "region")
    for name in NAMES:
        done("node", "add", name, "--region", folder / "region")
        done(
            "dataset", "add", "clinic", "--node", name, "--from", folder / f"{name}.csv", "--subject", "patient_id",
            "--schema", HERE / "schema.yaml", "--consent", folder / f"{name}-consents.csv",
            "--region", folder / "region",
        )  # fmt: skip
    imported = done(
        "consent", "import", "--node", "north", "--from", HERE / "consents.csv", "--region", folder / "region"
    )
    why = "no reviewers in this test"
    done("review", "waive", "memorising-model", "--reason", why, "--region", folder / "region")
    assert "4 consents" in imported.out and imported.err == ""
    return folder / "region"


def test_every_method_has_one() -> None:
    assert {p.stem.partition("-")[0] for p in STUDIES} == set(methods.names())


@pytest.mark.parametrize("study", STUDIES, ids=lambda p: p.stem)
def test_it_is_checked_and_released(study: Path, region: Path, tmp_path: Path) -> None:
    if study.stem == "evaluate":
        released = done("study", "run", HERE / "glm.yaml", "--region", region, "--json", "-").json()["study"]
        text = study.read_text(encoding="utf-8")
        assert "st-0123456789abcdef" in text
        study = tmp_path / "evaluate.yaml"
        study.write_text(text.replace("st-0123456789abcdef", released), encoding="utf-8")
    if study.stem == "extract":
        asked = huizhen("study", "check", study, "--region", region)
        assert asked.code == 5 and "HZ07" in asked.out, "its page says what it needs, and runs"
        return
    assert "Verdict: allow" in done("study", "check", study, "--region", region).out
    found = done("study", "run", study, "--region", region, "--json", "-").json()
    assert found["status"] == "released"
    assert sum(line["fen"] for line in found["settlement"]["lines"]) == found["request"]["price_fen"]


def test_whom_the_settings_refuse_is_refused(region: Path, tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    text = (HERE / "count.yaml").read_text(encoding="utf-8")
    study.write_text(text.replace("asker: acme-pharma", "asker: banned-broker"), encoding="utf-8")
    assert huizhen("study", "run", study, "--region", region).code == 5
