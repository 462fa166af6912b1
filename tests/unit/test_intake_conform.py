"""Values become typed columns, or the file is refused by column, count and first line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from huizhen.intake import open_source
from huizhen.intake.conform import Conformed, conform
from huizhen.intake.infer import infer
from huizhen.intake.schema import parse_schema
from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Schema

SCHEMA = parse_schema(
    """
    columns:
    - {name: pid, type: text, identifier: true}
    - {name: age, type: integer, missing_codes: [-9, 999]}
    - {name: bmi, type: number, missing_codes: [NA, -9.5]}
    - {name: dead, type: boolean}
    - {name: stage, type: category, levels: [I, II, 3]}
    - {name: seen, type: date}
    - {name: ecog, type: integer, levels: [0, 1, 2]}
    """
)
HEADER = "pid,age,bmi,dead,stage,seen,ecog,extra"


def stream(folder: Path, *lines: str, schema: Schema = SCHEMA, header: str = HEADER) -> Conformed:
    path = folder / "table.csv"
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return conform(open_source(path), schema, "pid")


def rows(conformed: Conformed) -> list[dict[str, Any]]:
    return [row for batch in conformed for row in batch.to_pylist()]


def test_every_type(tmp_path: Path) -> None:
    conformed = stream(
        tmp_path,
        "007, 63 ,21.50,Yes,II,2020-02-29,0,x",
        "a,-9,NA,0,3,2020/3/1,2,",
        "b,999,-9.5,否,,,,",
        "c,+5.0,1e2,T,I,2020年12月1日,1,",
    )
    assert rows(conformed) == [
        {"pid": "007", "age": 63, "bmi": 21.5, "dead": True, "stage": "II", "seen": date(2020, 2, 29), "ecog": 0},
        {"pid": "a", "age": None, "bmi": None, "dead": False, "stage": "3", "seen": date(2020, 3, 1), "ecog": 2},
        {"pid": "b", "age": None, "bmi": None, "dead": False, "stage": None, "seen": None, "ecog": None},
        {"pid": "c", "age": 5, "bmi": 100.0, "dead": True, "stage": "I", "seen": date(2020, 12, 1), "ecog": 1},
    ]
    assert conformed.rows == 4
    assert conformed.filled == {"pid": 4, "age": 2, "bmi": 2, "dead": 4, "stage": 3, "seen": 3, "ecog": 3}
    assert "left out: extra" in conformed.notes[0].en


def test_arrow_types_and_the_order_of_levels(tmp_path: Path) -> None:
    conformed = stream(tmp_path, "a,1,1,1,II,2020-01-01,0,")
    (batch,) = conformed
    assert batch.schema == conformed.arrow_schema
    assert batch.schema.types == [
        pa.string(), pa.int64(), pa.float64(), pa.bool_(), pa.dictionary(pa.int32(), pa.string()), pa.date32(),
        pa.int64(),
    ]  # fmt: skip
    assert batch.column("stage").dictionary.to_pylist() == ["I", "II", "3"]


GOOD = "a,1,1.5,yes,I,2020-01-01,0,"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("a,hush,1.5,yes,I,2020-01-01,0,", "column 'age': 1 value is not a whole number, first on line 3"),
        ("a,1.5,1.5,yes,I,2020-01-01,0,", "column 'age': 1 value is not a whole number"),
        ("a,1,hush,yes,I,2020-01-01,0,", "column 'bmi': 1 value is not a number"),
        ("a,1,1e999,yes,I,2020-01-01,0,", "column 'bmi': 1 value is not a number"),
        ("a,1,inf,yes,I,2020-01-01,0,", "column 'bmi': 1 value is not a number"),
        ("a,1,1.5,hush,I,2020-01-01,0,", "column 'dead': 1 value is neither true nor false"),
        ("a,1,1.5,yes,hush,2020-01-01,0,", "column 'stage': 1 value is not one of its levels"),
        ("a,1,1.5,yes,I,2021-02-29,0,", "column 'seen': 1 value is not a date"),
        ("a,1,1.5,yes,I,2020-01-01,7,", "column 'ecog': 1 value is not one of its levels"),
        (",1,1.5,yes,I,2020-01-01,0,", "column 'pid': 1 value is missing"),
    ],
)
def test_what_does_not_fit_is_named_and_never_shown(tmp_path: Path, bad: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        list(stream(tmp_path, GOOD, bad, GOOD))
    assert said in caught.value.what.en
    assert "line 3" in caught.value.what.en
    assert "第 3 行" in caught.value.what.zh
    assert "hush" not in str(caught.value.as_dict())


def test_all_that_does_not_fit_is_counted_over_the_whole_file(tmp_path: Path) -> None:
    lines = [GOOD] * 150_000 + ["a,x,1.5,maybe,I,2020-01-01,0,"] * 3 + [GOOD] * 150_000 + ["a,y,1,yes,I,2020-01-01,0,"]
    conformed = stream(tmp_path, *lines)
    yielded = 0
    with pytest.raises(BadInput) as caught:
        for batch in conformed:
            yielded += batch.num_rows
    assert "column 'age': 4 values are not a whole number, first on line 150002" in caught.value.what.en
    assert "column 'dead': 3 values are neither true nor false, first on line 150002" in caught.value.what.en
    assert yielded <= 150_000


def test_columns_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"lacks columns of the schema: 'age' \(did you mean 'agee'\?\)"):
        stream(tmp_path, "a,1,1,1,I,2020-01-01,0,", header=HEADER.replace("age", "agee", 1))


def test_the_subject_is_an_identifier(tmp_path: Path) -> None:
    schema = parse_schema("columns: [{name: pid, type: integer}]")
    with pytest.raises(BadInput) as caught:
        stream(tmp_path, "1", schema=schema, header="pid")
    assert "identifier: true" in caught.value.remedy.en


def test_numeric_subjects_are_text(tmp_path: Path) -> None:
    schema = parse_schema("columns: [{name: pid, type: integer, identifier: true}]")
    assert rows(stream(tmp_path, "0071", " 12 ", schema=schema, header="pid")) == [{"pid": "0071"}, {"pid": "12"}]


CELL = st.one_of(
    st.sampled_from(
        ["", "NA", "1", "0", "-9", "1.0", "2.5", "007", "yes", "No", "2020-01-01", "2020/2/30", "I", "男", "."]
    ),
    st.integers(-(10**20), 10**20).map(str),
    st.floats().map(str),
    st.dates().map(str),
    st.text(st.characters(codec="utf-8", exclude_characters='",\r\n\x00', exclude_categories=("Cc",)), max_size=5),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cells=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=12), times=st.sampled_from([1, 3]))
def test_every_file_conforms_to_the_schema_inferred_from_it(
    tmp_path: Path, cells: list[tuple[str, str]], times: int
) -> None:
    """And nothing is lost on the way: as many values are filled as were seen."""
    path = tmp_path / "table.csv"
    lines = [f'{i},"{a}","{b}"' for i, (a, b) in enumerate(cells * times)]
    path.write_text("\n".join(["pid,x,y", *lines]) + "\n", encoding="utf-8")
    source = open_source(path)
    result = infer(source, "pid")
    conformed = conform(source, result.schema, "pid")
    assert len(rows(conformed)) == result.rows == len(cells) * times
    assert conformed.filled == result.filled
