"""A served region as callers reach it: tokens of each role, certificates of its nodes, one study that was run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from huizhen.adapters.certificates import client_context
from huizhen.adapters.tokens import Tokens
from huizhen.cli.region import Region
from huizhen.cli.up import equip
from huizhen.client.remote import Remote, reach
from huizhen.console.app import make_console
from huizhen.hub.hub import Hub
from huizhen.hub.server import Server, authority_of
from huizhen.node.agent import Agent
from regions import make_region, patients, request, run

NODES = ("h0", "h1", "h2")


class Reached:
    """`study` was asked by acme, and released. Nodes do not run: what needs them waits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "region"
        region: Region = make_region(self.folder, patients(240, len(NODES)))
        self.study: str = run(region, price_fen=900)["study"]
        region.close()
        self.hub = Hub(self.folder / "hub")
        equip(self.hub, self.folder, NODES, "https://localhost:1")
        self.server = Server(self.hub, "127.0.0.1:0", silence_seconds=1.0, console=make_console)
        self.server.web.start()
        self.url = f"https://localhost:{self.server.port}"
        self.tokens = Tokens(self.hub.engine, self.hub.clock)
        self.authority = authority_of(self.hub).pem.decode()
        self._open: list[httpx.Client] = []

    def token(self, name: str, role: str, days: int = 30) -> str:
        return self.tokens.add(name, role, days)[0]

    def client(self, token: str) -> httpx.Client:
        """A caller with a token, as `httpx` sees it."""
        made = reach(self.url, self.authority, token)
        self._open.append(made)
        return made

    def caller(self, name: str, role: str) -> httpx.Client:
        return self.client(self.token(name, role))

    def node(self, name: str) -> httpx.Client:
        """A caller with the certificate of a node."""
        folder = self.folder / "nodes" / name
        context = client_context(folder / "ca.pem", folder / "tls.pem", folder / "tls.key")
        made = httpx.Client(base_url=self.url, verify=context)
        self._open.append(made)
        return made

    def remote(self, name: str, role: str) -> Remote:
        return Remote(self.caller(name, role))

    def agent(self, name: str) -> Agent:
        return Agent(self.folder / "nodes" / name)

    def close(self) -> None:
        for each in self._open:
            each.close()
        self.server.web.stop()
        self.server.close()


def code(heard: httpx.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return heard.status_code, str(heard.json()["error"]["code"])


def asked(**changes: Any) -> dict[str, Any]:
    return request(**changes).as_json()
