"""One end of a line to a NATS server: a connection that is made anew for ever.

Nothing rests on a connection. Each begins a session from scratch, with its own subscriptions; what has to outlast it
is kept by whoever runs the session.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from huizhen.kit.defect import note_defect
from huizhen.kit.errors import BadInput, HuizhenError, Refused
from huizhen.kit.text import Text

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription
    from nats.aio.transport import Transport

T = TypeVar("T")
State = Callable[[str, Text], None]
"""Called with the code and the words of what goes on: connected, working, lost, refused, failing."""
_SHORTEST, _LONGEST = 0.1, 5.0
"""Seconds between two attempts to reach a server."""
_CONNECT_SECONDS = 10.0
_PING_SECONDS = 5
_GOODBYE_SECONDS = 0.5
_CANCEL_SECONDS = 0.5
_BUFFER = 4 << 20


class Session:
    """A connection while it lasts. `gone` is set when it does not any more."""

    def __init__(self, client: Client, gone: asyncio.Event) -> None:
        self.client = client
        self.gone = gone

    async def publish(self, subject: str, data: bytes, reply: str = "", headers: dict[str, str] | None = None) -> None:
        """Publish; on a connection that is no more, nothing happens."""
        import nats.errors

        with suppress(nats.errors.Error, OSError):
            await self.client.publish(subject, data, reply, headers)

    async def hear(self, subject: str, heard: Callable[[Msg], Awaitable[None]]) -> Subscription:
        """Subscribe, without a limit to what waits here: the streams set one."""
        return await self.client.subscribe(subject, cb=heard, pending_msgs_limit=0, pending_bytes_limit=0)

    async def ask(self, subject: str, seconds: float) -> Msg | None:
        """What the server answers there; None on a connection that is gone by then. Raises TimeoutError."""
        import nats.errors

        with suppress(nats.errors.Error, OSError):
            return await first(self.client.request(subject, b"", timeout=seconds), self.gone, seconds)
        return None


class Line:
    """`servers`: addresses of one cluster, separated by commas. `box`: the subject under which the server's answers
    come. TLS is required: a server that offers none, or one between that says so in its name, is left."""

    def __init__(self, servers: str, context: ssl.SSLContext, label: str, box: str, state: State) -> None:
        import_nats()
        self._servers = [s.strip() for s in servers.split(",")]
        self._context = context
        self._label = label
        self._box = box
        self._state = state
        self._said = ""

    async def run(self, session: Callable[[Session], Coroutine[Any, Any, None]], ended: asyncio.Event) -> None:
        """Hold one session after the other until `ended`; the one that is under way then comes to its own end. When
        its connection is gone, a session is cancelled wherever it stands."""
        import nats.errors

        pause = _SHORTEST
        while not ended.is_set():
            try:
                await self._hold(session, ended)
                pause = _SHORTEST
            except HuizhenError as problem:
                self.tell("refused", Text(problem.say("en"), problem.say("zh")))
            except (TimeoutError, nats.errors.Error, OSError) as problem:
                self.tell("lost", _lost(problem))
            chosen = pause * random.uniform(0.5, 1.0)  # noqa: S311
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(ended.wait(), chosen)
            pause = min(2 * pause, _LONGEST)

    def tell(self, code: str, text: Text) -> None:
        if code != self._said:
            self._said = code
            self._state(code, text)

    async def _hold(self, session: Callable[[Session], Coroutine[Any, Any, None]], ended: asyncio.Event) -> None:
        from nats.aio.client import Client

        client, gone = Client(), asyncio.Event()
        client._transport = encrypted(gone)
        try:
            if await first(self._connect(client), ended, _CONNECT_SECONDS) is None:
                return
            if not client.is_connected:
                raise _turned_away()
            await first(session(Session(client, gone)), gone, None)
        finally:
            await _close(client)

    async def _connect(self, client: Client) -> bool:
        import nats.errors

        async def noted(problem: Exception) -> None:
            if "permissions violation" in str(problem).lower():
                self.tell("failing", _not_permitted())
            elif not isinstance(problem, nats.errors.Error | OSError | TimeoutError):
                note_defect("in the federation over NATS", problem)

        await client.connect(
            self._servers,
            name=self._label,
            tls=self._context,
            allow_reconnect=False,
            max_reconnect_attempts=1,
            reconnect_time_wait=0,
            connect_timeout=5,
            ping_interval=_PING_SECONDS,
            max_outstanding_pings=2,
            pending_size=_BUFFER,
            inbox_prefix=self._box,
            error_cb=noted,
        )
        return True


async def first(work: Coroutine[Any, Any, T], ended: asyncio.Event, seconds: float | None) -> T | None:
    """What `work` comes to; None if `ended` comes before. Raises TimeoutError when neither does in time."""
    task, end = asyncio.ensure_future(work), asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait({task, end}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        if end.done():
            return None
        raise TimeoutError
    finally:
        await end_all(task, end)


async def end_all(*tasks: asyncio.Future[Any]) -> None:
    """Cancel until it is heard: up to Python 3.11 `asyncio.wait_for` loses a cancellation that comes together with what
    it waits for."""
    while left := [task for task in tasks if not task.done()]:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=_CANCEL_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close(client: Client) -> None:
    """Close whatever there is of a connection."""
    with suppress(Exception):
        await client.close()
    transport = client._transport
    if transport is not None:
        transport.close()  # type: ignore[no-untyped-call]
        with suppress(Exception):
            await transport.wait_closed()  # type: ignore[no-untyped-call]


def encrypted(gone: asyncio.Event) -> Transport:
    """A connection that carries nothing in the clear, and that sets `gone` at its end, whoever notices.

    The library would take the server's word for whether there is to be TLS, and that word comes before any: whoever
    stands between could say no. And where a write fails as the connection ends, it tells nobody.
    """
    from nats.aio.transport import TcpTransport

    class Encrypted(TcpTransport):
        def __bool__(self) -> bool:
            return True

        async def connect_tls(self, *given: Any, **named: Any) -> None:
            await super().connect_tls(*given, **named)
            writer: Any = self._io_writer
            writer.transport.get_protocol()._over_ssl = True  # asyncio would log its absence as a defect at each end

        async def read(self, buffer_size: int) -> bytes:
            data = b""
            try:
                data = bytes(await super().read(buffer_size))
            finally:
                if not data:
                    gone.set()
            return data

        def write(self, payload: bytes) -> None:
            self._check()
            super().write(payload)  # type: ignore[no-untyped-call]

        def writelines(self, payload: list[bytes]) -> None:
            self._check()
            super().writelines(payload)  # type: ignore[no-untyped-call]

        async def drain(self) -> None:
            try:
                await super().drain()  # type: ignore[no-untyped-call]
            except OSError:
                gone.set()
                raise

        def close(self) -> None:
            gone.set()
            super().close()  # type: ignore[no-untyped-call]

        async def wait_closed(self) -> None:
            """A peer that is no more cannot say goodbye, and asyncio would wait half a minute for it; where a handshake
            failed, its waiting is cancelled from within, which is no cancellation of whoever waits here."""
            closing = asyncio.ensure_future(super().wait_closed())  # type: ignore[no-untyped-call]
            await asyncio.wait({closing}, timeout=_GOODBYE_SECONDS)
            if not closing.done():
                assert self._io_writer is not None
                self._io_writer.transport.abort()
            await end_all(closing)

        def _check(self) -> None:
            writer = self._io_writer
            if writer is None or writer.get_extra_info("ssl_object") is None:
                raise _not_encrypted()

    made: Transport = Encrypted()  # type: ignore[no-untyped-call]
    return made


def import_nats() -> None:
    """Raises BadInput where the extra is not installed."""
    try:
        import nats  # noqa: F401
    except ImportError as error:
        raise BadInput(
            "nats-not-installed",
            Text("NATS needs a package that is not installed.", "使用 NATS 需要尚未安装的软件包。"),
            Text("Run: pip install 'huizhen[nats]'", "请运行：pip install 'huizhen[nats]'"),
        ) from error


def _not_encrypted() -> Refused:
    return Refused(
        "not-encrypted",
        Text("What answers there does not speak TLS; nothing was said to it.", "对方未使用 TLS；未发送任何内容。"),
        Text(
            "Configure the server with `huizhen hub nats-config`; if it is, somebody stands between.",
            "请用 `huizhen hub nats-config` 配置服务器；若已配置，则可能有人在中间拦截。",
        ),
    )


def _turned_away() -> Refused:
    return Refused(
        "turned-away",
        Text("The NATS server ends the connection after the handshake.", "NATS 服务器在握手后断开了连接。"),
        Text(
            "It does not know this certificate's key: ask the trustee whether this node is admitted, or was revoked.",
            "服务器不认识该证书的密钥：请向受托方确认本节点是否已获准接入，或已被吊销。",
        ),
    )


def _not_permitted() -> Text:
    return Text(
        "the NATS server does not permit this; its configuration is not of the present region: write it anew with "
        "`huizhen hub nats-config` and reload it",
        "NATS 服务器不允许此操作；其配置与当前区域不符：请用 `huizhen hub nats-config` 重新生成并重新加载",
    )


def _lost(problem: Exception) -> Text:
    """What a person can do about a server that is not reached, or does not do what it is asked."""
    from nats.js.errors import APIError

    if isinstance(problem, APIError):
        return Text(
            f"the NATS server's JetStream says: {problem.description}; look at its disk and its limits",
            f"NATS 服务器的 JetStream 报告：{problem.description}；请检查其磁盘与上限",
        )
    if isinstance(problem, ssl.SSLError):
        return Text(
            "no TLS connection to the NATS server: its certificate is not of this region, or ours was revoked; check "
            "this machine's clock, then ask the trustee",
            "无法与 NATS 服务器建立 TLS 连接：其证书不属于本区域，或本节点证书已被吊销；请先检查本机时钟，再询问受托方",
        )
    return Text(
        "lost connection to the NATS server; trying again. Check the network and that the server is up; where only an "
        "HTTP proxy leads out, use the https transport",
        "与 NATS 服务器的连接中断，正在重试。请检查网络及服务器是否运行；若只能经 HTTP 代理出网，请改用 https 传输",
    )
