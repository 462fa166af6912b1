"""Whose word a consent is, what was shown before it, and when it ends: at one hospital's desk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from huizhen.intake.wording import BUILT_IN, find_edition, read_wordings
from huizhen.kit.canonical import digest
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput, Conflict, HuizhenError, NotFound, Refused
from huizhen.model.consent import Terms, Use
from huizhen.model.wording import Edition, Wording, shown
from huizhen.node import delegates, saying, uses
from huizhen.node.agent import Agent
from huizhen.node.enrol import create_node
from huizhen.node.saying import Saying

DIABETES = "diabetes-research@1"
ACADEMIC = {"recipient": "academic", "foreign": False}


class Desk:
    """A hospital's desk, whose clock the test sets."""

    def __init__(self, folder: Path) -> None:
        create_node(folder / "north", b"\1" * 32, "")
        self.now = datetime(2026, 11, 28, 9, tzinfo=UTC)
        self.agent = Agent(folder / "north", lambda: self.now)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def grant(self, subject: str = "P1", purpose: str = "HMB", **how: Any) -> None:
        self.later(seconds=1)
        saying.grant(self.agent, Saying(subject, purpose, **how))

    def withdraw(self, subject: str = "P1", purpose: str = "HMB", **how: Any) -> None:
        self.later(seconds=1)
        saying.withdraw(self.agent, Saying(subject, purpose, **how))

    def covers(self, subject: str = "P1", purpose: str = "HMB", **use: Any) -> bool:
        """Whether a study of an academic asker at home is covered, or one that differs in what is said."""
        said = {"dataset": "d", "category": "clinical", "method": "statistics", **ACADEMIC, **use}
        asked = Use.read({"purpose": purpose, **said})
        found = self.agent.book.consents.people(asked, stamp(self.now))
        return self.agent.book.find(subject) in found

    def said(self, subject: str = "P1") -> dict[str, Any]:
        """The last word, as the person sees it."""
        return uses.words(self.agent, subject)[-1]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.agent.close()


def refused(problem: type[HuizhenError] = Refused, said: str = "") -> Any:
    return pytest.raises(problem, match=said or None)


# -- what a yes is narrowed to


def test_a_yes_is_narrowed_to_kinds_of_recipient_method_and_a_least_part(desk: Desk) -> None:
    desk.grant(terms=Terms(recipients=("academic",), methods=("statistics",), min_percent=40, min_price_fen=100))
    paid = {"price_fen": 100, "patient_percent": 51}
    assert desk.covers(**paid)
    for other in (
        {"recipient": "commercial"}, {"recipient": None}, {"foreign": True}, {"foreign": None}, {"method": "model"},
        {"method": "extract"}, {"price_fen": 99}, {"patient_percent": 39},
    ):  # fmt: skip
        assert not desk.covers(**{**paid, **other}), other


def test_a_recipient_abroad_only_where_foreign_is_named(desk: Desk) -> None:
    desk.grant(terms=Terms(recipients=("academic", "foreign")))
    assert desk.covers(foreign=True) and desk.covers() and not desk.covers(recipient="insurer", foreign=True)


def test_a_yes_for_a_category_or_a_dataset(desk: Desk) -> None:
    desk.grant(category="imaging")
    desk.grant("P2", dataset="lung")
    assert desk.covers(category="imaging") and not desk.covers()
    assert desk.covers("P2", dataset="lung") and not desk.covers("P2")


def test_what_is_granted_anew_takes_the_place_of_what_was(desk: Desk) -> None:
    desk.grant()
    assert desk.covers(recipient="commercial")
    desk.grant(terms=Terms(recipients=("academic",)), until_utc=stamp(desk.now + timedelta(days=1)))
    assert not desk.covers(recipient="commercial") and desk.covers()
    desk.later(days=2)
    assert not desk.covers(), "what was there before the change does not come back when it ends"


# -- what was shown


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("*.yaml")), ids=lambda p: p.stem)
def test_each_wording_says_the_same_in_two_languages_layer_by_layer(path: Path) -> None:
    for edition in read_wordings()[path.stem].editions:
        for layers, sentence in ((edition.en, "?"), (edition.zh, "？")):
            assert layers.choice.endswith(sentence) and len(layers.choice) < len(layers.scene) < len(layers.full)
        assert edition.terms.recipients is not None and edition.terms.methods is not None
        assert all("\u4e00" <= c <= "\u9fff" for c in edition.zh.choice[0]) and edition.en.choice.isascii()


