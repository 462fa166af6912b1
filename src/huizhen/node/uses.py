"""What a person may see: every use of their data, who asked, for what, what it earned them; and all that they said."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap

from huizhen.kit.clock import stamp
from huizhen.node.agent import Agent
from huizhen.node.delegates import standing


def uses(agent: Agent, subject: str) -> list[dict[str, Any]]:
    """One entry per study that read this person's data, oldest first; status says whether anything came out of it."""
    person = agent.book.find(subject)
    earned = agent.book.earnings(person)
    return [
        {
            "kind": "study",
            "study": study["id"],
            "date_utc": study["opened_utc"],
            "asker": study["asker"],
            "title": study["title"],
            "purpose": study["purpose"],
            "method": study["method"],
            "dataset": study["dataset"],
            "status": study["status"],
            "fen": earned.get(study["id"], 0),
        }
        for study in agent.book.studies()
        if study["included"] is not None and person in BitMap.deserialize(study["included"])
    ]


def openings(agent: Agent, subject: str) -> list[dict[str, Any]]:
    """One entry per time that hospital staff opened this person's record in an emergency, oldest first. `review` is
    None as long as nobody has said whether it was proper; `commitment` is what the ledger has of it."""
    found = agent.book.care.cases(agent.book.find(subject))
    return [
        {
            "kind": "care",
            "number": case.opened.number,
            "date_utc": case.opened.at_utc,
            "until_utc": case.opened.until_utc,
            "role": case.opened.role,
            "reason": case.opened.reason,
            "review": None if case.review is None else case.review.verdict,
            "commitment": case.commitment,
        }
        for case in found
    ]


def words(agent: Agent, subject: str) -> list[dict[str, Any]]:
    """Every word of consent that this person, or somebody for them, said, oldest first. `stands` says whether a yes is
    in force now, as far as period and later words go; `wording` is the digest of what was shown."""
    found, now = agent.book.consents.words(agent.book.find(subject)), stamp(agent.clock())
    stand = standing([x.word for x in found])
    return [
        {
            "date_utc": x.at_utc,
            "permit": x.word.permit,
            "act": x.word.given.act,
            "purpose": x.word.purpose,
            "dataset": x.word.dataset,
            "category": x.word.category,
            "terms": x.word.terms.as_json(),
            "from_utc": x.word.from_utc,
            "until_utc": x.word.until_utc,
            "by": x.word.given.by,
            "ground": x.word.given.ground,
            "delegation": x.word.given.delegation,
            "reference": x.word.given.reference,
            "witness": x.word.given.witness,
            "wording": x.word.given.wording,
            "stands": i in stand
            and (x.word.from_utc is None or x.word.from_utc <= now)
            and (x.word.until_utc is None or now < x.word.until_utc),
        }
        for i, x in enumerate(found)
    ]


def took_part(study: dict[str, Any], person: int) -> bool:
    """Whether the person was read for this study (a row of the book) when it began, whatever came later."""
    return study["first"] is not None and person in BitMap.deserialize(study["first"])


def is_in(study: dict[str, Any], person: int) -> bool:
    """Whether the person is in its sums now."""
    return study["included"] is not None and person in BitMap.deserialize(study["included"])
