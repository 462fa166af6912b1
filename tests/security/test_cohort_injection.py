"""Attacks through the cohort expression: none reaches the engine, neither as text nor as an action.

Everything that passes is run in DuckDB with nothing switched off, against a table, a file and a variable that an
attacker would like to have.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from huizhen.intake.cohort import parse
from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="pid", type="text", identifier=True),
        Column(name="note", type="text"),
        Column(name="age", type="integer"),
        Column(name="stage", type="category", levels=("I", "II")),
        Column(name="smoker", type="boolean"),
        Column(name="date", type="date"),
    )
)

ATTACKS = [
    # more statements
    "age > 1; DROP TABLE patients",
    "age > 1; COPY patients TO '/tmp/stolen.csv'",
    "1; ATTACH '/tmp/x.db' AS x",
    "; INSTALL httpfs; LOAD httpfs",
    "age > 1;",
    "SET memory_limit = '1KB'",
    "PRAGMA database_list",
    "CALL pragma_version()",
    "EXPORT DATABASE '/tmp/x'",
    "DESCRIBE patients",
    # files, environment, settings
    "age > (SELECT count(*) FROM read_csv('/etc/passwd'))",
    "read_csv('/etc/passwd')",
    "age IN (SELECT age FROM patients)",
    "EXISTS (SELECT 1 FROM '/etc/passwd')",
    "age IN (FROM patients SELECT age)",
    "getenv('HOME') = 'x'",
    "\"getenv\"('HOME') = 'x'",
    "read_text('/etc/passwd') IS NULL",
    "glob('/etc/*') IS NULL",
    "current_setting('home_directory') = 'x'",
    "query('select 1') = 1",
    "query_table('patients') = 1",
    "stage = getvariable('x')",
    "nextval('s') > 1",
    "error('x') = 1",
    # other columns and tables
    "patients.age > 1",
    "main.patients.age > 1",
    '"patients"."age" > 1',
    "patients > 1",
    "pid = 'A'",
    "\"PID\" = 'A'",
    "note LIKE '%HIV%'",
    "note IS NOT NULL",
    "COLUMNS('pid') IS NULL",
    "COLUMNS(*) IS NULL",
    "*",
    "* > 1",
    "patients.* = 1",
    "rowid = 1",
    "row_number() OVER () = 1",
    "age > 1 QUALIFY row_number() OVER () = 1",
    "struct_extract(patients, 'pid') = 'A'",
    "#1 = 1",
    "$1 = 1",
    "? = 1",
    ":a = 1",
    "@age > 1",
    # leaving the WHERE clause
    "age > 1 UNION SELECT * FROM patients",
    "age > 1 GROUP BY age",
    "age > 1 ORDER BY random()",
    "age > 1 LIMIT 1",
    "age > 1 RETURNING *",
    "1 = 1) UNION SELECT pid FROM patients WHERE (1 = 1",
    # comments
    "age > 1 -- and consented",
    "age > 1 /* x */",
    "/* x */ age > 1",
    "age /*+ hint */ > 1",
    "age > 1 /* /* nested */ */",
    "age > 1 /*",
    "--",
    "age > - -- \n 1",
    # quotes
    "stage = 'I' OR '1' = '1'",
    "stage = 'I'' OR 1=1 --'",
    "stage = 'I\\' OR 1=1 --'",
    "stage = E'I\\x27'",
    "stage = $$I$$",
    "stage = $tag$I$tag$",
    "stage = x'49'",
    "stage = U&'\\0049'",
    "stage = N'I'",
    "stage = 'I' 'I'",
    "stage = ‘I’",
    "stage = ʼIʼ",
    "stage = “I”",
    "ａｇｅ > 1",
    "age ＞ 1",
    "age > 1\x00; DROP TABLE patients",
    '"age"" > 1',
    '"age\n" > 1',
    "`age` > 1",
    "[age] > 1",
    # types and expressions that are not on the list
    "age::VARCHAR = '1'",
    "CAST(pid AS INTEGER) = 1",
    "TRY_CAST(age AS INTEGER) = 1",
    "CAST('2020-01-01' AS DATE) = date",
    "DATE 'now' = date",
    "DATE '2020-01-01; DROP TABLE patients' = date",
    "TIMESTAMP '2020-01-01' > date",
    "INTERVAL 1 DAY > 1",
    "date - INTERVAL 1 DAY > '2020-01-01'",
    "CASE WHEN age > 1 THEN TRUE END",
    "IF(age > 1, TRUE, FALSE)",
    "COALESCE(age, 1) > 1",
    "age > ALL (SELECT 1)",
    "age = ANY ([1, 2])",
    "list_contains([1], age)",
    "[x FOR x IN [1, 2]] = age",
    "list_transform([1], x -> x + 1) = [2]",
    "lambda x: x",
    "{'a': 1}.a = 1",
    "(age, age) = (1, 1)",
    "ROW(age) = ROW(1)",
    "stage LIKE 'I%'",
    "stage ILIKE 'i%'",
    "stage SIMILAR TO 'I.*'",
    "regexp_matches(stage, 'I')",
    "stage || 'I' = 'II'",
    "stage COLLATE nocase = 'i'",
    "age IS DISTINCT FROM 1",
    "age BETWEEN SYMMETRIC 1 AND 2",
    "age // 2 = 1",
    "age % 2 = 0",
    "age ** 2 > 1",
    "age ^ 2 > 1",
    "age & 1 = 1",
    "age << 1 > 1",
    "~age = 1",
    "age! > 1",
    "age = 0x10",
    "age -> 'a' = 1",
    "age AS x",
    "age := 1",
    "age IN age",
    "age IN ()",
    "abs(*) > 1",
    "abs(DISTINCT age) > 1",
    "abs(age ORDER BY age) > 1",
    "abs(age) FILTER (WHERE TRUE) > 1",
    "abs(age) OVER () > 1",
    "main.abs(age) > 1",
]


@pytest.fixture(scope="module")
def memory() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


@pytest.fixture
def engine(tmp_path: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(tmp_path / "node.duckdb"))
    connection.execute(
        "CREATE TABLE patients(pid VARCHAR, note VARCHAR, age BIGINT, stage VARCHAR, smoker BOOLEAN, date DATE)"
    )
    connection.execute("INSERT INTO patients VALUES ('A', 'secret', 9223372036854775807, 'I', true, DATE '2020-01-01')")
    return connection


def test_closing_the_parenthesis_of_the_consent_filter_does_not_leave_it(engine: duckdb.DuckDBPyConnection) -> None:
    """`sql` brings its own parentheses, so that an OR in it cannot undo what stands before it."""
    sql = parse("age < 0 OR smoker", SCHEMA).sql
    assert engine.execute(f"SELECT count(*) FROM patients WHERE {sql}").fetchone() == (1,)
    assert engine.execute(f"SELECT count(*) FROM patients WHERE FALSE AND {sql}").fetchone() == (0,)
    with pytest.raises(BadInput):
        parse("age > 1) OR (1 = 1", SCHEMA)


def test_a_keyword_does_not_name_an_identifying_column() -> None:
    words = ["is", "in", "not", "null", "true", "between", "and", "or", "date", "abs"]
    schema = Schema(columns=tuple(Column(name=w, type="boolean", identifier=True) for w in words))
    for expression in [*words, *(f"{w} IS NULL" for w in words), *(f'"{w}" IS NULL' for w in words), "abs(is) > 1"]:
        with pytest.raises(BadInput):
            parse(expression, schema)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused_in_words(attack: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(attack, SCHEMA)
    assert caught.value.code == "bad-cohort"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "frame", ["age > 1 AND {}", "({}) OR smoker", "NOT ({})", "age IN (1, {})", "age > {}", "abs({}) > 1"]
)
def test_an_attack_is_refused_inside_of_what_is_allowed(frame: str) -> None:
    for attack in ATTACKS:
        with pytest.raises(BadInput):
            parse(frame.format(attack), SCHEMA)


@pytest.mark.parametrize(
    "large",
    [
        "(" * 100_000 + "age > 1" + ")" * 100_000,
        "(" * 2_000 + "age > 1" + ")" * 2_000,
        "NOT " * 2_000 + "smoker",
        "age > " + "- " * 2_000 + "1",
        "age > " + "+" * 2_000 + "1",
        "abs(" * 500 + "age" + ")" * 500 + " > 1",
        "age" + " + age" * 600 + " > 1",
        "age = age" * 300,
        "age > 1" + " = (age > 1" * 300 + ")" * 300,
        "age IN (" + ", ".join(map(str, range(100_000))) + ")",
        "smoker OR " * 50_000 + "smoker",
        "age > " + "9" * 9_000,
        "age > 1e" + "9" * 9_000,
        "x" * 1_000_000,
        "'" + "x" * 1_000_000 + "' = stage",
        "age BETWEEN 1 AND " * 500 + "2",
        "smoker IS NOT NULL " * 500,
    ],
    ids=lambda text: text[:12],
)
def test_size_and_depth_are_bounded(large: str) -> None:
    with pytest.raises(BadInput) as caught:
        parse(large, SCHEMA)
    assert len(caught.value.what.en) < 10_000 + 200


def test_the_normal_form_keeps_within_the_same_bounds() -> None:
    """Otherwise a hub could sign a cohort that its nodes cannot read."""
    longest = 0
    for n in range(1, 40, 3):
        for expression in (
            "NOT " * n + "(stage IN ('I'))",
            " OR ".join(["NOT (age = 1)"] * 12 * n),
            "-" + "(-" * n + "age" + ")" * n + " > 1",
        ):
            try:
                found = parse(expression, SCHEMA)
            except BadInput:
                continue
            assert parse(found.text, SCHEMA) == found
            longest = max(longest, len(found.text))
    assert longest > 4_000


LEVEL = st.text(st.characters(codec="utf-8", exclude_categories=("Cc",)), min_size=1, max_size=12)
NASTY = st.sampled_from(
    ["'", "''", '"', "\\", "'; DROP TABLE t; --", "%", "\u2019", "$$", "/*", "--", "I'\\", "\u202e'"]
)


@settings(max_examples=200, deadline=None)
@given(name=st.one_of(LEVEL, NASTY), level=st.one_of(LEVEL, NASTY))
def test_hostile_names_and_levels_of_a_schema_stay_names_and_values(
    memory: duckdb.DuckDBPyConnection, name: str, level: str
) -> None:
    """A hospital's own file may hold anything in its header and its cells; in SQL it is data."""
    schema = Schema(columns=(Column(name=name, type="category", levels=(level, "other")),))
    quoted_name, quoted_level = name.replace('"', '""'), level.replace("'", "''")
    found = parse(f"\"{quoted_name}\" = '{quoted_level}'", schema)
    assert parse(found.text, schema) == found
    memory.execute(f'CREATE OR REPLACE TABLE t("{quoted_name}" VARCHAR)')
    memory.execute("INSERT INTO t VALUES (?), ('something else'), (NULL)", [level])
    assert memory.execute(f"SELECT count(*) FROM t WHERE {found.sql}").fetchone() == (1,)
    assert len(memory.extract_statements(f"SELECT 1 FROM t WHERE {found.sql}")) == 1


