"""Seconds and bytes per round of real studies, 3 to 620 hospitals, by transport, under masks and without.

`python bench/federation.py [--large | --tiny]`. The hub is a process of its own. 620 hospitals do not fit on a machine
as 620 processes: they are real agents, each with its own rows, book, log, certificate and TLS connection, as threads in
a few worker processes, so their work adds up here as it would not between machines. A round is what the method asks
for: rows read, summed, masked, opened, kept in hub's journal and ledger. "local" is the same study in one process.

The floor, measured in the same run, is what no transport and no masks could do without: so many bare calls as the round
has exchanges (a web server with TLS, or a bare NATS server; 1,000 floats each way), and the bare cryptography of the
masks (`made/floor_masks.py`), that of all hospitals divided by the processors. Where the time goes is told by processor
seconds: of the hub, of all hospitals, of the NATS server. NATS is left out where there is no nats-server.

On 2 cores that others kept busy (load 18), 100 hospitals, medians and processor seconds of a round: over HTTPS
masked 1.3 s (hospitals 1.18, hub .15; 29 kB up and 15 kB down a hospital), plain 1.0 s (.75, .14); over NATS masked
1.3 s (1.10, hub .07, server .11), plain 1.0 s (.69, .06, .08). Before sums that hold everybody went without shares
(decision 0016), at load 4 to 24: HTTPS masked 2.5 s (2.79, .73), NATS masked 2.3 s (1.94, .22, .35).

620 hospitals (`--nodes 620 --trees 2 --transport https`, 7 rounds each, 2 cores, load 24 to 28 from others; the largest
of so few rounds stands for the 99 %), median; 99 % and processor seconds of a round: over HTTPS masked 13.2; 16.3 s
(hospitals 15.1, hub 3.2; 29.5 kB up and 46.2 kB down a hospital), plain 8.1; 9.0 s (8.1, 1.4; 27.9 and 10.0 kB); in one
process masked 7.7; 9.1 s, plain 2.9; 3.1 s. From nothing to the first result 80 s over HTTPS, 62 s in one process; the
hub held 901 MB at most over HTTPS. Over NATS 620 hospitals were not measured to the end.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import multiprocessing
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from huizhen.adapters.dial import Dial
from huizhen.adapters.engine import Engine
from huizhen.adapters.local import LocalFederation
from huizhen.adapters.mailbox import Mailbox
from huizhen.adapters.nats_config import SERVER_CONF, Plan
from huizhen.adapters.nats_dial import NatsDial
from huizhen.cli.region import node_names
from huizhen.cli.up import equip
from huizhen.hub import nats as hub_nats
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
from huizhen.secure.graph import degree_and_threshold
from made import broker, floor, floor_masks, floor_nats
from made.patients import DATASET, PURPOSE
from made.region import write_region
from memory import peak_bytes

ROWS_EACH = 60
SILENCE_SECONDS = 60.0
AT_MOST = 4
"""Processes that the hospitals share."""
KINDS = ("masked", "plain")
SPAWN = multiprocessing.get_context("spawn")
PROCESSORS = len(os.sched_getaffinity(0))
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Running:
    """A federation, and the processes that it is made of besides the hub's own."""

    federation: Federation
    hospitals: Sequence[int] = ()
    broker: int | None = None

    def spent(self) -> dict[str, float]:
        """Processor seconds so far. In one process the hospitals' are the hub's."""
        found = {"hub": time.process_time()}
        if self.hospitals:
            found["hospitals"] = sum(map(processor_seconds, self.hospitals))
        if self.broker is not None:
            found["NATS server"] = processor_seconds(self.broker)
        return found


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


# -- the transports: a new one is one more function, and one more line in TRANSPORTS


def agents(folder: Path, names: Sequence[str]) -> dict[str, Agent]:
    engine = Engine([folder / "nodes" / name / "node.duckdb" for name in names])
    return {name: Agent(folder / "nodes" / name, engine=engine) for name in names}


@contextmanager
def local(_hub: Hub, folder: Path, names: Sequence[str]) -> Iterator[Running]:
    made = agents(folder, names)
    federation = LocalFederation({name: agent.handle for name, agent in made.items()})
    yield Running(federation)
    federation.close()
    for agent in made.values():
        agent.close()


