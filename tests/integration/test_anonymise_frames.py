"""Tables in memory, and files as they come: the same engine, the same check, the same figures."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import huizhen
from commands import done
from huizhen.kit.errors import BadInput, Unable
from huizhen.privacy.anonymise import vocabulary

CODES = Path(__file__).resolve().parents[3] / "shared" / "data" / "cn_codes" / "gb_t_3304_ethnicity.csv"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    chance, rows = np.random.default_rng(4), 800
    return pd.DataFrame(
        {
            "name": [f"N{i}" for i in range(rows)],
            "age": chance.integers(20, 90, rows),
            "民族": chance.choice(["汉族", "满族", "回族", "苗族"], rows, p=[0.8, 0.1, 0.05, 0.05]),
            "学历": chance.choice(["本科", "大专", "高中", "初中", "小学"], rows),
            "icd": chance.choice(["I10", "E11", "C50"], rows),
        }
    )


ASKED = {"qi": ["age", "民族", "学历"], "sensitive": "icd", "drop": "name", "k": 10, "l": 2}


def test_pandas_polars_and_arrow_give_their_own_kind_and_the_same_release(frame: pd.DataFrame) -> None:
    kinds = (frame, pl.from_pandas(frame), pa.Table.from_pandas(frame))
    found = [huizhen.anonymize(table, **ASKED) for table in kinds]
    tables = [f.table for f in found]
    assert [type(t) for t in tables] == [type(t) for t in kinds]
    plain = [t if isinstance(t, pd.DataFrame) else t.to_pandas() for t in tables]
    keys = ["age", "民族", "学历"]
    for each in plain:
        assert list(each) == [*keys, "icd"]
        assert each.groupby(keys).size().min() >= 10 and each.groupby(keys).icd.nunique().min() >= 2
        assert each.groupby(keys).size().sort_index().equals(plain[0].groupby(keys).size().sort_index())
    assert [f.figures["ncp"] for f in found] == pytest.approx([found[0].figures["ncp"]] * 3, abs=1e-12)
    assert found[0].asked.quasi_identifiers["民族"].by == "ethnic"
    assert found[0].asked.quasi_identifiers["学历"].by == "education"


def test_a_file_gives_the_same(frame: pd.DataFrame, tmp_path: Path) -> None:
    """GB18030 with semicolons, as a Chinese spreadsheet saves it; and with rows left out, which needs the original."""
    frame.to_csv(tmp_path / "in.csv", index=False, sep=";", encoding="gb18030")
    words = ["anonymize", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--qi", "age,民族,学历",
    "--sensitive", "icd",
             "--drop", "name", "--k", "10", "--json"]  # fmt: skip
    here = done(*words, "--l", "2").json()
    assert here["ncp"] == pytest.approx(huizhen.anonymize(frame, **ASKED).figures["ncp"], abs=1e-12)
    after = pd.read_csv(tmp_path / "out.csv", sep=";", dtype=str)
    assert set(after["民族"]) <= {
        "汉族",
        "少数民族",
        "*",
        "满族",
        "回族",
        "苗族",
        "满通古斯语族",
        "苗瑶语族",
        "其他语族",
    }
    assert done(*words, "--suppress", "0.05", "--t", "0.5").json()["suppressed"] <= 40


def test_an_arx_hierarchy_in_gb18030_is_read_as_it_is(frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.to_csv(tmp_path / "in.csv", index=False, encoding="gb18030")
    tree = "本科;高等;*\n大专;高等;*\n高中;中等;*\n初中;中等;*\n小学;初等;*\n"
    (tmp_path / "x_hierarchy_学历.csv").write_text(tree, encoding="gb18030")
    said = done("anonymize", tmp_path / "in.csv", "--out", tmp_path / "out.csv", "--qi", "age,民族,学历",
    "--sensitive", "icd",
                "--drop", "name", "--hierarchies", tmp_path, "--json").json()  # fmt: skip
    assert said["config"]["quasi_identifiers"]["学历"]["by"] == "file"
    assert set(pd.read_csv(tmp_path / "out.csv", dtype=str)["学历"]) & {"高等", "中等", "初等", "*"}


def test_what_cannot_be_raises_as_the_command_does(frame: pd.DataFrame) -> None:
    with pytest.raises(BadInput, match="'name' is not named"):
        huizhen.anonymize(frame, **{**ASKED, "drop": ()})
    with pytest.raises(Unable, match="fewer than 801 rows"):
        huizhen.anonymize(frame, **{**ASKED, "k": 801})
    with pytest.raises(BadInput, match="no table that is known"):
        huizhen.anonymize([1, 2], qi="a")
    with pytest.raises(BadInput, match="comma in its name"):
        huizhen.anonymize(frame, qi=["a,b"])


def test_a_configuration_in_place_of_options(frame: pd.DataFrame) -> None:
    asked = huizhen.anonymize(frame, **ASKED).asked.as_json()
    again = huizhen.anonymize(frame, config=asked)
    assert again.asked.as_json() == asked and again.table.shape == (800, 4)


def test_every_ethnic_group_of_the_standard_is_known_by_code_and_name() -> None:
    assert len(vocabulary.ETHNIC.split()) == 56
    if CODES.exists():
        with CODES.open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [r["name"] for r in rows[:56]] == [
            n if r["name"] == n else f"{n}族" for n, r in zip(vocabulary.ETHNIC.split(), rows, strict=False)
        ]
        assert [int(r["code"]) for r in rows[:56]] == list(range(1, 57))
    tree = vocabulary.ethnic(["01", "汉族", "藏", "04", "外国血统"])
    paths = [[tree.label[level[code]] for level in tree.node] for code in tree.code]
    assert paths[2][1:3] == paths[3][1:3] == ["少数民族", "藏缅语族"] and paths[4][1] == "外国血统"
    assert paths[0][1] == "汉族"


@pytest.mark.parametrize(
    ("tree", "value", "path"),
    [
        (vocabulary.education, "博士研究生毕业", ["高等教育", "研究生"]),
        (vocabulary.education, "61", ["中等教育", "普通高中"]),
        (vocabulary.education, "文盲或半文盲", ["初等教育及以下", "其他"]),
        (vocabulary.occupation, "农民", ["在业", "5 农林牧渔业人员"]),
        (vocabulary.occupation, "20201", ["在业", "2 专业技术人员", "202*"]),
        (vocabulary.occupation, "退(离)休人员", ["不在业"]),
        (vocabulary.occupation, "Astronaut", []),
    ],
)
def test_classes(tree: object, value: str, path: list[str]) -> None:
    found = tree([value, "?"])  # type: ignore[operator]
    labels = [found.label[level[found.code[0]]] for level in found.node]
    assert labels[1 : 1 + len(path)] == path and labels[-1] == value
