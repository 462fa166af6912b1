"""Rows a second of count and of three regressions, as a node computes them, beside statsmodels and plain DuckDB.

`python bench/rows.py [--large]`. The node runs the whole study on its own rows, consents of nine people in ten
applied, census included, without hub and masks. statsmodels loads the same rows into pandas and fits them pooled; both
must agree. Plain DuckDB has no fit: beside one Newton step of the node it computes the sums of that step in one query.
To DuckDB the rows are a table in memory with a column that says who consents.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import statsmodels.api as sm
import statsmodels.formula.api as smf

from huizhen.model.result import Result
from huizhen.node.runner import Sitting
from made.node import Node, nine_of_ten, open_node, write_node
from made.patients import MODELS, PURPOSE, TABLE
from made.watch import Taken, in_turns

MOST_POOLED = 2_000_000
"""statsmodels needs some 700 bytes a row: of more rows it gets as many as this, and its rows a second are compared."""
OUTCOME = {"gaussian": "cost", "binomial": "ill", "poisson": "visits"}
MEAN = {"gaussian": "eta", "binomial": "1 / (1 + exp(-eta))", "poisson": "exp(eta)"}
WEIGHT = {"gaussian": "1", "binomial": "mu * (1 - mu)", "poisson": "mu"}
COHORT = "age >= 40"


def newton_sums(family: str) -> str:
    """SQL of the sums of one Newton step: information matrix, gradient, and a residual sum for the deviance."""
    x = ["1.0", "age", "male", "bmi"]
    sums = [f"sum(w * {a} * {b})" for i, a in enumerate(x) for b in x[i:]] + [f"sum({a} * (y - mu))" for a in x]
    return f"""
        WITH consenting AS (SELECT age::DOUBLE AS age, (sex = 'm')::INT::DOUBLE AS male, bmi,
                            {OUTCOME[family]}::DOUBLE AS y FROM plain WHERE allowed),
        linear AS (SELECT *, -1 + 0.01 * age + 0.1 * male + 0.02 * bmi AS eta FROM consenting),
        fitted AS (SELECT *, {MEAN[family]} AS mu FROM linear)
        SELECT {", ".join(sums)}, sum((y - mu) * (y - mu)) FROM (SELECT *, {WEIGHT[family]} AS w FROM fitted)"""


def pooled(connection: duckdb.DuckDBPyConnection, family: str, most: int) -> Any:
    frame = connection.sql(f"SELECT age, sex, bmi, {OUTCOME[family]} FROM plain WHERE allowed LIMIT {most}").df()
    frame["sex"] = frame["sex"].astype(str)
    kind = {"gaussian": sm.families.Gaussian, "binomial": sm.families.Binomial, "poisson": sm.families.Poisson}
    return smf.glm(MODELS[family], frame, family=kind[family]()).fit()


def check(family: str, mine: Result, theirs: Any) -> None:
    """Raises SystemExit where the two fits are not the same."""
    found = {c["name"]: (c["estimate"], c["std_error"]) for c in mine.values["coefficients"]}
    for name, estimate, error in zip(theirs.params.index, theirs.params, theirs.bse, strict=True):
        if not np.allclose(found[name], (estimate, error), rtol=1e-6, atol=0):
            raise SystemExit(f"{family}: {name} is not what statsmodels finds")


def newton_step(node: Node, family: str) -> Callable[[], object]:
    """One Newton step of the node, as it asks for it in the midst of a fit."""
    sitting: Sitting = node.sitting("glm", {"formula": MODELS[family], "family": family})
    states = [state for state, _, _ in node.rounds(sitting) if state["phase"] == "fit"]
    return lambda: node.round(sitting, states[0])


def line(what: str, rows: int, spent: Taken, beside: str = "") -> None:
    print(f"  {what:44} {spent.middle:9.3f} s  {rows / spent.middle:14,.0f} rows/s   {beside}")


def measure_glm(node: Node, plain: duckdb.DuckDBPyConnection, family: str, rows: int, times: int) -> None:
    params, most = {"formula": MODELS[family], "family": family}, min(rows, MOST_POOLED)
    rounds = [state.get("phase") for state, _, _ in node.rounds(node.sitting("glm", params))]
    if most == rows:
        check(family, node.answer("glm", params), pooled(plain, family, most))
    step, sums = newton_step(node, family), newton_sums(family)
    steps = in_turns({"node": step, "duckdb": lambda: plain.sql(sums).fetchall()}, times)
    whole = in_turns(
        {"node": lambda: node.answer("glm", params), "pooled": lambda: pooled(plain, family, most)},
        max(1, times // 2), warm=False,
    )  # fmt: skip
    a_row = whole["pooled"].times(rows / most)
    print(f"{MODELS[family]}, {family}; {rows:,} rows, {len(rounds)} rounds")
    line("the node, census and all rounds", rows, whole["node"], f"{whole['node'].over(a_row)} statsmodels a row")
    line("statsmodels, loading and fitting", most, whole["pooled"], "" if most == rows else f"of {most:,} rows")
    line("the node, one Newton step", rows, steps["node"], f"{steps['node'].over(steps['duckdb'])} DuckDB")
    line("DuckDB, the sums of that step", rows, steps["duckdb"])


def measure_count(node: Node, plain: duckdb.DuckDBPyConnection, rows: int, times: int) -> None:
    sitting = node.sitting("count", {"by": "sex"}, COHORT)
    node.runner.census(sitting)
    sql = f"SELECT sex, count(*) FROM plain WHERE allowed AND {COHORT} GROUP BY sex ORDER BY sex"
    found = node.answer("count", {"by": "sex"}, COHORT).values["counts"]
    if found != [n for _, n in plain.sql(sql).fetchall()]:
        raise SystemExit("the node does not count what DuckDB counts")
    taken = in_turns(
        {
            "node": lambda: node.answer("count", {"by": "sex"}, COHORT),
            "round": lambda: node.round(sitting, {}),
            "duckdb": lambda: plain.sql(sql).fetchall(),
        },
        times,
    )
    print(f"count by sex where {COHORT}; {rows:,} rows")
    line("the node, census and round", rows, taken["node"], f"{taken['node'].over(taken['duckdb'])} DuckDB")
    line("the node, the round alone", rows, taken["round"], f"{taken['round'].over(taken['duckdb'])} DuckDB")
    line("DuckDB, the same count", rows, taken["duckdb"])


def plain_rows(folder: Path) -> duckdb.DuckDBPyConnection:
    """DuckDB on the node's own file, where who consents is known without a look-up."""
    connection = duckdb.connect()
    connection.execute(f"ATTACH '{folder / 'node.duckdb'}' AS node (READ_ONLY)")
    connection.execute("USE node")
    allowed = "(__subject::UBIGINT * 2654435761 >> 7) % 10 <> 0"
    connection.execute(f"CREATE TEMP TABLE plain AS SELECT *, {allowed} AS allowed FROM {TABLE}")
    return connection


def measure(rows: int, times: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write_node(Path(folder) / "node", rows, nine_of_ten)
        node, plain = open_node(Path(folder) / "node"), plain_rows(Path(folder) / "node")
        sitting = node.sitting("count", {})
        first = in_turns({"look-up": lambda: node.runner.consenting(sitting)}, 1, warm=False)
        ((used,),) = plain.sql("SELECT count(*) FROM plain WHERE allowed").fetchall()
        print(f"{rows:,} rows of as many people, {used:,} of whom consent to {PURPOSE}")
        line("who consents, worked out once a change", rows, first["look-up"])
        measure_count(node, plain, used, times)
        for family in MODELS:
            measure_glm(node, plain, family, used, times)
        node.close()
        plain.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="twenty million rows; ten minutes, 8 GB")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    rows, times = (20_000_000, 3) if asked.large else (2_000, 1) if asked.tiny else (200_000, 3)
    measure(rows, times)


if __name__ == "__main__":
    main()
