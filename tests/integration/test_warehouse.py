"""The hard side of reading rows where they are: odd values, odd people, a table that lives, a user with few rights."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from pyroaring import BitMap

from huizhen.adapters import rows_postgresql, warehouse_sql
from huizhen.adapters.rows_postgresql import PostgresRows
from huizhen.adapters.table import Selection
from huizhen.adapters.warehouse import Place
from huizhen.intake import cohort
from huizhen.kit.errors import BadInput, Conflict, HuizhenError, Lost
from huizhen.model.dataset import Column, Schema
from huizhen.node.agent import Agent
from huizhen.node.enrol import create_node
from huizhen.node.point import point

SCHEMA = Schema(
    columns=(
        Column(name="who", type="text", identifier=True),
        Column(name="x", type="number"),
        Column(name="n", type="integer"),
        Column(name="day", type="date"),
        Column(name="arm", type="category", levels=("a", "b")),
        Column(name="yes", type="boolean"),
    )
)
EVERY = Selection(dataset="d", schema=SCHEMA, cohort_sql=None, columns=("x", "n", "day", "arm", "yes"), complete=False)
KNOWN = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 2**32 - 1}


def indices(subjects: list[str]) -> list[int]:
    return [KNOWN.get(s, -1) for s in subjects]


@pytest.fixture
def server(warehouse: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(warehouse, autocommit=True) as connection:
        yield connection


def made(server: psycopg.Connection, columns: str, *rows: str) -> str:
    name = f"t{uuid4().hex}"
    server.execute(f"CREATE TABLE {name} ({columns})")
    for row in rows:
        server.execute(f"INSERT INTO {name} VALUES ({row})")
    return name


Codes = tuple[int | float | str, ...]


class Open:
    """Opens tables for a test, and closes them after it."""

    def __init__(self) -> None:
        self.tables: list[PostgresRows] = []

    def __call__(self, url: str, table: str, **codes: Codes) -> PostgresRows:
        self.tables.append(PostgresRows(Place(url, table, "who", codes), indices))
        return self.tables[-1]


@pytest.fixture
def opened() -> Iterator[Open]:
    made = Open()
    yield made
    for table in made.tables:
        table.close()


PLAIN = "who int, x float8, n int, day date, arm text, yes bool"


def read(rows: PostgresRows, selection: Selection = EVERY, people: BitMap | None = None) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [] for name in selection.columns}
    for batch in rows.batches(selection, BitMap([*range(5), 2**32 - 1]) if people is None else people):
        for name in selection.columns:
            found[name] += batch[name].tolist()
    return found


def test_what_is_no_number_and_no_day_is_missing_and_nothing_fails(
    warehouse: str, server: psycopg.Connection, opened: Open
) -> None:
    table = made(
        server,
        "who text, x numeric, n bigint, day date, arm char(3), yes smallint",
        "'1', 'NaN', 1, 'infinity', ' a ', 1",
        "'2', 1e400, NULL, '-infinity', 'b', 0",
        "'3', 1e-400, 9007199254740993, '4713-01-01 BC', NULL, 7",
        "'4', -1.5, -9, '1969-12-31', '', NULL",
    )
    found = read(opened(warehouse, table, n=(-9,)))
    check(found["x"], np.nan, np.nan, 0, -1.5)
    check(found["n"], 1, np.nan, 9007199254740992, np.nan)
    check(found["day"], np.nan, np.nan, np.nan, -1)
    check(found["arm"], -1, -1, 0, 1)
    check(found["yes"], 1, 0, np.nan, np.nan)


def check(found: list[float], *wanted: float) -> None:
    """The same values, in any order."""
    np.testing.assert_array_equal(np.sort(found), np.sort(wanted))


def test_codes_for_missing_are_this_hospitals_own(warehouse: str, server: psycopg.Connection, opened: Open) -> None:
    table = made(server, PLAIN, "1, 9, 9, NULL, 'none', TRUE", "2, 1.5, 3, NULL, 'b', FALSE")
    apart = opened(warehouse, table, x=(9,), n=(9, 3), arm=("none",))
    found = read(apart)
    check(found["x"], 1.5, np.nan)
    check(found["n"], np.nan, np.nan)
    check(found["arm"], -1, 1)
    assert sorted(read(opened(warehouse, table))["x"]) == [1.5, 9]
    assert sorted(read(opened(warehouse, table))["arm"]) == [1, 2]


def test_a_person_is_the_same_however_the_key_is_padded_and_who_is_not_known_is_not_read(
    warehouse: str, server: psycopg.Connection, opened: Open
) -> None:
    subjects = ["'1'", "' 1'", "'2 '", "'9'", "''", "NULL", "'5'", "'?'"]
    columns = PLAIN.replace("who int", "who text")
    table = made(server, columns, *(f"{s}, {i}, 0, NULL, 'a', TRUE" for i, s in enumerate(subjects)))
    rows = opened(warehouse, table, who=("?",))
    found = rows.census(EVERY, BitMap([1, 2, 7, 2**32 - 1]))
    assert (set(found.cohort), found.rows, found.repeated) == ({1, 2, 2**32 - 1}, 4, 1)
    assert sorted(read(rows, people=BitMap([1, 2**32 - 1]))["x"]) == [0, 1, 6]


def test_columns_may_be_named_as_the_query_names_its_own(
    warehouse: str, server: psycopg.Connection, opened: Open
) -> None:
    names = ("person", "subject", "block", "bits", 'Od"d  näme', "select", "ctid_")
    columns = ", ".join('"' + name.replace('"', '""') + '" int' for name in names)
    table = made(server, f"who int, {columns}", *(f"{i}, {', '.join([str(i)] * len(names))}" for i in (1, 2, 3, 4, 4)))
    schema = Schema(columns=tuple(Column(name=name, type="integer") for name in names))
    rows = opened(warehouse, table)
    for asked, people in (
        ("person > 1 AND bits < 4", [1, 2, 3, 4]),
        ("person * 2 > 2 AND bits < 4", [1, 3, 2**32 - 1]),
    ):
        selection = Selection("d", schema, cohort.parse(asked, schema).sql, names, True)
        wanted = {p for p in people if 1 < p < 4}
        assert set(rows.census(selection, BitMap(people)).cohort) == wanted
        found = read(rows, selection, BitMap(people))
        assert all(sorted(found[name]) == sorted(wanted) for name in names)


def test_whom_the_table_gets_later_a_later_census_sees(
    warehouse: str, server: psycopg.Connection, opened: Open
) -> None:
    table = made(server, PLAIN, "1, 1, 0, NULL, 'a', TRUE")
    rows = opened(warehouse, table)
    assert set(rows.census(EVERY, BitMap([1, 2])).cohort) == {1}
    server.execute(f"INSERT INTO {table} VALUES (2, 2, 0, NULL, 'b', FALSE), (1, 3, 0, NULL, 'a', TRUE)")
    assert rows.count(EVERY, BitMap([1, 2]), complete=False) == 2
    found = rows.census(EVERY, BitMap([1, 2]))
    assert (set(found.cohort), found.rows) == ({1, 2}, 3)


def test_a_stream_that_was_left_half_read_does_not_stand_in_the_way(
    warehouse: str, server: psycopg.Connection, opened: Open
) -> None:
    table = made(server, PLAIN, *(f"{i % 4 + 1}, {i}, 0, NULL, 'a', TRUE" for i in range(40)))
    rows = opened(warehouse, table)
    everybody = BitMap(range(5))
    stream = rows.batches(EVERY, everybody)
    assert next(stream).rows == 40
    del stream
    assert rows.count(EVERY, BitMap([2]), complete=False) == 10
    assert rows.count(EVERY, everybody, complete=False) == 40


@pytest.mark.parametrize(
    "statement", ["INSERT INTO {0} VALUES (9)", "DELETE FROM {0}", "DROP TABLE {0}", "CREATE TABLE more (x int)"]
)
def test_the_session_writes_nothing_even_as_its_owner(
    warehouse: str, server: psycopg.Connection, opened: Open, statement: str
) -> None:
    table = made(server, PLAIN, "1, 1, 0, NULL, 'a', TRUE")
    rows = opened(warehouse, table)
    rows.census(EVERY, BitMap([1]))
    with pytest.raises(Lost) as failed, rows._asking() as cursor:
        cursor.execute(statement.format(f"public.{table}"))
    assert "25006" in failed.value.what.en
    assert server.execute(f"SELECT count(*) FROM {table}").fetchall() == [(1,)]


def test_functions_and_operators_of_anybodys_making_do_not_stand_in_for_the_servers_own(
    warehouse: str, server: psycopg.Connection, opened: Open
) -> None:
    table = made(server, PLAIN, "1, -3, 0, NULL, 'a', TRUE")
    server.execute("CREATE OR REPLACE FUNCTION public.abs(float8) RETURNS float8 LANGUAGE sql AS 'SELECT 99::float8'")
    server.execute(f"ALTER DATABASE {server.info.dbname} SET search_path TO public, pg_catalog")
    asked = cohort.parse("abs(x) = 3", SCHEMA).sql
    selection = Selection("d", SCHEMA, asked, ("x",), True)
    assert opened(warehouse, f"public.{table}").count(selection, BitMap([1]), complete=True) == 1


def test_no_error_quotes_a_value(
    warehouse: str, server: psycopg.Connection, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server does quote: here it is made to."""
    table = made(server, PLAIN.replace("arm text", "arm text, secret text"), "1, 1, 0, NULL, 'a', 'HIV positive', TRUE")
    rows = opened(warehouse, table)
    monkeypatch.setattr(warehouse_sql.Dialect, "cohort", lambda self, sql: "CAST(x::text || 'HIV' AS int) = 1")
    selection = Selection("d", SCHEMA, "(x = 1)", ("x",), True)
    with pytest.raises(Lost) as failed:
        rows.count(selection, BitMap([1]), complete=True)
    told = failed.value
    assert told.__cause__ is None and told.__suppress_context__
    assert not re.search("HIV|secret", f"{told.what} {told.remedy}")
    monkeypatch.undo()
    assert rows.count(EVERY, BitMap([1]), complete=False) == 1