def test_what_the_person_saw_is_in_the_grant_and_can_be_seen_again(desk: Desk) -> None:
    desk.grant(purpose="DS", wording=DIABETES, language="zh")
    _, edition = find_edition(read_wordings(), DIABETES, "2026-11-28")
    seen = shown("diabetes-research", edition, "zh")
    assert desk.said()["wording"] == digest(seen) != digest(shown("diabetes-research", edition, "en"))
    assert desk.agent.book.consents.wordings() == {digest(seen): seen}
    assert "血糖" in seen["layers"]["scene"]


def test_a_yes_to_a_wording_is_no_wider_than_it(desk: Desk) -> None:
    desk.grant(purpose="DS", wording=DIABETES)
    assert desk.covers(purpose="DS", method="model") and not desk.covers(purpose="DS", recipient="commercial")
    with refused(said="CN05W"):
        desk.grant(purpose="DS", wording=DIABETES, terms=Terms(recipients=("insurer",)))
    with refused(said="CN05W"):
        desk.grant(purpose="GRU", wording=DIABETES)
    with refused(NotFound):
        desk.grant(purpose="DS", wording="diabetes-research@7")


def own_wording(desk: Desk, *editions: dict[str, Any], scene: str = "cohort") -> None:
    folder = desk.agent.folder / "wording"
    folder.mkdir(exist_ok=True)
    text = json.dumps({"scene": scene, "editions": editions}, ensure_ascii=False)
    (folder / "cohort.yaml").write_text(text, encoding="utf-8")


def edition(version: int, since: str, choice: str = "May we?", **more: Any) -> dict[str, Any]:
    layers = {"choice": choice, "scene": "Only totals leave.", "full": "All of it."}
    return {"version": version, "since": since, "purposes": ["HMB"], "en": layers, "zh": layers, **more}


def test_a_newer_version_is_shown_from_its_day_on_and_the_old_one_stays(desk: Desk) -> None:
    first, second = edition(1, "2026-01-01"), edition(2, "2026-12-01", "May we, for longer?")
    own_wording(desk, first, second)
    desk.grant(wording="cohort@1")
    before = desk.said()["wording"]
    with refused(said="not the one that is shown today"):
        desk.grant("P2", wording="cohort@2")
    desk.later(days=5)
    with refused(said="not the one that is shown today"):
        desk.grant("P2", wording="cohort@1")
    desk.grant("P2", wording="cohort")
    assert desk.said("P2")["wording"] != before
    assert desk.covers("P1"), "what was said under the old version holds"
    own_wording(desk, edition(1, "2026-12-01", "Another text."))
    assert desk.agent.book.consents.wordings()[before]["layers"]["choice"] == "May we?", "whatever becomes of the file"


def test_a_version_that_was_shown_cannot_be_changed(desk: Desk) -> None:
    own_wording(desk, edition(1, "2026-01-01"))
    desk.grant(wording="cohort@1")
    own_wording(desk, edition(1, "2026-01-01", "May we do more?"))
    with refused(Conflict, "not what it was"):
        desk.grant("P2", wording="cohort@1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"scene": "cohort", "editions": []},
        {"scene": "cohort", "editions": [edition(2, "2026-01-01")]},
        {"scene": "cohort", "editions": [edition(1, "2026-02-01"), edition(2, "2026-01-01")]},
        {"scene": "cohort", "editions": [edition(1, "2026-01-01", purposes=["FUN"])]},
        {"scene": "cohort", "editions": [edition(1, "2026-01-01", zh={"choice": "", "scene": "x", "full": "y"})]},
        {"scene": "other", "editions": [edition(1, "2026-01-01")]},
    ],
)
def test_a_wording_that_cannot_be_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    own_wording(desk, *wrong["editions"], scene=wrong["scene"])
    with refused(BadInput):
        desk.grant(wording="cohort@1")


