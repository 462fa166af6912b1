"""A settlement: integer fen, lines that sum to the price."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from huizhen.model.document import Document, GrownDocument

Role = Literal["operator", "hospital", "patients", "refund"]
Rule = Literal["none", "leave-one-out", "shapley"]
"""Whether hospitals are paid by rows and quality alone, or also by what their rows did to the joint model."""

Outcome = Literal["measured", "rows", "few-parameters", "nothing-explained", "without-profit"]


class Line(Document):
    party: str
    role: Role
    fen: int


class HospitalEffect(Document):
    node: str
    misfit: int | None
    """As the hospital told it (see `Tally.misfit`)."""
    effect: str
    """A decimal by which rows x quality is multiplied; 1: as much per row as the hospitals on average."""


class Effects(Document):
    """What each hospital did for the joint model, beside its rows and their quality."""

    rule: Rule
    outcome: Outcome
    """Whether it was measured; if not, why every effect is 1 (see `market.effect.OUTCOMES`)."""
    hospitals: tuple[HospitalEffect, ...]


class Settlement(GrownDocument):
    LATER: ClassVar[frozenset[str]] = frozenset({"effects"})
    study: str
    asker: str
    price_fen: int
    lines: tuple[Line, ...]
    effects: Effects | None = None
    """None where the deed does not pay by effect."""

    @model_validator(mode="after")
    def _sums(self) -> Settlement:
        if sum(line.fen for line in self.lines) != self.price_fen:
            raise ValueError("the lines of a settlement must sum to its price")
        return self


class Shares(Document):
    """How the price of a study is shared. Percentages are whole numbers."""

    operator_percent: int = 15
    """The fee of the operator, who is the trustee."""
    hospital_parts: int = 40
    patient_parts: int = 60
    cost_fen_per_node: int = 1000
    """What a study costs a node to run: all that a hospital may charge where the purpose forbids profit."""
    effect: Rule = "none"
    """Multiplies the weight of each hospital, rows x quality, by its effect on the joint model (`market.effect`)."""


class Hold(Document):
    """The price of a study under a contract, put aside in escrow when it begins, and taken out again in full when it
    ends: to be settled where it was released, back to the asker where it was not."""

    study: str
    asker: str
    price_fen: int = Field(gt=0)
    step: Literal["held", "returned"]


class Payment(Document):
    """Money that came in from a party, as the trustee has seen it at the bank."""

    party: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    fen: int = Field(gt=0, lt=2**53)
    reference: str = Field(min_length=1)
    """Of the bank's: the same one of a party is booked once."""

    @property
    def id(self) -> str:
        return "pay-" + self.digest()[:16]
