"""Formulas as users of R and statsmodels write them, compiled once into a plan that fills a matrix batch by batch.

formulaic reads the formula and decides terms, coding and names; it never sees a row and never runs an expression.
Factors are our own: an arithmetic expression (`statistics.expression`) or a column with levels.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput
from huizhen.kit.later import later
from huizhen.kit.text import Text
from huizhen.model.dataset import Level, Schema
from huizhen.statistics import columns, expression
from huizhen.statistics.expression import Expression, Rows, Spreads, refused

if TYPE_CHECKING:
    import formulaic
    import pandas as pd
    from formulaic import parser
    from formulaic.parser import types
    from formulaic.transforms import contrasts
else:
    formulaic, pd = later("formulaic"), later("pandas")
    parser, types = later("formulaic.parser"), later("formulaic.parser.types")
    contrasts = later("formulaic.transforms.contrasts")

Floats = npt.NDArray[np.float64]

MAX_CHARACTERS = 4000
_ONE_AT_A_TIME = Lock()
"""Hub and nodes of one process read formulas in several threads; formulaic was seen to fail there, once in hundreds."""
MAX_COLUMNS = 1000
_CROSSING = {"*", "/", "in", ":", "**", "^"}


@dataclass(frozen=True)
class Levels:
    """A column as a factor: `levels` in the order of the schema, `reference` the one that coding leaves out."""

    column: str
    levels: tuple[Level, ...]
    reference: Level


@dataclass(frozen=True)
class Design:
    """A design matrix to be: p named columns, each a product of factors."""

    names: tuple[str, ...]
    factors: tuple[Expression | Levels, ...]
    plan: tuple[tuple[tuple[int, int], ...], ...]
    """Per column, its factors by position in `factors`, with the position of the level (-1 for an expression)."""
    schema: Schema
    columns: tuple[str, ...] = field(init=False)
    """The data columns it reads."""

    def __post_init__(self) -> None:
        used = [[f.column] if isinstance(f, Levels) else f.columns for f in self.factors]
        object.__setattr__(self, "columns", tuple(dict.fromkeys(itertools.chain(*used))))

    @property
    def expressions(self) -> tuple[Expression, ...]:
        return tuple(f for f in self.factors if isinstance(f, Expression))

    @property
    def intercept(self) -> int | None:
        """The position of the intercept among the columns."""
        return self.plan.index(()) if () in self.plan else None

    @property
    def indicators(self) -> tuple[bool, ...]:
        """Per column, whether it says which level a row has (so that a column of zeros is a level without rows)."""
        return tuple(any(level >= 0 for _, level in parts) for parts in self.plan)

    def matrix(self, rows: Rows, n: int, spreads: Spreads) -> Floats:
        """(p, n) float64, one row of memory per design column. Values may be infinite or NaN where mathematics is."""
        values = [self._values(factor, rows, spreads) for factor in self.factors]
        matrix = np.empty((len(self.plan), n))
        with np.errstate(all="ignore"):
            for out, parts in zip(matrix, self.plan, strict=True):
                if not parts:
                    out[:] = 1.0
                for i, (place, level) in enumerate(parts):
                    value = values[place] if level < 0 else values[place] == level
                    np.multiply(out, value, out=out) if i else np.copyto(out, value)
        return matrix

    def outside(self, rows: Rows) -> npt.NDArray[np.int64]:
        """(factors,) how many rows hold a value that is none of the factor's declared levels."""
        found = [
            (self._values(f, rows, {}) == len(f.levels)).sum() if isinstance(f, Levels) else 0 for f in self.factors
        ]
        return np.array(found, dtype=np.int64)

    def check_inside(self, outside: npt.NDArray[np.int64]) -> None:
        """Raises BadInput('value-outside-levels'), from the sum of `outside` over all rows."""
        names = [f.column for f, k in zip(self.factors, outside, strict=True) if isinstance(f, Levels) and k > 0]
        columns.check_inside(int(outside.sum()), names)

    def without_intercept(self) -> Design:
        keep = [i for i, parts in enumerate(self.plan) if parts]
        names, plan = tuple(self.names[i] for i in keep), tuple(self.plan[i] for i in keep)
        return Design(names, self.factors, plan, self.schema)

    def _values(self, factor: Expression | Levels, rows: Rows, spreads: Spreads) -> npt.NDArray[Any]:
        if isinstance(factor, Expression):
            return factor(rows, spreads)
        return columns.positions(self.schema.column(factor.column), rows[factor.column])


