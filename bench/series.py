"""Records a second of a series of releases, day by day, beside anonymising each day's records by itself, which forgets
who was released and holds nothing back.

`python bench/series.py [--large]`. Each day a third of the records are of people who were there before. Attacks are
left out of both.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv

from huizhen.adapters import series
from huizhen.adapters.anonymised import anonymise
from huizhen.adapters.series_check import broken
from huizhen.model.series import Series

ASKED = {
    "subject": "patient",
    "release": {
        "quasi_identifiers": {
            "age": {"by": "interval", "widths": [5, 10, 20]},
            "sex": {"by": "flat"},
            "region": {"by": "prefix", "lengths": [2, 4]},
            "day": {"by": "date"},
        },
        "sensitive": {"icd10": {"distinct": 3}},
        "k": 10,
        "attacks": {"run": False},
    },
}


def generate(path: Path, day: int, records: int) -> None:
    chance = np.random.default_rng(day)
    fresh = np.arange(day * records, (day + 1) * records)
    before = chance.integers(0, max(day, 1) * records, records)
    who = np.where(chance.random(records) < 1 / 3, before, fresh) if day else fresh
    person = np.random.default_rng(7).permutation(10_000_019)[who % 10_000_019]
    dates = [f"2026-01-{1 + d:02}" for d in range(30)]
    pa.csv.write_csv(
        pa.table(
            {
                "patient": pa.array([f"P{i:08}" for i in who.tolist()]),
                "age": pa.array(person % 97),
                "sex": pa.array(np.array(["f", "m"])[person % 2]),
                "region": pa.array(110000 + person % 31 * 10000 + person % 13 * 100 + person % 7),
                "day": pa.array(np.array(dates)[(day + chance.integers(0, 2, records)) % 30]),
                "icd10": pa.array(np.array([f"{a}{i:02}" for a in "ABCDEFGH" for i in range(80)])[person % 640]),
            }
        ),
        path,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--large", action="store_true", help="30 days of 100,000 records in place of 5 of 10,000")
    parser.add_argument("--tiny", action="store_true", help="2 of 1,000, to see that it runs")
    given = parser.parse_args()
    days, records = (30, 100_000) if given.large else (2, 1_000) if given.tiny else (5, 10_000)
    asked = Series.read(ASKED)
    plain = asked.release.model_copy(update={"drop": ("patient",)})
    with tempfile.TemporaryDirectory() as name:
        home, folder = Path(name), Path(name, "series")
        warm = home / "warm.csv"
        generate(warm, 0, 1000)
        anonymise(warm, home / "warm-out.csv", plain, home, lambda _s, _n: None, measured=False)
        series.start(folder, asked, home)
        took: list[tuple[float, float]] = []
        for day in range(days):
            path = home / f"day{day}.csv"
            generate(path, day, records)
            began = time.process_time()
            anonymise(path, home / f"alone{day}.csv", plain, home, lambda _s, _n: None, measured=False)
            alone = time.process_time() - began
            began = time.process_time()
            with series.opened(folder) as shelf:
                shelf.add(path, lambda _s, _n: None)
            took.append((time.process_time() - began, alone))
            path.unlink()
        began = time.process_time()
        with series.opened(folder) as shelf:
            told = shelf.days()
            assert broken(shelf) == []
        checked = time.process_time() - began
        ours, alone = (sum(t) for t in zip(*took, strict=True))
        people = sum(d.released for d in told)
        assert people + sum(d.again + d.given_up for d in told) + told[-1].waiting == days * records
        once = duckdb.sql(f"SELECT count(*) FROM read_csv('{folder}/releases/*.csv', all_varchar = true)").fetchall()
        assert once == [(people,)]
        print(f"{days} days of {records:,} records; {people:,} people released")
        print(f"{'':<22}{'cpu s':>8}{'records a cpu s':>18}{'x':>7}")
        print(f"{'each day by itself':<22}{alone:>8.2f}{days * records / alone:>18,.0f}{1:>7.1f}")
        print(f"{'series':<22}{ours:>8.2f}{days * records / ours:>18,.0f}{ours / alone:>7.2f}")
        last, first = took[-1][0], took[0][0]
        print(f"{'last day x first':<22}{last:>8.2f}{records / last:>18,.0f}{last / first:>7.2f}")
        print(f"{'check of all':<22}{checked:>8.2f}{days * records / checked:>18,.0f}{checked / alone:>7.2f}")


if __name__ == "__main__":
    main()
