"""Seconds and memory to anonymise a table with 8 quasi-identifiers, file to file, beside the least any tool must do.

`python bench/anonymize.py [--large | --rows N [N ...]] [--memory 2GB] [--parquet] [--arx] [--others PYTHON]`. The floor
is DuckDB reading the same file, grouping it by all quasi-identifiers and writing it again. Each runs as a process of
its own; how many times the floor is told of processor seconds. With `--memory` only what lies on the disk is run, and
the floor has no more memory either; `anonymous` is what cannot be given back to the system. Where anjana and pycanon
are installed (beside this Python, or beside the one given), they run, too, on as many rows as they bear; their loss is
worked out as ours is: the normalised certainty penalty of all cells, 1 for a row left out. The kernel is compiled once
before, by a run on a thousand rows that is not counted. The column ARX is its measure Loss of what we release; with
`--arx` so are the settings of which its figures are known.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

K = 10
QUASI = ("age", "sex", "region", "occupation", "education", "marital", "ethnic", "admitted")
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
keep: [cost]
k: 10
attacks: {run: %s, unknown: [cost]}
"""
ARX = (
    ("ARX's: k", "{}", 0.127, 320),
    ("k, l, t", "{distinct: 2, t: 0.2}", 0.587, 1944),
    ("by hierarchy", "{distinct: 2, t: 0.2, distance: hierarchical, hierarchy: {by: icd10}}", 0.449, 2299),
)
"""k = 5 and 5 % suppression; the loss and seconds that ARX's optimum took for a million rows of the same columns, on
another machine and other rows (issue 5): not of this run, beside what ours loses by ARX's measure."""
ON_DISK = ("--no-measures", "--memory")
RUNS = (
    ("k", "{}", "false", ["--no-measures"]),
    ("k, on disk", "{}", "false", [*ON_DISK, "2GB"]),
    ("k, l, t", "{distinct: 2, t: 0.3}", "false", ["--no-measures"]),
    ("k, attacked", "{}", "true", ["--no-measures"]),
    ("k, all", "{}", "true", []),
)
LARGE = 1_000_000
"""Above, neither attacks nor measures are run."""
FLOOR = """
import duckdb, sys
source, out, names, memory = sys.argv[1:]
how = "" if memory == "-" else f"memory_limit = '{memory}', temp_directory = '{out}.temp'"
c = duckdb.connect(config=dict(part.replace("'", "").split(" = ") for part in how.split(", ") if part))
kind = "" if source.endswith(".parquet") else ", all_varchar = true"
c.execute(f"CREATE TABLE t AS SELECT * FROM read_{'csv' if kind else 'parquet'}(?{kind})", [source])
c.execute(f"SELECT count(*) FROM (SELECT count(*) FROM t GROUP BY {names})").fetchone()
c.execute(f"COPY t TO '{out}'")
"""
OTHERS = 5_000
"""Rows that anjana bears within a minute or so."""
ANJANA = """
import sys, time, json, pandas as pd, anjana.anonymity as anjana, pycanon.anonymity as pycanon
table, quasi, k = pd.read_csv(sys.argv[1], dtype=str), json.loads(sys.argv[2]), int(sys.argv[3])
cut = {"region": (4, 2), "occupation": (2, 1), "admitted": (7, 4)}
def steps(name):
    column = table[name]
    if name == "age":
        wide = [column.astype(int) // w * w for w in (5, 10, 20)]
        middle = [(low.astype(str) + ".." + (low + w - 1).astype(str)) for low, w in zip(wide, (5, 10, 20))]
    else:
        middle = [column.str[:n] + "*" * (int(column.str.len().max()) - n) for n in cut.get(name, ())]
    return dict(enumerate([column.values, *(m.values for m in middle), ["*"] * len(table)]))
began = time.perf_counter()
out = anjana.k_anonymity(table, [], quasi, k, 5, {n: steps(n) for n in quasi})
out.to_csv(sys.argv[4], index=False)
made = time.perf_counter() - began
began = time.perf_counter()
found = pycanon.k_anonymity(out, quasi)
print(json.dumps({"anjana": made, "pycanon": time.perf_counter() - began, "k": int(found)}))
"""


AT_ONCE = 1_000_000


def generate(path: Path, rows: int) -> None:
    """A table of people, some at a time; ages, places, groups and diagnoses as unequal as in life, and diagnoses that
    follow age."""
    chance, writer = np.random.default_rng(5), None
    for start in range(0, rows, AT_ONCE):
        table = people(min(AT_ONCE, rows - start), chance)
        if writer is None and path.suffix == ".parquet":
            writer = pa.parquet.ParquetWriter(path, table.schema)
        elif writer is None:
            writer = pa.csv.CSVWriter(path, table.schema, write_options=pa.csv.WriteOptions(quoting_style="needed"))
        writer.write_table(table)
    assert writer is not None
    writer.close()


