"""Nobody is read whom their own consent leaves out: not by a kind that is told wrong, a price chosen to single somebody
out, a promise that is not kept, a delegate, or a record that was opened for care."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from huizhen.adapters.register import put_party
from huizhen.cli.region import Region
from huizhen.kit.canonical import salted
from huizhen.kit.errors import HuizhenError, NotFound, Refused
from huizhen.model.consent import ANY, Terms, Use, Word
from huizhen.model.party import Party
from huizhen.node import care, consents, uses
from huizhen.node.log import check_log
from huizhen.node.statements import deliver
from huizhen.path import authorise as gate
from regions import make_region, patients, run

PEOPLE = 120
FRAMES = patients(PEOPLE, 3)
NARROW = {"h0": Terms(recipients=("academic",)), "h1": Terms(methods=("statistics",)), "h2": Terms(min_percent=60)}


def subjects(frame: pd.DataFrame) -> list[str]:
    return [str(s) for s in frame["patient"]]


def make(folder: Path, terms: dict[str, Terms], more: int = 0) -> Region:
    """Thirty of each hospital narrow their yes as it says (or `more` of them); the others narrow nothing."""
    region = make_region(folder / "r", FRAMES, purpose=None)
    for node, frame in FRAMES.items():
        said = [
            Word(s, "HMB", None, True, terms=terms.get(node, ANY) if i < (more or 15) else ANY)
            for i, s in enumerate(subjects(frame))
        ]
        consents.record(region.agent(node), said)
    region.hub.touch()
    return region


def register(region: Region, **changes: Any) -> None:
    said = {"name": "acme", "kind": "academic", "jurisdiction": "CN", "foreign_controlled": False, "contact": "x@y"}
    with region.hub.store.record() as record:
        put_party(record, Party.read({**said, **changes}))


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    made = make(tmp_path, NARROW)
    yield made
    made.close()


def people(found: dict[str, Any]) -> int:
    assert found["status"] == "released", found["problem"]
    return int(found["result"]["n"])


def test_who_narrowed_a_yes_is_not_read_for_what_it_leaves_out(region: Region) -> None:
    """Fifteen want an academic asker, fifteen statistics only, fifteen more of the price than the deed gives (51 %)."""
    glm = {"method": "glm", "params": {"formula": "time ~ age", "family": "gaussian"}}
    assert people(run(region, title="nobody registered")) == PEOPLE - 15 - 15
    register(region)
    assert people(run(region, title="academic")) == PEOPLE - 15
    assert run(region, title="a model", **glm)["result"]["n"] == PEOPLE - 15 - 15
    register(region, kind="commercial")
    assert people(run(region, title="commercial")) == PEOPLE - 15 - 15


def test_a_kind_told_wrong_is_noticed_by_the_hospital_that_knows_the_asker(region: Region) -> None:
    register(region, kind="academic")
    (region.folder / "nodes" / "h0" / "policy.yaml").write_text("askers_known: {acme: commercial}\n")
    found = run(region)
    assert found["status"] == "denied" and found["problem"]["code"] == "asker-of-another-kind"


def test_a_foreign_asker_told_as_domestic_is_held_against_what_the_hospital_knows(region: Region) -> None:
    register(region)
    (region.folder / "nodes" / "h0" / "policy.yaml").write_text("askers_foreign: [acme]\n")
    found = run(region)
    assert found["status"] == "denied" and found["problem"]["code"] == "foreign-asker-hidden"


def test_an_asker_cannot_single_out_a_person_by_the_price(tmp_path: Path) -> None:
    """One person asks for a price of 1,000 fen; the same question for 999 and for 1,000 differs by that person."""
    region = make(tmp_path, {"h0": Terms(min_price_fen=1000)}, more=1)
    assert people(run(region, price_fen=999)) == PEOPLE - 1
    again = run(region, price_fen=1000)
    region.close()
    assert again["status"] == "denied" and again["result"] is None


def test_an_asker_cannot_single_out_a_person_by_the_kind_of_method(tmp_path: Path) -> None:
    region = make(tmp_path, {"h1": Terms(methods=("statistics",))}, more=1)
    describe = {"method": "describe", "params": {"columns": ["age"]}}
    glm = {"method": "glm", "params": {"formula": "age ~ 1", "family": "gaussian"}}
    assert run(region, **describe)["status"] == "released"
    again = run(region, **glm)
    region.close()
    assert again["status"] == "denied"


def test_a_hub_that_promises_patients_more_than_its_deed_gives_is_held_to_it(
    region: Region, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grant says 90 percent, so who asks for 60 is read; what is then paid is 51, and the hospital notices."""
    honest = gate.authorise

    def generous(*args: Any) -> Any:
        made = honest(*args)
        return made.model_copy(update={"limits": made.limits.model_copy(update={"patient_percent": 90})})

    monkeypatch.setattr("huizhen.path.run.authorise", generous)
    found = run(region, price_fen=10_000)
    agent = region.agent("h2")
    lines = [line for line, _ in agent.book.logged(found["study"])]
    assert [line.code for line in lines if line.kind == "closed"] == ["patients-underpaid"]


