"""The left side of a formula: an expression, or a category with two levels of which the second is modelled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.dataset import Schema
from huizhen.statistics import columns, expression
from huizhen.statistics.expression import Expression, Rows, Spreads
from huizhen.statistics.family import Family

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Outcome:
    """`name` as reports show it: with the level that is modelled, for a category."""

    name: str
    columns: tuple[str, ...]
    expression: Expression | None
    """None: the category in the one column, 1 where it has its second level."""

    def __call__(self, rows: Rows, spreads: Spreads) -> Floats:
        """(rows,) float64."""
        if self.expression is not None:
            return self.expression(rows, spreads)
        return np.asarray(rows[self.columns[0]], dtype=np.float64)  # of two levels, positions 0 and 1

    def check(self, family: Family, impossible: int, constant: bool) -> None:
        """Raises Unable: 'outcome-out-of-range', 'constant-outcome'; BadInput: 'value-outside-levels'."""
        if self.expression is None:
            columns.check_inside(impossible, self.columns)
        if impossible and family == "binomial":
            raise Unable("outcome-out-of-range", *_range(self.name, "0 and 1", "0 和 1"))
        if impossible:
            raise Unable("outcome-out-of-range", *_range(self.name, "0, 1, 2, and so on", "0、1、2 等非负整数"))
        if constant:
            raise Unable(
                "constant-outcome",
                Text(f"The outcome {self.name} is the same in every row.", f"结局 {self.name} 在每一行都相同。"),
                Text("Widen the cohort, or choose another outcome.", "请放宽队列条件，或更换结局变量。"),
            )


def read(left: str | None, schema: Schema, family: Family) -> Outcome:
    """The outcome that `design.read` found. Raises BadInput: 'no-outcome', 'outcome-not-binary', and as
    `expression.read` does."""
    if left is None:
        raise BadInput(
            "no-outcome",
            Text("The formula names no outcome.", "公式没有写结局变量。"),
            Text("Write it on the left, for example 'y ~ age + sex'.", "请写在左侧，例如“y ~ age + sex”。"),
        )
    if left.startswith("`"):
        column = columns.usable(schema, left.strip("`"))
        levels = columns.levels(column)
        if column.type == "category" and family == "binomial" and len(levels) == 2:
            return Outcome(f"{column.name}[{levels[1]}]", (column.name,), None)
        coded = column.type == "integer" and column.levels is not None and not set(levels) <= {0, 1}
        if family == "binomial" and (column.type == "category" or coded):
            raise BadInput("outcome-not-binary", *_range(column.name, "0 and 1, or two levels", "0 和 1，或两个水平"))
    read = expression.read(left, schema)
    return Outcome(left.strip("`"), read.columns, read)


def _range(name: str, en: str, zh: str) -> tuple[Text, Text]:
    return (
        Text(f"The outcome {name} holds more than {en}.", f"结局 {name} 的取值不限于 {zh}。"),
        Text(
            f"Choose an outcome of {en}, or write a comparison such as I({name} == 1) on the left.",
            f"请选择取值为 {zh} 的结局，或在左侧写比较式，如 I({name} == 1)。",
        ),
    )