def test_a_user_without_temporary_tables_is_told_what_to_grant(
    warehouse: str, server: psycopg.Connection, opened: Open
) -> None:
    table, role = made(server, PLAIN, "1, 1, 0, NULL, 'a', TRUE"), f"r{uuid4().hex}"
    name = server.info.dbname
    server.execute(f"CREATE ROLE {role} LOGIN")
    server.execute(f"GRANT SELECT ON {table} TO {role}")
    server.execute(f"REVOKE TEMPORARY ON DATABASE {name} FROM PUBLIC")
    try:
        rows = opened(warehouse.replace("postgres@", f"{role}@", 1), table)
        with pytest.raises(BadInput) as refused:
            rows.census(EVERY, BitMap([1]))
        assert refused.value.code == "warehouse-no-temporary-table"
    finally:
        server.execute(f"GRANT TEMPORARY ON DATABASE {name} TO PUBLIC")
        server.execute(f"DROP OWNED BY {role}")
        server.execute(f"DROP ROLE {role}")


def test_a_column_that_is_gone_is_said(warehouse: str, server: psycopg.Connection, opened: Open) -> None:
    table = made(server, PLAIN, "1, 1, 0, NULL, 'a', TRUE")
    rows = opened(warehouse, table)
    server.execute(f"ALTER TABLE {table} DROP COLUMN arm")
    for each in (rows, opened(warehouse, table)):
        with pytest.raises(Conflict) as changed:
            each.count(EVERY, BitMap([1]), complete=True)
        assert changed.value.code == "warehouse-changed"


