"""SQL for a warehouse, written here from checked names and values: a column of the warehouse as the schema means it.

What `intake.conform` does to a file before its rows are kept is done here in the query, since nothing is kept: blanks
are cut off, codes for missing values become NULL, and so do NaN and infinity. No value of a row can make a query fail,
so that an error says nothing about a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from huizhen.intake.values import BLANKS
from huizhen.kit.later import later
from huizhen.model.dataset import Column, ColumnType

if TYPE_CHECKING:
    import sqlglot
    from sqlglot import exp
else:
    sqlglot, exp = later("sqlglot"), later("sqlglot.expressions")

Kind = Literal["integer", "float", "decimal", "boolean", "date", "text"]
"""What the engine holds. A decimal has any precision; times and other single values are read as their text."""
READS: dict[Kind, frozenset[ColumnType]] = {
    "integer": frozenset({"integer", "number", "boolean", "category", "text"}),
    "float": frozenset({"integer", "number", "text"}),
    "decimal": frozenset({"integer", "number", "text"}),
    "boolean": frozenset({"boolean", "category", "text"}),
    "date": frozenset({"date", "category", "text"}),
    "text": frozenset({"category", "text"}),
}
"""What a column of each kind can be in a schema; a warehouse is taken at its word, and text is not read as numbers."""
_LARGEST, _SMALLEST = "1.7976931348623157e308", "1e-307"
Code = int | float | str


@dataclass(frozen=True)
class Dialect:
    """How an engine writes what is not the same everywhere. `name` is sqlglot's."""

    name: str
    real: str
    text: str
    collation: str
    """After a text that is compared, so that only the same characters are the same."""
    rows: str = ""
    """The name under which the warehouse's own table is queried, where its columns stand beside others."""

    def quote(self, name: str) -> str:
        return exp.to_identifier(name, quoted=True).sql(self.name)

    def literal(self, text: str) -> str:
        return exp.Literal.string(text).sql(self.name)

    def raw(self, name: str, kind: Kind) -> str:
        """The column as it stands: bigint, double, boolean, date or text; NULL for what is no number or no day."""
        column = f"{self.rows}.{self.quote(name)}" if self.rows else self.quote(name)
        if kind == "integer":
            return f"CAST({column} AS BIGINT)"
        if kind in ("float", "decimal"):
            return self._number(column, kind)
        if kind == "date":
            first, last = (f"CAST({self.literal(day)} AS DATE)" for day in ("0001-01-01", "9999-12-31"))
            return f"CASE WHEN {column} BETWEEN {first} AND {last} THEN {column} END"
        return column if kind == "boolean" else f"CAST({column} AS {self.text}){self.collation}"

    def _number(self, column: str, kind: Kind) -> str:
        """Comparing comes before casting: a decimal too large or too small for a double would fail."""
        if kind == "float":
            real = f"CAST({column} AS {self.real})"
            return f"CASE WHEN {real} BETWEEN -{_LARGEST} AND {_LARGEST} THEN {real} END"
        tiny = f"{column} BETWEEN -{_SMALLEST} AND {_SMALLEST}"
        fits = f"{column} BETWEEN -{_LARGEST} AND {_LARGEST}"
        zero, real = f"CAST(0 AS {self.real})", f"CAST({column} AS {self.real})"
        return f"CASE WHEN {tiny} THEN {zero} WHEN {fits} THEN {real} END"

    def typed(self, name: str, kind: Kind, column: Column, codes: Sequence[Code]) -> str:
        """The column `name` of the warehouse as the schema's `column` says; `codes` are those of this hospital.

        NULL throughout where the engine's kind cannot be read as that type: such a column was empty when it was added.
        """
        wanted = column.type
        if wanted not in READS[kind]:
            return f"CAST(NULL AS {self._type(wanted)})"
        if wanted in ("integer", "number"):
            value = self.raw(name, kind)
            if wanted == "number" and kind == "integer":
                value = f"CAST({value} AS {self.real})"
            return self._without(value, [str(c) for c in codes if not isinstance(c, str)])
        if wanted == "boolean":
            if kind == "boolean":
                return self.raw(name, kind)
            return f"CASE {self.raw(name, kind)} WHEN 1 THEN TRUE WHEN 0 THEN FALSE END"
        if wanted == "date":
            return self.raw(name, kind)
        words = self._words(name, kind)
        for code in ("", *codes):
            words = f"NULLIF({words}, {self.literal(str(code))})"
        return words

    def _words(self, name: str, kind: Kind) -> str:
        raw = self.raw(name, kind)
        if kind == "text":
            return f"TRIM(BOTH {self.literal(BLANKS)} FROM {raw}){self.collation}"
        if kind == "boolean":
            return f"CASE WHEN {raw} THEN 'true' WHEN NOT {raw} THEN 'false' END"
        return f"CAST({raw} AS {self.text}){self.collation}"

    def _without(self, value: str, codes: Sequence[str]) -> str:
        return f"CASE WHEN {value} NOT IN ({', '.join(codes)}) THEN {value} END" if codes else value

    def _type(self, wanted: ColumnType) -> str:
        types = {"integer": "BIGINT", "number": self.real, "boolean": "BOOLEAN", "date": "DATE"}
        return types.get(wanted, self.text)

    def cohort(self, sql: str) -> str:
        """A cohort as `intake.cohort` rendered it, in this dialect: from its tree, never from its text."""
        return condition(sql).sql(self.name, identify=True)


def condition(sql: str) -> exp.Expr:
    """The tree of a cohort, in which every number that is not whole is a double, not a decimal."""

    def doubled(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Literal) and not node.is_string and not str(node.this).isdigit():
            return exp.cast(node, "double")
        return node

    return sqlglot.parse_one(sql, read="duckdb").transform(doubled)


def columns_of(sql: str | None) -> Iterable[str]:
    """The columns that a cohort reads."""
    return () if sql is None else dict.fromkeys(c.name for c in condition(sql).find_all(exp.Column))


def calculates(sql: str | None) -> bool:
    """Whether a cohort adds, subtracts, multiplies or divides: there an engine may fail where DuckDB does not."""
    return sql is not None and condition(sql).find(exp.Add, exp.Sub, exp.Mul, exp.Div) is not None


POSTGRESQL = Dialect("postgres", "DOUBLE PRECISION", "TEXT", ' COLLATE "C"', "__read")
SPARK = Dialect("spark", "DOUBLE", "STRING", "")
