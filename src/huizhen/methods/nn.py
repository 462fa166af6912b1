"""A small neural network, trained at every hospital and averaged: FedAvg, FedProx and FedAdam over sums of updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.errors import BadInput, Unable
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Level, Schema
from huizhen.model.document import Document
from huizhen.model.method import Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Exposure, Model, Result, Table
from huizhen.statistics import boosted, moments, nets, outcome, ranking, updates
from huizhen.statistics.columns import check_different, check_inside, levels, usable
from huizhen.statistics.family import outside
from huizhen.statistics.gathered import Gathered
from huizhen.statistics.holdout import alike, held_out
from huizhen.statistics.membership import attack, by_loss, told
from huizhen.statistics.moments import Moments

Floats = npt.NDArray[np.float64]
Arrays = dict[str, npt.NDArray[Any]]

RANKS = 1 << 12
"""Bins of the predicted risks from which the areas under the ROC curve are counted."""
SETS = ("train", "holdout")
MOST_WEIGHTS = 100_000
_DECAY = 0.9, 0.99
_ADAPTIVITY = 1e-3
"""Of FedAdam: how fast it forgets the mean update and its square, and what is added to the root (Reddi et al. 2021)."""


class Params(Document):
    """Defaults are of a small network and plain federated averaging, every update exact."""

    outcome: str
    """0/1, boolean, or a category with two levels, of which the second is the one modelled."""
    columns: Annotated[tuple[str, ...], Field(min_length=1)]
    """Numbers, dates and booleans, brought to mean 0 and spread 1; categories, as 0/1 for each level but the first.
    For cnn1d, numbers only, in the order in which they were measured."""
    module: nets.Module = "mlp"
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=512)], ...], Field(max_length=4)] = (8,)
    """Units of each hidden layer; none: logistic regression."""
    channels: Annotated[int, Field(ge=1, le=64)] = 4
    """cnn1d: how many filters."""
    kernel: Annotated[int, Field(ge=1, le=31)] = 3
    """cnn1d: how many neighbouring columns a filter sees; an odd number."""
    algorithm: Literal["fedavg", "fedprox", "fedadam"] = "fedavg"
    rounds: Annotated[int, Field(ge=1, le=500)] = 30
    """How often hospitals train from the common weights."""
    local_epochs: Annotated[int, Field(ge=1, le=100)] = 1
    """How often a hospital goes through its rows in a round."""
    batch_rows: Annotated[int, Field(ge=1)] | None = 32
    """Rows per step; null: all rows of the hospital."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 0.1
    l2: Annotated[float, Field(ge=0)] = 0.0
    proximal: Annotated[float, Field(ge=0)] = 0.1
    """fedprox: how strongly a hospital is held to the common weights."""
    server_learning_rate: Annotated[float, Field(gt=0, le=10)] | None = None
    """How far the common weights follow the mean update: 1 if null, for fedadam 0.02."""
    precision: updates.Precision = "exact"
    """Of the updates in a secure sum: exact takes 24 bytes a weight, single 8, quantised 1 (from 29 hospitals on 2)."""
    keep: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The share of the weights that a round sends, drawn anew each time; what is not sent waits at the hospital."""
    holdout: Annotated[float, Field(ge=0.05, le=0.5)] = 0.2
    """The share of the different rows that is not trained on. Who it is follows from the values of the row in `columns`
    and the seed, alike at every hospital."""
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of the first weights, the order of rows, the held-out rows, and the compression."""


