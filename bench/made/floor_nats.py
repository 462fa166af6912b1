"""An exchange over NATS: a bare message and its echo through a bare server, and the federation over JetStream.

Both with every node on a TLS connection of its own, with its own certificate, all nodes in one other process.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

import nats

from huizhen.adapters import certificates, nats_config
from huizhen.adapters.certificates import Authority
from huizhen.adapters.nats_dial import NatsDial
from huizhen.adapters.nats_federation import NatsFederation
from huizhen.kit.clock import utc_now
from made.broker import BARE_CONF, Broker, free_port, write_bare
from made.floor import seconds

UP = "up"


def bare_nodes(folder: Path, url: str, names: list[str]) -> None:
    """Each echoes what comes on its own subject."""

    async def one(name: str) -> None:
        client = await nats.connect(url, tls=context(folder, name), allow_reconnect=False, connect_timeout=60)

        async def echo(message: nats.aio.msg.Msg) -> None:
            await client.publish(f"{UP}.{name}", message.data)

        await client.subscribe(f"down.{name}", cb=echo)
        await client.flush(60)
        await client.publish(UP, name.encode())

    async def all_of_them() -> None:
        for at in range(0, len(names), 50):
            await asyncio.gather(*map(one, names[at : at + 50]))
        await asyncio.Event().wait()

    asyncio.run(all_of_them())


def echo_nodes(folder: Path, url: str, names: list[str]) -> None:
    """The product's own end of the line, with a handler that gives back what it is given."""

    async def all_of_them() -> None:
        dials = [NatsDial(url, context(folder, name), name, bytes, workers=1) for name in names]
        await asyncio.gather(*(dial.serve() for dial in dials))

    asyncio.run(all_of_them())


def context(folder: Path, name: str):  # type: ignore[no-untyped-def]
    return certificates.client_context(folder / "tls" / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")


class Bare:
    """The hub's end: publish to each node, hear as many echoes."""

    def __init__(self, folder: Path, url: str, count: int) -> None:
        self.there, self.over = threading.Event(), threading.Event()
        self.came: list[str] = []
        self.heard: dict[str, bytes] = {}
        self.expected = count
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.call(self.open(folder, url))

    def call(self, work) -> None:  # type: ignore[no-untyped-def]
        asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    async def open(self, folder: Path, url: str) -> None:
        self.client = await nats.connect(url, tls=context(folder, "hub"), allow_reconnect=False, pending_size=1 << 26)
        await self.client.subscribe(UP, cb=self.hello)
        await self.client.subscribe(f"{UP}.*", cb=self.reply, pending_bytes_limit=0, pending_msgs_limit=0)
        await self.client.flush()

    async def hello(self, message: nats.aio.msg.Msg) -> None:
        self.came.append(message.data.decode())
        if len(self.came) == self.expected:
            self.there.set()

    async def reply(self, message: nats.aio.msg.Msg) -> None:
        self.heard[message.subject.rpartition(".")[2]] = message.data
        if len(self.heard) == self.expected:
            self.over.set()

    def exchange(self, messages: Mapping[str, bytes]) -> Mapping[str, bytes]:
        self.heard, self.expected = {}, len(messages)
        self.over.clear()

        async def say() -> None:
            for name, data in messages.items():
                await self.client.publish(f"down.{name}", data)

        self.call(say())
        assert self.over.wait(60)
        return self.heard

    def close(self) -> None:
        self.call(self.client.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


def measure(count: int, times: int, only: str = "") -> dict[str, list[float]]:
    """Seconds of each exchange, in order of size: `bare`, and `durable` over JetStream; or only one of them."""
    spawn, found = multiprocessing.get_context("spawn"), {}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        authority = Authority.open(folder / "tls", utc_now())
        names = [f"n{i}" for i in range(count)]
        admitted = {name: certify(authority, folder, name) for name in names}
        certify(authority, folder, "hub")
        port = free_port()
        plan = nats_config.Plan(names=["localhost"], listen=f"127.0.0.1:{port}")
        nats_config.write_config(folder / "nats", authority, admitted, plan, utc_now())
        write_bare(folder / "nats", port)
        url = f"tls://localhost:{port}"
        for kind, conf, target in (
            ("bare", BARE_CONF, bare_nodes), ("durable", nats_config.SERVER_CONF, echo_nodes),
        ):  # fmt: skip
            if only not in {"", kind}:
                continue
            broker = Broker(folder / "nats", conf, port)
            end: Bare | NatsFederation
            if kind == "bare":
                end = Bare(folder, url, count)
            else:
                identity = nats_config.hub_identity(authority, utc_now())
                hub = certificates.client_context(folder / "tls/ca.pem", *identity)
                end = NatsFederation(url, hub, lambda: admitted, 60.0)
            there = spawn.Process(target=target, args=(folder, url, names), daemon=True)
            there.start()
            try:
                assert end.there.wait(300) if isinstance(end, Bare) else end.wait(names, 300)
                found[kind] = seconds(end.exchange, names, times)
            finally:
                end.close()
                there.kill()
                there.join()
                broker.close()
    return found


def certify(authority: Authority, folder: Path, name: str) -> str:
    key = certificates.new_key(folder / f"{name}.key")
    pem = authority.issue(name, certificates.request_certificate(name, key), utc_now())
    (folder / f"{name}.pem").write_bytes(pem)
    return certificates.key_digest(certificates.der(pem))
