"""The clerk's desk: who waits, what is under way, who was heard of when; and one batch of work in one transaction."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from huizhen.adapters import mail_table as table
from huizhen.adapters.mail_table import Waiting
from huizhen.adapters.turn import CHUNK, Answer, Part, Turn, parts
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text

LOG = logging.getLogger("huizhen")
BEATS = 4
"""A node with mail in hand turns so many times before it is taken for silent."""


@dataclass(eq=False)
class Call:
    """A turn that has not been answered yet."""

    key: str
    """Digest of the TLS key that the node showed."""
    turn: Turn
    until: float
    """Monotonic time at which it is answered in any case."""
    future: asyncio.Future[Answer]
    node: str = ""
    gone: bool = False
    """Whoever called has hung up."""
    got: dict[str, int] = field(default_factory=dict)


@dataclass(eq=False)
class Exchange:
    """Messages that one thread of the road waits for the replies of."""

    id: str
    messages: Mapping[str, bytes]
    until: float
    """Monotonic time at which whoever has not answered is absent."""
    began: float = 0.0
    mail: dict[str, str] = field(default_factory=dict)
    """Mail -> node, without a reply so far."""
    replies: dict[str, bytes] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    error: Exception | None = None

    def settle(self, mail: str, body: bytes | None) -> None:
        node = self.mail.pop(mail, None)
        if node is not None and body is not None:
            self.replies[node] = body
        if not self.mail:
            self.over.set()


@dataclass
class Batch:
    """What a transaction comes to; holds once it is committed."""

    answers: list[tuple[Call, Answer | Exception]] = field(default_factory=list)
    parked: list[Call] = field(default_factory=list)
    settled: list[tuple[Exchange, str, bytes | None]] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    elsewhere: bool = False
    """Whether another process is concerned."""


class Desk:
    """Used by the clerk's thread alone, but for `there`."""

    def __init__(self, silence_seconds: float) -> None:
        self.silence = silence_seconds
        self.id = os.urandom(8).hex()
        self.exchanges: dict[str, Exchange] = {}
        self.parked: dict[str, Call] = {}
        """Node -> the call that waits for its mail."""
        self.unsaid: set[str] = set()
        """Nodes heard of here that other processes have not been told of."""
        self._heard: dict[str, float] = {}
        self._beats: Mapping[str, int] = {}
        self._began = time.monotonic()

    # -- who is there

    def there(self, node: str) -> bool:
        """Whether the node was heard of lately."""
        return node in self.parked or self._heard.get(node, -self.silence) > time.monotonic() - self.silence

    def _may_be_there(self, node: str) -> bool:
        """The same, in favour of all while this process is young: they need time to find it."""
        return self.there(node) or time.monotonic() - self._began < self.silence

    def busy(self) -> bool:
        """Whether anybody waits here for what may be written elsewhere."""
        return bool(self.parked or self.exchanges)

    def hear(self, nodes: Sequence[str]) -> None:
        now = time.monotonic()
        for node in nodes:
            if not self.there(node):
                LOG.info("node %s is there", node)
            self._heard[node] = now
        self.unsaid.update(nodes)

    def hear_elsewhere(self, c: Connection) -> None:
        """What other processes at this database have heard."""
        beats, now = table.beats(c), time.monotonic()
        for name, beat in beats.items():
            if self._beats.get(name, 0) != beat:
                self._heard[name] = now
        self._beats = beats

    def say_heard(self, c: Connection) -> None:
        """Tell the other processes whom this one has heard of."""
        names = {*self.unsaid, *self.parked, f"process:{self.id}"}
        table.beat(c, names)
        self._beats = {**self._beats, **{n: self._beats.get(n, 0) + 1 for n in names}}

    # -- one batch

    def work(self, c: Connection, calls: Sequence[Call], posts: Sequence[Exchange], look: bool) -> Batch:
        """Post, take replies in, and find out for each call whether it is answered now or waits."""
        done, now = Batch(), time.monotonic()
        posted = self._post(c, posts, done)
        again = [p for node, p in self.parked.items() if look or node in posted or p.gone or p.until <= now]
        known = table.enrolled(c, {call.key for call in (*calls, *again)})
        admitted = []
        for call in (*calls, *again):
            if call.key in known:
                call.node = known[call.key]
                admitted.append(call)
            else:
                done.answers.append((call, not_admitted()))
        done.heard = [call.node for call in calls if call.key in known]
        self._take_in(c, [call for call in calls if call.key in known], done)
        if look:
            self._look(c, done)
        mail: dict[str, list[Waiting]] = {}
        for waiting in table.waiting_for(c, {call.node for call in admitted}):
            mail.setdefault(waiting.node, []).append(waiting)
        for call in admitted:
            out = self._hand_out(c, call, mail.get(call.node, []))
            if out or call.until <= now or call.gone:
                done.answers.append((call, Answer(call.node, out, call.got, self.silence / BEATS)))
            else:
                done.parked.append(call)
        return done

    def apply(self, done: Batch) -> list[tuple[Call, Answer | Exception]]:
        """Take note of what was committed; answers what is to be said to whom."""
        self.hear(done.heard)
        for exchange, mail, body in done.settled:
            exchange.settle(mail, body)
        said = list(done.answers)
        for call, _ in done.answers:
            waits = self.parked.get(call.node)
            if waits is call:
                del self.parked[call.node]
            elif call.turn.leaving and waits is not None:
                said.append((self.parked.pop(call.node), Answer(call.node, [], waits.got, self.silence / BEATS)))
        for call in done.parked:
            before = self.parked.get(call.node)
            if before is not None and before is not call:
                said.append((before, Answer(call.node, [], before.got, self.silence / BEATS)))
            self.parked[call.node] = call
        return said

    def _post(self, c: Connection, posts: Sequence[Exchange], done: Batch) -> set[str]:
        able = table.able(c, {node for e in posts for node in e.messages}) if posts else set()
        mail = []
        for exchange in posts:
            exchange.began = time.monotonic()
            exchange.mail.clear()
            stamp = f"{time.time_ns():016x}"
            for number, (node, body) in enumerate(exchange.messages.items()):
                if node in able and self._may_be_there(node):
                    waiting = Waiting(f"{stamp}{os.urandom(6).hex()}{number:x}", exchange.id, node, len(body))
                    exchange.mail[waiting.id] = node
                    mail.append((waiting, body))
            self.exchanges[exchange.id] = exchange
            if not exchange.mail:
                exchange.over.set()
        table.post(c, mail)
        done.elsewhere |= any(w.node not in self.parked for w, _ in mail)
        return {w.node for w, _ in mail}

    def _take_in(self, c: Connection, calls: Sequence[Call], done: Batch) -> None:
        """Replies, part by part. A part that begins a reply begins it anew; others go on where it stands."""
        named = {p.mail for call in calls for p in call.turn.replies} | {m for call in calls for m in call.turn.failed}
        mail = table.find(c, named) if named else {}
        fresh: dict[str, list[Part]] = {}
        anew: set[str] = set()
        length: dict[str, int] = {}
        for call in calls:
            for part in call.turn.replies:
                waiting = mail.get(part.mail)
                if waiting is None or waiting.node != call.node:
                    call.got[part.mail] = part.size
                    continue
                if part.at == 0:
                    anew.add(part.mail)
                    fresh[part.mail], length[part.mail] = [part], part.end
                elif part.at == length.setdefault(part.mail, table.received(c, part.mail)):
                    fresh.setdefault(part.mail, []).append(part)
                    length[part.mail] = part.end
                call.got[part.mail] = length[part.mail]
        failed = [mail[m] for call in calls for m in call.turn.failed if m in mail and mail[m].node == call.node]
        whole = [m for m, some in fresh.items() if length[m] == some[-1].size]
        table.drop_replies(c, anew)
        table.add_replies(c, [(p, mail[p.mail].exchange) for some in fresh.values() for p in some], failed)
        table.answered(c, [*whole, *(w.id for w in failed)])
        for each in whole:
            self._settle(c, mail[each], fresh[each], done)
        for waiting in failed:
            self._settle(c, waiting, None, done)

    def _settle(self, c: Connection, waiting: Waiting, some: list[Part] | None, done: Batch) -> None:
        exchange = self.exchanges.get(waiting.exchange)
        if exchange is None:
            done.elsewhere = True
        elif some is None:
            done.settled.append((exchange, waiting.id, None))
        else:
            body = some[0].data if len(some[0].data) == some[0].size else table.whole(c, waiting.id)
            done.settled.append((exchange, waiting.id, body))

    def _hand_out(self, c: Connection, call: Call, mail: Sequence[Waiting]) -> list[Part]:
        """Parts of the mail that the node has not got, up to the measure of one turn."""
        out: list[Part] = []
        if call.turn.leaving:
            return out
        have, room = set(call.turn.have) | set(call.got), CHUNK
        for waiting in mail:
            if room <= 0:
                break
            if waiting.id in have:
                continue
            at = call.turn.partly.get(waiting.id, 0)
            exchange = self.exchanges.get(waiting.exchange)
            part = (
                table.part(c, waiting.id, waiting.size, at)
                if exchange is None
                else parts(waiting.id, exchange.messages[waiting.node], at)
            )
            if part is not None and (len(part.data) <= room or not out):
                out.append(part)
                room -= len(part.data)
        return out

    # -- from time to time

    def _look(self, c: Connection, done: Batch) -> None:
        """What happened elsewhere: replies to other processes, revoked nodes, silence."""
        self.hear_elsewhere(c)
        for exchange in self.exchanges.values():
            finished = table.finished(c, exchange.id) if exchange.mail else {}
            for mail in [m for m in exchange.mail if m in finished]:
                body = None if finished[mail] == table.FAILED else table.whole(c, mail)
                done.settled.append((exchange, mail, body))

    def given_up(self, c: Connection) -> list[tuple[Exchange, str, bytes | None]]:
        """Mail of nodes that are silent or revoked: waits no more, and who was silent has to be heard of anew."""
        now = time.monotonic()
        lost: list[tuple[Exchange, str, bytes | None]] = []
        under_way = [(e, mail, node) for e in self.exchanges.values() for mail, node in e.mail.items()]
        able = table.able(c, {node for _, _, node in under_way}) if under_way else set()
        for exchange, mail, node in under_way:
            last = now if node in self.parked else self._heard.get(node, 0.0)
            silent = now - max(exchange.began, last) > self.silence
            if now > exchange.until:
                lost.append((exchange, mail, None))
            elif silent or node not in able:
                LOG.info("node %s is %s", node, "silent" if node in able else "not admitted any more")
                self._heard.pop(node, None)
                lost.append((exchange, mail, None))
        table.answered(c, [mail for _, mail, _ in lost])
        return lost


def not_admitted() -> Refused:
    return Refused(
        "not-admitted",
        Text(
            "The hub does not know this node's certificate, or it was revoked.",
            "中心不认识该节点的证书，或该证书已被吊销。",
        ),
        Text("Ask the trustee for an invitation and enrol the node.", "请向受托方索取邀请码并登记节点。"),
    )