class Nn(Method):
    """Values: n, outcome, algorithm, net (module, inputs, hidden, channels, kernel, parameters), inputs (column, and
    level, or centre and size), weights (tensors in the order of the module's parameters), history (loss per row after
    each number of rounds), train and holdout: n, outcomes (how many 0 and 1), log_loss, auc, auc_tolerance;
    membership (advantage and auc of an attack on who was in the training).

    `statistics.nets.predict` scores rows with it. In a round every hospital trains from the common weights on its own
    training rows and adds (its rows / all rows) x (its weights - the common weights) to a sum, which the common weights
    follow: by server_learning_rate (FedAvg, McMahan et al. 2017, AISTATS), or as Adam would (FedAdam, Reddi et al.
    2021, ICLR). With one epoch of one batch this is gradient descent on the pooled rows; with more it is not, and
    hospitals that differ pull apart. auc is counted in 4096 bins of risk.
    """

    name: ClassVar[str] = "nn"
    Params: ClassVar[type[Document]] = Params
    summary: ClassVar[Text] = Text(
        "a small neural network for a 0/1 outcome, trained by federated averaging; needs PyTorch",
        "用于 0/1 结局的小型神经网络，以联邦平均训练；需要 PyTorch",
    )
    reveals: ClassVar[Text] = Text(
        "For all hospitals together: counts, means and spreads of the columns, how many values are of which size, and "
        "how "
        "many rows of each set in 64 groups of which equal rows share one; "
        "in each round the loss and the mean update of the weights, and when quantised the sum of squares of the "
        "hospitals' updates; at the end how many rows have each outcome in each of 4096 bins of predicted risk.",
        "所有医院合计的：各列的计数、均值与离散程度及各数量级的个数，以及相同行同组的 64 组中各集合的行数；"
        "每一轮的损失与权重平均更新，量化时还有各医院更新的"
        "平方和；最后为 4096 个预测风险区间内两种结局的行数。",
    )
    max_rounds: ClassVar[int] = 510
    largest: ClassVar[float] = moments.LARGEST

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        nets.check_there()
        self.p = cast(Params, params)
        check_different(self.p.columns, "columns")
        self.asked = [usable(schema, name) for name in self.p.columns]
        self.numbers = [c for c in self.asked if c.type != "category"]
        self.categories = [c for c in self.asked if c.type == "category"]
        self.outcome = outcome.read(f"`{usable(schema, self.p.outcome).name}`", schema, "binomial")
        self.inputs: list[tuple[Column, Level | None]] = [(c, None) for c in self.numbers]
        self.inputs += [(c, level) for c in self.categories for level in levels(c)[1:]]
        self.net = nets.Net(self.p.module, len(self.inputs), self.p.hidden, self.p.channels, self.p.kernel)
        self._check()
        self.weights = int(self.net.sizes.sum())

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.outcome.columns, *self.p.columns]))

    def start(self) -> State:
        return {"phase": "prepare", "moments": moments.start(len(self.numbers))}

    def partial(self, batch: Batch, state: State) -> Partial:
        of_phase = {"prepare": self._prepare, "train": self._gather, "rank": self._rank}
        return of_phase[state["phase"]](batch, state)

    def finish(self, total: Partial, state: State, kept: State) -> tuple[Partial, State]:
        if state["phase"] == "prepare":
            return Partial({**total.fields, "nodes": np.asarray(1)}), {}
        return self._train(total, state, kept) if isinstance(total, Gathered) else (total, {})

    def combine(self, total: Partial, state: State) -> Next | Done:
        after: dict[str, Callable[[Partial, State], Next | Done]] = {
            "prepare": self._after_prepare,
            "train": self._after_train,
            "rank": self._after_rank,
        }
        return after[state["phase"]](total, state)

    # What rows add to the sums of each phase.

    def _y(self, batch: Batch) -> Floats:
        return self.outcome({name: batch[name] for name in self.outcome.columns}, {})

    def _held(self, batch: Batch) -> npt.NDArray[np.bool_]:
        return held_out([batch[name] for name in self.p.columns], batch.rows, self.p.holdout, self.p.seed)

    def _prepare(self, batch: Batch, state: State) -> Partial:
        y, held = self._y(batch), self._held(batch)
        values = np.array([batch[c.name] for c in self.numbers], dtype=np.float64).reshape(
            len(self.numbers), batch.rows
        )
        beyond = [(batch[c.name] >= len(levels(c))).sum() for c in self.categories]
        return Partial(
            {
                "rows": np.array([(~held).sum(), held.sum()]),
                "alike": alike([batch[name] for name in self.p.columns], held, self.p.seed),
                "positive": np.array([(y[~held] == 1).sum(), (y[held] == 1).sum()]),
                "impossible": np.asarray(outside("binomial", y)),
                "outside": np.array(beyond, dtype=np.int64),
                **{f"moments {k}": v for k, v in moments.partial(values[:, ~held], state["moments"]).items()},
            }
        )

    def _x(self, batch: Batch, state: State) -> Floats:
        """(rows, inputs) on the scale of the net."""
        x = np.empty((batch.rows, len(self.inputs)))
        for i, (column, level) in enumerate(self.inputs):
            values = batch[column.name]
            if level is None:
                x[:, i] = (values - state["centre"][i]) / state["size"][i]
            else:
                x[:, i] = values == levels(column).index(level)
        return x

    def _gather(self, batch: Batch, state: State) -> Partial:
        rows = np.column_stack([self._x(batch, state), self._y(batch), self._held(batch)])
        return Gathered({"rows": rows})

    def _train(self, total: Gathered, state: State, kept: State) -> tuple[Partial, State]:
        """What this hospital's rows make of the common weights, on its way into the sum."""
        rows, weights = total.in_order(), state["weights"]
        x, y, held = rows[:, :-2], rows[:, -2], rows[:, -1] == 1
        loss = nets.losses(nets.scores(self.net, weights, x), y)
        said: Arrays = {"loss": np.array([loss[~held].sum(), loss[held].sum()])}
        plan = nets.Plan(
            epochs=self.p.local_epochs,
            batch_rows=self.p.batch_rows,
            rate=self.p.learning_rate,
            l2=self.p.l2,
            proximal=self.p.proximal if self.p.algorithm == "fedprox" else 0.0,
        )
        number = int(state["round"])
        dice = np.random.default_rng([self.p.seed, number, 3])
        found = nets.trained(self.net, weights, x[~held], y[~held], plan, dice)
        update = (found - weights) * ((~held).sum() / state["n"][0]) + kept.get("rest", 0.0)
        if self.p.precision == "quantised":
            energy = np.add.reduceat(update**2, np.cumsum(self.net.sizes) - self.net.sizes)
            if state["step"] is None:
                return Partial({**said, "energy": energy}), {}
            said["energy"] = updates.relative(energy, state["step"])
            said["loss"] = said["loss"].astype(np.float32)
        sent = self._sent(update, state, (len(y), int(y.sum())))
        said["update"] = sent.values.astype(np.float32) if self.p.precision == "single" else sent.values
        waits = self.p.precision == "quantised" or self.p.keep < 1
        return Partial(said), {"rest": sent.rest} if waits else {}

    def _sent(self, update: Floats, state: State, node: tuple[int, int]) -> updates.Sent:
        """`node`: whole numbers that are the same in every round, and seldom at two hospitals."""
        number = int(state["round"])
        where = updates.places(self.weights, self.p.keep, self.p.seed, number)
        if self.p.precision != "quantised":
            return updates.unchanged(update, where)
        step = np.repeat(state["step"], self.net.sizes)
        to, key = updates.steps(state["nodes"]), (self.p.seed, number, 2, *node)
        return updates.quantised(update, where, step, to, key)

    def _rank(self, batch: Batch, state: State) -> Partial:
        """The losses, and (2, 2, RANKS) rows by set, outcome and bin of predicted risk."""
        score, y = nets.scores(self.net, state["weights"], self._x(batch, state)), self._y(batch)
        held, loss = self._held(batch), nets.losses(score, y)
        place = ranking.bins(ranking.grid(score, 0.0, 1.0), 1 + np.arange(RANKS) / RANKS)
        cell = place + RANKS * ((y == 1) + 2 * held.astype(np.int64))
        ranks = np.bincount(cell, minlength=4 * RANKS).reshape(2, 2, RANKS)
        return Partial({"loss": np.array([loss[~held].sum(), loss[held].sum()]), "ranks": ranks})

    # What follows from the sums over all hospitals.

    def _after_prepare(self, total: Partial, state: State) -> Next:
        for c, beyond in zip(self.categories, total["outside"], strict=True):
            check_inside(int(beyond), [c.name])
        train, held = (int(k) for k in total["rows"])
        if train == 0 or held == 0:
            raise _too_few()
        found = moments.refine(
            {k[8:]: v for k, v in total.fields.items() if k.startswith("moments ")}, state["moments"]
        )
        if not isinstance(found, Moments):
            return Next({**state, "moments": found})
        self.outcome.check("binomial", int(total["impossible"]), int(total["positive"][0]) in (0, train))
        spread = found.sd()
        nodes = int(total["nodes"])
        if self.p.precision == "quantised":
            updates.steps(nodes)
        known: State = {
            "phase": "train",
            "n": total["rows"],
            "alike": total["alike"],
            "nodes": nodes,
            "centre": found.mean,
            "size": np.where(spread > 0, spread, 1.0),
            "weights": self.net.initial(self.p.seed),
            "momentum": np.zeros((2, self.weights if self.p.algorithm == "fedadam" else 0)),
            "step": None,
            "round": 0,
            "history": np.empty((0, 2)),
        }
        return Next(known, Text("columns measured", "已测量各列"))

    def _after_train(self, total: Partial, state: State) -> Next:
        number = int(state["round"])
        after = dict(state)
        if "update" in total.fields:
            after = {**state, **self._followed(total["update"], state), "round": number + 1}
            after["history"] = np.vstack([state["history"], total["loss"]])
        if "energy" in total.fields:
            known, most = state["step"], updates.steps(state["nodes"]).most
            energy = total["energy"] if known is None else total["energy"] * known**2
            after["step"] = updates.step_sizes(energy, self.net.sizes, state["nodes"], most)
        if after["round"] == self.p.rounds:
            after = {**after, "phase": "rank"}
            del after["momentum"], after["step"]
        return Next(after, Text(f"round {after['round']} of {self.p.rounds}", f"第 {after['round']} 轮"))

    def _followed(self, said: npt.NDArray[Any], state: State) -> State:
        """The common weights after a mean update of which these are the places sent."""
        update = np.zeros(self.weights)
        where = updates.places(self.weights, self.p.keep, self.p.seed, int(state["round"]))
        update[where] = said
        if self.p.precision == "quantised":
            update *= np.repeat(state["step"], self.net.sizes)
        rate = self.p.server_learning_rate
        if self.p.algorithm != "fedadam":
            return self._bounded({"weights": state["weights"] + (1.0 if rate is None else rate) * update})
        first = _DECAY[0] * state["momentum"][0] + (1 - _DECAY[0]) * update
        second = _DECAY[1] * state["momentum"][1] + (1 - _DECAY[1]) * update**2
        step = (0.02 if rate is None else rate) * first / (np.sqrt(second) + _ADAPTIVITY)
        return self._bounded({"weights": state["weights"] + step, "momentum": np.stack([first, second])})

    def _bounded(self, state: State) -> State:
        if not np.abs(state["weights"]).max() < 1e6:
            raise Unable(
                "diverged",
                Text("The weights of the net grow without end.", "神经网络的权重无限增大。"),
                Text("Lower learning_rate, or use fewer local_epochs.", "请降低 learning_rate 或减少 local_epochs。"),
            )
        return state

    def _after_rank(self, total: Partial, state: State) -> Done:
        loss = np.vstack([state["history"], total["loss"]]) / state["n"]
        n = [int(k) for k in state["n"]]
        values: dict[str, Any] = {
            "n": sum(n),
            "outcome": self.outcome.name,
            "algorithm": self.p.algorithm,
            "net": {**vars(self.net), "hidden": list(self.p.hidden), "parameters": self.weights},
            "inputs": [self._told(i, state) for i in range(len(self.inputs))],
            "weights": self.net.told(state["weights"]),
            "history": [{"rounds": i, **dict(zip(SETS, map(float, row), strict=True))} for i, row in enumerate(loss)],
        }
        shown: list[Exposure] = [Table(("n",))]
        people = []
        for i, name in enumerate(SETS):
            values[name], least = boosted.fit(n[i], loss[:, i], len(loss) - 1, total["ranks"][i])
            shown += boosted.exposed(name, values[name], least, len(loss))
            people.append(least)
        attacked = attack(by_loss(total["ranks"], 0.0), state["alike"])
        gained, rests = told(attacked, min(n))
        return Done(Result(values | gained, (*shown, *rests, Model(people[0], self.weights, attacked))))

    def _told(self, i: int, state: State) -> dict[str, Any]:
        column, level = self.inputs[i]
        if level is not None:
            return {"column": column.name, "level": level}
        return {"column": column.name, "centre": float(state["centre"][i]), "size": float(state["size"][i])}

    def _check(self) -> None:
        if self.p.outcome in self.p.columns:
            raise BadInput(
                "outcome-among-columns",
                Text(
                    f"The outcome {self.p.outcome} is also among columns.",
                    f"结局 {self.p.outcome} 同时列在 columns 中。",
                ),
                Text("Leave it out of columns.", "请将其从 columns 中去掉。"),
            )
        if self.p.module == "cnn1d" and (self.categories or self.p.kernel % 2 == 0):
            raise _bad_net(
                Text("cnn1d takes columns of numbers and an odd kernel", "cnn1d 只接受数值列和奇数 kernel"),
                Text("Leave categories out, and set kernel: 3.", "请去掉分类列，并设 kernel: 3。"),
            )
        size = int(self.net.sizes.sum())
        if not self.inputs or size > MOST_WEIGHTS:
            raise _bad_net(
                Text(
                    f"The net would have {len(self.inputs)} inputs and {size} weights",
                    f"该网络将有 {len(self.inputs)} 个输入和 {size} 个权重",
                ),
                Text(
                    f"Use columns with two values at least, and at most {MOST_WEIGHTS} weights.",
                    f"请使用至少有两个取值的列，且权重不超过 {MOST_WEIGHTS} 个。",
                ),
            )


METHOD = Nn


def _bad_net(what: Text, remedy: Text) -> BadInput:
    return BadInput("bad-net", Text(f"{what.en}.", f"{what.zh}。"), remedy)


def _too_few() -> Unable:
    return Unable(
        "nothing-held-out",
        Text(
            "There are too few different rows to train on some and hold out others.",
            "不同的行过少，无法既训练又留出。",
        ),
        Text("Widen the cohort, or raise holdout.", "请放宽队列条件，或提高 holdout。"),
    )
