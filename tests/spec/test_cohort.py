"""The cohort of a study: one SQL condition over the columns of its dataset.

It is read by sqlglot, held against a list of what is allowed, checked against the schema, and written anew. The normal
form goes into the grant; each node reads it again and asks its own table.
"""

from __future__ import annotations

import pytest

from huizhen.intake.cohort import Cohort, parse
from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Column, Schema

SCHEMA = Schema(
    columns=(
        Column(name="pid", type="text", identifier=True),
        Column(name="mrn", type="integer", identifier=True),
        Column(name="note", type="text"),
        Column(name="age", type="integer"),
        Column(name="time", type="number"),
        Column(name="date", type="date"),
        Column(name="stage", type="category", levels=("I", "II", "it's")),
        Column(name="site", type="category", levels=("1", "2")),
        Column(name="ecog", type="integer", levels=(0, 1, 2)),
        Column(name="smoker", type="boolean"),
        Column(name="marital-status", type="category", levels=("single", "married")),
        Column(name="年龄", type="number"),
    )
)


def cohort(expression: str) -> Cohort:
    found = parse(expression, SCHEMA)
    assert parse(found.text, SCHEMA) == found, "the normal form is its own normal form"
    return found


def refusal(expression: str) -> BadInput:
    with pytest.raises(BadInput) as caught:
        parse(expression, SCHEMA)
    assert caught.value.code == "bad-cohort"
    return caught.value


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("age >= 18", '"age" >= 18'),
        ("AGE>=18.0", '"age" >= 18'),
        ("18 <= age", '18 <= "age"'),
        ("age between 18 and 65", '"age" BETWEEN 18 AND 65'),
        ("not (age between 18 and 65)", '"age" NOT BETWEEN 18 AND 65'),
        ("age != 3 and age <> 4", '("age" <> 3) AND ("age" <> 4)'),
        ("age == 5", '"age" = 5'),
        ("time > 1e3", '"time" > 1000'),
        ("time > 0.5", '"time" > 0.5'),
        ("年龄 > 2.5", '"年龄" > 2.5'),
        ("stage = 'II'", "\"stage\" = 'II'"),
        ("stage = 'it''s'", "\"stage\" = 'it''s'"),
        ("stage in ('II', 'I', 'II')", "\"stage\" IN ('I', 'II')"),
        ("stage not in ('I')", "\"stage\" NOT IN ('I')"),
        ("site = 1", "\"site\" = '1'"),
        ("\"marital-status\" = 'single'", "\"marital-status\" = 'single'"),
        ("ecog in (2, 0)", '"ecog" IN (0, 2)'),
        ("ecog > 7", '"ecog" > 7'),
        ("smoker", '"smoker"'),
        ("not smoker", 'NOT "smoker"'),
        ("smoker = true", '"smoker" = TRUE'),
        ("smoker is not true", '"smoker" IS NOT TRUE'),
        ("stage is null", '"stage" IS NULL'),
        ("not stage is null", '"stage" IS NOT NULL'),
        ("date > '2020-01-31'", "\"date\" > DATE '2020-01-31'"),
        ("date between DATE '2020-01-01' and '2020-12-31'", "\"date\" BETWEEN DATE '2020-01-01' AND DATE '2020-12-31'"),
        ("abs(time - age) > -5", 'ABS("time" - "age") > -5'),
        ("(age + 1) * 2 / time >= 3", '((("age" + 1) * 2) / "time") >= 3'),
        ("-time < - 3", '(-"time") < -3'),
        ("a" "ge > 1 and age < 9 and smoker", '("age" > 1) AND ("age" < 9) AND "smoker"'),
        ("age > 1 and (age < 9 and smoker)", '("age" > 1) AND ("age" < 9) AND "smoker"'),
        ("age > 1 or age < 9 and smoker", '("age" > 1) OR (("age" < 9) AND "smoker")'),
        ("((((age)) > (1)))", '"age" > 1'),
    ],
)  # fmt: skip
def test_what_may_be_written_and_its_normal_form(written: str, text: str) -> None:
    assert cohort(written).text == text


