"""NATS under load and at its end: many nodes asked many times in a row, and a node that stops before a full server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nats
import pytest

from federations import until
from huizhen.adapters import nats_dial
from huizhen.adapters import nats_subjects as subjects
from huizhen.adapters.nats_dial import NatsDial
from nats_federations import Nats, Region

MANY = 40


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = Region(tmp_path, [f"n{i}" for i in range(MANY)])
    yield made
    made.close()


def test_many_nodes_asked_many_times_in_a_row_lose_nothing(region: Region) -> None:
    """What an exchange leaves in the streams is thrown away while the next one is under way. A reply that was lost by
    that would be missed: its node, which has replied, is asked again and has none to give."""
    dials = [NatsDial(f"tls://localhost:{region.port}", region.context(n), n, bytes, workers=1) for n in region.nodes]

    async def all_of_them() -> None:
        await asyncio.gather(*(dial.serve() for dial in dials))

    thread = threading.Thread(target=lambda: asyncio.run(all_of_them()))
    thread.start()
    federation = region.federation()
    try:
        assert federation.wait(list(region.nodes), 30)
        for k in range(100):
            messages = dict.fromkeys(region.nodes, b"%d" % k * 2000)
            assert federation.exchange(messages) == messages
        until(lambda: region.kept() == 0)
    finally:
        for dial in dials:
            dial.stop()
        thread.join()
        federation.close()


def test_a_node_that_stops_does_not_wait_for_a_server_that_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_dial, "_LEAVE_SECONDS", 0.3)
    asked, answer = threading.Event(), threading.Event()

    def slowly(data: bytes) -> bytes:
        asked.set()
        answer.wait(15)
        return data

    held = Nats({"a": slowly}, tmp_path, None)
    dial, _, thread = held.nodes["a"]
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(held.federation.exchange, {"a": b"x"})
        assert asked.wait(15)
        asyncio.run(lose_the_stream(held.region))
        dial.stop()
        answer.set()
        thread.join(20)
        left = not thread.is_alive()
        held.restart_hub()  # the stream is made anew: a node that still waited could store its reply and end
        assert found.result(20) == {}
    held.close()
    assert left


async def lose_the_stream(region: Region) -> None:
    """As a disk that is full would have it: the server is there, and confirms nothing."""
    client = await nats.connect(
        f"tls://localhost:{region.port}", tls=region.hub_context(), inbox_prefix=f"{subjects.HUB_BOX}.test"
    )
    await client.jetstream().delete_stream(subjects.BODY)
    await client.close()
