"""Arithmetic over columns, as it may stand in a formula: read against a whitelist, evaluated on arrays.

The text is parsed into a tree and each node is looked up in a table; Python itself never runs it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.dataset import Schema
from huizhen.statistics import columns

Floats = npt.NDArray[np.float64]


class Spread(NamedTuple):
    """Mean and standard deviation (with n - 1 below) over all rows of all hospitals."""

    n: int
    mean: float
    sd: float


Rows = Mapping[str, npt.NDArray[Any]]
Spreads = Mapping[str, Spread]
"""By the text of the inner expression whose spread it is."""


class _At(NamedTuple):
    rows: Rows
    spreads: Spreads


_Evaluate = Callable[[_At], Any]

FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "log": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "log1p": np.log1p,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "I": lambda x: x,
}
GLOBAL: Mapping[str, Callable[[Any, Spread], Any]] = {
    "center": lambda x, s: x - s.mean,
    "standardize": lambda x, s: (x - s.mean) / (s.sd * np.sqrt((s.n - 1) / s.n)),
    "scale": lambda x, s: (x - s.mean) / s.sd,
}
"""Functions that need a pass over all rows. As in formulaic, `scale` divides by the standard deviation with n - 1
below, `standardize` by that with n."""
_BINARY: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: np.add,
    ast.Sub: np.subtract,
    ast.Mult: np.multiply,
    ast.Div: np.divide,
    ast.Pow: np.power,
}
_COMPARE: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
_QUOTED = re.compile(r"`([^`]*)`")


@dataclass(frozen=True)
class Expression:
    """`columns` are those it reads; `inner` the expressions whose spread it needs before it can be evaluated."""

    text: str
    columns: tuple[str, ...]
    inner: tuple[Expression, ...]
    _evaluate: _Evaluate

    def __call__(self, rows: Rows, spreads: Spreads) -> Floats:
        """(rows,) the values; not finite where mathematics has none (log of 0, division by 0)."""
        with np.errstate(all="ignore"):
            return np.asarray(self._evaluate(_At(rows, spreads)), dtype=np.float64)


def read(text: str, schema: Schema) -> Expression:
    """The expression that `text` says: columns (in backticks where the name is no word), numbers, + - * / **, one
    comparison (1 where it holds, else 0), the FUNCTIONS and, not within each other, the GLOBAL ones.

    Raises BadInput: 'not-in-a-formula', 'category-in-arithmetic', and as `columns.usable` does.
    """
    node, names = tree(text)
    reader = _Reader(schema, names)
    evaluate = reader.read(node)
    if not reader.columns:
        raise refused(f"an expression without a column ({text})", f"没有列的表达式（{text}）")
    return Expression(text, tuple(reader.columns), tuple(reader.inner.values()), evaluate)


def tree(text: str) -> tuple[ast.expr, Mapping[str, str]]:
    """The syntax tree, and the column names that stood in backticks by the word that stands for each in the tree."""
    names: dict[str, str] = {}

    def stand_in(match: re.Match[str]) -> str:
        word = f"__quoted_{len(names)}__"
        names[word] = match.group(1)
        return word

    try:
        return ast.parse(_QUOTED.sub(stand_in, text).strip(), mode="eval").body, names
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise refused(f"'{text}'", f"“{text}”") from None


def said(node: ast.expr, names: Mapping[str, str]) -> str:
    """A part of a `tree` as text: by it an inner expression is known."""
    text = ast.unparse(node)
    for word, name in names.items():
        text = text.replace(word, f"`{name}`")
    return text


def refused(en: str, zh: str) -> BadInput:
    """The error that a formula holds what it cannot, in words of either language, and what it can."""
    return BadInput(
        "not-in-a-formula",
        Text(f"A formula cannot hold {en}.", f"公式中不能使用{zh}。"),
        Text(
            "Allowed are columns, numbers, + - * / ** and comparisons inside I(...), C(column), "
            f"C(column, Treatment(level)), and {', '.join([*FUNCTIONS, *GLOBAL])}.",
            "允许使用：列名、数值、I(...) 中的 + - * / ** 与比较、C(列)、C(列, Treatment(水平))，"
            f"以及 {'、'.join([*FUNCTIONS, *GLOBAL])}。",
        ),
    )


class _Reader:
    """Turns a syntax tree into an evaluator, noting the columns and the inner expressions on the way."""

    def __init__(self, schema: Schema, names: Mapping[str, str], nested: bool = False) -> None:
        self.schema = schema
        self.names = names
        self.nested = nested
        self.columns: dict[str, None] = {}
        self.inner: dict[str, Expression] = {}

    def read(self, node: ast.expr) -> _Evaluate:
        match node:
            case ast.Name(id=name):
                return self._column(self.names.get(name, name))
            case ast.Call(func=function, args=[argument], keywords=[]):
                return self._call(_name_of(function), argument)
            case ast.Constant(value=number) if isinstance(number, int | float) and not isinstance(number, bool):
                return self._number(number)
        return self._operation(node)

    def _operation(self, node: ast.expr) -> _Evaluate:
        match node:
            case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _BINARY:
                return self._pair(_BINARY[type(operator)], left, right)
            case ast.Compare(left=left, ops=[operator], comparators=[right]) if type(operator) in _COMPARE:
                holds = self._pair(_COMPARE[type(operator)], left, right)
                return lambda at: holds(at).astype(np.float64)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                value = self.read(operand)
                return lambda at: np.negative(value(at))
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.read(operand)
        raise self._refused(node)

    def _column(self, name: str) -> _Evaluate:
        column = columns.usable(self.schema, name)
        if not columns.is_numeric(column):
            raise BadInput(
                "category-in-arithmetic",
                Text(
                    f"Column '{name}' is a category and cannot be calculated with.", f"列“{name}”是分类列，不能做运算。"
                ),
                Text("Use it by itself in the formula, or as C(column).", "请在公式中单独使用该列，或写成 C(列)。"),
            )
        self.columns[name] = None
        return lambda at: at.rows[name]

    def _number(self, number: float) -> _Evaluate:
        try:
            constant = np.float64(number)
        except OverflowError:
            raise refused("a number of that size", "如此大的数") from None
        return lambda _: constant

    def _pair(self, apply: Callable[[Any, Any], Any], left: ast.expr, right: ast.expr) -> _Evaluate:
        one, other = self.read(left), self.read(right)
        return lambda at: apply(one(at), other(at))

    def _call(self, name: str | None, argument: ast.expr) -> _Evaluate:
        if name is None:
            raise refused("a call of that kind", "此类调用")
        if name in FUNCTIONS:
            function, value = FUNCTIONS[name], self.read(argument)
            return lambda at: function(value(at))
        if name in GLOBAL and not self.nested:
            return self._global(name, argument)
        if name in GLOBAL:
            raise refused(f"'{name}' within another function that needs all rows", f"嵌套的“{name}”")
        raise refused(
            f"the function '{name}'" if name else "a call of that kind", f"函数“{name}”" if name else "此类调用"
        )

    def _global(self, name: str, argument: ast.expr) -> _Evaluate:
        reader = _Reader(self.schema, self.names, nested=True)
        evaluate = reader.read(argument)
        text = self._text(argument)
        if not reader.columns:
            raise refused(f"{name} of a constant", f"对常数使用 {name}")
        self.columns.update(reader.columns)
        self.inner[text] = Expression(text, tuple(reader.columns), (), evaluate)
        apply = GLOBAL[name]
        return lambda at: apply(evaluate(at), at.spreads[text])

    def _text(self, node: ast.expr) -> str:
        return said(node, self.names)

    def _refused(self, node: ast.expr) -> BadInput:
        text = self._text(node)
        match node:
            case ast.Constant(value=str()):
                return refused(f"the text {text}", f"文本 {text}")
            case ast.Attribute():
                return refused(f"an attribute ({text})", f"属性访问（{text}）")
            case ast.Call(func=function):
                name = _name_of(function)
                if name in FUNCTIONS or name in GLOBAL:
                    return refused(f"{name} with anything but one column or expression", f"多个参数的 {name}")
                return refused(f"the call {text}", f"调用 {text}")
        return refused(f"'{text}'", f"“{text}”")


def _name_of(function: ast.expr) -> str | None:
    """log for `log`, and for `np.log` too, as users of statsmodels write it."""
    match function:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=ast.Name(id="np"), attr=name) if name in FUNCTIONS and name != "I":
            return name
    return None
