"""What is guessed about columns, and said; what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from huizhen.intake import open_source
from huizhen.intake.conform import conform
from huizhen.intake.infer import Inferred, infer
from huizhen.kit.errors import BadInput
from huizhen.model.dataset import Column, Schema

ADULT = Path(__file__).parents[3] / "shared" / "data" / "adult" / "adult.csv"


def inferred(folder: Path, columns: dict[str, list[str]], delimiter: str = ",") -> Inferred:
    """As if read from a file with a subject column `sid` and these columns."""
    rows = max(len(cells) for cells in columns.values())
    columns = {"sid": [f"S{i}" for i in range(rows)], **columns}
    path = folder / "table.csv"
    lines = zip(*columns.values(), strict=True)
    path.write_text("\n".join(delimiter.join(line) for line in [tuple(columns), *lines]) + "\n", encoding="utf-8")
    return infer(open_source(path), "sid")


def column(folder: Path, cells: list[str], name: str = "x") -> Column:
    return inferred(folder, {name: cells}).schema.column(name)


def said(result: Inferred, name: str = "x") -> str:
    return " ".join(note.en for note in result.notes if f"'{name}'" in note.en)


@pytest.mark.parametrize(
    ("cells", "kind", "levels"),
    [
        (["1", "2", "1", "-2"] * 10, "integer", (-2, 1, 2)),
        (["0", "1"] * 10, "integer", (0, 1)),
        ([str(i) for i in range(60)], "integer", None),
        ([str(i) for i in range(21)] * 3, "integer", None),
        (["1.0", "2.0", ""] * 10, "integer", (1, 2)),
        (["1.0", "2.5"] * 10, "number", None),
        (["-.5", "3.", "1e-3", "12"] * 10, "number", None),
        (["TRUE", "false", "True"] * 10, "boolean", None),
        (["yes", "no"] * 10, "category", ("no", "yes")),
        (["yes", "no", "no phone"] * 10, "category", ("no", "no phone", "yes")),
        (["是", "否"] * 10, "category", ("否", "是")),
        (["2020-02-29", "2021-1-3"] * 10, "date", None),
        (["2020/1/5", "2020年3月4日", "2020.11.30"] * 10, "date", None),
        (["2020-01-01 00:00:00", "2021-01-01T00:00"] * 10, "date", None),
        (["II", "I"] * 10, "category", ("I", "II")),
        ([" II ", "I", "II"] * 10, "category", ("I", "II")),
        (["男", "女"] * 10, "category", ("女", "男")),
        (["007", "12"] * 10, "category", ("007", "12")),
        (["1e400", "1"] * 10, "category", ("1", "1e400")),
        (["2021-02-29", "2020-02-29"] * 10, "category", ("2020-02-29", "2021-02-29")),
        (["2020-01-01 10:30", "2020-01-02 11:00"] * 10, "category", ("2020-01-01 10:30", "2020-01-02 11:00")),
        (["1234567890123456", "1"] * 10, "category", ("1", "1234567890123456")),
        (["123456789012345", "1"] * 10, "integer", (1, 123456789012345)),
        (["1234567890123456", "1.5"] * 10, "category", ("1.5", "1234567890123456")),
        ([f"L{i}" for i in range(50)] * 2, "category", tuple(sorted(f"L{i}" for i in range(50)))),
        ([f"L{i}" for i in range(51)] * 2, "text", None),
        (["nan", "inf", "inf"] * 10, "category", ("inf",)),
    ],
)
def test_types_and_levels(tmp_path: Path, cells: list[str], kind: str, levels: tuple[object, ...] | None) -> None:
    found = column(tmp_path, cells)
    assert (found.type, found.levels) == (kind, levels)


def test_levels_are_not_published_from_values_seen_once(tmp_path: Path) -> None:
    """A level stands in the asset card, which leaves the hospital: a value of one row must not become one."""
    few = inferred(tmp_path, {"x": ["red", "green", "blue"], "age": ["63", "57", "41"]})
    assert [(c.type, c.levels) for c in few.schema.columns[1:]] == [("category", None), ("integer", ())]
    assert "too few rows to list its values" in said(few)
    path = tmp_path / "table.csv"
    typed = [row for b in conform(open_source(path), few.reading, "sid") for row in b.to_pylist()]
    assert [(row["x"], row["age"]) for row in typed] == [("red", 63), ("green", 57), ("blue", 41)]
    assert column(tmp_path, ["red", "green", "red", "green"]).levels == ("green", "red")


def followed(folder: Path, cells: list[str], *known: Column) -> Column:
    """How a column is read at a hospital, where others have agreed on a schema."""
    inferred(folder, {"x": cells})
    return infer(open_source(folder / "table.csv"), "sid", Schema(columns=known)).schema.column("x")


def test_a_column_of_few_rows_lists_only_what_the_others_have_not(tmp_path: Path) -> None:
    colours = Column(name="x", type="category", levels=("blue", "green", "red"))
    assert followed(tmp_path, ["red", "green", "blue"], colours).levels is None
    assert followed(tmp_path, ["red", "lilac", "blue"], colours).levels == ("lilac",)
    stages = Column(name="x", type="integer", levels=(0, 1, 2))
    assert followed(tmp_path, ["0", "2"], stages).levels == ()
    assert followed(tmp_path, ["0", "4"], stages).levels == (4,)


def test_a_column_takes_its_type_from_the_others_where_all_its_values_fit(tmp_path: Path) -> None:
    codes = Column(name="x", type="category", levels=("250.00", "V58"))
    assert followed(tmp_path, ["250.00", "401"] * 10, codes) == Column(
        name="x", type="category", levels=("250.00", "401")
    )
    assert followed(tmp_path, [str(i) for i in range(60)], codes).type == "integer"
    assert followed(tmp_path, ["12", "13"] * 10, Column(name="x", type="text")).type == "text"
    assert followed(tmp_path, ["12", "13"] * 10, Column(name="x", type="date")).type == "integer"
    assert followed(tmp_path, ["12", "13"] * 10, Column(name="x", type="text", identifier=True)).type == "integer"
    assert followed(tmp_path, ["", ""], codes).levels == ()
    assert not followed(tmp_path, [f"c{i}" for i in range(30)], codes).identifier


@pytest.mark.parametrize(
    "code", ["", "NA", "n/a", "NaN", "null", "NULL", "None", ".", "-", "不详", "未知", "缺失", " NA "]
)
def test_missing_codes_are_recognised_and_named(tmp_path: Path, code: str) -> None:
    result = inferred(tmp_path, {"x": [code, "1", "2", "1"] * 5})
    assert result.schema.column("x").type == "integer"
    assert result.schema.column("x").missing_codes == ((code.strip(),) if code.strip() else ())
    assert result.filled == {"sid": 20, "x": 15}
    assert ("taken for missing" in said(result)) is bool(code.strip())


@pytest.mark.parametrize(
    ("cells", "levels", "missing"),
    [
        (["none", "mild", "severe"] * 10, ("mild", "none", "severe"), ()),
        (["None", "mild", "severe"] * 10, ("mild", "severe"), ("None",)),
        (["-", "+", "++", "NA"] * 10, ("+", "++", "-"), ("NA",)),
        (["-", "a", "b"] * 10, ("a", "b"), ("-",)),
        (["none", "1", "2"] * 10, (1, 2), ("none",)),
        (["none", "NA"] * 10, (), ("NA", "none")),
    ],
)
def test_none_is_a_word_among_words_and_a_minus_a_sign_among_signs(
    tmp_path: Path, cells: list[str], levels: tuple[object, ...], missing: tuple[str, ...]
) -> None:
    result = inferred(tmp_path, {"x": cells})
    found = result.schema.column("x")
    assert (found.levels, found.missing_codes) == (levels, missing)
    assert result.filled["x"] == sum(cell not in missing for cell in cells)


def test_none_is_a_value_where_the_others_list_it(tmp_path: Path) -> None:
    pain = Column(name="x", type="category", levels=("mild", "none"))
    found = followed(tmp_path, ["none", ""] * 10, pain)
    assert (found.levels, found.missing_codes) == (("none",), ())


def test_other_codes_for_the_same_are_not_mixed_with_those_of_the_others(tmp_path: Path) -> None:
    """1 and 2 here, M and F there: the types differ, and agreement will say so."""
    sex = Column(name="x", type="category", levels=("F", "M"))
    assert followed(tmp_path, ["1", "2"] * 10, sex).type == "integer"
    assert followed(tmp_path, ["1"] * 10, sex).type == "category"


def test_numbers_kept_as_text_are_not_said_to_have_leading_zeros(tmp_path: Path) -> None:
    inferred(tmp_path, {"x": ["250", "401"] * 10})
    codes = Column(name="x", type="category", levels=("250", "V58"))
    result = infer(open_source(tmp_path / "table.csv"), "sid", Schema(columns=(codes,)))
    assert said(result) == "Column 'x': kept as text, as at the other nodes."


def test_a_column_without_values(tmp_path: Path) -> None:
    result = inferred(tmp_path, {"x": ["", "NA"] * 5})
    assert (result.schema.column("x").type, result.schema.column("x").levels) == ("category", ())
    assert "holds no value" in said(result)


@pytest.mark.parametrize(
    ("ordinary", "code", "proposed"),
    [
        (range(20, 90), "999", True),
        (range(20, 90), "-9", True),
        (range(1, 6), "99", True),
        (range(20, 95), "99", False),
        (range(0, 2000), "999", False),
        (range(-200, 200), "-99", False),
    ],
)
def test_numbers_that_may_mean_missing_are_proposed_and_not_applied(
    tmp_path: Path, ordinary: range, code: str, proposed: bool
) -> None:
    result = inferred(tmp_path, {"x": [*(str(i) for i in ordinary), *[code] * 3] * 2})
    assert (f"{code} lies far from all other values" in said(result)) is proposed
    assert result.schema.column("x").missing_codes == ()
    assert result.filled["x"] == result.rows


@pytest.mark.parametrize(
    "name",
    ["姓名", "患者姓名", "name", "Patient Name", "身份证号", "id_card", "phone", "联系电话", "手机号", "home_address",
     "家庭地址", "MRN", "病历号", "住院号", "patient_id", "PatientID", "email", "id"],
)  # fmt: skip
def test_names_of_identifying_columns(tmp_path: Path, name: str) -> None:
    found = column(tmp_path, ["7", "8"] * 10, name)
    assert found.identifier
    assert found.levels is None


@pytest.mark.parametrize(
    "name", ["age", "drug_name", "hospital_id", "stage", "科室", "性别", "width", "incident", "no"]
)
def test_names_of_other_columns(tmp_path: Path, name: str) -> None:
    assert not column(tmp_path, ["7", "8"] * 10, name).identifier


@pytest.mark.parametrize(
    "cells",
    [
        [f"1101011990{1 + i % 12:02d}{1 + i % 28:02d}{i:03d}X" for i in range(30)],
        [f"1101011990{1 + i % 12:02d}{1 + i % 28:02d}{i:03d}5" for i in range(30)] * 2,
        [f"139{i:08d}" for i in range(30)] * 2,
        [f"person{i}@example.org" for i in range(30)] * 2,
        [f"free text {i}" for i in range(30)],
    ],
)
def test_shapes_of_identifying_values(tmp_path: Path, cells: list[str]) -> None:
    result = inferred(tmp_path, {"x": cells})
    assert result.schema.column("x").identifier
    assert "taken for an identifier" in said(result)


def test_a_name_of_few_values_does_not_publish_them(tmp_path: Path) -> None:
    found = column(tmp_path, ["张伟", "王芳"] * 10, "姓名")
    assert (found.type, found.identifier, found.levels) == ("text", True, None)


@pytest.mark.parametrize("name", ["HIV", "hiv_status", "性病史", "精神疾病", "genetic_test", "基因型", "mental health"])
def test_the_strictest_grade_by_name(tmp_path: Path, name: str) -> None:
    found = column(tmp_path, ["yes", "no"] * 10, name)
    assert (found.grade, found.sensitive, found.identifier) == (5, True, False)


@pytest.mark.parametrize("name", ["archive", "age_std", "age", "环境", "generic"])
def test_an_ordinary_grade(tmp_path: Path, name: str) -> None:
    found = column(tmp_path, ["1", "2"] * 10, name)
    assert (found.grade, found.sensitive) == (3, False)


def test_the_subject_is_text_and_an_identifier_whatever_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("nr,x\n007,1\n007,2\n12,3\n", encoding="utf-8")
    subject = infer(open_source(path), "nr").schema.column("nr")
    assert (subject.type, subject.identifier, subject.levels) == ("text", True, None)


def test_what_stays_text_is_said(tmp_path: Path) -> None:
    assert "leading zeros" in said(inferred(tmp_path, {"x": ["007", "012", "3"] * 5}))
    assert "decimal or thousands" in said(inferred(tmp_path, {"x": ["1,234", "5,678"] * 5}, ";"))
    assert "day and month" in said(inferred(tmp_path, {"x": ["03/04/2020", "05/06/2020"] * 5}))
    assert "times of day" in said(inferred(tmp_path, {"x": ["2020-01-01 10:00", "2020-01-02 11:30"] * 5}))


def test_decimal_commas_where_they_are_certain(tmp_path: Path) -> None:
    result = inferred(tmp_path, {"x": ["21,5", "30,25", "7"] * 5, "y": ["1", "2", "3"] * 5}, ";")
    assert result.schema.column("x").type == "number"
    assert result.schema.column("y").type == "integer"
    path = tmp_path / "table.csv"
    typed = [row for b in conform(open_source(path), result.schema, "sid") for row in b.to_pylist()]
    assert [row["x"] for row in typed[:3]] == [21.5, 30.25, 7.0]


def test_a_type_is_judged_over_the_whole_file(tmp_path: Path) -> None:
    assert column(tmp_path, ["1"] * 200_000 + ["1.5"]).type == "number"
    assert column(tmp_path, ["1", "2"] * 100_000 + ["x"]).type == "category"


def test_no_note_holds_a_value_of_text(tmp_path: Path) -> None:
    result = inferred(tmp_path, {"姓名": ["张伟"] * 30, "memo": [f"secret {i}" for i in range(30)]})
    notes = " ".join(note.en + note.zh for note in result.notes)
    assert "张伟" not in notes
    assert "secret" not in notes


def test_without_subject_or_rows(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("sid,age\n", encoding="utf-8")
    with pytest.raises(BadInput, match="no rows"):
        infer(open_source(path), "sid")
    with pytest.raises(BadInput, match="no column 'pid'") as caught:
        infer(open_source(path), "pid")
    assert "sid, age" in caught.value.remedy.en


@pytest.mark.skipif(not ADULT.exists(), reason="shared data are not here")
def test_the_adult_census_extract() -> None:
    """Real, separated by semicolons, with carriage returns; it has no subject, so a column stands in for one."""
    source = open_source(ADULT)
    result = infer(source, "age")
    assert result.rows == 30_162
    kinds = {c.name: (c.type, len(c.levels or ())) for c in result.schema.columns}
    assert kinds.pop("age") == ("text", 0)
    assert kinds == {
        "sex": ("category", 2), "race": ("category", 5), "marital-status": ("category", 7),
        "education": ("category", 16), "native-country": ("category", 41), "workclass": ("category", 7),
        "occupation": ("category", 14), "salary-class": ("category", 2),
    }  # fmt: skip
    assert not any(c.identifier for c in result.schema.columns if c.name != "age")
    assert sum(b.num_rows for b in conform(source, result.schema, "age")) == 30_162
