"""How long after the tap the last hospital refuses: a person withdraws at each of their hospitals while a study runs.

`python bench/withdrawal.py [--large]`. A regression runs over 3 to 100 hospitals in one process; between
two rounds one person of each hospital withdraws at its desk. Measured: each withdrawal, until it is durable and the hub
was told; and from the first tap until every hospital has looked its consents up without that person, in the next round.
Beside it a round of the same study in which nobody withdraws. That the person is out of each set is checked.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest import mock

from pyroaring import BitMap

from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.model.study import Request
from huizhen.node import saying
from huizhen.node.runner import Runner, Sitting
from huizhen.node.statements import deliver
from made.patients import DATASET, MODELS, PURPOSE
from made.region import write_region

MODEL = {"method": "glm", "params": {"formula": MODELS["binomial"], "family": "binomial"}}


class Watch:
    """Takes the time of every look-up of consents, and has one person of each node withdraw in the second round."""

    def __init__(self, region: Region, rows_each: int, withdraw: bool) -> None:
        self.region, self.rows, self.withdraw = region, rows_each, withdraw
        self.tapped: float | None = None
        self.taps: list[float] = []
        self.refused: dict[str, float] = {}
        self.rounds: list[float] = []
        self.look_up = Runner.consenting

    def consenting(self, runner: Runner, sitting: Sitting) -> BitMap:
        found = self.look_up(runner, sitting)
        name, now = runner.book.get("name_of_bench") or "", time.perf_counter()
        if self.tapped is not None and name not in self.refused:
            person = f"P{self.region.names().index(name) * self.rows}"
            assert runner.book.find(person) not in found, "they are refused"
            self.refused[name] = now - self.tapped
        return found

    def progress(self, step: str, text: Any) -> None:
        if step != "compute" or "round" not in text.en:
            return
        self.rounds.append(time.perf_counter())
        if self.withdraw and self.tapped is None and len(self.rounds) == 2:
            self.tapped = time.perf_counter()
            for i, name in enumerate(self.region.names()):
                began = time.perf_counter()
                agent = self.region.agent(name)
                saying.withdraw(agent, saying.Saying(f"P{i * self.rows}", PURPOSE))
                deliver(agent, self.region.announce)
                self.taps.append(time.perf_counter() - began)


def measure(nodes: int, rows_each: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "r"
        write_region(path, nodes, rows_each)
        region = Region(path)
        for name in region.names():
            region.agent(name).book.put("name_of_bench", name)
        rounds = {}
        for withdraw in (False, True):
            watch = Watch(region, rows_each, withdraw)
            asked = {"title": f"q{withdraw}", "asker": "bench", "purpose": PURPOSE, "dataset": DATASET, **MODEL}
            with mock.patch.object(Runner, "consenting", lambda r, s, w=watch: w.consenting(r, s)):
                study = region.road(watch.progress).run(Request.read(asked))
            found = region.desk.outcome(OWNER, study)
            assert found["status"] == "released", found["problem"]
            steps = [b - a for a, b in zip(watch.rounds, watch.rounds[1:], strict=False)]
            rounds[withdraw] = sorted(steps)[len(steps) // 2] if steps else 0.0
        assert len(watch.refused) == nodes, "every hospital has looked again"
        taps = sorted(watch.taps)
        last = max(watch.refused.values())
        print(f"{nodes} hospitals, {rows_each:,} people each; one of each withdraws in the second round")
        print(f"  {'a withdrawal, durable and told':44} {taps[len(taps) // 2] * 1e3:10.1f} ms")
        print(f"  {'first tap to last hospital refusing':44} {last * 1e3:10.1f} ms   "
              f"{last / rounds[False]:.2f} x a round without ({rounds[False] * 1e3:.1f} ms)")  # fmt: skip
        region.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--large", action="store_true", help="3, 20 and 100 hospitals; minutes")
    size.add_argument("--tiny", action="store_true", help="the least that runs, for the tests")
    asked = parser.parse_args()
    for nodes in (3, 20, 100) if asked.large else (3,) if asked.tiny else (3, 20):
        measure(nodes, 60 if asked.tiny else 2_000)


if __name__ == "__main__":
    main()
