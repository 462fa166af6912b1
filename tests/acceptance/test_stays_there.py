"""A hospital whose rows stay in its PostgreSQL takes part by commands like any other, and nothing of it is copied."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import adbc_driver_postgresql.dbapi as adbc
import duckdb
import pandas as pd
import psycopg
import pyarrow as pa
import pytest

from commands import COX, NAMES, Ran, Region, done, huizhen, patients, split
from warehouses import into_folder, into_postgresql

SECRET = "tall-ship-3"
READER = f"reader_{uuid4().hex}"
"""Users belong to the whole server."""


def typed(frame: pd.DataFrame) -> pa.Table:
    return pa.table(
        {**{c: frame[c].to_numpy() for c in frame if c != "seen"}, "seen": pd.to_datetime(frame["seen"]).dt.date}
    )


@pytest.fixture(scope="module")
def reader(warehouse: str) -> Iterator[str]:
    """The table of the north hospital, and the address of one who may read it and do nothing else."""
    rows = dict(zip(NAMES, split(patients()), strict=True))["north"]
    into_postgresql(
        warehouse, "visits", typed(rows),
        f"CREATE ROLE {READER} LOGIN PASSWORD '{SECRET}'",
        f"GRANT SELECT ON visits TO {READER}", "CREATE TABLE private (patient text, hiv boolean)",
    )  # fmt: skip
    yield f"postgresql://{READER}:{SECRET}@{warehouse.rpartition('@')[2]}"
    with adbc.connect(warehouse, autocommit=True) as connection, connection.cursor() as cursor:
        for statement in (f"REVOKE ALL ON visits FROM {READER}", f"DROP ROLE {READER}"):
            cursor.execute(statement)


def add(where: Region, address: str, *more: str | Path) -> Ran:
    words = ["dataset", "add", "d", "--node", "north", "--from", address, "--subject", "patient"]
    return huizhen(*words, *more, "--region", where.path)


def mixed(folder: Path) -> Region:
    """Four hospitals; north has only consents so far."""
    rows = dict(zip(NAMES, split(patients()), strict=True))
    where = Region(folder, {n: rows[n] for n in NAMES if n != "north"}, "patient")
    done("node", "add", "north", "--region", where.path)
    who = pd.DataFrame({"subject": rows["north"]["patient"], "purpose": "HMB"})
    who.to_csv(folder / "north-consents.csv", index=False)
    return where


@pytest.fixture(scope="module")
def pooled(asked: tuple[Region, dict[str, Any]]) -> dict[str, Any]:
    """The answer where all four hospitals hold files."""
    return asked[1]["result"]


def check_answer(where: Region, pooled: dict[str, Any]) -> None:
    found = where.result(**COX)
    assert found["n"] == pooled["n"]
    for mine, theirs in zip(found["coefficients"], pooled["coefficients"], strict=True):
        assert mine["estimate"] == pytest.approx(theirs["estimate"], rel=1e-9)


def test_a_hospital_with_postgresql_takes_part_and_nothing_is_copied(
    tmp_path: Path, reader: str, pooled: dict[str, Any]
) -> None:
    where = mixed(tmp_path)
    said = add(where, reader, "--table", "public.visits", "--consent", tmp_path / "north-consents.csv")
    assert said.code == 0, said.err
    check_answer(where, pooled)
    home = where.path / "nodes" / "north"
    own = home / "node.duckdb"
    assert not own.exists() or duckdb.connect(str(own), read_only=True).execute("SHOW TABLES").fetchall() == []
    place = home / "warehouses" / "d.json"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    subjects = [p.encode() for p in patients()["patient"]]
    for file in where.path.rglob("*"):
        if file.is_file() and file != place:
            data = file.read_bytes()
            assert SECRET.encode() not in data and b"visits" not in data, file
        if file.is_file():
            assert not any(s in file.read_bytes() for s in subjects), file
    assert SECRET not in said.out + said.err
    ended = done("doctor", "--region", where.path)
    assert "in its warehouse" in ended.out


def test_the_same_rows_again_from_a_file_and_back_leave_one_place(tmp_path: Path, reader: str) -> None:
    where = mixed(tmp_path)
    rows = dict(zip(NAMES, split(patients()), strict=True))["north"]
    rows.to_csv(tmp_path / "north.csv", index=False)
    home = where.path / "nodes" / "north"
    for _ in range(2):
        assert add(where, str(tmp_path / "north.csv")).code == 0
        assert not (home / "warehouses" / "d.json").exists()
        assert add(where, reader, "--table", "visits").code == 0
        with duckdb.connect(str(home / "node.duckdb"), read_only=True) as connection:
            assert connection.execute("SHOW TABLES").fetchall() == []


@pytest.mark.usefixtures("spark")
def test_a_hospital_with_spark_takes_part(tmp_path: Path, pooled: dict[str, Any]) -> None:
    where = mixed(tmp_path)
    rows = dict(zip(NAMES, split(patients()), strict=True))["north"]
    folder = into_folder(tmp_path / "lake" / "visits", typed(rows))
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "spark-defaults.conf").write_text("spark.master local[2]\nspark.sql.shuffle.partitions 2\n")
    environment = {**os.environ, "SPARK_CONF_DIR": str(tmp_path / "conf"), "HUIZHEN_LANG": "en"}
    asked = where.write_study(**COX)
    for words in (
        ["dataset", "add", "d", "--node", "north", "--from", f"spark:{folder}", "--subject", "patient", "--consent",
         str(tmp_path / "north-consents.csv")],
        ["study", "run", str(asked), "--json", str(tmp_path / "out.json")],
    ):  # fmt: skip
        ran = subprocess.run(
            [sys.executable, "-m", "huizhen.cli", *words, "--region", str(where.path)],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "WARN" not in ran.stderr and "Spark" not in ran.stderr
    found = json.loads((tmp_path / "out.json").read_text())["result"]
    assert found["n"] == pooled["n"]
    for mine, theirs in zip(found["coefficients"], pooled["coefficients"], strict=True):
        assert mine["estimate"] == pytest.approx(theirs["estimate"], rel=1e-9)


WRONG = [
    (["--table", "public.nothing"], 3, "no table 'public.nothing'"),
    (["--table", "visits; DROP TABLE visits"], 3, "no table"),
    ([], 2, "--table public.visits"),
    (["--table", "private"], 2, "Grant it SELECT"),
]


@pytest.mark.parametrize(("words", "code", "said"), WRONG, ids=["absent", "injection", "no table", "no right"])
def test_what_cannot_be_read_is_said_and_nothing_is_kept(
    tmp_path: Path, reader: str, words: list[str], code: int, said: str
) -> None:
    where = mixed(tmp_path)
    ran = add(where, reader, *words)
    assert ran.code == code, ran.err
    assert said in ran.err.replace("\n", " ")
    assert SECRET not in ran.err and READER not in ran.err
    assert not (where.path / "nodes" / "north" / "warehouses").exists()


def test_a_warehouse_that_is_not_there_or_has_other_columns_is_left_out_or_ends_a_study_with_its_reason(
    tmp_path: Path, warehouse: str
) -> None:
    where = mixed(tmp_path)
    rows = dict(zip(NAMES, split(patients()), strict=True))["north"]
    into_postgresql(warehouse, "moving", typed(rows))
    assert add(where, warehouse, "--table", "moving", "--consent", tmp_path / "north-consents.csv").code == 0
    with psycopg.connect(warehouse, autocommit=True) as server:
        server.execute("ALTER TABLE moving RENAME age TO years")
    without = where.outcome(**COX)
    assert without["status"] == "released" and without["hospitals"] == ["east", "south", "west"]
    assert [(each["node"], each["code"]) for each in without["left_out"]] == [("north", "warehouse-changed")]
    every = {**COX, "quorum": 4}
    assert where.outcome(**every)["problem"]["code"] == "warehouse-changed"
    with psycopg.connect(warehouse, autocommit=True) as server:
        server.execute("DROP TABLE moving")
    assert where.outcome(**{**every, "title": "again"})["problem"]["code"] == "warehouse-no-table"
    ended = huizhen("doctor", "--region", where.path)
    assert ended.code == 1
    assert "no table 'moving'" in ended.out
    assert add(where, "postgresql://nobody@127.0.0.1:1/none", "--table", "moving").code == 7
    place = where.path / "nodes" / "north" / "warehouses" / "d.json"
    told = json.loads(place.read_text())
    place.write_text(json.dumps({**told, "address": "postgresql://nobody@127.0.0.1:1/none"}))
    assert where.outcome(**{**every, "title": "once more"})["problem"]["code"] == "warehouse-silent"
