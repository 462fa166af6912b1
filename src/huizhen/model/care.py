"""Break-glass: a record opened for care in an emergency, always reviewed afterwards by somebody of another role."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from huizhen.model.document import Document

CareVerdict = Literal["proper", "misuse"]


class Opened(Document):
    """Who opened a person's record, why, until when. It stays at the hospital; a commitment to it is on the ledger."""

    number: int
    staff: str = Field(min_length=1, max_length=64)
    role: str
    reason: str = Field(min_length=1, max_length=500)
    at_utc: str
    until_utc: str
    due_utc: str
    """When it is to be reviewed at the latest."""


class Review(Document):
    staff: str = Field(min_length=1, max_length=64)
    role: str
    verdict: CareVerdict
    note: str = Field(min_length=1, max_length=500)
    at_utc: str