WORDS = re.compile(r"\"[^\"]*\"|'[^']*'|[A-Z]+|-?\d[\d.e+-]*|[()<>=,+*/-]|\s")
LISTED = [
    "age", "stage", "smoker", "date", "'I'", "1", "2.5", "(", ")", ",", "=", "<>", "<", "-", "+", "*", "/", "AND", "OR",
    "NOT", "IN", "IS", "NULL", "TRUE", "BETWEEN", "abs", "DATE", "'2020-01-01'",
]  # fmt: skip
FOREIGN = [
    "pid", "note", "patients", "'x'", ";", "--", "/*", "*/", "%", "::", ".", "getenv", "read_csv", "SELECT", "FROM",
    "[", "WHERE", "CASE", "CAST", "$1", "?", "]", "{", "}", '"', "'", "\\", "\x00", "LIKE", "UNION", "ALL", "EXISTS",
    "OVER", "LAMBDA", "->", "COLLATE", "@", "#",
]  # fmt: skip
SOUP = st.one_of(
    st.lists(st.sampled_from(LISTED), max_size=7),
    st.lists(st.sampled_from(LISTED + FOREIGN), max_size=14),
).map(" ".join)
RENDERED = {
    "AND", "OR", "NOT", "IN", "IS", "NULL", "TRUE", "FALSE", "BETWEEN", "ABS", "CAST", "AS", "DOUBLE", "DATE", "NULLIF",
}  # fmt: skip