def people(rows: int, chance: np.random.Generator) -> pa.Table:
    def skewed(values: list[str], power: float, shift: Any = 0.0) -> pa.DictionaryArray:
        place = len(values) * np.clip(chance.random(rows) ** power + shift, 0, 1 - 1e-9)
        return pa.DictionaryArray.from_arrays(pa.array(place.astype(np.int32)), pa.array(values)).cast(pa.string())

    days = [str(np.datetime64("2024-01-01") + d) for d in range(730)]
    age = chance.binomial(100, chance.beta(2.2, 2.6, rows))
    regions = [f"{p}{c:02}{a:02}" for p in range(11, 42) for c in range(1, 11) for a in range(1, 11)]
    return pa.table(
        {
            "age": pa.array(age),
            "sex": skewed(["f", "m"], 1),
            "region": skewed(regions, 1.6),
            "occupation": skewed([f"{i:03}" for i in range(100, 180)], 1.6),
            "education": skewed(list("abcdefg"), 1.6),
            "marital": skewed(list("abcd"), 1.6),
            "ethnic": skewed([f"{i:02}" for i in range(56)], 8),
            "admitted": skewed(days, 1.1),
            "icd10": skewed([f"{a}{i:02}" for a in "ABCDEFGHIJ" for i in range(80)], 3, age / 400),
            "cost": pa.array(np.round(np.exp(chance.normal(8, 1.1, rows)), 2)),
        }
    )


@dataclass(frozen=True)
class Taken:
    seconds: float
    processor: float
    megabytes: float
    anonymous: float
    said: str

    def line(self, title: str, floor: float) -> str:
        return (f"{title:<14}{self.seconds:>9.2f}{self.processor:>8.2f}{self.processor / floor:>9.1f}"
                f"{self.megabytes:>8.0f}{self.anonymous:>11.0f}")  # fmt: skip


def taken(words: list[str]) -> Taken:
    """What one process took: seconds, seconds of all processors, memory at its most, and how much of it the system
    could not have taken back at any moment (looked at ten times a second)."""
    began, most = time.perf_counter(), 0
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(words, stdout=out, text=True)
        while True:
            most = max(most, anonymous(process.pid))
            done, status, used = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            time.sleep(0.02 if time.perf_counter() - began < 5 else 0.1)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        out.seek(0)
        said = out.read()
    assert process.returncode == 0, said
    return Taken(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, most / 1024, said)


