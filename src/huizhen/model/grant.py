"""A grant: the verdict on a study with a reason for every rule asked, and the limits within which it may run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from huizhen.kit.text import Language
from huizhen.model.dataset import Schema
from huizhen.model.document import Document, GrownDocument
from huizhen.model.party import LegalFacts
from huizhen.model.review import What
from huizhen.model.settlement import Rule

Verdict = Literal["allow", "deny", "needs"]


class Reason(Document):
    """What one rule answered, with the article it rests on."""

    rule: str
    verdict: Verdict
    source: str
    en: str
    zh: str

    def say(self, language: Language) -> str:
        return self.zh if language == "zh" else self.en


def verdict(reasons: Sequence[Reason]) -> Verdict:
    """deny if any denies or none allows; needs if any needs; allow otherwise."""
    answers = {r.verdict for r in reasons}
    if "deny" in answers or not answers & {"allow", "needs"}:
        return "deny"
    return "needs" if "needs" in answers else "allow"


class Participant(Document):
    """A node that takes part: its name, its identity key (Ed25519, hexadecimal), and its consent epoch.

    The epoch counts changes of consent at the node. A node whose own epoch is smaller than the one in the grant has
    lost consents since and refuses; a larger one is fine, since the newest consents are always the ones applied.
    """

    name: str
    key: str
    consent_epoch: int
    own_figures: bool = False
    """Whether its policy lets figures of this hospital alone be shown."""

    @model_serializer(mode="wrap")
    def _as_before(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without `own_figures` where it is not so: grants that are older than the key keep their digest."""
        written: dict[str, Any] = plain(self)
        if not self.own_figures:
            written.pop("own_figures", None)
        return written


class Limits(GrownDocument):
    """Within which a study may run: what every node checks again, and none may widen."""

    LATER: ClassVar[frozenset[str]] = frozenset({"effect", "reviews"})
    columns: tuple[str, ...]
    cohort: str | None
    """The cohort in its normal form, or None for all."""
    participants: tuple[Participant, ...]
    dataset_schema: Schema
    purpose: str
    method: str
    method_version: str
    method_code: str
    """SHA-256 over the source of the method and of the statistics it rests on."""
    min_cell: int
    quorum: int
    """Nodes that must be in the first sum, and so in all."""
    min_contributors: int
    """Nodes with at least one included row that a sum must hold."""
    secure_sum: bool
    round_to: int | None
    epsilon: float | None
    max_rounds: int
    patient_percent: int = Field(default=0, ge=0, le=100)
    """Of the price, the part that goes to the patients: who asks for more is not read. 0 in grants that are older."""
    expires_utc: str
    """The study's one deadline: no node answers after it."""
    effect: Rule = "none"
    """Whether each hospital is asked, once, how well the joint model suits its own rows: what the deed pays by."""

    reviews: tuple[What, ...] = ()
    """What of it two people of different organisations have to approve before it is released."""


class Grant(Document):
    study: str
    """Digest of the study this grant is for."""
    verdict: Verdict
    reasons: tuple[Reason, ...]
    limits: Limits | None
    """None unless the verdict is allow."""
    legal: LegalFacts | None = None
    """The facts of law it rests on; None in grants that are older than these facts."""
    issued_utc: str
