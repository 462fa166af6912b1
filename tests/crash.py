"""Runs a study in a process of its own and kills it with SIGKILL at the k-th moment at which that could matter."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from huizhen.adapters.hub_store import SqlRecord, SqlStore
from huizhen.adapters.local import LocalFederation
from huizhen.cli.region import Region
from huizhen.model.study import Request
from papers import seal, unseal

os.environ["PYTHONPATH"] = os.pathsep.join(
    dict.fromkeys([*sys.path, *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
)
"""What the server of forks imports beforehand it looks for there, and on Python 3.11 nowhere else."""
_SPAWN = get_context("forkserver")
_SPAWN.set_forkserver_preload(["crash", "regions", "opendp.prelude", "huizhen.adapters.extracted"])


def run_until(folder: Path, request: Request, moment: int) -> tuple[bool, int]:
    """Run; at `moment` (from 1; 0 never) the process kills itself. Answers (killed, moments passed)."""
    passed = _SPAWN.Value("i", 0)
    process = _SPAWN.Process(target=_child, args=(folder, request.as_json(), moment, passed))
    process.start()
    process.join(120)
    assert process.exitcode in {0, -signal.SIGKILL}, process.exitcode
    return process.exitcode != 0, passed.value


def _child(folder: Path, request: dict[str, Any], moment: int, passed: Any) -> None:
    def tick() -> None:
        passed.value += 1
        if passed.value == moment:
            os.kill(os.getpid(), signal.SIGKILL)

    record, exchange = SqlStore.record, LocalFederation.exchange

    @contextmanager
    def killing_record(self: SqlStore) -> Iterator[SqlRecord]:
        with record(self) as r:
            yield r
            tick()
        tick()

    def killing_exchange(self: LocalFederation, messages: Mapping[str, bytes], seconds: float) -> Mapping[str, bytes]:
        replies = exchange(self, messages, seconds)
        tick()
        return replies

    SqlStore.record, LocalFederation.exchange = killing_record, killing_exchange  # type: ignore[method-assign]
    region = Region(folder)
    finished(region, Request.read(request))
    region.close()


def finished(region: Region, asked: Request) -> str:
    """Run a study, to the end of its review where it has one: what was sealed or opened before a crash is there."""
    study = region.road().run(asked)
    if region.hub.store.status(study) == "awaiting":
        papers = region.hub.store.papers
        for name in {"ann", "bob"} - {p.by for p in papers.of("review-sealed", subject=study)}:
            seal(region, study, name)
        for name in {"ann", "bob"} - {p.by for p in papers.of("review-opened", subject=study)}:
            unseal(region, study, name)
        region.road().go_on()
    return study
