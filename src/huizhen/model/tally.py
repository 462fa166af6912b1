"""What a node says of its own part in a study once the rounds are over; settlement rests on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from huizhen.model.document import GrownDocument


class Own(NamedTuple):
    """What a study found in one hospital's rows alone: seen there, and by nobody else unless the hospital's policy says
    so. `least`: people that the least of the figures rests on."""

    rows: int
    least: int
    figures: Mapping[str, float]


class Tally(GrownDocument):
    LATER: ClassVar[frozenset[str]] = frozenset({"own", "misfit"})
    node: str
    rows: int
    people: int
    quality: str
    """Of the dataset at the node, a decimal between 0 and 1."""
    inclusion: str
    """Salted commitment to who was included; the salt and the list stay at the node."""
    log: str
    """Head of the node's own log when it said this: the ledger's hold on what the node has written down."""
    own: dict[str, float] | None = None
    """Figures of this hospital alone, rounded, where it gives them (`privacy.own`); None: withheld, or none asked."""
    misfit: int | None = None
    """How many times further than by chance the rows here stray from the joint model, as a power of two; 1: within
    chance (see `statistics.misfit`). None: not told, since the deed does not pay by effect or the hospital does not
    tell."""
