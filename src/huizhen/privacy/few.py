"""Figures that rest on too few people: statistics, models, steps of a curve."""

from __future__ import annotations

from typing import Any

from huizhen.kit.text import Text
from huizhen.model.release import Check
from huizhen.model.result import Curve, Path
from huizhen.privacy.draft import Draft, found
from huizhen.privacy.places import at, mismatch

LARGEST_SHARE = 0.5
"""No person may hold more than this share of a total (Brandt et al. 2010, "Guidelines for the checking of output based
on microdata research", ESSnet SDC: the largest contributor must not exceed 50 %)."""


def hide_few_people(draft: Draft) -> tuple[Draft, Check]:
    """Hide statistics of fewer than min_cell people, and totals of which one person may hold more than half.

    `Statistic.dominance` is an upper bound of that share, so a total that is shown is surely not dominated.
    """
    name, least = "few-people", draft.limits.min_cell
    if not draft.statistics:
        text = Text("The result holds no statistic of its own.", "结果中没有单独的统计量。")
        return draft, found(name, "passed", text)
    few = [p for s in draft.statistics if s.people < least for p in s.paths]
    dominated = [
        p for s in draft.statistics if s.people >= least and not (s.dominance or 0.0) <= LARGEST_SHARE for p in s.paths
    ]
    hidden = [p for p in dict.fromkeys([*few, *dominated]) if at(draft.values, p) is not None]
    if not hidden:
        text = Text(
            f"Every statistic rests on at least {least} people, and no person holds more than half of a total.",
            f"每个统计量都至少基于 {least} 人，且任何总额中没有一人占一半以上。",
        )
        return draft, found(name, "passed", text)
    text = Text(
        f"{len(hidden)} statistics are hidden: they rest on fewer than {least} people, or one person may hold more "
        "than half of the total.",
        f"隐藏了 {len(hidden)} 个统计量：所依据的人数少于 {least}，或某一人可能占总额一半以上。",
    )
    return draft.put(dict.fromkeys(hidden)), found(name, "hidden", text, hidden)


def check_rows_per_parameter(draft: Draft) -> tuple[Draft, Check]:
    """Refuse a model fitted to fewer than min_cell people per parameter: it would come close to reciting them
    (residual degrees of freedom: Brandt et al. 2010, ESSnet SDC, section on modelling; events per variable: Peduzzi
    et al. 1996, J. Clin. Epidemiol. 49)."""
    name, least = "rows-per-parameter", draft.limits.min_cell
    if draft.noised:
        text = Text(
            "Not asked: noise, and not the number of people per parameter, is what keeps the model from reciting them.",
            "不适用：防止模型复述个人的是噪声，而不是每个参数对应的人数。",
        )
        return draft, found(name, "passed", text)
    if not draft.models:
        return draft, found(name, "passed", Text("The result is not a fitted model.", "结果不是拟合模型。"))
    if any(m.people < least * max(1, m.parameters) for m in draft.models):
        text = Text(
            f"The model has fewer than {least} people (events, or cases of the rarer outcome) per parameter. "
            "Use fewer terms or fewer levels, or widen the cohort.",
            f"模型每个参数对应的人数（事件数，或较少见结局的例数）少于 {least}。请减少变量或水平数，或扩大队列。",
        )
        return draft, found(name, "refused", text)
    text = Text(f"The model has at least {least} people per parameter.", f"模型每个参数至少对应 {least} 人。")
    return draft, found(name, "passed", text)


def thin_curves(draft: Draft) -> tuple[Draft, Check]:
    """Keep the steps of each curve that rest on enough people; see `kept`."""
    name, least = "curves", draft.limits.min_cell
    if not draft.curves:
        return draft, found(name, "passed", Text("The result holds no curve.", "结果中没有曲线。"))
    new: dict[Path, Any] = {}
    hidden: list[Path] = []
    dropped = 0
    for curve in draft.curves:
        steps = _steps(draft, curve)
        kept = thinned(steps, least)
        if kept != steps:
            new[curve.path] = kept
            hidden += [curve.path]
        dropped += len(steps) - len(kept)
    if not new:
        text = Text(
            f"Every step of every curve holds at least {least} events and leaves at least {least} people at risk.",
            f"每条曲线的每一步至少含 {least} 个事件，且至少有 {least} 人处于风险中。",
        )
        return draft, found(name, "passed", text)
    text = Text(
        f"{dropped} steps are left out: a step is kept where at least {least} events lie since the last one kept and "
        f"at least {least} people remain at risk. Kept steps are exact; where fewer than {least} people had the event, "
        "or were censored, at the very moment of a step, that number is hidden.",
        f"略去了 {dropped} 步：仅当自上一保留步以来至少有 {least} 个事件且至少 {least} 人仍处于风险中时才保留一步。"
        f"保留的各步为精确值；若某一时刻的事件数或删失数少于 {least}，该数字隐藏。",
    )
    return draft.put(new), found(name, "hidden", text, hidden)


def thinned(steps: list[dict[str, Any]], least: int) -> list[dict[str, Any]]:
    """The steps after which at least `least` events lie since the last kept step and at which at least `least` people
    are at risk, in the order given. A kept step's own 'events' or 'censored' between 1 and least - 1 becomes None."""
    kept: list[dict[str, Any]] = []
    events = 0
    for step in steps:
        events += step["events"]
        if events >= least and step["at_risk"] >= least:
            kept.append({k: None if k in ("events", "censored") and 0 < v < least else v for k, v in step.items()})
            events = 0
    return kept


def _steps(draft: Draft, curve: Curve) -> list[dict[str, Any]]:
    steps = at(draft.values, curve.path)
    if not isinstance(steps, list) or not all(isinstance(s, dict) and {"at_risk", "events"} <= s.keys() for s in steps):
        raise mismatch(Text("a curve has no 'at_risk' and 'events'", "曲线缺少 at_risk 或 events"))
    return steps
