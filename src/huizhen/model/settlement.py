"""A settlement: integer fen, lines that sum to the price."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from huizhen.model.document import Document

Role = Literal["operator", "hospital", "patients", "refund"]


class Line(Document):
    party: str
    role: Role
    fen: int


class Settlement(Document):
    study: str
    asker: str
    price_fen: int
    lines: tuple[Line, ...]

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
