"""Processes that begin with everything loaded: one process loads the programs once, and each is a fork of it.

Loading is most of what it takes to start a node. For a hundred of them on one machine it is done once, and the memory
that it takes is shared between them.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import TextIO

_CONTEXT = multiprocessing.get_context("forkserver")
_LOADED = "huizhen.cli.nursery_loaded"


def begin() -> None:
    """Start loading, in a process aside."""
    _CONTEXT.set_forkserver_preload([_LOADED])
    forkserver.ensure_running()


class Forked:
    """`huizhen` with these words, as a process of its own in a session of its own; `out` is what it prints."""

    def __init__(self, *words: str) -> None:
        here, there = _CONTEXT.Pipe(duplex=False)
        self._process = _CONTEXT.Process(target=_run, args=(words, there), daemon=False)
        self._process.start()
        there.close()
        self.out: TextIO = os.fdopen(os.dup(here.fileno()), encoding="utf-8", errors="replace")
        here.close()
        assert self._process.pid is not None
        self.pid: int = self._process.pid

    def poll(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.exitcode

    def wait(self, seconds: float | None = None) -> int | None:
        """The same after so long at most."""
        self._process.join(seconds)
        return self._process.exitcode

    def terminate(self) -> None:
        self._process.terminate()

    def kill(self) -> None:
        self._process.kill()


def _run(words: tuple[str, ...], out: Connection) -> None:
    """In the process of its own: standard output and error go to whoever started it."""
    from huizhen.cli.nursery_loaded import command

    os.setsid()
    for stream in (sys.stdout, sys.stderr):
        os.dup2(out.fileno(), stream.fileno())
    out.close()
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(command(list(words)))
