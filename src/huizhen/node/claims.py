"""A person claims a right at their hospital: what the rules answer, a line in the log that they were asked, and what is
done about it where the node holds what it is about."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

from huizhen import rules
from huizhen.kit.canonical import digest, salted
from huizhen.kit.clock import day_of, stamp
from huizhen.model.grant import Reason, verdict
from huizhen.model.right import Claim
from huizhen.node import deletion
from huizhen.node.agent import Agent
from huizhen.node.deletion import Carried
from huizhen.node.saying import Saying, end_all


def answer(agent: Agent, subject: str, asked: Claim) -> Sequence[Reason]:
    """What each rule answers; `asked` gets the day and the law of the hospital. Raises NotFound for a person that the
    node does not know."""
    person, policy, now = agent.book.find(subject), agent.policy(), agent.clock()
    jurisdiction = policy.jurisdiction or agent.book.get("jurisdiction") or asked.jurisdiction
    facts = replace(asked, jurisdiction=jurisdiction, today=day_of(now, jurisdiction))
    reasons = rules.ask("right", facts)
    commitment = salted(os.urandom(16), bytes.fromhex(digest([person, facts.right])))
    refused = "" if verdict(reasons) == "allow" else "right-not-granted"
    agent.log.note(stamp(now), "right-claimed", None, commitment, refused)
    return reasons


def carry_out(agent: Agent, said: Saying, asked: Claim) -> Carried:
    """Do what was granted: a withdrawal ends every consent and starts deletion as any withdrawal does; a deletion is
    that of `patient delete`, dataset by dataset by its own rules. Of the other rights nothing is done at the node.

    Raises Refused for who may not speak for the person, and where it is not known whose law holds; NotFound.
    """
    if asked.right == "delete":
        return Carried(deletion.on_request(agent, said), [])
    if asked.right == "withdraw":
        end_all(agent, said)
        return deletion.after_withdrawal(agent, said.subject)
    return Carried([], [])
