"""The mailbox: the federation by mail that nodes fetch. Durable in the hub's database, on SQLite or PostgreSQL.

One thread, the clerk, does everything: it takes whatever has come in, a turn of a node, a posting of the road, and does
it in one transaction, so six hundred replies that arrive together cost a few commits. A node that waits for mail costs
no thread: its call lies with the clerk until there is mail, its time is up, or the node is revoked.

Several hub processes may share one PostgreSQL. What another one wrote is noticed by a notification, and by looking
every second should one be lost.
"""

from __future__ import annotations

import asyncio
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from huizhen.adapters import mail_table as table
from huizhen.adapters.listen import Listener
from huizhen.adapters.mail_desk import Batch, Call, Desk, Exchange
from huizhen.adapters.turn import Answer, Turn, check_size
from huizhen.kit.defect import note_defect
from huizhen.kit.errors import Lost
from huizhen.kit.text import Text
from huizhen.path.ports import Stopping

SILENCE_SECONDS = 15.0
_TICK = 0.1
"""Seconds between two looks at the clock, at most."""
_LOOK = 1.0
"""Seconds between two looks at what others wrote, at most."""
_SOON = 0.02
"""Seconds between two looks, at least; and ten times as long as one takes."""
_ORPHAN_SECONDS = 60.0
_AT_ONCE = 1000
_WAIT = 0.05


