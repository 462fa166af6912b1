"""Rows may live in a warehouse: they are brought, anonymised as a file would be, and nothing of them is left behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

from commands import done, huizhen, in_both
from own_files import people
from warehouses import into_folder, into_postgresql

QUASI = ["age", "region", "job"]
ASKED = ["--qi", "age,region,job", "--sensitive", "icd", "--keep", "seen,note", "--drop", "name", "--k", "5",
         "--no-attacks", "--no-measures"]  # fmt: skip


def frame() -> pd.DataFrame:
    table = people(1500, 7).assign(seen=range(1500))
    return table.assign(age=pd.to_numeric(table["age"]).astype("Int64"))


def in_warehouse(kind: str, folder: Path, request: pytest.FixtureRequest) -> list[str]:
    """Where the rows are, as the command line says it."""
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    if kind == "postgresql":
        url = request.getfixturevalue("warehouse")
        into_postgresql(url, "visits", table)
        return [url, "--table", "public.visits"]
    if kind == "spark":
        request.getfixturevalue("spark")
        return [f"spark:{into_folder(folder / 'lake', table)}"]
    with duckdb.connect(folder / "his.duckdb") as connection:
        connection.register("rows", table)
        connection.execute("CREATE SCHEMA care; CREATE TABLE care.visits AS SELECT * FROM rows")
    return [f"duckdb:{folder / 'his.duckdb'}", "--table", "care.visits"]


@pytest.mark.parametrize("kind", ["postgresql", "duckdb"])
def test_a_table_is_released_as_a_file_of_the_same_rows(kind: str, tmp_path: Path, request: pytest.FixtureRequest):
    (tmp_path / "out").mkdir()
    frame().to_parquet(tmp_path / "in.parquet")
    done("anonymize", tmp_path / "in.parquet", "--out", tmp_path / "plain.parquet", *ASKED)
    where = in_warehouse(kind, tmp_path, request)
    found = done("anonymize", *where, "--out", tmp_path / "out" / "rows.parquet", *ASKED, "--json")
    assert where[0] not in found.out + found.err
    plain, rows = (pd.read_parquet(p) for p in (tmp_path / "plain.parquet", tmp_path / "out" / "rows.parquet"))
    assert Counter(map(tuple, plain.values)) == Counter(map(tuple, rows.values))
    assert rows["seen"].dtype == plain["seen"].dtype
    assert rows.groupby(QUASI).size().min() >= 5
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["rows.parquet"]


def test_as_csv_and_on_the_disk(tmp_path: Path, request: pytest.FixtureRequest):
    where = in_warehouse("duckdb", tmp_path, request)
    done("anonymize", *where, "--out", tmp_path / "rows.csv", *ASKED, "--memory", "1GB")
    rows = pd.read_csv(tmp_path / "rows.csv", dtype=str)
    assert len(rows) == 1500 and rows.groupby(QUASI, dropna=False).size().min() >= 5


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["duckdb:{0}/his.duckdb"], "table-missing"),
        (["duckdb:{0}/his.duckdb", "--table", "nothing"], "warehouse-no-table"),
        (["duckdb:{0}/none.duckdb", "--table", "t"], "warehouse-silent"),
        (["duckdb:{0}/his.duckdb", "--table", "care.visits", "--rule", "rule.json"], "rule-for-a-file"),
        (["postgresql://someone:secret@127.0.0.1:1/none", "--table", "t"], "warehouse-silent"),
        (["{0}/in.csv", "--table", "t"], "table-of-a-file"),
    ],
)
def test_what_cannot_be_read_is_said(words: list[str], code: str, tmp_path: Path, request: pytest.FixtureRequest):
    in_warehouse("duckdb", tmp_path, request)
    ran = huizhen("anonymize", *(w.format(tmp_path) for w in words), "--out", tmp_path / "rows.csv", *ASKED)
    assert code in ran.err and "secret" not in ran.err + ran.out
    assert sorted(p.name for p in tmp_path.iterdir()) == ["his.duckdb"]


def test_no_rows_are_no_release(tmp_path: Path):
    with duckdb.connect(tmp_path / "his.duckdb") as connection:
        connection.execute("CREATE TABLE visits (age INTEGER)")
    words = ["anonymize", f"duckdb:{tmp_path / 'his.duckdb'}", "--table", "visits", "--out", tmp_path / "o.csv"]
    assert "warehouse-empty" in in_both(*words, "--qi", "age", code=2)[0]
