"""The report of an anonymised file, and the signed trail of what was done."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pypdf import PdfReader

from commands import done, in_both


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place, chance = tmp_path_factory.mktemp("report"), np.random.default_rng(21)
    pd.DataFrame(
        {
            "who": [f"Person{i:04}" for i in range(1500)],
            "age": chance.integers(0, 99, 1500),
            "job": chance.choice(["nurse", "<script>alert(1)</script>"], 1500),
            "icd": chance.choice(["I10", "E11", "C50"], 1500),
        }
    ).to_csv(place / "in.csv", index=False)
    done("party", "key", "--out", place / "key.pem")
    return place


def words(folder: Path, *more: str | Path) -> list[str | Path]:
    return ["anonymize", folder / "in.csv", "--out", folder / "out.csv", "--qi", "age,job", "--sensitive", "icd",
            "--drop", "who", *more]  # fmt: skip


@pytest.mark.parametrize(("language", "heading"), [("en", "Attacks that were made"), ("zh", "对文件实际进行的攻击")])
def test_the_report_says_all_and_holds_no_row_and_no_script(language: str, heading: str, folder: Path):
    page = folder / f"{language}.html"
    said = done(
        "--lang", language, *words(folder, "--population-size", "20000", "--seed", "4", "--report", page), "--json"
    ).json()
    html = page.read_text(encoding="utf-8")
    assert heading in html and said["input_sha256"] in html and said["output_sha256"] in html
    assert html.count("<svg") == 4 and "<script" not in html and "http:" not in html and "https:" not in html
    assert not re.search(r"Person\d", html)
    assert f"{said['utility']['arx_loss']:.3f}" in html and "pitman" in html
    assert (language == "zh") == ("风险" in html)


def test_pdf_and_markdown_too(folder: Path):
    done(*words(folder, "--report", folder / "r.pdf"))
    text = "".join(page.extract_text() for page in PdfReader(folder / "r.pdf").pages)
    assert "Attacks that were made on the file" in text and "prosecutor" in text
    done(*words(folder, "--no-attacks", "--no-measures", "--report", folder / "r.md"))
    written = (folder / "r.md").read_text(encoding="utf-8")
    assert "Attacks" not in written and "GB/T 42460" in written
    (folder / "out.csv").unlink()
    en, _ = in_both(*words(folder, "--report", folder / "r.docx"), code=2)
    assert "no format" in en and not (folder / "out.csv").exists()


def test_every_step_is_signed_also_where_it_was_stopped(folder: Path):
    trail, key = folder / "t.jsonl", folder / "key.pem"
    kept = ("--trail", trail, "--key", key)
    said = done(*words(folder, *kept), "--json").json()
    in_both(*words(folder, "--mode", "public", *kept), code=5)
    lines = [json.loads(line) for line in trail.read_text(encoding="utf-8").splitlines()]
    steps = [line["step"] for line in lines]
    assert steps[:6] == ["read", "partition", "check", "measure", "attack", "release"]
    assert steps[6:] == ["read", "stopped"] * 2
    assert json.loads(lines[0]["said"])["sha256"] == said["input_sha256"]
    assert json.loads(lines[5]["said"])["sha256"] == said["output_sha256"]
    assert json.loads(lines[7]["said"]) == {"code": "risk-above-threshold"}


@pytest.mark.parametrize("attack", ["changed", "taken out", "swapped", "another key", "no signature"])
def test_a_trail_that_was_changed_is_noticed(attack: str, folder: Path, tmp_path: Path):
    trail, key = tmp_path / "t.jsonl", folder / "key.pem"
    done(*words(folder, "--trail", trail, "--key", key, "--no-attacks", "--no-measures"))
    lines = trail.read_text(encoding="utf-8").splitlines()
    if attack == "changed":
        lines[1] = lines[1].replace('\\"suppressed\\": 0', '\\"suppressed\\": 1')
    elif attack == "taken out":
        del lines[1]
    elif attack == "swapped":
        lines[1:3] = lines[2:0:-1]
    elif attack == "another key":
        key = tmp_path / "other.pem"
        done("party", "key", "--out", key)
    else:
        lines[0] = json.dumps({k: v for k, v in json.loads(lines[0]).items() if k != "signature"})
    before = "".join(line + "\n" for line in lines)
    trail.write_text(before, encoding="utf-8")
    en, zh = in_both(*words(folder, "--trail", trail, "--key", key), code=8)
    assert "not what this key signed" in en and "不符" in zh
    assert trail.read_text(encoding="utf-8") == before


def test_a_trail_needs_a_key(folder: Path):
    en, _ = in_both(*words(folder, "--trail", folder / "x.jsonl"), code=2)
    assert "--trail and --key go together" in en
