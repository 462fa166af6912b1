"""Consent as it is kept: what a yes is narrowed to, how it came to be said, and a study as consent sees it."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from pydantic import Field, field_validator, model_validator

from huizhen.kit.text import Text
from huizhen.model.document import Document
from huizhen.model.party import PARTY_KINDS, PartyKind

MethodKind = Literal["statistics", "model", "extract"]
METHOD_KINDS: tuple[MethodKind, ...] = get_args(MethodKind)
RecipientKind = Literal[PartyKind, "foreign"]
RECIPIENT_KINDS: tuple[str, ...] = (*PARTY_KINDS, "foreign")
By = Literal["person", "staff", "guardian", "family", "kin"]
"""Who said it: the person, a member of staff who wrote down the person's own word, a guardian, a family member whom the
person named, near kin of a person who has died."""
BY: dict[By, Text] = {
    "person": Text("the person", "本人"),
    "staff": Text("staff, for the person", "医院人员代录"),
    "guardian": Text("guardian", "监护人"),
    "family": Text("family member", "家属"),
    "kin": Text("near kin", "近亲属"),
}
KIND_WORDS: dict[str, Text] = {
    "academic": Text("academic", "学术机构"),
    "commercial": Text("commercial", "企业"),
    "insurer": Text("insurers", "保险机构"),
    "hospital": Text("hospitals", "医院"),
    "public": Text("public bodies", "公共机构"),
    "processor": Text("processors", "受托处理者"),
    "auditor": Text("auditors", "审计机构"),
    "authority": Text("authorities", "主管机关"),
    "foreign": Text("abroad, too", "含境外"),
    "statistics": Text("statistics", "统计"),
    "model": Text("models", "模型"),
    "extract": Text("extracts", "提取"),
}
"""Kinds of recipient and method, as a person reads them."""
ConsentAct = Literal["ask", "grant", "refuse", "withdraw"]


class Use(Document):
    """One study as consent sees it. None: not known, and then no consent that turns on it covers the study."""

    purpose: str
    dataset: str
    category: str
    """Of the dataset: clinical, imaging, human-genetic, ..."""
    recipient: PartyKind | None = None
    foreign: bool | None = None
    """Whether the recipient is abroad or under foreign control."""
    method: MethodKind = "extract"
    price_fen: int = 0
    patient_percent: int = 0
    """Of the price, the part that goes to the patients."""


class Terms(Document):
    """What a yes is narrowed to, beyond purpose, data and period. The defaults narrow nothing."""

    recipients: tuple[RecipientKind, ...] | None = None
    """Kinds of recipient; one that is abroad or under foreign control only where `foreign` is named beside its kind."""
    methods: tuple[MethodKind, ...] | None = None
    min_percent: int = Field(default=0, ge=0, le=100)
    """The least part of the price, in percent, that must go to the patients."""
    min_price_fen: int = Field(default=0, ge=0)
    """The least price of a study."""

    @field_validator("recipients", "methods")
    @classmethod
    def _in_order(cls, said: tuple[str, ...] | None) -> tuple[str, ...] | None:
        """The same terms have the same bytes, in whatever order they were said."""
        return None if said is None else tuple(x for x in (*RECIPIENT_KINDS, *METHOD_KINDS) if x in said)

    @model_validator(mode="after")
    def _says_whom(self) -> Terms:
        if self.recipients is not None and not set(self.recipients) - {"foreign"}:
            raise ValueError("no kind of recipient is named; 'foreign' stands beside one")
        if self.methods == ():
            raise ValueError("no kind of method is named")
        return self

    def unmet(self, use: Use) -> tuple[str, ...]:
        """The terms that the study does not meet, by name."""
        wrong = []
        if self.recipients is not None and not self._fits(use, self.recipients):
            wrong.append("recipients")
        if self.methods is not None and use.method not in self.methods:
            wrong.append("methods")
        if use.patient_percent < self.min_percent:
            wrong.append("min_percent")
        if use.price_fen < self.min_price_fen:
            wrong.append("min_price_fen")
        return tuple(wrong)

    @staticmethod
    def _fits(use: Use, recipients: tuple[str, ...]) -> bool:
        return use.recipient in recipients and (use.foreign is False or "foreign" in recipients)

    def within(self, wider: Terms) -> bool:
        """Whether whatever meets these terms meets the others, too."""
        for mine, theirs in ((self.recipients, wider.recipients), (self.methods, wider.methods)):
            if theirs is not None and (mine is None or not set(mine) <= set(theirs)):
                return False
        return self.min_percent >= wider.min_percent and self.min_price_fen >= wider.min_price_fen


ANY = Terms()


class Given(Document):
    """How a word came to be said. It stays at the node; whoever spoke for the person is a pseudonym or a name there."""

    act: ConsentAct = "grant"
    by: By = "person"
    speaker: str | None = None
    """Who spoke or wrote, other than the person: pseudonym in hexadecimal; of staff, the name at the hospital."""
    ground: str | None = None
    """Why they may: custody, decision of a court, kinship."""
    delegation: int | None = None
    """Number of the delegation it rests on."""
    reference: str | None = None
    """Number of the paper that was signed."""
    witness: str | None = None
    wording: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Digest of what the person saw: scene, version, language and every word of it."""


SAID = Given()


class Word(NamedTuple):
    """One yes or no. `person` is the number at the hospital, or the person's index in the book."""

    person: str | int
    purpose: str
    dataset: str | None
    """None: every one."""
    permit: bool
    from_utc: str | None = None
    until_utc: str | None = None
    """The first moment at which it no longer holds. Times are RFC 3339 in UTC."""
    category: str | None = None
    """Of datasets; None: every one."""
    terms: Terms = ANY
    given: Given = SAID
    anew: bool = False
    """A yes in place of every earlier word on this purpose and these data."""


class Delegation(Document):
    """A family member whom the person named, and how far they may speak. `number` is that of the node's book."""

    number: int
    relation: str
    purposes: tuple[str, ...]
    until_day: str
    """The last day."""
    after_death: bool = False
    """The person arranged that it goes on after death (PIPL 49)."""
    reference: str | None = None
    from_utc: str
    revoked_utc: str | None = None
