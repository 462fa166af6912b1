"""Who is affected by a breach: found at the hospital, from who was in which study and whose rows are here.

The list stays at the node. The hub is told how many there are, signed, with a commitment to the list.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from pyroaring import BitMap

from huizhen.kit.canonical import canonical, salted
from huizhen.kit.clock import stamp
from huizhen.model.incident import Declaration
from huizhen.node.agent import Agent
from huizhen.node.statements import state


@dataclass(frozen=True)
class Affected:
    """The persons, by their pseudonyms at this node in hexadecimal, and by which studies and datasets they are."""

    pseudonyms: tuple[str, ...]
    studies: dict[str, int]
    datasets: dict[str, int]

    @property
    def people(self) -> int:
        return len(self.pseudonyms)


def affected(agent: Agent, said: Declaration) -> Affected:
    """Everybody included in a study that the breach names; and where it was this hospital's own systems, everybody with
    a row in a dataset that it names."""
    studies = {s: found[1] for s in said.studies if (found := agent.book.inclusion(s)) is not None}
    datasets = {}
    if said.holder == agent.name:
        for name in said.datasets:
            card = agent.book.card(name)
            if card is not None:
                datasets[name] = agent.runner.holding(card)
    people = BitMap.union(BitMap(), *studies.values(), *datasets.values())
    return Affected(
        tuple(sorted(agent.book.pseudonyms(people).values())),
        {s: len(found) for s, found in studies.items()},
        {d: len(found) for d, found in datasets.items()},
    )


def count(agent: Agent, breach: str, found: Affected) -> str:
    """Have the hub told how many are affected; answers the commitment, whose salt stays in the node's book."""
    salt = os.urandom(16)
    commitment = salted(salt, canonical(list(found.pseudonyms)))
    agent.book.put(f"breach:{breach}:{commitment}", salt.hex())
    agent.log.note(stamp(agent.clock()), "breach-counted", None, commitment)
    state(agent, "breach-counted", {"breach": breach, "people": found.people, "commitment": commitment})
    return commitment


def among(agent: Agent, found: Affected, numbers: Iterable[str]) -> list[str]:
    """Those of these numbers, as in the hospital's own tables, that belong to an affected person, in their order: the
    node knows pseudonyms only, and whoever has to be told is known to the hospital alone."""
    pseudonyms = set(found.pseudonyms)
    return [n for n in numbers if agent.book.pseudonym(n).hex() in pseudonyms]
