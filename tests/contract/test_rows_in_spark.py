"""The contract of `test_rows` in Spark, on this machine: in a process of its own, with a configuration of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from huizhen.adapters.rows_spark import _heap

DEFAULTS = """
spark.master                  local[2]
spark.driver.memory           768m
spark.driver.extraJavaOptions -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto
spark.sql.shuffle.partitions  2
"""


@pytest.mark.usefixtures("spark")
def test_spark_keeps_the_contract(tmp_path: Path) -> None:
    (tmp_path / "spark-defaults.conf").write_text(DEFAULTS)
    words = [
        "tests/contract/test_rows.py",
        "tests/generative/test_cohort_dialects.py",
        "-p",
        "no:xdist",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore::ResourceWarning",
    ]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", *words, f"--basetemp={tmp_path / 'base'}"],
        cwd=Path(__file__).parents[2],
        env={
            **os.environ,
            "HUIZHEN_ROWS_IN": "spark",
            "SPARK_CONF_DIR": str(tmp_path),
            "SPARK_LOCAL_DIRS": str(tmp_path),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.count(".") > 10


@pytest.mark.parametrize("by", ["nobody", "file", "comment", "environment", "words"])
def test_java_gets_more_than_sparks_own_default_unless_somebody_says_how_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    for name in ("SPARK_HOME", "SPARK_DRIVER_MEMORY", "PYSPARK_SUBMIT_ARGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SPARK_CONF_DIR", str(tmp_path))
    if by in ("file", "comment"):
        (tmp_path / "spark-defaults.conf").write_text(DEFAULTS if by == "file" else "# spark.driver.memory 768m\n")
    if by == "environment":
        monkeypatch.setenv("SPARK_DRIVER_MEMORY", "2g")
    if by == "words":
        monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", "--driver-memory 2g pyspark-shell")
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 4 << 20}.__getitem__)
    assert _heap() == ({"spark.driver.memory": "4096m"} if by in ("nobody", "comment") else {})