def anonymous(process: int) -> int:
    """kB, where the system says so (Linux)."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def ours(source: Path, out: Path, config: Path, more: list[str]) -> Taken:
    words = ["anonymize", str(source), "--out", str(out), "--config", str(config), "--json", *more]
    return taken([sys.executable, "-m", "huizhen.cli", *words])


def classes(path: Path) -> tuple[int, int, int]:
    """Rows, classes and the smallest class of a release, by DuckDB."""
    read = f"read_parquet('{path}')" if path.suffix == ".parquet" else f"read_csv('{path}', all_varchar = true)"
    whole = f"SELECT count(*) AS c FROM {read} GROUP BY {', '.join(QUASI)}"
    ((rows, many, smallest),) = duckdb.sql(f"SELECT sum(c)::BIGINT, count(*), min(c) FROM ({whole})").fetchall()
    return rows, many, smallest


def arx_loss(by_column: dict[str, float]) -> float:
    """ARX's measure Loss: the geometric mean of 1 and a column's loss (Iyengar, KDD 2002), less 1."""
    return float(np.exp(np.mean(np.log1p(list(by_column.values())))) - 1)


def loss(source: Path, released: Path, rows: int) -> float:
    """NCP of a release in which a column has labels of one level: a value, a prefix with stars, low..high, or *."""
    total = 0.0
    for name in QUASI:
        values = [
            v
            for (v,) in duckdb.sql(
                f"SELECT DISTINCT {name}::VARCHAR FROM read_csv('{source}', all_varchar = true)"
            ).fetchall()
        ]
        for label, many in duckdb.sql(
            f"SELECT {name}::VARCHAR, count(*) FROM read_csv('{released}', all_varchar = true) GROUP BY ALL"
        ).fetchall():
            total += many * (sum(stands(label, v) for v in values) - 1) / max(len(values) - 1, 1)
    kept = classes(released)[0]
    return (total / len(QUASI) + rows - kept) / rows


def stands(label: str, value: str) -> bool:
    if ".." in label:
        low, high = label.split("..")
        return int(low) <= int(value) <= int(high)
    return label in ("*", value) or ("*" in label and value.startswith(label.rstrip("*")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="a million rows in place of a hundred thousand")
    parser.add_argument("--tiny", action="store_true", help="a thousand, to see that it runs")
    parser.add_argument("--rows", type=int, nargs="+", help="so many, up to ten million and more; or several, in turn")
    parser.add_argument("--memory", help="only on the disk, with so much memory, as 2GB; the floor, too")
    parser.add_argument("--parquet", action="store_true", help="in place of CSV")
    parser.add_argument("--arx", action="store_true", help="the settings of which ARX's figures are known, too")
    parser.add_argument("--others", metavar="PYTHON", help="a Python that has anjana and pycanon")
    given = parser.parse_args()
    runs = [(*r[:3], [*ON_DISK, given.memory]) for r in RUNS if "--memory" in r[3]] if given.memory else RUNS
    suffix = ".parquet" if given.parquet else ".csv"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, out, config = folder / f"in{suffix}", folder / f"out{suffix}", folder / "anonymize.yaml"
        generate(source, 1000)
        for _, asked, attacked, more in RUNS[:3]:
            config.write_text(CONFIG % (asked, attacked), encoding="utf-8")
            ours(source, out, config, more)
        for rows in given.rows or [1_000_000 if given.large else 1_000 if given.tiny else 100_000]:
            at_size(rows, folder, source, [r for r in runs if rows <= LARGE or r[2] == "false"], given)


def at_size(rows: int, folder: Path, source: Path, runs: Sequence[Any], given: Any) -> None:
    """All runs on so many rows, beside the floor."""
    out, config = folder / f"out{source.suffix}", folder / "anonymize.yaml"
    generate(source, rows)
    least = folder / f"floor{source.suffix}"
    floor = taken([sys.executable, "-c", FLOOR, str(source), str(least), ", ".join(QUASI), given.memory or "-"])
    least.unlink()
    print(f"{rows:,} rows, k = {K}, {source.suffix[1:]}, {source.stat().st_size / 1e6:,.0f} MB, {os.cpu_count()} cores")
    print(
        f"{'':<14}{'seconds':>9}{'cpu s':>8}{'x floor':>9}{'MB':>8}{'anonymous':>11}{'NCP':>7}{'ARX':>7}{'classes':>11}"
    )
    print(floor.line("floor", floor.processor), flush=True)

    def one(title: str, text: str, more: list[str], k: int, after: str = "") -> None:
        config.write_text(text, encoding="utf-8")
        it = ours(source, out, config, more)
        found = json.loads(it.said)
        there, many, smallest = classes(out)
        assert smallest >= k and there + found["suppressed"] == rows and many == found["classes"]
        print(f"{it.line(title, floor.processor)}{found['ncp']:>7.3f}{arx_loss(found['ncp_by_column']):>7.3f}"
              f"{many:>11,}{after}", flush=True)  # fmt: skip

    for title, asked, attacked, more in runs:
        one(title, CONFIG % (asked, attacked), more, K)
    for title, asked, theirs, seconds in ARX if given.arx else ():
        text = (CONFIG % (asked, "false")).replace("k: 10", "k: 5\nsuppress: 0.05")
        one(title, text, ["--no-measures"], 5, f"  (ARX: {theirs:.3f} in {seconds:,} s)")
    if not given.parquet:
        others(given.others, source, folder, min(rows, OTHERS))


def others(python: str | None, source: Path, folder: Path, rows: int) -> None:
    """anjana (k, 5 % suppression) beside ours with the same, and pycanon's check of k, on the first rows."""
    if python is None and not all(importlib.util.find_spec(n) for n in ("anjana", "pycanon")):
        return
    few, out, config = folder / "few.csv", folder / "few-out.csv", folder / "anonymize.yaml"
    with source.open(encoding="utf-8") as file:
        few.write_text("".join(line for line, _ in zip(file, range(rows + 1), strict=False)), encoding="utf-8")
    theirs = taken([python or sys.executable, "-c", ANJANA, str(few), json.dumps(QUASI), str(K), str(out)])
    said = json.loads(theirs.said)
    print(f"{rows:,} rows, 5 % suppression, and pycanon's check of k ({said['pycanon']:.2f} s, k = {said['k']})")
    print(f"{'anjana':<14}{said['anjana']:>9.2f}{theirs.processor:>8.2f}{'':>9}{theirs.megabytes:>8.0f}"
          f"{theirs.anonymous:>11.0f}{loss(few, out, rows):>7.3f}{classes(out)[1]:>11,}")  # fmt: skip
    for algorithm in ("lattice", "topdown"):
        text = CONFIG % ("{}", "false") + f"suppress: 0.05\nalgorithm: {algorithm}\n"
        config.write_text(text, encoding="utf-8")
        it = ours(few, out, config, ["--no-measures"])
        mine = loss(few, out, rows)
        assert abs(mine - json.loads(it.said)["ncp"]) < 1e-9
        print(f"{algorithm:<14}{it.seconds:>9.2f}{it.processor:>8.2f}{'':>9}{it.megabytes:>8.0f}"
              f"{it.anonymous:>11.0f}{mine:>7.3f}{classes(out)[1]:>11,}")  # fmt: skip


if __name__ == "__main__":
    main()
