"""A synthetic table of many hospitals: noisy counts of columns and of pairs, from which rows of nobody are drawn."""

from __future__ import annotations

import math
from typing import Annotated, Any, cast

import numpy as np
import numpy.typing as npt
from pydantic import Field

from huizhen.kit.errors import BadInput, Refused, Unable
from huizhen.kit.text import Text
from huizhen.model.batch import Batch
from huizhen.model.dataset import Column, Level, Schema
from huizhen.model.document import Document
from huizhen.model.method import FINITE, Blur, Done, Method, Next, Privacy, State
from huizhen.model.partial import Partial
from huizhen.model.result import Noised, Result
from huizhen.privacy.accounting import cost_within
from huizhen.privacy.synthetic import shared
from huizhen.privacy.synthetic.attack import told_at_most
from huizhen.privacy.synthetic.shared import PHASES, Plan
from huizhen.privacy.synthetic.source import deviation
from huizhen.privacy.synthetic.tree import MEAN
from huizhen.statistics.columns import check_different, is_levelled, levels, positions, usable
from huizhen.statistics.gathered import Gathered
from huizhen.statistics.holdout import held_out
from huizhen.statistics.noisy_net import BINS, UNIT, fit

Floats = npt.NDArray[np.float64]
MOST_VALUES = 10_000
_YEARS = (1800, 2200)


class Held(Document):
    """What a column can hold. A column with levels in the schema needs nothing said: {}."""

    range: tuple[float, float] | None = None
    """The smallest and the largest number, both included; of dates the first and the last year. From knowledge and not
    from these data. What is below or above counts as near it."""
    edges: Annotated[tuple[float, ...], Field(max_length=1001)] = ()
    """In place of range: where bins of a number begin, and where the last one ends."""
    bins: Annotated[int, Field(ge=1, le=1000)] = 32
    """Equal parts of the range; within one, numbers are drawn alike likely."""
    decimals: Annotated[int, Field(ge=0, le=6)] = 0
    """Of the numbers that are drawn; 0 for a column of whole numbers."""


class Params(Document):
    columns: Annotated[dict[str, Held], Field(min_length=1, max_length=shared.MOST_COLUMNS)]
    """The columns of the synthetic table, and what each can hold."""
    judge: Annotated[tuple[str, ...], Field(max_length=3)] = ()
    """Columns with levels whose commonest value is foretold by what was learned, for people who were kept out of it: an
    area under the ROC curve says what the table is good for."""
    holdout: Annotated[float, Field(ge=0.05, le=0.5)] = 0.1
    """Where there is something to judge, the share of people that is kept out of what is learned."""


