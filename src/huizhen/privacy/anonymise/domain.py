"""Everything a column can hold, known before any row is read, as codes in a hierarchy: the same at every hospital."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.canonical import digest
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from huizhen.model.agreed_rule import Recoded
from huizhen.model.dataset import Column
from huizhen.privacy.anonymise import vocabulary
from huizhen.privacy.anonymise.hierarchy import Hierarchy, build, date, in_order, interval, prefix, table

Codes = npt.NDArray[np.int32]
Whole = npt.NDArray[np.int64]
OTHER = "(other)"
"""The label of all values that a hierarchy does not know, directly below the root."""
MOST = 100_000
"""Values of a column at most."""
_DAY = np.datetime64("1970-01-01")


class Domain:
    """The hierarchy of one column of an agreed dataset, and what walks down it; a missing value is the empty label.

    By node: `level`, `low` and `high` (codes it covers), `first` (its first child; the others follow) and `children`
    (how many, 0 for a value).
    """

    def __init__(self, column: Column, how: Recoded, edges: Sequence[float] = ()) -> None:
        """Raises BadInput where the column cannot be made coarser so."""
        self.column, self.how = column, how
        self.edges = np.asarray(edges, np.float64)
        self._start = 0
        known = self._known()
        last = known.node.shape[1]
        label = np.array(known.label, object)
        paths = [tuple(p) for p in label[known.node[1:].T].tolist()] if len(known.node) > 1 else [("*",)] * last
        self.hierarchy: Hierarchy = build([*paths, ("",), (OTHER,)], order=range(last + 2))
        self._code = np.append(known.code, [last, last + 1]).astype(np.int32)
        node = self.hierarchy.node
        count = len(self.hierarchy.label)
        self.level, self.low, self.high = (np.zeros(count, np.int64) for _ in range(3))
        self.first, self.children = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for level, line in enumerate(node):
            begins = np.flatnonzero(np.diff(line, prepend=-1))
            self.level[line] = level
            self.low[line[begins]] = begins
            self.high[line[begins]] = np.append(begins[1:], len(line)) - 1
            if level + 1 < len(node):
                self.first[line[begins]] = node[level + 1][begins]
                self.children[line] = node[level + 1][self.high[line]] - self.first[line] + 1

    @cached_property
    def sha256(self) -> str:
        """Of labels and tree, in the order of the codes."""
        return digest({"label": list(self.hierarchy.label), "node": self.hierarchy.node.tolist()})

    def codes(self, values: npt.NDArray[Any]) -> Codes:
        """(rows,) of a column as a Batch has it."""
        missing, other = len(self._code) - 2, len(self._code) - 1
        if self.column.type == "category":
            place = np.where(values < 0, missing, np.where(values >= missing, other, values)).astype(np.int64)
            return self._code[place]
        gaps = np.isnan(values)
        if self.how.by == "quantile":
            place = np.searchsorted(self.edges, np.where(gaps, 0.0, values), side="right")
        else:
            place = self._place(np.where(gaps, np.inf, values), other)
        return self._code[np.where(gaps, missing, place)]

    def child(self, node: Whole, codes: Codes) -> Whole:
        """Which child of its node each code is below, as a place among the children; outside them for other codes."""
        below = np.minimum(self.level[node] + 1, len(self.hierarchy.node) - 1)
        found: Whole = self.hierarchy.node[below, codes] - self.first[node]
        return found

    def tight(self, node: int) -> int:
        """The node itself, or as far below it as there is only one child."""
        while self.children[node] == 1:
            node = int(self.first[node])
        return node

    def _place(self, values: npt.NDArray[np.float64], other: int) -> Whole:
        """The place of numbers among the values that are known."""
        if self.column.levels and self.how.range is None:
            numbers = np.asarray(self.column.levels, np.float64)
            order = np.argsort(numbers)
            found = order[np.minimum(np.searchsorted(numbers[order], values), len(numbers) - 1)]
            return np.where(numbers[found] == values, found, other).astype(np.int64)
        start = 0 if self.column.type == "boolean" else self._start
        inside = (values >= start) & (values < start + other - 1) & (values == np.floor(values))
        return np.where(inside, np.where(inside, values, start) - start, other).astype(np.int64)

    def _known(self) -> Hierarchy:
        """Of the values that can be there, in the order of their places."""
        how, column = self.how, self.column
        if how.by == "quantile":
            if column.type not in ("integer", "number") or not how.parts:
                raise _unfit(column.name, how)
            return _parts(self.edges, how.parts)
        if how.by in ("interval", "date") and how.range is not None:
            return self._between(*how.range)
        if column.type == "boolean":
            values = ["false", "true"]
        elif column.type in ("category", "integer") and column.levels:
            values = list(map(str, column.levels))
        else:
            raise _unfit(column.name, how)
        _check_size(column.name, len(values))
        simple = {**vocabulary.BUILDERS, "flat": in_order}
        if how.by in simple:
            return simple[how.by](values)
        if how.by == "prefix" and how.lengths:
            return prefix(values, how.lengths)
        if how.by == "interval" and how.widths:
            return interval(values, how.widths, column.name)
        if how.by == "file" and how.rows:
            return table(values, how.rows, column.name)
        raise _unfit(column.name, how)

    def _between(self, low: int, high: int) -> Hierarchy:
        name, how = self.column.name, self.how
        if low > high:
            raise BadInput(
                "range-upside-down",
                Text(f"Column '{name}': the range ends before it begins.", f"列“{name}”：范围的终点早于起点。"),
                Text("Give the smaller one first.", "请先给出较小者。"),
            )
        if how.by == "interval" and self.column.type == "integer" and how.widths:
            _check_size(name, high - low + 1)
            self._start = low
            return interval([str(v) for v in range(low, high + 1)], how.widths, name)
        if how.by == "date" and self.column.type == "date" and low >= 1 and high <= 9999:
            _check_size(name, 366 * (high - low + 1))
            first, last = np.datetime64(f"{low:04}-01-01"), np.datetime64(f"{high:04}-12-31")
            self._start = int((first - _DAY).astype(int))
            return date([str(d) for d in np.arange(first, last + 1)], name)
        raise _unfit(name, how)


@lru_cache(maxsize=256)
def domain(column: Column, how: Recoded, edges: tuple[float, ...] = ()) -> Domain:
    """The domain of a column, made once. Raises as `Domain` does."""
    return Domain(column, how, edges)


def _parts(edges: npt.NDArray[np.float64], parts: Sequence[int]) -> Hierarchy:
    """Bins, and those in larger parts of about equally many bins."""
    bins = len(edges) + 1
    ends = [None, *(float(e) for e in edges), None]
    levels = [p for p in sorted(set(parts)) if p < bins] + [bins]
    paths = []
    for i in range(bins):
        path = []
        for p in levels:
            part = i * p // bins
            path.append(_named(ends[-(-part * bins // p)], ends[-(-(part + 1) * bins // p)]))
        paths.append(tuple(path))
    return build(paths, order=range(bins))


def _named(low: float | None, high: float | None) -> str:
    if low is None:
        return "any number" if high is None else f"<{high:.15g}"
    return f">={low:.15g}" if high is None else f"{low:.15g}..<{high:.15g}"


def _check_size(name: str, size: int) -> None:
    if size > MOST:
        raise BadInput(
            "domain-too-large",
            Text(f"Column '{name}' can hold more than {MOST:,} values.", f"列“{name}”可能的取值超过 {MOST:,} 个。"),
            Text("Give a narrower range, or take `quantile`.", "请缩小范围，或改用 quantile。"),
        )


def _unfit(name: str, how: Recoded) -> BadInput:
    return BadInput(
        "generalisation-unfit",
        Text(f"Column '{name}' cannot be made coarser by '{how.in_words}'.", f"列“{name}”不能按“{how.in_words}”概括。"),
        Text(
            "Columns with levels take flat, prefix with lengths, icd10, division, ethnic, education, occupation, or "
            "file with rows; whole numbers interval with widths and range; numbers quantile with parts; dates date "
            "with range.",
            "有取值水平的列可用 flat、prefix（须给 lengths）、icd10、division、ethnic、education、occupation 或 "
            "file（须给 rows）；整数可用 interval（须给 widths 与 range）；数值可用 quantile（须给 parts）；"
            "日期可用 date（须给 range）。",
        ),
    )
