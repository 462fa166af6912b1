"""CSV files: any common delimiter and encoding, every value read as the text it is."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as arrow_csv

from huizhen.intake import dialect as dialects
from huizhen.intake import encoding as encodings
from huizhen.intake.dialect import Dialect
from huizhen.intake.format import Format, Source
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

BLOCK_BYTES = 1 << 20
_NAMES = {",": Text("comma", "逗号"), ";": Text("semicolon", "分号"), "\t": Text("tab", "制表符"), "|": Text("|", "|")}


def open_csv(path: Path) -> Source:
    """A CSV file as a source of text columns. Raises BadInput for an unknown encoding or an unusable header.

    Reading it raises BadInput with the line number of the first record whose fields do not match the header.
    """
    encoding = encodings.recognise(path)
    dialect = dialects.recognise(encodings.sample_text(path, encoding), path.name)
    _check_quotes(path, encoding, dialect)

    def read() -> Iterator[pa.RecordBatch]:
        return _read(path, encoding, dialect)

    def lines(records: Sequence[int]) -> list[int]:
        return _lines(path, encoding, dialect, records)

    return Source(path, dialect.columns, read, lines, decimal=dialect.decimal, notes=_notes(encoding, dialect))


def _read(path: Path, encoding: str, dialect: Dialect) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([(name, pa.string()) for name in dialect.columns])
    try:
        reader = arrow_csv.open_csv(
            str(path),
            read_options=arrow_csv.ReadOptions(
                block_size=BLOCK_BYTES, encoding="utf8" if encoding == "utf-8-sig" else encoding
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=dialect.quote, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types={name: pa.string() for name in dialect.raw}, null_values=[], strings_can_be_null=False
            ),
        )
        for batch in reader:
            if batch.num_rows:
                yield pa.RecordBatch.from_arrays([batch.column(i) for i in dialect.kept], schema=schema)
    except pa.ArrowInvalid as error:
        raise _explained(path, encoding, dialect, error) from None


def _records(path: Path, encoding: str, dialect: Dialect, strict: bool = False) -> Iterator[tuple[int, list[str]]]:
    """Every record after the header with the line that it starts on, as slowly as Python reads."""
    csv.field_size_limit(1 << 24)
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=dialect.delimiter, quotechar=dialect.quote, strict=strict)
        header, line = True, 1
        try:
            for record in reader:
                if record and not header:
                    yield line, record
                header = header and not record
                line = reader.line_num + 1
        except csv.Error:
            yield line, []


def _lines(path: Path, encoding: str, dialect: Dialect, records: Sequence[int]) -> list[int]:
    wanted = set(records)
    found: dict[int, int] = {}
    for number, (line, _) in enumerate(_records(path, encoding, dialect)):
        if number in wanted:
            found[number] = line
            if len(found) == len(wanted):
                break
    return [found[r] for r in records]


def _check_quotes(path: Path, encoding: str, dialect: Dialect) -> None:
    """An odd number of quotes may be an open one, which would swallow the rest of the file without complaint."""
    with path.open(encoding=encoding, newline="") as file:
        quotes = 0
        while part := file.read(BLOCK_BYTES):
            quotes += part.count(dialect.quote)
    if quotes % 2:
        for line, record in _records(path, encoding, dialect, strict=True):
            if not record:
                raise _bad_line(path, line, "a quote is opened and not closed", "引号未闭合")


def _explained(path: Path, encoding: str, dialect: Dialect, error: pa.ArrowInvalid) -> BadInput:
    """Arrow's own message quotes the row, so it is replaced by the place and the reason."""
    wanted = len(dialect.raw)
    for line, record in _records(path, encoding, dialect):
        if len(record) != wanted:
            return _bad_line(
                path,
                line,
                f"{len(record)} fields where the header has {wanted}",
                f"有 {len(record)} 个字段，而表头有 {wanted} 个",
            )
    long = "straddl" in str(error)
    return BadInput(
        "bad-csv",
        Text(
            f"'{path.name}' could not be read as CSV" + (": a record is too long." if long else "."),
            f"无法按 CSV 读取“{path.name}”" + ("：有一条记录过长。" if long else "。"),
        ),
        Text("Look for a quote that is not closed, or save the table again.", "请检查未闭合的引号，或重新导出该表。"),
    )


def _bad_line(path: Path, line: int, en: str, zh: str) -> BadInput:
    return BadInput(
        "bad-csv",
        Text(f"'{path.name}' line {line}: {en}.", f"“{path.name}”第 {line} 行：{zh}。"),
        Text(
            "Put values that contain the delimiter, a quote or a line break in double quotes.",
            "含有分隔符、引号或换行的值请用双引号括起。",
        ),
    )


def _notes(encoding: str, dialect: Dialect) -> tuple[Text, ...]:
    shown = {"utf-8-sig": "UTF-8"}.get(encoding, encoding.upper())
    delimiter = _NAMES[dialect.delimiter]
    notes = [Text(f"Encoding {shown}, delimiter {delimiter.en}.", f"编码 {shown}，分隔符为{delimiter.zh}。")]
    unnamed = [str(i + 1) for i in range(len(dialect.raw)) if i not in dialect.kept]
    if unnamed:
        notes.append(
            Text(
                f"Left out for want of a name: column {', '.join(unnamed)}.",
                f"没有列名，未读入：第 {'、'.join(unnamed)} 列。",
            )
        )
    if dialect.decimal == ",":
        notes.append(Text("Numbers are written with a decimal comma.", "数值以逗号作小数点。"))
    return tuple(notes)


FORMAT = Format(
    "csv",
    (".csv", ".tsv", ".txt"),
    Text("text with a header; comma, semicolon, tab or |; UTF-8, UTF-16 or GB18030", "带表头的文本表格"),
    open_csv,
)
