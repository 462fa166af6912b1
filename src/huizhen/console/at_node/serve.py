"""A hospital's pages on a port of its own network: HTTPS with the hospital's certificate, or one that is made here."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import uvicorn

from huizhen.adapters.certificates import SERVER_FILE, SERVER_KEY, Authority
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

TLS = "console-tls"
"""In the node's folder: the authority that is made where the hospital names no certificate of its own."""
_GRACE_SECONDS = 10


class Pages(uvicorn.Server):
    """Serves `app` on a listening socket until `stop`."""

    def __init__(self, app: Any, listening: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
                ssl_context_factory=lambda _config, _default: context,
            )
        )
        self._listening = listening

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def run_here(self) -> None:
        self.run(sockets=[self._listening])

    def stop(self) -> None:
        """End `run_here`, from any thread."""
        self.should_exit = True


def own_context(folder: Path, names: Sequence[str], now: datetime) -> ssl.SSLContext:
    """TLS under a certificate for these names from an authority of this node alone, made the first time."""
    authority = Authority.open(folder / TLS, now)
    authority.serve(names, now)
    return _context(folder / TLS / SERVER_FILE, folder / TLS / SERVER_KEY)


def given_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """TLS under the hospital's own certificate. Raises BadInput where the files are not that."""
    try:
        return _context(certificate, key)
    except (OSError, ssl.SSLError):
        raise BadInput(
            "bad-console-certificate",
            Text(
                f"{certificate} and {key} are not a certificate and its key.",
                f"{certificate} 与 {key} 不是证书及其私钥。",
            ),
            Text("Both are PEM; the first holds the chain, too.", "两者均为 PEM；前者须含证书链。"),
        ) from None


def _context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    return context