def read(formula: str, schema: Schema) -> tuple[str | None, Design]:
    """The left side of the formula as text (None when it has none), and the design of its right side.

    Coding is formulaic's: an intercept unless the formula says 0 or -1, Treatment contrasts, the rank reduced where an
    earlier term spans a later one. Names are formulaic's: Intercept, age, sex[T.2], C(sex)[T.2], age:sex[T.2].
    Raises BadInput: 'bad-formula', 'formula-too-large', 'unknown-level', and as `expression.read` and
    `columns.levelled` do.
    """
    response, terms = _terms(formula)
    used = dict.fromkeys(f.expr for term in terms for f in term.factors if f.expr != "1")
    method = {f.expr: f.eval_method for term in terms for f in term.factors}
    for name, how in method.items():
        if how is types.Factor.EvalMethod.LITERAL and name != "1":
            raise refused(f"a number that multiplies a term ({name})", f"与项相乘的数（{name}）")
    factors = {name: _factor(name, method[name] is types.Factor.EvalMethod.LOOKUP, schema) for name in used}
    _check_size(terms, factors)
    names, plan = _layout(terms, factors)
    if not names:
        raise _bad(formula)
    return response, Design(tuple(names), tuple(factors.values()), tuple(plan), schema)


def read_hazard(formula: str, schema: Schema) -> Design:
    """The design of a one-sided formula without its intercept, which a baseline hazard takes the place of.

    As in R, categories are coded as if the intercept were there, whatever the formula says of it.
    """
    response, design = read(f"{formula.strip().removeprefix('~')} + 1", schema)
    bare = design.without_intercept()
    if response is not None or not bare.names:
        raise BadInput(
            "bad-formula",
            Text("This formula takes no left side, and at least one column.", "此公式不写左侧，且至少包含一列。"),
            Text("Write the columns only, for example 'age + sex'.", "只写自变量，例如“age + sex”。"),
        )
    return bare


def inner(*parts: Expression) -> dict[str, Expression]:
    """By text, the expressions whose mean and variance are needed before these can be evaluated."""
    return {e.text: e for part in parts for e in part.inner}


def _terms(formula: str) -> tuple[str | None, Sequence[types.Term]]:
    reader = parser.DefaultFormulaParser(feature_flags={"twosided"})
    try:
        if len(formula) > MAX_CHARACTERS or _count(reader.get_ast(formula, context={})) > MAX_COLUMNS:
            raise _too_large()
        parsed = formulaic.Formula(formula, _parser=reader)
    except BadInput:
        raise
    except Exception:
        raise _bad(formula) from None
    if isinstance(parsed, formulaic.SimpleFormula):
        return None, list(parsed)
    left, right = list(parsed.lhs), list(parsed.rhs)
    if len(left) != 1 or len(left[0].factors) != 1 or left[0].factors[0].expr == "1":
        raise _bad(formula)
    factor = left[0].factors[0]
    bare = factor.eval_method is types.Factor.EvalMethod.LOOKUP
    return (f"`{factor.expr}`" if bare else factor.expr), right


def _count(node: Any) -> int:
    """At most how many terms the formula has, found before it is expanded."""
    if not hasattr(node, "args"):
        return 1
    symbol, parts = node.operator.symbol, [_count(a) for a in node.args]
    if symbol in ("**", "^"):
        exponent = str(node.args[1])
        return min(parts[0], MAX_COLUMNS + 1) ** min(int(exponent), 20) if exponent.isdecimal() else MAX_COLUMNS + 1
    if symbol in _CROSSING and len(parts) == 2:
        return parts[0] * parts[1] + (0 if symbol == ":" else sum(parts))
    return sum(parts)


def _factor(text: str, bare: bool, schema: Schema) -> Expression | Levels:
    if bare:
        column = columns.usable(schema, text)
        return _levels(text, schema, None) if column.type == "category" else expression.read(f"`{text}`", schema)
    node, names = expression.tree(text)
    match node:
        case ast.Call(func=ast.Name(id="C"), args=[ast.Name(id=name)], keywords=[]):
            return _levels(names.get(name, name), schema, None)
        case ast.Call(func=ast.Name(id="C"), args=[ast.Name(id=name), ast.Call() as treatment], keywords=[]):
            return _levels(names.get(name, name), schema, _reference(treatment, text))
        case ast.Call(func=ast.Name(id="C")):
            raise refused(f"'{text}'", f"“{text}”")
    return expression.read(text, schema)


def _reference(call: ast.Call, text: str) -> Level:
    if ast.unparse(call.func) in ("Treatment", "contr.treatment"):
        values = [*call.args, *(k.value for k in call.keywords if k.arg in ("reference", "base"))]
        match values:
            case [ast.Constant(value=int() | str() as level)] if len(call.args) + len(call.keywords) == 1:
                return level
            case [ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as level))]:
                return -level
    raise refused(f"'{text}'", f"“{text}”")


