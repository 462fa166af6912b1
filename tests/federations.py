"""Federations for the contract tests: each adapter behind one small harness, with what a test may do to it.

A new adapter is one more class here and one more line in HARNESSES.
"""

from __future__ import annotations

import os
import random
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import httpx
from sqlalchemy import Engine, insert, update

from huizhen.adapters import certificates, database
from huizhen.adapters.certificates import Authority
from huizhen.adapters.dial import Dial
from huizhen.adapters.local import Handler, LocalFederation
from huizhen.adapters.mailbox import Mailbox
from huizhen.hub.app import make_app
from huizhen.hub.web import Web, listen
from huizhen.path.ports import Federation
from wires import Wire

SILENCE = 1.5
"""Seconds after which a node is taken for silent, in these tests."""
MOMENT = datetime.now(UTC)


class Harness(Protocol):
    """A running federation. `remote`: nodes are on a wire, so that they can be stopped, started and cut off."""

    remote: bool
    federation: Federation

    def stop(self, node: str) -> None:
        """The node dies, with whatever it had in hand."""

    def start(self, node: str, handler: Handler | None = None) -> None:
        """The node begins again and knows nothing, with another handler if one is given."""

    def cut(self, node: str, up: int | None = None, down: int | None = None) -> None:
        """Break the node's connection once, now or after so many bytes more have passed to or from the hub."""

    def restart_hub(self) -> None:
        """What nodes dial is gone, and comes back; the road's own process goes on."""

    def kept(self) -> int:
        """How many messages and replies are kept."""

    def close(self) -> None: ...


class Local:
    """All in one process."""

    remote = False

    def __init__(self, handlers: Mapping[str, Handler], folder: Path, url: str | None) -> None:
        self.federation = LocalFederation(handlers)

    def close(self) -> None:
        self.federation.close()


class Https:
    """Nodes as threads, each behind a wire of its own, with real TLS; the road's mailbox, and one that serves nodes.

    `split`: these are two, as in two processes at one database.
    """

    remote = True
    split = False

    def __init__(self, handlers: Mapping[str, Handler], folder: Path, url: str | None) -> None:
        self.folder = folder
        self.engine = database.open_engine(url or str(folder / "hub.sqlite"))
        database.migrate(self.engine)
        self.authority = Authority.open(folder / "tls", MOMENT)
        self.authority.serve(["localhost", "127.0.0.1"], MOMENT)
        for name in handlers:
            admit(self.engine, self.authority, folder, name)
        self.federation: Mailbox = self._mailbox()
        self.port = 0
        self.web, self.front = self._serve()
        self.port = self.web.port
        self.handlers = dict(handlers)
        self.nodes: dict[str, tuple[Dial, Wire, threading.Thread]] = {}
        self.gone: list[tuple[Dial, Wire, threading.Thread]] = []
        for name in handlers:
            self.start(name)
        assert self.federation.wait(list(handlers), 10)

    def _mailbox(self) -> Mailbox:
        return Mailbox(self.engine, SILENCE)

    def _serve(self) -> tuple[Web, Mailbox]:
        front = self._mailbox() if self.split else self.federation
        web = Web(make_app(front), listen("127.0.0.1", self.port), self.folder / "tls", front)
        web.start()
        return web, front

    def start(self, node: str, handler: Handler | None = None) -> None:
        if handler is not None:
            self.handlers[node] = handler
        wire = Wire("127.0.0.1", self.port)
        client = client_of(self.folder, node, wire.port)
        dial = Dial(client, self.handlers[node], hold_seconds=5.0)

        def run() -> None:
            with client:
                dial.run()

        thread = threading.Thread(target=run, name=f"node-{node}")
        thread.start()
        self.nodes[node] = dial, wire, thread

    def stop(self, node: str) -> None:
        self.gone.append(self.nodes.pop(node))
        dial, wire, _ = self.gone[-1]
        wire.close()
        dial.stop()

    def cut(self, node: str, up: int | None = None, down: int | None = None) -> None:
        self.nodes[node][1].cut(up, down)

    def restart_hub(self) -> None:
        assert self.split
        self.web.stop()
        self.front.close()
        self.web, self.front = self._serve()

    def revoke(self, node: str) -> None:
        with self.engine.begin() as c:
            c.execute(update(database.node).where(database.node.c.name == node).values(revoked_utc="now"))

    def kept(self) -> int:
        with self.engine.connect() as c:
            return sum(
                int(c.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one()) for table in ("mail", "reply")
            )

    def close(self) -> None:
        for dial, _, _ in self.nodes.values():
            dial.stop()
        for _, wire, thread in [*self.nodes.values(), *self.gone]:
            thread.join()
            wire.close()
        self.web.stop()
        self.federation.close()
        if self.split:
            self.front.close()
        self.engine.dispose()


class Split(Https):
    split = True


def admit(engine: Engine, authority: Authority, folder: Path, name: str) -> None:
    """Enrol a node as the hub would: its certificate beside its key in the folder, its key digest in the database."""
    key = certificates.new_key(folder / f"{name}.key")
    pem = authority.issue(name, certificates.request_certificate(name, key), MOMENT)
    (folder / f"{name}.pem").write_bytes(pem)
    row = {"name": name, "key": "00" * 32, "enrolled_utc": "now", "witnessed": 0}
    with engine.begin() as c:
        c.execute(insert(database.node).values(**row, tls_key=certificates.key_digest(certificates.der(pem))))


def client_of(folder: Path, node: str, port: int) -> httpx.Client:
    context = certificates.client_context(folder / "tls" / "ca.pem", folder / f"{node}.pem", folder / f"{node}.key")
    return httpx.Client(base_url=f"https://localhost:{port}", verify=context, trust_env=False)


HARNESSES: dict[str, tuple[Callable[..., Harness], str | None]] = {
    "local": (Local, None),
    "https-sqlite": (Https, None),
    "https-postgresql": (Https, "postgresql"),
    "https-two-hubs-sqlite": (Split, None),
    "https-two-hubs-postgresql": (Split, "postgresql"),
}
"""Name -> harness, and the database that it needs."""


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until something holds, for a time in which it certainly should."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.01)


def free_port() -> int:
    """A port nobody listens at, not given before. It lies below those that a kernel gives to outgoing connections, one
    of which would else take it before the server that it is for; and no two workers of one run draw from the same."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    mine = range(20000 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]), 32000, workers)
    for port in random.sample(mine, len(mine)):
        if port not in _given:
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                _given.add(port)
                return port
    raise AssertionError("no port is free")


_given: set[int] = set()
