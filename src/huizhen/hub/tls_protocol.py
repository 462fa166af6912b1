"""HTTP/1.1 over TLS with the client's certificate in the scope, as the ASGI extension `tls` says.

No server hands it over by itself; it is read once when the connection is made.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from huizhen.adapters.certificates import key_digest


class TlsProtocol(HttpToolsProtocol):
    """`scope["extensions"]["tls"]`: client_cert_chain (PEM), and client_key, the digest of its public key; or empty."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        connection = transport.get_extra_info("ssl_object")
        shown = None if connection is None else connection.getpeercert(binary_form=True)
        self._tls: dict[str, Any] = {"client_cert_chain": [], "client_key": None}
        if shown:
            self._tls = {"client_cert_chain": [ssl.DER_cert_to_PEM_cert(shown)], "client_key": key_digest(shown)}

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {"tls": self._tls}  # type: ignore[dict-item]
