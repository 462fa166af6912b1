"""Recognises how a CSV file is written: its header, delimiter, quote and decimal mark."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

DELIMITERS = ",;\t|"
_SAMPLE_RECORDS = 2_000
_NUMBER = re.compile(r"[-+]?(\d+([.,]\d*)?|[.,]\d+)([eE][-+]?\d+)?|\d{4}([-/.]\d{1,2}){2}.*")
_COMMA_DECIMAL = re.compile(r"[-+]?\d*,\d+")
_POINT_DECIMAL = re.compile(r"[-+]?\d*\.\d+")
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2},\d{3}")


@dataclass(frozen=True)
class Dialect:
    """`raw` are the header's fields as they stand in the file; `kept` the positions of those that name a column, and
    `columns` these names without surrounding blanks."""

    delimiter: str
    quote: str
    decimal: str
    raw: tuple[str, ...]

    @property
    def kept(self) -> tuple[int, ...]:
        return tuple(i for i, name in enumerate(self.raw) if tidy(name))

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(tidy(self.raw[i]) for i in self.kept)


def tidy(name: str) -> str:
    return name.strip("\ufeff \t\r\n\u3000\xa0")


def recognise(sample: str, name: str) -> Dialect:
    """The dialect of a file from its first part. Raises BadInput when there is no usable header.

    The delimiter is the one that cuts the header into most fields among those that cut most of the following records
    into as many. The decimal mark is a comma only when numbers with a comma that cannot be a thousands separator are
    there, and none with a point.
    """
    sample = sample.lstrip("\ufeff")
    if not sample.strip():
        raise _bad(name, "is empty", "是空文件")
    quote = _quote(sample)
    tables = {d: _records(sample, d, quote) for d in DELIMITERS}
    delimiter = max(DELIMITERS, key=lambda d: _fit(tables[d]))
    header, *rows = tables[delimiter]
    return Dialect(delimiter, quote, _decimal(rows), tuple(check_header(header, rows, name)))


def check_header(header: Sequence[str], rows: Sequence[Sequence[str]], file: str) -> Sequence[str]:
    """The header, if no two columns have one name. Names that differ in case only count as the same (SQL). Columns
    without a name, as R and pandas write row numbers, may be there."""
    names = [tidy(name) for name in header]
    if not any(names):
        raise _bad(file, "names no column", "没有列名")
    odd = [str(i + 1) for i, name in enumerate(names) if not name.isprintable() or len(name) > 200]
    if odd:
        at_en, at_zh = ", ".join(odd), "、".join(odd)
        raise _bad(file, f"has an unusable name for column {at_en}", f"第 {at_zh} 列的列名无法使用")
    folded = [name.casefold() for name in names]
    twice = list(dict.fromkeys(n for n, f in zip(names, folded, strict=True) if n and folded.count(f) > 1))
    if twice:
        listed = ", ".join(f"'{n}'" for n in twice)
        raise _bad(file, f"names columns more than once: {listed}", f"列名重复：{listed}")
    if all(_NUMBER.fullmatch(name) for name in names if name) and rows:
        raise _bad(file, "has no header: its first line holds numbers", "没有表头：第一行是数值")
    return header


def _quote(sample: str) -> str:
    """Single quotes only when every field of the first line is in them."""
    first = sample.lstrip().splitlines()[0]
    for delimiter in DELIMITERS:
        fields = first.split(delimiter)
        if len(fields) > 1 and all(len(f) > 1 and f[0] == f[-1] == "'" for f in fields):
            return "'"
    return '"'


def _records(sample: str, delimiter: str, quote: str) -> list[list[str]]:
    reader = csv.reader(sample.splitlines(keepends=True), delimiter=delimiter, quotechar=quote)
    try:
        return [r for r in islice(reader, _SAMPLE_RECORDS) if r]
    except csv.Error:
        return [[]]


def _fit(records: list[list[str]]) -> tuple[float, int]:
    header, *rows = records
    if len(header) < 2:
        return (0.0, len(header))
    same = sum(len(row) == len(header) for row in rows)
    return ((1 + same) / (1 + len(rows)), len(header))


def _decimal(rows: list[list[str]]) -> str:
    cells = [cell.strip() for row in rows for cell in row]
    comma = any(_COMMA_DECIMAL.fullmatch(c) and not _THOUSANDS.fullmatch(c) for c in cells)
    return "," if comma and not any(_POINT_DECIMAL.fullmatch(c) for c in cells) else "."


def _bad(file: str, en: str, zh: str) -> BadInput:
    return BadInput(
        "bad-header",
        Text(f"'{file}' {en}.", f"“{file}”{zh}。"),
        Text(
            "The first line must name the columns in words, each once.",
            "第一行必须是表头：列名用文字，且不能重复（不区分大小写）。",
        ),
    )
