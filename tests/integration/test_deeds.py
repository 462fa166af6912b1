"""Deeds and contracts on a region: what they allow, what runs by itself, what is booked, and what the ledger says."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crash import run_until
from deeds import CONTRACT, DEED, NO_NOTICE, commit, move, pay, register, sign
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER
from huizhen.kit.errors import Conflict, Refused
from huizhen.market.postings import check_balanced
from huizhen.model.party import Party
from regions import load, make_region, patients, request, run

PRICE = 10_000
PARTIES = ("acme", "trust", "h0", "h1", "h2")


class Calendar:
    """A clock that a test sets to another day."""

    def __init__(self) -> None:
        self.now = datetime(2027, 3, 10, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def at(self, day: str) -> None:
        self.now = datetime.fromisoformat(f"{day}T12:00:00+00:00")


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = make_region(tmp_path / "r", patients(120, 3))
    register(made, *PARTIES)
    yield made
    made.close()


@pytest.fixture
def timed(region: Region) -> tuple[Region, Calendar]:
    """The same region by a clock that the test holds: hub and nodes."""
    clock = Calendar()
    region.close()
    made = Region(region.folder, clock)
    made.hub.touch()
    return made, clock


def denied(found: dict[str, Any], clause: str) -> bool:
    return found["status"] == "denied" and f"clause `{clause}`" in found["problem"]["message"]


def balances(region: Region) -> dict[str, int]:
    booked = [p for p, _ in region.hub.store.postings()]
    check_balanced(booked)
    total: dict[str, int] = {}
    for p in booked:
        total[p.account] = total.get(p.account, 0) + p.credit_fen - p.debit_fen
    return {account: fen for account, fen in total.items() if fen}


def kinds(region: Region, study: str) -> list[str]:
    return [e["kind"] for e in region.desk.entries(OWNER, 0, 500) if e["kind"].startswith("study") and study in str(e)]


def steps(region: Region, name: str) -> list[str]:
    from huizhen.ledger.story import read_leaf

    found = [read_leaf(leaf) for leaf in region.hub.store.leaves()]
    return [str(e.facts["step"]) for e in found if e and e.subject == name]


def verified(region: Region) -> bool:
    region.witness()
    return verify_folder(region.folder)[1] == []


# -- what may be asked


def test_a_region_without_deeds_and_contracts_is_as_before(region: Region) -> None:
    found = run(region, price_fen=PRICE)
    assert found["status"] == "released"
    assert not {r["rule"] for r in found["grant"]["reasons"]} & {"HZ04", "HZ05"}
    assert {p.memo for p, _ in region.hub.store.postings()} == {"price", "operator", "hospital", "patients"}


def test_only_what_all_have_signed_binds(region: Region) -> None:
    desk = region.desk.instruments
    desk.draft(OWNER, "deed", DEED)
    assert run(region, title="drafted")["status"] == "released"
    with pytest.raises(Refused, match="no step 'sign'"):
        move(region, "deed", "trust-d", "sign", "h0")
    move(region, "deed", "trust-d", "offer")
    for party in ("h0", "h1", "h2"):
        assert move(region, "deed", "trust-d", "sign", party)["state"] == "signed"
    assert run(region, title="one signature short", purpose="HMB")["status"] == "released"
    assert move(region, "deed", "trust-d", "sign", "trust")["state"] == "active"
    found = run(region, title="in force")
    assert "HZ04" in {r["rule"] for r in found["grant"]["reasons"]}
    assert steps(region, "trust-d") == ["draft", "offer", "sign", "sign", "sign", "sign", "begin"]
    assert verified(region)


def test_a_study_outside_its_deed_or_contract_is_denied_and_the_clause_is_cited(region: Region) -> None:
    sign(region, "deed", DEED, purposes=["HMB", "DS"], contract_required=True)
    found = run(region, title="no contract")
    assert found["status"] == "needs" and "`contract_required`" in found["problem"]["message"]
    sign(region, "contract", CONTRACT, methods=["count"], price_fen=500, studies=1)
    assert denied(run(region, title="purpose", purpose="PUBHLTH", price_fen=500), "purposes")
    assert denied(run(region, title="method", method="describe", params={"columns": ["age"]}, price_fen=500), "methods")
    assert denied(run(region, title="price", price_fen=499), "price_fen")
    assert run(region, title="within", price_fen=500)["status"] == "released"
    assert denied(run(region, title="one too many", price_fen=500), "studies")
    assert verified(region)


def test_a_suspended_one_grants_nothing_until_it_is_resumed(region: Region) -> None:
    sign(region, "contract", CONTRACT)
    move(region, "contract", "acme-c", "suspend")
    assert denied(run(region, title="suspended"), "suspended")
    move(region, "contract", "acme-c", "resume")
    assert run(region, title="resumed")["status"] == "released"


def test_it_expires_by_itself_with_the_day_and_the_ledger_says_so(timed: tuple[Region, Calendar]) -> None:
    region, clock = timed
    sign(region, "contract", CONTRACT, until_day="2027-03-31")
    clock.at("2027-03-31")
    assert run(region, title="last day")["status"] == "released"
    clock.at("2027-04-01")
    assert denied(run(region, title="next day"), "until_day")
    assert steps(region, "acme-c")[-1] == "expire" and verified(region)


def test_a_notice_ends_it_with_its_last_day(timed: tuple[Region, Calendar]) -> None:
    region, clock = timed
    sign(region, "contract", CONTRACT, exit={"notice_days": 10})
    found = move(region, "contract", "acme-c", "end", "acme")
    assert (found["state"], found["last_day"]) == ("active", "2027-03-20")
    clock.at("2027-03-20")
    assert run(region, title="last day")["status"] == "released"
    clock.at("2027-03-21")
    assert denied(run(region, title="over"), "until_day")
    assert region.desk.instruments.find(OWNER, "contract", "acme-c")["state"] == "ended"


def test_a_later_version_takes_the_place_of_the_one_before(region: Region) -> None:
    first = sign(region, "contract", CONTRACT)
    second = sign(region, "contract", CONTRACT, methods=["glm"])
    assert second["instrument"]["previous"] == first["digest"] and second["state"] == "active"
    assert region.desk.instruments.find(OWNER, "contract", "acme-c", 1)["state"] == "ended"
    assert denied(run(region, title="method"), "methods")
    with pytest.raises(Conflict, match="last version"):
        region.desk.instruments.draft(OWNER, "contract", second["instrument"]["contract"])
    with pytest.raises(Conflict, match="another asker"):
        region.desk.instruments.draft(OWNER, "contract", {**CONTRACT, "asker": "h0"})


# -- what runs by itself


def test_the_result_waits_for_payment_and_commitment_and_is_then_released(region: Region) -> None:
    sign(region, "contract", CONTRACT, prepaid=True, commitment="I single nobody out.")
    study = region.road().run(request(price_fen=PRICE))
    found = load(region, study)
    assert (found["status"], found["result"], found["settlement"]) == ("awaiting", None, None)
    with pytest.raises(Conflict, match="not ended"):
        region.desk.delivered(OWNER, study)
    assert balances(region) == {"asker:acme": -PRICE, "escrow": PRICE}
    again = region.road().run(request(price_fen=PRICE))
    assert again == study, "asked again, it is the same study"
    pay(region, PRICE - 1)
    commit(region, study)
    assert load(region, study)["status"] == "awaiting" and "of 0.01 yuan:" in load(region, study)["problem"]["message"]
    pay(region, 1, "B-2")
    found = load(region, study)
    assert found["status"] == "released" and found["result"]["n"] == 120 and found["problem"] is None
    assert balances(region)["bank"] == -PRICE and "escrow" not in balances(region)
    assert sum(line["fen"] for line in found["settlement"]["lines"]) == PRICE
    assert "asker:acme" not in balances(region)
    assert verified(region)


def test_money_goes_to_what_was_asked_first(region: Region) -> None:
    sign(region, "contract", CONTRACT, prepaid=True)
    first = run(region, title="first", price_fen=PRICE)["study"]
    second = run(region, title="second", price_fen=PRICE)["study"]
    pay(region, PRICE)
    assert [load(region, s)["status"] for s in (first, second)] == ["released", "awaiting"]
    pay(region, PRICE, "B-2")
    assert load(region, second)["status"] == "released"


def test_a_suspended_contract_keeps_back_what_was_paid(region: Region) -> None:
    sign(region, "contract", CONTRACT, prepaid=True)
    study = run(region, price_fen=PRICE)["study"]
    move(region, "contract", "acme-c", "suspend")
    pay(region, PRICE)
    assert "resumed" in load(region, study)["problem"]["message"]
    move(region, "contract", "acme-c", "resume")
    region.road().go_on()
    assert load(region, study)["status"] == "released"


def test_who_does_not_pay_in_time_gets_nothing_and_owes_nothing(timed: tuple[Region, Calendar]) -> None:
    region, clock = timed
    sign(region, "contract", CONTRACT, prepaid=True, pay_within_days=7)
    study = run(region, price_fen=PRICE)["study"]
    clock.at("2027-03-18")
    pay(region, PRICE)
    assert load(region, study)["status"] == "released", "paid late, but before it was ended"
    other = run(region, title="other", price_fen=PRICE)["study"]
    clock.at("2027-03-26")
    region.road().go_on()
    found = load(region, other)
    assert (found["status"], found["problem"]["code"], found["result"]) == ("denied", "not-paid-in-time", None)
    assert "asker:acme" not in balances(region) and "escrow" not in balances(region)
    assert verified(region)


def test_a_study_that_fails_or_is_denied_gets_all_of_its_price_back(region: Region) -> None:
    sign(region, "contract", CONTRACT, prepaid=True)
    few = run(region, title="few", cohort="age > 88", price_fen=PRICE)
    failed = run(
        region, title="fails", method="glm", price_fen=PRICE,
        params={"formula": "ill ~ age + I(2 * age)", "family": "binomial"},
    )  # fmt: skip
    assert (few["status"], failed["status"]) == ("denied", "failed"), failed["problem"]
    held = [p for p, _ in region.hub.store.postings() if p.memo in {"held", "returned"}]
    assert len(held) == 8 and balances(region) == {}
    assert verified(region)


def test_a_payment_is_booked_once(region: Region) -> None:
    pay(region, 5)
    with pytest.raises(Conflict, match="booked already"):
        pay(region, 5)
    assert balances(region) == {"bank": -5, "asker:acme": 5}


# -- shares


def shares_of(found: dict[str, Any]) -> int:
    """Fen of the operator out of a price of 10,000: its percentage, times a hundred."""
    return sum(line["fen"] for line in found["settlement"]["lines"] if line["role"] == "operator")


def test_other_shares_hold_from_the_next_period_on(timed: tuple[Region, Calendar]) -> None:
    region, clock = timed
    sign(region, "deed", DEED, shares={"operator_percent": 10})
    assert shares_of(run(region, title="v1", price_fen=PRICE)) == 1000
    clock.at("2027-03-20")
    sign(region, "deed", DEED, shares={"operator_percent": 50})
    assert shares_of(run(region, title="v2, same month", price_fen=PRICE)) == 1000
    clock.at("2027-04-01")
    assert shares_of(run(region, title="v2, next month", price_fen=PRICE)) == 5000


def test_shares_are_those_of_the_day_of_release_whenever_it_is_settled(
    timed: tuple[Region, Calendar], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huizhen.path.run import Road

    region, clock = timed
    sign(region, "deed", DEED, shares={"operator_percent": 10})
    with monkeypatch.context() as patch:
        patch.setattr(Road, "_settle", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            region.road().run(request(price_fen=PRICE))
    sign(region, "deed", DEED, shares={"operator_percent": 50})
    clock.at("2027-04-02")
    assert shares_of(load(region, region.road().run(request(price_fen=PRICE)))) == 1000


def test_patients_get_no_less_than_the_grant_said_when_a_new_period_comes_before_the_release(
    timed: tuple[Region, Calendar],
) -> None:
    region, clock = timed
    sign(region, "deed", DEED, shares={"operator_percent": 10})
    sign(region, "contract", CONTRACT, prepaid=True)
    first = run(region, title="first", price_fen=PRICE)["study"]
    sign(region, "deed", DEED, shares={"operator_percent": 50})
    clock.at("2027-04-02")
    pay(region, PRICE)
    assert shares_of(load(region, first)) == 1000 and load(region, first)["status"] == "released"
    second = run(region, title="second", price_fen=PRICE)["study"]
    sign(region, "deed", DEED, shares={"operator_percent": 0})
    clock.at("2027-05-02")
    pay(region, PRICE, "B-2")
    assert shares_of(load(region, second)) == 0, "more for patients holds as any other change"


def test_terms_that_cannot_be_are_refused_before_anyone_signs(region: Region) -> None:
    desk = region.desk.instruments
    for changes, code in (
        ({"purposes": ["FUN"]}, "unknown-purpose"),
        ({"shares": {"operator_percent": 101}}, "bad-deed"),
        ({"settlors": ["h0", "nobody"]}, "party-without-key"),
    ):
        with pytest.raises(Exception) as caught:
            desk.draft(OWNER, "deed", {**DEED, **changes})
        assert caught.value.code == code  # type: ignore[attr-defined]


def test_without_notice_it_ends_at_once(region: Region) -> None:
    sign(region, "deed", DEED, **NO_NOTICE)
    assert move(region, "deed", "trust-d", "end", "h1")["state"] == "ended"
    assert denied(run(region, title="over"), "until_day")


def test_a_party_may_have_a_key() -> None:
    assert Party.read({"name": "x", "kind": "public", "key": "a" * 64}).key == "a" * 64


# -- killed at any moment


def test_killed_at_any_moment_the_price_is_held_once_given_back_once_and_settled_once(
    region: Region, tmp_path: Path
) -> None:
    sign(region, "contract", CONTRACT, prepaid=True)
    pay(region, PRICE)
    region.close()
    asked = request(price_fen=PRICE)
    whole = tmp_path / "whole"
    shutil.copytree(region.folder, whole)
    killed, moments = run_until(whole, asked, 0)
    assert not killed and moments > 20
    for moment in range(2, moments + 1, 5):
        folder = tmp_path / str(moment)
        shutil.copytree(region.folder, folder)
        assert run_until(folder, asked, moment)[0], moment
        again = Region(folder)
        found = load(again, again.road().run(asked))
        booked = [p for p, _ in again.hub.store.postings()]
        assert found["status"] == "released", (moment, found["problem"])
        assert [p.memo for p in booked].count("held") == [p.memo for p in booked].count("returned") == 2, moment
        assert set(balances(again)) & {"escrow", "asker:acme"} == set(), moment
        again.close()
        assert verify_folder(folder)[1] == [], moment
        shutil.rmtree(folder)


def test_a_result_that_waits_is_not_to_be_had_by_asking_for_nearly_the_same(region: Region) -> None:
    sign(region, "contract", CONTRACT, prepaid=True)
    assert run(region, price_fen=PRICE)["status"] == "awaiting"
    found = run(region, title="nearly the same", cohort="age > 22", price_fen=PRICE)
    assert found["status"] == "denied" and any(c["check"] == "differencing" for c in found["guard"]), found["problem"]
