"""What a hospital tells a person of the use of their data, with what it takes to check it without the hospital."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from huizhen.kit.canonical import canonical, salted
from huizhen.kit.keys import Sign, check_signature
from huizhen.kit.text import Text
from huizhen.ledger.inclusion import Membership
from huizhen.model.correction import Correction
from huizhen.model.deletion import Deletion
from huizhen.model.document import Document, GrownDocument
from huizhen.model.study import Study

_DOMAIN = b"huizhen/my-data/v1\n"
Part = Literal["used", "begun", "not-covered", "not-asked", "refused"]
PARTS: Mapping[Part, Text] = {
    "used": Text("used", "已使用"),
    "begun": Text("read at first, not in a result", "曾读取，未进入结果"),
    "not-covered": Text("your consent does not cover it", "不在您的同意范围内"),
    "not-asked": Text("you were not among those asked about", "您不在所问人群中"),
    "refused": Text("the hospital refused it for everybody", "医院已整体拒绝"),
}
"""What part a person had in a study: nothing was read of the last three."""
ENDED: Mapping[str, str] = {"study-settled": "released", "study-denied": "denied", "study-failed": "failed"}
"""How a study ended, by the kind of its last entry; one that needs more is denied on the ledger."""


class Opening(Document):
    """A document behind a salted hash on the ledger."""

    salt: str = Field(pattern=r"^([0-9a-f]{2}){16,64}$")
    content: str


class Share(Document):
    """What the people of one hospital are owed for one study, all together: the document behind `data-used`."""

    study: str
    node: str
    fen: int = Field(ge=0)


class Proven(Document):
    """An entry of the ledger: its kind, its number, and the tlog-proof that it stands there."""

    kind: str
    entry: int = Field(ge=0)
    proof: str = ""
    """Empty where the hub could not be asked, or witnesses are still to come."""


class StudyUse(Document):
    """One study that asked this hospital, and what part this person had in it."""

    id: str
    asker: str
    title: str
    purpose: str
    method: str
    dataset: str
    opened_utc: str
    status: str
    part: Part
    why: tuple[str, ...] = ()
    """Of `not-covered`: the terms that the study does not meet, none where there is no yes; of `refused`: the code."""
    fen: int = 0
    study: Study | None = None
    """The request as it was submitted; its digest is in `id`."""
    membership: Membership | None = None
    share: Opening | None = None
    entries: tuple[Proven, ...] = ()


class CareUse(Document):
    """The record was opened for care in an emergency."""

    number: int
    date_utc: str
    until_utc: str
    role: str
    reason: str
    review: str | None
    commitment: str


class DeletedData(Document):
    """The record of a deletion (`model.deletion`), behind the commitment that is on the ledger."""

    record: Opening
    confirmed_utc: str | None = None
    lifted_utc: str | None = None
    """When the person said yes again: what was taken in since may be used."""

    @property
    def commitment(self) -> str:
        return salted(bytes.fromhex(self.record.salt), self.record.content.encode())

    def said(self) -> Deletion | None:
        """The record, or None where it is none."""
        try:
            return Deletion.model_validate_json(self.record.content)
        except ValueError:
            return None


class CorrectedData(Document):
    """One step of a correction (`model.correction`), behind the commitment that is on the ledger."""

    record: Opening

    @property
    def commitment(self) -> str:
        return salted(bytes.fromhex(self.record.salt), self.record.content.encode())

    def said(self) -> Correction | None:
        """The record, or None where it is none."""
        try:
            return Correction.model_validate_json(self.record.content)
        except ValueError:
            return None


class MyData(GrownDocument):
    """Everything, as the hospital signs it: that it is complete, that the person with this number is this pseudonym."""

    LATER: ClassVar[frozenset[str]] = frozenset({"corrected"})
    node: str
    subject: str
    pseudonym: str = Field(pattern=r"^[0-9a-f]{32}$")
    made_utc: str
    uses: tuple[StudyUse, ...]
    care: tuple[CareUse, ...] = ()
    deleted: tuple[DeletedData, ...] = ()
    corrected: tuple[CorrectedData, ...] = ()
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Ed25519 of the hospital over the domain and the canonical bytes of all the rest, in hexadecimal."""

    @property
    def fen(self) -> int:
        return sum(use.fen for use in self.uses)

    def signed_bytes(self) -> bytes:
        return _DOMAIN + canonical({k: v for k, v in self.as_json().items() if k != "signature"})

    def signed(self, sign: Sign) -> MyData:
        return self.model_copy(update={"signature": sign(self.signed_bytes()).hex()})

    def holds(self, key: bytes) -> bool:
        """Whether it is signed with this key (Ed25519, 32 bytes)."""
        return check_signature(key, bytes.fromhex(self.signature), self.signed_bytes())
