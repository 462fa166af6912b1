"""One line of a node's own log: what the hub asked, what the node decided, and what left it."""

from __future__ import annotations

from typing import Literal

from huizhen.model.document import Document


class Logged(Document):
    """Chained by `previous`, signed by the node over its digest. It names no person and holds no figure."""

    number: int
    at_utc: str
    kind: str
    """Of the message: open, mask, tally, ...; 'unreadable' where it could not be read. Of what the hospital itself does
    outside rounds: care-opened, care-reviewed, right-claimed, data-correction, breach-counted; scored (a file, with its
    own model)."""
    study: str | None
    decision: Literal["answered", "refused"]
    code: str
    """Of the refusal; empty where the message was answered."""
    question: str
    """SHA-256 of the sealed message, as it came in; otherwise a salted commitment to what was done."""
    partial: str
    """Keyed digest of the figures that left the node, before masks; empty where none did. The key stays at the node: a
    plain hash of small counts could be tried out."""
    previous: str
    """Digest of the line before; empty for the first."""
