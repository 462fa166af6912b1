"""An exchange over NATS: a bare message and its echo through a bare server, the same through two JetStream streams with
nothing of ours, and the federation.

All with every node on a TLS connection of its own, with its own certificate, all nodes in one other process. Through
the streams each message is on the disk, each node has a push consumer, and a letter is acknowledged once the reply to
it is stored; there are no permissions, numbers, bounds or beats, and nothing is thrown away.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import nats
from nats.js import api

from huizhen.adapters import certificates, nats_config
from huizhen.adapters.certificates import Authority
from huizhen.adapters.nats_dial import NatsDial
from huizhen.adapters.nats_federation import NatsFederation
from huizhen.kit.clock import utc_now
from made.broker import BARE_CONF, Broker, free_port, write_bare
from made.floor import seconds

UP = "up"
MAIL, BODY = "MAIL", "BODY"


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


def plain_nodes(folder: Path, url: str, names: list[str]) -> None:
    """Each echoes into a stream what its consumer pushes to it, and acknowledges it once that is stored."""

    async def one(name: str) -> None:
        client = await nats.connect(url, tls=context(folder, name), allow_reconnect=False, connect_timeout=60)
        waiting: dict[str, str] = {}

        async def echo(message: nats.aio.msg.Msg) -> None:
            waiting[number := str(len(waiting))] = message.reply
            await client.publish(f"{UP}.{name}", message.data, f"stored.{name}.{number}")

        async def stored(message: nats.aio.msg.Msg) -> None:
            await client.publish(waiting[message.subject.rpartition(".")[2]], b"+ACK")

        await client.subscribe(f"in.{name}", cb=echo)
        await client.subscribe(f"stored.{name}.*", cb=stored)
        await client.flush(60)
        await client.publish("there", name.encode())

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
                await self.say(name, data)

        self.call(say())
        assert self.over.wait(60)
        return self.heard

    async def say(self, name: str, data: bytes) -> None:
        await self.client.publish(f"down.{name}", data)

    def close(self) -> None:
        self.call(self.client.close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


class Plain(Bare):
    """The same through two streams."""

    def __init__(self, folder: Path, url: str, names: list[str]) -> None:
        self.names = names
        super().__init__(folder, url, len(names))

    async def open(self, folder: Path, url: str) -> None:
        self.client = await nats.connect(url, tls=context(folder, "hub"), allow_reconnect=False, pending_size=1 << 26)
        js = self.client.jetstream(timeout=60)
        await js.add_stream(name=MAIL, subjects=["mail.>"], retention=api.RetentionPolicy.WORK_QUEUE)
        await js.add_stream(name=BODY, subjects=[f"{UP}.>"])
        for name in self.names:
            config = api.ConsumerConfig(
                durable_name=name, deliver_subject=f"in.{name}", filter_subject=f"mail.{name}",
                ack_policy=api.AckPolicy.EXPLICIT,
            )  # fmt: skip
            await js.add_consumer(MAIL, config)
        await self.client.subscribe("there", cb=self.hello)
        await self.client.subscribe("stored.:hub", cb=self.stored)
        unlimited = {"pending_bytes_limit": 0, "pending_msgs_limit": 0}
        await js.subscribe(
            f"{UP}.*", stream=BODY, cb=self.reply, manual_ack=True, flow_control=True, idle_heartbeat=5, **unlimited,
            config=api.ConsumerConfig(ack_policy=api.AckPolicy.NONE, mem_storage=True),
        )  # fmt: skip
        await self.client.flush()

    async def stored(self, _message: nats.aio.msg.Msg) -> None:
        """The server has it."""

    async def say(self, name: str, data: bytes) -> None:
        await self.client.publish(f"mail.{name}", data, "stored.:hub")


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(
    count: int, times: int, only: str = "", spent: dict[str, list[float]] | None = None
) -> dict[str, list[float]]:
    """Seconds of each exchange, in order of size: `bare`, `plain` through streams, and `durable`; or only one of them.
    `spent`: takes the processor seconds of an exchange, of hub, nodes and server."""
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
            ("bare", BARE_CONF, bare_nodes), ("plain", BARE_CONF, plain_nodes),
            ("durable", nats_config.SERVER_CONF, echo_nodes),
        ):  # fmt: skip
            if only not in {"", kind}:
                continue
            broker = Broker(folder / "nats", conf, port)
            end: Bare | NatsFederation
            if kind == "bare":
                end = Bare(folder, url, count)
            elif kind == "plain":
                end = Plain(folder, url, names)
            else:
                identity = nats_config.hub_identity(authority, utc_now())
                hub = certificates.client_context(folder / "tls/ca.pem", *identity)
                end = NatsFederation(url, hub, lambda: admitted, 60.0)
            there = spawn.Process(target=target, args=(folder, url, names), daemon=True)
            there.start()
            try:
                assert end.there.wait(300) if isinstance(end, Bare) else end.wait(names, 300)
                before = [time.process_time(), processor_seconds(there.pid or 0), processor_seconds(broker.pid)]
                found[kind] = seconds(end.exchange, names, times)
                after = [time.process_time(), processor_seconds(there.pid or 0), processor_seconds(broker.pid)]
                if spent is not None:
                    spent[kind] = [(b - a) / times for a, b in zip(before, after, strict=True)]
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
