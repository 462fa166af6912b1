"""What an evaluation makes of its sums, whatever the model: bins of scores and inputs, and how far these have moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Schema
from huizhen.model.fitted import Distribution
from huizhen.model.result import Exposure, Path, Table
from huizhen.model.tally import Own
from huizhen.statistics import drift
from huizhen.statistics.columns import levels, positions
from huizhen.statistics.judged import Counts, Floats, Judge, Told, Whole

LEAST = drift.LEAST


@dataclass(frozen=True)
class Binned:
    """The score (no column, no name) or an input, and its bins in a reference where there is one."""

    name: str
    column: Column | None
    then: Distribution | None

    @property
    def by_level(self) -> bool:
        return self.column is not None and self.column.type == "category"

    @property
    def open(self) -> bool:
        """Whether the edges of its bins are yet to be found."""
        return not self.by_level and (self.then is None or self.then.edges is None)

    def edges(self) -> Floats:
        """Those of the reference; none for a category."""
        known = self.then.edges if self.then is not None and not self.by_level else None
        return np.array(known or (), dtype=np.float64)

    def places(self, values: npt.NDArray[Any], edges: Floats) -> Counts:
        """(rows,) the bin of each value; the last one for missing values and levels unknown."""
        if self.by_level:
            assert self.column is not None
            return positions(self.column, values)
        place = np.searchsorted(edges, values, side="right")
        return np.where(np.isnan(values), len(edges) + 1, place)

    def counts(self, values: npt.NDArray[Any], edges: Floats) -> Counts:
        """Rows by bin, missing values last; additive."""
        size = len(levels(self.column)) if self.by_level and self.column is not None else len(edges) + 1
        return np.bincount(self.places(values, edges), minlength=size + 1).astype(np.int64)


def own(whole: Whole, score: Binned, judge: Judge) -> Own:
    """One hospital's figures by themselves; only that hospital sees them, unless it says otherwise."""
    found, least = judge.figures(whole)
    if score.then is not None and score.then.edges is not None:
        now, then, _ = _moved(whole.sums["places "], score)
        found["psi"] = drift.stability_index(now, then)
    kept = {key: value for key, value in found.items() if value is not None and not key.endswith("_tolerance")}
    return Own(whole.n, least, kept)


def told(whole: Whole, binned: Sequence[Binned], reference: str | None, judge: Judge) -> Told:
    """What the result says, and what that rests on."""
    values: dict[str, Any] = {"n": whole.n, "left_out": whole.left}
    shown: list[Exposure] = [Table(("left_out",))]
    profile: dict[str, Any] = {"inputs": {}}
    moved: dict[str, Any] = {"reference": reference, "inputs": {}}
    for of, edges in zip(binned, whole.edges, strict=True):
        here: tuple[str, ...] = ("score",) if not of.name else ("inputs", of.name)
        counts, then, groups = _binned(whole, of, judge)
        _put(profile, here, {"counts": counts.tolist(), **_bins(of, edges, groups)})
        derived: tuple[Path, ...] = ()
        if reference is not None:
            _put(moved, here, _distance(counts, then, ordered=not of.by_level))
            derived = tuple(("drift", *here, k) for k in ("psi", "psi_chance", "ks", "ks_chance"))
        shown.append(Table(("profile", *here, "counts"), margins=((("n",), None),), derived=derived))
        if not of.name:
            more, rests = judge.told(whole, [[i for i in group if i <= len(edges)] for group in groups])
            values |= more
            shown += rests
    return values | {"profile": profile} | ({"drift": moved} if reference is not None else {}), tuple(shown)


def _binned(whole: Whole, of: Binned, judge: Judge) -> tuple[Counts, Counts, list[list[int]]]:
    """As `_moved`; neighbouring bins of the score are put together until each has LEAST rows of either outcome, so that
    none of its counts is small."""
    now, then, groups = _moved(whole.sums[f"places {of.name}"], of)
    outcomes = None if of.name else judge.rarer(whole)
    if outcomes is None:
        return now, then, groups
    least = np.append(np.stack(outcomes), [[0], [0]], axis=1)
    while True:
        shared = drift.groups([int(least[:, group].sum(axis=1).min()) for group in groups])
        if len(shared) == len(groups):
            return now, then, groups
        groups = [[i for k in part for i in groups[k]] for part in shared]
        now, then = drift.together(now, shared), drift.together(then, shared)


def _moved(counts: Counts, of: Binned) -> tuple[Counts, Counts, list[list[int]]]:
    """Counts now and in the reference by common bins, and which of the fine bins are in each; missing values are left
    out where there are none. What shared a bin in the reference shares one here. Of a category small levels are put
    together, of a number neighbours, until each bin has LEAST rows."""
    then, units = _before(of, len(counts))
    units = [unit for unit in units if unit != [len(counts) - 1] or counts[-1] or then[-1]]
    if of.by_level:
        units.sort(key=lambda unit: -int(counts[unit].sum()))
    shared = drift.groups([int(counts[unit].sum()) for unit in units])
    groups = [[i for k in group for i in units[k]] for group in shared]
    return drift.together(counts, groups), drift.together(then, groups), groups


