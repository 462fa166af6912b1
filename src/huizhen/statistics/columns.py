"""Which columns a method may be given: checked by name before anything runs, with a remedy when one will not do."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Level, Schema

_NOTHING = Text("", "")
MAX_LEVELS = 1000
"""More levels than this make no table that anyone reads."""


def usable(schema: Schema, name: str) -> Column:
    """The column, whatever its type, if a study may use it: it exists, is no identifier and no free text.

    Raises BadInput('unknown-column' | 'identifier-column' | 'text-column').
    """
    if name not in schema.names():
        near = difflib.get_close_matches(name, schema.names(), n=1)
        raise BadInput(
            "unknown-column",
            Text(f"There is no column '{name}'.", f"没有名为“{name}”的列。"),
            Text(
                (f"Did you mean '{near[0]}'? " if near else "") + f"The columns are: {_list(schema.names())}.",
                (f"您是否想用“{near[0]}”？" if near else "") + f"可用的列：{_list(schema.names(), '、')}。",
            ),
        )
    column = schema.column(name)
    if column.identifier:
        raise BadInput(
            "identifier-column",
            Text(f"Column '{name}' identifies people.", f"列“{name}”可识别个人身份。"),
            Text("Identifiers are never used in a study; choose another column.", "标识列不得用于研究，请选择其他列。"),
        )
    if column.type == "text":
        raise BadInput(
            "text-column",
            Text(f"Column '{name}' is free text.", f"列“{name}”是自由文本。"),
            Text(
                "Free text is never computed on; choose another column, or declare its levels in the schema.",
                "自由文本不参与计算，请选择其他列，或在数据结构中声明其取值水平。",
            ),
        )
    return column


def numeric(schema: Schema, name: str) -> Column:
    """A column of numbers: integer, number, boolean (0/1) or date (days since 1970-01-01).

    Raises BadInput as `usable` does, and 'not-numeric'.
    """
    return _of_kind(
        schema, name, is_numeric, "not-numeric", (Text("is not a number", "不是数值列"), Text("numeric", "数值"))
    )


def levelled(schema: Schema, name: str) -> Column:
    """A column with known levels: a category, a boolean, or an integer whose levels are declared.

    Raises BadInput as `usable` does, and 'no-levels' or 'too-many-levels'.
    """
    column = _of_kind(
        schema,
        name,
        is_levelled,
        "no-levels",
        (Text("has no levels", "没有取值水平"), Text("levelled", "有取值水平的")),
    )
    if len(levels(column)) > MAX_LEVELS:
        raise BadInput(
            "too-many-levels",
            Text(f"Column '{name}' has more than {MAX_LEVELS} levels.", f"列“{name}”的取值水平超过 {MAX_LEVELS} 个。"),
            Text("Choose a coarser column.", "请选择更粗的分类列。"),
        )
    return column


def duration(schema: Schema, name: str) -> Column:
    """A column of lengths of time: integer or number. Raises BadInput as `usable` does, and 'not-a-duration'."""
    return _of_kind(
        schema,
        name,
        lambda c: c.type in ("integer", "number"),
        "not-a-duration",
        (Text("is not a length of time", "不是时长"), Text("integer and number", "整数或数值")),
    )


def event(schema: Schema, name: str) -> Column:
    """A column that says whether the event happened: boolean, or integer with no levels but 0 and 1.

    Raises BadInput as `usable` does, and 'not-an-event'.
    """
    words = (Text("does not hold 0 and 1 only", "不是仅含 0 和 1 的列"), Text("boolean (or 0/1)", "布尔（或 0/1）"))
    first = Text(
        "If it says yes and no, declare it as boolean in a schema file (dataset add --schema). ",
        "若其取值为“是/否”，请在 schema 文件中声明为 boolean（dataset add --schema）。",
    )
    of_two = any(c.name == name and c.type == "category" and len(levels(c)) == 2 for c in schema.columns)
    return _of_kind(schema, name, _is_event, "not-an-event", words, first if of_two else _NOTHING)


def _is_event(column: Column) -> bool:
    return column.type == "boolean" or (
        column.type == "integer" and column.levels is not None and set(column.levels) <= {0, 1}
    )


def is_numeric(column: Column) -> bool:
    return column.type in ("integer", "number", "boolean", "date")


def is_levelled(column: Column) -> bool:
    return column.type in ("category", "boolean") or (column.type == "integer" and bool(column.levels))


def levels(column: Column) -> tuple[Level, ...]:
    """The levels in the order of the schema; 0 and 1 for a boolean."""
    return (0, 1) if column.type == "boolean" else column.levels or ()


def positions(column: Column, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """(rows,) position of each value in `levels(column)`; len(levels) where it is missing or not one of them."""
    known = levels(column)
    if column.type == "category":
        codes = values.astype(np.int64)
        return np.where((codes < 0) | (codes >= len(known)), len(known), codes)
    numbers = np.asarray(known, dtype=np.float64)
    order = np.argsort(numbers)
    place = order[np.minimum(np.searchsorted(numbers[order], values), len(known) - 1)]
    return np.where(numbers[place] == values, place, len(known))


def check_inside(outside: int, names: Sequence[str]) -> None:
    """Raises BadInput('value-outside-levels') when the hospitals together hold values that the schema does not list."""
    if outside > 0:
        raise BadInput(
            "value-outside-levels",
            Text(
                f"Column {_list(names)} holds values that are not among its declared levels.",
                f"列“{_list(names, '、')}”含有未声明的取值。",
            ),
            Text(
                "Ask the data holders to add the levels to the schema, or to mark them as missing codes.",
                "请数据持有方在数据结构中补充取值水平，或将其标为缺失码。",
            ),
        )


def check_different(names: Sequence[str], parameter: str) -> None:
    """Raises BadInput('repeated-column') when a column is named twice, 'no-columns' when none is."""
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise BadInput(
            "repeated-column",
            Text(
                f"'{parameter}' names {_list(twice)} more than once.", f"“{parameter}”重复列出了 {_list(twice, '、')}。"
            ),
            Text("Name each column once.", "每列只需列出一次。"),
        )
    if not names:
        raise BadInput(
            "no-columns",
            Text(f"'{parameter}' names no column.", f"“{parameter}”没有列出任何列。"),
            Text("Name at least one column.", "请至少列出一列。"),
        )


def _of_kind(
    schema: Schema,
    name: str,
    fits: Callable[[Column], bool],
    code: str,
    words: tuple[Text, Text],
    first: Text = _NOTHING,
) -> Column:
    column = usable(schema, name)
    if fits(column):
        return column
    what, kind = words
    choice = [c.name for c in schema.columns if not c.identifier and fits(c)]
    raise BadInput(
        code,
        Text(f"Column '{name}' ({column.type}) {what.en}.", f"列“{name}”（{column.type}）{what.zh}。"),
        Text(
            f"{first.en}Choose another column; {kind.en} columns: {_list(choice) or 'none'}.",
            f"{first.zh}请选择其他列；{kind.zh}列：{_list(choice, '、') or '无'}。",
        ),
    )


def _list(names: Sequence[str], comma: str = ", ", most: int = 20) -> str:
    more = "" if len(names) <= most else f"{comma}…"
    return comma.join(names[:most]) + more
