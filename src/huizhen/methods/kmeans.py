"""Groups of similar rows: Lloyd's k-means from starting points that are nobody's row."""

from __future__ import annotations

from typing import Annotated, Any, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.errors import Unable
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Exposure, Membership, Model, Result, Statistic, Table
from huizhen.statistics import cluster, moments
from huizhen.statistics.columns import check_different, numeric
from huizhen.statistics.leave_one_out import of_centres
from huizhen.statistics.membership import attack_left_out, told
from huizhen.statistics.moments import Moments


class Params(Document):
    columns: tuple[str, ...]
    k: Annotated[int, Field(ge=2, le=50)]
    standardize: bool = True
    """Divide each column by its standard deviation first, so that units do not matter."""
    starts: Annotated[int, Field(ge=1, le=50)] = 10
    """How many sets of starting points are tried, all in the same rounds; the best end wins."""
    seed: Annotated[int, Field(ge=0)] = 0
    max_iter: Annotated[int, Field(ge=1, le=300)] = 100
    tol: Annotated[float, Field(gt=0, lt=1)] = 1e-9
    """The centres have settled when the squares of their last moves sum to no more than this share of the mean
    variance of the columns, as in scikit-learn."""


class KMeans(Method):
    """Values: columns, n, sizes, centres (by column, in its unit), inertia, explained, iterations, membership "
    "(advantage and auc of
    an attack on who was among the rows); when standardised also sd by column.

    inertia is the sum of squared distances to the nearest centre, in squared standard deviations (n - 1) when
    standardised, in the columns' units when not; explained is the share of the total sum of squares that it is less by.
    Starting points are drawn from a normal distribution with the data's mean and covariance. A centre that loses all
    its rows stays where it is and may win some back; one that has none at the end has no place (None) and size 0.
    Clusters are in the order of their centres, by the first column, then the second, and so on.
    """

    name = "kmeans"
    Params = Params
    summary = Text(
        "k-means clusters: how large each is and where its centre lies.",
        "k 均值聚类：给出每一类的规模和中心位置。",
    )
    reveals = Text(
        "For all hospitals together: sums, sizes and cross-products of the columns, and in each round the number of "
        "rows and the column totals around each centre; at the end how many rows lie at each of 1024 distances from "
        "their centre, with the row counted in it and without.",
        "所有医院合计的：各列的总和、数量级与交叉乘积，以及每一轮各中心周围的行数与列合计；最后为到所属中心 1024 档距离"
        "各自的行数（该行计入与不计入中心）。",
    )
    max_rounds = 310
    memorises = False
    largest = moments.LARGEST

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.asked = cast(Params, params)
        check_different(self.asked.columns, "columns")
        for name in self.asked.columns:
            numeric(schema, name)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.asked.columns

    def start(self) -> State:
        return {"moments": moments.start(len(self.columns))}

    def partial(self, batch: Batch, state: State) -> Partial:
        values = np.stack([batch[name] for name in self.columns])
        if "moments" in state:
            return Partial(moments.partial(values, state["moments"], cross=True))
        points = (values.T - state["mean"]) / state["unit"]
        if "last" in state:
            last = state["last"]
            losses = of_centres(points, last["centres"][last["sizes"] > 0], last["sizes"][last["sizes"] > 0])
            return Partial({"losses": losses.counts(float(np.sqrt(last["inertia"] / last["sizes"].sum())))})
        counts, totals, inertia = zip(*(cluster.assign(points, c) for c in state["centres"]), strict=True)
        return Partial({"counts": np.stack(counts), "totals": np.stack(totals), "inertia": np.array(inertia)})

    def combine(self, total: Partial, state: State) -> Next | Done:
        if "moments" in state:
            spread = moments.refine(dict(total.fields), state["moments"])
            if isinstance(spread, Moments):
                return Next(self._begin(spread), Text("starting points drawn", "已生成初始中心"))
            return Next({"moments": spread}, Text("means and spreads", "正在计算均值与离散度"))
        if "last" in state:
            return Done(self._result(state, attack_left_out(total["losses"])))
        if state["settled"].all() or state["iteration"] >= self.asked.max_iter:
            return Next({**state, "last": self._best(total, state)}, Text("attacking it", "正在攻击"))
        return Next(
            self._move(total, state), Text(f"iteration {state['iteration']}", f"第 {state['iteration']} 次迭代")
        )

    def _begin(self, spread: Moments) -> State:
        asked, n, sd = self.asked, spread.rows, spread.sd()
        if n < asked.k:
            raise Unable(
                "fewer-rows-than-clusters",
                Text(
                    f"There are fewer rows than the {asked.k} clusters asked for.", f"行数少于所要求的 {asked.k} 类。"
                ),
                Text("Ask for fewer clusters, or widen the cohort.", "请减少类数，或放宽队列条件。"),
            )
        moments.check_varying(self.columns, ~(sd > 0))
        unit = sd if asked.standardize else np.full(len(sd), sd.max())
        covariance = spread.products / (n - 1) * np.outer(spread.scale / unit, spread.scale / unit)
        return {
            "mean": spread.mean,
            "unit": unit,
            "variance": float(np.trace(covariance)),
            "centres": cluster.draw_starts(covariance, asked.k, asked.starts, asked.seed),
            "settled": np.zeros(asked.starts, dtype=np.bool_),
            "iteration": 0,
        }

    def _move(self, total: Partial, state: State) -> State:
        counts = total["counts"][:, :, None]
        moved = np.where(counts > 0, total["totals"] / np.maximum(counts, 1), state["centres"])
        moved = np.where(state["settled"][:, None, None], state["centres"], moved)
        moves = ((moved - state["centres"]) ** 2).sum(axis=(1, 2))
        settled = moves <= self.asked.tol * state["variance"] / len(self.columns)
        return {**state, "centres": moved, "settled": settled, "iteration": state["iteration"] + 1}

    def _best(self, total: Partial, state: State) -> State:
        """The set of centres that is told."""
        if not state["settled"].any():
            raise Unable(
                "not-converged",
                Text(
                    f"The centres were still moving after {self.asked.max_iter} iterations.",
                    f"迭代 {self.asked.max_iter} 次后中心仍在移动。",
                ),
                Text("Raise max_iter or tol, or ask for fewer clusters.", "请增大 max_iter 或 tol，或减少类数。"),
            )
        inertia = np.where(state["settled"], total["inertia"], np.inf)
        best = int(np.argmax(inertia <= inertia.min() * (1 + 1e-9)))
        return {
            "sizes": total["counts"][best],
            "centres": state["centres"][best],
            "inertia": float(total["inertia"][best]),
        }

    def _result(self, state: State, attacked: Membership | None) -> Result:
        sizes, centres, inertia = (state["last"][name] for name in ("sizes", "centres", "inertia"))
        order = np.lexsort(np.round(centres, 9).T[::-1])
        n = int(sizes.sum())
        places = [dict(zip(self.columns, self._place(centres[i], int(sizes[i]), state), strict=True)) for i in order]
        squares = (n - 1) * state["variance"]
        area = 1.0 if self.asked.standardize else float(state["unit"][0]) ** 2
        values = {
            "columns": list(self.columns),
            "n": n,
            "sizes": sizes[order].tolist(),
            "centres": places,
            "inertia": inertia * area,
            "explained": 1 - inertia / squares,
            "iterations": int(state["iteration"]),
        }
        if self.asked.standardize:
            values["sd"] = dict(zip(self.columns, state["unit"].tolist(), strict=True))
        gained, rests = told(attacked, n)
        return Result(values | gained, (*self._exposures(n, values["sizes"], attacked), *rests))

    def _place(self, centre: npt.NDArray[np.float64], size: int, state: State) -> list[float | None]:
        """A centre in the units of its columns; nowhere when it has no rows."""
        if size == 0:
            return [None] * len(centre)
        there: list[float | None] = (state["mean"] + centre * state["unit"]).tolist()
        return there

    def _exposures(self, n: int, sizes: Any, attacked: Membership | None) -> tuple[Exposure, ...]:
        centres = [
            Statistic(tuple(("centres", i, name) for name in self.columns), size) for i, size in enumerate(sizes)
        ]
        spread = [("sd", name) for name in self.columns] if self.asked.standardize else []
        overall = Statistic((("inertia",), ("explained",), ("iterations",), *spread), n)
        model = Model(n, self.asked.k * len(self.columns), attacked)
        return (Table(("sizes",), margins=((("n",), None),)), *centres, overall, model)


METHOD = KMeans
