"""A released model as a function of rows: the design is built by the code that built it when the model was fitted.

For whoever scores a file with it, and for hospitals that evaluate it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from huizhen.kit.errors import Unable
from huizhen.kit.later import later
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.statistics import cluster, design, expression, nets, scoring
from huizhen.statistics.columns import levels
from huizhen.statistics.design import Design
from huizhen.statistics.expression import Expression, Spread
from huizhen.statistics.net_params import named

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Floats = npt.NDArray[np.float64]
Params = Mapping[str, Any]
Values = Mapping[str, Any]
MEAN: Mapping[str, Callable[[Floats], Floats]] = {
    "gaussian": lambda eta: eta,
    "binomial": lambda eta: special.expit(eta),  # noqa: PLW0108 - scipy is loaded when it is called
    "poisson": np.exp,
}
NEEDED: Mapping[str, tuple[str, ...]] = {
    "glm": ("family", "coefficients", "spreads"),
    "cox": ("coefficients", "spreads", "mean_linear_predictor", "baseline_cumulative_hazard"),
    "gbdt": ("columns", "objective", "base", "trees"),
    "nn": ("net", "inputs", "weights"),
    "kmeans": ("sizes", "centres", "sd"),
    "pca": ("mean", "sd", "components"),
}
"""By method, the part of a result that rows are scored from."""


@dataclass(frozen=True)
class Scorer:
    """`score(batch)` gives (rows,) float64 for each of `outputs`; the batch has `columns`.

    `complete`: a row with a missing value has no score, as it had no part in the fit; it is not to be handed in.
    """

    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    complete: bool
    score: Callable[[Batch], dict[str, Floats]]


def scorer(method: str, params: Params, schema: Schema, values: Values) -> Scorer:
    """The scorer of a released model. params: all of the method's; schema: of the fit; values: of the result, NEEDED.

    glm: `prediction`, the mean of the outcome. cox: `linear_predictor`, the log of the hazard ratio to a patient for
    whom every column of the design is 0. gbdt: `prediction`, the risk or the number; nn: the risk. kmeans: `cluster`
    (from 1) and `distance` to its centre, in standard deviations where it was standardised. pca: one output for each
    component. Raises Unable('model-with-gaps').
    """
    return _OF[method](params, schema, values)


def is_binary(method: str, values: Values) -> bool | None:
    """Whether what it foretells is a 0/1 outcome, or else a number; None where it foretells none."""
    if method == "glm":
        return bool(values["family"] == "binomial")
    if method == "gbdt":
        return bool(values["objective"] == "logistic")
    return True if method == "nn" else None


def whole(values: Any) -> Floats:
    """Figures as an array. Raises Unable('model-with-gaps') where the guard has hidden one."""
    array = np.array(values, dtype=object)
    if any(v is None for v in array.ravel()):
        raise Unable(
            "model-with-gaps",
            Text("The guard has hidden figures that the model needs to score.", "出口检查隐藏了该模型评分所需的数值。"),
            Text("Ask a model with fewer parts, or of more people.", "请申请部分更少的模型，或扩大人群。"),
        )
    return array.astype(np.float64)


def spreads(values: Values) -> dict[str, Spread]:
    """Means and spreads that functions such as scale() in the formula rest on, as the result gives them."""
    given = values.get("spreads", [])
    figures = [whole([s["n"], s["mean"], s["sd"]]) for s in given]
    return {s["expression"]: Spread(int(n), m, d) for s, (n, m, d) in zip(given, figures, strict=True)}


def coefficients(values: Values, names: tuple[str, ...]) -> Floats:
    """(p,) in the order of the design's columns."""
    by_name = {c["name"]: c["estimate"] for c in values["coefficients"]}
    return whole([by_name[name] for name in names])


def linear(weights: Floats, columns: Floats) -> Floats:
    """(rows,) the weighted sum of (p, rows) columns, added one by one: a row's score does not depend on its company."""
    total = np.zeros(columns.shape[1])
    for weight, column in zip(weights, columns, strict=True):
        total += weight * column
    return total


def of_glm(fitted: Design, offset: Expression | None) -> tuple[str, ...]:
    """The columns that the right side and the offset read."""
    return tuple(dict.fromkeys([*fitted.columns, *(() if offset is None else offset.columns)]))


