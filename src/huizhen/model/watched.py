"""An alarm that a hospital raised about its own staff, or an asker; it stays at the hospital."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from huizhen.model.document import Document
from huizhen.model.paper import Behaviour

_HEX = r"^[0-9a-f]{64}$"


class NodeAcknowledged(Document):
    staff: str = Field(min_length=1, max_length=64)
    outcome: Literal["explained", "confirmed"]
    text: str = Field(min_length=1, max_length=500)
    at_utc: str


class NodeAlarm(Document):
    """`own` and `peers`: what the history of the one it is about, and that of its peers, led one to expect."""

    number: int
    at_utc: str
    behaviour: Behaviour
    who: str
    window: str
    count: int
    of: int
    own: str
    peers: str
    bits: str
    salt: str
    acknowledged: NodeAcknowledged | None = None


class StaffAlarmed(Document):
    """What the hub is told: that there was one, of this kind; the commitment is to all the rest."""

    commitment: str = Field(pattern=_HEX)
    behaviour: Behaviour


class StaffAlarmReviewed(Document):
    commitment: str = Field(pattern=_HEX)
    alarm: str = Field(pattern=_HEX)
    """The commitment to the alarm."""
    outcome: Literal["explained", "confirmed"]
