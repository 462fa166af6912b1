"""NATS at a region's hub: the servers' configuration in REGION/nats, kept in step with who is admitted."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import select

from huizhen.adapters import certificates, nats_config
from huizhen.adapters import database as db
from huizhen.adapters.certificates import CA_FILE, Authority
from huizhen.adapters.nats_config import Limits, Plan
from huizhen.adapters.nats_federation import NatsFederation
from huizhen.adapters.nats_line import import_nats
from huizhen.hub.hub import Hub
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text

PLAN = "plan.json"
_SERVERS = re.compile(r"tls://[^\s,/]+:\d+(,tls://[^\s,/]+:\d+)*")
LOG = logging.getLogger("huizhen")


def folder_of(hub: Hub) -> Path:
    """Beside the hub's sealed folder; a server is started in it."""
    return hub.folder.parent / "nats"


def admitted(hub: Hub) -> dict[str, str]:
    """Node -> digest of its TLS key, of the nodes that were enrolled over a network and not revoked."""
    query = select(db.node.c.name, db.node.c.tls_key).where(db.node.c.revoked_utc.is_(None))
    with hub.engine.connect() as c:
        return {name: key for name, key in c.execute(query) if key is not None}


def plan_of(hub: Hub) -> Plan | None:
    """Where the region's servers are, as they were configured; None: there are none."""
    path = folder_of(hub) / PLAN
    if not path.exists():
        return None
    kept = json.loads(path.read_text(encoding="utf-8"))
    return Plan(**{**kept, "limits": Limits(**kept["limits"])})


def configure(hub: Hub, authority: Authority, plan: Plan) -> list[Path]:
    """Write the configuration of the servers of that plan, which is kept; answers its files."""
    folder = folder_of(hub)
    folder.mkdir(mode=0o700, exist_ok=True)
    with _alone(folder):
        certificates.write_private(folder / PLAN, json.dumps(plan.as_json(), indent=1).encode())
        return _write(hub, authority, plan)


def refresh(hub: Hub, authority: Authority) -> None:
    """Somebody was let in or shut out: where there is a configuration, write it anew and have the servers that run here
    read it. They close the connections of who is no longer in it."""
    folder = folder_of(hub)
    if not (folder / PLAN).exists():
        return
    with _alone(folder):
        plan = plan_of(hub)
        assert plan is not None
        written = _write(hub, authority, plan)
    for conf in written:
        if not nats_config.reload(conf.parent):
            LOG.warning("no NATS server runs in %s: have it read its new configuration where it runs", conf.parent)


def _write(hub: Hub, authority: Authority, plan: Plan) -> list[Path]:
    return nats_config.write_config(folder_of(hub), authority, admitted(hub), plan, hub.clock())


def check_servers(servers: str) -> None:
    """Raises BadInput for what is no list of addresses, and where the package is not installed."""
    import_nats()
    if not _SERVERS.fullmatch(servers):
        raise BadInput(
            "bad-nats-address",
            Text("This is not the address of a NATS server.", "NATS 服务器的地址无效。"),
            Text("Write tls://HOST:4222; several of one cluster with commas between.",
                 "请写成 tls://主机:4222；同一集群的多个地址以逗号分隔。"),
        )  # fmt: skip


def federation(hub: Hub, authority: Authority, servers: str, silence_seconds: float) -> NatsFederation:
    """The line to the nodes over these servers, addresses of one cluster separated by commas."""

    def state(code: str, text: Text) -> None:
        LOG.log(logging.INFO if code == "connected" else logging.WARNING, "NATS: %s", text.en)

    return NatsFederation(servers, context_of(hub, authority), lambda: admitted(hub), silence_seconds, state)


def context_of(hub: Hub, authority: Authority) -> ssl.SSLContext:
    """The hub's own end of TLS with its servers."""
    identity = nats_config.hub_identity(authority, hub.clock())
    return certificates.client_context(authority.folder / CA_FILE, *identity)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Two that change it at once do so one after the other, each with what is in the database by then."""
    descriptor = os.open(folder / "write.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
