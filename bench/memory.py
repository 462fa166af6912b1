"""How much memory a node needs for a count and a regression, and that it does not grow with the rows; beside pandas.

`python bench/memory.py [--large]`. Each figure is the peak resident memory of a process of its own, from VmHWM of
/proc (elsewhere getrusage), and it includes Python and the libraries, which the line "opened" gives alone. What grows
with the people, not with their rows, is the set of who consents, who is included and who was seen.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from made.patients import MODELS, TABLE

TASKS = ("opened", "count", "glm", "who consents")
FAMILY = "binomial"
LEFT_FOR_OTHERS = 0.6
"""statsmodels is not run where it would need more of the free memory than this."""


def peak_bytes() -> int:
    """The most memory this process ever held. getrusage alone could tell of the process it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def free_bytes() -> int:
    meminfo = Path("/proc/meminfo")
    if not meminfo.exists():
        return 8 << 30
    return int(next(x for x in meminfo.read_text().splitlines() if x.startswith("MemAvailable")).split()[1]) * 1024


# What runs in a process of its own.


def make(folder: Path, rows: int) -> None:
    from made.node import nine_of_ten, write_node

    write_node(folder, rows, nine_of_ten)


def by_node(task: str, folder: Path) -> None:
    from made.node import open_node

    node = open_node(folder)
    if task == "count":
        node.answer("count", {"by": "sex"}, "age >= 40")
    elif task == "glm":
        node.answer("glm", {"formula": MODELS[FAMILY], "family": FAMILY}, "age >= 20")
    elif task == "who consents":
        node.runner.consenting(node.sitting("count", {}))
    node.close()


def by_pandas(task: str, folder: Path, rows: int) -> None:
    """The same rows in pandas, as it would have them from a file: loaded, counted, fitted."""
    import duckdb
    import pandas as pd  # noqa: F401  it is what this measures

    if task == "glm":
        import statsmodels.api as sm
        import statsmodels.formula.api as smf
    with duckdb.connect(str(folder / "node.duckdb"), read_only=True) as connection:
        connection.execute("SET memory_limit = '1GB'")
        frame = connection.sql(f"SELECT age, sex, bmi, ill FROM {TABLE} LIMIT {rows}").df()
    if task == "count":
        frame[frame["age"] >= 40].groupby("sex", observed=True).size()
    elif task == "glm":
        smf.glm(MODELS[FAMILY], frame, family=sm.families.Binomial()).fit()


# The process that starts the others.


def apart(who: str, task: str, folder: Path, rows: int) -> tuple[float, float]:
    """(peak in MB, seconds) of one task in a process of its own."""
    words = [sys.executable, __file__, "--alone", json.dumps([who, task, str(folder), rows])]
    ran = subprocess.run(words, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"{who}, {task}: the process ended with {ran.returncode}\n{ran.stderr}")
    return tuple(json.loads(ran.stdout.splitlines()[-1]))


def alone(order: list[Any]) -> None:
    import time

    who, task, folder, rows = order
    start = time.perf_counter()
    if who == "make":
        make(Path(folder), rows)
    elif who == "node":
        by_node(task, Path(folder))
    else:
        by_pandas(task, Path(folder), rows)
    print(json.dumps([peak_bytes() / 1e6, time.perf_counter() - start]))


def measure(rows: int, times: int, a_row: float | None) -> float:
    """Prints the table of one size; answers what statsmodels' fit needs for each row, in bytes."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "node"
        apart("make", "", folder, rows)
        size = sum(f.stat().st_size for f in folder.iterdir()) / 1e6
        idle = {who: apart(who, "opened", folder, 1)[0] for who in ("node", "pandas")}
        print(f"{rows:,} rows of as many people, nine of ten consenting; {size:,.0f} MB of files")
        print(f"  opened, no row read: node {idle['node']:,.0f} MB, pandas {idle['pandas']:,.0f} MB")
        for task in ("who consents", "count", "glm"):
            runs = [apart("node", task, folder, rows) for _ in range(1 if task == "who consents" else times)]
            peaks, spent = [mb for mb, _ in runs], min(s for _, s in runs)
            print(f"  {task:12}  node {max(peaks):7,.0f} MB (least {min(peaks):,.0f}), {spent:5.1f} s", end="")
            if task == "who consents":
                print()
            elif task == "glm" and a_row is not None and a_row * rows > LEFT_FOR_OTHERS * free_bytes():
                needed = idle["pandas"] + a_row * rows / 1e6
                print(f"   statsmodels not run: some {needed:,.0f} MB, {needed / max(peaks):.1f} x the node's")
            else:
                found, theirs = apart("pandas", task, folder, rows)
                name = "pandas" if task == "count" else "statsmodels"
                print(f"   {name} {found:7,.0f} MB, {theirs:5.1f} s: {found / max(peaks):.1f} x the node's memory")
                a_row = (found - idle["pandas"]) * 1e6 / rows
    assert a_row is not None
    return a_row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="one and twenty million rows; ten minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    parser.add_argument("--alone", type=json.loads, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.alone:
        alone(asked.alone)
        return
    sizes = (1_000_000, 20_000_000) if asked.large else (500,) if asked.tiny else (200_000, 1_000_000)
    a_row = None
    for rows in sizes:
        a_row = measure(rows, 2 if asked.large else 1, a_row)


if __name__ == "__main__":
    main()
