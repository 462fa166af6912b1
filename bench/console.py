"""Pages and API calls of a hub by the second, how long the slowest of a hundred takes, and memory; 200 people at once.

`python bench/console.py [--large | --tiny]`. The hub serves in a process of its own; all clients are in this one, each
signed in for itself, on a TLS connection of its own, asking for the next page when it has the last. The baseline, in
the same run, is /health of the same server over the same connections: what TLS, HTTP and the clients cost. On a
small machine the clients take their share of the processors: compare with the baseline, not with other machines.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import resource
import ssl
import tempfile
import time
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path

from huizhen.adapters.database import migrate
from huizhen.adapters.tokens import Tokens
from huizhen.cli.region import Region
from huizhen.console.app import doorman_of, make_console
from huizhen.console.visit import COOKIE
from huizhen.hub.hub import Hub
from huizhen.hub.server import Server, authority_of
from huizhen.model.study import Request
from made.patients import DATASET, PURPOSE
from made.region import write_region

PAGES = ("/console/", "/console/studies", "/console/studies/{study}", "/console/ledger", "/console/alarms")
CALLS = ("/v1/studies", "/v1/studies/{study}", "/v1/ledger/entries", "/v1/ledger/checkpoint", "/v1/watch/alarms")


def serve(folder: Path, said: Connection) -> None:
    """The hub's process: says its port, serves until it is told something, then how much memory and time it took."""
    from unittest.mock import patch

    with patch("huizhen.hub.api.gate.Pace.check", lambda *_: None):  # nobody asks so often; here all do
        hub = Hub(folder / "hub")
        server = Server(hub, "127.0.0.1:0", console=make_console)
        server.web.start()
        said.send(server.port)
        while said.recv() != "stop":
            used = resource.getrusage(resource.RUSAGE_SELF)
            said.send((used.ru_utime + used.ru_stime, used.ru_maxrss / 1024))
        server.web.stop()
        server.close()


def equip(folder: Path, people: int) -> tuple[str, list[str], list[str], str]:
    """A study that was released, a session and a token for each, and the authority to trust."""
    write_region(folder, 3, 500)
    region = Region(folder)
    asked = {"title": "How many?", "asker": "acme", "purpose": PURPOSE, "dataset": DATASET, "method": "count"}
    study = region.road().run(Request.read(asked))
    region.close()
    hub = Hub(folder / "hub")
    hub.touch()
    migrate(hub.engine)
    door, tokens = doorman_of(hub, ["localhost"]), Tokens(hub.engine, hub.clock)
    for i in range(people):
        door.accounts.add(f"p{i}", f"house{i}", "regulator")
    sessions = [door.sessions.open(f"p{i}", "link") for i in range(people)]
    given = [tokens.add(f"p{i}", "regulator", 1)[0] for i in range(people)]
    authority = authority_of(hub).pem.decode()
    hub.close()
    return study, sessions, given, authority


async def fetch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str, head: str) -> None:
    """One request on a connection that is kept; its answer must be 200."""
    writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n{head}\r\n".encode())
    lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
    if b" 200 " not in lines[0]:
        raise SystemExit(f"{path}: {lines[0].decode()}")
    if b"transfer-encoding: chunked" in lines:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
        return
    length = next(x for x in lines if x.startswith(b"content-length"))
    await reader.readexactly(int(length.partition(b":")[2]))


async def ask(port: int, context: ssl.SSLContext, heads: list[str], paths: tuple[str, ...], times: int) -> list[float]:
    """Seconds of each answer, sorted; every client asks so many times, each beginning with another path."""
    ready, found, numbers = asyncio.Event(), list[float](), count()

    async def client(head: str) -> None:
        reader, writer = await asyncio.open_connection("localhost", port, ssl=context)
        number = next(numbers)
        if number == len(heads) - 1:
            ready.set()
        await ready.wait()
        for i in range(times):
            began = time.perf_counter()
            await fetch(reader, writer, paths[(number + i) % len(paths)], head)
            found.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*map(client, heads))
    return sorted(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="200 clients, 50 requests each, instead of 50 and 10")
    size.add_argument("--tiny", action="store_true", help="3 clients, 5 requests each, to see that it runs")
    chosen = parser.parse_args()
    people, times = (3, 5) if chosen.tiny else (200, 50) if chosen.large else (50, 10)
    with tempfile.TemporaryDirectory() as folder:
        study, sessions, tokens, authority = equip(Path(folder) / "region", people)
        spawn = multiprocessing.get_context("spawn")
        here, there = spawn.Pipe()
        hub = spawn.Process(target=serve, args=(Path(folder) / "region", there))
        hub.start()
        there.close()
        port, context = here.recv(), ssl.create_default_context(cadata=authority)
        print(f"{people} clients at once, {times} requests each; milliseconds; CPU of the hub by request")
        print(f"{'':10} {'per second':>10} {'p50':>8} {'p99':>8} {'CPU':>8}  {'ratio':>5}  hub's memory")
        kinds = (
            ("/health", ("/health",), [""] * people),
            ("pages", PAGES, [f"cookie: {COOKIE}={s}\r\n" for s in sessions]),
            ("API", CALLS, [f"authorization: Bearer {t}\r\n" for t in tokens]),
        )
        bare = 0.0
        for name, paths, heads in kinds:
            before, began = used(here)[0], time.perf_counter()
            found = asyncio.run(ask(port, context, heads, tuple(p.format(study=study) for p in paths), times))
            seconds, (after, memory) = time.perf_counter() - began, used(here)
            cpu = 1000 * (after - before) / len(found)
            bare = bare or cpu
            p50, p99 = (1000 * found[int(len(found) * q)] for q in (0.5, 0.99))
            print(f"{name:10} {len(found) / seconds:>10.0f} {p50:>8.1f} {p99:>8.1f} {cpu:>8.2f}  {cpu / bare:>5.1f}  "
                  f"{memory:.0f} MB")  # fmt: skip
        here.send("stop")
        hub.join()


def used(hub: Connection) -> tuple[float, float]:
    """Processor seconds that the hub has taken so far, and the most memory it had, in MB."""
    hub.send("used")
    found: tuple[float, float] = hub.recv()
    return found


if __name__ == "__main__":
    main()
