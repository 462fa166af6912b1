"""What a node says of its own part in a study once the rounds are over; settlement rests on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from huizhen.model.document import Document, GrownDocument


class Own(NamedTuple):
    """What a study found in one hospital's rows alone: seen there, and by nobody else unless the hospital's policy says
    so. `least`: people that the least of the figures rests on."""

    rows: int
    least: int
    figures: Mapping[str, float]


class Gain(Document):
    """What an attack on one hospital's rows gained, with its 95 % interval's lower end, and what is promised."""

    attack: str
    column: str
    gained: float
    at_least: float
    limit: float

    @property
    def held(self) -> bool:
        return self.at_least <= self.limit


class Extracted(Document):
    """The rows that one hospital gives out: what they are like, and by which hash they are known. No value of a row."""

    sha256: str
    """Of the Parquet file that is sealed to the asker."""
    bytes: int
    pieces: int
    rows: int
    suppressed: int
    classes: int
    promised: int
    """People who share a combination, at least."""
    smallest_class: int
    """What is so."""
    loss: float
    """Normalised certainty penalty, 0 to 1."""
    loss_by_column: dict[str, float]
    risk: float
    """The highest of one person (prosecutor)."""
    model_auc: dict[str, tuple[float, float]]
    """By sensitive column, the area under the curve of a model of it: grown on the original, on the release."""
    attacks: tuple[Gain, ...]
    marked: dict[str, float]
    """By column, by how much a number may have been changed to mark the copy."""
    trail: tuple[str, ...]
    """What was done, step by step (`adapters.anonymise_trail`), as canonical JSON."""


class Tally(GrownDocument):
    LATER: ClassVar[frozenset[str]] = frozenset({"own", "misfit", "extract"})
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
    extract: Extracted | None = None
    """Of a study that gives out rows: those of this hospital."""
