"""A statement: what a node says of itself outside any study, signed by its identity key and kept with the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, model_validator

from huizhen.kit.canonical import canonical
from huizhen.kit.keys import Sign, check_signature
from huizhen.model.care import CareVerdict
from huizhen.model.correction import State as CorrectionState
from huizhen.model.dataset import Dataset
from huizhen.model.document import Document
from huizhen.model.watched import StaffAlarmed, StaffAlarmReviewed

_DOMAIN = b"huizhen/statement/v1\n"
Kind = Literal[
    "dataset-registered", "consent-changed", "care-opened", "care-reviewed", "staff-alarmed", "staff-alarm-reviewed",
    "breach-counted", "data-deleted", "deletion-confirmed", "data-correction",
]  # fmt: skip
_HEX = r"^[0-9a-f]{64}$"


class ConsentChange(Document):
    """How far a node's consents have moved on; the commitment is to who said what, which stays at the node."""

    epoch: int = Field(ge=0)
    changes: int = Field(ge=0)
    commitment: str = Field(pattern=r"^[0-9a-f]{64}$")


class CareOpened(Document):
    """A person's record was opened for care in an emergency; the commitment is to who, whose, why and how long."""

    commitment: str = Field(pattern=_HEX)


class CareReviewed(Document):
    """An opening was reviewed; `opening` is the commitment to it."""

    commitment: str = Field(pattern=_HEX)
    opening: str = Field(pattern=_HEX)
    outcome: CareVerdict


class DataDeleted(Document):
    """One person's data in one dataset were deleted, or are only stored any more; the commitment is to the record, and
    `tombstone` the mark by which a node that was restored from a backup knows them again."""

    commitment: str = Field(pattern=_HEX)
    tombstone: str = Field(pattern=r"^[0-9a-f]{32}$")


class DeletionConfirmed(Document):
    """The warehouse has no row of the person any more; `deletion` is the commitment to the record."""

    deletion: str = Field(pattern=_HEX)


class DataCorrection(Document):
    """A person's claim to have data corrected came a step further; the commitment is to the record of the step."""

    commitment: str = Field(pattern=_HEX)
    state: CorrectionState


class BreachCounted(Document):
    """How many persons of this hospital a breach affects; the commitment is to the list of them, which stays there."""

    breach: str = Field(pattern=r"^br-[0-9a-f]{16}$")
    people: int = Field(ge=0, lt=2**53)
    commitment: str = Field(pattern=_HEX)


BODIES: Mapping[str, type[Document]] = {
    "consent-changed": ConsentChange,
    "care-opened": CareOpened,
    "care-reviewed": CareReviewed,
    "data-deleted": DataDeleted,
    "deletion-confirmed": DeletionConfirmed,
    "data-correction": DataCorrection,
    "staff-alarmed": StaffAlarmed,
    "staff-alarm-reviewed": StaffAlarmReviewed,
    "breach-counted": BreachCounted,
}
"""Statements whose body is, as it stands, the facts of their ledger entry."""


class Statement(Document):
    """`number` grows from statement to statement of a node: an older one cannot be brought forward again.

    The body of `dataset-registered` is {card: a Dataset}, those of the others are in BODIES.
    """

    node: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")
    number: int = Field(ge=0, lt=2**53)
    kind: Kind
    body: dict[str, Any]
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Ed25519 (RFC 8032) over the domain and the canonical bytes of all the rest, in hexadecimal."""

    @model_validator(mode="after")
    def _says_something(self) -> Statement:
        if self.kind in BODIES:
            BODIES[self.kind].read(self.body)
        elif set(self.body) == {"card"}:
            Dataset.read(self.body["card"])
        else:
            raise ValueError("the body of dataset-registered is {card}")
        return self

    def signed_bytes(self) -> bytes:
        rest = {k: v for k, v in self.as_json().items() if k != "signature"}
        return _DOMAIN + canonical(rest)

    def signed(self, sign: Sign) -> Statement:
        return self.model_copy(update={"signature": sign(self.signed_bytes()).hex()})

    def holds(self, key: bytes) -> bool:
        """Whether it is signed with this key (Ed25519, 32 bytes)."""
        return check_signature(key, bytes.fromhex(self.signature), self.signed_bytes())
