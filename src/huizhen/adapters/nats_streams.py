"""The two streams of a region, the nodes' consumers, and what is thrown away; used by the hub alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from huizhen.adapters import nats_subjects as subjects
from huizhen.adapters.nats_line import Session

if TYPE_CHECKING:
    from nats.aio.msg import Msg
    from nats.js import api
    from nats.js.client import JetStreamContext

HOUR = 3600.0
MAIL_BYTES, BODY_BYTES = 2 << 30, 8 << 30
"""What the streams may hold. A stream that is full takes nothing more, and senders wait."""
IN_HAND = 64
"""Letters that a node may have unacknowledged: with letters of half a megabyte, 32 MB on their way to it."""
_AT_ONCE = 64
_DELETED_AT_ONCE = 1000
_IDLE_BEAT = 5.0
_MILLI = 1000


class Streams:
    """`process`: the hub process whose replies are wanted. `redeliver_seconds`: a letter of which nothing was said for
    so long is delivered again."""

    def __init__(self, process: str, redeliver_seconds: float) -> None:
        self._process = process
        self._redeliver = redeliver_seconds
        self._js: JetStreamContext | None = None
        self._consumers: set[str] = set()
        self._waste: dict[str, dict[int, None]] = {subjects.MAIL: {}, subjects.BODY: {}}
        self._gone: set[str] = set()
        self._making = asyncio.Lock()

    async def open(self, session: Session, heard: Callable[[Msg], Awaitable[None]]) -> None:
        """Make the streams if they are not there, and hear the replies to this process from the first one kept."""
        from nats.js import api

        js = session.client.jetstream(timeout=5)
        await _ensure(js, _mail_stream())
        await _ensure(js, _body_stream())
        self._consumers = await _names(js)
        await js.subscribe(
            subjects.up("*", self._process, "*", "*", "*"),
            stream=subjects.BODY,
            cb=heard,
            manual_ack=True,
            flow_control=True,
            idle_heartbeat=_IDLE_BEAT,
            pending_msgs_limit=0,
            pending_bytes_limit=0,
            config=api.ConsumerConfig(
                ack_policy=api.AckPolicy.NONE,
                deliver_policy=api.DeliverPolicy.ALL,
                inactive_threshold=4 * _IDLE_BEAT,
                mem_storage=True,
                num_replicas=1,
            ),
        )
        self._js = js

    async def make(self, nodes: Iterable[str]) -> None:
        """See to it that each of these nodes has its consumer: only the hub can make one."""
        async with self._making:
            missing = [n for n in nodes if subjects.token(n) not in self._consumers]
            for at in range(0, len(missing), _AT_ONCE):
                await asyncio.gather(*map(self._make_one, missing[at : at + _AT_ONCE]))

    async def _make_one(self, node: str) -> None:
        import nats.errors
        from nats.js import api

        if self._js is None:
            return
        config = api.ConsumerConfig(
            durable_name=subjects.token(node),
            deliver_subject=subjects.deliver(node),
            filter_subject=subjects.mail(node, ">"),
            ack_policy=api.AckPolicy.EXPLICIT,
            ack_wait=self._redeliver,
            max_ack_pending=IN_HAND,
        )
        with suppress(nats.errors.Error):
            await self._js.add_consumer(subjects.MAIL, config)
            self._consumers.add(subjects.token(node))

    def forget(self, admitted: Collection[str]) -> None:
        """Consumers of others than these are removed when `tidy` is called."""
        self._gone |= self._consumers - set(map(subjects.token, admitted))

    def throw(self, stream: str, *places: int) -> None:
        """Nobody wants what lies at these places of the stream; it is thrown away when `tidy` is called."""
        self._waste[stream].update(dict.fromkeys(places))

    async def tidy(self) -> None:
        """One by one and not by subject: when a subject is purged, servers before 2.9.15 move the consumers of other
        subjects on to its end, past what they have not delivered (nats-server, pull request 3838)."""
        import nats.errors

        if self._js is None:
            return
        with suppress(nats.errors.Error):
            for stream, places in self._waste.items():
                while places:
                    some = list(places)[:_DELETED_AT_ONCE]
                    await self._delete(self._js, stream, some)
                    for place in some:
                        places.pop(place, None)
            while self._gone:
                node = next(iter(self._gone))
                if node in self._consumers:
                    await self._js.delete_consumer(subjects.MAIL, node)
                    self._consumers.discard(node)
                self._gone.discard(node)

    @staticmethod
    async def _delete(js: JetStreamContext, stream: str, places: Sequence[int]) -> None:
        """The server does what one connection asks in order, so only the last is to be answered. What is not there any
        more is no error."""
        from nats.js.errors import APIError

        where = f"$JS.API.STREAM.MSG.DELETE.{stream}"
        *rest, last = (b'{"seq":%d,"no_erase":true}' % place for place in places)
        for each in rest:
            await js._nc.publish(where, each)
        with suppress(APIError):
            await js._api_request(where, last, timeout=5)


async def _ensure(js: JetStreamContext, config: api.StreamConfig) -> None:
    """Make the stream, or bring it to this configuration. It is asked for first: a server that is asked to make one
    that is there counts its bytes twice."""
    from nats.js.errors import NotFoundError

    assert config.name is not None
    try:
        held = (await js.stream_info(config.name)).config
    except NotFoundError:
        await js.add_stream(config)
        return
    if any(getattr(held, field) != getattr(config, field) for field in ("subjects", "max_bytes", "max_age")):
        await js.update_stream(config)


async def _names(js: JetStreamContext) -> set[str]:
    """Of all consumers of the mail."""
    found: set[str] = set()
    while True:
        some = await js._api_request(
            f"$JS.API.CONSUMER.NAMES.{subjects.MAIL}", b'{"offset":%d}' % len(found), timeout=5
        )
        found |= set(some.get("consumers") or ())
        if len(found) >= some.get("total", 0) or not some.get("consumers"):
            return found


def _mail_stream() -> api.StreamConfig:
    from nats.js import api

    return api.StreamConfig(
        name=subjects.MAIL,
        subjects=[subjects.ALL_MAIL],
        retention=api.RetentionPolicy.WORK_QUEUE,
        discard=api.DiscardPolicy.NEW,
        max_age=HOUR,
        max_bytes=MAIL_BYTES,
        storage=api.StorageType.FILE,
        duplicate_window=120,
    )


def _body_stream() -> api.StreamConfig:
    from nats.js import api

    return api.StreamConfig(
        name=subjects.BODY,
        subjects=[subjects.ALL_PARTS, subjects.ALL_UP],
        retention=api.RetentionPolicy.LIMITS,
        discard=api.DiscardPolicy.NEW,
        max_age=HOUR,
        max_bytes=BODY_BYTES,
        storage=api.StorageType.FILE,
        duplicate_window=120,
        allow_direct=True,
    )
