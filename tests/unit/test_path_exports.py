"""Persons in results that went abroad, by recipient, since 1 January in China: what is counted, and what is not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from huizhen.kit.clock import stamp
from huizhen.model.party import Party
from huizhen.model.settings import RegionSettings
from huizhen.model.study import Request, Study
from huizhen.path.legal import exported as counted
from huizhen.path.legal import new_year

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ABROAD = Party(name="lion", kind="academic", jurisdiction="SG")
ELSEWHERE = Party(name="nobody-knows", kind="academic")
HOME = Party(name="home", kind="academic", jurisdiction="CN")


class Kept:
    """As much of a store as the counting reads."""

    def __init__(self, *studies: tuple[Study, dict[str, Any]]) -> None:
        self._studies = studies
        self.register = self

    def parties(self) -> tuple[Party, ...]:
        return ABROAD, ELSEWHERE, HOME

    def settings(self) -> RegionSettings:
        return RegionSettings()

    def taken_by(self, askers: Sequence[str]) -> tuple[Study, ...]:
        return tuple(s for s, _ in self._studies if s.request.asker in askers)

    def journal(self, study: str) -> dict[str, Any]:
        return next(journal for s, journal in self._studies if s.id == study)


def study(asker: str, at: datetime, title: str = "t") -> Study:
    said = {"title": title, "asker": asker, "purpose": "HMB", "dataset": "d", "method": "count"}
    return Study(request=Request.read(said), number=1, submitted_utc=stamp(at))


def tallied(*people: int) -> dict[str, Any]:
    said = {"rows": 9, "quality": "1", "inclusion": "00", "log": ""}
    return {"tallies": [{**said, "node": f"h{i}", "people": n} for i, n in enumerate(people)]}


def exported(*studies: tuple[Study, dict[str, Any]], now: datetime = NOW, but: str = "") -> dict[str, int]:
    found = counted(Kept(*studies), now, but)  # type: ignore[arg-type]
    return {e.recipient: e.people for e in found}


def test_persons_are_added_up_by_recipient_and_those_at_home_are_not_counted() -> None:
    studies = (
        (study("lion", NOW), tallied(60, 40)),
        (study("lion", NOW, "another"), tallied(5)),
        (study("nobody-knows", NOW), tallied(7)),
        (study("home", NOW), tallied(1_000)),
    )
    assert exported(*studies) == {"lion": 105, "nobody-knows": 7}
    assert exported(*studies, but=studies[0][0].id) == {"lion": 5, "nobody-knows": 7}, "a study does not count itself"


def test_a_study_counts_from_its_census_on_and_by_its_tallies_once_they_are_there() -> None:
    assert exported((study("lion", NOW), {})) == {"lion": 0}
    assert exported((study("lion", NOW), {"census": {"people": 80}})) == {"lion": 80}
    assert exported((study("lion", NOW), {"census": {"people": 80}, **tallied(70)})) == {"lion": 70}


def test_the_year_begins_on_the_first_of_january_in_china() -> None:
    assert new_year(datetime(2025, 12, 31, 16, tzinfo=UTC)) == new_year(NOW) == datetime(2025, 12, 31, 16, tzinfo=UTC)
    eve = datetime(2025, 12, 31, 12, tzinfo=UTC)
    over, through = study("lion", eve, "over by midnight"), study("lion", datetime(2025, 12, 31, 15, 30, tzinfo=UTC))
    assert exported((over, tallied(9_999))) == {}
    assert exported((through, tallied(50))) == {"lion": 50}, "it could have ended after New Year"
    last_year = datetime(2025, 12, 31, 15, 59, tzinfo=UTC)
    assert exported((over, tallied(9_999)), now=last_year) == {"lion": 9_999}
