"""Who may speak as a node: attacks on the first contact, on certificates, on the mailbox."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import structs

from federations import MOMENT, Https, client_of
from huizhen.adapters import certificates, enrolment
from huizhen.adapters.certificates import Authority
from huizhen.adapters.dial import TURN
from huizhen.adapters.enrolment import Application, Code
from huizhen.adapters.turn import LARGEST_TURN, Answer, Part, Turn, read
from huizhen.kit import wire
from huizhen.kit.errors import Refused
from huizhen.kit.keys import SigningKey
from huizhen.node.join import join
from served import Serving


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    made = Serving(tmp_path)
    yield made
    made.close()


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[Https]:
    """A mailbox with two nodes; 'a' answers only when it is let through."""
    made = Https({"a": _late, "b": bytes.upper}, tmp_path, None)
    yield made
    _GATE.set()
    made.close()
    _GATE.clear()


_GATE = threading.Event()


def _late(data: bytes) -> bytes:
    _GATE.wait(15)
    return data.upper()


def turn(client: httpx.Client, **what: Any) -> httpx.Response:
    return client.post(TURN, content=wire.encode(structs.asdict(Turn(hold=0.0, **what))))


def test_a_hub_that_is_not_the_one_of_the_code_learns_nothing(
    serving: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[Application] = []
    monkeypatch.setattr(enrolment, "apply", lambda *given: applied.append(given[2]))
    another = str(Code("north", Code.read(serving.invite("north")).secret, b"\1" * 32))
    with pytest.raises(Refused) as problem:
        join(tmp_path / "home", serving.url, another)
    assert problem.value.code == "wrong-authority" and applied == []


def test_a_key_that_is_not_shown_is_not_enrolled(serving: Serving, tmp_path: Path) -> None:
    mine, theirs = SigningKey(b"\1" * 32), SigningKey(b"\2" * 32)
    key = certificates.new_key(tmp_path / "tls.key")
    asked = Application(
        Code.read(serving.invite("north")).secret,
        theirs.public,
        certificates.request_certificate("north", key),
        b"\0" * 64,
    )
    with pytest.raises(Refused) as problem:
        serving.server.enrolment.enrol(structs.replace(asked, signature=mine.sign(asked.signed_bytes())))
    assert problem.value.code == "identity-not-shown"
    assert serving.hub.store.node_keys() == {}


def test_without_a_certificate_no_mail_is_handed_out(mailbox: Https) -> None:
    context = certificates.client_context(mailbox.folder / "tls" / "ca.pem")
    with httpx.Client(base_url=f"https://localhost:{mailbox.port}", verify=context, trust_env=False) as client:
        assert turn(client).status_code == 403


def test_a_certificate_of_another_authority_does_not_get_through_the_handshake(mailbox: Https, tmp_path: Path) -> None:
    other = Authority.open(tmp_path / "other", MOMENT)
    key = certificates.new_key(tmp_path / "a-forged.key")
    (tmp_path / "a-forged.pem").write_bytes(other.issue("a", certificates.request_certificate("a", key), MOMENT))
    with client_of(tmp_path, "a-forged", mailbox.port) as client, pytest.raises(httpx.TransportError):
        turn(client)


def test_a_certificate_of_our_authority_that_was_never_enrolled_is_refused(mailbox: Https, tmp_path: Path) -> None:
    key = certificates.new_key(tmp_path / "x.key")
    request = certificates.request_certificate("a", key)
    (tmp_path / "x.pem").write_bytes(mailbox.authority.issue("a", request, MOMENT))
    with client_of(tmp_path, "x", mailbox.port) as client:
        assert turn(client).status_code == 403


def test_a_certificate_is_renewed_for_the_same_key_only(serving: Serving, tmp_path: Path) -> None:
    folder = join(tmp_path / "home", serving.url, serving.invite("north"))
    known = certificates.key_digest(certificates.der((folder / "tls.pem").read_bytes()))
    own, another = certificates.new_key(folder / "tls.key"), certificates.new_key(tmp_path / "another.key")
    renewed = serving.server.enrolment.renew(known, certificates.request_certificate("north", own))
    assert certificates.key_digest(certificates.der(renewed)) == known
    with pytest.raises(Refused):
        serving.server.enrolment.renew(known, certificates.request_certificate("north", another))
    serving.server.enrolment.revoke("north")
    with pytest.raises(Refused):
        serving.server.enrolment.renew(known, certificates.request_certificate("north", own))


def test_a_node_cannot_fetch_or_answer_the_mail_of_another(mailbox: Https) -> None:
    said: list[dict[str, bytes]] = []
    asking = threading.Thread(target=lambda: said.append(dict(mailbox.federation.exchange({"a": b"for a"}))))
    asking.start()
    with client_of(mailbox.folder, "b", mailbox.port) as client, client_of(mailbox.folder, "a", mailbox.port) as own:
        mail: list[Part] = []
        while not mail:
            mail = read(Answer, turn(own).content).mail
        forged = Part(mail[0].mail, 0, 6, b"forged")
        heard = read(Answer, turn(client, replies=[forged], failed=[mail[0].mail]).content)
        assert heard.node == "b" and heard.mail == []
    _GATE.set()
    asking.join(20)
    assert said == [{"a": b"FOR A"}]


def test_revocation_holds_within_a_connection_that_is_open(mailbox: Https) -> None:
    with client_of(mailbox.folder, "b", mailbox.port) as client:
        assert turn(client).status_code == 200
        mailbox.revoke("b")
        assert turn(client).status_code == 403


def test_revocation_ends_a_call_that_waits(mailbox: Https) -> None:
    mailbox.stop("b")
    with client_of(mailbox.folder, "b", mailbox.port) as client:
        waiting = Turn(hold=60.0)
        threading.Timer(0.2, mailbox.revoke, ["b"]).start()
        heard = client.post(TURN, content=wire.encode(structs.asdict(waiting)), timeout=30.0)
    assert heard.status_code == 403


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95",
        wire.encode({"hold": 1e9}),
        wire.encode({"hold": 1.0, "more": 1}),
        wire.encode({"hold": 1.0, "replies": [{"mail": "m", "at": 5, "size": 3, "data": b"x"}]}),
        wire.encode({"hold": 1.0, "have": ["m" * 100]}),
    ],
)
def test_what_is_no_turn_is_refused_and_harms_nobody(mailbox: Https, data: bytes) -> None:
    with client_of(mailbox.folder, "b", mailbox.port) as client:
        assert client.post(TURN, content=data).status_code == 400
    assert mailbox.federation.exchange({"b": b"x"}) == {"b": b"X"}


def test_a_turn_without_end_is_cut_off(mailbox: Https) -> None:
    with client_of(mailbox.folder, "b", mailbox.port) as client:
        heard = client.post(TURN, content=(bytes(65536) for _ in range(LARGEST_TURN // 65536 + 2)))
    assert heard.status_code == 400 and heard.json()["error"]["code"] == "request-too-large"


def test_nothing_older_than_tls_1_2_is_spoken(mailbox: Https) -> None:
    for context in (
        certificates.server_context(mailbox.folder / "tls"),
        certificates.client_context(mailbox.folder / "tls" / "ca.pem"),
    ):
        assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
