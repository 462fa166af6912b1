"""An exchange of the mailbox, and the same web server, TLS and request without a database, a check or a part."""

from __future__ import annotations

import asyncio
import multiprocessing
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from fastapi import FastAPI, Request, Response
from msgspec import structs
from sqlalchemy import Engine, insert

from huizhen.adapters import certificates, database
from huizhen.adapters.certificates import Authority
from huizhen.adapters.dial import TURN
from huizhen.adapters.mailbox import Mailbox
from huizhen.adapters.turn import Answer, Part, Turn, read
from huizhen.hub.app import make_app
from huizhen.hub.server import driven
from huizhen.hub.web import Web, listen
from huizhen.kit import wire
from huizhen.kit.clock import utc_now

BARE = "/bare"
FLOATS = 1000


# -- the nodes, in their own process


class Node:
    """One connection that posts and reads answers, with as little code as will do."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.port, self.context = port, context

    async def post(self, path: str, body: bytes) -> bytes:
        head = f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
        self.writer.write(head.encode() + body)
        status = await self.reader.readuntil(b"\r\n\r\n")
        assert b" 200 " in status.split(b"\r\n")[0], status
        length = next(x for x in status.lower().split(b"\r\n") if x.startswith(b"content-length"))
        return await self.reader.readexactly(int(length.partition(b":")[2]))

    async def turn_for_ever(self) -> None:
        replies: list[Part] = []
        while True:
            answer = read(Answer, await self.post(TURN, wire.encode(structs.asdict(Turn(hold=20.0, replies=replies)))))
            replies = [Part(p.mail, 0, p.size, p.data) for p in answer.mail]

    async def echo_for_ever(self) -> None:
        body = b""
        while True:
            body = await self.post(BARE, body)

    async def run(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(
            "localhost", self.port, ssl=self.context, limit=1 << 22
        )
        await (self.turn_for_ever() if self.durable else self.echo_for_ever())

    durable = True


def nodes(folder: Path, port: int, count: int, durable: bool) -> None:
    import uvloop

    async def all_of_them() -> None:
        contexts = [
            certificates.client_context(folder / "tls/ca.pem", folder / f"{i}.pem", folder / f"{i}.key")
            for i in range(count)
        ]
        made = [Node(port, context) for context in contexts]
        for each in made:
            each.durable = durable
        await asyncio.gather(*(each.run() for each in made))

    uvloop.run(all_of_them())


# -- the hub, in this one


class Bare:
    """A mailbox without anything: each node's call waits in memory for the next message."""

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[bytes]] = []
        self.heard: list[bytes] = []
        self.over = threading.Event()
        self.expected = 0
        self.app = FastAPI()
        self.app.add_route(BARE, self.call, methods=["POST"])

    async def call(self, request: Request) -> Response:
        body = await request.body()
        future = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        if body:
            self.heard.append(body)
            if len(self.heard) == self.expected:
                self.over.set()
        return Response(await future)

    def exchange(self, messages: Mapping[str, bytes]) -> list[bytes]:
        waiting, self.waiting, self.heard, self.expected = self.waiting, [], [], len(messages)
        self.over.clear()
        bodies = list(messages.values())

        def answer() -> None:
            for future, body in zip(waiting, bodies, strict=True):
                future.set_result(body)

        waiting[0].get_loop().call_soon_threadsafe(answer)
        assert self.over.wait(60)
        return self.heard

    def rest(self) -> None:
        for future in self.waiting:
            future.get_loop().call_soon_threadsafe(future.set_result, b"")


def seconds(
    exchange: Callable[[Mapping[str, bytes]], Mapping[str, bytes] | list[bytes]], names: list[str], times: int
) -> list[float]:
    rng, found = np.random.default_rng(1), []
    for _ in range(times):
        messages = {name: wire.encode(rng.random(FLOATS)) for name in names}
        start = time.perf_counter()
        heard = exchange(messages)
        found.append(time.perf_counter() - start)
        assert sorted(heard.values() if isinstance(heard, Mapping) else heard) == sorted(messages.values())
    return sorted(found[times // 5 :])


def measure(count: int, times: int, url: str | None) -> dict[str, list[float]]:
    found = {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        engine = database.open_engine(driven(url) if url else str(folder / "hub.sqlite"))
        database.migrate(engine)
        authority = Authority.open(folder / "tls", utc_now())
        authority.serve(["localhost"], utc_now())
        names = [f"bench-{count}-{time.time_ns()}-{i}" for i in range(count)]
        admit(engine, authority, folder, names)
        bare = Bare()
        mailbox = Mailbox(engine, alone=url is None)
        for durable, app, exchange in ((False, bare.app, bare.exchange), (True, make_app(mailbox), mailbox.exchange)):
            web = Web(app, listen("localhost", 0), folder / "tls", mailbox if durable else bare)  # type: ignore[arg-type]
            web.start()
            there = multiprocessing.get_context("spawn").Process(target=nodes, args=(folder, web.port, count, durable))
            there.start()
            while (len(mailbox.there()) if durable else len(bare.waiting)) < count:
                time.sleep(0.05)
            found["durable" if durable else "bare"] = seconds(exchange, names, times)
            there.kill()
            there.join()
            web.stop()
        mailbox.close()
        engine.dispose()
    return found


def admit(engine: Engine, authority: Authority, folder: Path, names: list[str]) -> None:
    rows = []
    for i, name in enumerate(names):
        own = certificates.new_key(folder / f"{i}.key")
        pem = authority.issue(name, certificates.request_certificate(name, own), utc_now())
        (folder / f"{i}.pem").write_bytes(pem)
        digest = certificates.key_digest(certificates.der(pem))
        rows.append({"name": name, "key": "00", "enrolled_utc": "now", "witnessed": 0, "tls_key": digest})
    with engine.begin() as c:
        c.execute(insert(database.node), rows)
