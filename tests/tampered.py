"""`huizhen` whose node does not do as it should: `python tampered.py HOW node run ...`.

late: its clock is an hour ahead. slow: it takes some seconds for every figure, more than the hub waits in silence.
absurd: it masks figures larger than any that the protocol knows, from the first round on.
"""

from __future__ import annotations

import sys
import time
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from huizhen.cli import main
from huizhen.kit.clock import utc_now
from huizhen.node.rounds import Rounds
from huizhen.node.service import Service

SLOW_SECONDS = 4.5
_words = Rounds._words


def late() -> None:
    def ahead() -> datetime:
        return utc_now() + timedelta(hours=1)

    Service.__init__.__defaults__ = (ahead,)  # type: ignore[misc]


def slow() -> None:
    def words(self: Rounds, body: dict[str, Any]) -> Any:
        time.sleep(SLOW_SECONDS)
        return _words(self, body)

    Rounds._words = words  # type: ignore[method-assign]


def absurd() -> None:
    def words(self: Rounds, body: dict[str, Any]) -> Any:
        right, wide = _words(self, body)
        if body["round"] > 0:
            right[2 * wide : 3 * wide] += np.uint64(1 << 62)
        return right, wide

    Rounds._words = words  # type: ignore[method-assign]


if __name__ == "__main__":
    {"late": late, "slow": slow, "absurd": absurd}[sys.argv.pop(1)]()
    main()
