"""Studies that run at a hub for people elsewhere: each in its own thread, its progress kept for who watches."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from huizhen.hub.caller import OWNER, Caller
from huizhen.hub.desk import Desk, silent
from huizhen.kit.clock import stamp
from huizhen.kit.defect import note_defect
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text
from huizhen.model.paper import Kind, Paper
from huizhen.model.study import Request, Study
from huizhen.path.outcome import UNFINISHED
from huizhen.path.ports import Stopping

_THREADS = 16
_KEPT = 200
"""Studies whose progress is kept, the last ones."""
_LINES = 2000
"""Lines of progress that are kept of one study, the first of them going first."""


@dataclass
class Watched:
    """The progress of one study. `over` once nothing more will be said of it here; `again`: it was to be driven on
    while it was driven, and what it waits for may have come after it looked."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    said: int = 0
    over: bool = False
    again: bool = False


class Studies:
    """`submit` and `watch` may be called from any thread."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="huizhen-study")
        self._lock = threading.Lock()
        self._beginning = threading.Lock()
        self._witnessing = threading.Lock()
        self._scanning = threading.Lock()
        self._to_witness = False
        self._watched: OrderedDict[str, Watched] = OrderedDict()
        self.closing = False
        """Whoever waits for news waits no more."""

    def submit(self, who: Caller, request: Request) -> str:
        """Begin the study of this request, unless it runs already; answers its id. Nothing is waited for.

        Two that submit the same at once get the same study: what is recorded is recorded by one at a time.
        """
        with self._beginning:
            study = self.desk.begin(who, request)
            self._start(study)
        return study.id

    def resume(self) -> list[str]:
        """Take up what was under way when this hub last stopped; answers which studies."""
        unfinished = [s for s, status in self.desk.hub.store.studies() if status in UNFINISHED]
        with self._beginning:
            for study in unfinished:
                self._start(study)
        return [s.id for s in unfinished]

    def go_on(self) -> None:
        """Drive on every study whose result is kept back, after a payment or a commitment; end those that waited too
        long."""
        with self._beginning:
            for study in self.desk.hub.store.awaiting():
                self._start(study)

    def file(self, who: Caller, paper: Paper) -> dict[str, Any]:
        """File a paper, and drive on what it lets go or stops. Raises as `PaperDesk.file`."""
        made = self.desk.papers.file(who, paper)
        self._filed(paper.kind)
        return made

    def say(self, who: Caller, kind: Kind, subject: str, body: dict[str, Any]) -> dict[str, Any]:
        """The same in the trustee's own name."""
        made = self.desk.papers.say(who, kind, subject, body)
        self._filed(kind)
        return made

    def _filed(self, kind: Kind) -> None:
        self.witness_soon()
        if kind in ("review-opened", "study-stopped"):
            self.go_on()

    def _start(self, study: Study) -> None:
        if self.desk.hub.store.status(study.id) not in UNFINISHED:
            return
        with self._lock:
            before = self._watched.get(study.id)
            if before is not None and not before.over:
                before.again = True
                return
            watched = self._watched[study.id] = Watched()
            self._watched.move_to_end(study.id)
            while len(self._watched) > _KEPT and next(iter(self._watched.values())).over:
                self._watched.popitem(last=False)
        self._say(watched, "propose", Text(f"study {study.id}", f"研究 {study.id}"))
        self._pool.submit(self._drive, study, watched)

    def _drive(self, study: Study, watched: Watched) -> None:
        try:
            self.desk.drive(study, lambda step, text: self._say(watched, step, text))
        except Stopping:
            self._say(
                watched, "end", Text("the hub stops; it goes on at its next start", "中心即将停止，下次启动后继续")
            )
        except HuizhenError as problem:
            self._say(watched, "end", Text(problem.say("en"), problem.say("zh")))
        except Exception as fault:
            note_defect("at the hub", fault)
            self._say(watched, "end", Text("a defect at the hub; see its log", "中心出现缺陷，请查看其日志"))
        finally:
            with self._lock:
                watched.over = True
        if watched.again and not self.closing:
            self._start(study)
        self._scan()

    def _scan(self) -> None:
        """Look at access behaviour, one at a time: who finds another at it leaves it to the next."""
        if self.closing or not self._scanning.acquire(blocking=False):
            return
        try:
            if self.desk.watching.scan(OWNER):
                self.witness_soon()
        except Exception as fault:
            note_defect("at the hub", fault)
        finally:
            self._scanning.release()

    def _say(self, watched: Watched, step: str, text: Text) -> None:
        at_utc = stamp(self.desk.hub.clock())
        with self._lock:
            line = {"number": watched.said, "at_utc": at_utc, "step": step, "en": text.en, "zh": text.zh}
            watched.said += 1
            watched.lines.append(line)
            del watched.lines[:-_LINES]

    def news(self, study: str, after: int) -> bool:
        """Whether there is progress from that number on, or will be none. Cheap: it may be asked ten times a second."""
        watched = self._watched.get(study)
        return self.closing or watched is None or watched.over or watched.said > after

    def watch(self, who: Caller, study: str, after: int) -> dict[str, Any]:
        """Where a study stands, and its lines of progress from number `after` on. Raises NotFound."""
        watched = self._watched.get(study)
        over = watched is None or watched.over
        with self._lock:
            lines = [] if watched is None else [x for x in watched.lines if x["number"] >= after]
        found = self.desk.outcome(who, study)
        following = max([after, *(x["number"] + 1 for x in lines)])
        return {
            "study": study, "status": found["status"], "rounds": found["rounds"], "lines": lines, "next": following,
            "over": over,
        }  # fmt: skip

    def witness_soon(self) -> None:
        """Have the ledger co-signed, some time soon; several wishes that come together are one."""
        with self._lock:
            if self._to_witness:
                return
            self._to_witness = True
        self._pool.submit(self._witness)

    def _witness(self) -> None:
        with self._witnessing:
            with self._lock:
                self._to_witness = False
            try:
                self.desk.road(silent).witness()
            except (HuizhenError, Stopping):
                return
            except Exception as fault:
                note_defect("at the hub", fault)

    def close(self) -> None:
        """Begin nothing more. What runs ends with its next message, and is taken up at the next start."""
        self.closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)
