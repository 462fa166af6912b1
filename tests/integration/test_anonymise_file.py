"""A file in, a file out: what is promised holds in the file itself, and what does not hold is never written."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from commands import done, in_both
from huizhen.adapters.release_check import check_release
from huizhen.kit.errors import Refused
from huizhen.model.anonymisation import Anonymisation

ADULT = Path(__file__).resolve().parents[3] / "shared" / "data" / "adult"
CONFIG = """\
quasi_identifiers:
  age: {by: interval, widths: [5, 10, 20]}
  region: {by: prefix, lengths: [2, 4]}
  job: {by: file, file: job.csv}
sensitive:
  icd: {distinct: 2, t: 0.5}
keep: [note]
drop: [name]
k: 5
"""


def frame(rows: int = 600) -> pd.DataFrame:
    chance = np.random.default_rng(7)
    return pd.DataFrame(
        {
            "name": [f"N{i}" for i in range(rows)],
            "age": [*map(str, chance.integers(0, 99, rows - 1)), ""],
            "region": chance.choice(["110101", "110102", "310101", "310203"], rows),
            "job": chance.choice(["nurse", "doctor", "cook"], rows),
            "icd": chance.choice(["I10", "E11", "C50", "B20"], rows),
            "note": [f'a,"{i};\n' for i in range(rows)],
        }
    )


def laid(folder: Path, config: str = CONFIG) -> list[str | Path]:
    frame().to_csv(folder / "in.csv", index=False)
    (folder / "job.csv").write_text("nurse;health;*\ndoctor;health;*\ncook;other;*\n", encoding="utf-8")
    (folder / "a.yaml").write_text(config, encoding="utf-8")
    return ["anonymize", folder / "in.csv", "--out", folder / "out.csv", "--config", folder / "a.yaml"]


def test_a_csv_holds_what_is_promised_and_says_what_it_cost(tmp_path: Path):
    said = done(*laid(tmp_path), "--json").json()
    before, after = frame(), pd.read_csv(tmp_path / "out.csv", dtype=str, keep_default_na=False)
    assert list(after) == ["age", "region", "job", "icd", "note"]
    sizes = after.groupby(["age", "region", "job"]).size()
    assert sizes.min() >= 5 and len(sizes) == said["classes"] > 10 and 0 < said["ncp"] < 1
    assert after.groupby(["age", "region", "job"]).icd.nunique().min() >= 2
    both = after.merge(before, on="note", suffixes=("", "_was"))
    assert len(both) == 600 and (both.icd == both.icd_was).all()
    assert all(a in {"*", b, b[:2] + "****", b[:4] + "**"} for a, b in zip(both.region, both.region_was, strict=True))
    assert list(tmp_path.glob(".*")) == []
    en, zh = in_both(*laid(tmp_path))
    assert "Loss (NCP)" in en and "信息损失" in zh


def test_parquet_too(tmp_path: Path):
    words = laid(tmp_path)
    frame().astype({"note": str}).assign(age=[*range(599), None]).to_parquet(tmp_path / "in.parquet")
    words[1], words[3] = tmp_path / "in.parquet", tmp_path / "out.parquet"
    (tmp_path / "a.yaml").write_text(CONFIG.replace("age: {by: interval, widths: [5, 10, 20]}", "age: {by: flat}"))
    assert done(*words, "--json").json()["rows"] == 600
    assert pd.read_parquet(tmp_path / "out.parquet").groupby(["age", "region", "job"]).size().min() >= 5


@pytest.mark.parametrize(
    ("was", "becomes", "code", "said"),
    [
        ("keep: [note]\n", "", 2, "'note' is not named"),
        ("drop: [name]", "drop: [name, age]", 2, "'age' is named twice"),
        ("drop: [name]", "drop: [name, agee]", 2, "'agee' is not in the file"),
        ("k: 5", "k: 601", 6, "fewer than 601 rows"),
        ("distinct: 2", "distinct: 5", 6, "not so varied even in the whole file"),
        ("distinct: 2", "c: 2.0", 2, "needs both c and l"),
        ("[5, 10, 20]", "[5, 12]", 2, "do not nest"),
        ("{by: prefix, lengths: [2, 4]}", "{by: prefix}", 2, "'prefix' needs 'lengths'"),
        ("{by: prefix, lengths: [2, 4]}", "{by: file, file: job.csv}", 2, "4 different values of the column are not"),
        ("job: {by: file, file: job.csv}", "job: {by: interval, widths: [5]}", 2, "not whole numbers"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_written(was: str, becomes: str, code: int, said: str, tmp_path: Path):
    words = laid(tmp_path, CONFIG.replace(was, becomes))
    en, _ = in_both(*words, code=code)
    assert said in en
    assert not (tmp_path / "out.csv").exists() and list(tmp_path.glob(".*")) == []


ROWS = [("a", "x")] * 3 + [("a", "y")] * 3 + [("b", "x")] * 5 + [("b", "y")] * 1


@pytest.mark.parametrize(
    ("k", "asked", "stands"),
    [
        (6, {}, True),
        (7, {}, False),
        (2, {"distinct": 2}, True),
        (2, {"distinct": 3}, False),
        (2, {"entropy": 1.56}, True),
        (2, {"entropy": 1.58}, False),
        (2, {"c": 5.5, "l": 2}, True),
        (2, {"c": 5.0, "l": 2}, False),
        (2, {"t": 0.1667}, True),
        (2, {"t": 0.1666}, False),
    ],
)
def test_the_check_reads_the_file_alone(k: int, asked: dict[str, float], stands: bool, tmp_path: Path):
    with (tmp_path / "r.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("q", "s"), *ROWS])
    config = Anonymisation.read({"quasi_identifiers": {"q": {"by": "flat"}}, "sensitive": {"s": asked}, "k": k})
    if stands:
        check_release(tmp_path / "r.csv", False, ",", config, 12)
        with pytest.raises(Refused, match="lost or gained"):
            check_release(tmp_path / "r.csv", False, ",", config, 13)
    else:
        with pytest.raises(Refused):
            check_release(tmp_path / "r.csv", False, ",", config, 12)


def test_a_release_that_breaks_its_promise_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    words = laid(tmp_path)
    monkeypatch.setattr("huizhen.adapters.anonymised._released", lambda rows, *_: rows.drop_columns(["name"]))
    en, _ = in_both(*words, code=5)
    assert "a class has fewer than 5 rows" in en
    assert not (tmp_path / "out.csv").exists() and list(tmp_path.glob(".*")) == []


@pytest.mark.skipif(not ADULT.exists(), reason="the Adult data is not here")
def test_adult_with_the_hierarchies_of_arx(tmp_path: Path):
    columns = ["sex", "age", "race", "marital-status", "education", "native-country", "workclass"]
    lines = [f"  {c}: {{by: file, file: {ADULT}/adult_hierarchy_{c}.csv}}" for c in columns]
    text = "\n".join(["quasi_identifiers:", *lines, "sensitive: {occupation: {distinct: 3}}", "keep: [salary-class]"])
    (tmp_path / "a.yaml").write_text(text)
    words = ["anonymize", ADULT / "adult.csv", "--out", tmp_path / "o.csv", "--config", tmp_path / "a.yaml", "--json"]
    assert done(*words).json()["rows"] == 30_162
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = list(csv.reader(file, delimiter=";"))[1:]
    sizes = Counter(tuple(row[:7]) for row in rows)
    assert min(sizes.values()) >= 10
    occupations = {(tuple(row[:7]), row[7]) for row in rows}
    assert min(Counter(combination for combination, _ in occupations).values()) >= 3
