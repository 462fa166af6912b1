"""Brings a source into the types of its schema; what does not fit stops it, named by column and line, not by value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from huizhen.intake import values as v
from huizhen.intake.format import Source
from huizhen.intake.infer import check_subject
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text, did_you_mean
from huizhen.model.dataset import Column, Schema

_ARROW = {
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "category": pa.dictionary(pa.int32(), pa.string()),
    "date": pa.date32(),
    "text": pa.string(),
}
_WORDS = {
    "integer": Text("not a whole number", "不是整数"),
    "number": Text("not a number", "不是数值"),
    "boolean": Text("neither true nor false", "不是真/假值"),
    "date": Text("not a date (year-month-day)", "不是日期（年-月-日）"),
    "level": Text("not one of its levels", "不在其 levels 之内"),
    "subject": Text("missing, and every row needs a subject", "缺失，而每行都必须有受试者标识"),
}


class Conformed:
    """A stream of typed batches: int64, float64, bool, date32, string, and dictionary<int32, string> whose dictionary
    is the schema's levels in order, or what occurs where the schema leaves them open (None). The subject is always
    text. Missing values are null; NaN and infinity do not occur.

    Iterate once, to the end: only a stream that ends without an error fits its schema, and what was written before an
    error is to be thrown away. Afterwards `rows` and `filled` (values that are not missing, by column) are complete.
    """

    def __init__(self, source: Source, schema: Schema, subject: str) -> None:
        self._source, self._schema, self._subject = source, schema, subject
        self.arrow_schema = pa.schema(
            [(c.name, pa.string() if c.name == subject else _ARROW[c.type]) for c in schema.columns]
        )
        unused = [name for name in source.columns if name not in schema.names()]
        self.notes: tuple[Text, ...] = ()
        if unused:
            self.notes = (
                Text(
                    f"Not in the schema, left out: {', '.join(unused)}.",
                    f"不在 schema 中，未读入：{'、'.join(unused)}。",
                ),
            )
        self.rows = 0
        self.filled: Counter[str] = Counter({c.name: 0 for c in schema.columns})

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        wrong: dict[tuple[str, str], tuple[int, int]] = {}
        for batch in self._source.read():
            arrays = []
            for column in self._schema.columns:
                array, misfits = self._typed(column, batch.column(column.name))
                for why, bad in misfits:
                    _count(wrong, (column.name, why), bad, self.rows)
                self.filled[column.name] += len(array) - array.null_count
                arrays.append(array)
            self.rows += batch.num_rows
            if not wrong:
                yield pa.RecordBatch.from_arrays(arrays, schema=self.arrow_schema)
        if wrong:
            raise self._refused(wrong)

    def _typed(self, column: Column, raw: pa.Array) -> tuple[pa.Array, list[tuple[str, pa.Array]]]:
        """The typed array, and by reason a mask of what does not fit."""
        if column.name == self._subject:
            text = v.without(v.as_text(raw), _codes(column))
            return text, [("subject", pc.is_null(text))]
        present, typed = _read(column, raw, self._source.decimal)
        why: str = "level" if column.type == "category" else column.type
        wrong = [(why, pc.and_(pc.is_valid(present), pc.is_null(typed)))]
        if column.type in ("integer", "number"):
            typed = _without_numbers(typed, column)
        if column.type == "integer" and column.levels:
            levels = pa.array([x for x in column.levels if isinstance(x, int)], pa.int64())
            wrong.append(("level", pc.and_(pc.is_valid(typed), pc.invert(pc.is_in(typed, value_set=levels)))))
        return typed, wrong

    def _refused(self, wrong: dict[tuple[str, str], tuple[int, int]]) -> BadInput:
        firsts = sorted({first for _, first in wrong.values()})
        lines = dict(zip(firsts, self._source.lines(firsts), strict=True))
        unit = self._source.unit
        en, zh = [], []
        for (name, why), (count, first) in wrong.items():
            said = _WORDS[why]
            many = "value is" if count == 1 else "values are"
            en.append(f"column '{name}': {count} {many} {said.en}, first on {unit.en} {lines[first]}")
            zh.append(f"列“{name}”：{count} 个值{said.zh}，首个在第 {lines[first]} {unit.zh}")
        return BadInput(
            "bad-values",
            Text(f"'{self._source.path.name}': {'; '.join(en)}.", f"“{self._source.path.name}”：{'；'.join(zh)}。"),
            Text(
                "Correct the file, or in the schema the type, the levels or the missing_codes of these columns.",
                "请修改文件，或在 schema 中修改这些列的 type、levels 或 missing_codes。",
            ),
        )


def conform(source: Source, schema: Schema, subject: str) -> Conformed:
    """A stream of the columns of the schema, typed. Columns that the schema does not name are left out and noted.

    Raises BadInput at once when a column of the schema is not in the source, or the subject is not an identifier in
    the schema; and at the end of the stream when values do not fit, with column, count and first line.
    """
    check_subject(source, subject)
    _check_there(source, schema)
    if subject not in schema.names() or not schema.column(subject).identifier:
        raise BadInput(
            "subject-not-identifier",
            Text(
                f"The schema does not mark the subject column '{subject}' as an identifier.",
                f"schema 未将受试者列“{subject}”标为标识符。",
            ),
            Text(
                f"Add to the schema: {{name: {subject}, type: text, identifier: true}}.",
                f"请在 schema 中加入：{{name: {subject}, type: text, identifier: true}}。",
            ),
        )
    return Conformed(source, schema, subject)


def conform_all(source: Source, schema: Schema) -> Conformed:
    """The same for a file in which nobody has to be told apart: every column by its type in the schema.

    Raises BadInput at once when a column of the schema is not in the source, at the end when values do not fit.
    """
    _check_there(source, schema)
    return Conformed(source, schema, "")


def _check_there(source: Source, schema: Schema) -> None:
    absent = [name for name in schema.names() if name not in source.columns]
    if absent:
        hints = [(name, did_you_mean(name, source.columns)) for name in absent]
        en, zh = ", ".join(f"'{n}'{h.en}" for n, h in hints), "、".join(f"“{n}”{h.zh}" for n, h in hints)
        name = source.path.name
        raise BadInput(
            "missing-columns",
            Text(f"'{name}' lacks columns of the schema: {en}.", f"“{name}”缺少 schema 中的列：{zh}。"),
            Text(f"Its columns are: {', '.join(source.columns)}.", f"可用的列：{'、'.join(source.columns)}。"),
        )


_NATURAL = {
    "integer": (pa.int64(),),
    "number": (pa.int64(), pa.float64()),
    "boolean": (pa.bool_(),),
    "date": (pa.date32(),),
}
_FEW = {"boolean": v.booleans, "date": v.dates}
"""Types of few distinct values: each is read once per batch."""


def _read(column: Column, raw: pa.Array, decimal: str) -> tuple[pa.Array, pa.Array]:
    """What is present (null where missing) and the same read as the column's type (null where unreadable as well)."""
    kind = column.type
    if raw.type in _NATURAL.get(kind, ()):
        typed = pc.cast(raw, _ARROW[kind])
        if kind != "number":
            return raw, typed
        nothing = pa.scalar(None, pa.float64())
        return pc.if_else(pc.is_nan(typed), nothing, typed), pc.if_else(pc.is_finite(typed), typed, nothing)
    text = v.without(v.as_text(raw), _codes(column))
    if kind == "number":
        return text, v.numbers(text, decimal)
    if kind == "category":
        return text, _levelled(text, column)
    if kind in _FEW:
        coded = text.dictionary_encode()
        return text, _FEW[kind](coded.dictionary).take(coded.indices)
    return text, v.integers(text) if kind == "integer" else text