def _levels(name: str, schema: Schema, reference: Level | None) -> Levels:
    column = columns.levelled(schema, name)
    levels = columns.levels(column)
    if column.type == "boolean":
        levels = tuple(map(bool, levels))
    if len(levels) < 2:
        raise BadInput(
            "one-level",
            Text(f"Column '{name}' has one level only.", f"列“{name}”只有一个水平。"),
            Text("It cannot explain anything; leave it out.", "该列无法起解释作用，请去掉。"),
        )
    if reference is not None and reference not in levels:
        known = ", ".join(map(str, levels))
        raise BadInput(
            "unknown-level",
            Text(f"'{reference}' is not a level of column '{name}'.", f"“{reference}”不是列“{name}”的水平。"),
            Text(f"Its levels are: {known}.", f"该列的水平：{known}。"),
        )
    return Levels(name, levels, levels[0] if reference is None else reference)


def _check_size(terms: Sequence[types.Term], factors: Mapping[str, Expression | Levels]) -> None:
    total = 0
    for term in terms:
        width = 1
        for f in term.factors:
            factor = factors.get(f.expr)
            width *= len(factor.levels) if isinstance(factor, Levels) else 1
        total += width
    if total > MAX_COLUMNS:
        raise _too_large()


def _layout(
    terms: Sequence[types.Term], factors: Mapping[str, Expression | Levels]
) -> tuple[list[str], list[tuple[tuple[int, int], ...]]]:
    """Names and plan of the design columns, from formulaic's own coding of a frame with every level in it."""
    plain = [
        types.Term([f if f.expr == "1" else types.Factor(f.expr, eval_method="lookup") for f in t.factors])
        for t in terms
    ]
    frame, coded = _example(factors)
    with _ONE_AT_A_TIME:
        formula = formulaic.SimpleFormula(plain, _ordering="none")
        matrix = formula.get_model_matrix(frame, context=coded, na_action="ignore")
    place = {name: i for i, name in enumerate(factors)}
    names: list[str] = []
    plan: list[tuple[tuple[int, int], ...]] = []
    for _, scoped_terms, expected in matrix.model_spec.structure:
        found: dict[str, tuple[tuple[int, int], ...]] = {}
        for scoped in scoped_terms:
            coding = [_coding(f.factor.expr, factors, place, f.reduced) for f in reversed(scoped.factors)]
            for product in itertools.product(*coding):
                parts = product[::-1]
                found[":".join(name for name, _, _ in parts) or "Intercept"] = tuple((i, k) for _, i, k in parts)
        if list(found) != list(expected):
            raise RuntimeError("this version of formulaic lays out columns in another way")
        names += found
        plan += found.values()
    return names, plan


def _example(factors: Mapping[str, Expression | Levels]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """One column per factor: any numbers for an expression, all levels in turn for a factor with levels."""
    most = max((len(f.levels) for f in factors.values() if isinstance(f, Levels)), default=1)
    frame, coded = {}, {}
    for name, factor in factors.items():
        if isinstance(factor, Expression):
            frame[name] = pd.Series(np.zeros(most))
        else:
            codes = np.arange(most) % len(factor.levels)
            known: pd.Index[Any] = pd.Index(list(factor.levels))
            values = pd.Series(pd.Categorical.from_codes(codes, known))
            coded[name] = contrasts.C(values, contrasts.TreatmentContrasts(base=factor.reference))
    return pd.DataFrame(frame, index=range(most)), coded


def _coding(
    name: str, factors: Mapping[str, Expression | Levels], place: Mapping[str, int], reduced: bool
) -> list[tuple[str, int, int]]:
    """The columns of one factor: name, position of the factor, position of the level."""
    factor = factors[name]
    if isinstance(factor, Expression):
        return [(name, place[name], -1)]
    return [
        (f"{name}[{'T.' if reduced else ''}{level}]", place[name], k)
        for k, level in enumerate(factor.levels)
        if not (reduced and level == factor.reference)
    ]


def _bad(formula: str) -> BadInput:
    return BadInput(
        "bad-formula",
        Text(f"The formula '{formula[:200]}' cannot be read.", f"无法读懂公式“{formula[:200]}”。"),
        Text(
            "Write it as in R, for example 'y ~ age + C(sex)', with one outcome on the left.",
            "请按 R 的写法，例如“y ~ age + C(sex)”，左侧只写一个结局变量。",
        ),
    )


def _too_large() -> BadInput:
    return BadInput(
        "formula-too-large",
        Text(
            f"The formula has more than {MAX_COLUMNS} columns, or {MAX_CHARACTERS} characters.",
            f"公式超过 {MAX_COLUMNS} 列，或超过 {MAX_CHARACTERS} 个字符。",
        ),
        Text("Use fewer interactions, or columns with fewer levels.", "请减少交互项，或使用水平较少的列。"),
    )
