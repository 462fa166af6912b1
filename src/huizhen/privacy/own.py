"""Figures of one hospital alone: whether, and how roughly, a hospital that gives them away does so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from huizhen.model.grant import Participant
from huizhen.model.tally import Own

FLOOR = 10
"""Times min_cell: so many rows at least."""
FEWEST_WITHHELD = 3
"""Hospitals whose figures could be worked out together from the total and those that are shown: as for any sum."""
DIGITS = 2


def may_show(participants: Sequence[Participant], company: Sequence[str]) -> bool:
    """Whether those of the company that give figures of their own may do so: all of them do, or at least three do not.

    Otherwise the figures of one or two others, who withhold theirs, would follow from the total.
    """
    giving = {p.name for p in participants if p.own_figures}
    withheld = len(set(company) - giving)
    return withheld == 0 or withheld >= FEWEST_WITHHELD


def shown(own: Own, min_cell: int) -> Mapping[str, float] | None:
    """Two digits of each figure, and rows to the ten; None below ten times min_cell rows, or where a figure rests on
    fewer than min_cell people."""
    if own.rows < FLOOR * min_cell or own.least < min_cell:
        return None
    return {"rows": float(round(own.rows, -1)), **{k: float(f"{v:.{DIGITS}g}") for k, v in own.figures.items()}}
