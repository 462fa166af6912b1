"""Hub and hospitals as programs over a NATS server of the region's own: set up, asked, restarted, revoked."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from commands import COX, NAMES, done, huizhen, patients, split
from federations import free_port, until
from hospitals import DATASET, SILENCE, Asking, Hospitals, pooled
from huizhen.adapters import nats_config
from huizhen.hub import nats
from huizhen.hub.server import authority_of
from nats_server import Server, check_there

FRAMES = dict(zip(NAMES, split(patients()), strict=True))


class OverNats(Hospitals):
    """`broker` is the NATS server; it is started after the hub, which waits for it."""

    def __init__(self, folder: Path) -> None:
        self.at = free_port()
        self.nats = f"tls://localhost:{self.at}"
        super().__init__(folder, FRAMES, "--nats", self.nats)
        words = ["--name", "localhost", "--listen", f"127.0.0.1:{self.at}", "--region", self.region]
        self.said = done("hub", "nats-config", *words).out
        self.broker = Server(self.region / "nats", nats_config.SERVER_CONF, self.at)

    def begin(self) -> None:
        for node in self.frames:
            self.enrol(node, "--nats", self.nats)
            self.fill(node)
        for node in self.frames:
            self.start(node)

    def end(self) -> None:
        super().end()
        self.broker.close()


@pytest.fixture(scope="module")
def hospitals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OverNats]:
    check_there()
    made = OverNats(tmp_path_factory.mktemp("nats"))
    try:
        made.begin()
        yield made
    finally:
        made.end()


@pytest.fixture(scope="module")
def asking(hospitals: OverNats) -> Iterator[Asking]:
    """A second hub process at the same database and the same server."""
    made = Asking(hospitals.region)
    made.mailbox.close()
    line = nats.federation(made.hub, authority_of(made.hub), hospitals.nats, SILENCE)
    made.mailbox = line  # type: ignore[assignment]
    until(lambda: sorted(made.cards()) == sorted(FRAMES))
    assert line.wait(NAMES, 20)
    yield made
    made.close()


def test_what_is_written_is_for_its_owner_only(hospitals: OverNats) -> None:
    folder = hospitals.region / "nats"
    assert f"Written: {folder}/nats.conf" in hospitals.said
    for name in ("nats.conf", "hub-tls.key", "hub.pem", "plan.json"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert not (folder / "ca.key").exists()


def test_a_served_hub_asks_its_nodes_over_nats_and_the_answer_is_the_pooled_one(
    hospitals: OverNats, asking: Asking
) -> None:
    access, question, told = (hospitals.folder / name for name in ("acme.access", "cox.yaml", "cox.json"))
    done("hub", "token", "add", "acme", "--role", "asker", "--out", access, "--region", hospitals.region)
    asked = {**COX, "asker": "acme", "purpose": "HMB", "dataset": DATASET}
    question.write_text(yaml.safe_dump(asked), encoding="utf-8")
    done("study", "run", question, "--hub", hospitals.url, "--token", access, "--json", told)
    found = json.loads(told.read_text(encoding="utf-8"))
    assert [c["estimate"] for c in found["result"]["coefficients"]] == pytest.approx(pooled(FRAMES), rel=1e-6)


def test_another_hub_process_at_the_same_server_asks_the_same_nodes(asking: Asking) -> None:
    count = asking.run(title="a second process")
    assert count["status"] == "released", count["problem"]
    assert count["result"]["n"] == sum(map(len, FRAMES.values()))


def test_a_server_killed_and_started_again_finds_all_of_them_there(hospitals: OverNats, asking: Asking) -> None:
    hospitals.broker.kill()
    for node in hospitals.nodes.values():
        node.until("lost connection")
    hospitals.broker.start()
    count = asking.run(title="after the server was killed")
    assert count["status"] == "released", count["problem"]
    assert count["result"]["n"] == sum(map(len, FRAMES.values()))


def test_a_node_revoked_is_cut_off_by_the_server_and_the_others_go_on(hospitals: OverNats, asking: Asking) -> None:
    done("node", "revoke", "east", "--region", hospitals.region)
    assert "CN=east" not in (hospitals.region / "nats" / "nats.conf").read_text(encoding="utf-8")
    hospitals.nodes["east"].until("does not know this certificate's key|was revoked")
    count = asking.run(title="without the one that was revoked")
    assert count["status"] == "released", count["problem"]
    assert count["result"]["n"] == sum(len(frame) for name, frame in FRAMES.items() if name != "east")


def test_what_is_no_address_of_a_nats_server_is_refused(hospitals: OverNats, tmp_path: Path) -> None:
    done("init", "--region", tmp_path / "region")
    words = ["hub", "serve", "--region", tmp_path / "region", "--listen", "127.0.0.1:0"]
    said = huizhen(*words, "--nats", "nats://localhost:4222", "--region", tmp_path / "region")
    assert "[bad-nats-address]" in said.err


def test_a_number_that_a_killed_server_left_is_not_signalled(tmp_path: Path) -> None:
    (tmp_path / nats_config.PID_FILE).write_text(str(os.getpid()), encoding="ascii")
    assert not nats_config.reload(tmp_path)
