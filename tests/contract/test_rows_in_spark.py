"""The contract of `test_rows` in Spark, on this machine: in a process of its own, with a configuration of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
