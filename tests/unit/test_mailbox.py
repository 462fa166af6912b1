"""The mailbox where no contract can see it: an exchange that may not last, a mailbox closed, mail of the dead."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from federations import Https, until
from huizhen.adapters import database, mail_table
from huizhen.adapters.mailbox import Mailbox
from huizhen.path.ports import Stopping


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Https]:
    """Node 'a' hears and does not answer; 'b' does."""
    gate = threading.Event()

    def late(data: bytes) -> bytes:
        gate.wait(15)
        return data

    made = Https({"a": late, "b": bytes.upper}, tmp_path, None)
    yield made
    gate.set()
    made.close()


def test_a_node_that_lives_and_does_not_answer_is_absent_when_the_time_is_up(stuck: Https) -> None:
    assert stuck.federation.exchange({"a": b"x", "b": b"y"}, seconds=0.5) == {"b": b"Y"}
    assert stuck.federation.wait(["a", "b"], 10)


def test_a_mailbox_that_is_closed_says_so_to_whoever_waits(stuck: Https) -> None:
    other = Mailbox(stuck.engine, 60.0)
    raised: list[type[Exception]] = []

    def ask() -> None:
        try:
            other.exchange({"a": b"x"})
        except Stopping as stopping:
            raised.append(type(stopping))

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: stuck.kept() > 0)
    other.close()
    asking.join()
    assert raised == [Stopping]


def test_mail_of_a_process_that_is_no_more_is_thrown_away(stuck: Https) -> None:
    row = {"id": "m", "exchange": "dead.0", "node": "b", "size": 1, "body": b"x"}
    with stuck.engine.begin() as c:
        c.execute(insert(database.mail).values(row))
    Mailbox(stuck.engine, alone=True).close()
    with stuck.engine.connect() as c:
        assert mail_table.exchanges(c) == set()
