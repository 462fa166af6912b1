"""`huizhen synthesize` and `huizhen.synthesize`: files, tables in memory, what is said beforehand, and the report."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from typer.testing import CliRunner

import huizhen
from huizhen.cli import app
from huizhen.kit.errors import BadInput

ROWS = 3000


def _frame() -> pd.DataFrame:
    chance = np.random.default_rng(1)
    age = chance.integers(18, 90, ROWS)
    return pd.DataFrame(
        {
            "patient": [f"P-{i // 2:06}" for i in range(ROWS)],
            "age": age,
            "ward": np.where(age > 60, "old", "young"),
            "day": [date(2025, 1, 1) + timedelta(days=int(d)) for d in chance.integers(0, 300, ROWS)],
            "cost": np.round(np.exp(chance.normal(5, 1, ROWS)), 2),
        }
    )


SAID = {
    "ward": {"values": ["old", "young"]},
    "age": {"low": 0, "high": 110},
    "day": {"low": "2025-01-01", "high": "2025-12-31"},
}


def test_a_file_is_synthesised_compared_attacked_and_reported(tmp_path: Path) -> None:
    source, out, report = tmp_path / "in.csv", tmp_path / "out.csv", tmp_path / "r.html"
    _frame().to_csv(source, index=False)
    config = tmp_path / "synthesize.yaml"
    config.write_text(
        "columns:\n  ward: {values: [old, young]}\n  age: {low: 0, high: 110}\n"
        "  day: {low: 2025-01-01, high: 2025-12-31}\nperson: patient\nepsilon: 2\n", encoding="utf-8",
    )  # fmt: skip
    words = ["synthesize", str(source), "--out", str(out), "--config", str(config), "--seed", "3"]
    answer = CliRunner().invoke(app, [*words, "--report", str(report), "--json"])
    assert answer.exit_code == 0, answer.output
    told = json.loads(answer.stdout)
    made = pd.read_csv(out)
    assert list(made.columns) == ["age", "ward", "day", "cost"], "whose row it was is left out"
    assert abs(len(made) - ROWS / 2) < 300, "one row of each person"
    assert abs(sum(told["spent"].values()) - 1) < 1e-9 and told["epsilon"] == 2
    assert told["columns"]["age"] == {"kind": "number", "found": False, "many": 64}
    assert told["columns"]["cost"]["found"] and told["pairs"]
    assert ((made["age"] > 60) == (made["ward"] == "old")).mean() > 0.8
    assert made["day"].isna().mean() < 0.05, "noise may say that some are missing"
    assert made["day"].dropna().between("2025-01-01", "2025-12-31").all()
    assert {a["attack"] for a in told["attacks"]} == {"membership", "linkage", "singling-out", "attribute"}
    page = report.read_text(encoding="utf-8")
    assert "P-00" not in page and "membership" in page


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame, pa.Table])
def test_a_table_in_memory_gives_one_of_its_kind_and_types(kind: type) -> None:
    frame = _frame().drop(columns="patient")
    table = {pd.DataFrame: lambda: frame, pl.DataFrame: lambda: pl.from_pandas(frame),
             pa.Table: lambda: pa.Table.from_pandas(frame, preserve_index=False)}[kind]()  # fmt: skip
    found = huizhen.synthesize(table, epsilon=3, columns=SAID, rows=500, judged=False, seed=1)
    assert isinstance(found.table, kind) and len(found.table) == 500 and "attacks" not in found.figures
    if isinstance(found.table, pa.Table):
        assert found.table.schema.types == table.schema.types


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"columns": {"nobody": {"code": True}}}, "synthetic-columns-unclear"),
        ({"columns": {"age": {"low": 3}}}, "synthetic-columns-unclear"),
        ({"columns": {"age": {"low": 9, "high": 3}}}, "synthetic-columns-unclear"),
        ({"columns": {"age": {"low": 1, "high": 3, "values": [1]}}}, "synthetic-columns-unclear"),
        ({"drop": ["age"], "person": "age"}, "synthetic-columns-unclear"),
        ({"drop": ["patient", "age", "ward", "day", "cost"]}, "nothing-to-learn"),
        ({"epsilon": 0.0005}, "epsilon-out-of-range"),
    ],
)
def test_what_is_unclear_is_refused(said: dict[str, object], code: str) -> None:
    with pytest.raises(BadInput) as error:
        huizhen.synthesize(_frame().head(50), **said)  # type: ignore[arg-type]
    assert error.value.code == code
