"""Patience: when nodes fall silent, wait until they are there again and ask anew; up to the study's one deadline.

There is no other time limit anywhere on the road. Asking anew means fresh keys, and the same company: a node helps to
open the sums of one study for one set of nodes only (`node.agent`), so that two attempts tell no more than one.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from huizhen.kit.clock import Clock
from huizhen.kit.errors import Lost, Refused
from huizhen.kit.text import Text
from huizhen.path.link import Silent
from huizhen.path.ports import Federation

T = TypeVar("T")
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
"""Seconds between two attempts: a node that is there and loses its memory again and again is asked ever less often."""


@dataclass(frozen=True)
class Patience:
    """`until`: the study's deadline. `say` is told whom the study is waiting for; `go_on` raises where it may not."""

    federation: Federation
    clock: Clock
    until: datetime
    say: Callable[[Text], None]
    go_on: Callable[[], None] = lambda: None

    def insist(self, ask: Callable[[], T], again: Callable[[], None] = lambda: None) -> T:
        """What `ask` answers, `again` being done before every further attempt.

        Raises the last Silent where a node will not be back, and Lost 'deadline' when the time is up.
        """
        attempt, pause, silent = ask, FIRST_PAUSE, None
        while True:
            self._check_deadline(silent)
            self.go_on()
            try:
                return attempt()
            except Refused as problem:
                if problem.code == "expired":
                    self._check_deadline(silent)
                raise
            except Silent as lost:
                silent = lost
                names = Text(", ".join(lost.nodes), "、".join(lost.nodes))
                self.say(Text(f"waiting for {names.en}", f"等待 {names.zh}"))
                if not self.federation.wait(lost.nodes, self._left()):
                    self._check_deadline(silent)
                    raise
                time.sleep(max(0.0, min(pause, self._left())))
                pause = min(2 * pause, LONGEST_PAUSE)

            def attempt() -> T:
                again()
                return ask()

    def _left(self) -> float:
        return (self.until - self.clock()).total_seconds()

    def _check_deadline(self, silent: Silent | None) -> None:
        if self._left() > 0:
            return
        nodes = silent.nodes if silent else ()
        raise Lost(
            "deadline",
            Text(
                "The study's deadline is over" + (f"; {', '.join(nodes)} did not answer." if nodes else "."),
                "研究已超过截止时间" + (f"；{'、'.join(nodes)} 没有应答。" if nodes else "。"),
            ),
            Text(
                "Nothing was released. Start the nodes and run the study again, with a longer deadline_minutes if it "
                "needs more time.",
                "没有发布任何结果。请启动相关节点后重新运行；如需更长时间，请加大 deadline_minutes。",
            ),
        )
