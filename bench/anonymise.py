"""Seconds from CSV to CSV to anonymise a table with 8 quasi-identifiers, beside the least any tool must do.

`python bench/anonymise.py [--large]`. The floor is DuckDB reading the same file, grouping it by all quasi-identifiers
and writing it again. Each runs as a process of its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

K = 10
CONFIG = """\
quasi_identifiers:
  age: {by: interval, widths: [5, 10, 20]}
  sex: {by: flat}
  region: {by: prefix, lengths: [2, 4]}
  occupation: {by: prefix, lengths: [1, 2]}
  education: {by: flat}
  marital: {by: flat}
  ethnic: {by: flat}
  admitted: {by: prefix, lengths: [4, 7]}
sensitive: {icd10: %s}
k: 10
"""
ASKED = {"k": "{}", "k, l, t": "{distinct: 2, t: 0.3}"}
FLOOR = """
import duckdb, sys
c = duckdb.connect()
c.execute("CREATE TABLE t AS SELECT * FROM read_csv(?, all_varchar = true)", [sys.argv[1]])
c.execute("SELECT count(*) FROM (SELECT count(*) FROM t GROUP BY ALL)").fetchone()
c.execute(f"COPY t TO '{sys.argv[2]}' (HEADER)")
"""


def generate(path: Path, rows: int) -> None:
    """A table of people; ages, places, groups and diagnoses as unequal as in life."""
    chance = np.random.default_rng(5)

    def skewed(values: list[str], power: float) -> Any:
        return np.array(values)[(len(values) * chance.random(rows) ** power).astype(int)]

    days = np.datetime64("2024-01-01") + (730 * chance.random(rows)).astype(int)
    columns = {
        "age": chance.binomial(100, chance.beta(3, 3, rows)).astype(str),
        "sex": skewed(["f", "m"], 1),
        "region": skewed([f"{p}{c:02}{a:02}" for p in range(11, 42) for c in range(1, 11) for a in range(1, 11)], 1.6),
        "occupation": skewed([f"{i:03}" for i in range(100, 180)], 1.6),
        "education": skewed(list("abcdefg"), 1.6),
        "marital": skewed(list("abcd"), 1.6),
        "ethnic": skewed([f"{i:02}" for i in range(56)], 8),
        "admitted": days.astype(str),
        "icd10": skewed([f"{a}{i:02}" for a in "ABCDEFGHIJ" for i in range(80)], 3),
    }
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerow(columns)
        csv.writer(file).writerows(zip(*(c.tolist() for c in columns.values()), strict=True))


def taken(words: list[str]) -> tuple[float, str]:
    """Seconds and output of one process."""
    began = time.perf_counter()
    ran = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return time.perf_counter() - began, ran.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="a million rows in place of a hundred thousand")
    parser.add_argument("--tiny", action="store_true", help="a thousand, to see that it runs")
    given = parser.parse_args()
    rows = 1_000_000 if given.large else 1_000 if given.tiny else 100_000
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "in.csv"), Path(folder, "out.csv")
        generate(source, rows)
        floor, _ = taken([sys.executable, "-c", FLOOR, str(source), str(Path(folder, "floor.csv"))])
        print(f"{rows:,} rows, k = {K}; the floor (read, group, write): {floor:.2f} s")
        print(f"{'promise':<10}{'seconds':>9}{'x floor':>9}{'NCP':>7}{'classes':>9}")
        for name, asked in ASKED.items():
            config = Path(folder, "anonymize.yaml")
            config.write_text(CONFIG % asked, encoding="utf-8")
            words = ["anonymize", str(source), "--out", str(out), "--config", str(config), "--json"]
            seconds, said = taken([sys.executable, "-m", "huizhen.cli", *words])
            found = json.loads(said)
            with out.open(newline="", encoding="utf-8") as file:
                sizes = Counter(tuple(row[:8]) for row in list(csv.reader(file))[1:])
            assert min(sizes.values()) >= K and sum(sizes.values()) == rows and len(sizes) == found["classes"]
            ratio = seconds / floor
            print(f"{name:<10}{seconds:>9.2f}{ratio:>9.1f}{found['ncp']:>7.3f}{len(sizes):>9,}")


if __name__ == "__main__":
    main()
