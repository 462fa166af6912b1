"""A cohort in DuckDB is the cohort in Python: same rows in, for any expression and any rows, nulls included."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.intake.cohort import parse
from huizhen.model.dataset import Column, Schema

LEVELS = ("I", "II", "it's", "男")
SCHEMA = Schema(
    columns=(
        Column(name="age", type="integer"),
        Column(name="ecog", type="integer", levels=(0, 1, 2)),
        Column(name="time", type="number"),
        Column(name="date", type="date"),
        Column(name="stage", type="category", levels=LEVELS),
        Column(name="smo ker", type="boolean"),
    )
)
ARROW = pa.schema(
    [("age", pa.int64()), ("ecog", pa.int64()), ("time", pa.float64()), ("date", pa.date32()), ("stage", pa.string()),
     ("smo ker", pa.bool_())]
)  # fmt: skip

Row = dict[str, Any]
Value = Callable[[Row], Any]
Written = tuple[str, Value]
"""What an asker writes, and what it means, by three-valued logic: True, False, or None for unknown."""

OPERATORS = {
    "=": operator.eq, "<>": operator.ne, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt,
    ">=": operator.ge,
}  # fmt: skip


def known(function: Callable[..., Any]) -> Callable[..., Any]:
    """Unknown in, unknown out."""
    return lambda *values: None if any(v is None for v in values) else function(*values)


def divide(a: float, b: float) -> float | None:
    return None if b == 0 else a / b


ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": divide}


def all_of(values: list[bool | None]) -> bool | None:
    return False if False in values else None if None in values else True


def any_of(values: list[bool | None]) -> bool | None:
    return True if True in values else None if None in values else False


def negated(value: bool | None) -> bool | None:
    return None if value is None else not value


def column(name: str) -> Written:
    quoted = f'"{name}"' if not name.isalpha() else name
    return quoted, lambda row: row[name]


def apply(function: Callable[..., Any], *parts: Written) -> Value:
    return lambda row: known(function)(*(part[1](row) for part in parts))


WHOLE = st.integers(-50, 50)
NUMBER = st.one_of(WHOLE, st.integers(-200, 200).map(lambda x: x / 4))
DAY = st.integers(0, 60).map(lambda days: date(2020, 1, 1) + timedelta(days=days))
numbers_literal: st.SearchStrategy[Written] = NUMBER.map(lambda x: (repr(x), lambda row: float(x)))


def calculated(inner: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    two = st.tuples(inner, st.sampled_from(sorted(ARITHMETIC)), inner).map(
        lambda t: (f"({t[0][0]} {t[1]} {t[2][0]})", apply(ARITHMETIC[t[1]], t[0], t[2]))
    )
    minus = inner.map(lambda w: (f"- ({w[0]})", apply(operator.neg, w)))
    size = inner.map(lambda w: (f"abs({w[0]})", apply(abs, w)))
    return st.one_of(two, minus, size)


numeric_columns = st.sampled_from(["age", "ecog", "time"]).map(
    lambda name: (name, lambda row: None if row[name] is None else float(row[name]))
)
numbers = st.recursive(st.one_of(numeric_columns, numbers_literal), calculated, max_leaves=4)


def compared(left: Written, sign: str, right: Written) -> Written:
    return f"{left[0]} {sign} {right[0]}", apply(OPERATORS[sign], left, right)


def between(one: Written, low: Written, high: Written, no: bool) -> Written:
    def inside(row: Row) -> bool | None:
        parts = [known(operator.ge)(one[1](row), low[1](row)), known(operator.le)(one[1](row), high[1](row))]
        return negated(all_of(parts)) if no else all_of(parts)

    return f"{one[0]} {'NOT ' if no else ''}BETWEEN {low[0]} AND {high[0]}", inside


def among(one: Written, items: list[Written], no: bool) -> Written:
    def listed(row: Row) -> bool | None:
        found = any_of([known(operator.eq)(one[1](row), item[1](row)) for item in items])
        return negated(found) if no else found

    return f"{one[0]} {'NOT ' if no else ''}IN ({', '.join(i[0] for i in items)})", listed


def absent(one: Written, no: bool) -> Written:
    return f"{one[0]} IS {'NOT ' if no else ''}NULL", lambda row: (one[1](row) is None) != no


signs = st.sampled_from(sorted(OPERATORS))
equal = st.sampled_from(["=", "<>"])
stage, smoker, day = column("stage"), column("smo ker"), column("date")
days = DAY.flatmap(lambda d: st.sampled_from([f"'{d}'", f"DATE '{d}'"]).map(lambda text: (text, lambda row: d)))
levels = st.sampled_from(LEVELS).map(lambda x: ("'" + x.replace("'", "''") + "'", lambda row: x))
truths = st.booleans().map(lambda b: (str(b).upper(), lambda row: b))
plain_numbers = st.one_of(numeric_columns, numbers).filter(lambda w: w[0] != "ecog")
ecog = (column("ecog"), st.sampled_from(["0", "1", "2"]).map(lambda x: (x, lambda row: int(x))))

atoms: st.SearchStrategy[Written] = st.one_of(
    st.builds(compared, plain_numbers, signs, plain_numbers),
    st.builds(compared, st.just(ecog[0]), signs, ecog[1]),
    st.builds(between, plain_numbers, numbers, numbers, st.booleans()),
    st.builds(among, st.just(column("age")), st.lists(numbers_literal, min_size=1, max_size=4), st.booleans()),
    st.builds(compared, st.just(day), signs, days),
    st.builds(between, st.just(day), days, days, st.booleans()),
    st.builds(compared, st.just(stage), equal, levels),
    st.builds(among, st.just(stage), st.lists(levels, min_size=1, max_size=4), st.booleans()),
    st.builds(compared, st.just(smoker), equal, truths),
    st.just(smoker),
    st.builds(absent, st.sampled_from([column(c) for c in SCHEMA.names()]), st.booleans()),
    st.booleans().flatmap(
        lambda b: st.booleans().map(
            lambda no: (f'"smo ker" IS {"NOT " if no else ""}{str(b).upper()}', lambda row: (row["smo ker"] is b) != no)
        )
    ),
).filter(lambda w: any(name in w[0] for name in SCHEMA.names()))


def connected(inner: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    several = st.lists(inner, min_size=2, max_size=3)
    both = several.map(lambda ws: (" AND ".join(f"({w[0]})" for w in ws), lambda row: all_of([w[1](row) for w in ws])))
    either = several.map(lambda ws: (" OR ".join(f"({w[0]})" for w in ws), lambda row: any_of([w[1](row) for w in ws])))
    return st.one_of(both, either, inner.map(lambda w: (f"NOT ({w[0]})", lambda row: negated(w[1](row)))))


conditions = st.recursive(atoms, connected, max_leaves=6)
rows = st.fixed_dictionaries(
    {
        "age": st.one_of(st.none(), WHOLE),
        "ecog": st.one_of(st.none(), st.integers(0, 2)),
        "time": st.one_of(st.none(), NUMBER.map(float)),
        "date": st.one_of(st.none(), DAY),
        "stage": st.one_of(st.none(), st.sampled_from(LEVELS)),
        "smo ker": st.one_of(st.none(), st.booleans()),
    }
)


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@settings(max_examples=200, deadline=None)
@given(written=conditions, table=st.lists(rows, min_size=1, max_size=25))
def test_the_engine_takes_the_rows_that_the_words_mean(
    engine: duckdb.DuckDBPyConnection, written: Written, table: list[Row]
) -> None:
    text, means = written
    found = parse(text, SCHEMA)
    again = parse(found.text, SCHEMA)
    assert again == found
    expected = [i for i, row in enumerate(table) if means(row) is True]
    patients = pa.Table.from_pylist(
        [{**row, "i": i} for i, row in enumerate(table)], ARROW.append(pa.field("i", pa.int64()))
    )
    engine.register("patients", patients)
    got = engine.execute(f"SELECT i FROM patients WHERE {found.sql} ORDER BY i").fetchall()
    assert [i for (i,) in got] == expected


def test_the_python_meaning_is_three_valued() -> None:
    """The judge itself: unknown is neither in nor out."""
    text, means = among(column("age"), [("1", lambda row: 1.0)], no=True)
    assert text == "age NOT IN (1)"
    assert [means({"age": v}) for v in (1, 2, None)] == [False, True, None]
    assert math.isclose(divide(1, 4) or 0, 0.25)
    assert all_of([None, False]) is False
    assert any_of([None, True]) is True
