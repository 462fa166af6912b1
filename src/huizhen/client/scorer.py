"""A released model as a function of rows: the design is built by the code that built it when the model was fitted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from scipy import special

from huizhen import methods
from huizhen.client.registry import check_model
from huizhen.kit.errors import Conflict, Unable
from huizhen.kit.text import Text
from huizhen.methods.cox import Cox
from huizhen.methods.gbdt import Gbdt
from huizhen.methods.glm import Glm
from huizhen.methods.nn import Nn
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.method import Method
from huizhen.statistics import cluster, nets, scoring
from huizhen.statistics.columns import levels
from huizhen.statistics.expression import Spread

Floats = npt.NDArray[np.float64]
Found = dict[str, Any]
MEAN: Mapping[str, Callable[[Floats], Floats]] = {
    "gaussian": lambda eta: eta,
    "binomial": special.expit,
    "poisson": np.exp,
}


@dataclass(frozen=True)
class Scorer:
    """`score(batch)` gives (rows,) float64 for each of `outputs`; the batch has `columns`.

    `complete`: a row with a missing value has no score, as it had no part in the fit; it is not to be handed in.
    """

    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    complete: bool
    score: Callable[[Batch], dict[str, Floats]]


def scorer(found: Found) -> Scorer:
    """The scorer of a released model, from the outcome of its study.

    glm: `prediction`, the mean of the outcome. cox: `linear_predictor`, the log of the hazard ratio to a patient for
    whom every column of the design is 0. gbdt: `prediction`, the risk or the number; nn: the risk. kmeans: `cluster`
    (from 1) and `distance` to its centre, in standard deviations where it was standardised. pca: one output for each
    component.
    Raises BadInput('not-a-model'), Conflict('model-of-another-version'), Unable('model-with-gaps').
    """
    method = bound(found)
    return _OF[method.name](method, found["result"])


def bound(found: Found) -> Method:
    """The method with the parameters and the schema of the study. Raises as `scorer` does."""
    check_model(found)
    limits = found["grant"]["limits"]
    kind = methods.find(limits["method"])
    if kind.version != limits["method_version"]:
        raise Conflict(
            "model-of-another-version",
            Text(
                f"The model was fitted by version {limits['method_version']} of {kind.name}; here is {kind.version}.",
                f"该模型由 {kind.name} 的版本 {limits['method_version']} 拟合，而此处为版本 {kind.version}。",
            ),
            Text("Use the version of Huizhen that fitted it.", "请使用拟合该模型的会诊版本。"),
        )
    return kind(kind.read_params(found["request"]["params"]), Schema.read(limits["dataset_schema"]))


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


def spreads(values: Found) -> dict[str, Spread]:
    """Means and spreads that functions such as scale() in the formula rest on, as the result gives them."""
    given = values.get("spreads", [])
    figures = [whole([s["n"], s["mean"], s["sd"]]) for s in given]
    return {s["expression"]: Spread(int(n), m, d) for s, (n, m, d) in zip(given, figures, strict=True)}


def coefficients(values: Found, names: tuple[str, ...]) -> Floats:
    """(p,) in the order of the design's columns."""
    by_name = {c["name"]: c["estimate"] for c in values["coefficients"]}
    return whole([by_name[name] for name in names])


def linear(weights: Floats, columns: Floats) -> Floats:
    """(rows,) the weighted sum of (p, rows) columns, added one by one: a row's score does not depend on its company."""
    total = np.zeros(columns.shape[1])
    for weight, column in zip(weights, columns, strict=True):
        total += weight * column
    return total


def of_glm(method: Glm) -> tuple[str, ...]:
    """The columns that the right side and the offset read."""
    offset = () if method.offset is None else method.offset.columns
    return tuple(dict.fromkeys([*method.design.columns, *offset]))


def _glm(method: Method, values: Found) -> Scorer:
    fitted = cast(Glm, method)
    beta, known = coefficients(values, fitted.design.names), spreads(values)
    mean = MEAN[values["family"]]

    def score(batch: Batch) -> dict[str, Floats]:
        with np.errstate(all="ignore"):
            eta = linear(beta, fitted.design.matrix(batch.columns, batch.rows, known))
            if fitted.offset is not None:
                eta = eta + fitted.offset(batch.columns, known)
            return {"prediction": mean(eta)}

    return Scorer(of_glm(fitted), ("prediction",), True, score)


def _cox(method: Method, values: Found) -> Scorer:
    fitted = cast(Cox, method)
    beta, known = coefficients(values, fitted.design.names), spreads(values)

    def score(batch: Batch) -> dict[str, Floats]:
        with np.errstate(all="ignore"):
            return {"linear_predictor": linear(beta, fitted.design.matrix(batch.columns, batch.rows, known))}

    return Scorer(fitted.design.columns, ("linear_predictor",), True, score)


def _gbdt(method: Method, values: Found) -> Scorer:
    fitted = cast(Gbdt, method)

    def score(batch: Batch) -> dict[str, Floats]:
        return {"prediction": scoring.predict(values, _told(fitted, batch))}

    return Scorer(fitted.p.columns, ("prediction",), False, score)


def _nn(method: Method, values: Found) -> Scorer:
    fitted = cast(Nn, method)

    def score(batch: Batch) -> dict[str, Floats]:
        return {"prediction": nets.predict(values, _told(fitted, batch))}

    return Scorer(fitted.p.columns, ("prediction",), True, score)


def _told(fitted: Gbdt | Nn, batch: Batch) -> dict[str, npt.NDArray[Any]]:
    """The columns of the batch, categories as their levels; one that the fit did not know is None."""
    names = {c.name: np.array([*levels(c), None], dtype=object) for c in fitted.categories}
    return {
        name: batch[name] if name not in names else names[name][np.minimum(batch[name], len(names[name]) - 1)]
        for name in fitted.p.columns
    }


def _kmeans(method: Method, values: Found) -> Scorer:
    columns = method.columns
    unit = whole([values["sd"][name] for name in columns]) if "sd" in values else np.ones(len(columns))
    held = [i for i, size in enumerate(values["sizes"]) if size != 0]
    centres = whole([[values["centres"][i][name] for name in columns] for i in held]) / unit
    middle = centres.mean(axis=0)

    def score(batch: Batch) -> dict[str, Floats]:
        points = np.stack([batch[name] for name in columns], axis=1) / unit
        own = cluster.nearest(points - middle, centres - middle)
        distance = np.sqrt(((points - centres[own]) ** 2).sum(axis=1))
        return {"cluster": np.array(held)[own] + 1.0, "distance": distance}

    return Scorer(columns, ("cluster", "distance"), True, score)


def _pca(method: Method, values: Found) -> Scorer:
    columns, parts = method.columns, values["components"]
    mean, sd = (whole([values[k][name] for name in columns]) for k in ("mean", "sd"))
    unit = sd if getattr(method.params, "standardize", True) else np.ones(len(columns))
    loadings = whole([[part["loadings"][name] for name in columns] for part in parts])
    outputs = tuple(part["name"] for part in parts)

    def score(batch: Batch) -> dict[str, Floats]:
        points = [(batch[name] - m) / u for name, m, u in zip(columns, mean, unit, strict=True)]
        return {name: linear(weights, np.array(points)) for name, weights in zip(outputs, loadings, strict=True)}

    return Scorer(columns, outputs, True, score)


_OF: Mapping[str, Callable[[Method, Found], Scorer]] = {
    "glm": _glm, "cox": _cox, "gbdt": _gbdt, "nn": _nn, "kmeans": _kmeans, "pca": _pca,
}  # fmt: skip
