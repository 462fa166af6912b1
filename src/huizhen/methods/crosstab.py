"""Two columns against each other: counts, margins, Pearson's chi-square and Cramér's V."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from huizhen.kit.later import later
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, State
from huizhen.model.partial import Partial
from huizhen.model.result import Result, Table
from huizhen.statistics.columns import check_different, check_inside, levelled, levels, positions

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")


class Params(Document):
    row: str
    col: str


class Crosstab(Method):
    """Values: row, col, row_levels, col_levels, table, row_totals, col_totals, n, expected, chi2, dof, p, cramers_v.

    Chi-square is Pearson's without continuity correction. Rows and columns of which there is nobody take no part in
    the test; with fewer than two of either left there is no test, and its values are None.
    """

    name = "crosstab"
    Params = Params
    yields = "statistics"
    summary = Text(
        "Counts of two columns against each other, with totals, expected counts, chi-square test and Cramér's V.",
        "两列的交叉计数表，附合计、期望频数、卡方检验和克莱姆 V 系数。",
    )
    reveals = Text(
        "The number of rows of all hospitals together for each pair of levels.",
        "所有医院合计的、每一对取值水平组合的行数。",
    )
    private = "tables"

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        asked = cast(Params, params)
        check_different([asked.row, asked.col], "row, col")
        self.row, self.col = levelled(schema, asked.row), levelled(schema, asked.col)
        self.shape = (len(levels(self.row)), len(levels(self.col)))

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.row.name, self.col.name)

    def partial(self, batch: Batch, state: State) -> Partial:  # noqa: ARG002
        rows, cols = (positions(c, batch[c.name]) for c in (self.row, self.col))
        inside = (rows < self.shape[0]) & (cols < self.shape[1])
        cells = rows[inside] * self.shape[1] + cols[inside]
        table = np.bincount(cells, minlength=self.shape[0] * self.shape[1]).reshape(self.shape)
        return Partial({"table": table, "outside": np.asarray(batch.rows - inside.sum())})

    def combine(self, total: Partial, state: State) -> Done:  # noqa: ARG002
        check_inside(int(total["outside"]), self.columns)
        table = total["table"]
        values = {
            "row": self.row.name,
            "col": self.col.name,
            "row_levels": list(levels(self.row)),
            "col_levels": list(levels(self.col)),
            "table": table.tolist(),
            "row_totals": table.sum(axis=1).tolist(),
            "col_totals": table.sum(axis=0).tolist(),
            "n": int(table.sum()),
            **independence(table),
        }
        derived: tuple[tuple[str], ...] = (("expected",), ("chi2",), ("dof",), ("p",), ("cramers_v",))
        margins = ((("row_totals",), 0), (("col_totals",), 1), (("n",), None))
        return Done(Result(values, (Table(("table",), margins, derived),)))


def independence(table: npt.NDArray[np.int64]) -> dict[str, Any]:
    """Pearson's test that rows and columns of a table of counts are independent, and Cramér's V.

    table: (rows, cols). Returns expected (None where nobody is), chi2, dof, p and cramers_v.
    Source: K. Pearson, Philosophical Magazine 50 (1900); H. Cramér, Mathematical Methods of Statistics (1946), 21.9.
    """
    n = table.sum()
    rows, cols = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(rows, cols) / max(n, 1)
    seen = table[np.ix_(rows > 0, cols > 0)]
    dof = (max(seen.shape[0], 1) - 1) * (max(seen.shape[1], 1) - 1)
    if dof == 0:
        return {"expected": expected.tolist(), "chi2": None, "dof": 0, "p": None, "cramers_v": None}
    fit = expected[np.ix_(rows > 0, cols > 0)]
    statistic = float(((seen - fit) ** 2 / fit).sum())
    strength = float(np.sqrt(statistic / (n * (min(seen.shape) - 1))))
    return {
        "expected": expected.tolist(),
        "chi2": statistic,
        "dof": dof,
        "p": float(special.chdtrc(dof, statistic)),
        "cramers_v": strength,
    }


METHOD = Crosstab
