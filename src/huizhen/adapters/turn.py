"""A turn: what a node says and hears in one call to the mailbox. MessagePack, versioned, every size bounded.

A message travels in parts of at most CHUNK bytes, each with its place in the whole, so a connection that is cut costs
one part. What a node names as `have` it holds in hand; everything else that waits for it is handed out again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, TypeVar

import msgspec

from huizhen.kit import wire
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

CHUNK = 1 << 20
"""Bytes of messages in one turn, each way."""
LARGEST = 64 << 20
"""Bytes of one message."""
LARGEST_TURN = CHUNK + (256 << 10)
"""Bytes of one turn, everything included."""
_MOST = 4096

Name = Annotated[str, msgspec.Meta(max_length=64)]
Place = Annotated[int, msgspec.Meta(ge=0, le=LARGEST)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes `at` .. `at + len(data)` of a message of `size` bytes."""

    mail: Name
    at: Place
    size: Place
    data: Annotated[bytes, msgspec.Meta(max_length=CHUNK)]

    def __post_init__(self) -> None:
        if self.at + len(self.data) > self.size or (self.size > 0 and not self.data):
            raise ValueError("a part that is not within its message")

    @property
    def end(self) -> int:
        return self.at + len(self.data)


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node says. It is answered at once when there is mail, else after at most `hold` seconds."""

    hold: Annotated[float, msgspec.Meta(ge=0, le=60)]
    have: Annotated[list[Name], msgspec.Meta(max_length=_MOST)] = []
    """Mail that is in hand: not to be sent again."""
    partly: Annotated[dict[Name, Place], msgspec.Meta(max_length=_MOST)] = {}
    """Mail of which so many bytes have arrived."""
    replies: Annotated[list[Part], msgspec.Meta(max_length=_MOST)] = []
    failed: Annotated[list[Name], msgspec.Meta(max_length=_MOST)] = []
    """Mail that will have no reply."""
    leaving: bool = False
    """The node is about to stop: it takes no mail, and whatever call of its own waits is to be answered."""


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a node hears."""

    node: Name
    """Whom the hub takes it for."""
    mail: list[Part]
    got: dict[Name, Place]
    """How many bytes of each reply the hub has now, of those that this turn brought a part of."""
    beat_seconds: float
    """A node that has mail in hand turns at least so often, else it is taken for silent."""


_T = TypeVar("_T", Turn, Answer)


def read(kind: type[_T], data: bytes) -> _T:
    """What `wire.encode` wrote of a Turn or an Answer. Raises BadInput."""
    try:
        return msgspec.convert(wire.decode(data), kind)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadInput(
            "bad-turn",
            Text("A turn at the mailbox is not of the right form.", "与信箱的一次交互格式不正确。"),
            Text("Use the same version of Huizhen at hub and node.", "请在中心和节点使用同一版本。"),
        ) from error


def parts(mail: str, body: bytes, at: int = 0) -> Part:
    """The part of a message that begins there."""
    return Part(mail, at, len(body), bytes(memoryview(body)[at : at + CHUNK]))


def check_size(messages: Mapping[str, bytes]) -> None:
    """Raises BadInput for a message that is larger than any that travels."""
    for node, body in messages.items():
        if len(body) > LARGEST:
            raise BadInput(
                "message-too-large",
                Text(
                    f"A message to {node} has {len(body) / 2**20:.0f} MB; at most {LARGEST >> 20} MB travel.",
                    f"发往 {node} 的消息有 {len(body) / 2**20:.0f} MB；上限为 {LARGEST >> 20} MB。",
                ),
                Text("Ask for a smaller model or fewer cells.", "请缩小模型或减少单元格。"),
            )
