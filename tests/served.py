"""A served region in this process, for tests of what its port does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from huizhen.hub.hub import Hub
from huizhen.hub.server import Server
from huizhen.kit.clock import utc_now
from huizhen.model.settings import RegionSettings


class Serving:
    """A served region in this process; `late`: how far its clock is ahead."""

    def __init__(self, folder: Path) -> None:
        self.late = timedelta(0)
        Hub.create(folder / "region" / "hub", RegionSettings()).close()
        self.hub = Hub(folder / "region" / "hub", lambda: utc_now() + self.late)
        self.server = Server(self.hub, "127.0.0.1:0")
        self.server.web.start()
        self.url = f"https://localhost:{self.server.port}"

    def invite(self, name: str, hours: float = 1.0) -> str:
        return str(self.server.enrolment.invite(name, hours)[0])

    def close(self) -> None:
        self.server.web.stop()
        self.server.close()
        self.hub.close()
