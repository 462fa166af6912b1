"""The node's end of the federation over NATS: dials out, hears its own mail, hands in replies. It never listens.

A letter is acknowledged when the reply to it is stored, and not before: whoever dies with it in hand gets it again. As
long as it is in hand, the server is told so with every beat. A letter that comes twice is worked on once.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from huizhen.adapters import nats_subjects as subjects
from huizhen.adapters.local import Handler
from huizhen.adapters.nats_letter import Beat, Hello, Letter, Reply, piece, pieces, read, write
from huizhen.adapters.nats_line import Line, Session, State, end_all
from huizhen.adapters.nats_sender import Sender
from huizhen.adapters.turn import LARGEST
from huizhen.kit.errors import BadInput, Lost
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from nats.aio.msg import Msg

_FIRST_BEAT = 3.0
_REMEMBERED = 4096
"""Letters that were replied to, whose numbers are kept."""
_AT_ONCE = 4
"""Parts that are fetched at the same time."""
_FETCH_SECONDS = 10.0
_TRIES, _TRY_SECONDS = 100, 0.1
"""How often the server may fail to give a part before the letter is given up."""
_LEAVE_SECONDS = 10.0
"""So long a node that stops waits for its replies to be stored, once all is worked out. What was not stored was not
acknowledged either: the letter comes again when the node does."""


class NatsDial:
    """A node on the line: `run` until `stop`. `context` shows the node's certificate; `servers` as in `Line`."""

    def __init__(
        self,
        servers: str,
        context: ssl.SSLContext,
        node: str,
        handler: Handler,
        state: State = lambda _code, _text: None,
        workers: int = 4,
    ) -> None:
        box = subjects.box(node)
        self._node = node
        self._handler = handler
        self._line = Line(servers, context, node, box, state)
        self._sender = Sender(box)
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="huizhen-work")
        self._every = _FIRST_BEAT
        self._hand: dict[str, tuple[Letter, Msg]] = {}
        self._replied: OrderedDict[str, None] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()
        self._session: Session | None = None
        self._ended = asyncio.Event()
        self._beat_now = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = threading.Event()
        self._at_work = 0
        """Letters of which the answer is not worked out yet."""

    def stop(self) -> None:
        """End after the messages in hand."""
        self._stopping.set()
        if self._loop is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._beat_now.set)
                self._loop.call_soon_threadsafe(self._ended.set)

    def run(self) -> None:
        """Answer letters until `stop`; then finish what is in hand, hand it in, and return."""
        asyncio.run(self.serve())

    async def serve(self) -> None:
        """The same, in a loop that may hold other nodes, too."""
        self._loop = asyncio.get_running_loop()
        if self._stopping.is_set():
            self._ended.set()
        try:
            await self._line.run(self._hold, self._ended)
        finally:
            await end_all(*self._tasks)
            self._workers.shutdown(cancel_futures=True)

    # -- a session

    async def _hold(self, session: Session) -> None:
        """Listen and beat; on `stop`, until nothing is in hand."""
        await session.hear(subjects.HELLO, self._hello)
        mail = await session.hear(subjects.deliver(self._node), self._letter)
        await self._sender.open(session)
        await session.client.flush()
        self._session = session
        self._say_idle()
        known = leaving = False
        until = math.inf
        try:
            while not (leaving and not self._hand and self._sender.empty()) and time.monotonic() < until:
                if self._stopping.is_set() and not leaving:
                    leaving = True
                    await mail.unsubscribe()
                if leaving and not self._at_work:
                    until = min(until, time.monotonic() + _LEAVE_SECONDS)
                await self._beat(session, not known)
                await self._sender.again()
                known = True
                self._beat_now.clear()
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._beat_now.wait(), self._every)
            await session.client.flush()
        finally:
            self._session = None

    async def _beat(self, session: Session, new: bool) -> None:
        """Say that the node is there and what it has in hand; to the server, that it is at work on it."""
        said = write(Beat(self._every, list(self._hand)[:_REMEMBERED], new))
        await session.publish(subjects.beat(self._node), said)
        for _, msg in list(self._hand.values()):
            await session.publish(msg.reply, b"+WPI")

    async def _hello(self, msg: Msg) -> None:
        with suppress(BadInput):
            self._heed(read(Hello, msg.data).beat)
            self._beat_now.set()

    def _heed(self, beat: float) -> None:
        """The hub wants to hear of this node so often."""
        if beat < self._every:
            self._every = beat
            self._beat_now.set()

    # -- letters

    async def _letter(self, msg: Msg) -> None:
        try:
            letter = read(Letter, msg.data)
        except BadInput as problem:
            self._line.tell("failing", Text(problem.say("en"), problem.say("zh")))
            await self._acknowledge(msg, b"+TERM")
            return
        self._heed(letter.beat)
        if letter.mail in self._hand:
            self._hand[letter.mail] = letter, msg
        elif letter.mail in self._replied:
            if letter.again:
                self._keep(self._hand_in(letter, None))
            await self._acknowledge(msg, b"+ACK")
        else:
            self._hand[letter.mail] = letter, msg
            self._keep(self._work(letter))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, letter: Letter) -> None:
        """From the letter to its reply, stored."""
        self._line.tell("working", Text("answering the hub", "正在应答中心"))
        self._at_work += 1
        try:
            body = letter.data if letter.size == len(letter.data) else await self._fetch(letter)
            reply: bytes | None = None
            if body is not None:
                reply = await asyncio.get_running_loop().run_in_executor(self._workers, self._answer, body)
        finally:
            self._at_work -= 1
        await self._hand_in(letter, reply)
        _, msg = self._hand.pop(letter.mail)
        self._replied[letter.mail] = None
        if len(self._replied) > _REMEMBERED:
            self._replied.popitem(last=False)
        await self._acknowledge(msg, b"+ACK")
        if self._stopping.is_set():
            self._beat_now.set()
        self._say_idle()

    def _answer(self, body: bytes) -> bytes | None:
        try:
            reply = self._handler(body)
        except Exception:
            return None
        if len(reply) > LARGEST:
            self._line.tell("too-large", Text("an answer is too large to travel", "应答过大，无法传输"))
            return None
        return reply

    async def _hand_in(self, letter: Letter, reply: bytes | None) -> None:
        """Store the reply, piece by piece; one that the server does not take for a long time is dropped."""
        count = 1 if reply is None else pieces(len(reply))
        stored = [await self._sender.put(*self._reply(letter, reply, at)) for at in range(count)]
        with suppress(Lost):
            await asyncio.gather(*stored)

    def _reply(self, letter: Letter, reply: bytes | None, at: int) -> tuple[str, bytes, str]:
        """Subject, content and number of a piece of a reply; None: there will be none."""
        where = subjects.up(self._node, letter.process, letter.exchange, letter.mail, at)
        if reply is None:
            return where, write(Reply(letter.mail, 0, 0, b"", failed=True)), f"{letter.mail}.up.failed"
        return where, write(Reply(letter.mail, at, len(reply), piece(reply, at))), f"{letter.mail}.up.{at}"

    async def _fetch(self, letter: Letter) -> bytes | None:
        """The parts of a large message; None where they are no longer there. Goes on where a connection ended."""
        some = asyncio.Semaphore(_AT_ONCE)

        async def one(at: int) -> bytes | None:
            async with some:
                return await self._fetch_part(letter, at)

        parts = await asyncio.gather(*[one(at) for at in range(pieces(letter.size))])
        body = b"".join(p for p in parts if p is not None)
        return body if len(body) == letter.size else None

    async def _fetch_part(self, letter: Letter, at: int) -> bytes | None:
        where, failed = subjects.fetch(self._node, letter.mail, at), 0
        while failed < _TRIES:
            session = self._session
            if session is not None:
                with suppress(TimeoutError):
                    found = await session.ask(where, _FETCH_SECONDS)
                    status = "" if found is None else (found.headers or {}).get("Status")
                    if found is not None and status in {None, "404"}:
                        return None if status else found.data
                failed += not session.gone.is_set()
            elif self._stopping.is_set():
                break
            await asyncio.sleep(_TRY_SECONDS)
        return None

    async def _acknowledge(self, msg: Msg, how: bytes) -> None:
        if self._session is not None:
            await self._session.publish(msg.reply, how)

    def _say_idle(self) -> None:
        if not self._hand and self._session is not None:
            self._line.tell("connected", Text("connected; waiting for mail", "已连接，等待消息"))
