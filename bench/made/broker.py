"""A nats-server of the benchmark's own: a process, a folder, a port; with the region's configuration or a bare one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from huizhen.adapters import nats_config
from huizhen.adapters.certificates import CA_FILE, SERVER_FILE, SERVER_KEY

DEBIAN = "/usr/sbin/nats-server"
BARE_CONF = "bare.conf"


def binary() -> str | None:
    """Where the server is: HUIZHEN_NATS_SERVER, on the path, or where Debian's package puts it; None: nowhere."""
    given = os.environ.get("HUIZHEN_NATS_SERVER") or shutil.which("nats-server")
    return given or (DEBIAN if Path(DEBIAN).exists() else None)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def write_bare(folder: Path, port: int) -> None:
    """A server with the same TLS and nothing else: no permissions, no names; it keeps what streams it is asked for."""
    (folder / BARE_CONF).write_text(
        f'listen: "127.0.0.1:{port}"\nmax_payload: {nats_config.LARGEST_PAYLOAD}\n'
        f'jetstream {{ store_dir: "bare" }}\n'
        f'tls {{ cert_file: "{SERVER_FILE}", key_file: "{SERVER_KEY}", ca_file: "{CA_FILE}", verify: true }}\n',
        encoding="utf-8",
    )


class Broker:
    """`conf` in `folder`, listening on 127.0.0.1:`port`, until `close`."""

    def __init__(self, folder: Path, conf: str, port: int) -> None:
        found = binary()
        assert found is not None
        with (folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen([found, "-c", conf], cwd=folder, stderr=log, stdout=log)
        end = time.monotonic() + 20
        while time.monotonic() < end and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise SystemExit("nats-server did not start: " + (folder / "server.log").read_text(encoding="utf-8"))

    @property
    def pid(self) -> int:
        return self._process.pid

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
