"""Gradient-boosted trees grown on histograms that are sums over hospitals: the trees the pooled rows would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.later import later
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Schema
from huizhen.model.document import Document
from huizhen.model.method import FINITE, Done, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Exposure, Membership, Model, Result, Table
from huizhen.statistics import bins, boosted, boosting, coding, family, moments, outcome, ranking, splits, trees
from huizhen.statistics.columns import check_different, check_inside, levels, usable
from huizhen.statistics.holdout import alike, held_out
from huizhen.statistics.membership import attack, by_error, by_loss, told
from huizhen.statistics.misfit import HeldOut, calibration
from huizhen.statistics.moments import Moments

if TYPE_CHECKING:
    from scipy import special
else:
    special = later("scipy.special")

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

RANKS = 1 << 12
"""Bins of the predicted risks from which the areas under the ROC curve are counted."""
SETS = ("train", "holdout")


class Params(Document):
    """Defaults are near those of XGBoost and scikit-learn, with smaller trees and fewer bins: these cost rounds."""

    outcome: str
    """logistic: 0/1, boolean, or a category with two levels, of which the second is the one modelled. squared_error:
    any column of numbers. Rows without an outcome are left out."""
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    """What trees may ask: numbers, dates, booleans, and categories by their levels. Missing values are welcome."""
    objective: boosting.Objective = "logistic"
    trees: Annotated[int, Field(ge=1, le=500)] = 100
    """How many at most; a tree takes as many rounds as it has levels."""
    depth: Annotated[int, Field(ge=1, le=6)] = 4
    """Questions between the root of a tree and a leaf, at most."""
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.1
    bins: Annotated[int, Field(ge=2, le=coding.MOST)] = 64
    """Bins that a column of numbers is cut into at most, each of at least min_child_rows training rows."""
    l2: Annotated[float, Field(ge=0)] = 1.0
    """Added to the sum of Hessians below a leaf's value: 1 as in XGBoost, 0 as in scikit-learn."""
    min_child_rows: Annotated[int, Field(ge=3)] = 20
    """On so many training rows at least rests every leaf, the side of missing values, and every level that is named.
    The guard refuses trees where this is below the study's min_cell."""
    min_child_weight: Annotated[float, Field(gt=0)] = 1e-3
    """Sum of Hessians in a leaf at least."""
    min_gain: Annotated[float, Field(ge=0)] = 0.0
    """By how much a split must lower the loss of the training rows."""
    holdout: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    """The share of the different rows that no tree is grown on: at least 0.05; a study with 0 is refused, since
    nothing could be released. Who it is follows from the row's values in `columns` and the seed, alike everywhere."""
    early_stopping_rounds: Annotated[int, Field(ge=1)] | None = 10
    """Stop when so many trees in a row have not lowered the loss of the held-out rows; of the trees, those up to the
    lowest are kept. null, or no held-out rows: all trees are grown and kept."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class _Block(NamedTuple):
    """Some rows that have an outcome."""

    rows: trees.Coded
    y: Floats
    held: Bools


class Gbdt(HeldOut):
    """Values: n, without_outcome, objective, outcome, columns, base, iterations (trees kept), importance (of each
    column, its share of all gain), trees, history (loss per row after each number of trees), train and holdout: n, and
    for logistic outcomes (how many 0 and 1), log_loss, auc and auc_tolerance, for squared_error mse and r_squared;
    membership (advantage and auc of an attack on who was in the training).

    The score of a row is base and one leaf of each tree: log-odds for logistic, the outcome itself for squared_error;
    `statistics.scoring.predict` computes it. A tree is {nodes}, the root first: a split has column, below or levels,
    missing, gain, left and right, a leaf has value. Smaller values go left; `missing` is the side of missing values;
    of a category, the levels named go left, and all others and missing values right.

    Trees grow level by level, a round each. Columns of numbers are cut into bins of about equally many rows, as in
    LightGBM and scikit-learn, at edges that are never looked up from a row. Levels are put in the order of their
    gradients; those in fewer than min_child_rows rows of a node go with its missing values, and these choose a side
    where there are min_child_rows of them. auc is counted in 4096 bins of risk, auc_tolerance being the most it can be
    off; r_squared compares with the mean of the training rows. Rows of one person may be on both sides of the holdout.
    """

    name: ClassVar[str] = "gbdt"
    Params: ClassVar[type[Document]] = Params
    summary: ClassVar[Text] = Text(
        "gradient-boosted trees for a 0/1 outcome or a number, with early stopping on held-out rows",
        "梯度提升树：用于 0/1 结局或数值结局，并以留出样本提前停止",
    )
    reveals: ClassVar[Text] = Text(
        "For all hospitals together: how many training rows lie in ever narrower intervals of each column, and how "
        "many rows of each set in 64 groups (equal rows share one); for each "
        "level of each tree, by node and by bin or level of each column, rows and sums of gradients (and Hessians); "
        "after each tree the loss; at the end, of training and of held-out rows, how many have each outcome in each of "
        "4096 bins of predicted risk, or for a number an error of each of 4096 sizes. Deep in a tree a bin may hold a "
        "single row, whose outcome is then known, without a name.",
        "所有医院合计的：各列逐步收窄的区间内的训练行数，以及相同行同组的 64 组中各集合的行数；每棵树每一层各节点、"
        "各列每个分箱或水平的行数与梯度"
        "（及二阶导数）之和；每棵树之后的损失；最后是训练行与留出行各自在 4096 个预测风险区间内两种结局的行数，"
        "若结局为数值则为 4096 档误差大小的行数。树的深处某个分箱可能只有一行，此时其结局可知，但不含姓名。",
    )
    complete_cases: ClassVar[bool] = False
    max_rounds: ClassVar[int] = 500 * 6 + 20
    largest: ClassVar[float] = FINITE

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        self.p = cast(Params, params)
        self.family: family.Family = "binomial" if self.p.objective == "logistic" else "gaussian"
        check_different(self.p.columns, "columns")
        self.asked = [usable(schema, name) for name in self.p.columns]
        self.outcome = outcome.read(f"`{self.p.outcome}`", schema, self.family)
        self.numbers = [c for c in self.asked if c.type != "category"]
        self.categories = [c for c in self.asked if c.type == "category"]
        self._check()

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.outcome.columns, *self.p.columns]))

    def start(self) -> State:
        spread = moments.start(2) if self.p.objective == "squared_error" else None
        return {"phase": "prepare", "bins": [bins.start() for _ in self.numbers], "moments": spread}

    def partial(self, batch: Batch, state: State) -> Partial:
        if state["phase"] == "prepare":
            return Partial(self._prepare(batch, state))
        work = {"grow": self._grow, "rank": self._rank, "suit": self._suit}[state["phase"]]
        binners = [bins_of if bins_of is None else coding.Binner(bins_of) for bins_of in state["edges"]]
        pieces = [
            work(self._block(batch, slice(a, a + trees.BLOCK), binners, state), state)
            for a in range(0, max(batch.rows, 1), trees.BLOCK)
        ]
        return Partial({name: np.sum([piece[name] for piece in pieces], axis=0) for name in pieces[0]})

    def combine(self, total: Partial, state: State) -> Next | Done:
        after = {"prepare": self._after_prepare, "grow": self._after_level, "rank": self._after_rank}
        return after[state["phase"]](total, state)

    # What rows add to the sums of each phase.

    def _known(self, batch: Batch, where: slice) -> tuple[Batch, Floats, int]:
        """The rows that have an outcome, their outcome, and how many have none."""
        rows = {name: batch[name][where] for name in self.columns}
        y = self.outcome({name: rows[name] for name in self.outcome.columns}, {})
        there = y >= 0 if self.outcome.expression is None else ~np.isnan(y)
        n = int(there.sum())
        if n < len(y):
            rows, y = {name: column[there] for name, column in rows.items()}, y[there]
        return Batch(n, rows), y, len(there) - n

    def _held(self, rows: Batch) -> Bools:
        return held_out([rows[name] for name in self.p.columns], rows.rows, self.p.holdout, self.p.seed)

    def _prepare(self, batch: Batch, state: State) -> dict[str, npt.NDArray[Any]]:
        rows, y, without = self._known(batch, slice(None))
        held = self._held(rows)
        numbers = [rows[c.name] for c in self.numbers]
        sums: dict[str, npt.NDArray[Any]] = {
            "rows": np.array([(~held).sum(), held.sum()]),
            "alike": alike([rows[name] for name in self.p.columns], held, self.p.seed),
            "without": np.asarray(without),
            "positive": np.array([(y[~held] == 1).sum(), (y[held] == 1).sum()]),
            "impossible": np.asarray(family.outside(self.family, y)),
            "outside": np.array([(rows[c.name] >= len(levels(c))).sum() for c in self.categories], dtype=np.int64),
            "infinite": np.array([np.isinf(column).sum() for column in numbers], dtype=np.int64),
        }
        for c, column, found in zip(self.numbers, numbers, state["bins"], strict=True):
            if bins.unfinished(found):
                sums[f"bins {c.name}"] = bins.partial(column[~held], found)
        if _measuring(state):
            both = np.stack([y, np.where(held, np.nan, y)])
            sums |= {f"moments {k}": v for k, v in moments.partial(both, state["moments"]).items()}
        return sums

    def _block(self, batch: Batch, where: slice, binners: list[coding.Binner | None], state: State) -> _Block:
        """Codes and outcome on the scale of the scores."""
        rows, y, _ = self._known(batch, where)
        codes = np.empty((len(self.asked), rows.rows), dtype=np.uint8)
        missing = []
        for k, (c, binner) in enumerate(zip(self.asked, binners, strict=True)):
            column = rows[c.name]
            codes[k], some = coding.level_codes(column, len(levels(c))) if binner is None else binner(column)
            missing.append((len(levels(c)) if binner is None else binner.missing) if some else -1)
        return _Block(trees.Coded(codes, missing), (y - state["shift"]) / state["unit"], self._held(rows))

    def _grow(self, block: _Block, state: State) -> dict[str, npt.NDArray[Any]]:
        """Of this level of the tree that grows, the histograms; before its first level, the losses so far."""
        score = trees.scores(trees.Trees(**state["trees"]), state["base"], block.rows)
        unit = boosting.unit(self.p.objective, block.y, score)
        sums: dict[str, npt.NDArray[Any]] = {}
        growing = None if state["growing"] is None else splits.Growing(**state["growing"])
        if growing is None or growing.level == 0:
            sums["loss"] = np.array([unit.loss[~block.held].sum(), unit.loss[block.held].sum()])
        if growing is not None:
            nodes = len(growing.open)
            slot = np.full(1 << growing.level, nodes)
            slot[growing.open] = np.arange(nodes)
            at = slot[trees.places(trees.Trees(**state["tree"]), growing.level, block.rows)[0]]
            at[block.held] = nodes
            found = boosting.histogram(block.rows, at, nodes, self._codes(state).widest, unit)
            sums |= {f"tree {k}": part for k, part in found._asdict().items() if part is not None}
        return sums

    def _rank(self, block: _Block, state: State) -> dict[str, npt.NDArray[Any]]:
        """(2, 2, RANKS) rows by set, outcome and bin of predicted risk; for a number (2, RANKS) by set and error."""
        score = trees.scores(trees.Trees(**state["trees"]), state["base"], block.rows)
        if self.p.objective == "squared_error":
            return {"errors": by_error(score - block.y, block.held, state["reach"], RANKS)}
        place = ranking.bins(ranking.grid(score, state["base"], 1.0), 1 + np.arange(RANKS) / RANKS)
        cell = place + RANKS * ((block.y == 1) + 2 * block.held.astype(np.int64))
        return {"ranks": np.bincount(cell, minlength=4 * RANKS).reshape(2, 2, RANKS)}

    def _suit(self, block: _Block, state: State) -> dict[str, npt.NDArray[Any]]:
        score = trees.scores(trees.Trees(**state["trees"]), state["base"], block.rows)
        known, kept = self.p.objective == "logistic", len(state["trees"]["value"])
        variance = None if known else state["history"][kept, 1] / boosting.GRADIENT / max(state["n"][1], 1)
        return calibration(score, block.y, block.held, variance)

    # What follows from the sums over all hospitals.

    def _after_prepare(self, total: Partial, state: State) -> Next:
        for c, outside in zip(self.categories, total["outside"], strict=True):
            check_inside(int(outside), [c.name])
        moments.check_finite(total["infinite"])
        spread = state["moments"]
        if _measuring(state):
            sums = {name[8:]: part for name, part in total.fields.items() if name.startswith("moments ")}
            measured = moments.refine(sums, spread)
            spread = {"mean": measured.mean, "sd": measured.sd()} if isinstance(measured, Moments) else measured
        found = [
            bins.refine(total[f"bins {c.name}"], part, self.p.bins) if bins.unfinished(part) else part
            for c, part in zip(self.numbers, state["bins"], strict=True)
        ]
        state = {"phase": "prepare", "bins": found, "moments": spread}
        self._check_rows(total, state)
        if _measuring(state) or any(map(bins.unfinished, found)):
            return Next(state, Text("cutting columns into bins", "正在对各列分箱"))
        return Next(self._begin(total, state), Text("columns cut into bins", "各列分箱完成"))

    def _begin(self, total: Partial, state: State) -> State:
        """Before the first tree: edges of the bins, and the score that every row has without trees."""
        cut = iter([bins.edges(found, self.p.bins, self.p.min_child_rows) for found in state["bins"]])
        base, shift, unit = 0.0, 0.0, 1.0
        if self.p.objective == "logistic":
            base = float(special.logit(int(total["positive"][0]) / int(total["rows"][0])))
        else:
            base, shift, unit = boosting.scale(state["moments"]["mean"], state["moments"]["sd"])
        known: State = {
            "phase": "grow",
            "n": total["rows"],
            "alike": total["alike"],
            "without": int(total["without"]),
            "positive": total["positive"],
            "edges": [None if c.type == "category" else next(cut) for c in self.asked],
            "base": base,
            "shift": shift,
            "unit": unit,
            "history": np.empty((0, 2), dtype=np.int64),
        }
        none = trees.none(self.p.depth, self._codes(known).widest_category)
        return {**known, "trees": splits.as_state(none), **self._seed(known)}

    def _codes(self, state: State) -> splits.Columns:
        size = [
            len(levels(c)) if edges is None else len(edges) + 1
            for c, edges in zip(self.asked, state["edges"], strict=True)
        ]
        return splits.Columns(np.array(size, dtype=np.int64), np.array([c.type == "category" for c in self.asked]))

    def _seed(self, state: State) -> State:
        stump = trees.stump(self.p.depth, self._codes(state).widest_category)
        return {"tree": splits.as_state(stump), "growing": splits.as_state(splits.seed())}

    def _after_level(self, total: Partial, state: State) -> Next | Done:
        grown = trees.Trees(**state["trees"])
        count = len(grown.value)
        if "loss" in total.fields:
            state = {**state, "history": np.vstack([state["history"], total["loss"]])}
            if count == self.p.trees or self._idle(state["history"]):
                return self._finish(state)
        found = boosting.Histogram(total["tree rows"], total["tree gradient"], total.fields.get("tree hessian"))
        rule = splits.Rule(self.p.min_child_rows, self.p.min_child_weight, self.p.l2, self.p.min_gain)
        growing = splits.Growing(**state["growing"])
        tree, after = splits.step(
            trees.Trees(**state["tree"]), growing, boosting.sums(found), self._codes(state), rule, self.p.learning_rate
        )
        note = Text(f"tree {count + 1}, level {growing.level + 1}", f"第 {count + 1} 棵树，第 {growing.level + 1} 层")
        if len(after.open):
            return Next({**state, "tree": splits.as_state(tree), "growing": splits.as_state(after)}, note)
        if tree.column[0, 0] < 0:
            if count == 0:
                raise boosted.no_split(self.p.min_child_rows)
            return self._finish(state)
        grown = trees.joined(grown, tree)
        state = {**state, "trees": splits.as_state(grown)}
        return Next({**state, **(self._seed(state) if count + 1 < self.p.trees else {"growing": None})}, note)

    def _idle(self, history: npt.NDArray[np.int64]) -> bool:
        """Whether the held-out loss has not fallen for as many trees as are waited for."""
        wait = self.p.early_stopping_rounds
        return bool(self.p.holdout and wait and len(history) - 1 - int(history[:, 1].argmin()) >= wait)

    def _finish(self, state: State) -> Next | Done:
        """The trees up to the lowest held-out loss; looked at once more for AUC, and for the attack on membership."""
        early = self.p.holdout and self.p.early_stopping_rounds
        keep = int(state["history"][:, 1].argmin()) if early else len(state["history"]) - 1
        kept = trees.first(trees.Trees(**state["trees"]), keep)
        state = {**state, "phase": "rank", "trees": splits.as_state(kept)}
        del state["tree"], state["growing"]
        if self.p.objective == "logistic":
            return Next(state, Text("Trees grown; ranking the predicted risks", "树已生成；正在对预测风险排序"))
        if not state["n"][1]:
            return Done(self._result(state, None, None))
        reach = float(np.sqrt(state["history"][keep, 0] / boosting.GRADIENT / state["n"][0]))
        return Next({**state, "reach": reach}, Text("Trees grown; counting errors", "树已生成；正在统计误差"))

    def _after_rank(self, total: Partial, state: State) -> Done:
        if "errors" in total.fields:
            return Done(self._result(state, None, attack(total["errors"], state["alike"])))
        attacked = attack(by_loss(total["ranks"], state["base"]), state["alike"])
        return Done(self._result(state, total["ranks"], attacked))

    # The result.

    def _result(self, state: State, ranks: npt.NDArray[np.int64] | None, attacked: Membership | None) -> Result:
        kept, unit, shift = trees.Trees(**state["trees"]), state["unit"], state["shift"]
        logistic, n = ranks is not None, [int(k) for k in state["n"]]
        used = SETS if n[1] else SETS[:1]
        size = 1.0 if logistic else unit**2
        loss = state["history"] / boosting.GRADIENT / np.maximum(state["n"], 1) * size
        known = [trees.Asked(c.name, edges, levels(c)) for c, edges in zip(self.asked, state["edges"], strict=True)]
        values: dict[str, Any] = {
            "n": sum(n),
            "without_outcome": state["without"],
            "objective": self.p.objective,
            "outcome": self.outcome.name,
            "columns": list(self.p.columns),
            "base": state["base"] * unit + shift,
            "iterations": len(kept.value),
            "importance": boosted.importance(kept, self.p.columns),
            "history": [{"trees": i, **dict(zip(used, map(float, row), strict=False))} for i, row in enumerate(loss)],
            "trees": trees.told(kept, known, unit=unit),
        }
        people = [*n[: len(used)], *([self.p.min_child_rows] if len(kept.value) else [])]
        shown: list[Exposure] = [Table(("n",)), Table(("without_outcome",))]
        for i, name in enumerate(used):
            values[name], least = boosted.fit(n[i], loss[:, i], len(kept.value), None if ranks is None else ranks[i])
            people += [least] if name == "train" else []
            shown += boosted.exposed(name, values[name], least, len(loss))
        gained, rests = told(attacked, min(n))
        return Result(values | gained, (*shown, *rests, Model(min(people), 1, attacked)))

    def _check(self) -> None:
        boosted.check_held(self.p.outcome, self.p.columns, self.p.holdout)
        boosted.check_size(
            {c.name: len(levels(c)) for c in self.categories}, len(self.numbers), self.p.bins, self.p.depth
        )

    def check_releasable(self) -> None:
        if not self.p.holdout:
            raise boosted.nothing_to_attack(self.p.holdout)

    def _check_rows(self, total: Partial, state: State) -> None:
        """Raises Unable where there is nothing to learn from, or nothing held out; BadInput for an outcome outside."""
        train, held = (int(k) for k in total["rows"])
        if train < 2 * self.p.min_child_rows or (self.p.holdout and held == 0):
            raise boosted.too_few_rows(2 * self.p.min_child_rows, self.p.holdout > 0)
        if self.p.objective == "logistic":
            constant = int(total["positive"][0]) in (0, train)
        else:
            constant = not _measuring(state) and not state["moments"]["sd"][0] > 0
        self.outcome.check(self.family, int(total["impossible"]), constant)


METHOD = Gbdt


def _measuring(state: State) -> bool:
    """Whether mean and spread of the outcome are not known yet."""
    return state["moments"] is not None and "shift" in state["moments"]
