"""Seconds and bytes per round of real studies, 3 to 620 hospitals, by transport, under masks and without.

`python bench/federation.py [--large | --tiny]`. The hub is a process of its own; hospitals are real agents, each with
its own rows, book, log and certificate, many of them as threads in a few other processes on the same machine, so that
their work adds up as it would not between machines. A round is what the method asks for: rows read, summed, masked,
opened, kept in hub's journal and ledger. Beside each transport the same study in one process ("local"), and the floor:
as many calls of a bare web server with TLS, 1,000 floats each way, as the round has exchanges (`bench/mailbox.py`).
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from huizhen.adapters.dial import Dial
from huizhen.adapters.engine import Engine
from huizhen.adapters.local import LocalFederation
from huizhen.adapters.mailbox import Mailbox
from huizhen.cli.region import node_names
from huizhen.cli.up import equip
from huizhen.hub.app import make_app
from huizhen.hub.hub import Hub
from huizhen.hub.server import authority_of
from huizhen.hub.web import Web, listen
from huizhen.kit.text import Text
from huizhen.model.study import Request
from huizhen.node.agent import Agent
from huizhen.node.service import connect
from huizhen.path.outcome import outcome
from huizhen.path.ports import Federation
from made import floor
from made.patients import DATASET, PURPOSE
from made.region import write_region
from memory import peak_bytes

ROWS_EACH = 60
SILENCE_SECONDS = 60.0
AT_MOST = 4
"""Processes that the hospitals share."""
EXCHANGES = {"masked": 5, "plain": 1}
"""Messages to each node in a round: advert, shares, mask, confirm, unmask; or one."""
SPAWN = multiprocessing.get_context("spawn")


# -- the transports: a new one is one more function, and one more line in TRANSPORTS


def agents(folder: Path, names: Sequence[str]) -> dict[str, Agent]:
    engine = Engine([folder / "nodes" / name / "node.duckdb" for name in names])
    return {name: Agent(folder / "nodes" / name, engine=engine) for name in names}


@contextmanager
def local(_hub: Hub, folder: Path, names: Sequence[str]) -> Iterator[Federation]:
    made = agents(folder, names)
    federation = LocalFederation({name: agent.handle for name, agent in made.items()})
    yield federation
    federation.close()
    for agent in made.values():
        agent.close()


def dial(folder: Path, names: Sequence[str]) -> None:
    """In a process of its own: these hospitals, each on a line of its own."""
    lines = [Dial(connect(folder / "nodes" / n)[0], a.handle, workers=1) for n, a in agents(folder, names).items()]
    for line in lines:
        threading.Thread(target=line.run, daemon=True).start()
    threading.Event().wait()


@contextmanager
def https(hub: Hub, folder: Path, names: Sequence[str]) -> Iterator[Federation]:
    listening = listen("127.0.0.1", 0)
    authority_of(hub).serve(["localhost"], hub.clock())
    equip(hub, folder, names, f"https://localhost:{listening.getsockname()[1]}")
    mail = Mailbox(hub.engine, SILENCE_SECONDS, alone=True)
    web = Web(make_app(mail), listening, folder / "tls", mail)
    web.start()
    shares = [names[i::AT_MOST] for i in range(min(AT_MOST, len(names)))]
    there = [SPAWN.Process(target=dial, args=(folder, share), daemon=True) for share in shares]
    for process in there:
        process.start()
    if not mail.wait(names, 300):
        raise SystemExit("not all hospitals came")
    yield mail
    for process in there:
        process.kill()
        process.join()
    web.stop()
    mail.close()


TRANSPORTS: dict[str, Callable[[Hub, Path, Sequence[str]], AbstractContextManager[Federation]]] = {
    "local": local,
    "https": https,
}


# -- the hub, in a process of its own


def study(
    hub: Hub, federation: Federation, secure: bool, told: Callable[[], None] = lambda: None, **asked: Any
) -> dict[str, Any]:
    """The outcome of a study that was released, and the seconds of each round; `told` after each. Raises SystemExit."""
    moments: list[float] = []

    def progress(step: str, _text: Text) -> None:
        if step == "compute":
            moments.append(time.perf_counter())
            told()

    base = {"title": "bench", "asker": f"bench-{os.urandom(6).hex()}", "purpose": PURPOSE, "dataset": DATASET}
    road = hub.road(federation, progress)
    done = road.run(Request.read({**base, "protection": {"secure_sum": secure}, "deadline_minutes": 120, **asked}))
    store = hub.store
    found = outcome(store.study(done), store.status(done), store.journal(done), store.numbers(done), "")
    if found["status"] != "released":
        raise SystemExit(f"{found['status']}: {found['problem']}")
    each = [b - a for a, b in pairwise(moments[1:])]
    return {**{k: found[k] for k in ("rounds", "bytes_up", "bytes_down", "result")}, "seconds": sorted(each)}


def be_hub(folder: Path, transport: str, trees: int, told: Connection) -> None:
    hub = Hub(folder / "hub")
    with TRANSPORTS[transport](hub, folder, node_names(folder)) as federation:
        study(hub, federation, secure=True, method="count")
        told.send("first")
        params = {"outcome": "ill", "columns": ["age", "bmi"], "trees": trees, "depth": 2, "holdout": 0}
        found = {kind: study(hub, federation, kind == "masked", method="gbdt", params=params) for kind in EXCHANGES}
        told.send({**found, "peak": peak_bytes()})
    hub.close()


# -- beside each other


def measure(nodes: int, trees: int, calls: int) -> None:
    calls_bare = floor.measure(nodes, calls, None)["bare"]
    low = calls_bare[len(calls_bare) // 2]
    print(f"{nodes} hospitals; the floor is {low:.4f} s for one bare call of each")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "region"
        write_region(folder, nodes, ROWS_EACH)
        found: dict[str, Mapping[str, Any]] = {}
        for transport in TRANSPORTS:
            here, there = SPAWN.Pipe()
            start = time.perf_counter()
            process = SPAWN.Process(target=be_hub, args=(folder, transport, trees, there))
            process.start()
            there.close()
            assert here.recv() == "first"
            first = time.perf_counter() - start
            found[transport] = here.recv()
            process.join()
            print(f"  {transport}: {first:.2f} s from nothing to the first result; "
                  f"hub {found[transport]['peak'] / 1e6:.0f} MB at most")  # fmt: skip
            for kind in EXCHANGES:
                line(kind, nodes, found[transport][kind], found["local"][kind], low)


def line(kind: str, nodes: int, mine: Mapping[str, Any], local_one: Mapping[str, Any], low: float) -> None:
    if mine["result"] != local_one["result"]:
        raise SystemExit(f"{kind}: another answer than in one process")
    seconds, beside = mine["seconds"], local_one["seconds"]
    p50, p99 = seconds[len(seconds) // 2], seconds[math.ceil(len(seconds) * 0.99) - 1]
    up, down = (mine[way] / mine["rounds"] / nodes / 1e3 for way in ("bytes_up", "bytes_down"))
    print(
        f"    {kind:7} p50 {p50:7.3f} s  p99 {p99:7.3f} s  ({len(seconds)} rounds)  "
        f"{p50 / beside[len(beside) // 2]:5.2f} x local  {p50 / (low * EXCHANGES[kind]):6.1f} x floor  "
        f"{up:6.1f} kB up {down:6.1f} kB down a hospital and round"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="3, 18, 100 and 620 hospitals; half an hour")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    size.add_argument("--nodes", type=int, help="so many hospitals only")
    asked = parser.parse_args()
    if asked.tiny:
        measure(3, 2, 5)
        return
    for nodes in [asked.nodes] if asked.nodes else (3, 18, 100, 620) if asked.large else (3, 18):
        measure(nodes, 50 if nodes < 50 else 20 if nodes < 300 else 5, 30)


if __name__ == "__main__":
    main()