def dial(folder: Path, names: Sequence[str]) -> None:
    """In a process of its own: these hospitals, each on a line of its own."""
    over_nats: list[NatsDial] = []
    for name, agent in agents(folder, names).items():
        client, context, chosen = connect(folder / "nodes" / name)
        if chosen.nats is None:
            line = Dial(client, agent.handle, workers=1)
            threading.Thread(target=line.run, daemon=True).start()
        else:
            over_nats.append(NatsDial(chosen.nats, context, name, agent.handle, workers=1))

    async def all_of_them() -> None:
        await asyncio.gather(*(line.serve() for line in over_nats))

    asyncio.run(all_of_them())
    threading.Event().wait()


@contextmanager
def hospitals(folder: Path, names: Sequence[str], federation: Federation) -> Iterator[list[int]]:
    """The worker processes, once every hospital in them is on the line."""
    shares = [names[i::AT_MOST] for i in range(min(AT_MOST, len(names)))]
    there = [SPAWN.Process(target=dial, args=(folder, share), daemon=True) for share in shares]
    for process in there:
        process.start()
    try:
        if not federation.wait(names, 600):
            raise SystemExit("not all hospitals came")
        yield [process.pid for process in there if process.pid is not None]
    finally:
        for process in there:
            process.kill()
            process.join()


@contextmanager
def https(hub: Hub, folder: Path, names: Sequence[str]) -> Iterator[Running]:
    listening = listen("127.0.0.1", 0)
    authority_of(hub).serve(["localhost"], hub.clock())
    equip(hub, folder, names, f"https://localhost:{listening.getsockname()[1]}")
    mail = Mailbox(hub.engine, SILENCE_SECONDS, alone=True)
    web = Web(make_app(mail), listening, folder / "tls", mail)
    web.start()
    with hospitals(folder, names, mail) as there:
        yield Running(mail, there)
    web.stop()
    mail.close()


@contextmanager
def nats(hub: Hub, folder: Path, names: Sequence[str]) -> Iterator[Running]:
    port = broker.free_port()
    url, authority = f"tls://localhost:{port}", authority_of(hub)
    equip(hub, folder, names, "https://localhost:1", url)
    hub_nats.configure(hub, authority, Plan(names=["localhost"], listen=f"127.0.0.1:{port}"))
    server = broker.Broker(folder / "nats", SERVER_CONF, port)
    line = hub_nats.federation(hub, authority, url, SILENCE_SECONDS)
    with hospitals(folder, names, line) as there:
        yield Running(line, there, server.pid)
    line.close()
    server.close()


TRANSPORTS: dict[str, Callable[[Hub, Path, Sequence[str]], AbstractContextManager[Running]]] = {
    "local": local,
    "https": https,
    **({} if broker.binary() is None else {"nats": nats}),
}


# -- the hub, in a process of its own


def study(
    hub: Hub, running: Running, secure: bool, told: Callable[[], None] = lambda: None, **asked: Any
) -> dict[str, Any]:
    """The outcome of a study that was released, the seconds of each round, and the processor seconds of one in the
    middle; `told` after each. Raises SystemExit."""
    moments: list[float] = []
    spent: list[dict[str, float]] = []

    def progress(step: str, _text: Text) -> None:
        if step == "compute":
            moments.append(time.perf_counter())
            spent.append(running.spent())
            told()

    base = {"title": "bench", "asker": f"bench-{os.urandom(6).hex()}", "purpose": PURPOSE, "dataset": DATASET}
    road = hub.road(running.federation, progress)
    done = road.run(Request.read({**base, "protection": {"secure_sum": secure}, "deadline_minutes": 120, **asked}))
    store = hub.store
    found = outcome(store.study(done), store.status(done), store.journal(done), {})
    if found["status"] != "released":
        raise SystemExit(f"{found['status']}: {found['problem']}")
    each = [b - a for a, b in pairwise(moments[1:])]
    cpu = {who: (spent[-1][who] - spent[1][who]) / len(each) for who in spent[-1]} if each else {}
    return {
        **{k: found[k] for k in ("rounds", "bytes_up", "bytes_down", "result")},
        "seconds": sorted(each),
        "cpu": cpu,
    }


