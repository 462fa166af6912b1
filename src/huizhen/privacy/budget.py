"""The privacy budget of one asker on one dataset: how much is spent, what a further release would make of it, and the
life of a reservation. Pure: the durable store is an adapter's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Literal, NamedTuple

from huizhen.kit.errors import BadInput, Conflict
from huizhen.kit.text import Text

State = Literal["reserved", "committed", "released"]
Event = Literal["reserve", "commit", "release"]


class Transition(NamedTuple):
    """One row of the life of a reservation; `before` None is where there was none."""

    before: State | None
    event: Event
    after: State
    means: Text


TRANSITIONS: tuple[Transition, ...] = (
    Transition(None, "reserve", "reserved", Text("a study asks for its share of the budget", "研究预留其预算份额")),
    Transition("reserved", "reserve", "reserved", Text("asked again after a crash", "崩溃后重复预留")),
    Transition("reserved", "commit", "committed", Text("noise is about to be drawn", "即将抽取噪声")),
    Transition("committed", "commit", "committed", Text("the step ran again after a crash", "崩溃后该步骤重新执行")),
    Transition(
        "reserved", "release", "released", Text("the study ended before noise was drawn", "研究在抽取噪声前结束")
    ),
    Transition("released", "release", "released", Text("released again after a crash", "崩溃后重复释放")),
)
"""All that can happen. What is not here cannot: committed is final and never refunded, and released is not revived."""

_GRID = 200_000
"""Points from 0 to the plain sum at which the distribution of privacy loss is kept."""

HOLDS: frozenset[State] = frozenset({"reserved", "committed"})
"""States that count against the budget."""


@dataclass(frozen=True)
class Reservation:
    """The share of a budget that one study holds."""

    study: str
    epsilon: float
    state: State

    @property
    def holds(self) -> bool:
        return self.state in HOLDS


def move(state: State | None, event: Event) -> State:
    """The state after `event`. Raises Conflict(budget-state) for what TRANSITIONS does not hold."""
    for row in TRANSITIONS:
        if (row.before, row.event) == (state, event):
            return row.after
    raise Conflict(
        "budget-state",
        Text(
            f"A budget that is {state or 'not reserved'} cannot {event}.",
            f"状态为 {state or '未预留'} 的预算不能 {event}。",
        ),
        Text(
            "A committed budget is never refunded; start a new study to reserve again.",
            "已提交的预算不予退还；如需再次预留，请新建研究。",
        ),
    )


def advance(reservation: Reservation, event: Event) -> Reservation:
    """The reservation after `event`. Raises Conflict(budget-state)."""
    return replace(reservation, state=move(reservation.state, event))


@dataclass(frozen=True)
class BudgetDecision:
    """Total epsilon at delta, before and after; `remaining` is what is left of the cap if the release is made, or as it
    stands if it is not allowed."""

    allowed: bool
    before: float
    after: float
    remaining: float


def check_budget(
    spent_history: Sequence[float], asked: float, cap_epsilon: float, delta: float, deltas: float = 0.0
) -> BudgetDecision:
    """Whether a release of epsilon `asked` keeps the total of all releases within `cap_epsilon` at `delta`.

    deltas: those of the releases, this one included, added up. A release with a delta is epsilon-private but with that
    probability (Kairouz, Oh and Viswanath 2015, ICML), so what is left of `delta` is for the composition, and more than
    `delta` is not allowed. Raises BadInput(bad-budget) unless every epsilon is positive and finite, 0 <= delta < 1.
    """
    left_delta = max(0.0, delta - deltas) if deltas else delta
    before = total_epsilon(spent_history, left_delta)
    after = max(before, total_epsilon([*spent_history, asked], left_delta))
    allowed = Fraction(repr(after)) <= Fraction(repr(float(cap_epsilon))) and deltas <= delta
    left = Fraction(repr(float(cap_epsilon))) - Fraction(repr(after if allowed else before))
    return BudgetDecision(allowed, before, after, float(max(left, Fraction(0))))


def total_epsilon(history: Sequence[float], delta: float) -> float:
    """The epsilon at `delta` of all releases together: the smaller of two upper bounds.

    The plain sum (Dwork and Roth 2014, theorem 3.14), added in decimals as people write them, holds however each
    epsilon was chosen. For delta > 0 also the composition of privacy loss distributions (Koskela, Jälkö and Honkela
    2020, AISTATS), as dp-accounting computes it, rounded to the safe side; it holds for epsilons that were not chosen
    in answer to earlier noise, so take delta 0 where askers may do that. Discrete Laplace noise at sensitivity 1 loses
    exactly +-epsilon, as randomised response does, which dominates every epsilon-private mechanism (Kairouz, Oh and
    Viswanath 2015, ICML), so one distribution serves for all our releases.
    """
    good = all(0 < e < float("inf") for e in history)
    if not good or not 0 <= delta < 1:
        raise BadInput(
            "bad-budget",
            Text(
                "A privacy budget needs positive, finite epsilons and a delta from 0 to 1.",
                "隐私预算要求 epsilon 为有限正数，delta 在 0 与 1 之间。",
            ),
            Text("Give epsilon as a number such as 0.5.", "请以数字给出 epsilon，例如 0.5。"),
        )
    plain = float(sum((Fraction(repr(float(e))) for e in history), Fraction(0)))
    if delta == 0 or len(history) < 2:
        return plain
    return min(plain, _composed(tuple(sorted(Counter(map(float, history)).items())), delta, plain / _GRID))


@lru_cache(maxsize=256)
def _composed(epsilons: tuple[tuple[float, int], ...], delta: float, step: float) -> float:
    from dp_accounting.pld import privacy_loss_distribution as pld

    total = None
    for epsilon, times in epsilons:
        part = pld.from_discrete_laplace_mechanism(epsilon, value_discretization_interval=step).self_compose(times)
        total = part if total is None else total.compose(part)
    return float(total.get_epsilon_for_delta(delta)) if total is not None else 0.0
