"""A settlement: integer fen, lines that sum to the price."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

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


class Deed(Document):
    """How the price of a study is shared. Percentages are whole numbers."""

    operator_percent: int = 15
    hospital_parts: int = 40
    patient_parts: int = 60
    cost_fen_per_node: int = 1000
    """What a study costs a node to run: all that a hospital may charge where the purpose forbids profit."""
