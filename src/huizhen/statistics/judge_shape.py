"""A model of the shape of data, clusters or components, judged by how near other rows lie to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from huizhen.model.batch import Batch
from huizhen.model.fitted import Fitted
from huizhen.model.method import State
from huizhen.model.result import Statistic, Table
from huizhen.statistics import applied, cluster, moments
from huizhen.statistics.judged import CONSTANT, Arrays, Bools, Counts, Floats, Outputs, Rows, Told, Whole
from huizhen.statistics.moments import Moments


class _ShapeJudge:
    """Rows are measured in the model's units. A round of moments finds how far they spread about their own mean and
    about the model's, so that the last pass adds squares of about one."""

    def __init__(self, width: int) -> None:
        self.width = width

    @property
    def columns(self) -> tuple[str, ...]:
        return ()

    def read(self, batch: Batch) -> tuple[Bools, Arrays]:
        return np.ones(batch.rows, dtype=np.bool_), {}

    def start(self) -> State:
        return moments.start(self.width)

    def sums(self, rows: Rows, state: State) -> Arrays:
        return moments.partial(rows.own["points"].T, state)

    def close(self, sums: Arrays, state: State) -> Arrays:  # noqa: ARG002
        return sums

    def refine(self, n: int, sums: Arrays, state: State) -> State:  # noqa: ARG002
        found = moments.refine(sums, state)
        if not isinstance(found, Moments):
            return found
        squares = found.products * found.scale**2
        about = float((squares + found.n * found.mean**2).sum())
        return {"ready": True, "squares": squares, "unit": float(np.sqrt(about / max(found.rows, 1))) or 1.0}

    def rarer(self, whole: Whole) -> tuple[Counts, Counts] | None:  # noqa: ARG002
        return None


class CentresJudge(_ShapeJudge):
    """Implements `judged.Judge` for k-means."""

    def __init__(self, model: Fitted) -> None:
        self.unit, self.centres, self.held = applied.centres(model.params, model.values)
        self.names, self.k = tuple(model.params["columns"]), len(model.values["sizes"])
        self.area = 1.0 if "sd" in model.values else None
        super().__init__(len(self.names))

    def score(self, outputs: Outputs, model: Batch, own: Arrays) -> tuple[Floats, Arrays]:
        points = np.stack([model[name] for name in self.names], axis=1) / self.unit - self.centres.mean(axis=0)
        return outputs["distance"], {**own, "points": points, "cluster": outputs["cluster"]}

    def count(self, rows: Rows, place: Counts, size: int, state: State) -> Arrays:  # noqa: ARG002
        centres = self.centres - self.centres.mean(axis=0)
        which = np.searchsorted(self.held, rows.own["cluster"].astype(np.int64) - 1)
        near, other = cluster.two_nearest(rows.own["points"], centres, which)
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = np.where(np.maximum(near, other) > 0, (other - near) / np.maximum(near, other), 0.0)
        return {
            "sizes": np.bincount(rows.own["cluster"].astype(np.int64) - 1, minlength=self.k),
            "inertia": np.asarray(((near / state["unit"]) ** 2).sum()),
            "silhouette": np.asarray(apart.sum()),
        }

    def figures(self, whole: Whole) -> tuple[dict[str, Any], int]:
        inertia = float(whole.sums["inertia"]) * whole.judge["unit"] ** 2
        spread = float(whole.judge["squares"].sum())
        several = len(self.centres) > 1
        return {
            "inertia": inertia,
            "inertia_per_row": inertia / whole.n,
            "explained": 1 - inertia / spread if spread > CONSTANT * inertia else None,
            "silhouette": float(whole.sums["silhouette"]) / whole.n if several else None,
        }, whole.n

    def told(self, whole: Whole, groups: Sequence[Sequence[int]]) -> Told:  # noqa: ARG002
        found, least = self.figures(whole)
        shown = Statistic(tuple((k,) for k in found), least)
        return {"sizes": whole.sums["sizes"].tolist(), **found}, (Table(("sizes",), ((("n",), None),)), shown)


class ComponentsJudge(_ShapeJudge):
    """Implements `judged.Judge` for principal components."""

    def __init__(self, model: Fitted) -> None:
        self.mean, self.unit, self.loadings = applied.axes(model.params, model.values)
        self.names = tuple(model.params["columns"])
        self.parts = tuple(part["name"] for part in model.values["components"])
        super().__init__(len(self.names) + len(self.parts))

    def score(self, outputs: Outputs, model: Batch, own: Arrays) -> tuple[Floats, Arrays]:
        points = (np.stack([model[name] for name in self.names], axis=1) - self.mean) / self.unit
        along = np.stack([outputs[name] for name in self.parts], axis=1)
        return outputs[self.parts[0]], {**own, "points": np.hstack([points, along])}

    def count(self, rows: Rows, place: Counts, size: int, state: State) -> Arrays:  # noqa: ARG002
        points = rows.own["points"] / state["unit"]
        p = len(self.names)
        rest = points[:, :p] - points[:, p:] @ self.loadings
        return {"rest": np.asarray((rest**2).sum()), "all": np.asarray((points[:, :p] ** 2).sum())}

    def figures(self, whole: Whole) -> tuple[dict[str, Any], int]:
        rest, spread = float(whole.sums["rest"]), float(whole.sums["all"])
        return {
            "explained": 1 - rest / spread if spread > 0 else None,
            "reconstruction_error": rest * whole.judge["unit"] ** 2 / whole.n,
        }, whole.n

    def told(self, whole: Whole, groups: Sequence[Sequence[int]]) -> Told:  # noqa: ARG002
        found, least = self.figures(whole)
        squares, p = whole.judge["squares"], len(self.names)
        total, free = float(squares[:p].sum()), max(whole.n - 1, 1)
        parts = [
            {"name": name, "variance": float(own) / free, "ratio": float(own) / total if total > 0 else None}
            for name, own in zip(self.parts, squares[p:], strict=True)
        ]
        paths = [("components", i, key) for i in range(len(parts)) for key in ("variance", "ratio")]
        shown = Statistic((("total_variance",), *((k,) for k in found), *paths), least)
        return {"total_variance": total / free, "components": parts, **found}, (shown,)
