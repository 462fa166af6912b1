"""The hub's web server: one port, TLS, client certificates where they are shown; it stops without losing a request."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

import uvicorn

from huizhen.adapters.certificates import SERVER_FILE, SERVER_KEY, server_context
from huizhen.adapters.mailbox import Mailbox
from huizhen.hub.tls_protocol import TlsProtocol

_BACKLOG = 2048
_KEEP_ALIVE_SECONDS = 75
_GRACE_SECONDS = 10


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


class Web(uvicorn.Server):
    """Serves `app` on a listening socket, in this thread with `run_here` or in one of its own with `start`."""

    def __init__(self, app: Any, listening: socket.socket, tls: Path, mailbox: Mailbox) -> None:
        self.context, self._tls = server_context(tls), tls
        super().__init__(
            uvicorn.Config(
                app,
                http=TlsProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                ssl_context_factory=lambda _config, _default: self.context,
            )
        )
        self._listening = listening
        self._mailbox = mailbox
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def run_here(self) -> None:
        """Serve until a signal or `stop`."""
        self.run(sockets=[self._listening])

    def reload(self) -> None:
        """Show the certificate that is in the folder now."""
        self.context.load_cert_chain(self._tls / SERVER_FILE, self._tls / SERVER_KEY)

    def start(self) -> None:
        self._thread = threading.Thread(target=self.run_here, name="huizhen-web")
        self._thread.start()

    def stop(self) -> None:
        self.should_exit = True
        if self._thread is not None:
            self._thread.join()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._mailbox.rest()
        await super().shutdown(sockets)
