"""Watching on a region: alarms from what hub and node recorded, acknowledged once; credibility from the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from deeds import register
from huizhen.adapters.register import put_party
from huizhen.cli.place import verify_folder
from huizhen.cli.region import Region
from huizhen.hub.caller import OWNER, Caller
from huizhen.kit.clock import stamp
from huizhen.kit.errors import HuizhenError, Refused
from huizhen.model.casebook import key_of
from huizhen.model.party import Party
from huizhen.node import care, statements, watching
from huizhen.path import record
from huizhen.path.propose import propose
from papers import file
from regions import make_region, patients, request

START = datetime(2027, 3, 1, 2, tzinfo=UTC)
DAYS = 30


class Calendar:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Region, Calendar]]:
    """A month in which three parties ask one thing a day, and one of them probes at the end of it."""
    folder = tmp_path_factory.mktemp("w") / "r"
    made = make_region(folder, patients(90, 3))
    register(made, "acme", "bell", "corn")
    with made.hub.store.record() as r:
        for name, kind in (("agency", "authority"), ("kpi", "auditor")):
            key = key_of(name).public.hex()
            put_party(r, Party.read({"name": name, "kind": kind, "jurisdiction": "CN", "key": key}))
    made.close()
    clock = Calendar()
    clock.now = datetime(2030, 3, 1, 2, tzinfo=UTC)
    region = Region(folder, clock)
    region.hub.touch()
    begin = clock.now
    for day in range(DAYS):
        clock.now = begin + timedelta(days=day)
        for i, who in enumerate(("acme", "bell", "corn")):
            ask(region, clock, who, f"c{day} >= 1 and d{day} >= {i}", "count")
    for step in range(14):
        ask(region, clock, "bell", f"age >= 50 and score > {step}", "count")
    yield region, clock
    region.close()


def ask(region: Region, clock: Calendar, who: str, cohort: str, method: str) -> None:
    """A study that was submitted, and so is on the ledger; whatever became of it."""
    study = propose(request(asker=who, cohort=cohort, method=method, title=cohort), 0, stamp(clock()))
    with region.hub.store.record() as r:
        r.add_study(study)
        record.proposed(r, study)


def test_who_probes_is_told_with_reasons_and_the_others_are_not(timed: tuple[Region, Calendar]) -> None:
    region, _ = timed
    found = region.desk.watching.scan(OWNER)
    assert {a["about"] for a in found} == {"bell"}
    assert {a["behaviour"] for a in found} >= {"bulk", "repeats"}
    bulk = next(a for a in found if a["behaviour"] == "bulk")
    assert bulk["facts"]["count"] == 15 and "its own history leads one to expect 1.0, its peers 1.0" in bulk["en"]
    assert "按其自身历史预期 1.0" in bulk["zh"]
    assert region.desk.watching.scan(OWNER) == [], "raised once"


def test_alarms_are_for_who_sees_everything_and_the_ledger_names_nobody(timed: tuple[Region, Calendar]) -> None:
    region, _ = timed
    region.desk.watching.scan(OWNER)
    assert region.desk.watching.alarms(Caller("r", "regulator"))
    with pytest.raises(Refused, match="trustees, auditors and regulators"):
        region.desk.watching.alarms(Caller("bell", "asker"))
    shown = [e for e in region.desk.entries(Caller("bell", "asker"), 0, 500) if '"alarm-raised"' in e["leaf"]]
    assert shown and not any(e["documents"] or "bell" in e["leaf"] for e in shown)


def test_an_alarm_is_acknowledged_once_by_an_authority_or_the_trustee(timed: tuple[Region, Calendar]) -> None:
    region, _ = timed
    region.desk.watching.scan(OWNER)
    alarm = region.desk.watching.alarms(OWNER)[0]
    body = {"alarm": alarm["digest"], "outcome": "confirmed", "text": "It probed."}
    with pytest.raises(Refused, match="not signed with the key"):
        file(region, "alarm-acknowledged", "bell", "bell", {**body, "outcome": "explained"})
    file(region, "alarm-acknowledged", "bell", "agency", body)
    assert region.desk.watching.alarm(OWNER, alarm["alarm"])["acknowledged_by"] == "agency"
    with pytest.raises(HuizhenError, match="acknowledged already"):
        region.desk.papers.say(OWNER, "alarm-acknowledged", "bell", {**body, "outcome": "explained"})


def test_credibility_is_a_sum_of_named_addends_and_carries_the_auditors_report(
    timed: tuple[Region, Calendar],
) -> None:
    region, _ = timed
    region.desk.watching.scan(OWNER)
    before = {c["party"]: c for c in region.desk.watching.credibility(OWNER)}
    told = before["bell"]
    assert "alarm-open" in {a["fact"] for a in told["addends"]}
    assert told["score"] == told["base"] + sum(a["points"] for a in told["addends"])
    with pytest.raises(Refused, match="as auditor"):
        file(region, "audit-reported", "kpi", "kpi", AUDIT)
    file(region, "audit-reported", "bell", "kpi", AUDIT)
    after = {c["party"]: c for c in region.desk.watching.credibility(OWNER)}["bell"]
    assert after["score"] == told["score"] - 20 and after["reports"][0]["by"] == "kpi"
    assert [c["party"] for c in region.desk.watching.credibility(Caller("bell", "asker"))] == ["bell"]


AUDIT = {"from_day": "2027-01-01", "until_day": "2027-02-28", "opinion": "adverse", "text": "Copies.", "report": None}


def test_a_hospital_watches_its_own_staff_and_tells_nobody_who(timed: tuple[Region, Calendar]) -> None:
    region, clock = timed
    agent = region.agent("h0")
    people = list(patients(90, 3)["h0"].patient)[:20]
    begin = clock.now = clock.now.replace(hour=4)
    for day in range(DAYS):
        clock.now = begin + timedelta(days=day)
        for who in ("ann", "ben", "cai"):
            care.access(agent, people[(day * 3 + len(who)) % 20], who, "nurse", "stroke", 60)
    for _ in range(12):
        care.access(agent, people[0], "ben", "nurse", "stroke", 60)
    found = watching.scan(agent)
    assert {a.who for a in found} == {"ben"} and {a.behaviour for a in found} >= {"bulk", "one-person"}
    assert watching.scan(agent) == []
    with pytest.raises(HuizhenError, match="about themselves"):
        watching.acknowledge(agent, 1, "ben", "explained", "my aunt")
    watching.acknowledge(agent, 1, "dee", "confirmed", "a neighbour")
    with pytest.raises(HuizhenError, match="acknowledged already"):
        watching.acknowledge(agent, 1, "dee", "explained", "")
    statements.deliver(agent, region.announce)
    leaves = b" ".join(region.hub.store.leaves())
    assert b"staff-alarmed" in leaves and b"staff-alarm-reviewed" in leaves and b"ben" not in leaves
    region.witness()
    assert verify_folder(region.folder)[1] == []
