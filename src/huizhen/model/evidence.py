"""Evidence: one ledger entry. Salted hashes and opaque references only; nothing that a person could be known by."""

from __future__ import annotations

from huizhen.model.document import Document


class Evidence(Document):
    """`refs` maps what the entry speaks of (study, grant, release, ...) to a salted hash of its canonical bytes."""

    at_utc: str
    kind: str
    actor: str
    subject: str
    """What it is about: a study id, a node name, a dataset name."""
    refs: dict[str, str] = {}
    facts: dict[str, str | int] = {}
    """Public facts: a verdict, an epoch, a round number."""
