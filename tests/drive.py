"""Runs a method the way the main road does, without a road: partial, +, close, +, combine, until it is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import numpy as np
import pandas as pd

from huizhen import methods
from huizhen.kit import wire
from huizhen.model.batch import PERSON, Batch, empty_batch
from huizhen.model.dataset import Column, Schema
from huizhen.model.method import Done, Method, Privacy
from huizhen.model.partial import Partial
from huizhen.model.result import Result
from huizhen.privacy.shares import blurred

FEW = 20
"""An integer column with no more values than this declares them as levels, as `dataset add` does."""


@dataclass(frozen=True)
class Trace:
    result: Result
    rounds: int
    totals: list[Partial]
    states: list[dict[str, Any]]


def hospitals(frame: pd.DataFrame, count: int = 5) -> list[pd.DataFrame]:
    """The rows dealt to so many hospitals, one of a single row and one that has none."""
    rest = frame.iloc[1:]
    return [frame.iloc[:1], frame.iloc[:0], *(rest.iloc[i :: count - 2] for i in range(count - 2))]


def plain_sum(partials: list[Partial]) -> Partial:
    return reduce(add, partials)


def run(
    method_name: str,
    params: Mapping[str, Any],
    schema: Schema,
    frames: list[pd.DataFrame],
    batches: int = 1,
    *,
    total: Callable[[list[Partial]], Partial] = plain_sum,
) -> Result:
    """The method's result over one frame per hospital, each read in so many batches."""
    return trace(method_name, params, schema, frames, batches, total=total).result


def trace(
    method_name: str,
    params: Mapping[str, Any],
    schema: Schema,
    frames: list[pd.DataFrame],
    batches: int = 1,
    *,
    total: Callable[[list[Partial]], Partial] = plain_sum,
    privacy: Privacy | None = None,
) -> Trace:
    """With `privacy` each node adds its share of the noise, as its runner does; rows in `__person` of a frame say whose
    they are, else each is another's."""
    method = build(method_name, params, schema, privacy)
    nodes = [[batch_of(part, method) for part in _parts(frame, batches)] for frame in frames]
    state, totals, states = method.start(), [], []
    kept: list[dict[str, Any]] = [{} for _ in nodes]
    for round_number in range(1, method.max_rounds + 1):
        state = wire.decode(wire.encode(state))
        states.append(state)
        told = wire.decode(wire.encode(method.told(state)))
        said = [node_finish(method, rows, told, before) for rows, before in zip(nodes, kept, strict=True)]
        kept = [after for _, after in said]
        noise = method.blur(told)
        assert (noise is None) == (privacy is None)
        sent = [p if noise is None else blurred(p, noise.sd, len(frames)) for p, _ in said]
        totals.append(total(sent))
        step = method.combine(totals[-1], state)
        if isinstance(step, Done):
            return Trace(step.result, round_number, totals, states)
        state = step.state
    raise AssertionError(f"{method_name} was not done after {method.max_rounds} rounds")


def build(method_name: str, params: Mapping[str, Any], schema: Schema, privacy: Privacy | None = None) -> Method:
    kind = methods.find(method_name)
    return kind(kind.read_params(params), schema, *(() if privacy is None else (privacy,)))


def node_partial(method: Method, rows: list[Batch], state: dict[str, Any]) -> Partial:
    return node_finish(method, rows, state, {})[0]


def node_finish(
    method: Method, rows: list[Batch], state: dict[str, Any], kept: dict[str, Any]
) -> tuple[Partial, dict[str, Any]]:
    zero = method.partial(empty_batch(method.schema, method.columns), state)
    return method.finish(reduce(add, [method.partial(batch, state) for batch in rows], zero), state, kept)


def batch_of(frame: pd.DataFrame, method: Method) -> Batch:
    """What the reader would hand over: the method's columns as arrays, complete cases only where it asks for them."""
    arrays = {name: array_of(frame[name], method.schema.column(name)) for name in method.columns}
    if method.by_person:
        arrays[PERSON] = np.asarray(frame.get(PERSON, frame.index), dtype=np.int64)
    if method.complete_cases and arrays:
        whole = np.all([a >= 0 if a.dtype == np.int32 else ~np.isnan(a) for a in arrays.values()], axis=0)
        arrays = {name: a[whole] for name, a in arrays.items()}
        return Batch(int(whole.sum()), arrays)
    return Batch(len(frame), arrays)


def array_of(values: pd.Series[Any], column: Column) -> np.ndarray[Any, Any]:
    if column.type == "category":
        return pd.Categorical(values, categories=list(column.levels or ())).codes.astype(np.int32)
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def schema_of(
    frame: pd.DataFrame,
    categories: Mapping[str, Sequence[Any]] | Sequence[str] = (),
    types: Mapping[str, str] | None = None,
) -> Schema:
    """A schema for the frame: bool is boolean, whole numbers are integer, other numbers number, the rest category.

    categories: names of the columns to take as categories, or their levels by name (else sorted as they occur).
    types: any column's type, where it should be another.
    """
    given = dict(types or {})
    columns = []
    for name in map(str, frame.columns):
        seen = frame[name].dropna()
        kind = "category" if name in categories else given.get(name) or _type(seen)
        levels = categories[name] if name in categories and isinstance(categories, Mapping) else _sorted(seen)
        few = kind == "category" or (kind == "integer" and len(levels) <= FEW)
        columns.append(Column(name=name, type=kind, levels=tuple(levels) if few else None))  # type: ignore[arg-type]
    return Schema(columns=tuple(columns))


def _type(seen: pd.Series[Any]) -> str:
    if pd.api.types.is_bool_dtype(seen):
        return "boolean"
    if pd.api.types.is_numeric_dtype(seen):
        return "integer" if bool((seen == np.floor(seen)).all()) else "number"
    return "category"


def _sorted(seen: pd.Series[Any]) -> list[Any]:
    values = np.sort(seen.unique()).tolist()
    return [int(v) if isinstance(v, float) and v.is_integer() else v for v in values]


def _parts(frame: pd.DataFrame, batches: int) -> list[pd.DataFrame]:
    edges = np.linspace(0, len(frame), batches + 1).astype(int)
    return [frame.iloc[a:b] for a, b in pairwise(edges)]
