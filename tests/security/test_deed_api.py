"""Deeds, contracts and breaches over the hub's API: who may read, file and sign, whatever token they show."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from deeds import CONTRACT, DEED
from huizhen.adapters.register import put_party
from huizhen.cli.place import There
from huizhen.client.remote import Remote
from huizhen.hub.bundle import Bundle
from huizhen.kit.errors import Conflict, HuizhenError, NotFound, Refused
from huizhen.model.casebook import key_of
from huizhen.model.deed import Instrument
from huizhen.model.incident import Declaration, Noted
from huizhen.model.party import Party
from huizhen.model.settlement import Payment
from huizhen.node import incidents, statements
from reached import Reached


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reached]:
    made = Reached(tmp_path_factory.mktemp("reached"))
    made.hub.touch()
    with made.hub.store.record() as record:
        for name in ("acme", "trust", "h0", "h1", "h2"):
            said = {"name": name, "kind": "academic", "key": key_of(name).public.hex()}
            put_party(record, Party.read(said))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def signed(reached: Reached) -> list[Any]:
    """The states of acme's contract as it was filed, offered and signed by both, and the payment that was booked."""
    trust, acme = reached.remote("trust", "trustee"), reached.remote("acme", "asker")
    states = [trust.draft("contract", CONTRACT)["state"], trust.move("contract", "acme-c", {"step": "offer"})["state"]]
    for who, at in (("acme", acme), ("trust", trust)):
        instrument = Instrument.read(at.instrument("contract", "acme-c")["instrument"])
        signature = key_of(who).sign(instrument.signed_bytes("sign")).hex()
        found = at.move("contract", "acme-c", {"step": "sign", "by": who, "signature": signature})
    return [*states, found["state"], trust.receive(Payment(party="acme", fen=5, reference="B-1"))["fen"]]


def test_the_trustee_files_and_the_parties_sign(reached: Reached, signed: list[Any]) -> None:
    assert signed == ["drafted", "offered", "active", 5]
    assert reached.remote("acme", "asker").instruments("contract")[0]["version"] == 1


@pytest.mark.usefixtures("signed")
def test_nobody_else_files_signs_or_books(reached: Reached) -> None:
    acme, auditor = reached.remote("acme", "asker"), reached.remote("auditor", "auditor")
    for at in (acme, auditor):
        for attempt in (
            lambda at=at: at.draft("deed", DEED),
            lambda at=at: at.move("contract", "acme-c", {"step": "suspend"}),
            lambda at=at: at.receive(Payment(party="acme", fen=10**9, reference="B-9")),
        ):
            with pytest.raises(Refused) as caught:
                attempt()
            assert caught.value.code == "wrong-role"
    with pytest.raises(Refused) as caught:
        acme.move("contract", "acme-c", {"step": "end", "by": "trust", "signature": "00" * 64})
    assert caught.value.code == "party-signature"


@pytest.mark.usefixtures("signed")
def test_another_asker_learns_not_even_that_there_is_one(reached: Reached) -> None:
    rival = reached.remote("rival", "asker")
    said = []
    for name in ("acme-c", "no-such"):
        with pytest.raises(NotFound) as caught:
            rival.instrument("contract", name)
        said.append(caught.value.say().replace(name, "NAME"))
    assert said[0] == said[1] and rival.instruments("contract") == []
    kinds = {e["leaf"]: e["documents"] for e in rival.entries() if '"contract-changed"' in e["leaf"]}
    assert kinds and all(documents == {} for documents in kinds.values())
    assert [e["documents"] for e in rival.entries() if '"payment-received"' in e["leaf"]] == [{}]


def test_no_commitment_is_taken_where_none_is_waited_for(reached: Reached) -> None:
    acme, rival = reached.remote("acme", "asker"), reached.remote("rival", "asker")
    with pytest.raises(Conflict):
        acme.to_commit(reached.study)
    for at, kind in ((acme, Conflict), (rival, NotFound)):
        with pytest.raises(HuizhenError) as caught:
            at.commit(reached.study, "00" * 64)
        assert type(caught.value) is kind


def test_an_asker_verifies_a_ledger_of_which_it_does_not_see_all(reached: Reached) -> None:
    keys, rival = reached.remote("trust", "trustee").keys(), reached.remote("rival", "asker")

    def wrong(asker: str | None) -> list[str]:
        said = There(rival, keys, asker).verify()[1]
        return [w.en for w in said if "cosignatures" not in w.en]  # no node runs here

    assert wrong("rival") == []
    assert wrong(None) != [], "who should see all is told what is missing"


WORDS = {"en": "A disk was lost.", "zh": "一块硬盘丢失。"}
BREACH = {
    "holder": "h0", "known_utc": "2026-01-01T08:00:00+08:00", "kinds": ["lost"], "datasets": ["d"], "contact": "x@h0",
    "what": WORDS, "harm": WORDS, "remedy": WORDS, "advice": WORDS,
}  # fmt: skip


def when_signed(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The answer, once the hub has signed the ledger as it stands; it does so by itself."""
    for _ in range(1200):
        try:
            return ask()
        except Conflict as waiting:
            assert waiting.code == "breach-not-signed-yet"
            time.sleep(0.1)
    return ask()


def test_a_breach_is_declared_counted_and_proven_over_the_api(reached: Reached) -> None:
    trust, auditor = reached.remote("trust2", "trustee"), reached.remote("auditor2", "auditor")
    made = trust.declare(Declaration.read(BREACH))
    name = made["breach"]
    assert made["declaration"]["known_utc"] == "2026-01-01T00:00:00.000000Z" and made["clocks"][0]["late"]
    assert trust.step(name, Noted(step="authority-told", note="n"))["clocks"][0]["done_utc"]
    with closing(Remote(reached.node("h0"))) as node, closing(reached.agent("h0")) as agent:
        found = incidents.affected(agent, Declaration.read(node.breach(name)["declaration"]))
        incidents.count(agent, name, found)
        statements.deliver(agent, node.announce)
    assert auditor.breach(name)["people"] == {"h0": found.people} and found.people > 0
    bundle = Bundle.read(when_signed(lambda: auditor.bundle(name)))
    assert len(bundle.proofs) == 3 and Bundle.unzipped(bundle.zipped()) == bundle
    assert name in [b["breach"] for b in auditor.breaches()]


def test_nobody_else_declares_or_reads_a_breach(reached: Reached) -> None:
    trust, acme = reached.remote("trust3", "trustee"), reached.remote("acme", "asker")
    name = trust.declare(Declaration.read(BREACH))["breach"]
    for at in (acme, reached.remote("auditor3", "auditor"), Remote(reached.node("h0"))):
        with pytest.raises(Refused):
            at.declare(Declaration.read(BREACH))
        with pytest.raises(Refused):
            at.step(name, Noted(step="unfounded", note="never mind"))
    assert acme.breaches() == []
    for attempt in (acme.breach, acme.bundle):
        with pytest.raises(NotFound):
            attempt(name)
    with pytest.raises(HuizhenError, match="form"):
        trust._post(f"/breaches/{name}/steps", '{"step": "authority-told", "note": "n", "at_utc": "2026-01-01"}')
