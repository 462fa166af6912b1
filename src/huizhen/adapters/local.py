"""The federation in one process: each node a handler of bytes, all asked at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait

from huizhen.adapters.turn import LARGEST, check_size

Handler = Callable[[bytes], bytes]
AT_ONCE = 4
"""Nodes at work at a time. They share the interpreter's lock, and each reads its rows with all processors by itself: a
few keep it busy while others wait for their disks, and more only get in each other's way (`bench/latency.py`)."""


class LocalFederation:
    """`handlers` by node name. See `path.ports.Federation`; a node that raises counts as one that did not answer."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._pool = ThreadPoolExecutor(AT_ONCE)

    def exchange(self, messages: Mapping[str, bytes], seconds: float = math.inf) -> Mapping[str, bytes]:
        check_size(messages)
        asked = {
            node: self._pool.submit(self._handlers[node], data)
            for node, data in messages.items()
            if node in self._handlers
        }
        done, _ = wait(asked.values(), None if math.isinf(seconds) else seconds)
        replies = {n: f.result() for n, f in asked.items() if f in done and f.exception() is None}
        return {node: reply for node, reply in replies.items() if len(reply) <= LARGEST}

    def wait(self, nodes: Sequence[str], seconds: float) -> bool:  # noqa: ARG002
        """Nobody comes back by itself within one process."""
        return False

    def close(self) -> None:
        self._pool.shutdown()
