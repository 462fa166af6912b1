"""The hub's end of the federation over NATS JetStream: letters to nodes, and their replies.

Each hub process has a name of its own, which its letters carry and the subjects of the replies to them bear, so several
processes at one server never see each other's replies. One thread with an event loop does everything; the road's
threads hand it exchanges and wait.
"""

from __future__ import annotations

import asyncio
import math
import os
import ssl
import threading
import time
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from huizhen.adapters import nats_subjects as subjects
from huizhen.adapters.nats_letter import Beat, Hello, Letter, Reply, piece, pieces, read, write
from huizhen.adapters.nats_line import Line, Session, State, end_all
from huizhen.adapters.nats_sender import Sender
from huizhen.adapters.nats_streams import Streams
from huizhen.adapters.turn import check_size
from huizhen.kit.defect import note_defect
from huizhen.kit.errors import BadInput, Lost
from huizhen.kit.text import Text
from huizhen.path.ports import Stopping

if TYPE_CHECKING:
    from nats.aio.msg import Msg

SILENCE_SECONDS = 15.0
BEATS = 4
"""A node is to be heard of so many times before it is taken for silent."""
_LOOK = 0.25
_WAIT = 0.05
_ASK_SECONDS, _ASK_IDLE_SECONDS = 1.0, 10.0
"""How often it is asked who is admitted, while anything is awaited and else."""
_STOP = 0.5


@dataclass(eq=False)
class _Mail:
    """A message that has no reply so far."""

    number: str
    node: str
    body: bytes
    exchange: _Exchange
    seen: float
    """Monotonic time at which it was posted, or the node last said that it has it in hand."""
    posted: bool = False
    copies: int = 0
    came: dict[int, bytes] = field(default_factory=dict)
    """Pieces of the reply."""
    kept: list[tuple[str, asyncio.Future[int]]] = field(default_factory=list)
    """What was stored for it: the stream, and the place there."""


@dataclass(eq=False)
class _Exchange:
    """Messages that one thread of the road waits for the replies of."""

    id: str
    began: float
    until: float = math.inf
    """Monotonic time at which whoever has not answered is absent, however alive it is."""
    mail: dict[str, _Mail] = field(default_factory=dict)
    replies: dict[str, bytes] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)


