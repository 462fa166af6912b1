"""How many rows are in the cohort, altogether or by the levels of one column."""

from __future__ import annotations

from typing import cast

import numpy as np

from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, State
from huizhen.model.partial import Partial
from huizhen.model.result import Result, Table
from huizhen.statistics.columns import check_inside, levelled, levels, positions


class Params(Document):
    by: str | None = None
    """A column with levels; None: one number for all."""


class Count(Method):
    """Values: n; with `by` also by, levels and counts, one count for each level of the schema, zeros included."""

    name = "count"
    Params = Params
    yields = "statistics"
    summary = Text(
        "How many rows are in the cohort, altogether or for each level of one column.",
        "统计队列中的行数，可给出总数，也可按某一列的取值水平分别计数。",
    )
    reveals = Text(
        "The number of rows of all hospitals together; with 'by', for each level.",
        "所有医院合计的行数；若指定“by”，则为各取值水平的合计行数。",
    )
    private = "tables"

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        by = cast(Params, params).by
        self.by = None if by is None else levelled(schema, by)

    @property
    def columns(self) -> tuple[str, ...]:
        return () if self.by is None else (self.by.name,)

    def partial(self, batch: Batch, state: State) -> Partial:  # noqa: ARG002
        if self.by is None:
            return Partial({"n": np.asarray(batch.rows)})
        places = positions(self.by, batch[self.by.name])
        return Partial({"counts": np.bincount(places, minlength=len(levels(self.by)) + 1)})

    def combine(self, total: Partial, state: State) -> Done:  # noqa: ARG002
        if self.by is None:
            return Done(Result({"n": int(total["n"])}, (Table(("n",)),)))
        check_inside(int(total["counts"][-1]), self.columns)
        counts = [int(c) for c in total["counts"][:-1]]
        values = {"n": sum(counts), "by": self.by.name, "levels": list(levels(self.by)), "counts": counts}
        return Done(Result(values, (Table(("counts",), margins=((("n",), None),)),)))


METHOD = Count
