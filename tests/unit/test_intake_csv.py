"""CSV as hospitals send it: encodings, delimiters, quotes, line ends; and what is wrong is named by line."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from huizhen.intake import csv, find, formats, open_source
from huizhen.kit.errors import BadInput, NotFound

CHINESE = "住院号,姓名,性别,年龄,诊断\nZ001,张伟,男,63,肺癌\nZ002,王芳,女,57,高血压\nZ003,李娜,女,,糖尿病\n"


def write(folder: Path, content: str | bytes, encoding: str = "utf-8", name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def rows(path: Path) -> list[dict[str, object]]:
    return [row for batch in open_source(path).read() for row in batch.to_pylist()]


def refusal(path: Path) -> BadInput:
    with pytest.raises(BadInput) as caught:
        rows(path)
    return caught.value


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "gbk", "utf-16", "utf-16-le", "utf-16-be"])
def test_chinese_headers_and_values_in_every_encoding(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, CHINESE, encoding)
    assert open_source(path).columns == ("住院号", "姓名", "性别", "年龄", "诊断")
    assert rows(path)[2] == {"住院号": "Z003", "姓名": "李娜", "性别": "女", "年龄": "", "诊断": "糖尿病"}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(tmp_path: Path, delimiter: str, end: str) -> None:
    table = [("id", "note, with; all|of them", "x"), ("1", "a, b; c|d\te", "2")]
    lines = [delimiter.join(f'"{cell}"' if len(cell) > 2 else cell for cell in line) for line in table]
    path = write(tmp_path, end.join(lines) + end)
    assert rows(path) == [{"id": "1", "note, with; all|of them": "a, b; c|d\te", "x": "2"}]


def test_gb18030_beyond_the_first_sample(tmp_path: Path) -> None:
    late = "id,city\n" + "1,abc\n" * 200_000 + "2,重庆市\n"
    path = write(tmp_path, late, "gb18030")
    assert rows(path)[-1] == {"id": "2", "city": "重庆市"}


def test_latin_1_is_refused_by_name_and_never_read_as_chinese(tmp_path: Path) -> None:
    path = write(tmp_path, "id,ville\n1,Orléans\n2,Besançon\n3,Mézières\n" * 20, "latin-1")
    error = refusal(path)
    assert error.code == "unknown-encoding"
    assert "Save the file as UTF-8" in error.remedy.en


def test_a_column_without_a_name_is_left_out_and_said(tmp_path: Path) -> None:
    """R and pandas write row numbers so."""
    source = open_source(write(tmp_path, '"","id","age",""\n1,a,30,\n2,b,40,\n'))
    assert source.columns == ("id", "age")
    assert [b.to_pylist() for b in source.read()] == [[{"id": "a", "age": "30"}, {"id": "b", "age": "40"}]]
    assert "column 1, 4" in source.notes[1].en


@pytest.mark.parametrize("content", [b"PK\x03\x04\x14\x00\x00\x00\x08\x00abc\x00", b"\x00\x01\x02\x00\x00\x05"])
def test_a_spreadsheet_is_not_text(tmp_path: Path, content: bytes) -> None:
    assert refusal(write(tmp_path, content)).code in ("not-text", "unknown-encoding")


def test_everything_is_text_first(tmp_path: Path) -> None:
    path = write(tmp_path, "code,flag,n\n007,TRUE,1e3\n010,NA,\n")
    source = open_source(path)
    batch = next(source.read())
    assert batch.schema.types == [pa.string()] * 3
    assert batch.to_pylist()[0] == {"code": "007", "flag": "TRUE", "n": "1e3"}


def test_semicolons_with_decimal_commas(tmp_path: Path) -> None:
    assert open_source(write(tmp_path, "id;bmi;n\na;21,5;1\nb;30,25;2\n")).decimal == ","


@pytest.mark.parametrize("cells", ["1,234\n5,678", "1,5\n2.5", "7\n8"])
def test_a_decimal_comma_is_taken_only_when_nothing_else_is_possible(tmp_path: Path, cells: str) -> None:
    first, second = cells.split("\n")
    assert open_source(write(tmp_path, f"id;x\na;{first}\nb;{second}\n")).decimal == "."


def test_quotes_hold_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,note\n1,"a ""b"", c\nd"\n2,5" pipe x 5"\n')
    assert [r["note"] for r in rows(path)] == ['a "b", c\nd', '5" pipe x 5"']


def test_single_quotes_around_every_field(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "'id','note'\n'1','a,b'\n")) == [{"id": "1", "note": "a,b"}]


def test_one_column_and_blank_lines(tmp_path: Path) -> None:
    assert rows(write(tmp_path, "\n\nsubject\nA\n\nB\n")) == [{"subject": "A"}, {"subject": "B"}]


def test_header_names_lose_their_blanks(tmp_path: Path) -> None:
    assert open_source(write(tmp_path, " id , age \n1,2\n")).columns == ("id", "age")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("id,age,AGE", "'age', 'AGE'"),
        (",,", "names no column"),
        ("id, id", "'id'"),
        ("1,2.5,3", "has no header"),
        ("id,a\x07b", "unusable name for column 2"),
    ],
)
def test_a_header_names_every_column_once(tmp_path: Path, header: str, said: str) -> None:
    error = refusal(write(tmp_path, header + "\n1,2,3\n4,5,6\n"))
    assert error.code == "bad-header"
    assert said in error.what.en


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_file(tmp_path: Path, content: str) -> None:
    assert "is empty" in refusal(write(tmp_path, content)).what.en


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("1,secret\n2\n", 3),
        ("1,a\n\n\n2,secret,3\n", 5),
        ('1,"secret\nsecret"\n2,b\n3\n', 5),
        (f"1,{'a' * 60}\n" * 100_000 + "secret\n", 100_002),
    ],
)
def test_a_ragged_row_is_named_by_line_and_not_by_value(tmp_path: Path, body: str, line: int) -> None:
    error = refusal(write(tmp_path, "id,x\n" + body))
    assert f"line {line}:" in error.what.en
    assert f"第 {line} 行" in error.what.zh
    assert "secret" not in str(error.as_dict())
    assert error.__cause__ is None


def test_an_open_quote_does_not_swallow_the_rest(tmp_path: Path) -> None:
    error = refusal(write(tmp_path, 'id,x\n1,a\n2,"secret\n3,c\n4,d\n'))
    assert "line 3: a quote is opened and not closed" in error.what.en
    assert "secret" not in str(error.as_dict())


def test_lines_of_records_count_blank_lines_and_line_breaks(tmp_path: Path) -> None:
    source = open_source(write(tmp_path, 'id,x\n1,"a\nb\nc"\n\n2,d\n3,e\n'))
    assert source.lines([0, 1, 2]) == [2, 6, 7]


def test_memory_is_bounded_by_the_block_and_not_by_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = 1 << 14
    monkeypatch.setattr(csv, "BLOCK_BYTES", block)
    path = write(tmp_path, "id,x\n" + "12345678,abcdefgh\n" * 400_000)
    before = pa.total_allocated_bytes()
    seen = held = 0
    for batch in open_source(path).read():
        seen += batch.num_rows
        held = max(held, pa.total_allocated_bytes() - before)
    assert seen == 400_000
    assert held < 64 * block < path.stat().st_size / 4


def test_what_can_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is of no format") as caught:
        find(write(tmp_path, "x", name="table.xlsx"))
    assert caught.value.code == "unknown-format"
    with pytest.raises(NotFound):
        find(tmp_path / "absent.csv")
    assert find(write(tmp_path, "a,b\n", name="T.CSV")).name == "csv"


def test_a_format_is_the_file_that_bears_its_name() -> None:
    import huizhen.intake

    folder = Path(huizhen.intake.__file__).parent
    with_format = {p.stem for p in folder.glob("*.py") if "\nFORMAT = " in p.read_text(encoding="utf-8")}
    assert set(formats()) == with_format == {"csv", "parquet"}
    suffixes = [suffix for f in formats().values() for suffix in f.suffixes]
    assert len(set(suffixes)) == len(suffixes)
