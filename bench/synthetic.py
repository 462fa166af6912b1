"""Seconds from CSV to CSV to make a synthetic file with differential privacy, and how near it is, beside the least any
tool must do: read the same file, count every column and every pair of columns in DuckDB, and write as many rows again.

`python bench/synthetic.py [--large | --rows N]`. The distance of pairs is the mean total variation distance, in 32
groups of a column; beside it that of independent columns with no noise, which is what single columns alone would give.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from itertools import combinations
from pathlib import Path

import duckdb
import numpy as np

from anonymize import generate, taken
from huizhen.adapters.own_file import read_table
from huizhen.adapters.synthetic_table import learned, raws
from huizhen.model.synthesis import Synthesis
from huizhen.privacy.synthetic.fidelity import fidelity
from huizhen.privacy.synthetic.source import OpenDpSource

FLOOR = """
import duckdb, sys
c = duckdb.connect()
c.execute("CREATE TABLE t AS SELECT * FROM read_csv(?, all_varchar = true)", [sys.argv[1]])
for words in sys.argv[3].split(";"):
    c.execute(f"SELECT count(*) FROM (SELECT count(*) FROM t GROUP BY {words})").fetchall()
c.execute(f"COPY t TO '{sys.argv[2]}' (HEADER)")
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="a million rows in place of a hundred thousand")
    parser.add_argument("--tiny", action="store_true", help="two thousand, to see that it runs")
    parser.add_argument("--rows", type=int, help="so many")
    given = parser.parse_args()
    rows = given.rows or (1_000_000 if given.large else 2_000 if given.tiny else 100_000)
    with tempfile.TemporaryDirectory() as name:
        source, out = Path(name, "in.csv"), Path(name, "out.csv")
        generate(source, rows)
        columns = duckdb.sql(f"SELECT * FROM read_csv('{source}') LIMIT 0").columns
        groups = ";".join([*columns, *(f"{a}, {b}" for a, b in combinations(columns, 2))])
        floor = taken([sys.executable, "-c", FLOOR, str(source), str(Path(name, "floor.csv")), groups])
        print(f"{rows:,} rows, {len(columns)} columns, epsilon 1")
        print(f"{'':<26}{'seconds':>9}{'cpu s':>8}{'x floor':>9}{'MB':>8}")
        print(f"{'read, count, write':<26}{floor.seconds:>9.2f}{floor.processor:>8.2f}{1:>9.1f}{floor.megabytes:>8.0f}")
        for title, more in (("synthetic", ["--no-attacks"]), ("compared and attacked", [])):
            words = ["synthesize", str(source), "--out", str(out), "--epsilon", "1", "--json", *more]
            it = taken([sys.executable, "-m", "huizhen.cli", *words])
            ratio = it.processor / floor.processor
            print(f"{title:<26}{it.seconds:>9.2f}{it.processor:>8.2f}{ratio:>9.1f}{it.megabytes:>8.0f}")
        _distances(source)


def _distances(source: Path) -> None:
    """How near, by epsilon, learned and drawn in this process."""
    table, _ = read_table(source)
    print(f"{'epsilon':>10}{'columns':>10}{'pairs':>10}{'pairs if independent':>22}{'learn s':>9}{'draw s':>8}")
    for epsilon in (0.5, 1.0, 4.0):
        asked = Synthesis(epsilon=epsilon)
        columns = raws(table, asked)
        began = time.process_time()
        found = learned(table, columns, asked, OpenDpSource())
        learning = time.process_time() - began
        began = time.process_time()
        codes = found.draw(len(table), np.random.default_rng(1))[1]
        drawing = time.process_time() - began
        original = {n: a.coded(columns[n]) for n, a in found.axes.items()}
        sizes = {n: a.size for n, a in found.axes.items()}
        shuffled = {n: np.random.default_rng(i).permutation(c) for i, (n, c) in enumerate(original.items())}
        near = fidelity(original, dict(zip(found.axes, codes, strict=True)), sizes)
        alone = fidelity(original, shuffled, sizes)
        print(
            f"{epsilon:>10}{near['single_mean']:>10.4f}{near['pairs_mean']:>10.4f}{alone['pairs_mean']:>22.4f}"
            f"{learning:>9.2f}{drawing:>8.2f}"
        )


if __name__ == "__main__":
    main()