def be_hub(folder: Path, transport: str, trees: int, told: Connection) -> None:
    hub = Hub(folder / "hub")
    with TRANSPORTS[transport](hub, folder, node_names(folder)) as running:
        study(hub, running, secure=True, method="count")
        told.send("first")
        params = {
            "outcome": "ill",
            "columns": ["age", "bmi"],
            "trees": trees,
            "depth": 2,
            "early_stopping_rounds": None,
        }
        found = {kind: study(hub, running, kind == "masked", method="gbdt", params=params) for kind in KINDS}
        told.send({**found, "peak": peak_bytes()})
    hub.close()


# -- beside each other


def measure(nodes: int, trees: int, calls: int, transports: Sequence[str]) -> None:
    bare = {"https": middle(floor.measure(nodes, calls, None)["bare"])}
    if "nats" in transports:
        bare["nats"] = middle(floor_nats.measure(nodes, calls, only="bare")["bare"])
    bare["local"] = 0.0
    masks, (degree, threshold) = floor_masks.measure(nodes), degree_and_threshold(nodes)
    print(
        f"{nodes} hospitals in {min(AT_MOST, nodes)} worker processes on {PROCESSORS} processors; under masks each has "
        f"{masks.degree} neighbours in a round ({degree} in the census, where {threshold} of {degree + 1} shares open "
        "a secret)"
    )
    print(
        f"  floors: one bare exchange {', '.join(f'{k} {v:.4f} s' for k, v in bare.items() if v)}; "
        f"bare cryptography of a masked sum {1e3 * masks.hospital:.1f} ms a hospital"
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "region"
        write_region(folder, nodes, ROWS_EACH)
        found: dict[str, Mapping[str, Any]] = {}
        for transport in transports:
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
            for kind in KINDS:
                low = bare[transport] + (nodes * masks.hospital / PROCESSORS if kind == "masked" else 0.0)
                line(kind, nodes, found[transport][kind], found["local"][kind], low)


def middle(seconds: Sequence[float]) -> float:
    return seconds[len(seconds) // 2]


def line(kind: str, nodes: int, mine: Mapping[str, Any], local_one: Mapping[str, Any], low: float) -> None:
    if mine["result"] != local_one["result"]:
        raise SystemExit(f"{kind}: another answer than in one process")
    seconds = mine["seconds"]
    p50, p99 = middle(seconds), seconds[math.ceil(len(seconds) * 0.99) - 1]
    up, down = (mine[way] / mine["rounds"] / nodes / 1e3 for way in ("bytes_up", "bytes_down"))
    above = f"{p50 / low:6.1f} x floor" if low else "      no floor"
    print(
        f"    {kind:7} p50 {p50:7.3f} s  p99 {p99:7.3f} s  ({len(seconds)} rounds)  "
        f"{p50 / middle(local_one['seconds']):5.2f} x local  {above}  "
        f"{up:6.1f} kB up {down:6.1f} kB down a hospital and round\n"
        f"            processor seconds a round: {', '.join(f'{who} {s:.3f}' for who, s in mine['cpu'].items())}",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="3, 18, 100 and 620 hospitals; an hour")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    size.add_argument("--nodes", type=int, help="so many hospitals only")
    parser.add_argument("--transport", action="append", choices=[*TRANSPORTS], help="besides local, these only")
    parser.add_argument("--trees", type=int, help="rounds are twice as many and one more")
    asked = parser.parse_args()
    chosen = [t for t in TRANSPORTS if t == "local" or not asked.transport or t in asked.transport]
    if asked.tiny:
        measure(3, 2, 5, chosen)
        return
    for nodes in [asked.nodes] if asked.nodes else (3, 18, 100, 620) if asked.large else (3, 18):
        measure(nodes, asked.trees or (50 if nodes < 50 else 8 if nodes < 300 else 3), 30, chosen)


if __name__ == "__main__":
    main()