def test_a_hospital_does_not_tell_a_scene_of_ours_anew(desk: Desk) -> None:
    folder = desk.agent.folder / "wording"
    folder.mkdir()
    (folder / f"{DIABETES[:-2]}.yaml").write_text((BUILT_IN / f"{DIABETES[:-2]}.yaml").read_text("utf-8"), "utf-8")
    with refused(Conflict):
        read_wordings(folder)


def test_what_was_shown_has_one_digest_for_each_word_of_it() -> None:
    one = Wording.read({"scene": "cohort", "editions": [edition(1, "2026-01-01")]}).editions[0]
    seen = {digest(shown("cohort", one, "en"))}
    for change in (
        {"version": 2}, {"purposes": ("DS",)}, {"terms": Terms(min_percent=1)},
        {"en": one.en.model_copy(update={"full": "All of it!"})},
    ):  # fmt: skip
        seen.add(digest(shown("cohort", one.model_copy(update=change), "en")))
    assert len({*seen, digest(shown("other", one, "en")), digest(shown("cohort", one, "zh"))}) == 7
    assert isinstance(one, Edition)


# -- after a no


def test_who_said_no_is_not_asked_again_within_the_term(desk: Desk) -> None:
    text, _ = saying.ask(desk.agent, Saying("P1", "DS", wording=DIABETES))
    assert text["scene"] == "diabetes-research"
    saying.refuse(desk.agent, Saying("P1", "DS", wording=DIABETES))
    assert desk.said()["act"] == "refuse"
    desk.later(days=179)
    with refused(said="CN05R"):
        saying.ask(desk.agent, Saying("P1", "DS", wording=DIABETES))
    with refused(said="of their own accord"):
        desk.grant(purpose="DS")
    desk.later(days=2)
    saying.ask(desk.agent, Saying("P1", "DS", wording=DIABETES))
    desk.grant(purpose="DS")


def test_who_comes_back_of_their_own_accord_may_say_yes_at_once(desk: Desk) -> None:
    desk.grant()
    desk.withdraw()
    with refused():
        desk.grant()
    assert not desk.covers()
    desk.grant(unasked=True)
    assert desk.covers()


def test_the_hospital_sets_the_term_and_a_no_to_another_purpose_is_no_bar(desk: Desk) -> None:
    desk.withdraw(purpose="HGR") if desk.agent.book.enrol(["P1"]) else None
    desk.grant(purpose="HMB")
    (desk.agent.folder / "policy.yaml").write_text("ask_again_days: 0\n")
    desk.grant(purpose="HGR")


# -- whose word it is


def test_a_guardian_speaks_until_the_fourteenth_birthday(desk: Desk) -> None:
    how: dict[str, Any] = {"by": "guardian", "speaker": "G1", "ground": "custody 2024-17"}
    with refused(said="date of birth is not known"):
        desk.grant("kid", **how)
    desk.grant("kid", born="2013-03-02", **how)
    said = desk.said("kid")
    assert (said["by"], said["ground"]) == ("guardian", "custody 2024-17")
    assert desk.covers("kid")
    with refused(said="the guardian consents"):
        desk.grant("kid")
    desk.now = datetime.fromisoformat("2027-03-02T00:00:00").astimezone() - timedelta(seconds=2)
    assert desk.covers("kid")
    desk.later(seconds=4)
    assert not desk.covers("kid"), "it has lapsed, and is asked of the person now"
    with refused(said="decides alone"):
        desk.grant("kid", **how)
    desk.grant("kid")
    assert desk.covers("kid")


def test_a_guardian_of_an_adult_speaks_by_a_decision(desk: Desk) -> None:
    desk.grant(by="guardian", speaker="G1", ground="court 2025-3", incapable="court 2025-3", born="1950-01-01")
    desk.later(days=3650)
    assert desk.covers()
    with refused(said="guardian consents"):
        desk.grant()
    desk.withdraw()
    assert not desk.covers(), "a no of the person's own is always taken"
    with refused(Conflict):
        desk.grant(by="guardian", speaker="G1", ground="court", born="1951-01-01")


def named(desk: Desk, **changes: Any) -> int:
    desk.agent.book.enrol(["P1"])
    desk.later(seconds=1)
    said = {"relation": "daughter", "purposes": ("HMB",), "until_day": "2027-06-30", **changes}
    return delegates.add(desk.agent, "P1", "D1", **said).number


