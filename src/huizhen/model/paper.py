"""A paper: what somebody says about a party, a study or an alarm, signed and dated; each is an entry of the ledger.

Reviews, the blacklist, alarms and auditors' reports are all made of papers. What follows from several of them about one
subject is worked out again by whoever has them (`model.review`, `model.listing`, `model.alarm`): the hub before it
files one, each node before it relies on them, and whoever verifies the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from huizhen.kit.canonical import canonical, digest
from huizhen.kit.keys import Sign, check_signature
from huizhen.model.document import Document

Kind = Literal[
    "reviewer-enrolled", "reviewer-dismissed", "review-sealed", "review-opened", "review-waived", "review-restored",
    "party-listed", "listing-appealed", "listing-decided", "alarm-raised", "alarm-acknowledged", "departure-reported",
    "audit-reported", "study-stopped",
]  # fmt: skip
KINDS: tuple[Kind, ...] = get_args(Kind)
TRUSTEE = "hub"
"""Who stands in a paper that the trustee signs, with the hub's key."""
Verdict = Literal["approve", "reject"]
Behaviour = Literal["bulk", "one-person", "hours", "repeats", "small-cells", "purpose", "node"]
Opinion = Literal["clean", "qualified", "adverse"]
Grounds = Annotated[str, Field(min_length=1, max_length=2000)]
_HEX = r"^[0-9a-f]{64}$"
_DAY = r"^\d{4}-\d{2}-\d{2}$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$"
_DOMAIN = b"huizhen/paper/v1\n"


class ReviewerEnrolled(Document):
    """A person who may review for an organisation, with the public key (Ed25519) that their verdicts are signed by."""

    organisation: str = Field(pattern=_NAME)
    key: str = Field(pattern=_HEX)


class ReviewerDismissed(Document):
    text: Grounds


class ReviewSealed(Document):
    """A verdict that nobody can read yet: `sealed` over it. `release` is the digest of exactly what was looked at."""

    release: str = Field(pattern=_HEX)
    commitment: str = Field(pattern=_HEX)


class ReviewOpened(Document):
    """The verdict that was sealed, with what was needed to seal it."""

    release: str = Field(pattern=_HEX)
    verdict: Verdict
    note: Grounds
    salt: str = Field(pattern=_HEX)


class ReviewWaived(Document):
    """From now on what the subject names goes out without two people having approved it, and why."""

    text: Grounds


class ReviewRestored(Document):
    """It is reviewed again."""

    text: Grounds


class PartyListed(Document):
    """A party is refused everywhere from the first to the last day."""

    ground: Grounds
    from_day: str = Field(pattern=_DAY)
    until_day: str = Field(pattern=_DAY)

    @model_validator(mode="after")
    def _days(self) -> PartyListed:
        if date.fromisoformat(self.from_day) > date.fromisoformat(self.until_day):
            raise ValueError("until_day is before from_day")
        return self


class ListingAppealed(Document):
    """`listing`: digest of the paper that is appealed against."""

    listing: str = Field(pattern=_HEX)
    text: Grounds


class ListingDecided(Document):
    listing: str = Field(pattern=_HEX)
    outcome: Literal["upheld", "lifted"]
    text: Grounds


class AlarmRaised(Document):
    """Behaviour that stands out, and why. `window` names the time it is about, so that it is raised once."""

    behaviour: Behaviour
    window: str = Field(min_length=1, max_length=64)
    score: int = Field(ge=0, le=100_000)
    """Thousandths of the bits of surprise; 0 where the alarm needs no statistics."""
    facts: dict[str, str | int]
    """What it rests on; no row value, and of persons nothing."""
    en: Grounds
    zh: Grounds


class AlarmAcknowledged(Document):
    """Somebody has looked: it was explained, or it was what it seemed."""

    alarm: str = Field(pattern=_HEX)
    outcome: Literal["explained", "confirmed"]
    text: Grounds


class DepartureReported(Document):
    """Somebody saw data used for something else than the contract says. `contract` is its name."""

    contract: str = Field(pattern=_NAME)
    study: str | None = Field(default=None, pattern=r"^st-[0-9a-f]{16}$")
    text: Grounds


class AuditReported(Document):
    """An auditor's report on a party: what it found for a period; `report` is the SHA-256 of the full text."""

    from_day: str = Field(pattern=_DAY)
    until_day: str = Field(pattern=_DAY)
    opinion: Opinion
    text: Grounds
    report: str | None = Field(default=None, pattern=_HEX)


class StudyStopped(Document):
    """A study under way, or whose result is kept back, ends here: nothing of it is released. `text`: why."""

    text: Grounds


BODIES: Mapping[Kind, type[Document]] = {
    "reviewer-enrolled": ReviewerEnrolled,
    "reviewer-dismissed": ReviewerDismissed,
    "review-sealed": ReviewSealed,
    "review-opened": ReviewOpened,
    "review-waived": ReviewWaived,
    "review-restored": ReviewRestored,
    "party-listed": PartyListed,
    "listing-appealed": ListingAppealed,
    "listing-decided": ListingDecided,
    "alarm-raised": AlarmRaised,
    "alarm-acknowledged": AlarmAcknowledged,
    "departure-reported": DepartureReported,
    "audit-reported": AuditReported,
    "study-stopped": StudyStopped,
}


class Paper(Document):
    """Its digest names it. Signed for one region, it holds in no other."""

    region: str = Field(min_length=1, max_length=128)
    """Name of the region's ledger."""
    kind: Kind
    subject: str = Field(pattern=_NAME)
    """A party, a reviewer, a study, what is reviewed, or whom an alarm is about."""
    by: str = Field(pattern=_NAME)
    """A party of the register, a reviewer, or `hub`."""
    day: str = Field(pattern=_DAY)
    body: dict[str, Any]
    key: str = Field(pattern=_HEX)
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")
    """Ed25519 (RFC 8032) over the domain and the canonical bytes (RFC 8785) of all the rest."""

    @model_validator(mode="after")
    def _says_something(self) -> Paper:
        date.fromisoformat(self.day)
        BODIES[self.kind].read(self.body)
        return self

    def signed_bytes(self) -> bytes:
        return _DOMAIN + canonical({k: v for k, v in self.as_json().items() if k != "signature"})

    def signed(self, sign: Sign) -> Paper:
        return self.model_copy(update={"signature": sign(self.signed_bytes()).hex()})

    def holds(self) -> bool:
        """Whether it is signed with the key that it names; whose that is, is another question."""
        return check_signature(bytes.fromhex(self.key), bytes.fromhex(self.signature), self.signed_bytes())


def sealed(region: str, study: str, reviewer: str, key: str, opened: ReviewOpened) -> str:
    """The commitment to a verdict: SHA-256 over it, a salt of 32 random bytes, and whose it is of what, so that one
    reviewer's commitment is nobody else's."""
    return digest([_DOMAIN.decode(), region, study, reviewer, key, opened.as_json()])
