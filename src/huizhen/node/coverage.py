"""How far consent covers a dataset: in rounded numbers, and none that rests on few people."""

from __future__ import annotations

from typing import NamedTuple

from pyroaring import BitMap

from huizhen.kit.clock import stamp
from huizhen.model.consent import METHOD_KINDS, MethodKind, Use
from huizhen.model.dataset import Dataset
from huizhen.model.party import PARTY_KINDS
from huizhen.model.purpose import PURPOSES
from huizhen.node.agent import Agent
from huizhen.privacy.rounding import nearest

ROUND_TO = 10
"""Counts of people are shown as multiples of this."""
_ANY_PRICE = 2**53 - 1


class Covered(NamedTuple):
    """People of the hospital whose yes covers a purpose, by kind of method; None: some, and too few to be told."""

    purpose: str
    people: dict[MethodKind, int | None]


def told(count: int, least: int) -> int | None:
    """A count of people as it may be shown: none at all is told, fewer than `least` are not, the rest is rounded."""
    if 0 < count < least:
        return None
    return nearest(count, ROUND_TO)


def least_shown(agent: Agent) -> int:
    """The smallest number of people that is shown here."""
    return max(ROUND_TO, agent.policy().min_cell)


def coverage(agent: Agent, card: Dataset) -> list[Covered]:
    """For each purpose that is not prohibited: whose yes lets some kind of domestic recipient use this dataset, by some
    method of that kind, at a price that everybody takes."""
    now, least = stamp(agent.clock()), least_shown(agent)
    found = []
    for purpose in PURPOSES.values():
        if not purpose.prohibited:
            by_kind = {kind: told(len(_people(agent, card, purpose.code, kind, now)), least) for kind in METHOD_KINDS}
            found.append(Covered(purpose.code, by_kind))
    return found


def _people(agent: Agent, card: Dataset, purpose: str, method: MethodKind, now: str) -> BitMap:
    uses = [
        Use(purpose=purpose, dataset=card.name, category=card.table.category, recipient=kind, foreign=False,
            method=method, price_fen=_ANY_PRICE, patient_percent=100)
        for kind in PARTY_KINDS
    ]  # fmt: skip
    return BitMap.union(*(agent.book.consents.people(use, now) for use in uses))
