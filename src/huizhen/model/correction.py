"""The record of a correction that a person asked for: what is wrong, what the hospital decided and why, that it was
made. Each step is a record of its own, signed by the hospital, with the commitment to the one before in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from huizhen.kit.canonical import canonical
from huizhen.kit.keys import Sign, check_signature
from huizhen.kit.text import Text
from huizhen.model.consent import By
from huizhen.model.document import Document
from huizhen.model.grant import Reason

_DOMAIN = b"huizhen/correction/v1\n"
State = Literal["filed", "granted", "refused", "made"]
STATES: Mapping[State, Text] = {
    "filed": Text("asked for, to be decided", "已提出，待决定"),
    "granted": Text("granted, to be made", "已准许，待更正"),
    "refused": Text("refused", "未准许"),
    "made": Text("made", "已更正"),
}
NEXT: Mapping[State, tuple[State, ...]] = {"filed": ("granted", "refused"), "granted": ("made",)}
"""What may follow; after the others nothing does."""
_HEX = r"^[0-9a-f]{64}$"


class Correction(Document):
    """One step. It stays at the hospital and with the person; the ledger has its salted hash and its state."""

    node: str
    number: int
    dataset: str
    column: str | None = None
    pseudonym: str = Field(pattern=r"^[0-9a-f]{32}$")
    state: State
    at_utc: str
    due_utc: str
    """By when the hospital has to have decided and, where it grants it, made it."""
    by: By
    text: str = Field(min_length=1, max_length=2000)
    """What is wrong and what is right, in the person's words."""
    reasons: tuple[Reason, ...]
    """What the law answered to the claim."""
    staff: str | None = None
    why: str | None = None
    """Of a decision: by whom at the hospital, and why."""
    seen: str | None = Field(default=None, pattern=_HEX)
    """Salted digest of the person's values in the column at that moment; None where the node cannot read it, as a
    text. What was made shows another than what was asked for."""
    rows: int = Field(ge=0)
    told: tuple[str, ...] = ()
    """Of what was made: askers, each with the study, that were given rows with this person's among them."""
    previous: str | None = Field(default=None, pattern=_HEX)
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Ed25519 of the hospital over the domain and the canonical bytes of all the rest, in hexadecimal."""

    def signed_bytes(self) -> bytes:
        return _DOMAIN + canonical({k: v for k, v in self.as_json().items() if k != "signature"})

    def signed(self, sign: Sign) -> Correction:
        return self.model_copy(update={"signature": sign(self.signed_bytes()).hex()})

    def holds(self, key: bytes) -> bool:
        """Whether it is signed with this key (Ed25519, 32 bytes)."""
        return check_signature(key, bytes.fromhex(self.signature), self.signed_bytes())
