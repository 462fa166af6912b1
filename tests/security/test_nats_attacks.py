"""Attacks on the federation over NATS: by an admitted node, by one that was shut out, by a server that is not ours."""

from __future__ import annotations

import asyncio
import json
import pickle
import socket
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats
import pytest
from nats.aio.client import Client

from federations import MOMENT, free_port, until
from huizhen.adapters import certificates, nats_letter, nats_line
from huizhen.adapters import nats_subjects as subjects
from huizhen.adapters.certificates import Authority
from huizhen.adapters.nats_dial import NatsDial
from huizhen.kit.errors import BadInput
from huizhen.kit.text import Text
from nats_federations import Nats, Region

SETTLE = 0.5
"""Seconds in which a server on this machine has certainly answered."""


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Nats]:
    """Nodes 'a' and 'b'; the latter's certificate is the attacker's. 'a' answers when it is let."""
    gate = threading.Event()

    def slowly(data: bytes) -> bytes:
        gate.wait(15)
        return b"of a: " + data

    made = Nats({"a": slowly, "b": bytes.upper}, tmp_path, None)
    made.gate = gate  # type: ignore[attr-defined]
    yield made
    gate.set()
    made.close()


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = Region(tmp_path, ["a", "b"])
    yield made
    made.close()


async def connected(region: Region, file: str, said: list[str] | None = None) -> Client:
    async def note(problem: Exception) -> None:
        if said is not None:
            said.append(str(problem))

    return await nats.connect(
        f"tls://localhost:{region.port}",
        tls=region.context(file),
        allow_reconnect=False,
        connect_timeout=20,
        inbox_prefix=subjects.box(file),
        error_cb=note,
    )