def _levelled(text: pa.Array, column: Column) -> pa.DictionaryArray:
    if column.levels is None:
        return text.dictionary_encode()
    levels = pa.array([str(x) for x in column.levels], pa.string())
    return pa.DictionaryArray.from_arrays(pc.index_in(text, value_set=levels), levels)


def _codes(column: Column) -> list[str]:
    """Missing codes as they are written; numbers of a numeric column are compared as numbers, later."""
    numeric = column.type in ("integer", "number")
    return [str(code) for code in column.missing_codes if isinstance(code, str) or not numeric]


def _without_numbers(typed: pa.Array, column: Column) -> pa.Array:
    codes = [code for code in column.missing_codes if not isinstance(code, str)]
    if column.type == "integer":
        codes = [int(code) for code in codes if code == int(code)]
    if not codes:
        return typed
    absent = pc.is_in(typed, value_set=pa.array(codes, typed.type))
    return pc.if_else(absent, pa.scalar(None, typed.type), typed)


def _count(wrong: dict[tuple[str, str], tuple[int, int]], key: tuple[str, str], bad: pa.Array, before: int) -> None:
    count = pc.sum(bad).as_py()
    if not count:
        return
    first = before + pc.index(bad, True).as_py()
    seen, at = wrong.get(key, (0, first))
    wrong[key] = (seen + count, at)
