"""How a node reaches its hub."""

from __future__ import annotations

from pydantic import Field

from huizhen.model.document import Document


class Connection(Document):
    """nodes/NAME/hub.yaml: written when the node is enrolled; change it when the hub moves or a proxy comes between."""

    hub: str = Field(pattern=r"^https://[^\s/]+/?$")
    """https://HOST:PORT; the host must be one that the hub's certificate is for."""
    proxy: str | None = Field(default=None, pattern=r"^https?://\S+$")
    """http://HOST:PORT of an HTTP proxy; else HTTPS_PROXY of the environment, if there is one."""
    nats: str | None = Field(default=None, pattern=r"^tls://[^\s,/]+:\d+(,tls://[^\s,/]+:\d+)*$")
    """tls://HOST:PORT of the region's NATS server, by which the messages of studies then come; several with commas."""
