"""People at the console of a served region: accounts, signed-in clients, and the hospitals' nodes at work."""

from __future__ import annotations

import re
import ssl
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import httpx

from huizhen.cli.up import equip
from huizhen.console.app import doorman_of
from huizhen.node.service import Service
from reached import NODES, Reached

ROLES = ("asker", "trustee", "auditor", "regulator", "reviewer")


class Visited(Reached):
    """A region that is reached, with doors for people. Nodes work between `work` and `close`."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.door = doorman_of(self.hub, self.server.names)
        self._services: list[tuple[Service, threading.Thread]] = []

    def work(self) -> None:
        """Have every node of the region at work, in threads of this process."""
        equip(self.hub, self.folder, NODES, self.url)
        for name in NODES:
            service = Service(self.folder / "nodes" / name, lambda *_: None)
            thread = threading.Thread(target=service.run, name=f"node-{name}")
            thread.start()
            self._services.append((service, thread))

    def link(self, login: str, role: str, party: str | None = None) -> str:
        """The secret of a link for this person, whose account is made where there is none."""
        if login not in {a.login for a in self.door.accounts.all()}:
            self.door.accounts.add(login, party or login, role)
        return self.door.accounts.link(login, 1)

    def stranger(self) -> httpx.Client:
        """A browser that nobody has signed in with."""
        context = ssl.create_default_context(cadata=self.authority)
        made = httpx.Client(base_url=self.url, verify=context, headers={"origin": self.url}, timeout=60.0)
        self._open.append(made)
        return made

    def person(self, login: str, role: str, party: str | None = None) -> httpx.Client:
        """A browser in which this person has signed in."""
        made = self.stranger()
        assert made.post("/console/link", data={"secret": self.link(login, role, party)}).status_code == 303
        return made

    def close(self) -> None:
        for service, _ in self._services:
            service.stop()
        for _, thread in self._services:
            thread.join()
        super().close()


def form_key(page: httpx.Response) -> str:
    """What the forms of this page bear."""
    found = re.search(r'name="key" value="([0-9a-f]{64})"', page.text)
    assert found is not None
    return found[1]


def goes_to(page: httpx.Response) -> str:
    """Where a page leads that leads on, and `to` of its query, if it has one."""
    assert page.status_code == 303, page.status_code
    address = urlparse(page.headers["location"])
    return parse_qs(address.query).get("to", [address.path])[0]
