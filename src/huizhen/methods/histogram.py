"""How the values of one column are spread: counts in bins that the asker chooses, or by level."""

from __future__ import annotations

from typing import Annotated, cast

import numpy as np
from pydantic import Field

from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Level, Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, State
from huizhen.model.partial import Partial
from huizhen.model.result import Result, Table
from huizhen.statistics.columns import check_inside, is_levelled, is_numeric, levels, positions, usable

Finite = Annotated[float, Field(allow_inf_nan=False)]
MAX_BINS = 1000


class Params(Document):
    column: str
    bins: Annotated[int, Field(ge=1, le=MAX_BINS)] | None = None
    """How many bins of equal width between the two ends of `range`; 10 when not given."""
    range: tuple[Finite, Finite] | None = None
    edges: Annotated[tuple[Finite, ...], Field(min_length=2, max_length=MAX_BINS + 1)] | None = None
    """Ascending edges, instead of `bins` and `range`."""


class Histogram(Method):
    """Values for a column of numbers: column, edges, counts, n. For a column with levels, when neither range nor edges
    are given: column, levels, counts, n.

    counts[i] are the rows from edges[i] to just below edges[i + 1], the last finite edge belonging to the bin that it
    ends, as in numpy.histogram. The first and the last edge are None: these two bins are open and hold all that lies
    below and above, so that nobody is lost. Edges are never taken from the data, since the smallest and the largest
    value are those of single persons.
    """

    name = "histogram"
    Params = Params
    yields = "statistics"
    summary = Text(
        "Counts of one column in bins you choose, or for each of its levels.",
        "按您指定的区间统计一列的频数，或按其取值水平统计。",
    )
    reveals = Text(
        "The number of rows of all hospitals together in each bin or level.",
        "所有医院合计的、每个区间或取值水平内的行数。",
    )
    private = "tables"

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        asked = cast(Params, params)
        self.column = usable(schema, asked.column)
        self.levels: tuple[Level, ...] = ()
        self.edges: np.ndarray[tuple[int], np.dtype[np.float64]] = np.empty(0)
        if asked.range is None and asked.edges is None and asked.bins is None and is_levelled(self.column):
            self.levels = levels(self.column)
        elif is_numeric(self.column):
            self.edges = _edges(asked)
        else:
            raise BadInput(
                "no-bins-for-levels",
                Text(f"Column '{asked.column}' has levels, not numbers.", f"列“{asked.column}”是分类列，不是数值列。"),
                Text("Leave out bins, range and edges.", "请不要指定 bins、range 和 edges。"),
            )

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column.name,)

    def partial(self, batch: Batch, state: State) -> Partial:  # noqa: ARG002
        values = batch[self.column.name]
        if self.levels:
            return Partial({"counts": np.bincount(positions(self.column, values), minlength=len(self.levels) + 1)})
        place = np.searchsorted(self.edges, values, side="right")
        place[values == self.edges[-1]] -= 1
        return Partial({"counts": np.bincount(place, minlength=len(self.edges) + 1)})

    def combine(self, total: Partial, state: State) -> Done:  # noqa: ARG002
        counts = [int(c) for c in total["counts"]]
        if self.levels:
            check_inside(counts.pop(), self.columns)
            bins: dict[str, list[float | None] | list[Level]] = {"levels": list(self.levels)}
        else:
            bins = {"edges": [None, *self.edges.tolist(), None]}
        values = {"column": self.column.name, **bins, "counts": counts, "n": sum(counts)}
        return Done(Result(values, (Table(("counts",), margins=((("n",), None),)),)))


def _edges(asked: Params) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    if asked.edges is not None and (asked.bins is not None or asked.range is not None):
        raise BadInput(
            "edges-or-bins",
            Text("Both edges and bins or range are given.", "同时指定了 edges 与 bins 或 range。"),
            Text("Give either edges, or range with bins.", "请只指定 edges，或指定 range 与 bins。"),
        )
    if asked.edges is not None:
        edges = np.array(asked.edges)
    elif asked.range is not None:
        edges = np.linspace(*asked.range, (asked.bins or 10) + 1)
    else:
        raise BadInput(
            "no-range",
            Text(
                "A histogram of numbers needs a range or edges; the smallest and the largest value are not looked up, "
                "since each is one person's.",
                "数值列的直方图需要给出 range 或 edges；系统不查询最小值和最大值，因为它们各属于某一个人。",
            ),
            Text(
                "Give for example range: [0, 100] and bins: 20; 'describe' shows quantiles to choose them by.",
                "例如给出 range: [0, 100] 与 bins: 20；可先用 describe 查看分位数再决定。",
            ),
        )
    if not (np.diff(edges) > 0).all():
        raise BadInput(
            "edges-not-ascending",
            Text("The edges do not ascend.", "区间端点不是递增的。"),
            Text("Give each edge once, the smaller first.", "请从小到大给出端点，且不要重复。"),
        )
    return edges


METHOD = Histogram
