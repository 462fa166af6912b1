"""Whether a marked table still names its recipient after what a leaker does to it, and whether anybody else is named.

A million costs (`--large`; a hundred thousand else) go to recipients, the table is attacked, and every recipient in the
register is tried. Beside it: reading and writing the same file without a mark.

    python bench/watermark.py [--large | --tiny]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from huizhen.adapters.own_file import read_table, write_table
from huizhen.adapters.watermarks import embed
from huizhen.privacy.watermark import mark
from huizhen.privacy.watermark.mark import Scale

SCALE = Scale(2, 100)
"""Two decimals, a tolerance of 1.00."""


def attacks(a: np.ndarray, b: np.ndarray, chance: np.random.Generator) -> dict[str, np.ndarray]:
    """What becomes of the copies of two recipients; only the first one's in all but those that say so."""
    few = chance.choice(len(a), max(len(a) // 100, 200), replace=False)
    coin = chance.random(len(few)) < 0.5
    return {
        "none": a,
        "1 % of the rows": a[few],
        "0.1 % of the rows": a[few[: max(len(few) // 10, 100)]],
        "1 %, rounded to the tolerance": np.round(a[few]),
        "1 %, rounded to twice the tolerance": np.round(a[few] / 2) * 2,
        "1 %, cut to whole numbers": np.floor(a[few]),
        "1 %, noise of one tolerance": a[few] + chance.uniform(-1, 1, len(few)),
        "all rows, noise of two tolerances (sd)": a + chance.normal(0, 2, len(a)),
        "1 %, two copies mixed": np.where(coin, a[few], b[few]),
        "1 %, two copies averaged": (a[few] + b[few]) / 2,
        "1 %, the larger of two copies": np.maximum(a[few], b[few]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="a million rows and 1,000 recipients")
    parser.add_argument("--tiny", action="store_true", help="five thousand rows, to see that it runs")
    given = parser.parse_args()
    rows, others = (1_000_000, 1000) if given.large else (5_000, 20) if given.tiny else (100_000, 200)
    chance = np.random.default_rng(6)
    cost = np.round(chance.lognormal(8, 1.2, rows), 2)
    keys = [i.to_bytes(16, "big") for i in range(others)]
    a, b = (cost + mark.moves(cost, SCALE, key, 0) for key in keys[:2])
    print(f"{rows:,} rows, {others:,} recipients; mean {cost.mean():.2f}, of the first copy {a.mean():.2f}")
    print(f"{'attack':<42}{'intervals':>10}{'agree':>8}{'log10 odds':>12}{'best other':>12}")
    for name, table in attacks(a, b, chance).items():
        counted = mark.counted(table, SCALE)
        logs = []
        for key in keys:
            agree = mark.agreement(counted, key, 0)
            logs.append(min(mark.log_chance(*agree) + np.log10(others), 0.0))
        first = mark.agreement(counted, keys[0], 0)
        innocent = min(logs[2:] if "two copies" in name else logs[1:])
        print(f"{name:<42}{first[1]:>10,}{first[0] / first[1]:>8.3f}{logs[0]:>12.1f}{innocent:>12.2f}")
        assert innocent > -6
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "in.csv")
        write_table(pa.table({"cost": [f"{x:.2f}" for x in cost]}), path, ",")
        began = time.perf_counter()
        table, delimiter = read_table(path)
        write_table(table, Path(folder, "floor.csv"), delimiter)
        floor = time.perf_counter() - began
        began = time.perf_counter()
        embed(path, Path(folder, "out.csv"), "acme", {"cost": "1"}, Path(folder, "marks"), "now")
        took = time.perf_counter() - began
    print(f"embed, CSV to CSV: {took:.2f} s, {took / floor:.1f} times reading and writing it")


if __name__ == "__main__":
    main()
