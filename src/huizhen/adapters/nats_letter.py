"""What travels over NATS: letters down, parts of replies and beats up. MessagePack, versioned, every size bounded.

Whoever reads says which of them it expects; nothing that was written as one passes for another, so that an answer of
the server which a node had sent elsewhere than to itself means nothing there.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec import structs

from huizhen.adapters.turn import LARGEST, Name, Place
from huizhen.kit import wire
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

PIECE = 512 << 10
"""Bytes of a message in one NATS message; what is larger travels in pieces. The server's `max_payload` is above it."""
_MOST = 4096
Data = Annotated[bytes, msgspec.Meta(max_length=PIECE)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3600)]


def pieces(size: int) -> int:
    """In how many pieces a message of so many bytes travels; an empty one in one."""
    return max(1, -(-size // PIECE))


def piece(body: bytes, at: int) -> bytes:
    return bytes(memoryview(body)[at * PIECE : (at + 1) * PIECE])


class Letter(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="letter"):
    """A message to a node, or where to fetch it."""

    mail: Name
    process: Name
    exchange: Name
    size: Place
    data: Data
    """All of it, if it fits; else nothing, and it lies in `pieces(size)` parts."""
    beat: Seconds
    """How often the node is to be heard of."""
    again: bool
    """The hub has no reply to an earlier copy of this letter, and knows that the node has not got it in hand."""


class Reply(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="reply"):
    """One piece of a node's reply; `size` is that of the whole. `failed`: there will be none."""

    mail: Name
    at: Annotated[int, msgspec.Meta(ge=0, le=LARGEST // PIECE)]
    size: Place
    data: Data
    failed: bool = False

    def __post_init__(self) -> None:
        if len(self.data) != max(0, min(PIECE, self.size - self.at * PIECE)):
            raise ValueError("a piece that is not within its message")


class Beat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="beat"):
    """A node is there."""

    every: Seconds
    """So often it says so."""
    hand: Annotated[list[Name], msgspec.Meta(max_length=_MOST)]
    """Mail that it has and will reply to."""
    new: bool
    """Its connection is a new one: what was on its way to it may be lost."""


class Hello(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="hello"):
    """A hub process listens; every node is to beat now, and so often from now on."""

    beat: Seconds


_T = TypeVar("_T", Letter, Reply, Beat, Hello)


def write(said: Letter | Reply | Beat | Hello) -> bytes:
    kind = type(said).__struct_config__.tag
    return wire.encode({"type": kind, **structs.asdict(said)})


def read(kind: type[_T], data: bytes) -> _T:
    """What `write` wrote of that kind. Raises BadInput."""
    try:
        return msgspec.convert(wire.decode(data), kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadInput(
            "bad-letter",
            Text("A message over NATS is not of the right form.", "经 NATS 传来的消息格式不正确。"),
            Text("Use the same version of Huizhen at hub and node.", "请在中心和节点使用同一版本。"),
        ) from error
