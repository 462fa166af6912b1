"""A person claims a right at their hospital: what the rules answer, and a line in the log that they were asked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from huizhen import rules
from huizhen.kit.canonical import digest, salted
from huizhen.kit.clock import day_of, stamp
from huizhen.model.grant import Reason, verdict
from huizhen.model.right import Claim
from huizhen.node.agent import Agent


def answer(agent: Agent, subject: str, asked: Claim) -> Sequence[Reason]:
    """What each rule answers; `asked` gets the day and the law of the hospital. Raises NotFound for a person that the
    node does not know."""
    person, policy, now = agent.book.find(subject), agent.policy(), agent.clock()
    jurisdiction = policy.jurisdiction or asked.jurisdiction
    facts = replace(asked, jurisdiction=jurisdiction, today=day_of(now, jurisdiction))
    reasons = rules.ask("right", facts)
    commitment = salted(os.urandom(16), bytes.fromhex(digest([person, facts.right])))
    refused = "" if verdict(reasons) == "allow" else "right-not-granted"
    agent.log.note(stamp(now), "right-claimed", None, commitment, refused)
    return reasons