class Synthesize(Method):
    """Values: n, about how many people there are; columns, of each its name, kind (values, number, date), levels or
    edges, and noisy counts, the last of them missing or other values; pairs, of each that was measured the two columns,
    the group of each of their values, and the noisy table; fidelity; use; privacy. Rows are drawn from columns and
    pairs: `huizhen study result ID --out rows.csv`.

    All counts are sums over hospitals that held their noise before they left. One row of each person is counted, chosen
    by nothing but the person. Single columns, all pairs in a few groups, and the pairs of a tree that is chosen by
    these, are counted in turn; their cost is accounted for beforehand. fidelity says of each pair of columns how far
    drawn rows are from the noisy counts, beside what noise alone makes: no further row is looked at.
    """

    name = "synthesize"
    Params = Params
    yields = "model"
    memorises = False
    complete_cases = False
    largest = FINITE
    private = "sums"
    rests_on = (
        "privacy/synthetic", "privacy/accounting.py", "privacy/shares.py", "privacy/attack*.py",
        "privacy/anonymise/distinct.py",
    )  # fmt: skip
    summary = Text(
        "Rows that are nobody's, drawn from noisy counts of columns and of pairs of columns of all hospitals.",
        "不属于任何人的合成数据行，由各医院合计的单列与列对含噪计数抽得。",
    )
    reveals = Text(
        "Of all hospitals together, with noise: people by value or bin of each column, and by groups of values of each "
        "pair of columns; and where judge is said, of people kept out, how many have a value, by how likely it was.",
        "所有医院合计的含噪计数：按各列取值或区间的人数，按列对取值分组的人数；"
        "若指定 judge，另有留出人群按预测概率的人数。",
    )

    def __init__(self, params: Document, schema: Schema, privacy: Privacy | None = None) -> None:
        super().__init__(params, schema, privacy)
        self.p = cast(Params, params)
        self.names = tuple(self.p.columns)
        check_different(self.names, "columns")
        self.axes = [_Axis(usable(schema, name), said) for name, said in self.p.columns.items()]
        for name in self.p.judge:
            if name not in self.names or not self.axes[self.names.index(name)].levels:
                raise _wrong(name, Text("cannot be judged", "无法评判"),
                             Text("Under judge stand columns of the table that have levels.",
                                  "judge 中应为表中有取值水平的列。"))  # fmt: skip
        self.cost = math.inf if privacy is None else cost_within(privacy.epsilon, privacy.delta)
        self.plan = Plan(tuple(a.size for a in self.axes), self.cost)

    @property
    def columns(self) -> tuple[str, ...]:
        return self.names

    @property
    def by_person(self) -> bool:
        return True

    def check_releasable(self) -> None:
        if self.privacy is None:
            raise BadInput(
                "synthesis-without-noise",
                Text("A synthetic table of exact counts would tell of single people.",
                     "由精确计数生成的合成表会暴露个人。"),
                Text("Give protection: {epsilon: 1}.", "请给出 protection: {epsilon: 1}。"),
            )  # fmt: skip

    def check_people(self, people: int) -> None:
        """Raises Unable('noise-drowns-table') before anything is spent: where most columns would be half noise."""
        if self.privacy is None:
            return
        sd = self.plan.sd({"phase": "single"})
        noise = float(np.median([MEAN * sd * a.size / 2 for a in self.axes])) / max(people, 1)
        if noise > 0.5 or self.privacy.delta * people >= 1:
            raise Unable(
                "noise-drowns-table",
                Text(f"With epsilon {self.privacy.epsilon:g} and delta {self.privacy.delta:g}, {people} people are too "
                     "few or too many: counts would be noise, or delta no promise.",
                     f"epsilon 为 {self.privacy.epsilon:g}、delta 为 {self.privacy.delta:g} 时，{people} 人过少或过多："
                     "计数将以噪声为主，或 delta 不成其为承诺。"),
                Text("Nothing was spent. Use fewer columns or bins, a larger epsilon, or another delta.",
                     "未消耗预算。请减少列或区间、提高 epsilon，或调整 delta。"),
            )  # fmt: skip

    # The rounds: single columns, all pairs in a few groups, the pairs of the tree, and who was kept out.

    def start(self) -> State:
        return {"phase": "single"}

    def told(self, state: State) -> State:
        wanted = {"choice": ("groups",), "pairs": ("pairs", "grouped"), "judge": ("common", "odds")}
        return {name: state[name] for name in ("phase", *wanted.get(state["phase"], ()))}

    def blur(self, state: State) -> Blur | None:
        if self.privacy is None or state["phase"] not in (*PHASES, "judge"):
            return None
        if state["phase"] == "judge":
            return Blur(len(PHASES), {"counts": self._sd_judged * UNIT})
        return Blur(PHASES.index(state["phase"]), {"counts": self.plan.sd(state) * UNIT})

    @property
    def _sd_judged(self) -> float:
        """Nobody who is kept out is in any other sum: the whole cost is there for these."""
        return deviation(self.cost / len(self.p.judge))

    def partial(self, batch: Batch, state: State) -> Partial:  # noqa: ARG002
        codes = [axis.codes(batch[axis.column.name]) for axis in self.axes]
        return Gathered({"rows": np.column_stack([*codes, batch.person]).astype(np.float64)})

    def close(self, total: Partial, state: State) -> Partial:
        rows = _one_each(cast(Gathered, total).in_order())
        out = held_out([rows[:, -1]], len(rows), self.p.holdout if self.p.judge else 0.0, 0)
        codes = rows[out if state["phase"] == "judge" else ~out, :-1].T.astype(np.int64)
        try:
            counts = self._judged(codes, state) if state["phase"] == "judge" else self.plan.counts(codes, state)
        except (ValueError, LookupError, TypeError):
            raise Refused(
                "synthesis-round",
                Text("This round asks for counts that the method never needs.", "本轮索取的计数并非该方法所需。"),
                Text("Nothing was counted. Ask the trustee why the hub sent this.",
                     "未作任何统计。请询问受托方中心为何发出该请求。"),
            ) from None  # fmt: skip
        return Partial({"counts": UNIT * counts})

    def _judged(self, codes: npt.NDArray[np.int64], state: State) -> npt.NDArray[np.int64]:
        """(columns judged * 2 * BINS,) people by outcome and by how likely it was held."""
        found = []
        for name, common, odds in zip(self.p.judge, state["common"], state["odds"], strict=True):
            score = sum((odds[j][c] for j, c in enumerate(codes)), np.zeros(codes.shape[1]))
            risk = 1 / (1 + np.exp(-np.clip(score, -700, 700)))
            place = np.clip(risk * BINS, 0, BINS - 1).astype(np.int64)
            has = codes[self.names.index(name)] == common
            found.append(np.bincount(place + BINS * has, minlength=2 * BINS))
        return np.concatenate(found)

    def combine(self, total: Partial, state: State) -> Next | Done:
        counts: Floats = total["counts"] / UNIT
        if state["phase"] == "single":
            return self._on(self.plan.after_single(counts), None, Text("columns counted", "已统计各列"))
        if state["phase"] == "choice":
            return self._on(self.plan.after_choice(counts, state), None, Text("pairs chosen", "已选定列对"))
        if state["phase"] == "pairs":
            return self._on({**state, "phase": "end"}, counts, Text("pairs counted", "已统计列对"))
        return Done(self._result(state, counts))

    def _on(self, state: State, pairs: Floats | None, note: Text) -> Next | Done:
        if state["phase"] != "end":
            return Next(state, note)
        counted = {**state, "phase": "pairs"}
        state = {**counted, "counts": pairs}
        if not self.p.judge:
            return Done(self._result(state, None))
        forest = self.plan.forest(pairs, counted)
        places = [self.names.index(name) for name in self.p.judge]
        common = [int(np.argmax(forest.single[i][:-1])) for i in places]
        odds = [shared.odds(forest, i, value) for i, value in zip(places, common, strict=True)]
        return Next({**state, "phase": "judge", "common": common, "odds": odds}, note)

    # The result.

    def _result(self, state: State, judged: Floats | None) -> Result:
        counted = {**state, "phase": "pairs"}
        forest = self.plan.forest(state["counts"], counted)
        near = self.plan.nearness(forest, counted)
        learned = 1 - self.p.holdout if self.p.judge else 1.0
        values: dict[str, Any] = {
            "n": round(forest.rows / learned),
            "columns": [{**a.as_json(), "counts": _few(c)} for a, c in zip(self.axes, forest.single, strict=True)],
            "pairs": [
                {"parent": self.names[e.parent], "child": self.names[e.child], "parent_groups": e.grouped[0].tolist(),
                 "child_groups": e.grouped[1].tolist(), "table": [_few(line) for line in e.table]}
                for e in forest.edges
            ],
            "fidelity": {
                "columns": [{"name": self.names[c["column"]], "noise": c["noise"]} for c in near["columns"]],
                "pairs": [
                    {"pair": f"{self.names[c['first']]} x {self.names[c['second']]}",
                     **{k: c[k] for k in ("distance", "noise")}}
                    for c in near["pairs"]
                ],
            },
            "use": [] if judged is None else self._use(state, judged),
            "privacy": self._promise(),
        }  # fmt: skip
        return Result(values, (Noised(),))

    def _use(self, state: State, judged: Floats) -> list[dict[str, Any]]:
        found = []
        parts = np.split(judged, len(self.p.judge))
        for name, common, counts in zip(self.p.judge, state["common"], parts, strict=True):
            value = self.axes[self.names.index(name)].levels[common]
            found.append({"column": name, "value": value, **fit(counts.reshape(2, BINS), self._sd_judged)})
        return found

    def _promise(self) -> dict[str, Any]:
        if self.privacy is None:
            return {}
        epsilon, delta = self.privacy.epsilon, self.privacy.delta
        return {
            "epsilon": epsilon,
            "delta": delta,
            "zcdp": self.cost,
            "membership_at_most": told_at_most(epsilon, delta),
            "sd_single": self.plan.sd({"phase": "single"}),
        }


