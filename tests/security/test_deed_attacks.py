"""Attacks on deeds and contracts: by a hub that bends one in a grant, by a hand in the database, by a party that signs
for another, by an asker who wants the result before it has paid."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from deeds import CONTRACT, DEED, move, pay, register, sign
from huizhen.adapters import database as db
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER, Caller
from huizhen.kit.clock import stamp, utc_now
from huizhen.kit.errors import HuizhenError, NotFound, Refused
from huizhen.kit.keys import SigningKey
from huizhen.model.casebook import key_of
from huizhen.model.deed import Commitment, Instrument
from huizhen.model.lifecycle import CLOCK, TRUSTEE, Event, Filed
from huizhen.path.link import Link
from huizhen.path.models import filled
from huizhen.path.propose import propose
from regions import load, make_region, patients, request, run

PRICE = 1_000
Change = Callable[[dict[str, Any]], None]


@pytest.fixture(scope="module")
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    """A deed that asks for contracts; contracts with acme, of which this hospital has seen the second version, and with
    home, which no node has seen yet."""
    made = make_region(tmp_path_factory.mktemp("deeds") / "r", patients(240, 3))
    register(made, "acme", "home", "trust", "h0", "h1", "h2")
    sign(made, "deed", DEED, contract_required=True)
    sign(made, "contract", CONTRACT)
    assert run(made, title="under the first version")["status"] == "released"
    sign(made, "contract", CONTRACT, methods=["count"])
    assert run(made, title="under the second version")["status"] == "released"
    sign(made, "contract", CONTRACT, name="home-c", asker="home")
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _open_policy(region: Region) -> None:
    policy(region, "")


def policy(region: Region, text: str) -> None:
    (region.folder / "nodes" / "h0" / "policy.yaml").write_text(text)


def opened_with(region: Region, change: Change, **asked: Any) -> str:
    """What a node answers to an honest grant that was changed and signed by the hub: '', or the code of its refusal."""
    road = region.road()
    study = propose(request(**asked), 0, stamp(utc_now()))
    grant = road._authorise(study, road._link()).as_json()
    assert grant["verdict"] == "allow"
    change(grant)
    link = Link(road.federation, region.hub.key.sign, region.hub.store.node_keys())
    body = {"study": study.as_json(), "grant": grant, "earlier": list(region.hub.store.earlier(study))}
    refusals = link.ask("open", {"h0": body}).refusals
    return refusals["h0"].code if refusals else ""


def contract_in(grant: dict[str, Any]) -> dict[str, Any]:
    (found,) = [f for f in grant["legal"]["instruments"] if f["instrument"]["contract"]]
    return dict(found)


def swap(grant: dict[str, Any], filing: Filed) -> None:
    """Another contract in the place of the one that is there."""
    kept = [f for f in grant["legal"]["instruments"] if f["instrument"]["deed"]]
    grant["legal"]["instruments"] = [*kept, filing.as_json()]


def made(
    region: Region, terms: dict[str, Any], keys: dict[str, SigningKey] | None = None, where: str = "", **version: Any
) -> Filed:
    """A contract as a hub could make it up: every step in order, signed with whatever keys it has."""
    said = {"region": where or region.hub.origin, "version": 1, "contract": terms, **version}
    instrument = Instrument.read(said)
    events = [Event(step="offer", by=TRUSTEE, day="2020-01-01")]
    for party in instrument.terms.parties:
        key = (keys or {}).get(party, key_of(party))
        signature = key.sign(instrument.signed_bytes("sign")).hex()
        events.append(Event(step="sign", by=party, day="2020-01-01", key=key.public.hex(), signature=signature))
    events.append(Event(step="begin", by=CLOCK, day="2020-01-01"))
    return Filed(instrument=instrument, events=tuple(events))


HOME = {**CONTRACT, "name": "home-c", "asker": "home"}
STRANGER = SigningKey(b"?" * 32)


def honest(_grant: dict[str, Any]) -> None:
    pass


def one_byte(grant: dict[str, Any]) -> None:
    (deed,) = [f for f in grant["legal"]["instruments"] if f["instrument"]["deed"]]
    deed["instrument"]["deed"]["contract_required"] = False


def unsigned(grant: dict[str, Any]) -> None:
    filing = contract_in(grant)
    filing["events"] = [e for e in filing["events"] if e["by"] != "acme"]
    swap(grant, Filed.read(filing))


def left_out(grant: dict[str, Any]) -> None:
    grant["legal"]["instruments"] = [f for f in grant["legal"]["instruments"] if f["instrument"]["deed"]]


def no_deed(grant: dict[str, Any]) -> None:
    grant["legal"]["instruments"] = [f for f in grant["legal"]["instruments"] if f["instrument"]["contract"]]


# -- a hub that bends what is in a grant


def test_an_honest_grant_is_taken(region: Region) -> None:
    assert opened_with(region, honest, title="honest") == ""


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (one_byte, "instrument-broken"),
        (unsigned, "instrument-broken"),
        (left_out, "instrument-left-out"),
        (no_deed, "instrument-left-out"),
    ],
)
def test_what_was_signed_is_neither_changed_nor_left_out(region: Region, change: Change, code: str) -> None:
    assert opened_with(region, change, title=code + change.__name__) == code


def test_an_old_version_is_not_taken_any_more(region: Region) -> None:
    old = Filed.read({k: region.desk.instruments.find(OWNER, "contract", "acme-c", 1)[k] for k in Filed.model_fields})
    still = Filed(instrument=old.instrument, events=tuple(e for e in old.events if e.step != "supersede"))
    assert still.state == "active"
    assert opened_with(region, lambda grant: swap(grant, still), title="old") == "instrument-old"


def test_another_text_under_the_same_version_is_not_taken(region: Region) -> None:
    now = region.desk.instruments.find(OWNER, "contract", "acme-c")["instrument"]
    other = made(region, {**now["contract"], "methods": "all"}, version=2, previous=now["previous"])
    assert other.state == "active", "all its signatures hold"
    assert opened_with(region, lambda grant: swap(grant, other), title="other text") == "instrument-changed"


def test_a_contract_that_the_hub_signed_for_the_asker_is_noticed_by_who_saw_its_key(region: Region) -> None:
    forged = made(region, {**CONTRACT, "name": "acme-d"}, {"acme": STRANGER})
    found = opened_with(region, lambda grant: grant["legal"]["instruments"].append(forged.as_json()), title="forged")
    assert found == "signers-key-changed"


def test_a_contract_that_the_hub_signed_for_an_asker_never_seen_is_noticed_by_who_lists_its_key(region: Region) -> None:
    policy(region, f"party_keys: {{home: {key_of('home').public.hex()}}}\n")
    forged = made(region, HOME, {"home": STRANGER})
    assert opened_with(region, lambda g: swap(g, forged), title="f", asker="home") == "signers-key-changed"
    assert opened_with(region, honest, title="g", asker="home") == ""


def test_a_contract_of_another_region_is_not_taken(region: Region) -> None:
    elsewhere = made(region, {**HOME, "name": "home-e"}, where="huizhen-region-0000000000000000")
    found = opened_with(region, lambda g: swap(g, elsewhere), title="elsewhere", asker="home")
    assert found == "instrument-elsewhere"


def test_a_contract_that_has_ended_is_not_brought_back_by_a_false_date(region: Region) -> None:
    register(region, "late")
    sign(region, "contract", CONTRACT, name="late-c", asker="late")
    yesterday = (utc_now() - timedelta(days=2)).date().isoformat()
    over = made(region, {**CONTRACT, "name": "late-d", "asker": "late", "until_day": yesterday})

    def turn_back(grant: dict[str, Any]) -> None:
        swap(grant, over)
        grant["legal"]["today"] = yesterday

    assert opened_with(region, turn_back, title="turned back", asker="late") == "law-not-met"


def test_a_hospital_that_names_its_deed_answers_under_no_other(region: Region) -> None:
    policy(region, "deed: trust-d\n")
    assert opened_with(region, honest, title="named") == ""
    policy(region, "deed: another-trust\n")
    assert opened_with(region, honest, title="another") == "deed-left-out"


# -- a party that signs for another, or twice


def test_nobody_signs_for_another_and_no_signature_is_used_again(region: Region) -> None:
    desk = region.desk.instruments
    terms = {**CONTRACT, "name": "fresh"}
    made_ = Instrument.read(desk.draft(OWNER, "contract", terms)["instrument"])
    move(region, "contract", "fresh", "offer")
    old = Instrument.read(desk.find(OWNER, "contract", "acme-c", 1)["instrument"])
    for signature in (
        STRANGER.sign(made_.signed_bytes("sign")),
        key_of("trust").sign(made_.signed_bytes("sign")),
        key_of("acme").sign(made_.signed_bytes("end")),
        key_of("acme").sign(old.signed_bytes("sign")),
    ):
        with pytest.raises(Refused) as caught:
            desk.move(OWNER, "contract", "fresh", {"step": "sign", "by": "acme", "signature": signature.hex()})
        assert caught.value.code == "party-signature"
    with pytest.raises(Refused) as caught:
        desk.move(OWNER, "contract", "fresh", {"step": "sign", "by": "h0", "signature": "00" * 64})
    assert caught.value.code == "not-a-signatory"
    move(region, "contract", "fresh", "sign", "acme")
    with pytest.raises(Refused) as caught:
        move(region, "contract", "fresh", "sign", "acme")
    assert caught.value.code == "signed-already"
    with pytest.raises(Refused) as caught:
        desk.move(OWNER, "contract", "fresh", {"step": "begin"})
    assert caught.value.code == "not-theirs-to-do"
    move(region, "contract", "fresh", "end")


def test_only_the_trustee_drafts_offers_suspends_and_books(region: Region) -> None:
    desk, acme = region.desk.instruments, Caller("acme", "asker")
    for attempt in (
        lambda: desk.draft(acme, "contract", {**CONTRACT, "price_fen": 0}),
        lambda: desk.move(acme, "contract", "acme-c", {"step": "suspend"}),
        lambda: desk.receive(acme, None),  # type: ignore[arg-type]
    ):
        with pytest.raises(Refused) as caught:
            attempt()
        assert caught.value.code == "wrong-role"


# -- a hand in the database


def test_a_byte_changed_in_a_signed_deed_stops_every_study_and_is_found(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(60, 3))
    register(region, "trust", "h0", "h1", "h2")
    digest = sign(region, "deed", DEED)["digest"]
    region.witness()
    with region.hub.engine.begin() as c:
        (body,) = c.execute(db.instrument.select().where(db.instrument.c.digest == digest)).one()[-1:]
        c.execute(update(db.instrument).values(body=body.replace('"HMB"', '"GRU"')))
    with pytest.raises(Refused) as caught:
        region.road().check(request())
    assert caught.value.code == "party-signature"
    region.close()
    said = " ".join(t.en for t in verify_folder(region.folder)[1])
    assert "on file are not those of the ledger" in said


def test_a_step_that_was_recorded_without_its_signature_is_found(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(60, 3))
    register(region, "trust", "h0", "h1", "h2")
    sign(region, "deed", DEED)
    instrument = region.desk.instruments.find(OWNER, "deed", "trust-d")["instrument"]
    event = Event(step="notice", by="h0", day="2026-01-01", last_day="2026-01-01", key=key_of("h0").public.hex())
    with region.hub.store.record() as record:
        record.evidence(
            "deed-changed", "h0", "trust-d", {"instrument": instrument, "event": event.as_json()},
            step="notice", state="active", version=1,
        )  # fmt: skip
    region.witness()
    region.close()
    assert "does not hold: party-signature" in " ".join(t.en for t in verify_folder(region.folder)[1])


# -- a result before it is paid


def test_a_result_that_is_kept_back_is_shown_to_nobody_by_any_way(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(60, 3))
    register(region, "acme", "trust", "rival")
    sign(region, "contract", CONTRACT, prepaid=True)
    study = region.road().run(request(price_fen=PRICE))
    acme = Caller("acme", "asker")

    def guarded() -> list[dict[str, Any]]:
        entries = region.desk.entries(acme)
        return [e["documents"] for e in entries if json.loads(e["leaf"])["kind"] == "study-guarded"]

    assert region.desk.outcome(acme, study)["result"] is None and load(region, study)["result"] is None
    assert guarded() == [{}]
    with pytest.raises(NotFound, match="no released study"):
        filled(region.hub.store, request(method="evaluate", params={"model": study}))
    pay(region, PRICE)
    assert region.desk.outcome(acme, study)["result"]["n"] == 60
    assert guarded() != [{}]
    region.close()


def test_a_contract_is_shown_to_its_parties_only(region: Region) -> None:
    rival, acme = Caller("rival", "asker"), Caller("acme", "asker")
    with pytest.raises(NotFound):
        region.desk.instruments.find(rival, "contract", "acme-c")
    assert region.desk.instruments.all(rival, "contract") == []
    assert [c["name"] for c in region.desk.instruments.all(acme, "contract")] == ["acme-c", "fresh"]

    def terms_of(who: Caller) -> set[str]:
        return {
            json.loads(e["leaf"])["subject"]
            for e in region.desk.entries(who)
            if json.loads(e["leaf"])["kind"] == "contract-changed" and e["documents"]
        }

    assert terms_of(rival) == set() and terms_of(acme) == {"acme-c", "fresh"}


def test_a_commitment_is_the_askers_own_and_of_this_study(tmp_path: Path) -> None:
    region = make_region(tmp_path / "r", patients(60, 3))
    register(region, "acme", "trust", "rival")
    sign(region, "contract", CONTRACT, commitment="I single nobody out.")
    first = region.road().run(request(title="first"))
    second = region.road().run(request(title="second"))
    acme = key_of("acme")

    def signature(study: str, key: SigningKey, **changes: str) -> str:
        said = {**region.desk.to_commit(OWNER, study), "key": key.public.hex(), **changes}
        return Commitment.read(said).signed(key.sign).signature

    wrong = [signature(first, STRANGER), signature(second, acme), signature(first, acme, text="I promise nothing.")]
    for each in wrong:
        with pytest.raises(HuizhenError) as caught:
            region.desk.commit(OWNER, first, each)
        assert caught.value.code == "commitment-not-signed"
    with pytest.raises(NotFound):
        region.desk.commit(Caller("rival", "asker"), first, signature(first, acme))
    region.desk.commit(OWNER, first, signature(first, acme))
    region.road().go_on()
    assert [load(region, s)["status"] for s in (first, second)] == ["released", "awaiting"]
    region.close()