class NatsFederation:
    """See `path.ports.Federation`. A node is absent when its handler failed, when it is not among `admitted()`, or when
    nothing was heard of it for `silence_seconds`; one that computes is heard of all the time.

    `context` shows the certificate of the hub; `servers` as in `Line`. `admitted` says who may be spoken to now: it is
    asked at each exchange, and once a second while one is under way.
    """

    def __init__(
        self,
        servers: str,
        context: ssl.SSLContext,
        admitted: Callable[[], Collection[str]],
        silence_seconds: float = SILENCE_SECONDS,
        state: State = lambda _code, _text: None,
    ) -> None:
        self._id = os.urandom(8).hex()
        self._silence = silence_seconds
        self._beat = silence_seconds / BEATS
        self._ask = admitted
        self._admitted: Collection[str] = admitted()
        self._numbers = count()
        self._line = Line(servers, context, f"hub {self._id}", subjects.HUB_BOX, state)
        self._sender = Sender(f"{subjects.HUB_BOX}.{self._id}")
        self._streams = Streams(self._id, silence_seconds)
        self._mail: dict[str, _Mail] = {}
        self._heard: dict[str, float] = {}
        self._since = time.monotonic()
        self._session: Session | None = None
        self._too_seldom = False
        """Some node beats less often than it is to."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = threading.Event()
        self._ended = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="huizhen-nats", daemon=True)
        self._thread.start()

    # -- the road's side; see path.ports.Federation

    def exchange(self, messages: Mapping[str, bytes], seconds: float = math.inf) -> Mapping[str, bytes]:
        check_size(messages)
        able = set(self._ask())
        now = time.monotonic()
        exchange = _Exchange(f"{next(self._numbers):x}", now, now + seconds)
        self._call(self._post(exchange, {n: m for n, m in messages.items() if n in able}))
        while not exchange.over.wait(_STOP):
            if self._closing.is_set():
                raise Stopping
        return exchange.replies

    def wait(self, nodes: Sequence[str], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while set(nodes) <= set(self._ask()):
            for _ in range(int(_ASK_SECONDS / _WAIT)):
                if all(map(self._there, nodes)):
                    return True
                if self._closing.is_set():
                    raise Stopping
                left = until - time.monotonic()
                if left <= 0:
                    return False
                time.sleep(min(_WAIT, left))
        return False

    def there(self) -> list[str]:
        """The nodes that were heard of lately, in order of name."""
        return sorted(filter(self._there, list(self._heard)))

    def close(self) -> None:
        self._closing.set()
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end)
        self._thread.join()

    def _call(self, work: Coroutine[Any, Any, None]) -> Future[None]:
        if self._closing.is_set():
            work.close()
            raise Stopping
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    # -- the thread

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        looking = asyncio.create_task(self._look_for_ever())
        await self._line.run(self._hold, self._ended)
        await end_all(looking, *self._tasks)

    def _end(self) -> None:
        self._ended.set()
        if self._session is not None:
            self._session.gone.set()

    async def _hold(self, session: Session) -> None:
        await self._streams.open(session, self._reply)
        await self._streams.make(self._admitted)
        await session.hear(subjects.ALL_BEATS, self._heard_beat)
        await self._sender.open(session)
        self._session, self._since = session, time.monotonic()
        self._line.tell("connected", Text("connected to the NATS server", "已连接 NATS 服务器"))
        await self._say_hello()
        try:
            while not self._ended.is_set():
                await asyncio.sleep(_LOOK)
                if self._too_seldom:
                    await self._say_hello()
                await self._sender.again()
                await self._streams.tidy()
        finally:
            self._session = None
            self._since = time.monotonic()

    # -- who is there

    def _there(self, node: str) -> bool:
        return self._heard.get(node, -self._silence) > time.monotonic() - self._silence

    async def _say_hello(self) -> None:
        if self._session is not None:
            self._too_seldom = False
            await self._session.publish(subjects.HELLO, write(Hello(self._beat)))

    async def _heard_beat(self, msg: Msg) -> None:
        try:
            said = read(Beat, msg.data)
        except BadInput:
            return
        node, now, hand = subjects.name(msg.subject.rpartition(".")[2]), time.monotonic(), set(said.hand)
        self._heard[node] = now
        if self._mail:
            for mail in [m for m in self._mail.values() if m.node == node]:
                if mail.number in hand:
                    mail.seen = now
                elif mail.posted and (said.new or now - mail.seen > self._silence):
                    mail.posted = False
                    self._keep(self._write(mail))
        self._too_seldom |= said.every > self._beat

    # -- letters

    async def _post(self, exchange: _Exchange, messages: Mapping[str, bytes]) -> None:
        try:
            await self._begin(exchange, messages)
        except Exception as problem:
            note_defect("in the federation over NATS", problem)
            for mail in list(exchange.mail.values()):
                self._settle(mail, None)
            exchange.over.set()

    async def _begin(self, exchange: _Exchange, messages: Mapping[str, bytes]) -> None:
        young = time.monotonic() - self._since < self._silence
        some = [n for n in messages if young or self._there(n)]
        for node in some:
            mail = _Mail(os.urandom(12).hex(), node, messages[node], exchange, exchange.began)
            exchange.mail[mail.number] = self._mail[mail.number] = mail
        if not some:
            exchange.over.set()
            return
        await self._streams.make(some)
        for mail in list(exchange.mail.values()):
            if pieces(len(mail.body)) == 1:
                await self._write(mail)
            else:
                self._keep(self._write_large(mail))

    async def _write_large(self, mail: _Mail) -> None:
        """Store the parts of a large message; then post the letter that names them."""
        stored = []
        for at in range(pieces(len(mail.body))):
            where = subjects.part(mail.node, mail.number, at)
            stored.append(await self._sender.put(where, piece(mail.body, at), f"{mail.number}.down.{at}"))
            mail.kept.append((subjects.BODY, stored[-1]))
            if mail.number not in self._mail:
                self._let_go(*mail.kept[-1])
                return
        with suppress(Lost):
            await asyncio.gather(*stored)
            await self._write(mail)

    async def _write(self, mail: _Mail) -> None:
        """Post the letter, or another copy of it."""
        if mail.number not in self._mail:
            return
        mail.seen, mail.posted, mail.copies = time.monotonic(), False, mail.copies + 1
        data = mail.body if pieces(len(mail.body)) == 1 else b""
        letter = Letter(
            mail.number, self._id, mail.exchange.id, len(mail.body), data, self._beat, again=mail.copies > 1
        )
        where = subjects.mail(mail.node, mail.number)
        stored = await self._sender.put(where, write(letter), f"{mail.number}.{mail.copies}")

        mail.kept.append((subjects.MAIL, stored))
        if mail.number not in self._mail and mail.node not in mail.exchange.replies:
            self._let_go(subjects.MAIL, stored)

        def posted(_: asyncio.Future[int]) -> None:
            mail.seen, mail.posted = time.monotonic(), True

        stored.add_done_callback(posted)

    # -- replies

    async def _reply(self, msg: Msg) -> None:
        """Take in a piece; whether or not it is wanted, it need not lie there any longer."""
        self._streams.throw(subjects.BODY, msg.metadata.sequence.stream)
        _, _, token, _, exchange, number, _ = msg.subject.split(".")
        mail = self._mail.get(number)
        if mail is None or mail.exchange.id != exchange or subjects.token(mail.node) != token:
            return
        try:
            said = read(Reply, msg.data)
        except BadInput:
            return
        mail.seen = self._heard[mail.node] = time.monotonic()
        if said.failed:
            self._settle(mail, None)
            return
        mail.came[said.at] = said.data
        if len(mail.came) == pieces(said.size):
            body = b"".join(mail.came[at] for at in range(len(mail.came)))
            self._settle(mail, body)

    def _settle(self, mail: _Mail, body: bytes | None) -> None:
        """The exchange waits for this no more; nothing of it is kept."""
        del self._mail[mail.number]
        exchange = mail.exchange
        del exchange.mail[mail.number]
        if body is not None:
            exchange.replies[mail.node] = body
        for stream, stored in mail.kept:
            if stream == subjects.BODY or body is None:
                self._let_go(stream, stored)
        if not exchange.mail:
            exchange.over.set()

    def _let_go(self, stream: str, stored: asyncio.Future[int]) -> None:
        """Of what was stored, or is on its way there, nothing is wanted any more."""
        stored.cancel()  # no effect on what is done
        if not stored.cancelled() and stored.exception() is None:
            self._streams.throw(stream, stored.result())

    # -- from time to time

    async def _look_for_ever(self) -> None:
        asked = 0.0
        while True:
            await asyncio.sleep(_LOOK)
            now = time.monotonic()
            if now - asked > (_ASK_SECONDS if self._mail else _ASK_IDLE_SECONDS):
                asked = now
                with suppress(Exception):
                    self._admitted = await asyncio.to_thread(self._ask)
                    self._streams.forget(self._admitted)
                    await self._streams.make({m.node for m in self._mail.values()})
            self._give_up(now)

    def _give_up(self, now: float) -> None:
        """Mail of nodes that are silent or no longer admitted, and of exchanges whose time is over; who was silent has
        to be heard of anew."""
        for mail in list(self._mail.values()):
            last = max(mail.exchange.began, self._heard.get(mail.node, 0.0), self._since)
            silent = now - last > self._silence
            if silent:
                self._heard.pop(mail.node, None)
            if silent or now >= mail.exchange.until or mail.node not in self._admitted:
                self._settle(mail, None)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