@settings(max_examples=600, deadline=None)
@given(SOUP)
def test_any_soup_of_words_is_refused_or_rendered_from_the_list(soup: str) -> None:
    try:
        found = parse(soup, SCHEMA)
    except BadInput:
        return
    assert set(found.columns) <= {"age", "stage", "smoker", "date"}
    assert not WORDS.sub("", found.sql)
    assert set(re.findall(r"[A-Z]+", re.sub(r"\"[^\"]*\"|'[^']*'", "", found.sql))) <= RENDERED


@pytest.mark.parametrize(
    "expression",
    [
        "age * age * age > 1",
        "-age < 1",
        "abs(age) > 1",
        "age / 0 > 1",
        "age / (age - age) > 1",
        "age + 999999999999999999 > 1",
        "999999999999999999 * 999999999999999999 < age",
        "age > 0.123456789012345678901234567890",
        "age IN (1, 2.5)",
        "age > 1e299 * 1e299",
        "age BETWEEN 0.1 AND 1e19",
    ],
)
def test_no_row_can_make_the_engine_fail_and_speak(engine: duckdb.DuckDBPyConnection, expression: str) -> None:
    """DuckDB's own overflow error would quote the values of the row; the same expression here gives an answer."""
    with pytest.raises(duckdb.OutOfRangeException, match="9223372036854775807"):
        engine.execute("SELECT count(*) FROM patients WHERE age * age > 1").fetchall()
    sql = parse(expression, SCHEMA).sql
    assert engine.execute(f"SELECT count(*) FROM patients WHERE {sql}").fetchone() in [(0,), (1,)]
