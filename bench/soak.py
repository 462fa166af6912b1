"""Memory of hub and hospitals over 200 rounds and more: flat once warm, or this ends with an error.

`python bench/soak.py [--large | --tiny]`. One hub process over the mailbox, three hospitals in processes of their own;
studies under masks, one after the other, resident memory (VmRSS) after every round. The baseline is the same processes
when they are warm, after the first study; what is printed is the middle of each fifth of the rounds that follow.

225 rounds: hub 366.5 to 368.0 MB (1.004 times), a hospital 389.7 to 390.8 MB (1.003 times).
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
from multiprocessing.connection import Connection
from pathlib import Path

from federation import ROWS_EACH, SPAWN, TRANSPORTS, study
from huizhen.cli.region import node_names
from huizhen.hub.hub import Hub
from made.region import write_region

NODES = 3
MOST_MB = 12.0
"""Growth from the first fifth to the last one that is not called flat."""


def resident_mb(pid: int | str = "self") -> float:
    line = next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) * 1024 / 1e6


def be_hub(folder: Path, trees: int, studies: int, told: Connection) -> None:
    hub = Hub(folder / "hub")
    asked = {"outcome": "ill", "columns": ["age", "bmi"], "trees": trees, "depth": 2, "early_stopping_rounds": None}
    with TRANSPORTS["https"](hub, folder, node_names(folder)) as running:
        nodes = [process.pid for process in multiprocessing.active_children() if process.pid is not None]

        def weigh() -> None:
            told.send((resident_mb(), statistics.mean(map(resident_mb, nodes))))

        study(hub, running, secure=True, method="gbdt", params=asked)
        for _ in range(studies):
            study(hub, running, secure=True, told=weigh, method="gbdt", params=asked)
    told.send(None)
    hub.close()


def measure(trees: int, studies: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "region"
        write_region(folder, NODES, ROWS_EACH)
        here, there = SPAWN.Pipe()
        process = SPAWN.Process(target=be_hub, args=(folder, trees, studies, there))
        process.start()
        there.close()
        found = list(iter(here.recv, None))
        process.join()
    print(f"{len(found)} rounds of {studies} studies after one to warm up; MB resident, the middle of each fifth")
    grown = []
    for who, weights in zip(("hub", "a hospital"), zip(*found, strict=True), strict=True):
        size = max(1, len(weights) // 5)
        fifths = [statistics.median(weights[i * size : (i + 1) * size]) for i in range(5)]
        grown.append(fifths[-1] - fifths[0])
        print(f"  {who:10} {'  '.join(f'{x:7.1f}' for x in fifths)}   {fifths[-1] / fifths[0]:.3f} x its first fifth")
    if max(grown) > MOST_MB:
        raise SystemExit(f"it grew by {max(grown):.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="2,000 rounds instead of 200")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    measure(*((5, 3) if asked.tiny else (50, 20) if asked.large else (35, 3)))


if __name__ == "__main__":
    main()
