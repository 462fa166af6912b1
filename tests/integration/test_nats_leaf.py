"""A study over a leaf server: hub, NATS server, leaf server and hospitals as processes of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import COX, NAMES, done, patients, split
from federations import free_port, until
from hospitals import SILENCE, Asking, Hospitals, pooled
from huizhen.adapters import nats_config
from huizhen.hub import nats
from huizhen.hub.server import authority_of
from nats_server import Server, check_there

FRAMES = dict(zip(NAMES, split(patients()), strict=True))


def test_hospitals_that_reach_a_leaf_server_only_take_part(tmp_path: Path) -> None:
    check_there()
    at, leaf_at, uplink = (free_port() for _ in range(3))
    made = Hospitals(tmp_path, FRAMES, "--nats", f"tls://localhost:{at}")
    servers: list[Server] = []
    try:
        words = ["--name", "localhost", "--listen", f"127.0.0.1:{at}", "--leaf-name", "localhost"]
        words += ["--leaf-listen", f"127.0.0.1:{leaf_at}", "--leaf-port", str(uplink)]
        for node in FRAMES:
            made.enrol(node, "--nats", f"tls://localhost:{leaf_at}")
            made.fill(node)
        done("hub", "nats-config", *words, "--region", made.region)
        servers.append(Server(made.region / "nats", nats_config.SERVER_CONF, at))
        servers.append(Server(made.region / "nats" / "leaf", nats_config.LEAF_CONF, leaf_at))
        for node in FRAMES:
            made.start(node)
        asking = Asking(made.region)
        asking.mailbox.close()
        line = nats.federation(asking.hub, authority_of(asking.hub), f"tls://localhost:{at}", SILENCE)
        asking.mailbox = line  # type: ignore[assignment]
        try:
            until(lambda: sorted(asking.cards()) == sorted(FRAMES))
            assert line.wait(NAMES, 20)
            found = asking.run(**COX)
        finally:
            asking.close()
        assert found["status"] == "released", found["problem"]
        assert [c["estimate"] for c in found["result"]["coefficients"]] == pytest.approx(pooled(FRAMES), rel=1e-6)
    finally:
        made.end()
        for server in reversed(servers):
            server.close()
