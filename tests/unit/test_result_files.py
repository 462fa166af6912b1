"""A result as files to take away: every table, nothing a spreadsheet would run, the evidence beside it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import pytest

from huizhen.client import report_paper, result_files
from huizhen.client.paper import markdown
from huizhen.kit.text import Language
from report_found import STUDIES, found

FOUND: dict[str, Any] = {
    "result": {
        "n": 240,
        "note": None,
        "coefficients": {"age": {"estimate": 0.1, "p": None}, "=cmd()": {"estimate": -2.0, "p": 0.5}},
        "levels": ["+1", "b"],
        "counts": [7, 9],
    }
}


def opened(found: dict[str, Any], proofs: dict[int, bytes]) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(result_files.archive(found, proofs))) as files:
        return {name: files.read(name).decode("utf-8-sig") for name in files.namelist()}


def test_each_table_is_a_file_and_all_figures_are_at_full_precision() -> None:
    files = opened(FOUND, {7: b"proof of 7"})
    assert set(files) == {"figures.csv", "coefficients.csv", "counts.csv", "outcome.json", "entry7.proof"}
    assert json.loads(files["outcome.json"]) == FOUND and files["entry7.proof"] == "proof of 7"
    rows = list(csv.DictReader(io.StringIO(files["coefficients.csv"])))
    assert rows[0] == {"name": "age", "estimate": "0.1", "p": ""} and rows[1]["p"] == "0.5"
    assert list(csv.reader(io.StringIO(files["figures.csv"]))) == [["figure", "value"], ["n", "240"], ["note", ""]]


def test_no_cell_is_a_formula_to_a_spreadsheet_and_numbers_stay_numbers() -> None:
    files = opened(FOUND, {})
    assert "'=cmd()" in files["coefficients.csv"] and "-2.0" in files["coefficients.csv"]
    cells = [
        c for name, text in files.items() if name.endswith("csv") for r in csv.reader(io.StringIO(text)) for c in r
    ]
    assert not [c for c in cells if c.startswith(("=", "+", "@"))]
    assert result_files.archive(FOUND, {}) == result_files.archive(FOUND, {})


def test_a_study_without_a_result_has_its_outcome_alone() -> None:
    assert set(opened({"result": None}, {})) == {"outcome.json"}


@pytest.mark.parametrize("study", STUDIES)
def test_every_method_has_a_paper_with_its_evidence_and_tables(study: str) -> None:
    outcome = found(*STUDIES[study])
    languages: tuple[Language, ...] = ("en", "zh")
    for language in languages:
        text = markdown(report_paper.paper(outcome, language))
        assert all(reason["rule"] in text for reason in outcome["grant"]["reasons"])
        assert outcome["study"] in text and "huizhen ledger verify" in text
    assert report_paper.pdf(outcome, "zh").startswith(b"%PDF-")
    assert len(opened(outcome, {})) > 1, "some table or figure beside the outcome"


def test_what_is_kept_back_or_was_stopped_has_a_report_too() -> None:
    outcome = {**found(*STUDIES["count"]), "result": None}
    problem = {"code": "x", "message": "Kept back.", "message_zh": "暂缓。", "remedy": "Wait.", "remedy_zh": "等待。"}
    for status in ("awaiting", "denied"):
        text = markdown(report_paper.paper({**outcome, "status": status, "problem": problem}, "en"))
        assert "Kept back" in text
