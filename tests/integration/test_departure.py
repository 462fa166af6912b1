"""Use that departs from a contract: alarms to who sees everything, and a contract that suspends itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from deeds import CONTRACT, move, register, sign
from huizhen.adapters.register import put_party
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER, Caller
from huizhen.model.alarm import alarms
from huizhen.model.casebook import key_of
from huizhen.model.party import Party
from papers import file
from regions import make_region, patients, run


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = make_region(tmp_path / "r", patients(120, 3))
    register(made, "acme", "trust", "h0")
    with made.hub.store.record() as record:
        agency = {"name": "agency", "kind": "authority", "jurisdiction": "CN", "key": key_of("agency").public.hex()}
        put_party(record, Party.read(agency))
    sign(made, "contract", CONTRACT, suspend_after=2, methods=["count"])
    yield made
    made.close()


def state(region: Region) -> str:
    return str(region.desk.instruments.find(OWNER, "contract", "acme-c")["state"])


def raised(region: Region) -> list[dict[str, Any]]:
    return [a.body.facts for a in alarms(region.hub.store.papers.of("alarm-raised", "alarm-acknowledged"))]


def acknowledge(region: Region, number: int, outcome: str, by: str = "agency") -> None:
    alarm = region.hub.store.papers.of("alarm-raised")[number]
    body = {"alarm": alarm.digest(), "outcome": outcome, "text": "Looked into it."}
    file(region, "alarm-acknowledged", "acme", by, body)


def test_so_many_departures_as_the_contract_says_suspend_it_and_a_regulator_sees_each(region: Region) -> None:
    assert run(region, title="within")["status"] == "released"
    assert run(region, title="price is no departure", purpose="HMB")["status"] == "released"
    assert raised(region) == []
    assert run(region, title="one", purpose="PUBHLTH")["status"] == "denied"
    assert [(f["clause"], f["contract"]) for f in raised(region)] == [("purposes", "acme-c")]
    assert state(region) == "active"
    assert run(region, title="two", method="describe", params={"columns": ["age"]})["status"] == "denied"
    assert state(region) == "suspended"
    assert run(region, title="nothing more")["status"] == "denied"
    assert len(region.desk.papers.all(Caller("r", "regulator"), ("alarm-raised",))) == 2
    assert region.desk.papers.all(Caller("acme", "asker"), ("alarm-raised",)) == []
    region.witness()
    assert verify_folder(region.folder)[1] == []


def test_what_was_explained_does_not_count_and_a_resumed_contract_counts_anew(region: Region) -> None:
    run(region, title="one", purpose="PUBHLTH")
    acknowledge(region, 0, "explained")
    run(region, title="two", purpose="PUBHLTH")
    assert state(region) == "active"
    run(region, title="three", purpose="PUBHLTH")
    assert state(region) == "suspended"
    move(region, "contract", "acme-c", "resume")
    run(region, title="four", purpose="PUBHLTH")
    assert state(region) == "active"


def test_a_question_denied_for_its_purpose_and_asked_again_under_another_is_an_alarm(region: Region) -> None:
    run(region, title="first", purpose="PUBHLTH", cohort="age >= 50")
    found = run(region, title="second", cohort="age >= 50")
    assert found["grant"]["verdict"] == "allow" and raised(region)[1]["earlier"].startswith("st-")
    assert (found["status"], state(region)) == ("denied", "suspended"), "the second departure, before a figure is out"


def test_a_report_raises_an_alarm_and_counts_once_it_is_confirmed(region: Region) -> None:
    run(region, title="one", purpose="PUBHLTH")
    file(region, "departure-reported", "acme", "h0", {"contract": "acme-c", "study": None, "text": "Sold on."})
    assert state(region) == "active" and raised(region)[1]["by"] == "h0"
    acknowledge(region, 1, "confirmed")
    assert state(region) == "suspended"
    region.witness()
    assert verify_folder(region.folder)[1] == []


def test_the_alarm_is_kept_when_the_hub_dies_before_the_study_has_ended(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(Exception):
        pass

    def die(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("huizhen.path.run.Road._end", die)
        with pytest.raises(Killed):
            run(region, title="one", purpose="PUBHLTH")
    assert len(raised(region)) == 1
    assert run(region, title="one", purpose="PUBHLTH")["status"] == "denied"
    assert len(raised(region)) == 1, "taken up where it was, and raised once"
