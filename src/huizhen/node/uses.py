"""What a person may see: every use of their data, who asked, for what, and what it earned them."""

from __future__ import annotations

from typing import Any

from pyroaring import BitMap

from huizhen.node.agent import Agent


def uses(agent: Agent, subject: str) -> list[dict[str, Any]]:
    """One entry per study that read this person's data, oldest first; status says whether anything came out of it."""
    person = agent.book.find(subject)
    earned = agent.book.earnings(person)
    return [
        {
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
