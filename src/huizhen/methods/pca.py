"""Principal components: the directions in which rows differ most."""

from __future__ import annotations

from typing import Annotated, Any, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Membership, Model, Result, Statistic
from huizhen.statistics import moments
from huizhen.statistics.columns import check_different, numeric
from huizhen.statistics.leave_one_out import of_components
from huizhen.statistics.membership import attack_left_out, told
from huizhen.statistics.moments import Moments

Floats = npt.NDArray[np.float64]

_NOTHING = 1e-12
"""A component with a smaller share of the first one's variance is rounding."""


class Params(Document):
    columns: Annotated[tuple[str, ...], Field(max_length=200)]
    components: Annotated[int, Field(ge=1)] | None = None
    """How many are wanted, those with the largest variance; None: as many as there are columns."""
    standardize: bool = True
    """Of the correlations; False: of the covariances, where columns with large units weigh more."""


class Pca(Method):
    """Values: columns, n, mean and sd by column, total_variance, components: name, variance, ratio, loadings;
    membership (advantage and auc of an attack on who was among the rows).

    Variances divide by n - 1. Loadings are a unit vector whose largest entry in size is positive, so that two runs
    agree; components of equal variance are determined only together.
    """

    name = "pca"
    Params = Params
    summary = Text(
        "Principal components: loadings, variance and share of variance, of correlations or covariances.",
        "主成分分析：给出载荷、方差及方差贡献率，可基于相关矩阵或协方差矩阵。",
    )
    reveals = Text(
        "For all hospitals together: number of rows, sums, sizes and cross-products of the columns; and how many rows "
        "lie at each of 1024 distances from the mean, with the row in the fit and without it.",
        "所有医院合计的：行数，以及各列的总和、数量级与交叉乘积；最后为到均值 1024 "
        "档距离各自的行数（该行在拟合之内与之外）。",
    )

    memorises = False
    largest = moments.LARGEST

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.asked = cast(Params, params)
        check_different(self.asked.columns, "columns")
        for name in self.asked.columns:
            numeric(schema, name)
        if (self.asked.components or 1) > len(self.columns):
            raise BadInput(
                "too-many-components",
                Text("More components than columns are asked for.", "所要求的主成分数多于列数。"),
                Text(f"Ask for at most {len(self.columns)}.", f"最多可要求 {len(self.columns)} 个。"),
            )

    @property
    def columns(self) -> tuple[str, ...]:
        return self.asked.columns

    def start(self) -> State:
        return moments.start(len(self.columns))

    def partial(self, batch: Batch, state: State) -> Partial:
        values = np.stack([batch[name] for name in self.columns])
        if "result" in state:
            points = state["loadings"] @ ((values - state["mean"][:, None]) / state["unit"][:, None])
            losses = of_components(points.T, state["variance"], state["n"])
            return Partial({"losses": losses.counts(float(np.sqrt(len(points))))})
        return Partial(moments.partial(values, state, cross=True))

    def combine(self, total: Partial, state: State) -> Next | Done:
        if "result" in state:
            return Done(self._result(state, attack_left_out(total["losses"])))
        spread = moments.refine(dict(total.fields), state)
        if not isinstance(spread, Moments):
            return Next(spread, Text("means and spreads", "正在计算均值与离散度"))
        n, sd = spread.rows, spread.sd()
        if n < 2:
            raise Unable(
                "too-few-rows",
                Text("There are fewer than two rows.", "记录少于两行。"),
                Text("Widen the cohort.", "请放宽队列条件。"),
            )
        moments.check_varying(self.columns, ~(sd > 0))
        unit = sd if self.asked.standardize else np.ones(len(sd))
        size = spread.scale / unit
        covariance = spread.products / (n - 1) * np.outer(size, size)
        variance, loadings = components(covariance)
        some = np.flatnonzero(variance[: self.asked.components] > _NOTHING * variance[0])
        known = {"n": n, "mean": spread.mean, "unit": unit, "variance": variance[some], "loadings": loadings[some]}
        known["result"] = self._told(n, spread.mean, sd, covariance)
        return Next(known, Text("attacking it", "正在攻击"))

    def _told(self, n: int, mean: Floats, sd: Floats, covariance: Floats) -> dict[str, Any]:
        variance, loadings = components(covariance)
        total = float(np.trace(covariance))
        chosen = range(self.asked.components or len(self.columns))
        return {
            "columns": list(self.columns),
            "n": n,
            "mean": dict(zip(self.columns, mean.tolist(), strict=True)),
            "sd": dict(zip(self.columns, sd.tolist(), strict=True)),
            "total_variance": total,
            "components": [
                {
                    "name": f"PC{i + 1}",
                    "variance": float(variance[i]),
                    "ratio": float(variance[i]) / total,
                    "loadings": dict(zip(self.columns, loadings[i].tolist(), strict=True)),
                }
                for i in chosen
            ],
        }

    def _result(self, state: State, attacked: Membership | None) -> Result:
        values, n = state["result"], state["n"]
        chosen = range(len(values["components"]))
        spread = [(part, name) for part in ("mean", "sd") for name in self.columns]
        weights = [("components", i, "loadings", name) for i in chosen for name in self.columns]
        shares = [("components", i, part) for i in chosen for part in ("variance", "ratio")]
        p = len(self.columns)
        shown = Statistic((("n",), ("total_variance",), *spread, *weights, *shares), n)
        gained, rests = told(attacked, n)
        return Result(values | gained, (shown, *rests, Model(n, p + p * (p + 1) // 2, attacked)))


def components(covariance: Floats) -> tuple[Floats, Floats]:
    """(p,) variances, largest first, and (p, p) loadings, one component a row, of a (p, p) covariance.

    Source: H. Hotelling, Journal of Educational Psychology 24 (1933).
    """
    variance, vectors = np.linalg.eigh(covariance)
    variance, loadings = np.maximum(variance[::-1], 0), vectors.T[::-1]
    size = np.abs(loadings)
    first = np.argmax(size >= size.max(axis=1, keepdims=True) * (1 - 1e-9), axis=1)
    signs = np.sign(loadings[np.arange(len(loadings)), first])
    return variance, loadings * signs[:, None]


METHOD = Pca