def test_opening_records_for_care_opens_nothing_to_a_study(region: Region) -> None:
    """A physician opens every record of those who left themselves out; no study reads one person more."""
    agent = region.agent("h0")
    asked = Use(purpose="HMB", dataset="d", category="clinical", recipient="commercial", foreign=False)
    before, epoch = agent.book.consents.people(asked, "2999-01-01T00:00:00.000000Z"), agent.book.consents.epoch
    counted = people(run(region, title="before"))
    for subject in subjects(FRAMES["h0"]):
        care.access(agent, subject, "li", "physician", "unconscious", 60)
    deliver(agent, region.announce)
    assert people(run(region, title="after")) == counted
    assert agent.book.consents.people(asked, "2999-01-02T00:00:00.000000Z") == before
    assert agent.book.consents.epoch == epoch
    for purpose in ("CARE", "ETREAT", "TREAT", "BTG"):
        assert run(region, title=purpose, purpose=purpose)["status"] != "released"
    assert "runner" not in inspect.getsource(care) and "tables" not in inspect.getsource(care)


def test_whoever_opens_a_record_is_logged_on_the_ledger_and_seen_by_the_person(region: Region) -> None:
    agent, subject = region.agent("h0"), subjects(FRAMES["h0"])[0]
    case = care.access(agent, subject, "li", "physician", "unconscious", 60)
    deliver(agent, region.announce)
    region.witness()
    lines = [line for line, _ in agent.book.logged() if line.kind == "care-opened"]
    assert [line.question for line in lines] == [case.commitment]
    assert check_log(agent.book.logged(), agent.key.public)
    entries = [e for e in region.hub.store.leaves() if b"care-opened" in e]
    assert len(entries) == 1 and case.commitment.encode() in entries[0]
    every = b"".join(region.hub.store.leaves()) + b"".join(d.content for d in region.hub.store.documents().values())
    assert b"physician" not in every and b"unconscious" not in every and subject.encode() not in entries[0]
    seen = uses.openings(agent, subject)
    assert [(x["role"], x["reason"], x["review"]) for x in seen] == [("physician", "unconscious", None)]
    (salt,) = agent.book._db.execute("SELECT salt FROM care").fetchone()
    assert salted(salt, case.opened.canonical()) == case.commitment, "so it can be shown to whoever asks"
    guess = [salted(bytes(16), case.opened.canonical()), salted(b"", case.opened.canonical())]
    assert case.commitment not in guess, "and cannot be guessed without the salt"


def test_who_may_not_open_a_record_does_not_and_the_attempt_is_logged(region: Region) -> None:
    agent, subject = region.agent("h0"), subjects(FRAMES["h0"])[0]
    for how in (("clerk", "curious", 60), ("physician", "  ", 60), ("physician", "curious", 100_000)):
        with pytest.raises(Refused, match="HZ31"):
            care.access(agent, subject, "li", *how)
    with pytest.raises(NotFound):
        care.access(agent, "nobody", "li", "physician", "x", 60)
    assert agent.book.care.cases() == []
    assert [line.code for line, _ in agent.book.logged() if line.kind == "care-opened"] == ["care-not-allowed"] * 3


def test_a_record_is_open_to_one_member_of_staff_for_one_person_for_a_time(region: Region) -> None:
    agent, (one, other, *_) = region.agent("h0"), subjects(FRAMES["h0"])
    number = care.access(agent, one, "li", "physician", "unconscious", 60).opened.number
    assert care.holds(agent, number, one, "li").opened.number == number
    for subject, staff in ((one, "wu"), (other, "li")):
        with pytest.raises(Refused):
            care.holds(agent, number, subject, staff)
    clock = agent.clock
    agent.clock = lambda: clock() + pd.Timedelta(minutes=61).to_pytimedelta()
    with pytest.raises(Refused):
        care.holds(agent, number, one, "li")


def test_nobody_reviews_their_own_opening_and_a_verdict_stands(region: Region) -> None:
    agent, subject = region.agent("h0"), subjects(FRAMES["h0"])[0]
    number = care.access(agent, subject, "li", "physician", "unconscious", 60).opened.number
    policy = region.folder / "nodes" / "h0" / "policy.yaml"
    for who, role in (("li", "privacy-officer"), ("wu", "physician"), ("wu", "clerk")):
        with pytest.raises(Refused, match="HZ31"):
            care.review(agent, number, who, role, "proper", "looked at")
    policy.write_text("care_review_roles: [physician, privacy-officer]\n")
    with pytest.raises(Refused, match="another role"):
        care.review(agent, number, "wu", "physician", "proper", "looked at")
    care.review(agent, number, "wu", "privacy-officer", "misuse", "no emergency on that day")
    with pytest.raises(HuizhenError, match="reviewed before"):
        care.review(agent, number, "he", "privacy-officer", "proper", "it was fine")
    assert care.misuses(agent, "li") == 1 and uses.openings(agent, subject)[0]["review"] == "misuse"


def test_a_review_that_is_late_is_told(region: Region) -> None:
    agent, subject = region.agent("h0"), subjects(FRAMES["h0"])[0]
    care.access(agent, subject, "li", "physician", "unconscious", 60)
    assert care.overdue(agent) == []
    clock = agent.clock
    agent.clock = lambda: clock() + pd.Timedelta(days=8).to_pytimedelta()
    assert len(care.overdue(agent)) == 1
