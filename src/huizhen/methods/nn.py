"""A small neural network, trained at every hospital and averaged: FedAvg, FedProx and FedAdam over sums of updates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, cast

import numpy as np
import numpy.typing as npt

from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Level, Schema
from huizhen.model.document import Document
from huizhen.model.method import OWN_MODEL, Blur, Done, Next, Privacy, State
from huizhen.model.partial import Partial
from huizhen.model.result import Exposure, Model, Noised, Result, Table
from huizhen.privacy import accounting
from huizhen.statistics import boosted, moments, net_params, nets, noisy_net, outcome, ranking, updates
from huizhen.statistics.columns import check_different, check_inside, levels, usable
from huizhen.statistics.family import outside
from huizhen.statistics.gathered import Gathered
from huizhen.statistics.holdout import alike, held_out, nothing_held_out
from huizhen.statistics.membership import attack, by_loss, told
from huizhen.statistics.misfit import HeldOut, calibration
from huizhen.statistics.moments import Moments
from huizhen.statistics.net_params import Params
from huizhen.statistics.noisy_net import Fit, NoisyNet

Floats = npt.NDArray[np.float64]

RANKS = 1 << 12
"""Bins of the predicted risks from which the areas under the ROC curve are counted."""
SETS = ("train", "holdout")


class Nn(HeldOut):
    """Values: n, outcome, algorithm, net (module, inputs, hidden, channels, kernel, image, parameters), inputs (column,
    and level, or centre and size, with low and high of its range), weights (tensors in the order of the module's
    parameters), history (loss per row after each number of rounds), train and holdout: n, outcomes (how many 0 and 1),
    log_loss, auc, auc_tolerance; membership (advantage and auc of an attack on who was in the training).

    `statistics.nets.predict` scores rows with it. In a round every hospital trains from the common weights on its own
    training rows and adds (its rows / all rows) x (its weights - the common weights) to a sum, which the common weights
    follow: by server_learning_rate (FedAvg, McMahan et al. 2017, AISTATS), or as Adam would (FedAdam, Reddi et al.
    2021, ICLR). With one epoch of one batch this is gradient descent on the pooled rows; with more it is not, and
    hospitals that differ pull apart. auc is counted in 4096 bins of risk.

    With `personal: head` each hospital has a last layer of its own; weights are those of the others.

    With protection.epsilon a round is one step of gradient descent by the mean, over persons, of each one's mean
    gradient cut to the length `clip`, with Gaussian noise that the hospitals add in shares before anything leaves them
    (`statistics.noisy_net`, `privacy.shares`): the hub sees no sum without noise, but the counts of the census. The
    privacy of all rounds together is accounted for beforehand (`privacy.accounting`). Then n and the figures of holdout
    are noisy counts of persons, of whom one row each is looked at; auc_noise is how far noise alone moves auc;
    privacy: epsilon, delta, noise_multiplier (standard deviation of the noise in a round's sum, in `clip`), rounds.
    There is no history, and nothing is told of the fit to the training rows.
    """

    name: ClassVar[str] = "nn"
    Params: ClassVar[type[Document]] = Params
    summary: ClassVar[Text] = Text(
        "a small neural network for a 0/1 outcome, trained by federated averaging; needs PyTorch",
        "用于 0/1 结局的小型神经网络，以联邦平均训练；需要 PyTorch",
    )
    reveals: ClassVar[Text] = Text(
        "For all hospitals together: counts, means and spreads of the columns, how many values are of which size, and "
        "how many rows of each set in 64 groups of which equal rows share one; "
        "in each round the loss and the mean update of the weights, and when quantised the sum of squares of the "
        "hospitals' updates; at the end how many rows have each outcome in each of 4096 bins of predicted risk. With "
        "noise (epsilon): the counts of the census, and sums that hold the noise already.",
        "所有医院合计的：各列的计数、均值与离散程度及各数量级的个数，以及相同行同组的 64 组中各集合的行数；"
        "每一轮的损失与权重平均更新，量化时还有各医院更新的平方和；最后为 4096 个预测风险区间内两种结局的行数。"
        "加噪（epsilon）时：人数统计的计数，以及已含噪声的求和。",
    )
    rests_on: ClassVar[tuple[str, ...]] = ("privacy/accounting.py", "privacy/shares.py")
    max_rounds: ClassVar[int] = 510
    largest: ClassVar[float] = moments.LARGEST
    private: ClassVar[Literal["tables", "sums"] | None] = "sums"

    def __init__(self, params: Document, schema: Schema, privacy: Privacy | None = None) -> None:
        super().__init__(params, schema, privacy)
        nets.check_there()
        self.p = cast(Params, params)
        self.names = net_params.named(self.p.columns, schema)
        check_different(self.names, "columns")
        self.numbers = [c for c in map(schema.column, self.names) if c.type != "category"]
        self.categories = [c for c in map(schema.column, self.names) if c.type == "category"]
        self.outcome = outcome.read(f"`{usable(schema, self.p.outcome).name}`", schema, "binomial")
        self.inputs: list[tuple[Column, Level | None]] = [(c, None) for c in self.numbers]
        self.inputs += [(c, level) for c in self.categories for level in levels(c)[1:]]
        self.net = net_params.net_of(self.p, self.numbers, self.categories, len(self.inputs))
        self.ranges = net_params.ranges(self.p, self.numbers, privacy is not None)
        self.sizes = self.net.sizes[:-2] if self.p.personal else self.net.sizes
        """Of the tensors that are averaged."""
        self.weights = int(self.sizes.sum())
        self.noisy = None if privacy is None else self._noisy(privacy)

    def _noisy(self, privacy: Privacy) -> NoisyNet:
        net_params.check_private(self.p, self.numbers, self.ranges)
        cost = accounting.cost_within(privacy.epsilon, privacy.delta)
        return NoisyNet(self.net, self.p, privacy, cost)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*self.outcome.columns, *self.names]))

    def start(self) -> State:
        if self.privacy is not None:
            return noisy_net.start()
        return {"phase": "prepare", "moments": moments.start(len(self.numbers))}

    def told(self, state: State) -> State:
        lean = {k: v for k, v in state.items() if k not in ("momentum", "history", "alike")}
        if state["phase"] in ("train", "descend"):
            lean |= updates.lean(state["weights"], self.sizes, self.p.precision)
        return lean

    def partial(self, batch: Batch, state: State) -> Partial:
        if state["phase"] == "suit":
            return self._suit(batch, state)
        if self.privacy is not None or state["phase"] == "train" or (state["phase"] == "rank" and self.p.personal):
            return self._gather(batch, state)
        return self._prepare(batch, state) if state["phase"] == "prepare" else self._rank(batch, state)

    def finish(self, total: Partial, state: State, kept: State) -> tuple[Partial, State]:
        if self.noisy is not None:
            return self.noisy.sums(total["rows"], state), {}
        if state["phase"] == "prepare":
            return Partial({**total.fields, "nodes": np.asarray(1)}), {}
        if state["phase"] == "train":
            return self._train(cast(Gathered, total), state, kept)
        return self._rank_own(cast(Gathered, total), state, kept) if self.p.personal else (total, {})

    def blur(self, state: State) -> Blur | None:
        return None if self.noisy is None else self.noisy.blur(state)

    def check_people(self, people: int) -> None:
        if self.noisy is not None:
            self.noisy.check_people(people)

    def combine(self, total: Partial, state: State) -> Next | Done:
        after: dict[str, Callable[[Partial, State], Next | Done]] = {
            "prepare": self._after_prepare,
            "train": self._after_train,
            "rank": self._after_rank,
            "count": self._after_noise,
            "descend": self._after_noise,
            "grade": self._after_noise,
        }
        return after[state["phase"]](total, state)

    # What rows add to the sums of each phase.

    def _y(self, batch: Batch) -> Floats:
        return self.outcome({name: batch[name] for name in self.outcome.columns}, {})

    def _held(self, batch: Batch) -> npt.NDArray[np.bool_]:
        return held_out([batch[name] for name in self.names], batch.rows, self.p.holdout, self.p.seed)

    def _prepare(self, batch: Batch, state: State) -> Partial:
        y, held = self._y(batch), self._held(batch)
        values = np.array([batch[c.name] for c in self.numbers], dtype=np.float64).reshape(
            len(self.numbers), batch.rows
        )
        beyond = [(batch[c.name] >= len(levels(c))).sum() for c in self.categories]
        return Partial(
            {
                "rows": np.array([(~held).sum(), held.sum()]),
                "alike": alike([batch[name] for name in self.names], held, self.p.seed),
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
            if level is not None:
                x[:, i] = values == levels(column).index(level)
                continue
            centre, size = self._scale(i, state)
            within = np.clip(values, *self.ranges[column.name]) if column.name in self.ranges else values
            x[:, i] = (within - centre) / size
        return x

    def _scale(self, i: int, state: State) -> tuple[float, float]:
        """Centre and size of an input that is a number."""
        known = self.ranges.get(self.inputs[i][0].name)
        if known is None:
            return float(state["centre"][i]), float(state["size"][i])
        return (known[0] + known[1]) / 2, (known[1] - known[0]) / 4

    def _gather(self, batch: Batch, state: State) -> Partial:
        told = [self._x(batch, state), self._y(batch), self._held(batch)]
        return Gathered({"rows": np.column_stack([*told, batch.person] if self.by_person else told)})

    def _whole(self, shared: Floats, kept: State) -> Floats:
        """The common weights, and this hospital's own head behind them where there is one."""
        if not self.p.personal:
            return shared
        own = kept.get("head")
        return np.concatenate([shared, self.net.initial(self.p.seed)[self.weights :] if own is None else own])

    def _train(self, total: Gathered, state: State, kept: State) -> tuple[Partial, State]:
        """What this hospital's rows make of the common weights, on its way into the sum."""
        rows, weights = total.in_order(), self._whole(updates.full(state, self.sizes), kept)
        x, y, held = rows[:, :-2], rows[:, -2], rows[:, -1] == 1
        loss = nets.losses(nets.scores(self.net, weights, x), y)
        said: dict[str, npt.NDArray[Any]] = {"loss": np.array([loss[~held].sum(), loss[held].sum()])}
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
        moved = (found - weights)[: self.weights]
        update = moved * ((~held).sum() / state["n"][0]) + kept.get("rest", 0.0)
        own = {"head": found[self.weights :]} if self.p.personal else {}
        if self.p.precision == "quantised":
            energy = np.add.reduceat(update**2, np.cumsum(self.sizes) - self.sizes)
            if state["step"] is None:
                return Partial({**said, "energy": energy}), kept
            said["energy"] = updates.relative(energy, state["step"])
            said["loss"] = said["loss"].astype(np.float32)
        sent = self._sent(update, state, (len(y), int(y.sum())))
        said["update"] = sent.values.astype(np.float32) if self.p.precision == "single" else sent.values
        waits = self.p.precision == "quantised" or self.p.keep < 1
        return Partial(said), {**own, "rest": sent.rest} if waits else own

    def _sent(self, update: Floats, state: State, node: tuple[int, int]) -> updates.Sent:
        """`node`: whole numbers that are the same in every round, and seldom at two hospitals."""
        number = int(state["round"])
        where = updates.places(self.weights, self.p.keep, self.p.seed, number)
        if self.p.precision != "quantised":
            return updates.unchanged(update, where)
        step = np.repeat(state["step"], self.sizes)
        to, key = updates.steps(state["nodes"]), (self.p.seed, number, 2, *node)
        return updates.quantised(update, where, step, to, key)

    def _rank(self, batch: Batch, state: State) -> Partial:
        return self._ranked(self._x(batch, state), self._y(batch), self._held(batch), state["weights"])

    def _suit(self, batch: Batch, state: State) -> Partial:
        """With a head of its own a hospital does not stray from the model: it has another."""
        held = self._held(batch) & (self.p.personal is None)
        x = self._x(batch, state)[held]
        score = nets.scores(self.net, state["weights"], x) if len(x) else np.empty(0)
        return Partial(calibration(score, self._y(batch)[held], np.ones(len(x), dtype=np.bool_), None))

    def _ranked(self, x: Floats, y: Floats, held: npt.NDArray[np.bool_], weights: Floats) -> Partial:
        """The losses, and (2, 2, RANKS) rows by set, outcome and bin of predicted risk."""
        score = nets.scores(self.net, weights, x)
        loss = nets.losses(score, y)
        place = ranking.bins(ranking.grid(score, 0.0, 1.0), 1 + np.arange(RANKS) / RANKS)
        cell = place + RANKS * ((y == 1) + 2 * held.astype(np.int64))
        ranks = np.bincount(cell, minlength=4 * RANKS).reshape(2, 2, RANKS)
        return Partial({"loss": np.array([loss[~held].sum(), loss[held].sum()]), "ranks": ranks})

    def _rank_own(self, total: Gathered, state: State, kept: State) -> tuple[Partial, State]:
        """The same with this hospital's own head, and the whole model, which stays here."""
        rows, weights = total.in_order(), self._whole(state["weights"], kept)
        model = {
            "outcome": self.outcome.name,
            "net": self.net.as_told(),
            "inputs": [self._told(i, state) for i in range(len(self.inputs))],
            "weights": self.net.told(weights),
        }
        return self._ranked(rows[:, :-2], rows[:, -2], rows[:, -1] == 1, weights), {**kept, OWN_MODEL: model}

    # What follows from the sums over all hospitals.

    def _after_prepare(self, total: Partial, state: State) -> Next:
        for c, beyond in zip(self.categories, total["outside"], strict=True):
            check_inside(int(beyond), [c.name])
        train, held = (int(k) for k in total["rows"])
        if train == 0 or held == 0:
            raise nothing_held_out()
        found = moments.refine(
            {k[8:]: v for k, v in total.fields.items() if k.startswith("moments ")}, state["moments"]
        )
        if not isinstance(found, Moments):
            return Next({**state, "moments": found})
        self.outcome.check("binomial", int(total["impossible"]), int(total["positive"][0]) in (0, train))
        mean, spread = found.mean, found.sd()
        if self.net.image is not None:
            mean, spread = nets.together(mean, spread)
        if self.p.precision == "quantised":
            updates.steps(int(total["nodes"]))
        kind = np.float32 if self.p.precision == "quantised" else np.float64
        known: State = {
            "phase": "train",
            "n": total["rows"],
            "alike": total["alike"],
            "nodes": int(total["nodes"]),
            "centre": mean.astype(kind),
            "size": np.where(spread > 1e-30, spread, 1.0).astype(kind),
            "weights": self.net.initial(self.p.seed)[: self.weights],
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
            after = {**state, **self._followed(self._summed(total["update"], state), state), "round": number + 1}
            after["history"] = np.vstack([state["history"], total["loss"]])
        if "energy" in total.fields:
            known, most = state["step"], updates.steps(state["nodes"]).most
            energy = total["energy"] if known is None else total["energy"] * known**2
            after["step"] = updates.step_sizes(energy, self.sizes, state["nodes"], most)
        if after["round"] == self.p.rounds:
            after = {**after, "phase": "rank"}
            del after["momentum"], after["step"]
        return Next(after, Text(f"round {after['round']} of {self.p.rounds}", f"第 {after['round']} 轮"))

    def _summed(self, said: npt.NDArray[Any], state: State) -> Floats:
        """(weights,) the mean update of which these are the places sent."""
        update = np.zeros(self.weights)
        where = updates.places(self.weights, self.p.keep, self.p.seed, int(state["round"]))
        update[where] = said
        if self.p.precision == "quantised":
            update *= np.repeat(state["step"], self.sizes)
        return update

    def _followed(self, update: Floats, state: State) -> State:
        """The common weights after a mean update."""
        rate = self.p.server_learning_rate
        if self.p.algorithm != "fedadam":
            return self._bounded({"weights": state["weights"] + (1.0 if rate is None else rate) * update})
        step, momentum = updates.adam(update, state["momentum"], 0.02 if rate is None else rate)
        return self._bounded({"weights": state["weights"] + step, "momentum": momentum})

    def _bounded(self, state: State) -> State:
        if not np.abs(state["weights"]).max() < 1e6:
            raise updates.diverged()
        if self.p.precision == "single":  # what the nodes are told is then what is here
            state = {**state, "weights": state["weights"].astype(np.float32).astype(np.float64)}
        return state

    def _after_noise(self, total: Partial, state: State) -> Next | Done:
        assert self.noisy is not None
        after = self.noisy.after(total, state)
        if isinstance(after, Fit):
            told = {"outcome": self.outcome.name, "algorithm": self.p.algorithm, **self._model(state)}
            return Done(Result({"n": after.n, **told, **after.values}, (Noised(),)))
        if "slope" in after:
            slope = after.pop("slope") + self.p.l2 * state["weights"]
            after |= self._followed(-self.p.learning_rate * slope, state)
        return Next(after, Text(f"round {after['round']} of {self.p.rounds}", f"第 {after['round']} 轮"))

    def _after_rank(self, total: Partial, state: State) -> Done:
        loss = np.vstack([state["history"], total["loss"]]) / state["n"]
        n = [int(k) for k in state["n"]]
        values: dict[str, Any] = {
            "n": sum(n),
            "outcome": self.outcome.name,
            "algorithm": self.p.algorithm,
            **self._model(state),
            "history": [{"rounds": i, **dict(zip(SETS, map(float, row), strict=True))} for i, row in enumerate(loss)],
        }
        shown, people = list[Exposure]([Table(("n",))]), list[int]()
        for i, name in enumerate(SETS):
            values[name], least = boosted.fit(n[i], loss[:, i], len(loss) - 1, total["ranks"][i])
            shown += boosted.exposed(name, values[name], least, len(loss))
            people.append(least)
        attacked = attack(by_loss(total["ranks"], 0.0), state["alike"])
        gained, rests = told(attacked, min(n))
        return Done(Result(values | gained, (*shown, *rests, Model(people[0], self.weights, attacked))))

    def _model(self, state: State) -> dict[str, Any]:
        own = {"personal": self.p.personal} if self.p.personal else {}
        return {
            "net": {**self.net.as_told(), **own, "parameters": self.weights},
            "inputs": [self._told(i, state) for i in range(len(self.inputs))],
            "weights": self.net.told(state["weights"]),
        }

    def _told(self, i: int, state: State) -> dict[str, Any]:
        column, level = self.inputs[i]
        if level is not None:
            return {"column": column.name, "level": level}
        centre, size = self._scale(i, state)
        known = dict(zip(("low", "high"), self.ranges.get(column.name, ()), strict=False))
        return {"column": column.name, "centre": centre, "size": size, **known}


METHOD = Nn