class Mailbox:
    """See `path.ports.Federation`. A node is absent when its handler failed, when it is revoked or was never enrolled,
    or when nothing was heard of it for `silence_seconds`; one that computes is heard of all the time.

    `alone`: no other process is at this database, so whatever lies in the mailbox is of one that is no more.
    """

    def __init__(self, engine: Engine, silence_seconds: float = SILENCE_SECONDS, alone: bool = False) -> None:
        self._engine = engine
        self._desk = Desk(silence_seconds)
        self._jobs: queue.SimpleQueue[Call | Exchange | None] = queue.SimpleQueue()
        self._numbers = count()
        self._ended: deque[str] = deque()
        self._ending: list[str] = []
        self._stop = threading.Event()
        self._resting = False
        self._soon = _SOON
        self._woken = False
        self._looked = self._said = 0.0
        self._version: int | None = None
        self._orphans: dict[str, tuple[int, float]] = {}
        if alone:
            with engine.connect() as c:
                table.begin(c)
                table.clear(c)
                c.commit()
        self._clerk = threading.Thread(target=self._run, name="huizhen-clerk", daemon=True)
        self._clerk.start()
        self._listener = Listener(engine, self._desk.id, self.wake)

    # -- the road's side; see path.ports.Federation

    def exchange(self, messages: Mapping[str, bytes], seconds: float = math.inf) -> Mapping[str, bytes]:
        """`seconds`: whoever has not answered by then is absent, too, however alive it is."""
        check_size(messages)
        exchange = Exchange(f"{self._desk.id}.{next(self._numbers)}", messages, time.monotonic() + seconds)
        self._jobs.put(exchange)
        while not exchange.over.wait(_LOOK):
            if self._stop.is_set():
                raise Stopping
        self._ended.append(exchange.id)
        if exchange.error is not None:
            raise exchange.error
        return exchange.replies

    def wait(self, nodes: Sequence[str], seconds: float) -> bool:
        until = time.monotonic() + seconds
        while True:
            with self._engine.connect() as c:
                if not set(nodes) <= table.able(c, nodes):
                    return False
            for _ in range(int(_LOOK / _WAIT)):
                if all(map(self._desk.there, nodes)):
                    return True
                if self._stop.is_set():
                    raise Stopping
                left = until - time.monotonic()
                if left <= 0:
                    return False
                time.sleep(min(_WAIT, left))

    def there(self) -> list[str]:
        """The nodes that wait for mail at this process, in order of name."""
        return sorted(self._desk.parked)

    def well(self) -> bool:
        """Whether the database answers, so that nodes and road are served."""
        try:
            with self._engine.connect() as c:
                table.able(c, ["?"])
        except SQLAlchemyError:
            return False
        return self._clerk.is_alive() and not self._resting

    # -- the nodes' side

    def call(self, key: str, turn: Turn) -> Call:
        """Take a node's turn; its future will hold the Answer, or raise Refused. From an event loop."""
        until = time.monotonic() + (0.0 if self._resting else turn.hold)
        call = Call(key, turn, until, asyncio.get_running_loop().create_future())
        self._jobs.put(call)
        return call

    def leave(self, call: Call) -> None:
        """Whoever made this call has hung up."""
        call.gone = True
        self._jobs.put(None)

    def wake(self) -> None:
        """Something was written elsewhere: look now."""
        self._woken = True
        self._jobs.put(None)

    def rest(self) -> None:
        """Answer all that wait, and let nobody wait from now on: the nodes will look for another process."""
        self._resting = True
        for call in list(self._desk.parked.values()):
            call.until = 0.0
        self._jobs.put(None)

    def close(self) -> None:
        self._stop.set()
        self._jobs.put(None)
        self._clerk.join()
        self._listener.close()

    # -- the clerk

    def _run(self) -> None:
        connection: Connection | None = None
        while not self._stop.is_set():
            jobs = list(self._take())
            try:
                connection = connection or self._engine.connect()
                self._work(connection, jobs)
            except Exception as problem:
                self._put_off(jobs, problem)
                if connection is not None:
                    connection.invalidate()
                    connection.close()
                connection = None
                self._stop.wait(_TICK)
        self._give_up([*self._desk.parked.values(), *self._desk.exchanges.values()], Stopping())
        if connection is not None:
            connection.close()

    def _put_off(self, jobs: Sequence[Call | Exchange], problem: Exception) -> None:
        """The batch was not done. Nodes will turn again; what the road posts waits for the database to be back."""
        if isinstance(problem, SQLAlchemyError):
            self._give_up([job for job in jobs if isinstance(job, Call)], _unavailable())
            for job in jobs:
                if isinstance(job, Exchange):
                    self._jobs.put(job)
        else:
            note_defect("in the mailbox", problem)
            self._give_up(jobs, _unavailable())

    def _take(self) -> Iterable[Call | Exchange]:
        """What has come in; waits for it a little."""
        try:
            job = self._jobs.get(timeout=min(_TICK, self._soon) if self._desk.busy() else _TICK)
            for _ in range(_AT_ONCE):
                if job is not None:
                    yield job
                job = self._jobs.get_nowait()
            if job is not None:
                yield job
        except queue.Empty:
            pass

    def _work(self, c: Connection, jobs: Sequence[Call | Exchange]) -> None:
        calls = [j for j in jobs if isinstance(j, Call)]
        posts = [j for j in jobs if isinstance(j, Exchange)]
        now, desk = time.monotonic(), self._desk
        look = self._is_time_to_look(c, now)
        say = now - self._said > desk.silence / 3
        writes = posts or say or any(call.turn.replies or call.turn.failed for call in calls)
        if writes or (look and any(e.mail for e in desk.exchanges.values())):
            table.begin(c)
            while self._ended:
                self._ending.append(self._ended.popleft())
        done = desk.work(c, calls, posts, look)
        if look:
            done.settled += desk.given_up(c)
        table.end(c, self._ending)
        if say:
            desk.say_heard(c)
            self._clear_orphans(c, now)
        if done.elsewhere:
            table.tell_others(c, desk.id)
        c.commit()
        for each in self._ending:
            desk.exchanges.pop(each, None)
        self._ending.clear()
        if say:
            desk.unsaid.clear()
            self._said = now
        self._answer(done)
        if look:
            self._soon = max(_SOON, 10 * (time.monotonic() - now))

    def _is_time_to_look(self, c: Connection, now: float) -> bool:
        version = table.version(c)
        since = now - self._looked
        look = since > _LOOK or (since > self._soon and (self._woken or version != self._version))
        if look:
            self._woken, self._version, self._looked = False, version, now
        return look

    def _answer(self, done: Batch) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Call, Answer | Exception]]] = {}
        for call, said in self._desk.apply(done):
            by_loop.setdefault(call.future.get_loop(), []).append((call, said))
        for loop, answers in by_loop.items():
            _tell(loop, answers)

    @staticmethod
    def _give_up(jobs: Sequence[Call | Exchange], problem: Exception) -> None:
        for job in jobs:
            if isinstance(job, Call):
                _tell(job.future.get_loop(), [(job, problem if isinstance(problem, Lost) else _unavailable())])
            elif not job.over.is_set():
                job.error = problem
                job.over.set()

    def _clear_orphans(self, c: Connection, now: float) -> None:
        """Throw away what processes left that have not been heard of for a minute."""
        beats, kept = table.beats(c), table.exchanges(c)
        for owner in {e.partition(".")[0] for e in kept} - {self._desk.id}:
            beat = beats.get(f"process:{owner}", 0)
            seen, since = self._orphans.get(owner, (-1, now))
            if beat != seen:
                self._orphans[owner] = beat, now
            elif now - since > _ORPHAN_SECONDS:
                table.end(c, [e for e in kept if e.startswith(f"{owner}.")])
                table.forget_process(c, owner)
                del self._orphans[owner]
        ours = [e for e in kept if e.startswith(f"{self._desk.id}.") and e not in self._desk.exchanges]
        table.end(c, ours)


def _tell(loop: asyncio.AbstractEventLoop, answers: Sequence[tuple[Call, Answer | Exception]]) -> None:
    def tell() -> None:
        for call, said in answers:
            if call.future.done():
                continue
            if isinstance(said, Exception):
                call.future.set_exception(said)
            else:
                call.future.set_result(said)

    try:
        loop.call_soon_threadsafe(tell)
    except RuntimeError:
        return


def _unavailable() -> Lost:
    return Lost(
        "mailbox-unavailable",
        Text("The hub's database does not answer.", "中心的数据库没有应答。"),
        Text("See to the database and its disk; nodes go on by themselves.", "请检查数据库及磁盘；节点会自动继续。"),
    )
