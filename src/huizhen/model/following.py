"""What a witness follows: `witness.yaml` in its folder."""

from __future__ import annotations

from pydantic import Field

from huizhen.model.document import Document


class Following(Document):
    name: str
    """The witness's own name, as it stands in its cosignatures."""
    hub: str
    """The hub's verifier key (C2SP signed-note): whose checkpoints it may co-sign."""
    log: str | None = None
    """Where the ledger's files are: the hub's https://HOST:PORT, or a folder."""
    authority: str | None = None
    """Certificate (PEM) of the authority that the hub's must come from. Not said: any that this machine believes."""
    every_seconds: float = Field(default=10.0, ge=0.1, le=3600)
    """How often it looks."""
