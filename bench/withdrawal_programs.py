"""The same as `withdrawal.py`, with programs: hub and hospitals are processes that talk over HTTPS on this machine.

`python bench/withdrawal_programs.py [--large]`. `huizhen up` runs a hub and 3 hospitals (large: 3 and 18); a regression
is asked over HTTPS; in its second round one person of each hospital withdraws at its desk, all at the same time, beside
the node that runs. Measured: each tap, until it is durable at the node, and until the hub was told; and from the first
tap until every node has given an answer whose look-up of consents began after its own tap. That is read from the nodes'
own logs: a line is written when an answer is ready, so the second answer after the tap was begun after it; the first
may have been under way, with consents of before. Such an answer still counts the person; the method then begins
again without them, so they are in the result only where the tap came after the look-up of the last round. Beside it a
round of the same study without any withdrawal. That they are not in the result is checked.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from huizhen.cli.place import Place, at_node, elsewhere
from huizhen.cli.region import node_names
from huizhen.kit.clock import parse, stamp, utc_now
from huizhen.model.study import Request
from huizhen.node import saying
from huizhen.node.agent import Agent
from huizhen.node.statements import deliver
from made.patients import DATASET, MODELS, PURPOSE
from made.region import write_region

MODEL = {"method": "glm", "params": {"formula": MODELS["binomial"], "family": "binomial"}}
PATIENCE = 180.0
ATTEMPTS = 5
"""Studies that may be over before all have tapped."""


def huizhen(*words: str | Path, **more: Any) -> subprocess.Popen[str]:
    """The command with these words, in a process of its own."""
    quiet = {k: v for k, v in os.environ.items() if not k.startswith("HUIZHEN_")} | {"PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "huizhen.cli", "--lang", "en", *map(str, words)]
    return subprocess.Popen(command, env=quiet, text=True, **more)


@contextmanager
def up(region: Path, log: Path) -> Iterator[str]:
    """The region as processes; the hub's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("w", encoding="utf-8") as out:
        program = huizhen("up", "--region", region, "--port", str(port), stdout=out, stderr=out)
        try:
            end = time.monotonic() + PATIENCE
            while "nodes are connected" not in log.read_text(encoding="utf-8"):
                if program.poll() is not None or time.monotonic() > end:
                    raise SystemExit(log.read_text(encoding="utf-8"))
                time.sleep(0.1)
            yield f"https://localhost:{port}"
        finally:
            program.send_signal(signal.SIGINT)
            program.wait(PATIENCE)


def tap(agent: Agent, at: Place, person: str) -> tuple[str, float, float]:
    """One person's withdrawal at their hospital: (moment in UTC, seconds until durable, until the hub was told)."""
    began, moment = time.perf_counter(), stamp(utc_now())
    saying.withdraw(agent, saying.Saying(person, PURPOSE))
    durable = time.perf_counter()
    deliver(agent, at.announce)
    return moment, durable - began, time.perf_counter() - began


def answers(region: Path, name: str, study: str) -> list[str]:
    """When this node had each of its answers to this study ready, by its own log."""
    agent = Agent(region / "nodes" / name)
    try:
        return [line.at_utc for line, _ in agent.book.logged(study) if line.kind == "mask"]
    finally:
        agent.book.close()


def ask(url: str, access: Path, title: str, second: threading.Event) -> tuple[str, dict[str, Any]]:
    """A study from request to outcome; `second` is set as its second round is summed."""
    rounds = itertools.count(1)

    def progress(step: str, text: Any) -> None:
        if step == "compute" and "round" in text.en and next(rounds) == 2:
            second.set()

    with elsewhere(url, access) as there:
        asked = {"title": title, "asker": "bench", "purpose": PURPOSE, "dataset": DATASET, **MODEL}
        study = there.remote.submit(Request.read(asked))
        there.remote.wait(study, progress)
        found = there.remote.outcome(study)
        there.remote.delivered(study)
    if found["status"] != "released":
        raise SystemExit(f"{title}: {found['problem']}")
    return study, found


def measure(nodes: int, rows_each: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        region, access = Path(folder) / "r", Path(folder) / "bench.access"
        write_region(region, nodes, rows_each)
        words = ("hub", "token", "add", "bench", "--role", "asker", "--out", access, "--region", region)
        assert huizhen(*words, stdout=subprocess.DEVNULL).wait() == 0
        names = node_names(region)
        with (
            up(region, Path(folder) / "up.log") as url,
            ThreadPoolExecutor(nodes + 1) as pool,
            ExitStack() as stack,
        ):
            desks = [stack.enter_context(at_node(name, None, region, url)) for name in names]
            quiet, _ = ask(url, access, "nobody withdraws", threading.Event())
            ready = [parse(at) for at in answers(region, names[0], quiet)]
            steps = [(b - a).total_seconds() for a, b in pairwise(ready)]
            for before in range(ATTEMPTS):
                second = threading.Event()
                asking = pool.submit(ask, url, access, f"one of each withdraws, {before} did before", second)
                assert second.wait(PATIENCE)
                first = stamp(utc_now())
                who = [f"P{i * rows_each + before}" for i in range(nodes)]
                tapped = list(pool.map(lambda desk, person: tap(*desk, person), desks, who))
                study, found = asking.result()
                later = [
                    [at for at in answers(region, name, study) if at > moment]
                    for name, (moment, *_) in zip(names, tapped, strict=True)
                ]
                looked = sum(len(after) > 1 for after in later)
                still = found["result"]["n"] - nodes * (rows_each - 1 - before)
                assert 0 <= still <= nodes - looked, "nobody whose node has looked again is in the result"
                if looked == nodes:
                    break
            else:
                raise SystemExit("each of the studies was over before all nodes had looked again")
            sure = [(parse(after[1]) - parse(first)).total_seconds() for after in later]
        show(nodes, rows_each, tapped, sure, statistics.median(steps))


def show(nodes: int, rows_each: int, tapped: list[tuple[str, float, float]], sure: list[float], a_round: float) -> None:
    durable, told = (statistics.median(t[i] for t in tapped) for i in (1, 2))
    print(f"{nodes} hospitals and a hub, {nodes + 1} processes over HTTPS, {rows_each:,} people each")
    print(
        f"  {'a withdrawal, durable at the node':44} {durable * 1e3:10.1f} ms   and told to the hub {told * 1e3:.1f} ms"
    )
    print(f"  {'first tap to last node without them, at most':44} {max(sure) * 1e3:10.1f} ms   "
          f"{max(sure) / a_round:.2f} x a round without ({a_round * 1e3:.1f} ms)")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="3 and 18 hospitals; minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    for nodes in (3, 18) if asked.large else (3,):
        measure(nodes, 60 if asked.tiny else 2_000)


if __name__ == "__main__":
    main()