FAMILY: dict[str, Any] = {"by": "family", "speaker": "D1"}


def test_a_family_member_speaks_within_limits_and_no_longer(desk: Desk) -> None:
    with refused(NotFound):
        delegates.listed(desk.agent, "P1")
    named(desk)
    with refused(said="not named this family member"):
        desk.grant(by="family", speaker="D2")
    with refused(said="for HMB only"):
        desk.grant(purpose="GRU", **FAMILY)
    desk.grant(purpose="DS", **FAMILY)
    assert desk.covers(purpose="DS") and desk.said()["until_utc"][:10] in ("2027-06-30", "2027-07-01")
    desk.now = datetime(2027, 7, 2, tzinfo=UTC)
    assert not desk.covers(purpose="DS")
    with refused(said="time for which"):
        desk.grant(**FAMILY)


def test_the_persons_own_later_word_wins_over_the_delegates(desk: Desk) -> None:
    named(desk)
    desk.grant(**FAMILY)
    desk.withdraw()
    for how in (FAMILY, {**FAMILY, "unasked": True}):
        with refused(said="has spoken since"):
            desk.grant(**how)
    assert not desk.covers()
    desk.grant(unasked=True, terms=Terms(recipients=("academic",)))
    with refused(said="has spoken since"):
        desk.withdraw(**FAMILY)
    assert desk.covers() and not desk.covers(recipient="commercial")


def test_a_revoked_delegate_speaks_no_more_and_their_yes_ends_but_not_the_persons_own(desk: Desk) -> None:
    number = named(desk)
    desk.grant(**FAMILY)
    desk.grant(dataset="heart")
    desk.later(seconds=1)
    delegates.revoke(desk.agent, "P1", number)
    assert not desk.covers() and desk.covers(dataset="heart")
    with refused(said="revoked"):
        desk.grant(**FAMILY)
    epoch = desk.agent.book.consents.epoch
    assert delegates.revoke(desk.agent, "P1", number).epoch == epoch, "once is enough"
    desk.grant()
    assert desk.covers(), "that a delegation was revoked is no refusal of the purpose"


@pytest.mark.parametrize("wrong", [{"purposes": ()}, {"purposes": ("FUN",)}])
def test_a_delegation_that_cannot_be_is_refused(desk: Desk, wrong: dict[str, Any]) -> None:
    with refused(BadInput):
        named(desk, **wrong)
    with refused(BadInput):
        delegates.add(desk.agent, "P1", "P1", "self", ("HMB",), "2027-01-01")
    with refused(NotFound):
        delegates.revoke(desk.agent, "P1", 9)


def test_after_death_near_kin_may_end_a_consent_and_not_give_one(desk: Desk) -> None:
    desk.grant()
    how: dict[str, Any] = {"by": "kin", "speaker": "K1", "ground": "spouse"}
    with refused(said="not on file"):
        desk.withdraw(**how)
    with refused(said="CN07K"):
        desk.grant(died="2026-11-01", **how)
    desk.withdraw(died="2026-11-01", **how)
    assert not desk.covers()
    with refused(said="near kin speak"):
        desk.grant(unasked=True)


def test_what_a_person_arranged_for_after_death_holds(desk: Desk) -> None:
    named(desk, after_death=True)
    desk.grant(died="2026-11-28", **FAMILY)
    assert desk.covers()


def test_staff_write_down_a_persons_word_with_paper_or_witness(desk: Desk) -> None:
    with refused(said="HZ30"):
        desk.grant(by="staff", speaker="nurse")
    with refused(said="witness to themself"):
        desk.grant(by="staff", speaker="nurse", witness="nurse")
    desk.grant(by="staff", speaker="nurse", reference="F-2026-114")
    assert desk.covers() and desk.said()["reference"] == "F-2026-114"


def test_whoever_spoke_is_kept_as_a_pseudonym(desk: Desk) -> None:
    named(desk)
    desk.grant(**FAMILY)
    book = desk.agent.folder / "node.sqlite"
    assert desk.agent.book.consents.words(0)[-1].word.given.speaker == saying.pseudonym(desk.agent, "D1")
    assert b'"D1"' not in book.read_bytes()
