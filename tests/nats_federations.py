"""The federation over NATS as a harness of the contract tests: a private server, nodes as threads behind wires."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import nats

from federations import MOMENT, SILENCE, Harness, free_port
from huizhen.adapters import certificates, nats_config
from huizhen.adapters import nats_subjects as subjects
from huizhen.adapters.certificates import Authority
from huizhen.adapters.local import Handler
from huizhen.adapters.nats_dial import NatsDial
from huizhen.adapters.nats_federation import NatsFederation
from nats_server import Server, check_there
from wires import Wire


class Region:
    """Authority, admitted nodes, the servers' folder, and a running server."""

    def __init__(self, folder: Path, names: list[str], leaf: bool = False) -> None:
        check_there()
        self.folder = folder
        self.authority = Authority.open(folder / "tls", MOMENT)
        self.nodes = {name: self.certify(name) for name in names}
        port, self.leaf_port, uplink = (free_port() for _ in range(3))
        self.plan = nats_config.Plan(
            names=["localhost"],
            listen=f"127.0.0.1:{port}",
            leaf_names=["localhost"] if leaf else (),
            leaf_listen=f"127.0.0.1:{self.leaf_port}",
            leaf_port=uplink,
        )
        self.write()
        self.server = Server(folder / "nats", nats_config.SERVER_CONF, port)
        self.leaf = Server(folder / "nats" / "leaf", nats_config.LEAF_CONF, self.leaf_port) if leaf else None
        self.port = port

    def certify(self, name: str, file: str | None = None) -> str:
        """Key and certificate of that name in the folder; the key's digest."""
        file = file or name
        key = certificates.new_key(self.folder / f"{file}.key")
        pem = self.authority.issue(name, certificates.request_certificate(name, key), MOMENT)
        (self.folder / f"{file}.pem").write_bytes(pem)
        return certificates.key_digest(certificates.der(pem))

    def context(self, file: str) -> ssl.SSLContext:
        ca = self.folder / "tls" / "ca.pem"
        return certificates.client_context(ca, self.folder / f"{file}.pem", self.folder / f"{file}.key")

    def hub_context(self) -> ssl.SSLContext:
        return certificates.client_context(
            self.folder / "tls" / "ca.pem", *nats_config.hub_identity(self.authority, MOMENT)
        )

    def write(self) -> None:
        nats_config.write_config(self.folder / "nats", self.authority, self.nodes, self.plan, MOMENT)

    def revoke(self, name: str) -> None:
        del self.nodes[name]
        self.write()
        assert nats_config.reload(self.folder / "nats")
        if self.leaf is not None:
            assert nats_config.reload(self.folder / "nats" / "leaf")

    def federation(self, silence: float = SILENCE) -> NatsFederation:
        return NatsFederation(f"tls://localhost:{self.port}", self.hub_context(), lambda: set(self.nodes), silence)

    def kept(self) -> int:
        """How many messages are in the streams."""

        async def count() -> int:
            client = await nats.connect(
                f"tls://localhost:{self.port}", tls=self.hub_context(), inbox_prefix=f"{subjects.HUB_BOX}.test"
            )
            js = client.jetstream()
            found = [await js.stream_info(name) for name in (subjects.MAIL, subjects.BODY)]
            await client.close()
            return sum(each.state.messages for each in found)

        return asyncio.run(count())

    def close(self) -> None:
        if self.leaf is not None:
            self.leaf.close()
        self.server.close()


class Nats:
    """See `federations.Harness`. `restart_hub` kills the server, which is what nodes dial here."""

    remote = True
    leaf = False
    silence = SILENCE

    def __init__(self, handlers: Mapping[str, Handler], folder: Path, url: str | None) -> None:
        self.region = Region(folder, list(handlers), self.leaf)
        self.federation = self.region.federation(self.silence)
        self.handlers = dict(handlers)
        self.nodes: dict[str, tuple[NatsDial, Wire, threading.Thread]] = {}
        self.gone: list[tuple[NatsDial, Wire, threading.Thread]] = []
        for name in handlers:
            self.start(name)
        assert self.federation.wait(list(handlers), 10)

    def start(self, node: str, handler: Handler | None = None) -> None:
        if handler is not None:
            self.handlers[node] = handler
        wire = Wire("127.0.0.1", self.region.leaf_port if self.leaf else self.region.port)
        dial = NatsDial(f"tls://localhost:{wire.port}", self.region.context(node), node, self.handlers[node])
        thread = threading.Thread(target=dial.run, name=f"node-{node}")
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
        self.region.server.kill()
        self.region.server.start()

    def revoke(self, node: str) -> None:
        self.region.revoke(node)

    def kept(self) -> int:
        return self.region.kept()

    def close(self) -> None:
        for dial, _, _ in self.nodes.values():
            dial.stop()
        for _, wire, thread in [*self.nodes.values(), *self.gone]:
            thread.join()
            wire.close()
        self.federation.close()
        self.region.close()


class Leaf(Nats):
    """The same, with the nodes at a leaf server."""

    leaf = True
    silence = 4.0
    """A leaf server that has lost the hub's looks for it once in a second or two."""


NATS: dict[str, tuple[Callable[..., Harness], str | None]] = {"nats": (Nats, None), "nats-leaf": (Leaf, None)}
