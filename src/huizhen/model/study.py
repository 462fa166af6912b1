"""A study: who asks what, of which data, how, under which protection, for what price."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from huizhen.kit.clock import parse
from huizhen.kit.keys import Sign, check_signature
from huizhen.model.document import Document

DELTA = 1e-7
"""`delta` where a study with noise inside its sums does not say it."""


class Protection(Document):
    """What the asker asks for; law, deed and node policy can only make it stricter."""

    min_cell: int = Field(default=10, ge=3)
    """No released figure rests on fewer people than this."""
    epsilon: float | None = Field(default=None, gt=0)
    """Differential privacy with this loss; None: exact figures."""
    delta: float | None = Field(default=None, gt=0, le=1e-3)
    """How likely the loss may be larger, for methods whose noise is in every sum (nn); None: 1e-7. Counts have none."""
    secure_sum: bool = True
    round_to: int | None = Field(default=None, ge=2)
    """Counts are rounded to a multiple of this; None: not rounded."""

    def allows(self, other: Protection) -> bool:
        """Whether the other protects at least as much."""
        quiet = self.epsilon is None or (other.epsilon is not None and other.epsilon <= self.epsilon)
        masked = other.secure_sum or not self.secure_sum
        rounded = self.round_to is None or (other.round_to is not None and other.round_to >= self.round_to)
        return other.min_cell >= self.min_cell and quiet and masked and rounded

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `delta` where it is not said: requests that are older than the key keep their digest."""
        written: dict[str, Any] = plain(self)
        if self.delta is None:
            written.pop("delta", None)
        return written


class Recipient(Document):
    """Whom rows are sealed to, and the asker's word that this very request is its own. `huizhen study sign` writes it.

    All in hexadecimal. The signature is over the whole request, so that a hub can change neither key nor question.
    """

    key: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Public key (Ed25519) that the asker signed its contract with."""
    sealing: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Public key (X25519) that rows are sealed to."""
    signature: str = Field(default="", pattern=r"^([0-9a-f]{128})?$")


class Request(Document):
    """What an asker writes into STUDY.yaml."""

    title: str = Field(min_length=1)
    asker: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    purpose: str
    dataset: str
    participants: Literal["all"] | tuple[str, ...] = "all"
    quorum: int | None = Field(default=None, ge=1)
    """The study goes on without participants that do not answer, as long as so many do. None: all must be there when it
    begins, and two thirds must be left after its first sum. Who is in that sum is in all later ones."""
    deadline_minutes: float = Field(default=60, gt=0, le=7 * 24 * 60)
    """The study ends at the latest so long after it was submitted; until then it waits for nodes that fall silent."""
    cohort: str | None = None
    method: str
    params: dict[str, Any] = Field(default_factory=dict)
    protection: Protection = Protection()
    price_fen: int = Field(default=0, ge=0)
    release: Literal["public", "controlled", "enclave"] | None = None
    """How the result goes out (GB/T 37964): to everyone, to the asker under an agreement of use, or into a protected
    room. None: to the asker, guarded, with no such promise made."""
    licence: str | None = Field(default=None, min_length=1, max_length=300)
    """Of a study that fits a model: what the asker may do with it, in words or as an SPDX identifier. What its people
    consented to narrows it (`client.licence`). None: nothing is said beyond that."""
    recipient: Recipient | None = None
    """Of a study that gives out rows: the asker's keys and signature."""

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without later keys where they are not said: requests that are older than these keep their digest."""
        written: dict[str, Any] = plain(self)
        for key in ("release", "licence", "recipient"):
            if written[key] is None:
                written.pop(key)
        return written

    def signed_bytes(self) -> bytes:
        """What the asker signs: all of the request, its keys included."""
        assert self.recipient is not None
        unsigned = self.recipient.model_copy(update={"signature": ""})
        return b"huizhen/request/v1\n" + self.model_copy(update={"recipient": unsigned}).canonical()

    def signed(self, key: str, sealing: str, sign: Sign) -> Request:
        """The same request with the asker's keys (hexadecimal) and signature."""
        bare = self.model_copy(update={"recipient": Recipient(key=key, sealing=sealing)})
        signature = sign(bare.signed_bytes()).hex()
        return bare.model_copy(update={"recipient": Recipient(key=key, sealing=sealing, signature=signature)})

    def is_signed(self) -> bool:
        """Whether it is signed, with the key that it names."""
        by = self.recipient
        return by is not None and check_signature(
            bytes.fromhex(by.key), bytes.fromhex(by.signature), self.signed_bytes()
        )


class Study(Document):
    """A request as it was submitted. `id` names it everywhere."""

    request: Request
    number: int
    """How often this same request was submitted before, plus one: the same question may be asked again."""
    submitted_utc: str

    @property
    def id(self) -> str:
        return "st-" + self.digest()[:16]

    def deadline(self) -> datetime:
        return parse(self.submitted_utc) + timedelta(minutes=self.request.deadline_minutes)
