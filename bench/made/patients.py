"""Made-up patients by SQL: any number of them, the same ones every time, in memory that does not grow with the number.

Outcomes follow the models that the benchmarks fit: `cost` a linear one, `ill` a logistic one, `visits` a Poisson one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from huizhen.model.dataset import Column, Schema

if TYPE_CHECKING:
    import duckdb

DATASET, PURPOSE = "made", "HMB"
TABLE = f'"data/{DATASET}"'
"""Where a node keeps these rows."""
SCHEMA = Schema(
    columns=(
        Column(name="age", type="integer"),
        Column(name="sex", type="category", levels=("f", "m")),
        Column(name="bmi", type="number", unit="kg/m2"),
        Column(name="cost", type="number", unit="yuan"),
        Column(name="ill", type="integer", levels=(0, 1)),
        Column(name="visits", type="integer"),
    )
)
RIGHT = "age + sex + bmi"
MODELS = {"gaussian": f"cost ~ {RIGHT}", "binomial": f"ill ~ {RIGHT}", "poisson": f"visits ~ {RIGHT}"}
"""Formula by family."""

_NORMAL = "sqrt(-2 * ln({0} + 1e-12)) * cos(2 * pi() * {1})"


def _uniform(draw: int) -> str:
    """A number in [0, 1) that depends on the person and the draw."""
    return f"(hash(i * 64 + {draw}) >> 11) / 9007199254740992.0"


def people(first: int, rows: int) -> str:
    """SQL of so many people from number `first` on, one row each: person, and the columns of SCHEMA."""
    draws = ", ".join(f"{_uniform(k)} AS u{k}" for k in range(9))
    visits = " + ".join(f"CAST(u{k} < rate / 4 AS BIGINT)" for k in (5, 6, 7, 8))
    return f"""
        WITH drawn AS (SELECT i, {draws} FROM range({first}, {first + rows}) AS numbers(i)),
        measured AS (SELECT *, 20 + CAST(floor(u0 * 70) AS BIGINT) AS age, u1 < 0.5 AS male,
                     round(25 + 4 * {_NORMAL.format("u2", "u3")}, 1) AS bmi FROM drawn),
        risked AS (SELECT *, 0.02 * age - 0.3 * CAST(male AS INT) + 0.05 * bmi AS risk,
                   exp(-2 + 0.01 * age + 0.1 * CAST(male AS INT) + 0.01 * bmi) AS rate FROM measured)
        SELECT i AS person, age, CASE WHEN male THEN 'm' ELSE 'f' END AS sex, bmi,
               round(100 * risk + 50 * {_NORMAL.format("u4", "u5")}, 2) AS cost,
               CAST(u4 < 1 / (1 + exp(3 - risk)) AS BIGINT) AS ill, {visits} AS visits
        FROM risked"""


def write_table(connection: duckdb.DuckDBPyConnection, rows: int) -> None:
    """The table of a node, as taking in a file leaves it: a person index, typed columns, categories as enumerations."""
    connection.execute(
        f"CREATE OR REPLACE TABLE {TABLE} AS SELECT CAST(person AS UINTEGER) AS __subject, "
        f"* EXCLUDE (person) REPLACE (CAST(sex AS ENUM('f', 'm')) AS sex) FROM ({people(0, rows)})"
    )
    connection.execute("CHECKPOINT")


def write_file(connection: duckdb.DuckDBPyConnection, first: int, rows: int, path: Path) -> None:
    """A hospital's own Parquet file, with a number of each patient."""
    connection.execute(
        f"COPY (SELECT 'P' || person AS patient, * EXCLUDE (person) FROM ({people(first, rows)})) "
        f"TO '{path}' (FORMAT parquet)"
    )