def _before(of: Binned, size: int) -> tuple[Counts, list[list[int]]]:
    """The reference's counts by this study's fine bins, and those that hang together since they shared a bin there (of
    these the first has the count)."""
    then = np.zeros(size, dtype=np.int64)
    if of.then is None or not of.by_level or of.column is None:
        if of.then is not None:
            then[: len(of.then.counts)] = of.then.counts
        return then, [[i] for i in range(size)]
    place = {level: i for i, level in enumerate(levels(of.column))}
    units: list[list[int]] = []
    for count, held in zip(of.then.counts, of.then.levels or (), strict=True):
        unit = [place[level] for level in held if level in place] or [size - 1]
        then[unit[0]] += count
        units += [unit] if unit not in units else []
    alone = set(range(size)) - {i for unit in units for i in unit}
    return then, [*units, *([i] for i in sorted(alone))]


def _bins(of: Binned, edges: Floats, groups: Sequence[Sequence[int]]) -> dict[str, Any]:
    if of.by_level and of.column is not None:
        known = levels(of.column)
        return {"levels": [[known[i] for i in group if i < len(known)] for group in groups]}
    return {"edges": [float(edges[group[0] - 1]) for group in groups[1:] if group[0] <= len(edges)]}


def _distance(now: Counts, then: Counts, ordered: bool) -> dict[str, float | None]:
    """None where there are fewer than two bins, or nothing to compare with."""
    psi = drift.stability_index(now, then)
    if psi is None:
        return dict.fromkeys(("psi", "psi_chance", "ks", "ks_chance"))
    n, m = int(now.sum()), int(then.sum())
    gap = (drift.largest_gap(now, then), drift.gap_chance(n, m)) if ordered else (None, None)
    return {"psi": psi, "psi_chance": drift.stability_chance(len(now), n, m), "ks": gap[0], "ks_chance": gap[1]}


def _put(into: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        into = into[step]
    into[path[-1]] = value


# -- columns of another table


def recoded(values: npt.NDArray[Any], here: Column, there: Column) -> npt.NDArray[Any]:
    """Values of a column as those of the model's: a category by its place among its levels, unknown ones last."""
    if here.type != "category":
        return values
    place = {level: i for i, level in enumerate(levels(there))}
    known = np.array([*(place.get(level, len(place)) for level in levels(here)), len(place)], dtype=np.int32)
    at: npt.NDArray[Any] = np.where(values < 0, -1, known[np.minimum(values, len(known) - 1)]).astype(np.int32)
    return at


def present(values: npt.NDArray[Any], column: Column) -> npt.NDArray[np.bool_]:
    """(rows,) where there is a value, and one of the column's levels if these are listed."""
    if column.type == "category" or column.levels is not None:
        there: npt.NDArray[np.bool_] = positions(column, values) < len(levels(column))
        return there
    known: npt.NDArray[np.bool_] = ~np.isnan(values)
    return known


def check_alike(here: Column, there: Column) -> None:
    """Raises BadInput('column-of-another-type')."""
    kinds = {here.type, there.type}
    if len(kinds) > 1 and not kinds <= {"integer", "number"}:
        raise BadInput(
            "column-of-another-type",
            Text(
                f"Column '{here.name}' is {here.type} here; the model was fitted to {there.type}.",
                f"列“{here.name}”在此处的类型为 {here.type}，而模型拟合时为 {there.type}。",
            ),
            Text("Declare it in a schema file as the model has it.", "请在 schema 文件中按模型的类型声明。"),
        )


def check_outcome(here: Column, table: Schema, inputs: Sequence[str]) -> None:
    """Raises BadInput: 'outcome-among-inputs', 'outcome-levels-differ' (a category whose second level is another)."""
    if here.name in inputs:
        raise BadInput(
            "outcome-among-inputs",
            Text(f"The outcome {here.name} is an input of the model.", f"结局 {here.name} 是模型的输入列。"),
            Text("Name the column that says what came true.", "请指定记录实际结局的列。"),
        )
    there = table.column(here.name) if here.name in table.names() else None
    if here.type == "category" and there is not None and there.levels != here.levels:
        raise BadInput(
            "outcome-levels-differ",
            Text(
                f"The outcome {here.name} has other levels than where the model was fitted.",
                f"结局 {here.name} 的水平与模型拟合时不同。",
            ),
            Text("Declare its levels in the same order in a schema file.", "请在 schema 文件中按相同顺序声明其水平。"),
        )


def of_another_model() -> BadInput:
    return BadInput(
        "reference-of-another-model",
        Text("The reference is an evaluation of another model.", "reference 是另一模型的评估。"),
        Text("Name an evaluation of this model.", "请指定对本模型的评估。"),
    )


def no_rows() -> Unable:
    return Unable(
        "no-rows",
        Text("No row has both an outcome and a prediction.", "没有任何一行同时具有结局与预测值。"),
        Text("Widen the cohort, or use columns with fewer missing values.", "请放宽队列条件，或使用缺失较少的列。"),
    )
