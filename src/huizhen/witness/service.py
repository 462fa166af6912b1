"""A witness that runs: it looks at a fixed cadence, and goes on by itself when the log was not to be had."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable

from huizhen.adapters.log_files import Log
from huizhen.kit.clock import stamp
from huizhen.kit.errors import HuizhenError, Lost, to_wire
from huizhen.kit.text import Text
from huizhen.witness.witness import Witness

_TROUBLE = "trouble"

Say = Callable[[Text], None]


class Service:
    """Tells `say` what is new: what was co-signed, and why something was not; the same reason is told once."""

    def __init__(self, witness: Witness, log: Log, say: Say) -> None:
        self._witness, self._log, self._say = witness, log, say
        self._over = threading.Event()
        self._told = ""

    def run(self) -> None:
        """Until `stop`."""
        every = self._witness.following.every_seconds
        while not self._over.is_set():
            self.look()
            self._over.wait(every)

    def stop(self) -> None:
        """End `run` after the look that is under way."""
        self._over.set()

    def look(self) -> HuizhenError | None:
        """Look once; what stood in the way, if anything did."""
        try:
            cosigned = self._witness.follow(self._log, self._progress)
        except HuizhenError as problem:
            return self._trouble(problem)
        except sqlite3.Error as fault:
            return self._trouble(_not_kept(fault))
        if trouble(self._witness) is not None:
            with self._witness.store.writing():
                self._witness.store.put(_TROUBLE, "")
        self._told = ""
        last = self._witness.store.last()
        if cosigned and last is not None:
            self._say(Text(f"co-signed {last.size} entries", f"已联署 {last.size} 条"))
        return None

    def _progress(self, done: int, all_: int) -> None:
        self._say(Text(f"read {done} of {all_} entries", f"已读取 {done} / {all_} 条"))

    def _trouble(self, problem: HuizhenError) -> HuizhenError:
        note_trouble(self._witness, problem)
        if problem.code != self._told:
            self._told = problem.code
            self._say(Text(problem.say("en"), problem.say("zh")))
        return problem


def note_trouble(witness: Witness, problem: HuizhenError) -> None:
    """Keep what stood in the way, for `witness show`."""
    said = json.dumps({"at_utc": stamp(witness.clock()), **to_wire(problem)}, ensure_ascii=False)
    try:
        with witness.store.writing():
            witness.store.put(_TROUBLE, said)
    except sqlite3.Error:
        return


def trouble(witness: Witness) -> dict[str, str] | None:
    """What stood in the way when it last looked, if anything did."""
    kept = witness.store.get(_TROUBLE)
    return dict(json.loads(kept)) if kept else None


def _not_kept(fault: sqlite3.Error) -> Lost:
    return Lost(
        "witness-cannot-keep",
        Text(f"The witness cannot write its memory ({type(fault).__name__}).",
             f"见证方无法写入自己的存储（{type(fault).__name__}）。"),
        Text("Check the disk. What it cannot keep it does not sign.", "请检查磁盘。无法保存的，就不签署。"),
    )  # fmt: skip