def _glm(params: Params, schema: Schema, values: Values) -> Scorer:
    _, fitted = design.read(params["formula"], schema)
    offset = None if params["offset"] is None else expression.read(params["offset"], schema)
    beta, known = coefficients(values, fitted.names), spreads(values)
    mean = MEAN[values["family"]]

    def score(batch: Batch) -> dict[str, Floats]:
        with np.errstate(all="ignore"):
            eta = linear(beta, fitted.matrix(batch.columns, batch.rows, known))
            if offset is not None:
                eta = eta + offset(batch.columns, known)
            return {"prediction": mean(eta)}

    return Scorer(of_glm(fitted, offset), ("prediction",), True, score)


def _cox(params: Params, schema: Schema, values: Values) -> Scorer:
    fitted = design.read_hazard(params["formula"], schema)
    beta, known = coefficients(values, fitted.names), spreads(values)

    def score(batch: Batch) -> dict[str, Floats]:
        with np.errstate(all="ignore"):
            return {"linear_predictor": linear(beta, fitted.matrix(batch.columns, batch.rows, known))}

    return Scorer(fitted.columns, ("linear_predictor",), True, score)


def _gbdt(params: Params, schema: Schema, values: Values) -> Scorer:
    columns = tuple(params["columns"])

    def score(batch: Batch) -> dict[str, Floats]:
        return {"prediction": scoring.predict(values, _told(columns, schema, batch))}

    return Scorer(columns, ("prediction",), False, score)


def _nn(params: Params, schema: Schema, values: Values) -> Scorer:
    columns = named(params["columns"], schema)

    def score(batch: Batch) -> dict[str, Floats]:
        return {"prediction": nets.predict(values, _told(columns, schema, batch))}

    return Scorer(columns, ("prediction",), True, score)


def _told(columns: Sequence[str], schema: Schema, batch: Batch) -> dict[str, npt.NDArray[Any]]:
    """The columns of the batch, categories as their levels; one that the fit did not know is None."""
    of_levels = [c for c in map(schema.column, columns) if c.type == "category"]
    names = {c.name: np.array([*levels(c), None], dtype=object) for c in of_levels}
    return {
        name: batch[name] if name not in names else names[name][np.minimum(batch[name], len(names[name]) - 1)]
        for name in columns
    }


def centres(params: Params, values: Values) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """(c,) the unit of each column, (k, c) the centres in these units, and which clusters they are (from 0): those that
    had rows."""
    columns = tuple(params["columns"])
    unit = whole([values["sd"][name] for name in columns]) if "sd" in values else np.ones(len(columns))
    held = [i for i, size in enumerate(values["sizes"]) if size != 0]
    return unit, whole([[values["centres"][i][name] for name in columns] for i in held]) / unit, np.array(held)


def axes(params: Params, values: Values) -> tuple[Floats, Floats, Floats]:
    """(c,) the mean and the unit of each column, and (k, c) the loadings."""
    columns = tuple(params["columns"])
    mean, sd = (whole([values[k][name] for name in columns]) for k in ("mean", "sd"))
    loadings = whole([[part["loadings"][name] for name in columns] for part in values["components"]])
    return mean, sd if params["standardize"] else np.ones(len(columns)), loadings


def _kmeans(params: Params, _schema: Schema, values: Values) -> Scorer:
    columns = tuple(params["columns"])
    unit, places, held = centres(params, values)
    middle = places.mean(axis=0)

    def score(batch: Batch) -> dict[str, Floats]:
        points = np.stack([batch[name] for name in columns], axis=1) / unit
        own = cluster.nearest(points - middle, places - middle)
        distance = np.sqrt(((points - places[own]) ** 2).sum(axis=1))
        return {"cluster": held[own] + 1.0, "distance": distance}

    return Scorer(columns, ("cluster", "distance"), True, score)


def _pca(params: Params, _schema: Schema, values: Values) -> Scorer:
    columns, parts = tuple(params["columns"]), values["components"]
    mean, unit, loadings = axes(params, values)
    outputs = tuple(part["name"] for part in parts)

    def score(batch: Batch) -> dict[str, Floats]:
        points = [(batch[name] - m) / u for name, m, u in zip(columns, mean, unit, strict=True)]
        return {name: linear(weights, np.array(points)) for name, weights in zip(outputs, loadings, strict=True)}

    return Scorer(columns, outputs, True, score)


_OF: Mapping[str, Callable[[Params, Schema, Values], Scorer]] = {
    "glm": _glm, "cox": _cox, "gbdt": _gbdt, "nn": _nn, "kmeans": _kmeans, "pca": _pca,
}  # fmt: skip
