"""The hospital's own yes or no to one question, beside law, consent and contract: `approve_each` in policy.yaml.

It is about the request as the asker wrote it: the same question asked again needs no second answer, any other does.
"""

from __future__ import annotations

import json
from typing import Literal, NamedTuple

from huizhen.adapters.node_book import NodeBook
from huizhen.kit.canonical import digest
from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.policy import Policy
from huizhen.model.study import Request, Study

WAITS, SAID_NO = "waits-for-hospital", "hospital-said-no"
Answer = Literal["approved", "refused"]
_PREFIX = "answer:"


class Answered(NamedTuple):
    """What the hospital said of a question, who said it, and when."""

    answer: Answer
    who: str
    at_utc: str


def check_approved(book: NodeBook, study: Study, policy: Policy) -> None:
    """Raises Refused for a question that the hospital has said no to; and, where its policy has it see each one first,
    for one that it has not said yes to."""
    said = answered(book, study.request)
    if said is not None and said.answer == "refused":
        raise Refused(
            SAID_NO,
            Text("The hospital has said no to this question.", "医院已拒绝该研究。"),
            Text("Ask the hospital why, or leave it out of the participants.", "请向医院了解原因，或不邀请该医院。"),
        )
    if policy.approve_each and said is None:
        raise Refused(
            WAITS,
            Text("This hospital looks at each question first, and has not answered this one.",
                 "本医院逐项审核研究，该研究尚未获答复。"),
            Text("Run the same study again once the hospital has said yes.", "医院同意后请再次运行同一研究。"),
        )  # fmt: skip


def answered(book: NodeBook, request: Request) -> Answered | None:
    """None where the hospital has said nothing."""
    found = book.get(f"{_PREFIX}{digest(request.as_json())}")
    return None if found is None else Answered(*json.loads(found))


def say(book: NodeBook, request: Request, answer: Answer, who: str, at_utc: str) -> None:
    """The last answer counts. It holds from the next time on that the question is opened here."""
    book.put(f"{_PREFIX}{digest(request.as_json())}", json.dumps(Answered(answer, who, at_utc)))
