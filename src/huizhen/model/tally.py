"""What a node says of its own part in a study once the rounds are over; settlement rests on it."""

from __future__ import annotations

from huizhen.model.document import Document


class Tally(Document):
    node: str
    rows: int
    people: int
    quality: str
    """Of the dataset at the node, a decimal between 0 and 1."""
    inclusion: str
    """Salted commitment to who was included; the salt and the list stay at the node."""
    log: str
    """Head of the node's own log when it said this: the ledger's hold on what the node has written down."""
