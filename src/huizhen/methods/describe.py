"""Each column by itself: rows, missing values, mean, standard deviation and quantiles, or counts of its levels."""

from __future__ import annotations

from typing import Annotated, Any, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.document import Document
from huizhen.model.method import FINITE, Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Exposure, Result, Statistic, Table
from huizhen.statistics import moments, order, quantile
from huizhen.statistics.columns import check_different, check_inside, levels, positions, usable
from huizhen.statistics.moments import Moments

CHILDREN = 1 << 12
"""Counts that a round asks for, per column, on its way to the quantiles."""


class Params(Document):
    columns: tuple[str, ...]
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = (0.25, 0.5, 0.75)


class Describe(Method):
    """Values: rows; columns, by name: type, unit, n, missing, and for numbers and dates mean, sd and quantiles (a list
    of p and value), for categories and booleans levels and counts, with a last level None where values are missing.

    sd divides by n - 1; quantiles interpolate linearly (type 7 of R, the default of numpy); None where there are too
    few rows to have one. Dates are days since 1970-01-01. Smallest and largest value are not given: each is one
    person's.
    """

    name = "describe"
    Params = Params
    yields = "statistics"
    summary = Text(
        "For each column: rows, missing values, mean, standard deviation and quantiles, or counts of its levels.",
        "逐列描述：行数、缺失数、均值、标准差和分位数；分类列给出各取值水平的频数。",
    )
    reveals = Text(
        "For all hospitals together: rows and missing values of each column, sums and sums of squares, how many values "
        "are of which size, counts in ever narrower intervals around each quantile, and counts of levels.",
        "所有医院合计的：各列的行数与缺失数、总和与平方和、各数量级的个数、各分位数附近逐步收窄的区间频数，"
        "以及各取值水平的频数。",
    )
    complete_cases = False
    max_rounds = 140
    largest = FINITE

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        asked = cast(Params, params)
        check_different(asked.columns, "columns")
        chosen = [usable(schema, name) for name in asked.columns]
        self.numbers = [c for c in chosen if c.type in ("integer", "number", "date")]
        self.levelled = [c for c in chosen if c.type in ("category", "boolean")]
        self.p = np.array(asked.quantiles)

    @property
    def columns(self) -> tuple[str, ...]:
        return cast(Params, self.params).columns

    def start(self) -> State:
        return {"moments": moments.start(len(self.numbers)), "trees": [order.root() for _ in self.numbers], "ranks": []}

    def partial(self, batch: Batch, state: State) -> Partial:
        fields: dict[str, npt.NDArray[Any]] = {"rows": np.asarray(batch.rows)}
        for c in self.levelled:
            values = batch[c.name]
            missing = values < 0 if c.type == "category" else np.isnan(values)
            counts = np.bincount(positions(c, values[~missing]), minlength=len(levels(c)) + 1)
            fields[f"levels {c.name}"] = np.append(counts, missing.sum())
        values = self._numbers(batch)
        if not _known(state):
            sums = moments.partial(values, state["moments"])
            fields |= {f"moments {name}": array for name, array in sums.items()}
        for c, column, tree in zip(self.numbers, values, state["trees"], strict=True):
            if tree["open"]:
                known = column[~np.isnan(column)]
                fields[f"order {c.name}"] = order.counts(order.image(known), tree)
        return Partial(fields)

    def combine(self, total: Partial, state: State) -> Next | Done:
        ranks = state["ranks"]
        spread = state["moments"]
        if not _known(state):
            sums = {name[8:]: array for name, array in total.fields.items() if name.startswith("moments ")}
            ranks = ranks or [quantile.ranks(int(n), self.p) for n in sums["n"]]
            spread = _plain(moments.refine(sums, spread))
        trees = [
            order.refine(total[f"order {c.name}"], tree, CHILDREN, rank) if tree["open"] else tree
            for c, tree, rank in zip(self.numbers, state["trees"], ranks, strict=True)
        ]
        state = {"moments": spread, "trees": trees, "ranks": ranks}
        busy = sum(tree["open"] > 0 for tree in trees)
        if busy or not _known(state):
            return Next(state, Text(f"quantiles left to find: {busy} columns", f"待确定分位数：{busy} 列"))
        return Done(self._result(total, state))

    def _numbers(self, batch: Batch) -> npt.NDArray[np.float64]:
        return np.array([batch[c.name] for c in self.numbers], dtype=np.float64).reshape(len(self.numbers), batch.rows)

    def _result(self, total: Partial, state: State) -> Result:
        rows = int(total["rows"])
        columns: dict[str, Any] = {}
        exposures: list[Exposure] = [Table(("rows",))]
        for i, c in enumerate(self.numbers):
            columns[c.name], shown = self._number(c, rows, i, state)
            exposures += shown
        for c in self.levelled:
            columns[c.name], shown = _levelled(c, rows, total[f"levels {c.name}"])
            exposures += shown
        return Result({"rows": rows, "columns": {n: columns[n] for n in self.columns}}, tuple(exposures))

    def _number(self, c: Column, rows: int, i: int, state: State) -> tuple[dict[str, Any], list[Exposure]]:
        spread = state["moments"]
        n = int(spread["n"][i])
        here = ("columns", c.name)
        ranks = state["ranks"][i]
        at = order.at_rank(state["trees"][i], ranks)
        quantiles = [
            {"p": float(p), "value": _figure(quantile.interpolate(n, p, ranks, at)) if n else None} for p in self.p
        ]
        value = {
            "type": c.type,
            "unit": "days since 1970-01-01" if c.type == "date" else c.unit,
            "n": n,
            "missing": rows - n,
            "mean": _figure(spread["mean"][i]),
            "sd": _figure(spread["sd"][i]),
            "quantiles": quantiles,
        }
        shown: list[Exposure] = [
            *_filled(here, rows - n),
            Statistic(((*here, "mean"), (*here, "sd")), n, _figure(spread["dominance"][i])),
        ]
        for k, p in enumerate(self.p):
            people = quantile.thinner_side(n, p) if n else 0
            shown.append(Statistic(((*here, "quantiles", k, "value"),), people))
        return value, shown


def _levelled(c: Column, rows: int, counts: npt.NDArray[np.int64]) -> tuple[dict[str, Any], list[Exposure]]:
    check_inside(int(counts[-2]), [c.name])
    missing = int(counts[-1])
    here = ("columns", c.name)
    value = {
        "type": c.type,
        "unit": c.unit,
        "n": rows - missing,
        "missing": missing,
        "levels": [*levels(c), None] if missing else list(levels(c)),
        "counts": [*counts[:-2].tolist(), missing] if missing else counts[:-2].tolist(),
    }
    total = ((("rows",), None),)
    return value, [Table((*here, "counts"), total, ((*here, "n"), (*here, "missing")))]


def _filled(here: tuple[str, ...], missing: int) -> list[Exposure]:
    """n and missing sum to the rows, which are known: when one is too small to show, both are hidden."""
    n, gaps = (*here, "n"), (*here, "missing")
    return [Table(n, derived=(gaps,)), *([Table(gaps, derived=(n,))] if missing else [])]


def _known(state: State) -> bool:
    """Whether means and spreads are final."""
    return "shift" not in state["moments"]


def _plain(spread: State | Moments) -> State:
    """Final moments as a state that travels."""
    if isinstance(spread, Moments):
        return {"n": spread.n, "mean": spread.mean, "sd": spread.sd(), "dominance": spread.dominance()}
    return spread


def _figure(x: float | np.float64) -> float | None:
    return float(x) if np.isfinite(x) else None


METHOD = Describe
