"""A cohort in PostgreSQL and in Spark is the cohort in Python, too: translated tree by tree, with the same rows in."""

from __future__ import annotations

import os
from collections.abc import Iterator

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from generative.test_cohort_engine import ARROW, SCHEMA, Row, Written, conditions, rows
from huizhen.adapters.warehouse_sql import POSTGRESQL, SPARK, calculates
from huizhen.intake.cohort import parse

NUMBERED = ARROW.append(pa.field("i", pa.int64()))
IN_SPARK = os.environ.get("HUIZHEN_ROWS_IN") == "spark"
"""Set by `tests/contract/test_rows_in_spark.py`."""


def numbered(table: list[Row]) -> pa.Table:
    return pa.Table.from_pylist([{**row, "i": i} for i, row in enumerate(table)], NUMBERED)


@pytest.fixture(scope="module")
def cursor(warehouse: str) -> Iterator[adbc.Cursor]:
    with adbc.connect(warehouse) as connection, connection.cursor() as made:
        yield made
        connection.rollback()


if IN_SPARK:

    @settings(max_examples=5, deadline=None)
    @given(written=st.lists(conditions, min_size=12, max_size=12), table=st.lists(rows, min_size=25, max_size=25))
    def test_spark_takes_the_rows_that_the_words_mean(written: list[Written], table: list[Row]) -> None:
        from huizhen.adapters.rows_spark import _session

        frame = _session().createDataFrame(numbered(table)).coalesce(1)
        asked = [SPARK.cohort(parse(text, SCHEMA).sql) for text, _ in written]
        found = frame.selectExpr("i", *(f"({sql}) AS c{k}" for k, sql in enumerate(asked))).toArrow().to_pylist()
        for k, (text, means) in enumerate(written):
            got = [row["i"] for row in found if row[f"c{k}"]]
            assert sorted(got) == [i for i, row in enumerate(table) if means(row) is True], text

else:

    @settings(max_examples=100, deadline=None)
    @given(written=conditions, table=st.lists(rows, min_size=1, max_size=25))
    def test_postgresql_takes_the_rows_that_the_words_mean(
        cursor: adbc.Cursor, written: Written, table: list[Row]
    ) -> None:
        text, means = written
        sql = parse(text, SCHEMA).sql
        assume(not calculates(sql))
        cursor.execute("DROP TABLE IF EXISTS patients")
        cursor.adbc_ingest("patients", numbered(table), mode="create", temporary=True)
        cursor.execute(f"SELECT i FROM patients WHERE {POSTGRESQL.cohort(sql)} ORDER BY i")
        assert [i for (i,) in cursor.fetchall()] == [i for i, row in enumerate(table) if means(row) is True]


def test_text_stays_text_whatever_is_in_it() -> None:
    """Quotes, backslashes, variables and line ends of a level do not become SQL."""
    for text in ("it's", 'a"b', "\\'; DROP TABLE x --", "${system:user.home}", "a\nb", "`x`", "\\"):
        for dialect in (POSTGRESQL, SPARK):
            written = dialect.literal(text)
            assert written[0] == written[-1] == "'"
            inner = written[1:-1].replace("''", "") if dialect is POSTGRESQL else written[1:-1].replace("\\\\", "")
            assert "'" not in (inner if dialect is POSTGRESQL else inner.replace("\\'", ""))
    assert POSTGRESQL.quote('a"b') == '"a""b"'
    assert SPARK.quote("a`b") == "`a``b`"
