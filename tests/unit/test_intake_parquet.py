"""Parquet: the file's own types, flat columns only, times as text."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from huizhen.intake import open_source
from huizhen.intake.conform import conform
from huizhen.intake.infer import infer
from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Column, Schema


def write(folder: Path, table: dict[str, pa.Array] | pa.Table) -> Path:
    path = folder / "table.parquet"
    pq.write_table(pa.table(table), path)
    return path


def test_types_are_those_of_the_file(tmp_path: Path) -> None:
    n = 40
    path = write(
        tmp_path,
        {
            "pid": pa.array(range(n), pa.int32()),
            "bmi": pa.array([20.5, None] * (n // 2), pa.float32()),
            "ecog": pa.array([0.0, 1.0, 2.0, float("nan")] * (n // 4)),
            "cost": pa.array([Decimal("1.25"), Decimal("3.50")] * (n // 2)),
            "dead": pa.array([True, False] * (n // 2)),
            "born": pa.array([date(1960, 5, 1), None] * (n // 2)),
            "seen": pa.array([datetime(2024, 1, 2), datetime(2024, 1, 3)] * (n // 2)),
            "at": pa.array([datetime(2024, 1, 2, 8, 30), datetime(2024, 1, 3)] * (n // 2)),
            "stage": pa.array(["I", "II"] * (n // 2)).dictionary_encode(),
            "code": pa.array(["007", "012"] * (n // 2), pa.large_string()),
            "none": pa.nulls(n),
        },
    )
    source = open_source(path)
    schema = infer(source, "pid").schema
    assert {c.name: (c.type, c.levels) for c in schema.columns} == {
        "pid": ("text", None),
        "bmi": ("number", None),
        "ecog": ("integer", (0, 1, 2)),
        "cost": ("number", None),
        "dead": ("boolean", None),
        "born": ("date", None),
        "seen": ("date", None),
        "at": ("category", ("2024-01-02 08:30:00.000000", "2024-01-03 00:00:00.000000")),
        "stage": ("category", ("I", "II")),
        "code": ("category", ("007", "012")),
        "none": ("category", ()),
    }
    first = next(iter(conform(source, schema, "pid"))).to_pylist()[0]
    assert first["pid"] == "0"
    assert first["bmi"] == 20.5
    assert first["ecog"] == 0
    assert first["born"] == date(1960, 5, 1)
    assert first["seen"] == date(2024, 1, 2)
    assert first["code"] == "007"
    assert first["none"] is None


def test_float_codes_meet_integer_levels(tmp_path: Path) -> None:
    """pandas turns whole numbers with gaps into floats."""
    path = write(tmp_path, {"id": pa.array([1.0, 2.0, 3.0]), "sex": pa.array([1.0, None, 2.0])})
    schema = Schema(
        columns=(
            Column(name="id", type="text", identifier=True),
            Column(name="sex", type="category", levels=("1", "2")),
        )
    )
    assert [row for b in conform(open_source(path), schema, "id") for row in b.to_pylist()] == [
        {"id": "1", "sex": "1"},
        {"id": "2", "sex": None},
        {"id": "3", "sex": "2"},
    ]


def test_infinity_is_named_by_row(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": pa.array(["a", "b"]), "x": pa.array([1.0, float("inf")])})
    schema = Schema(columns=(Column(name="id", type="text", identifier=True), Column(name="x", type="number")))
    with pytest.raises(BadInput, match="column 'x': 1 value is not a number, first on row 2"):
        list(conform(open_source(path), schema, "id"))


def test_nested_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'list', 'blob'"):
        open_source(write(tmp_path, {"id": pa.array([1]), "list": pa.array([[1]]), "blob": pa.array([b"x"])}))


def test_numbers_beyond_64_bits(tmp_path: Path) -> None:
    path = write(tmp_path, {"id": pa.array([2**64 - 1], pa.uint64())})
    with pytest.raises(BadInput, match="Column 'id' holds values") as caught:
        list(open_source(path).read())
    assert str(2**64 - 1) not in str(caught.value.as_dict())


def test_not_parquet(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    path.write_bytes(b"id,age\n1,2\n")
    with pytest.raises(BadInput) as caught:
        open_source(path)
    assert caught.value.code == "bad-parquet"


def test_row_numbers_of_pandas_are_left_out_as_those_of_a_csv_are(tmp_path: Path) -> None:
    frame = pd.DataFrame({"sid": ["a", "b", "c"], "x": [1, 2, 3]}).iloc[[2, 0]]
    frame.to_parquet(tmp_path / "t.parquet")
    source = open_source(tmp_path / "t.parquet")
    assert source.columns == ("sid", "x")
    assert [row for batch in source.read() for row in batch.to_pylist()] == [
        {"sid": "c", "x": 3},
        {"sid": "a", "x": 1},
    ]
    assert "__index_level_0__" in source.notes[0].en