def test_a_cohort_that_calculates_is_applied_here_and_no_row_makes_it_fail(
    warehouse: str, server: psycopg.Connection, opened: Open
) -> None:
    """The server would fail on 1e300 * 1e300; that it failed would say that there is such a row."""
    table = made(
        server, PLAIN, "1, 1e300, 2, NULL, 'a', TRUE", "2, 2, 0, NULL, 'b', FALSE", "3, NULL, 1, NULL, 'a', TRUE"
    )
    rows = opened(warehouse, table)
    for asked, wanted in (("x * x > 1e299", {1}), ("x / n > 0", {1}), ("x * x = 4", {2}), ("x - x = 0", {1, 2})):
        selection = Selection("d", SCHEMA, cohort.parse(asked, SCHEMA).sql, ("arm",), True)
        assert set(rows.census(selection, BitMap([1, 2, 3])).cohort) == wanted, asked
        assert rows.count(selection, BitMap([1, 3]), complete=True) == len(wanted & {1, 3})


def test_a_stream_that_breaks_under_duckdb_says_why(
    warehouse: str, server: psycopg.Connection, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = made(server, PLAIN, "1, 2, 0, NULL, 'a', TRUE")
    rows = opened(warehouse, table)
    stream = rows_postgresql.PostgresRows._stream

    broken = rows_postgresql.warehouse.failed("08006")

    def breaking(self: PostgresRows, sql: str, session: object = None) -> Iterator[object]:
        yield from stream(self, sql, session)
        if "person" in sql:
            raise Lost("warehouse-failed", broken.what, broken.remedy)

    rows.census(EVERY, BitMap([1]))
    monkeypatch.setattr(PostgresRows, "_stream", breaking)
    selection = Selection("d", SCHEMA, cohort.parse("x * 2 = 4", SCHEMA).sql, ("x",), True)
    with pytest.raises(Lost) as failed:
        rows.count(selection, BitMap([1]), complete=True)
    assert failed.value.code == "warehouse-failed"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    create_node(tmp_path / "nodes" / "n", b"\0" * 32, "hub+00000000+AA")
    made = Agent(tmp_path / "nodes" / "n")
    yield made
    made.close()


def test_text_is_not_read_as_numbers_and_that_is_said(warehouse: str, server: psycopg.Connection, agent: Agent) -> None:
    rows = (f"'P{i}', '{i % 5}', '2020-01-0{i % 9 + 1}', ARRAY[1], '{{}}'" for i in range(30))
    table = made(server, "who text, code text, day text, many int[], doc jsonb", *rows)
    held = point(agent, "d", warehouse, table, "who", None)
    assert {c.name: c.type for c in held.card.table.columns} == {"who": "text", "code": "category", "day": "category"}
    said = " ".join(note.en for note in held.notes)
    assert "'code': is text and looks like whole numbers" in said
    assert "'day': is text and looks like dates" in said
    assert "'many': left out" in said and "'doc': left out" in said


@pytest.mark.parametrize(
    ("columns", "row", "code"),
    [
        ("who float8, x int", "1.5, 1", "warehouse-subject"),
        ("who text, x int", "NULL, 1", "bad-values"),
        ("who text, x text", "'a', '1'", "warehouse-type"),
        ("who text, x int", "'a', 7", "bad-values"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    warehouse: str, server: psycopg.Connection, agent: Agent, tmp_path: Path, columns: str, row: str, code: str
) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "columns:\n- {name: who, type: text, identifier: true}\n- {name: x, type: integer, levels: [1, 2]}\n"
    )
    with pytest.raises(HuizhenError) as refused:
        point(agent, "d", warehouse, made(server, columns, row), "who", schema)
    assert refused.value.code == code
    assert not (agent.folder / "warehouses").exists()
