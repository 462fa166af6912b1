"""A private nats-server for tests: its own process, folder, ports, TLS and permissions."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from conftest import absent

DEBIAN = "/usr/sbin/nats-server"


def binary() -> str | None:
    """Where the server is: HUIZHEN_NATS_SERVER, on the path, or where Debian's package puts it; None: nowhere."""
    given = os.environ.get("HUIZHEN_NATS_SERVER") or shutil.which("nats-server")
    return given or (DEBIAN if Path(DEBIAN).exists() else None)


def check_there() -> None:
    """Skip where there is none; fail where services are required."""
    if binary() is None:
        absent("no nats-server on this machine (Debian: apt install nats-server)")


class Server:
    """`conf` in `folder`, listening on 127.0.0.1:`port`; it can be killed and started again with what it stored."""

    def __init__(self, folder: Path, conf: str, port: int) -> None:
        self.folder = folder
        self.conf = conf
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def log(self) -> str:
        return (self.folder / "server.log").read_text(encoding="utf-8")

    def start(self) -> None:
        found = binary()
        assert found is not None
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([found, "-c", self.conf], cwd=self.folder, stderr=log, stdout=log)
        end = time.monotonic() + 120
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError(f"nats-server did not start: {self.log}")

    def kill(self) -> None:
        """As power loss would have it, but for what the kernel still writes."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()
