"""A cohort expression becomes SQL that was written here: every node of the tree is recognised, checked for its type,
and rendered anew from checked names and values, so that no text of the asker's reaches the engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from sqlglot import exp

from huizhen.intake.expression import LIMIT_DEPTH, read, refused
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Schema

Kind = Literal["condition", "number", "date", "boolean", "category", "text"]


@dataclass(frozen=True)
class Cohort:
    """A condition on one row; who it is true for is in (SQL's three values: unknown is not in).

    `text` is the normal form, which parses to itself and goes into the Grant. `sql` is the same for DuckDB, in
    parentheses, over a table whose columns have the types of the schema: arithmetic is in DOUBLE and division by zero
    gives NULL, so that it cannot fail on any row. `columns` are those it reads, in the order of the schema.
    """

    text: str
    sql: str
    columns: tuple[str, ...]


class _Piece(NamedTuple):
    """A part of the expression, rendered. `real` is its DOUBLE form; `atom`: needs no parentheses."""

    kind: Kind
    text: str
    sql: str
    atom: bool = True
    real: str = ""
    column: Column | None = None
    value: int | float | str | bool | date | None = None
    at: int | None = None


def parse(expression: str, schema: Schema) -> Cohort:
    """The cohort that an SQL condition over the columns of a schema describes.

    Raises BadInput with position and what is allowed for anything else: functions, subqueries, casts, comments,
    several statements, columns that are unknown, identifying or free text, comparisons of unlike types, levels that
    the schema does not have, expressions too long or too deep.
    """
    reader = _Reader(schema)
    whole = reader.condition(read(expression, schema), 0)
    if not reader.used:
        raise refused(None, "it names no column", "未使用任何列")
    read(whole.text, schema)  # the normal form is held to the same limits, so that a node can read it again
    return Cohort(whole.text, f"({whole.sql})", tuple(n for n in schema.names() if n in reader.used))


_COMPARE: dict[type[exp.Expr], str] = {
    exp.EQ: "=", exp.NEQ: "<>", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
_ARITHMETIC: dict[type[exp.Expr], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*", exp.Div: "/"}
_KINDS: dict[Kind, Text] = {
    "condition": Text("a condition", "条件"),
    "number": Text("a number", "数值"),
    "date": Text("a date", "日期"),
    "boolean": Text("true or false", "真/假"),
    "category": Text("a category", "分类"),
    "text": Text("text in quotes", "引号中的文本"),
}


_DEEPEST = LIMIT_DEPTH - 2


class _Reader:
    """Walks the tree once, checks every node and renders it; collects the columns on its way."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        self.used: set[str] = set()

    def condition(self, node: exp.Expr, depth: int) -> _Piece:
        """A part that is true, false or unknown."""
        node = _bare(node, depth)
        if isinstance(node, exp.And | exp.Or):
            return self._connected(node, depth)
        if type(node) in _COMPARE:
            return self._compared(node, depth)
        negated = isinstance(node, exp.Not)
        inner = _bare(node.this, depth) if negated else node
        for kind, render in ((exp.Between, self._between), (exp.In, self._among), (exp.Is, self._is)):
            if isinstance(inner, kind):
                return render(inner, "NOT " if negated else "", depth)
        if negated:
            one = _wrap(self.condition(inner, depth + 1))
            return _Piece("condition", f"NOT {one.text}", f"NOT {one.sql}", False)
        piece = self._value(node, depth)
        if piece.kind != "boolean" or piece.column is None:
            raise refused(piece.at, f"{_KINDS[piece.kind].en} is not a condition", f"{_KINDS[piece.kind].zh}不是条件")
        return piece._replace(kind="condition")

    def _connected(self, node: exp.Expr, depth: int) -> _Piece:
        word = " AND " if isinstance(node, exp.And) else " OR "
        terms: list[_Piece] = []
        waiting: list[exp.Expr] = [node]
        while waiting:
            one = _bare(waiting.pop(), depth)
            if type(one) is type(node):
                waiting += [one.expression, one.this]
            else:
                terms.append(_wrap(self.condition(one, depth + 1)))
        return _Piece("condition", word.join(t.text for t in terms), word.join(t.sql for t in terms), False)

    def _compared(self, node: exp.Expr, depth: int) -> _Piece:
        sign = _COMPARE[type(node)]
        left, right = self._value(node.this, depth + 1), self._value(node.expression, depth + 1)
        left, right = _fitted(left, right), _fitted(right, left)
        _check_alike(left, right)
        if sign in ("=", "<>"):
            _check_level(left, right)
            _check_level(right, left)
        elif left.kind in ("category", "boolean"):
            kind = _KINDS[left.kind]
            raise refused(left.at, f"{kind.en} has no order; use = or IN", f"{kind.zh}没有大小顺序；请用 = 或 IN")
        left, right = _wrap(left), _wrap(right)
        return _Piece("condition", f"{left.text} {sign} {right.text}", f"{left.sql} {sign} {right.sql}", False)

    def _between(self, node: exp.Expr, no: str, depth: int) -> _Piece:
        _check_args(node, "this", "low", "high")
        one = self._value(node.this, depth + 1)
        low, high = (_fitted(self._value(node.args[k], depth + 1), one) for k in ("low", "high"))
        for bound in (low, high):
            _check_alike(_fitted(one, bound), bound)
        one = _fitted(one, low)
        if one.kind not in ("number", "date"):
            raise refused(one.at, "BETWEEN needs numbers or dates", "BETWEEN 需要数值或日期")
        one, low, high = _wrap(one), _wrap(low), _wrap(high)
        return _Piece(
            "condition",
            f"{one.text} {no}BETWEEN {low.text} AND {high.text}",
            f"{one.sql} {no}BETWEEN {low.sql} AND {high.sql}",
            False,
        )

    def _among(self, node: exp.Expr, no: str, depth: int) -> _Piece:
        _check_args(node, "this", "expressions")
        one = self._value(node.this, depth + 1)
        items = {}
        for item in (_fitted(self._value(e, depth + 1), one) for e in node.expressions):
            if item.value is None:
                raise refused(item.at, "IN takes a list of values", "IN 后应为值的列表")
            _check_alike(one, item)
            _check_level(one, item)
            items[item.text] = item
        if not items:
            raise refused(one.at, "IN takes a list of values", "IN 后应为值的列表")
        one = _wrap(one)
        listed = sorted(items.values(), key=lambda i: (i.value, i.text))
        text, sql = ", ".join(i.text for i in listed), ", ".join(i.sql for i in listed)
        return _Piece("condition", f"{one.text} {no}IN ({text})", f"{one.sql} {no}IN ({sql})", False)

    def _is(self, node: exp.Expr, no: str, depth: int) -> _Piece:
        _check_args(node, "this", "expression")
        one, what = self._value(node.this, depth + 1), node.expression
        if isinstance(what, exp.Boolean) and one.kind == "boolean" and one.column:
            word = "TRUE" if what.this else "FALSE"
        elif isinstance(what, exp.Null):
            word = "NULL"
        else:
            raise refused(
                one.at,
                "IS takes NULL, and TRUE or FALSE for a boolean column",
                "IS 后只能是 NULL，布尔列还可用 TRUE、FALSE",
            )
        one = _wrap(one)
        return _Piece("condition", f"{one.text} IS {no}{word}", f"{one.sql} IS {no}{word}", False)

    def _value(self, node: exp.Expr, depth: int) -> _Piece:
        node = _bare(node, depth)
        if type(node) is exp.Column:
            return self._column(node)
        if isinstance(node, exp.Literal):
            return _quoted(node) if node.is_string else _number(node)
        if isinstance(node, exp.Boolean):
            word = "TRUE" if node.this else "FALSE"
            return _Piece("boolean", word, word, value=bool(node.this))
        if type(node) is exp.Cast and node.to.is_type("date") and isinstance(node.this, exp.Literal):
            return _dated(node.this.this, node.this.meta.get("start"))
        if isinstance(node, exp.Null):
            raise refused(None, "NULL is never equal to anything; write IS NULL", "NULL 不等于任何值；请写 IS NULL")
        if type(node) in (exp.Neg, exp.Abs):
            return self._single(node, depth)
        if type(node) in _ARITHMETIC:
            return self._calculated(node, depth)
        name = type(node).__name__.upper()
        raise refused(_start(node), f"{name} is not allowed here", f"此处不允许 {name}")

    def _column(self, node: exp.Column) -> _Piece:
        _check_args(node, "this")
        if not isinstance(node.this, exp.Identifier) or not node.this.quoted:
            raise refused(_start(node), f"'{node.name}' is not allowed here", f"此处不允许“{node.name}”")
        column = self._schema.column(node.name)
        self.used.add(column.name)
        name = exp.to_identifier(column.name, quoted=True).sql("duckdb")
        kind: Kind = "number" if column.type in ("integer", "number") else column.type  # type: ignore[assignment]
        return _Piece(kind, name, name, real=f"CAST({name} AS DOUBLE)", column=column, at=_start(node))

    def _single(self, node: exp.Expr, depth: int) -> _Piece:
        one = self._operand(node.this, depth)
        if isinstance(node, exp.Abs):
            real = f"ABS({one.real})"
            return _Piece("number", f"ABS({one.text})", real, real=real, at=one.at)
        if isinstance(one.value, int | float):
            return _rendered(-one.value, one.at)
        one = _wrap(one)
        return _Piece("number", f"-{one.text}", f"-{one.real}", False, f"(-{one.real})", at=one.at)

    def _calculated(self, node: exp.Expr, depth: int) -> _Piece:
        sign = _ARITHMETIC[type(node)]
        left, right = (_wrap(self._operand(side, depth)) for side in (node.this, node.expression))
        below = f"NULLIF({right.real}, 0)" if sign == "/" else right.real
        real = f"{left.real} {sign} {below}"
        return _Piece("number", f"{left.text} {sign} {right.text}", real, False, f"({real})", at=left.at)

    def _operand(self, node: exp.Expr, depth: int) -> _Piece:
        one = self._value(node, depth + 1)
        if one.kind != "number":
            kind = _KINDS[one.kind]
            raise refused(one.at, f"{kind.en} cannot be calculated with", f"{kind.zh}不能参与计算")
        return one


def _bare(node: exp.Expr, depth: int) -> exp.Expr:
    """The node without the parentheses around it, which the rendering sets anew."""
    if depth > _DEEPEST:
        raise refused(_start(node), f"nested deeper than {_DEEPEST}", f"嵌套超过 {_DEEPEST} 层")
    while type(node) is exp.Paren:
        node = node.this
    return node


def _wrap(piece: _Piece) -> _Piece:
    return piece if piece.atom else piece._replace(text=f"({piece.text})", sql=f"({piece.sql})", atom=True)


def _start(node: exp.Expr) -> int | None:
    found = (part.meta.get("start") for part in node.walk())
    return min((at for at in found if at is not None), default=None)


def _check_args(node: exp.Expr, *known: str) -> None:
    extra = [key for key, value in node.args.items() if value and key not in known]
    if extra:
        raise refused(_start(node), f"'{extra[0]}' is not allowed here", f"此处不允许“{extra[0]}”")


def _number(node: exp.Literal) -> _Piece:
    at = _start(node)
    text = str(node.this)
    value = float(text) if re.fullmatch(r"(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", text) else float("inf")
    if not value < 1e300:
        raise refused(at, "this is not a number that can be used", "该数字无法使用")
    return _rendered(int(text) if text.isdigit() and value < 1e18 else value, at)


def _rendered(value: int | float, at: int | None) -> _Piece:
    """Whole numbers stay integers up to 15 digits and more where written so; others are DOUBLE, never DECIMAL."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    text = repr(value)
    real = text if "e" in text else f"{float(value)!r}" if "e" in repr(float(value)) else f"{float(value)!r}e0"
    return _Piece("number", text, text if isinstance(value, int) else real, real=real, value=value, at=at)


def _quoted(node: exp.Literal) -> _Piece:
    return _Piece("text", "", "", value=str(node.this), at=_start(node))


def _dated(text: str, at: int | None) -> _Piece:
    try:
        if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise refused(at, "a date is written 'year-month-day'", "日期应写成 '年-月-日'") from None
    sql = f"DATE '{day.isoformat()}'"
    return _Piece("date", sql, sql, value=day, at=at)


def _fitted(piece: _Piece, other: _Piece) -> _Piece:
    """A literal read as what it is compared with: text as a date, text or number as a level."""
    if piece.kind == "text" and other.kind == "date":
        return _dated(str(piece.value), piece.at)
    is_literal = piece.kind in ("text", "number") and piece.value is not None
    if not is_literal or other.kind != "category" or other.column is None:
        return piece
    levels = [str(level) for level in other.column.levels or ()]
    if str(piece.value) not in levels:
        raise _no_level(piece, other.column)
    text = exp.Literal.string(str(piece.value)).sql("duckdb")
    return _Piece("category", text, text, value=str(piece.value), at=piece.at)


def _check_alike(left: _Piece, right: _Piece) -> None:
    if left.kind == right.kind == "category" and left.column and right.column:
        raise refused(right.at, "a category is compared with its levels", "分类列应与其 levels 比较")
    if left.kind != right.kind or left.kind == "text":
        one, two = _KINDS[left.kind], _KINDS[right.kind]
        raise refused(
            right.at if right.at is not None else left.at,
            f"{one.en} cannot be compared with {two.en}",
            f"{one.zh}不能与{two.zh}比较",
            *_said_of_truth(left, right),
        )


def _said_of_truth(left: _Piece, right: _Piece) -> list[Text]:
    """How a column of true and false is compared, where one of the two is such a column."""
    name = next((p.column.name for p in (left, right) if p.kind == "boolean" and p.column), None)
    if name is None:
        return []
    return [Text(f"Write {name} = TRUE or {name} = FALSE.", f"请写 {name} = TRUE 或 {name} = FALSE。")]


def _check_level(piece: _Piece, literal: _Piece) -> None:
    """A whole number with levels equals only these."""
    if (
        piece.column
        and piece.column.levels
        and piece.kind == "number"
        and literal.value is not None
        and literal.value not in piece.column.levels
    ):
        raise _no_level(literal, piece.column)


def _no_level(piece: _Piece, column: Column) -> BadInput:
    levels = [str(level) for level in column.levels or ()]
    shown = ", ".join(levels) or "(none)"
    return refused(
        piece.at,
        f"column '{column.name}' has no level '{piece.value}'",
        f"列“{column.name}”没有取值“{piece.value}”",
        Text(f"Its levels are: {shown}.", f"可用的取值：{shown}。"),
    )
