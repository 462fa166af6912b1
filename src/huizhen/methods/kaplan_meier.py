"""Survival over time by Kaplan and Meier, altogether or by group, with the log-rank test between groups."""

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
from huizhen.model.method import FINITE, Done, Method, Next, State
from huizhen.model.partial import Partial
from huizhen.model.result import Curve, Exposure, Result, Statistic, Table
from huizhen.statistics import curve, times
from huizhen.statistics.columns import check_different, check_inside, duration, event, levelled, levels, positions

Counts = npt.NDArray[np.int64]


class Params(Document):
    duration: str
    event: str
    """1 where the event happened at the end of the duration, 0 where observation ended without it."""
    group: str | None = None
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95


class KaplanMeier(Method):
    """Values: duration, event, unit, by, confidence, n, cases, groups, logrank (chi2, dof, p; None without groups).

    groups, in the order of the levels: group, n, events, median, curve. A curve has one step for each distinct time in
    its group: time, at_risk, events, censored, survival, std_error, ci_low, ci_high; before the first it is 1.
    Limits are on the log(-log) scale, as lifelines has them. The median is the first time at which survival is one half
    or less, None when it stays above. Once survival is zero, its error and limits are None, as in R.
    cases[group] = [events, censored].
    """

    name = "kaplan_meier"
    Params = Params
    yields = "statistics"
    summary = Text(
        "Survival curves by Kaplan and Meier with confidence limits and medians; log-rank test between groups.",
        "Kaplan-Meier 生存曲线，附置信区间和中位生存时间；组间比较采用对数秩检验。",
    )
    reveals = Text(
        "The distinct durations that occur at any hospital, and for all hospitals together how many events and "
        "ends of observation without one there were at each, by group.",
        "各医院出现过的不同时长，以及所有医院合计的、各时长上每组的事件数与删失数。",
    )
    max_rounds = 140
    largest = FINITE

    def __init__(self, params: Document, schema: Schema) -> None:
        super().__init__(params, schema)
        asked = cast(Params, params)
        names = [asked.duration, asked.event, *([asked.group] if asked.group else [])]
        check_different(names, "duration, event, group")
        self.duration, self.event = duration(schema, asked.duration), event(schema, asked.event)
        self.group = levelled(schema, asked.group) if asked.group else None
        self.groups = list(levels(self.group)) if self.group else [None]
        self.confidence = asked.confidence

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(c.name for c in (self.duration, self.event, self.group) if c)

    def start(self) -> State:
        return {"times": times.start()}

    def partial(self, batch: Batch, state: State) -> Partial:
        durations, happened = batch[self.duration.name], positions(self.event, batch[self.event.name])
        group = positions(self.group, batch[self.group.name]) if self.group else np.zeros(batch.rows, dtype=np.int64)
        outside = (group >= len(self.groups)) | (happened >= len(levels(self.event)))
        if "distinct" not in state:
            return Partial({"times": times.partial(durations, state["times"]), "outside": outside.sum()})
        known = state["distinct"]
        happened = batch[self.event.name] == 1
        place = np.searchsorted(known, durations)
        unseen = outside | (known[np.minimum(place, len(known) - 1)] != durations)
        shape = (len(self.groups), len(known))
        return Partial(
            {
                "events": _at(group, place, happened & ~unseen, shape),
                "censored": _at(group, place, ~happened & ~unseen, shape),
                "unseen": unseen.sum(),
            }
        )

    def combine(self, total: Partial, state: State) -> Next | Done:
        if "distinct" not in state:
            check_inside(int(total["outside"]), self.columns)
            found = times.refine(total["times"], state["times"])
            if isinstance(found, dict):
                return Next({"times": found}, Text("finding the distinct times", "正在确定不同的时间点"))
            if len(found) == 0:
                raise Unable(
                    "no-rows",
                    Text("No row is left to follow over time.", "没有可供生存分析的记录。"),
                    Text("Widen the cohort.", "请放宽队列条件。"),
                )
            return Next({"distinct": found}, Text(f"{len(found)} distinct times", f"共 {len(found)} 个不同时间点"))
        if total["unseen"] > 0:
            raise times.rows_changed()
        return Done(self._result(total["events"], total["censored"], state["distinct"]))

    def _result(self, events: Counts, censored: Counts, distinct: npt.NDArray[np.float64]) -> Result:
        risk = curve.at_risk(events + censored)
        test = curve.log_rank(events, risk) if self.group else None
        cases = np.stack([events.sum(axis=1), censored.sum(axis=1)], axis=1)
        groups, medians = [], []
        for g, level in enumerate(self.groups):
            group, people = _group(events[g], censored[g], distinct, self.confidence)
            groups.append({"group": level, **group})
            medians.append(Statistic((("groups", g, "median"),), people))
        values = {
            "duration": self.duration.name,
            "event": self.event.name,
            "unit": self.duration.unit,
            "by": self.group.name if self.group else None,
            "confidence": self.confidence,
            "n": int(cases.sum()),
            "cases": cases.tolist(),
            "groups": groups,
            "logrank": None if test is None else {"chi2": test.chi2, "dof": test.dof, "p": test.p},
        }
        return Result(values, (*self._counts(test is not None), *medians))

    def _counts(self, tested: bool) -> list[Exposure]:
        """n and events of each group are margins of its cases."""
        test = tuple(("logrank", name) for name in ("chi2", "dof", "p")) if tested else ()
        shown: list[Exposure] = [Table(("cases",), ((("n",), None),), test)]
        for g in range(len(self.groups)):
            shown.append(Table(("cases", g), ((("groups", g, "n"), None),)))
            shown.append(Table(("cases", g, 0), ((("groups", g, "events"), None),)))
            shown.append(Curve(("groups", g, "curve")))
        return shown


def _at(group: Counts, place: Counts, chosen: npt.NDArray[np.bool_], shape: tuple[int, int]) -> Counts:
    """(groups, times) how many of the chosen rows there are."""
    cells = group[chosen] * shape[1] + place[chosen]
    return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)


def _group(
    events: Counts, censored: Counts, distinct: npt.NDArray[np.float64], confidence: float
) -> tuple[dict[str, Any], int]:
    """One group's values, and on how many people its median rests: the fewer of those before it and those left."""
    here = events + censored > 0
    events, censored, when = events[here], censored[here], distinct[here]
    risk = curve.at_risk(events + censored)
    estimate = curve.product_limit(events, risk, confidence)
    middle = curve.median_index(events, risk)
    columns = {
        "time": when,
        "at_risk": risk,
        "events": events,
        "censored": censored,
        "survival": estimate.survival,
        "std_error": estimate.std_error,
        "ci_low": estimate.low,
        "ci_high": estimate.high,
    }
    rows = zip(*(a.tolist() for a in columns.values()), strict=True)
    steps = [{k: None if v != v else v for k, v in zip(columns, row, strict=True)} for row in rows]  # noqa: PLR0124
    people = 0 if middle is None else int(min(events[: middle + 1].sum(), risk[middle]))
    median = None if middle is None else float(when[middle])
    return {"n": int(here.any() and risk[0]), "events": int(events.sum()), "median": median, "curve": steps}, people


METHOD = KaplanMeier
