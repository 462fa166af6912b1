"""Deeds and contracts as people write and sign them: the terms, and the version of them that a signature is over.

A data-trust deed is between settlors, who put datasets into trust, and the trustee. A contract is between one asker and
the trustee. Both are one kind of thing, an instrument, with one life (`model.lifecycle`).
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from huizhen.kit.canonical import canonical
from huizhen.kit.keys import Sign, check_signature
from huizhen.model.document import Document, GrownDocument
from huizhen.model.settlement import Shares

Kind = Literal["deed", "contract"]
Act = Literal["sign", "notice", "end"]
"""What a party does by its signature, and not by its word alone."""
DAY = r"^\d{4}-\d{2}-\d{2}$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
Name = Annotated[str, Field(pattern=_NAME, max_length=63)]
Clause = Annotated[str, Field(min_length=1)]
Names = Annotated[tuple[Name, ...], Field(min_length=1)]


class Exit(Document):
    """How a party leaves."""

    notice_days: int = Field(default=30, ge=0, le=3650)
    """Days from a notice to the last day. 0: whoever ends it ends it at once."""
    then: str = "No study is begun any more. What was released stays released; what was held in escrow is returned."
    """What follows, in words."""


class Deed(Document):
    """A data-trust deed: settlors put datasets into trust, for these purposes and this term."""

    name: Name
    title: Clause
    settlors: Names
    """Who puts the data into trust: hospitals, or who stands for patients. Parties of the register, with their keys."""
    trustee: Name
    beneficiaries: Annotated[tuple[Clause, ...], Field(min_length=1)]
    """For whose good, in words."""
    datasets: Names
    purposes: Annotated[tuple[Clause, ...], Field(min_length=1)]
    """Purpose codes; a study with another is denied."""
    from_day: str = Field(pattern=DAY)
    until_day: str = Field(pattern=DAY)
    """The last day."""
    shares: Shares = Shares()
    """How each price is shared; the trustee's fee is `operator_percent`."""
    accrual: Literal["month", "quarter", "year"] = "month"
    """The period within which shares are frozen: other shares hold from the next period on."""
    exit: Exit = Exit()
    duties: tuple[Clause, ...] = ()
    """In words."""
    contract_required: bool = False
    """Whether an asker needs a contract in force."""

    @model_validator(mode="after")
    def _days(self) -> Deed:
        _check_days(self.from_day, self.until_day)
        return self

    @property
    def parties(self) -> tuple[str, ...]:
        """Who has to sign."""
        return tuple(dict.fromkeys((*self.settlors, self.trustee)))


class Contract(GrownDocument):
    """A contract between an asker and the trustee: what may be asked, for how much, and what is promised."""

    LATER: ClassVar[frozenset[str]] = frozenset({"suspend_after"})
    name: Name
    title: Clause
    asker: Name
    trustee: Name
    datasets: Names
    purposes: Annotated[tuple[Clause, ...], Field(min_length=1)]
    methods: Literal["all"] | tuple[Clause, ...] = "all"
    studies: int | None = Field(default=None, ge=1)
    """The most studies, those denied or failed not counted. None: any number."""
    price_fen: int = Field(default=0, ge=0)
    """The least price of a study."""
    prepaid: bool = True
    """The result of a study is released once its price is paid."""
    commitment: str | None = Field(default=None, min_length=1)
    """What the asker signs for each study before its result is released. None: nothing."""
    pay_within_days: int = Field(default=30, ge=1, le=3650)
    """A result not paid and committed for by then is not released any more, and the price held is returned."""
    suspend_after: int | None = Field(default=None, ge=1)
    """So many departures from its purposes, datasets or methods suspend it, by themselves. None: never."""
    from_day: str = Field(pattern=DAY)
    until_day: str = Field(pattern=DAY)
    exit: Exit = Exit()
    duties: tuple[Clause, ...] = ()
    """Of the asker, in words."""

    @model_validator(mode="after")
    def _days(self) -> Contract:
        _check_days(self.from_day, self.until_day)
        return self

    @property
    def parties(self) -> tuple[str, ...]:
        return (self.asker, self.trustee)


def _check_days(first: str, last: str) -> None:
    if date.fromisoformat(first) > date.fromisoformat(last):
        raise ValueError("until_day is before from_day")


class Instrument(Document):
    """One version of a deed or contract: exactly what its parties sign. Its digest names it."""

    region: str
    """Name of the region's ledger: signed for one region, it holds in no other."""
    version: int = Field(ge=1)
    previous: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    """Digest of the version before."""
    deed: Deed | None = None
    contract: Contract | None = None

    @model_validator(mode="after")
    def _one(self) -> Instrument:
        if (self.deed is None) == (self.contract is None):
            raise ValueError("an instrument is a deed or a contract")
        if (self.version == 1) != (self.previous is None):
            raise ValueError("a version after the first names the one before")
        return self

    @property
    def kind(self) -> Kind:
        return "contract" if self.deed is None else "deed"

    @property
    def terms(self) -> Deed | Contract:
        found = self.contract if self.deed is None else self.deed
        assert found is not None
        return found

    @property
    def name(self) -> str:
        return self.terms.name

    def signed_bytes(self, act: Act) -> bytes:
        """What a party signs: the act and all terms."""
        return f"huizhen/instrument/{act}/v1\n".encode() + self.canonical()

    def cited(self, clause: str) -> tuple[str, str]:
        """A clause as it is cited, in English and Chinese."""
        kind = {"deed": "信托契约", "contract": "合同"}[self.kind]
        where = f"{self.name} v{self.version}, {self.digest()[:12]}"
        return f"clause `{clause}` of {self.kind} {where}", f"{kind} {where} 的 `{clause}` 条款"


class Commitment(Document):
    """What an asker promises of one study, by its signature, before the result is released."""

    DOMAIN: ClassVar[bytes] = b"huizhen/commitment/v1\n"
    study: str
    """Digest of the study."""
    contract: str
    """Digest of the contract's version."""
    text: str
    key: str = Field(pattern=r"^[0-9a-f]{64}$")
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")

    def signed_bytes(self) -> bytes:
        said = {"study": self.study, "contract": self.contract, "text": self.text}
        return self.DOMAIN + canonical(said)

    def signed(self, sign: Sign) -> Commitment:
        return self.model_copy(update={"signature": sign(self.signed_bytes()).hex()})

    def holds(self) -> bool:
        """Whether it is signed with the key that it names."""
        return check_signature(bytes.fromhex(self.key), bytes.fromhex(self.signature), self.signed_bytes())
