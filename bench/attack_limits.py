"""What each attack gains on releases that hold their promise, and how often that is told to be beyond its limit.

`python bench/attack_limits.py [--adult FILE] [--times N] [--large | --tiny]`. Tables are drawn whose sensitive column
follows the quasi-identifiers not at all, somewhat, or strongly, and, where the file is given, rows of Adult; each is
released by the engine, checked, and attacked. Of what an attack gains, the lower end of its interval decides; so of
that the 95th and 99th percentile are told beside the limit, and how often it was beyond it, with Wilson's interval.
Singling out and linkage have a limit that follows from k; membership and attribute inference one that was chosen (.1,
for attribute inference beside what it gains where values are shuffled among rows): such that at most one in a hundred
is stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from huizhen.adapters.anonymise_attacks import attacked
from huizhen.adapters.anonymise_release import anonymised
from huizhen.adapters.own_file import read_table
from huizhen.model.anonymisation import Anonymisation, Attacks, Generalisation, Variety
from huizhen.privacy.attack import wilson

FLAT = Generalisation(by="flat")
ADULT = ("age", "workclass", "education", "marital-status", "race", "sex")


def drawn(chance: np.random.Generator, rows: int, follows: float) -> pa.Table:
    """People whose diagnosis is, with this chance, what their age and region alone say, and else anything."""
    age, region = chance.binomial(100, chance.beta(2.2, 2.6, rows)), (40 * chance.random(rows) ** 1.6).astype(int)
    job, sex = (60 * chance.random(rows) ** 1.6).astype(int), chance.integers(0, 2, rows)
    said = (age // 10 * 7 + region) % 12
    icd = np.where(chance.random(rows) < follows, said, (12 * chance.random(rows) ** 2).astype(int))
    codes = {"age": age, "region": region + 100, "job": job + 100, "sex": sex, "icd": icd}
    return pa.table({n: pa.array(c.astype(str)) for n, c in codes.items()})


def wide(chance: np.random.Generator, rows: int) -> pa.Table:
    """Eight quasi-identifiers and a diagnosis of many values, one in three of which the region and age alone say."""
    table = drawn(chance, rows, 0.3).drop_columns(["icd"])
    more = {f"q{i}": (many * chance.random(rows) ** 2).astype(int) + 100 for i, many in enumerate((7, 4, 56, 24))}
    said = (np.array(table["age"].to_pylist(), int) // 5 * 31 + more["q2"]) % 300
    icd = np.where(chance.random(rows) < 1 / 3, said, (300 * chance.random(rows) ** 3).astype(int))
    for name, column in {**more, "icd": icd}.items():
        table = table.append_column(name, pa.array(column.astype(str)))
    return table


def tables(
    adult: Path | None, times: int, sizes: tuple[int, ...]
) -> Iterator[tuple[str, pa.Table, dict[str, Any], str]]:
    """(what, table, quasi-identifiers, sensitive column), each drawn anew."""
    how = {"age": Generalisation(by="interval", widths=(5, 10, 20)),
           "region": Generalisation(by="prefix", lengths=(1, 2)),
           "job": Generalisation(by="prefix", lengths=(1, 2)), "sex": FLAT}  # fmt: skip
    whole = read_table(adult)[0] if adult else None
    for seed in range(times):
        chance = np.random.default_rng(1000 + seed)
        for rows in sizes:
            for follows in (0.0, 0.3, 0.8):
                yield f"drawn, follows {follows}", drawn(chance, rows, follows), how, "icd"
            yield "wide", wide(chance, rows), how | {f"q{i}": FLAT for i in range(4)}, "icd"
            coin = drawn(chance, rows, 0.0).drop_columns(["icd"])
            coin = coin.append_column("icd", pa.array(chance.integers(0, 2, rows).astype(str)))
            yield "a coin", coin, how, "icd"
            if whole is not None and rows <= len(whole):
                some = whole.take(pa.array(np.sort(chance.permutation(len(whole))[:rows]))).select(
                    [*ADULT, "salary-class", "occupation"]
                )
                coarse = dict.fromkeys(ADULT, FLAT) | {"age": Generalisation(by="interval", widths=(5, 10, 20))}
                yield "Adult, income", some.drop_columns(["occupation"]), coarse, "salary-class"
                yield "Adult, occupation", some.drop_columns(["salary-class"]), coarse, "occupation"


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--adult", type=Path)
    given.add_argument("--times", type=int, default=1)
    given.add_argument("--large", action="store_true")
    given.add_argument("--tiny", action="store_true")
    asked = given.parse_args()
    sizes = (1000, 3000, 10_000) if asked.large else (200,) if asked.tiny else (1000,)
    gains: dict[tuple[str, str], list[tuple[float, float, float]]] = defaultdict(list)
    began = time.process_time()
    for seed, (what, table, how, secret) in enumerate(tables(asked.adult, asked.times, sizes)):
        for k, suppress in product((5,) if asked.tiny else (3, 5, 10, 20), (0.0, 0.05)):
            wanted = Anonymisation(
                quasi_identifiers=how, sensitive={secret: Variety(distinct=2)}, k=k, suppress=suppress,
                attacks=Attacks(targets=1000),
            )  # fmt: skip
            released = anonymised(table, wanted, Path(), lambda *_: None)
            for a in attacked(table, released.table, released, wanted, Path(), lambda *_: None, seed):
                names = (f"k {k}", what, f"{len(table)} rows", f"suppressed {suppress}", "all")
                for name in names:
                    gains[a.name, name].append((a.gain.share, a.gain.low, a.limit))
    for (attack, name), found in sorted(gains.items()):
        share, low, limit = np.array(found).T
        over = wilson(int((low > limit + 1e-12).sum()), len(low))
        print(json.dumps({
            "attack": attack, "of": name, "releases": len(low), "gain": round(float(share.mean()), 4),
            "low_95": round(float(np.quantile(low, 0.95)), 4), "low_99": round(float(np.quantile(low, 0.99)), 4),
            "low_most": round(float(low.max()), 4), "limit": [round(float(x), 4) for x in (limit.min(), limit.max())],
            "beyond_most": round(float((low - limit).max()), 4),
            "stopped": [round(x, 4) for x in (over.share, over.low, over.high)],
        }))  # fmt: skip
    print(json.dumps({"cpu_seconds": round(time.process_time() - began, 1)}))


if __name__ == "__main__":
    main()
