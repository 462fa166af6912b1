"""The record of one person's data that were deleted from one dataset, or are only stored any more: what, why, and what
is kept under which duty."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import ClassVar, Literal, NamedTuple

from pydantic import Field

from huizhen.kit.canonical import canonical
from huizhen.kit.keys import Sign, check_signature
from huizhen.kit.text import Text
from huizhen.model.consent import By
from huizhen.model.document import GrownDocument
from huizhen.model.grant import Reason

_DOMAIN = b"huizhen/deletion/v1\n"
Cause = Literal["withdrawal", "request"]
State = Literal["deleted", "stored", "ordered"]
STATES: Mapping[State, Text] = {
    "deleted": Text("deleted here", "已在本节点删除"),
    "stored": Text("kept by law: stored and protected, never used", "依法保存：仅存储与保护，不再使用"),
    "ordered": Text("to be deleted in the warehouse", "待数据仓库删除"),
}


class Duty(NamedTuple):
    """Something of a person that stays at the node, and why. `years`: None for as long as it is needed."""

    what: Text
    why: Text
    years: int | None


KEPT: Mapping[str, Duty] = {
    "consents": Duty(
        Text("what was said, and what was shown", "同意记录及所展示文本"),
        Text("to show that past use was allowed (PIPL 55, 56; GDPR 7(1))",
             "证明既往处理合法（个保法 55、56；GDPR 7(1)）"),
        3,
    ),
    "studies": Duty(
        Text("in which studies the data were", "曾参与的研究"),
        Text("records of processing and of providing (PIPL 56; NDR 12)", "处理与提供记录（个保法 56；网数条例 12）"),
        3,
    ),
    "earnings": Duty(
        Text("what was earned", "收益"),
        Text("vouchers of account (Accounting Archives Rules)", "会计凭证（会计档案管理办法）"),
        30,
    ),
    "care": Duty(
        Text("openings for care", "紧急访问记录"),
        Text("network logs, at least six months; under review for three years", "网络日志不少于六个月；复核留存三年"),
        3,
    ),
    "pseudonym": Duty(
        Text("the pseudonym, with a mark", "假名及删除标记"),
        Text("so that a backup or a new export does not bring the data back", "防止备份或再次导入使数据恢复"),
        None,
    ),
}  # fmt: skip
"""What a deletion leaves at the node. To be confirmed by counsel; from memory where no article is given."""


class Deletion(GrownDocument):
    """Signed by the hospital; its salted hash is on the ledger. Of one dataset."""

    LATER: ClassVar[frozenset[str]] = frozenset({"given"})

    node: str
    number: int
    dataset: str
    pseudonym: str = Field(pattern=r"^[0-9a-f]{32}$")
    at_utc: str
    cause: Cause
    by: By
    state: State
    rows: int = Field(ge=0)
    """Deleted, or to be deleted, or kept."""
    duty: str | None = None
    """Of `stored`: by what the hospital has to keep them."""
    reasons: tuple[Reason, ...]
    kept: tuple[str, ...] = tuple(KEPT)
    given: tuple[str, ...] = ()
    """Studies that gave out rows with this person's among them, each behind its asker: it has to delete the rows of
    this hospital, which cannot do it for them."""
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Ed25519 of the hospital over the domain and the canonical bytes of all the rest, in hexadecimal."""

    @property
    def tombstone(self) -> str:
        return tombstone(bytes.fromhex(self.pseudonym), self.dataset)

    def signed_bytes(self) -> bytes:
        return _DOMAIN + canonical({k: v for k, v in self.as_json().items() if k != "signature"})

    def signed(self, sign: Sign) -> Deletion:
        return self.model_copy(update={"signature": sign(self.signed_bytes()).hex()})

    def holds(self, key: bytes) -> bool:
        """Whether it is signed with this key (Ed25519, 32 bytes)."""
        return check_signature(key, bytes.fromhex(self.signature), self.signed_bytes())


def tombstone(pseudonym: bytes, dataset: str) -> str:
    """The mark by which a person's data in a dataset are known to be gone, in hexadecimal. It is on the ledger, for all
    to see, and says nothing to who does not have the pseudonym, 16 bytes that cannot be guessed."""
    return sha256(b"huizhen/tombstone/v1\n" + pseudonym + dataset.encode()).hexdigest()[:32]