def test_it_says_which_columns_it_reads() -> None:
    assert cohort("smoker and (stage = 'I' or age > 3) and age < 9").columns == ("age", "stage", "smoker")


def test_arithmetic_cannot_fail_on_any_row() -> None:
    """In whole numbers the engine would stop at an overflow and print the row's values; DOUBLE has no such error."""
    assert cohort("age * age / ecog > 1.5").sql == (
        '(((CAST("age" AS DOUBLE) * CAST("age" AS DOUBLE)) / NULLIF(CAST("ecog" AS DOUBLE), 0)) > 1.5e0)'
    )


@pytest.mark.parametrize(
    ("written", "said", "remedy"),
    [
        ("stage = 'IX'", "at character 9: column 'stage' has no level 'IX'", "Its levels are: I, II, it's"),
        ("age > 3 and stage in ('I', 'IX')", "at character 28: column 'stage' has no level 'IX'", "I, II"),
        ("stage = 3", "column 'stage' has no level '3'", "I, II"),
        ("ecog = 7", "at character 8: column 'ecog' has no level '7'", "0, 1, 2"),
        ("ecog in (1, 7)", "column 'ecog' has no level '7'", "0, 1, 2"),
        ("agee > 3", "at character 1: there is no column 'agee' (did you mean 'age'?)", "Columns: age, time"),
        ('stage = "I"', "there is no column 'I'", "Text goes in single quotes"),
        ("marital-status = 'single'", "did you mean 'marital-status'?", "in double quotes"),
        ("age = '18'", "at character 7: a number cannot be compared with text in quotes", "Allowed:"),
        ("age > date", "a number cannot be compared with a date", ""),
        ("stage > 'I'", "a category has no order", ""),
        ("stage between 'I' and 'II'", "BETWEEN needs numbers or dates", ""),
        ("smoker > true", "true or false has no order", ""),
        ("smoker = 1", "true or false cannot be compared with a number", ""),
        ("stage = stage", "a category is compared with its levels", ""),
        ("date > '2020-02-30'", "at character 8: a date is written 'year-month-day'", ""),
        ("date > '20200101'", "a date is written 'year-month-day'", ""),
        ("date > 2020", "a date cannot be compared with a number", ""),
        ("age = null", "NULL is never equal to anything; write IS NULL", ""),
        ("age", "a number is not a condition", ""),
        ("age and smoker", "a number is not a condition", ""),
        ("stage + 1 > 2", "a category cannot be calculated with", ""),
        ("age > 99e999", "not a number that can be used", ""),
        ("1 = 1", "it names no column", ""),
        ("true", "is not a condition", ""),
        ("", "it is empty; leave it out to take everybody", ""),
        ("time > .5", "at character 8: '.' is not allowed", ""),
        ("age >", "this is not a complete condition", ""),
        ("age > 1)", "at character 8: this is not a complete condition", ""),
        ("'abc", "a quote or a comment is not closed", ""),
        ("1 < age < 3", "not allowed here", ""),
        ("pid = 'x'", "at character 1: column 'pid' is an identifier and cannot be used", ""),
        ("age > 1 or mrn is null", "at character 12: column 'mrn' is an identifier", ""),
        ("note is not null", "column 'note' is free text and cannot be used", ""),
    ],
)
def test_what_is_wrong_is_said_with_its_place(written: str, said: str, remedy: str) -> None:
    error = refusal(written)
    assert said in error.what.en
    assert remedy in error.remedy.en
    assert error.what.zh
    assert error.what.zh != error.what.en


def test_an_unknown_column_never_hints_at_an_identifier() -> None:
    error = refusal("pidd = 1")
    assert "did you mean" not in error.what.en
    assert "pid," not in error.remedy.en


def test_a_column_is_found_by_its_exact_name_first() -> None:
    schema = Schema(columns=(Column(name="AND", type="integer"), Column(name="select", type="integer")))
    assert parse('"AND" > 1 and select > 2', schema).text == '("AND" > 1) AND ("select" > 2)'
