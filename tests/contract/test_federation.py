"""One contract for every way in which messages reach nodes; see `path.ports.Federation` and `federations.HARNESSES`."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import federations
from federations import SILENCE, Harness, until
from huizhen.adapters.local import Handler
from huizhen.adapters.turn import LARGEST
from huizhen.kit.errors import BadInput
from huizhen.path.ports import Stopping
from nats_federations import NATS

HARNESSES = {**federations.HARNESSES, **NATS}
Begin = Callable[[Mapping[str, Handler]], Any]
REMOTE = [name for name in HARNESSES if name != "local"]
TWO = [name for name in HARNESSES if "two-hubs" in name or name in NATS]


@pytest.fixture(params=list(HARNESSES))
def begin(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Begin]:
    """Begins a federation of these handlers; it ends with the test."""
    kind, needs = HARNESSES[request.param]
    url = request.getfixturevalue("postgresql_url") if needs == "postgresql" else None
    running: list[Harness] = []

    def start(handlers: Mapping[str, Handler]) -> Harness:
        running.append(kind(handlers, tmp_path, url))
        return running[-1]

    yield start
    for each in running:
        each.close()


def upper(data: bytes) -> bytes:
    return data.upper()


def fail(_: bytes) -> bytes:
    raise OSError("the disk is gone")


class Gate:
    """A handler that waits to be let through; counts what it was given."""

    def __init__(self, reply: Callable[[bytes], bytes] = upper) -> None:
        self.seen: list[bytes] = []
        self.open = threading.Event()
        self.reply = reply

    def __call__(self, data: bytes) -> bytes:
        self.seen.append(data)
        assert self.open.wait(120)
        return self.reply(data)


def test_all_are_asked_at_once_and_their_answers_gathered(begin: Begin) -> None:
    meeting = threading.Barrier(3, timeout=120)

    def meet(data: bytes) -> bytes:
        meeting.wait()
        return data.upper()

    f = begin(dict.fromkeys("abc", meet)).federation
    assert f.exchange({"a": b"x", "b": b"y", "c": b""}) == {"a": b"X", "b": b"Y", "c": b""}
    assert f.exchange({"a": b"1", "b": b"2", "c": b"3"}) == {"a": b"1", "b": b"2", "c": b"3"}


def test_nobody_is_asked_nothing(begin: Begin) -> None:
    assert begin({"a": upper}).federation.exchange({}) == {}


def test_a_node_that_fails_or_is_unknown_is_absent_and_the_others_answer(begin: Begin) -> None:
    f = begin({"a": upper, "b": fail, "c": upper}).federation
    assert f.exchange(dict.fromkeys("abcd", b"x")) == {"a": b"X", "c": b"X"}


def test_two_exchanges_at_once_do_not_mix(begin: Begin) -> None:
    f = begin({n: lambda data, n=n: n.encode() + data for n in "abc"}).federation
    with ThreadPoolExecutor(8) as pool:
        asked = {k: pool.submit(f.exchange, dict.fromkeys("abc", b"%d" % k)) for k in range(40)}
    assert {k: dict(v.result()) for k, v in asked.items()} == {
        k: {n: n.encode() + b"%d" % k for n in "abc"} for k in range(40)
    }


def test_large_messages_pass_both_ways(begin: Begin) -> None:
    size = 24_000_000
    down, up = os.urandom(size), os.urandom(size)
    heard: list[bool] = []

    def large(data: bytes) -> bytes:
        heard.append(data == down)
        return up

    h = begin({"a": large, "b": upper})
    assert h.federation.exchange({"a": down, "b": b"x"}) == {"a": up, "b": b"X"}
    assert heard == [True]


def test_what_is_larger_than_allowed_is_refused_by_name(begin: Begin) -> None:
    f = begin({"a": lambda _: bytes(LARGEST + 1), "b": upper}).federation
    assert f.exchange({"a": b"x", "b": b"x"}) == {"b": b"X"}
    with pytest.raises(BadInput) as problem:
        f.exchange({"b": bytes(LARGEST + 1)})
    assert problem.value.code == "message-too-large"


def test_nothing_piles_up(begin: Begin) -> None:
    h = begin({"a": upper, "b": fail, "c": upper})
    for _ in range(5):
        h.federation.exchange(dict.fromkeys("abc", b"x" * 2000))
    if h.remote:
        until(lambda: h.kept() == 0)


# -- nodes on a wire


remote = pytest.mark.parametrize("begin", REMOTE, indirect=True)


@remote
def test_a_node_that_computes_longer_than_silence_lasts_is_waited_for(begin: Begin) -> None:
    slow = Gate()
    f = begin({"a": slow, "b": upper}).federation
    threading.Timer(3 * SILENCE, slow.open.set).start()
    assert f.exchange({"a": b"x", "b": b"y"}) == {"a": b"X", "b": b"Y"}
    assert slow.seen == [b"x"]


@remote
def test_a_dead_node_is_absent_and_when_it_is_back_it_is_noticed(begin: Begin) -> None:
    h = begin({"a": upper, "b": upper})
    h.stop("a")
    assert h.federation.exchange({"a": b"x", "b": b"y"}) == {"b": b"Y"}
    assert not h.federation.wait(["a", "b"], 0.2)
    h.start("a")
    assert h.federation.wait(["a", "b"], 20)
    assert h.federation.exchange({"a": b"x", "b": b"y"}) == {"a": b"X", "b": b"Y"}


@remote
def test_a_node_that_dies_at_work_is_absent(begin: Begin) -> None:
    slow = Gate()
    h = begin({"a": slow, "b": upper})
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(h.federation.exchange, {"a": b"x", "b": b"y"})
        until(lambda: bool(slow.seen))
        h.stop("a")
        assert found.result(20) == {"b": b"Y"}
    slow.open.set()


@remote
def test_a_node_that_begins_again_within_an_exchange_gets_the_message_again(begin: Begin) -> None:
    slow = Gate()
    h = begin({"a": slow, "b": upper})
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(h.federation.exchange, {"a": b"x", "b": b"y"})
        until(lambda: bool(slow.seen))
        h.stop("a")
        h.start("a", lambda data: data + b" again")
        assert found.result(20) == {"a": b"x again", "b": b"Y"}
    slow.open.set()


@remote
def test_a_message_is_delivered_once_whatever_is_lost_on_the_way(begin: Begin) -> None:
    seen: list[bytes] = []

    def note(data: bytes) -> bytes:
        seen.append(data)
        return data.upper()

    h = begin({"a": note, "b": upper})
    said = [b"%d" % k for k in range(12)]
    for k, each in enumerate(said):
        if k % 3 == 0:
            h.cut("a", up=40 * k)
        elif k % 3 == 1:
            h.cut("a", down=25 * k)
        assert h.federation.exchange({"a": each, "b": each}) == {"a": each, "b": each}
    assert seen == said


@remote
@pytest.mark.parametrize("way", ["up", "down"])
def test_a_large_message_goes_on_where_it_was_cut(begin: Begin, way: str) -> None:
    down, up = os.urandom(8_000_000), os.urandom(8_000_000)
    seen: list[bool] = []

    def large(data: bytes) -> bytes:
        seen.append(data == down)
        return up

    h = begin({"a": large, "b": upper})
    h.cut("a", **{way: 5_500_000})
    assert h.federation.exchange({"a": down, "b": b"x"}) == {"a": up, "b": b"X"}
    assert seen == [True]


@remote
def test_a_connection_cut_while_waiting_is_made_anew(begin: Begin) -> None:
    h = begin({"a": upper, "b": upper})
    for _ in range(3):
        h.cut("a")
        assert h.federation.exchange({"a": b"x", "b": b"y"}) == {"a": b"X", "b": b"Y"}


@remote
def test_a_revoked_node_is_absent_at_once_and_does_not_come_back(begin: Begin) -> None:
    slow = Gate()
    h = begin({"a": slow, "b": upper})
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(h.federation.exchange, {"a": b"x", "b": b"y"})
        until(lambda: bool(slow.seen))
        h.revoke("a")
        assert found.result(20) == {"b": b"Y"}
    slow.open.set()
    assert not h.federation.wait(["a"], 60)
    assert h.federation.exchange({"a": b"x", "b": b"y"}) == {"b": b"Y"}


@remote
def test_an_exchange_ends_when_its_time_is_up_however_alive_a_node_that_does_not_answer(begin: Begin) -> None:
    slow = Gate()
    h = begin({"a": slow, "b": upper})
    assert h.federation.exchange({"a": b"x", "b": b"y"}, seconds=1.0) == {"b": b"Y"}
    assert h.federation.wait(["a", "b"], 20)
    slow.open.set()
    until(lambda: h.kept() == 0)
    assert h.federation.exchange({"a": b"1", "b": b"2"}) == {"a": b"1", "b": b"2"}


@remote
def test_whoever_waits_is_told_when_the_federation_is_closed(begin: Begin) -> None:
    slow = Gate()
    h = begin({"a": slow, "b": upper})
    with ThreadPoolExecutor(2) as pool:
        found = pool.submit(h.federation.exchange, {"a": b"x", "b": b"y"})
        waiting = pool.submit(h.federation.wait, ["a", "b"], 60)
        until(lambda: bool(slow.seen))
        assert waiting.result(20)
        h.federation.close()
        with pytest.raises(Stopping):
            found.result(20)
    slow.open.set()


# -- two processes at one database: one has the road, one serves the nodes


@pytest.mark.parametrize("begin", TWO, indirect=True)
def test_mail_outlasts_the_process_that_serves_it(begin: Begin) -> None:
    first, second = Gate(), Gate()
    h = begin({"a": first, "b": second})
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(h.federation.exchange, {"a": b"x", "b": b"y"})
        until(lambda: bool(first.seen and second.seen))
        first.open.set()
        h.restart_hub()
        second.open.set()
        assert found.result(20) == {"a": b"X", "b": b"Y"}
    assert first.seen == [b"x"] and second.seen == [b"y"]
    assert h.federation.wait(["a", "b"], 20)
    assert h.federation.exchange({"a": b"1", "b": b"2"}) == {"a": b"1", "b": b"2"}
