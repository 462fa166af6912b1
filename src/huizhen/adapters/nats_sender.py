"""What is on its way into a stream: sent again, over whatever connection there is, until the server has it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Annotated

import msgspec

from huizhen.adapters.nats_line import Session
from huizhen.kit.errors import Lost
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from nats.aio.msg import Msg

WINDOW = 8 << 20
"""Bytes on their way to a stream, at most; a message that is larger goes alone."""
_AGAIN_SECONDS, _REFUSED_SECONDS = 5.0, 0.25
"""When to send again what was not confirmed, and what the server could not take."""
_LIFE_SECONDS = 900.0


class _Stored(msgspec.Struct):
    """What a server says of a message that it has; of one that it could not take, it says no `seq`, or 0."""

    seq: Annotated[int, msgspec.Meta(ge=1)]


@dataclass(eq=False)
class _Parcel:
    subject: str
    data: bytes
    number: str
    stored: asyncio.Future[int]
    began: float = field(default_factory=time.monotonic)
    due: float = 0.0


class Sender:
    """Messages on their way into a stream: each is sent again until the server says that it has it. `Nats-Msg-Id` makes
    the stream keep one copy of it."""

    def __init__(self, box: str) -> None:
        self._box = f"{box}.stored"
        self._numbers = count()
        self._way: dict[str, _Parcel] = {}
        self._bytes = 0
        self._room = asyncio.Event()
        self._session: Session | None = None

    async def open(self, session: Session) -> None:
        """Go on over this connection, with all that is on its way."""
        await session.hear(f"{self._box}.*", self._heard)
        self._session = session
        for key, parcel in list(self._way.items()):
            await self._send(key, parcel)

    async def put(self, subject: str, data: bytes, number: str) -> asyncio.Future[int]:
        """Send, as soon as there is room for it; the future is done when it is stored, and says at which place.

        It raises Lost 'not-stored' when the server has not taken it for a quarter of an hour; whoever wants it there no
        more cancels it. `number` is that of the message in its stream.
        """
        while self._bytes > 0 and self._bytes + len(data) > WINDOW:
            self._room.clear()
            await self._room.wait()
        key = str(next(self._numbers))
        parcel = _Parcel(subject, data, number, asyncio.get_running_loop().create_future())
        self._way[key] = parcel
        self._bytes += len(data)
        parcel.stored.add_done_callback(lambda _: self._done(key))
        await self._send(key, parcel)
        return parcel.stored

    async def again(self) -> None:
        """Send once more what is overdue; to be called from time to time."""
        now = time.monotonic()
        for key, parcel in [(k, p) for k, p in self._way.items() if not p.stored.done()]:
            if now - parcel.began > _LIFE_SECONDS:
                parcel.stored.set_exception(_not_stored())
            elif parcel.due <= now:
                await self._send(key, parcel)

    def empty(self) -> bool:
        return not self._way

    async def _send(self, key: str, parcel: _Parcel) -> None:
        parcel.due = time.monotonic() + _AGAIN_SECONDS
        if self._session is not None:
            await self._session.publish(
                parcel.subject, parcel.data, f"{self._box}.{key}", {"Nats-Msg-Id": parcel.number}
            )

    def _done(self, key: str) -> None:
        parcel = self._way.pop(key)
        if not parcel.stored.cancelled():
            parcel.stored.exception()
        self._bytes -= len(parcel.data)
        self._room.set()

    async def _heard(self, msg: Msg) -> None:
        parcel = self._way.get(msg.subject.rpartition(".")[2])
        if parcel is None or parcel.stored.done():
            return
        try:
            parcel.stored.set_result(msgspec.json.decode(msg.data, type=_Stored).seq)
        except msgspec.DecodeError:
            parcel.due = time.monotonic() + _REFUSED_SECONDS


def _not_stored() -> Lost:
    return Lost(
        "not-stored",
        Text("The NATS server took a message for a quarter of an hour in vain.", "NATS 服务器持续一刻钟未能存入消息。"),
        Text("Look at the server's disk and at the limits of its streams.", "请检查服务器磁盘及数据流上限。"),
    )
