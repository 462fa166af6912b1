"""The node's end of the mailbox: dials out, waits for mail, hands in replies. It never listens.

One connection waits. An answer goes back with the next turn, which waits for it half a beat, so a round costs one
request; one that takes longer is carried by a second connection as soon as it is there, while the first goes on waiting
and, by that, says that the node lives. Whatever is cut off goes on where it stopped.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
from msgspec import structs

from huizhen.adapters.local import Handler
from huizhen.adapters.turn import CHUNK, LARGEST, Answer, Part, Turn, parts, read
from huizhen.kit import wire
from huizhen.kit.errors import HuizhenError, Lost, from_wire
from huizhen.kit.text import Text

TURN = "/v1/node/turn"
MEDIA = "application/vnd.huizhen.turn+msgpack"
HOLD_SECONDS = 20.0
_FIRST_BEAT = 3.0
_SHORTEST, _LONGEST = 0.1, 5.0
"""Seconds between two attempts to reach the hub."""
_SHUT_OUT = 60.0
"""The same while the hub refuses this node, at most."""
_CARRIERS = 4
State = Callable[[str, Text], None]
"""Called with the code and the words of what the node is doing: connected, working, idle, lost, refused."""


@dataclass
class _Hand:
    """What the node has in hand: mail that arrives, is worked on, or whose answer is on its way."""

    partly: dict[str, bytearray] = field(default_factory=dict)
    working: set[str] = field(default_factory=set)
    replies: dict[str, bytes] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def has(self, mail: str) -> bool:
        return mail in self.working or mail in self.replies or mail in self.failed

    def empty(self) -> bool:
        return not (self.working or self.replies or self.failed or self.partly)

    def due(self) -> tuple[list[Part], list[str]]:
        """The parts of replies that go with the next turn, and mail that will have none."""
        out: list[Part] = []
        room = CHUNK
        for mail, body in self.replies.items():
            part = parts(mail, body, self.sent.get(mail, 0))
            if out and len(part.data) > room:
                break
            out.append(part)
            room -= len(part.data)
        return out, sorted(self.failed)

    def turn(self, hold: float, leaving: bool) -> Turn:
        """`leaving`: nothing new is taken."""
        replies, failed = self.due()
        if leaving:
            self.partly.clear()
        return Turn(
            hold=hold,
            have=sorted({*self.working, *self.replies, *self.failed}),
            partly={m: len(b) for m, b in self.partly.items()},
            replies=replies,
            failed=failed,
            leaving=leaving,
        )

    def told(self, answer: Answer, turn: Turn) -> list[tuple[str, bytes]]:
        """Take note of what the hub has; answers the mail that is whole now, with its number."""
        for mail in turn.failed:
            self.failed.discard(mail)
        for mail, got in answer.got.items():
            if mail in self.replies:
                self.sent[mail] = got
                if got >= len(self.replies[mail]):
                    del self.replies[mail], self.sent[mail]
        here = {p.mail for p in answer.mail}
        for mail in turn.partly:
            if mail not in here:
                self.partly.pop(mail, None)
        return [(p.mail, body) for p in answer.mail if (body := self._arrived(p)) is not None]

    def _arrived(self, part: Part) -> bytes | None:
        if self.has(part.mail):
            return None
        so_far = self.partly.setdefault(part.mail, bytearray())
        if part.at == len(so_far):
            so_far += part.data
        if len(so_far) < part.size:
            return None
        del self.partly[part.mail]
        self.working.add(part.mail)
        return bytes(so_far)


class Dial:
    """A node on the line: `run` until `stop`. `client` has the node's certificate and the hub's address."""

    def __init__(
        self,
        client: httpx.Client,
        handler: Handler,
        state: State = lambda _code, _text: None,
        workers: int = 4,
        hold_seconds: float = HOLD_SECONDS,
    ) -> None:
        self._client = client
        self._handler = handler
        self._state = state
        self._hold = hold_seconds
        self._beat = _FIRST_BEAT
        self._hand = _Hand()
        self._lock = threading.Condition()
        self._waiting = False
        self._carrying = 0
        self._stop = threading.Event()
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="huizhen-work")
        self._carriers = ThreadPoolExecutor(_CARRIERS, thread_name_prefix="huizhen-carry")
        self._said = ""

    def stop(self) -> None:
        """End after the messages in hand."""
        self._stop.set()

    def run(self) -> None:
        """Turn until `stop`; then finish what is in hand, hand it in, and return."""
        leaver = threading.Thread(target=self._leave, name="huizhen-leave", daemon=True)
        leaver.start()
        pause, shut_out = _SHORTEST, 1.0
        while not (self._stop.is_set() and self._hand.empty()):
            try:
                self._turn()
                pause, shut_out = _SHORTEST, 1.0
            except (httpx.TransportError, Lost) as problem:
                self._say("lost", _lost(problem))
                pause = self._pause(pause, _LONGEST)
            except HuizhenError as problem:
                self._say("refused", Text(problem.say("en"), problem.say("zh")))
                shut_out = self._pause(shut_out, _SHUT_OUT)
            else:
                continue
            if self._stop.is_set() and not self._hand.working:
                break
        self._stop.set()
        leaver.join()
        self._workers.shutdown(cancel_futures=True)
        self._carriers.shutdown(cancel_futures=True)

    def _leave(self) -> None:
        """When it is time to stop, say so: the hub then answers the call that waits."""
        self._stop.wait()
        try:
            with self._lock:
                turn = self._hand.turn(0.0, leaving=True)
            self._take(self._ask(turn), turn)
        except (httpx.TransportError, HuizhenError):
            return

    def _pause(self, seconds: float, longest: float) -> float:
        """Wait about so long, never in step with other nodes; the next pause is longer."""
        chosen = seconds * random.uniform(0.5, 1.0)  # noqa: S311
        if self._stop.is_set():
            with self._lock:
                self._lock.wait_for(lambda: not self._hand.working, chosen)
        else:
            self._stop.wait(chosen)
        return min(2 * seconds, longest)

    def _turn(self) -> None:
        with self._lock:
            self._lock.wait_for(self._has_news, self._beat if self._stop.is_set() else self._beat / 2)
            turn = self._hand.turn(self._holding(), self._stop.is_set())
            self._waiting = turn.hold > 0
        try:
            answer = self._ask(turn)
        finally:
            with self._lock:
                self._waiting = False
        self._take(answer, turn)

    def _has_news(self) -> bool:
        """Whether there is something to hand in, or nothing that could soon be."""
        return bool(not self._hand.working or self._hand.replies or self._hand.failed)

    def _holding(self) -> float:
        """Seconds to wait for mail: none while there is something to say or to fetch, nor in the first call, which
        shows whether the hub is there; few with mail in hand."""
        hand = self._hand
        if hand.partly or any(len(b) - hand.sent.get(m, 0) > CHUNK for m, b in hand.replies.items()):
            return 0.0
        if self._stop.is_set() or self._said not in {"connected", "working"}:
            return 0.0
        return self._hold if not (hand.working or hand.replies) else self._beat

    def _take(self, answer: Answer, turn: Turn) -> None:
        with self._lock:
            self._beat = answer.beat_seconds
            arrived = self._hand.told(answer, turn)
            idle = self._hand.empty()
        if arrived:
            self._say("working", Text("answering the hub", "正在应答中心"))
        elif idle:
            self._say("connected", Text("connected; waiting for mail", "已连接，等待消息"))
        for mail, body in arrived:
            self._workers.submit(self._work, mail, body)

    def _work(self, mail: str, body: bytes) -> None:
        reply: bytes | None
        try:
            reply = self._handler(body)
            if len(reply) > LARGEST:
                self._say("too-large", Text("an answer is too large to travel", "应答过大，无法传输"))
                reply = None
        except Exception:
            reply = None
        with self._lock:
            self._hand.working.discard(mail)
            if reply is None:
                self._hand.failed.add(mail)
            else:
                self._hand.replies[mail] = reply
            self._lock.notify_all()
            if self._waiting and self._carrying < _CARRIERS:
                self._carrying += 1
                self._carriers.submit(self._carry)

    def _carry(self) -> None:
        """Hand in what is there over a connection of its own, while the other one waits."""
        try:
            while True:
                with self._lock:
                    if not (self._waiting and (self._hand.replies or self._hand.failed)):
                        return
                    turn = self._hand.turn(0.0, self._stop.is_set())
                self._take(self._ask(turn), turn)
        except (httpx.TransportError, HuizhenError):
            return
        finally:
            with self._lock:
                self._carrying -= 1

    def _ask(self, turn: Turn) -> Answer:
        """One call. Raises what the hub says against this node, Lost where it cannot serve now."""
        seconds = httpx.Timeout(10.0, read=turn.hold + 10.0)
        heard = self._client.post(
            TURN, content=wire.encode(structs.asdict(turn)), headers={"content-type": MEDIA}, timeout=seconds
        )
        if heard.status_code == httpx.codes.OK:
            return read(Answer, heard.content)
        raise said_no(heard)

    def _say(self, code: str, text: Text) -> None:
        if code != self._said:
            self._said = code
            self._state(code, text)


def said_no(heard: httpx.Response) -> HuizhenError:
    """The error that the hub answered with; Lost where it, or whoever stands between, gave none of ours."""
    try:
        problem = from_wire(heard.json()["error"])
    except (ValueError, KeyError, TypeError):
        problem = None
    if problem is not None and heard.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
        return problem
    return Lost(
        "hub-not-serving",
        Text(f"The hub answers with status {heard.status_code}.", f"中心返回状态 {heard.status_code}。"),
        Text("Ask the trustee; the node keeps trying.", "请询问受托方；节点会继续尝试。"),
    )


def _lost(problem: Exception) -> Text:
    """What a person can do about a hub that is not reached."""
    if isinstance(problem, HuizhenError):
        return Text(problem.say("en"), problem.say("zh"))
    reason = str(problem)
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return Text(
            "the hub's certificate does not hold; check this machine's clock, then ask the trustee",
            "中心证书校验失败；请先检查本机时钟，再询问受托方",
        )
    return Text(
        "lost connection to the hub; trying again. Check the network, the proxy (HTTPS_PROXY) and that the hub is up",
        "与中心的连接中断，正在重试。请检查网络、代理（HTTPS_PROXY）以及中心是否在运行",
    )


__all__ = ["HOLD_SECONDS", "MEDIA", "TURN", "Dial", "said_no"]
