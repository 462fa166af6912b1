"""How long a whole study takes: a count and a regression over 3 to 620 hospitals in one process.

`python bench/latency.py [--large]`. From the request to the co-signed ledger, nothing left out: grant, census, rounds
under fresh masks, guard, settlement, checkpoint. All hospitals share this process and its interpreter's lock, so the
work of each adds up; in a federation they work at the same time, and the column "a hospital" is nearer to what one
needs. Beside it the same study without masks, and the pooled rows counted by DuckDB and fitted by statsmodels.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import statsmodels.api as sm
import statsmodels.formula.api as smf

from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.model.study import Request
from huizhen.secure.graph import degree_and_threshold
from made.patients import DATASET, MODELS, PURPOSE
from made.region import write_region
from made.watch import Taken, in_turns, seconds

FAMILY = "binomial"
STUDIES: dict[str, dict[str, Any]] = {
    "count": {"method": "count", "params": {"by": "sex"}},
    "glm": {"method": "glm", "params": {"formula": MODELS[FAMILY], "family": FAMILY}},
}


def study(region: Region, name: str, secure: bool) -> dict[str, Any]:
    """One study as `huizhen study run` drives it, asked by somebody who never asked before. Raises SystemExit."""
    asker = f"bench-{os.urandom(6).hex()}"
    asked = {**STUDIES[name], "protection": {"secure_sum": secure}, "price_fen": 120_000}
    road = region.road()
    found = road.run(Request.read({"title": name, "asker": asker, "purpose": PURPOSE, "dataset": DATASET, **asked}))
    road.delivered(found)
    outcome = region.desk.outcome(OWNER, found)
    if outcome["status"] != "released":
        raise SystemExit(f"{name}: {outcome['status']}, {outcome['problem']}")
    return outcome


def pooled(folder: Path) -> dict[str, Callable[[], Any]]:
    """The same questions to the hospitals' files put together."""
    connection = duckdb.connect()
    rows = f"read_parquet('{folder}/*.parquet')"

    def fit() -> Any:
        frame = connection.sql(f"SELECT age, sex, bmi, ill FROM {rows}").df()
        return smf.glm(MODELS[FAMILY], frame, family=sm.families.Binomial()).fit()

    count = f"SELECT sex, count(*) FROM {rows} GROUP BY sex ORDER BY sex"
    return {"count": lambda: connection.sql(count).fetchall(), "glm": fit}


def check(name: str, result: dict[str, Any], theirs: Any) -> None:
    """Raises SystemExit where the federated answer is not the pooled one."""
    if name == "count":
        same = result["counts"] == [n for _, n in theirs]
    else:
        mine = {c["name"]: c["estimate"] for c in result["coefficients"]}
        same = np.allclose([mine[term] for term in theirs.params.index], theirs.params, rtol=1e-6, atol=0)
    if not same:
        raise SystemExit(f"{name}: the federated answer is not the pooled one")


def line(what: str, nodes: int, taken: Taken, beside: str = "") -> None:
    each = taken.middle / nodes * 1e3
    least, most = min(taken.turns), max(taken.turns)
    print(f"    {what:14} {taken.middle:9.3f} s ({least:.3f} to {most:.3f})   {each:8.2f} ms a hospital   {beside}")


def measure(nodes: int, rows_each: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "region"
        made = seconds(lambda: write_region(folder, nodes, rows_each))
        degree, threshold = degree_and_threshold(nodes)
        print(f"{nodes} hospitals with {rows_each} rows each, set up in {made:.1f} s; "
              f"{degree} neighbours each, {threshold} shares open a mask")  # fmt: skip
        region, together = Region(folder), pooled(folder)
        cold = in_turns({"count": lambda: study(region, "count", secure=True)}, 1, warm=False)
        line("first count", nodes, cold["count"], "every hospital's files opened")
        for name, work in together.items():
            rounds = study_of(region, name, work)
            taken = in_turns(
                {
                    "masked": lambda name=name: study(region, name, secure=True),
                    "plain": lambda name=name: study(region, name, secure=False),
                    "pooled": work,
                },
                times, warm=False,
            )  # fmt: skip
            print(f"  {name}: census and {rounds} round{'s' if rounds > 1 else ''}")
            line("under masks", nodes, taken["masked"], f"{taken['masked'].over(taken['plain'])} without masks")
            line("without masks", nodes, taken["plain"], f"{taken['plain'].over(taken['pooled'])} pooled")
            line("pooled", nodes, taken["pooled"])
        region.close()


def study_of(region: Region, name: str, work: Callable[[], Any]) -> int:
    """Run without masks and pooled, once each: the answers agree. The number of rounds."""
    outcome = study(region, name, secure=False)
    check(name, outcome["result"], work())
    return int(outcome["rounds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="3, 50 and 620 hospitals; ten minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    if asked.tiny:
        measure(3, 60, 1)
        return
    for nodes, times in ((3, 5), (50, 3), (620, 1)) if asked.large else ((3, 3), (20, 2)):
        measure(nodes, 200, times)


if __name__ == "__main__":
    main()
