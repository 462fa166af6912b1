"""Guard: a table of checks that stands between every sum and its release, outside any method.

Census checks look at the cohort before a method runs; result checks take the result in turn, each handing on what it
let through. Every check reports in words, also when it passed or was not asked for. A refusal ends the study as denied.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from huizhen.kit.errors import HuizhenError, Refused
from huizhen.kit.text import Text
from huizhen.model.census import Census
from huizhen.model.grant import Limits
from huizhen.model.release import Check
from huizhen.model.result import Result
from huizhen.privacy.cells import hide_small_cells
from huizhen.privacy.cohort import (
    check_contributors,
    check_differencing,
    check_one_hospital,
    check_single_hospitals,
    check_smallest_cohort,
)
from huizhen.privacy.differential import add_noise
from huizhen.privacy.draft import Draft, found
from huizhen.privacy.few import check_rows_per_parameter, hide_few_people, thin_curves
from huizhen.privacy.membership import check_membership
from huizhen.privacy.noise import Noise
from huizhen.privacy.places import copied, figures
from huizhen.privacy.rounding import round_counts
from huizhen.privacy.rows import check_rows


@dataclass(frozen=True)
class Guarded:
    """What the guard lets through. `values` is None when denied; `epsilon_spent` is None when no noise was drawn."""

    status: Literal["released", "denied"]
    values: dict[str, Any] | None
    checks: tuple[Check, ...]
    epsilon_spent: float | None


@dataclass(frozen=True)
class CensusCheck:
    """A check of the cohort. `asks` is the question it answers; its function's docstring is the reference."""

    name: str
    function: Callable[[Census, Limits], Check]
    asks: Text


@dataclass(frozen=True)
class ResultCheck:
    """A check of the result, which may change it."""

    name: str
    function: Callable[[Draft], tuple[Draft, Check]]
    asks: Text


def check_declared(draft: Draft) -> tuple[Draft, Check]:
    """Refuse figures of which the method does not say what they expose: what is not declared cannot be protected."""
    if not draft.exposures and any(True for _ in figures(draft.values)):
        text = Text(
            "The method does not say what its figures rest on, so nothing can protect them. Report it to its author.",
            "该方法未声明其数值所依据的人数，因而无法加以保护。请联系方法作者。",
        )
        return draft, found("declared", "refused", text)
    return draft, found("declared", "passed", Text("The method declares its figures.", "该方法已声明其数值。"))


CHECKS: tuple[CensusCheck | ResultCheck, ...] = (
    CensusCheck(
        "smallest-cohort",
        check_smallest_cohort,
        Text("Are there enough people?", "人数足够吗？"),
    ),
    CensusCheck(
        "contributors",
        check_contributors,
        Text("Are there enough hospitals to hide each one?", "医院数足以隐藏其中每一家吗？"),
    ),
    CensusCheck(
        "one-hospital",
        check_one_hospital,
        Text("Is the sum more than one hospital's own figure?", "总和是否不只是某一家医院的数据？"),
    ),
    CensusCheck(
        "differencing",
        check_differencing,
        Text("Would an earlier result, taken away, leave a few people?", "减去先前结果是否只剩少数几人？"),
    ),
    CensusCheck(
        "single-hospitals",
        check_single_hospitals,
        Text("Is anything told of single hospitals?", "是否透露单家医院的信息？"),
    ),
    ResultCheck(
        "declared",
        check_declared,
        Text("Does the method say what each figure rests on?", "方法是否声明了各数值的依据？"),
    ),
    ResultCheck(
        "noise",
        add_noise,
        Text("Was differential privacy asked for?", "是否要求差分隐私？"),
    ),
    ResultCheck(
        "small-cells",
        hide_small_cells,
        Text("Does a count show, or give away, a few people?", "是否有计数显露或可反推出少数几人？"),
    ),
    ResultCheck(
        "few-people",
        hide_few_people,
        Text("Does a statistic rest on a few people?", "是否有统计量仅基于少数几人？"),
    ),
    ResultCheck(
        "rows-per-parameter",
        check_rows_per_parameter,
        Text("Could a model recite the people it was fitted to?", "模型是否可能复述其训练对象？"),
    ),
    ResultCheck(
        "membership",
        check_membership,
        Text("Does the model give away who was in its training?", "模型是否会泄露训练中有哪些人？"),
    ),
    ResultCheck(
        "rows",
        check_rows,
        Text("Do rows keep their promise, and did attacks on them fail?", "数据行是否符合承诺，且攻击均告失败？"),
    ),
    ResultCheck(
        "curves",
        thin_curves,
        Text("Does a step of a curve show a few people?", "曲线的某一步是否显露少数几人？"),
    ),
    ResultCheck(
        "rounding",
        round_counts,
        Text("Was rounding asked for?", "是否要求取整？"),
    ),
)
"""In the order in which they run. Nothing after noise refuses, so that no budget is spent on a study that is denied."""


def guard_census(census: Census, limits: Limits) -> tuple[Check, ...]:
    """Every census check, before any method runs. One that is refused ends the study as denied."""
    return tuple(row.function(census, limits) for row in CHECKS if isinstance(row, CensusCheck))


def guard_result(result: Result, census: Census, limits: Limits, noise: Noise) -> Guarded:
    """Every check, on the census of the last round and the result of the method; `result` is left as it is.

    Pure but for `noise`, which is drawn at most once, after everything that may refuse: who keeps a budget commits it
    in `noise`, before the draw. Raises Refused(exposure-mismatch) when the result does not hold what the method
    declares; then nothing is released.
    """
    checks = list(guard_census(census, limits))
    draft = Draft(result.values, result.exposures, census, limits, noise)
    for row in CHECKS:
        if isinstance(row, ResultCheck):
            if any(check.outcome == "refused" for check in checks):
                text = Text("Not looked at, since the study was refused.", "研究已被拒绝，未作检查。")
                checks.append(found(row.name, "off", text))
            else:
                draft, check = row.function(draft)
                checks.append(check)
    if draft.noised and limits.epsilon is None:
        raise ValueError("a result with noise that nobody asked for")
    if any(check.outcome == "refused" for check in checks):
        return Guarded("denied", None, tuple(checks), None)
    return Guarded("released", copied(draft.values), tuple(checks), draft.epsilon_spent)


def why_not_released(checks: tuple[Check, ...]) -> HuizhenError:
    against = [c for c in checks if c.outcome == "refused"]
    return Refused(
        "guard-refused",
        Text(" ".join(c.en for c in against), "".join(c.zh for c in against)),
        Text("Ask for less detail or more people.", "请减少细节或扩大人群。"),
    )
