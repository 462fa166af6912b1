"""What a method answers, and what each figure in it exposes, so that one guard can protect every method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Path = tuple[str | int, ...]
"""Where a value stands in `Result.values`: keys of mappings and positions in lists, from the outside in."""


@dataclass(frozen=True)
class Table:
    """Counts of people at `path`: a number, or nested lists of any depth (a contingency table).

    Cells smaller than min_cell are hidden (None), and as many more as it takes that no margin gives them back.
    `margins`: paths of the published margins; a margin at axis k is the table summed over all other axes, given as
    (path, axis), axis None for the grand total. `derived` values (chi-square, proportions) are hidden when any cell is.
    Under differential privacy the table is what receives noise: each person must be in at most one cell per row of
    theirs.
    """

    path: Path
    margins: tuple[tuple[Path, int | None], ...] = ()
    derived: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Statistic:
    """Figures at `paths` that rest on `people` people; hidden when these are fewer than min_cell.

    `dominance`: an upper bound of the largest person's share of the total, sqrt(sum x^2) / |sum x|, where a total can
    be dominated (sums of non-negative amounts); None otherwise. A quantile rests on the people on its thinner side.
    """

    paths: tuple[Path, ...]
    people: int
    dominance: float | None = None


@dataclass(frozen=True)
class Membership:
    """What an attack on membership gains that tells `members` training rows from `others` that are none.

    `advantage`: share of members found less share of others mistaken for members, at the attacker's best threshold;
    `auc`: how likely a member looks more like one than another does (0.5: guessing). `against`: the others are rows
    that were held out, or the members themselves under models fitted without each. `chance`: an advantage that so few
    different rows give by chance alone, once in twenty times, from a model that gives nothing away; 0 where both are
    the same rows.
    """

    members: int
    others: int
    advantage: float
    auc: float
    chance: float = 0.0
    against: Literal["held-out", "leave-one-out"] = "held-out"


@dataclass(frozen=True)
class Model:
    """A fitted model: refused as a whole when there are fewer than min_cell people per parameter.

    `people` is the effective number: rows, for a binary outcome the rarer class, for survival the events.
    `membership`: the attack that was run on it; without one (None) it is refused.
    """

    people: int
    parameters: int
    membership: Membership | None = None


@dataclass(frozen=True)
class Curve:
    """A step curve at `path`: a list of mappings with 'at_risk' and 'events' among their keys.

    Steps are kept only where at least min_cell events lie since the last kept one and at least min_cell people remain
    at risk; kept steps are exact, but where fewer than min_cell people had the event or were censored ('censored') at
    the very moment of a kept step, that number is hidden.
    """

    path: Path


@dataclass(frozen=True)
class Noised:
    """All figures follow from sums that held differentially private noise when they left the nodes (`Method.blur`)."""


@dataclass(frozen=True)
class Rows:
    """Rows that one hospital gives out beside the result: in classes of at least `smallest` people who cannot be told
    apart, where `promised` are; `broken` names the attacks on them that gained more than is promised."""

    node: str
    smallest: int
    promised: int
    broken: tuple[str, ...]


Exposure = Table | Statistic | Model | Curve | Noised | Rows


@dataclass(frozen=True)
class Result:
    """`values` is JSON: mappings, lists, strings, numbers, None; counts are int, the rest float."""

    values: dict[str, Any]
    exposures: tuple[Exposure, ...] = field(default=())