def run(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """In a loop of its own, in a thread of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result(60)


def test_a_node_hears_no_mail_of_another_and_nothing_of_the_streams(region: Region) -> None:
    wanted = [
        ">", "hz.>", "hz.in.*", subjects.deliver("a"), subjects.mail("a", ">"), subjects.part("a", "*", "*"),
        subjects.ALL_UP, subjects.ALL_BEATS, f"{subjects.box('a')}.>", f"{subjects.HUB_BOX}.>", "$JS.>", "_INBOX.>",
    ]  # fmt: skip

    async def attack() -> list[str]:
        said: list[str] = []
        client = await connected(region, "b", said)
        for subject in wanted:
            await client.subscribe(subject)
        own = await client.subscribe(subjects.deliver("b"))
        await client.flush()
        await asyncio.sleep(SETTLE)
        assert own is not None
        await client.close()
        return said

    said = run(attack)
    assert len(said) == len(wanted), said
    assert all("permissions violation" in each.lower() for each in said)


def test_a_node_says_nothing_as_another_or_as_the_hub_and_calls_nothing_of_jetstream(region: Region) -> None:
    unwanted = [
        subjects.up("a", "p", "e", "m", 0), subjects.beat("a"), subjects.mail("a", "m"), subjects.mail("b", "m"),
        subjects.deliver("a"), subjects.part("a", "m", 0), subjects.HELLO, subjects.fetch("a", "m", 0),
        f"$JS.API.DIRECT.GET.{subjects.BODY}", f"$JS.API.DIRECT.GET.{subjects.BODY}.hz.part.a.m.0",
        f"$JS.API.STREAM.MSG.GET.{subjects.MAIL}", f"$JS.API.STREAM.PURGE.{subjects.MAIL}",
        f"$JS.API.STREAM.DELETE.{subjects.MAIL}", f"$JS.API.CONSUMER.MSG.NEXT.{subjects.MAIL}.a",
        f"$JS.API.CONSUMER.CREATE.{subjects.MAIL}", f"$JS.API.CONSUMER.DELETE.{subjects.MAIL}.a",
        f"$JS.ACK.{subjects.MAIL}.a.1.1.1.1.0", "anything",
    ]  # fmt: skip

    async def attack() -> list[str]:
        said: list[str] = []
        client = await connected(region, "b", said)
        for subject in unwanted:
            await client.publish(subject, b"x")
        await client.publish(subjects.beat("b"), b"x")
        await client.flush()
        await asyncio.sleep(SETTLE)
        await client.close()
        return said

    said = run(attack)
    assert len(said) == len(unwanted), said
    assert all("permissions violation" in each.lower() for each in said)


def test_a_reply_that_another_node_hands_in_is_not_taken_for_the_nodes_own(held: Nats) -> None:
    """The attacker knows everything but the key: process, exchange and number of the letter."""
    federation = held.federation
    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(federation.exchange, {"a": b"x", "b": b"y"})
        until(lambda: any(m.node == "a" and m.posted for m in federation._mail.values()))
        mail = next(m for m in federation._mail.values() if m.node == "a")
        forged = nats_letter.write(nats_letter.Reply(mail.number, 0, 6, b"forged"))

        async def attack() -> None:
            client = await connected(held.region, "b")
            for as_who in ("a", "b"):
                await client.publish(subjects.up(as_who, federation._id, mail.exchange.id, mail.number, 0), forged)
            await client.flush()
            await asyncio.sleep(SETTLE)
            await client.close()

        run(attack)
        held.gate.set()  # type: ignore[attr-defined]
        assert found.result(20) == {"a": b"of a: x", "b": b"Y"}


def test_what_is_no_message_is_dropped_and_the_hub_goes_on(held: Nats) -> None:
    held.gate.set()  # type: ignore[attr-defined]
    other = nats_letter.write(nats_letter.Hello(1.0))
    for data in (b"", b"\xff" * 1000, pickle.dumps(print), other):
        with pytest.raises(BadInput) as problem:
            nats_letter.read(nats_letter.Beat, data)
        assert problem.value.code == ("bad-letter" if data is other else "bad-message")

    async def attack() -> None:
        client = await connected(held.region, "b")
        for data in (b"", b"\xff" * 1000, pickle.dumps(print), other):
            await client.publish(subjects.beat("b"), data)
            await client.publish(subjects.up("b", held.federation._id, "0", "m", 0), data)
        await client.flush()
        await client.close()

    run(attack)
    assert held.federation.exchange({"a": b"x", "b": b"y"}) == {"a": b"of a: x", "b": b"Y"}


def test_a_revoked_node_is_cut_off_at_once_and_its_certificate_opens_nothing(region: Region) -> None:
    async def attack() -> tuple[bool, bool]:
        held, other = await connected(region, "b"), await connected(region, "a")
        await asyncio.to_thread(region.revoke, "b")
        for _ in range(100):
            if held.is_closed:
                break
            await asyncio.sleep(0.05)
        await other.flush()
        found = held.is_closed, other.is_connected
        await nats_line._close(held)
        await nats_line._close(other)
        return found

    assert run(attack) == (True, True)
    assert not opens(region, "b")
    assert opens(region, "a")


def test_a_certificate_whose_key_is_not_on_record_opens_nothing(region: Region) -> None:
    """Issued by the region's own authority, in the name of an admitted node."""
    region.certify("a", "other")
    assert not opens(region, "other")
    assert opens(region, "a")


def opens(region: Region, file: str) -> bool:
    """Whether the server takes commands of whoever shows this certificate."""

    with socket.create_connection(("127.0.0.1", region.port), 5) as plain:
        greeting = b""
        while not greeting.endswith(b"\r\n"):
            greeting += plain.recv(1)
        assert b'"tls_required":true' in greeting
        try:
            with region.context(file).wrap_socket(plain, server_hostname="localhost") as line:
                line.sendall(b'CONNECT {"verbose":false,"protocol":1,"headers":true}\r\nPING\r\n')
                return line.recv(64).startswith(b"PONG")
        except OSError:
            return False


class Impostor:
    """Greets as a NATS server does, with these words about TLS; keeps what it is then told."""

    def __init__(self, context: ssl.SSLContext | None, **words: bool) -> None:
        self.port = free_port()
        self.heard = bytearray()
        self.asked = threading.Event()
        self._context = context
        info = {"server_id": "x", "version": "2.9.0", "proto": 1, "headers": True, "max_payload": 1 << 20, **words}
        self._greeting = b"INFO " + json.dumps(info).encode() + b"\r\n"
        self._listening = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listening.accept()
            except OSError:
                return
            self.asked.set()
            with line, suppress(OSError):
                line.settimeout(2)
                line.sendall(self._greeting)
                if self._context is not None:
                    with self._context.wrap_socket(line, server_side=True) as inner:
                        self._hear(inner)
                else:
                    self._hear(line)

    def _hear(self, line: socket.socket) -> None:
        while more := line.recv(65536):
            self.heard += more

    def close(self) -> None:
        """The thread that accepts hears of it by this."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.mark.parametrize("words", [{}, {"tls_required": False}, {"tls_available": False}])
def test_nothing_is_said_to_a_server_that_does_not_speak_tls(tmp_path: Path, words: dict[str, bool]) -> None:
    impostor = Impostor(None, **words)
    said = dial(tmp_path, impostor, "refused")
    assert any(each.startswith("What answers there does not speak TLS") for each in said)
    assert bytes(impostor.heard) == b""


def test_nothing_is_said_to_a_server_of_another_authority(tmp_path: Path) -> None:
    stranger = Authority.open(tmp_path / "stranger", MOMENT)
    stranger.serve(["localhost"], MOMENT)
    context = certificates.server_context(tmp_path / "stranger")
    impostor = Impostor(context, tls_required=True)
    said = dial(tmp_path, impostor, "lost")
    assert any("its certificate is not of this region" in each for each in said)
    assert bytes(impostor.heard) == b""


def dial(folder: Path, impostor: Impostor, code: str) -> list[str]:
    """What a node says when it is led to that server, up to this code."""
    authority = Authority.open(folder / "tls", MOMENT)
    key = certificates.new_key(folder / "a.key")
    (folder / "a.pem").write_bytes(authority.issue("a", certificates.request_certificate("a", key), MOMENT))
    context = certificates.client_context(folder / "tls" / "ca.pem", folder / "a.pem", folder / "a.key")
    said: list[str] = []
    heard = threading.Event()

    def state(what: str, text: Text) -> None:
        said.append(text.en)
        if what == code:
            heard.set()

    node = NatsDial(f"tls://localhost:{impostor.port}", context, "a", bytes.upper, state)
    thread = threading.Thread(target=node.run)
    thread.start()
    try:
        assert heard.wait(20), said
        assert impostor.asked.is_set()
    finally:
        node.stop()
        thread.join()
        impostor.close()
    return said