class _Axis:
    """A column as codes: its levels or bins in order; the last code is of what is missing, or no level."""

    def __init__(self, column: Column, said: Held) -> None:
        """Raises BadInput where it is not known what the column can hold."""
        self.column, self.said = column, said
        asked = said.range is not None or bool(said.edges)
        self.levels: tuple[Level, ...] = levels(column) if is_levelled(column) and not asked else ()
        self.edges: Floats = np.empty(0) if self.levels else self._cut()
        self.size = (len(self.levels) if self.levels else len(self.edges) - 1) + 1
        if self.size > MOST_VALUES:
            raise _wrong(column.name, Text("has too many values", "取值过多"),
                         Text(f"At most {MOST_VALUES:,} can be counted with noise: leave the column out.",
                              f"含噪计数至多 {MOST_VALUES:,} 个取值：请去掉该列。"))  # fmt: skip

    @property
    def kind(self) -> str:
        return "values" if self.levels else "date" if self.column.type == "date" else "number"

    @property
    def decimals(self) -> int:
        return 0 if self.column.type in ("integer", "date", "boolean") else self.said.decimals

    def codes(self, values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        if self.levels:
            return positions(self.column, values)
        gaps = np.isnan(values)
        place = np.searchsorted(self.edges, np.where(gaps, 0.0, values), side="right") - 1
        return np.where(gaps, self.size - 1, place.clip(0, self.size - 2)).astype(np.int64)

    def as_json(self) -> dict[str, Any]:
        held = {"levels": list(self.levels)} if self.levels else {"edges": self.edges.tolist()}
        return {"name": self.column.name, "kind": self.kind, "decimals": self.decimals, **held}

    def _cut(self) -> Floats:
        said, unit = self.said, 10.0 ** -(0 if self.column.type in ("integer", "date") else self.said.decimals)
        ends = said.edges or said.range
        if self.column.type == "category" or ends is None or (said.edges and said.range) or len(ends) < 2:
            raise _wrong(self.column.name, Text("is not known in what it can hold", "未说明可取哪些值"),
                         Text("A number or date has a range, from knowledge: {range: [18, 100]}, of dates in years; or "
                              "edges. A column with levels has neither: {}.",
                              "数值或日期列须依常识给出范围：{range: [18, 100]}，日期以年计；或给出 edges。"
                              "有取值水平的列无需说明：{}。"))  # fmt: skip
        if not (np.diff(ends) > 0).all():
            raise _wrong(self.column.name, Text("has ends that do not ascend", "端点未递增"),
                         Text("Write the smaller first.", "请从小到大书写。"))  # fmt: skip
        if self.column.type == "date":
            first, last = (int(y) for y in (ends[0], ends[-1]))
            if said.edges or not _YEARS[0] <= first <= last <= _YEARS[1]:
                raise _wrong(self.column.name, Text("is a date", "是日期列"),
                             Text("Give its first and last year: {range: [2015, 2024]}.",
                                  "请给出起止年份：{range: [2015, 2024]}。"))  # fmt: skip
            ends = (_day(first), _day(last + 1) - 1)
        cuts = np.asarray(said.edges) if said.edges else np.linspace(ends[0], ends[-1] + unit, said.bins + 1)
        return np.unique(np.ceil(np.round(cuts / unit, 6)) * unit)


def _day(year: int) -> float:
    return float((np.datetime64(f"{year}-01-01") - np.datetime64("1970-01-01")).astype(int))


def _one_each(rows: Floats) -> Floats:
    """One row of each person, which one by nothing but the person's own; the last column is the person."""
    rows = rows[np.argsort(rows[:, -1], kind="stable")]
    first = np.flatnonzero(np.diff(rows[:, -1], prepend=np.nan) != 0)
    many = np.diff(first, append=len(rows))
    mixed = rows[first, -1].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(33)
    chosen: Floats = rows[first + (mixed % np.maximum(many, 1).astype(np.uint64)).astype(np.int64)]
    return chosen


def _few(counts: Any) -> list[float]:
    """To a hundredth of a person: there is noise of several."""
    return np.round(counts, 2).tolist()  # type: ignore[no-any-return]


def _wrong(name: str, why: Text, remedy: Text) -> BadInput:
    return BadInput("synthesis-column", Text(f"Column '{name}' {why.en}.", f"列“{name}”{why.zh}。"), remedy)


METHOD = Synthesize
