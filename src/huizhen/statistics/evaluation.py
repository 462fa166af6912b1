"""What an evaluation makes of its sums: figures of a model on other rows, their bins, and how far these have moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Schema
from huizhen.model.fitted import Distribution
from huizhen.model.method import State
from huizhen.model.result import Exposure, Path, Statistic, Table
from huizhen.model.tally import Own
from huizhen.statistics import drift, ranking
from huizhen.statistics.columns import levels, positions
from huizhen.statistics.moments import Moments

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
LEAST = drift.LEAST
_CONSTANT = 1e-12


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


@dataclass(frozen=True)
class Whole:
    """The sums of the last pass, over all hospitals or over one."""

    binary: bool
    n: int
    left: int
    sums: Mapping[str, npt.NDArray[Any]]
    state: State


def line(found: Moments) -> State:
    """Of a number, from moments of outcome, prediction and error: the calibration line and the scale of the outcome."""
    centre, unit = float(found.mean[0]), float(found.sd()[0])
    products = found.products * np.outer(found.scale, found.scale)
    flat = not products[1, 1] > _CONSTANT * max(products[0, 0], found.mean[1] ** 2)
    slope = None if flat else float(products[0, 1] / products[1, 1])
    calibrated = [None if slope is None else centre - slope * float(found.mean[1]), slope]
    return {"centre": centre, "unit": unit if unit > 0 else 1.0, "line": calibrated}


def figures(whole: Whole) -> tuple[dict[str, Any], int]:
    """Every figure of quality but the calibration line, and how many people the least of them rests on."""
    n, sums = whole.n, whole.sums
    squares, spread = (float(x) / n for x in sums["squares"])
    seen = {"observed": float(sums["observed"].sum()) / n, "predicted": float(sums["predicted"].sum()) / n}
    if whole.binary:
        pairs, outcomes = ranking.roc(*sums["ranks"]), sums["ranks"].sum(axis=1)
        ranked = {"auc": pairs.concordance, "auc_tolerance": pairs.tolerance}
        return {**seen, **ranked, "brier": squares}, int(outcomes.min())
    unit, centre = whole.state["unit"], whole.state["centre"]
    varied = spread - seen["observed"] ** 2
    found = {key: value * unit + centre for key, value in seen.items()}
    share = 1 - squares / varied if varied > _CONSTANT else None
    return {**found, "rmse": float(np.sqrt(squares)) * unit, "r_squared": share}, n


def own(whole: Whole, score: Binned) -> Own:
    """One hospital's figures by themselves; only that hospital sees them, unless it says otherwise."""
    told, least = figures(whole)
    told.pop("auc_tolerance", None)
    if score.then is not None and score.then.edges is not None:
        now, then, _ = _moved(whole.sums["places "], score)
        told["psi"] = drift.stability_index(now, then)
    return Own(whole.n, least, {key: value for key, value in told.items() if value is not None})


def told(whole: Whole, binned: Sequence[Binned], reference: str | None) -> tuple[dict[str, Any], tuple[Exposure, ...]]:
    """What the result says, and what that rests on."""
    found, least = figures(whole)
    values: dict[str, Any] = {"n": whole.n, "left_out": whole.left}
    shown: list[Exposure] = [Table(("left_out",))]
    if whole.binary:
        values["outcomes"] = whole.sums["ranks"].sum(axis=1).tolist()
    intercept, slope = whole.state["line"]
    values |= {**found, "calibration": {"intercept": intercept, "slope": slope}}
    shown.append(Statistic((*((k,) for k in found), ("calibration", "intercept"), ("calibration", "slope")), least))
    profile: dict[str, Any] = {"inputs": {}}
    moved: dict[str, Any] = {"reference": reference, "inputs": {}}
    for of, edges in zip(binned, whole.state["edges"], strict=True):
        here: tuple[str, ...] = ("score",) if not of.name else ("inputs", of.name)
        counts, then, groups = _binned(whole, of)
        _put(profile, here, {"counts": counts.tolist(), **_bins(of, edges, groups)})
        derived: tuple[Path, ...] = ()
        if reference is not None:
            _put(moved, here, _distance(counts, then, ordered=not of.by_level))
            derived = tuple(("drift", *here, k) for k in ("psi", "psi_chance", "ks", "ks_chance"))
        shown.append(Table(("profile", *here, "counts"), margins=((("n",), None),), derived=derived))
        if not of.name:
            values["tenths"], more = _tenths(whole, groups)
            shown += more
    return values | {"profile": profile} | ({"drift": moved} if reference is not None else {}), tuple(shown)


def _binned(whole: Whole, of: Binned) -> tuple[Counts, Counts, list[list[int]]]:
    """As `_moved`; neighbouring bins of a risk are put together until each has LEAST rows of either outcome, so that
    none of its counts is small."""
    counts = whole.sums[f"places {of.name}"]
    now, then, groups = _moved(counts, of)
    if of.name or not whole.binary:
        return now, then, groups
    positive = np.append(whole.sums["positive"], 0)
    while True:
        had = drift.together(positive, groups)
        shared = drift.groups(np.minimum(had, now - had))
        if len(shared) == len(groups):
            return now, then, groups
        groups = [[i for k in part for i in groups[k]] for part in shared]
        now, then = drift.together(now, shared), drift.together(then, shared)


def _tenths(whole: Whole, groups: Sequence[Sequence[int]]) -> tuple[dict[str, Any], list[Exposure]]:
    """Mean prediction and what came true, by bin of the score; counts of outcomes are a table of their own."""
    sums, size = whole.sums, len(whole.sums["observed"])
    own = [[i for i in group if i < size] for group in groups]
    held = drift.together(sums["places "], own)
    means = {k: np.array([sums[k][g].sum() for g in own]) / np.maximum(held, 1) for k in ("predicted", "observed")}
    if not whole.binary:
        unit, centre = whole.state["unit"], whole.state["centre"]
        told = {k: (v * unit + centre).tolist() for k, v in means.items()}
        rests = [Statistic((("tenths", "predicted", i), ("tenths", "observed", i)), int(k)) for i, k in enumerate(held)]
        return told, list(rests)
    positive = drift.together(sums["positive"], own)
    outcomes = np.stack([held - positive, positive], axis=1).tolist()
    margins = ((("profile", "score", "counts"), 0), (("outcomes",), 1), (("n",), None))
    shown: list[Exposure] = [Table(("tenths", "outcomes"), margins=margins)]
    shown += [Statistic((("tenths", "predicted", i),), int(k)) for i, k in enumerate(held)]
    return {"predicted": means["predicted"].tolist(), "outcomes": outcomes}, shown


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


def not_filled_in() -> BadInput:
    return BadInput(
        "model-not-filled-in",
        Text("The model is named by its id and nothing else.", "模型仅以编号给出，缺少内容。"),
        Text("Submit the study at a hub: it puts the model in.", "请在中心提交研究：由中心填入模型。"),
    )


def nothing_foretold(method: str) -> BadInput:
    return BadInput(
        "nothing-foretold",
        Text(f"A model of {method} foretells no outcome to compare.", f"{method} 模型不预测可供比较的结局。"),
        Text("Name a model of glm, gbdt or nn.", "请指定 glm、gbdt 或 nn 的模型。"),
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
