"""Whether somebody may still see, and speak for, a person whose account at the console they have."""

from __future__ import annotations

from huizhen.kit.errors import Refused
from huizhen.kit.text import Text
from huizhen.model.consent import By
from huizhen.model.giving import comes_of_age
from huizhen.node.agent import Agent
from huizhen.node.saying import pseudonym


def check_speaks(agent: Agent, subject: str, by: By, speaker: str | None) -> None:
    """The person as long as they live; a guardian until the child comes of age, or while a decision stands by which an
    adult has one; a family member while the person's delegation holds.

    Raises Refused for whoever does not, or does not any more; NotFound for a person that the node does not know.
    """
    person, today = agent.book.find(subject), agent.clock().astimezone().date().isoformat()
    life = agent.book.consents.life(person)
    if by == "person" and life.died is None:
        return
    if by == "guardian" and life.died is None:
        child = life.born is not None and today < comes_of_age(life.born, agent.policy().consent_age)
        if child or life.incapable is not None:
            return
    if by == "family" and speaker is not None:
        named = agent.book.consents.delegations(person, pseudonym(agent, speaker))
        last = named[-1] if named else None
        holds = last is not None and last.revoked_utc is None and today <= last.until_day
        if holds and last is not None and (life.died is None or last.after_death):
            return
    raise Refused(
        "speaks-no-longer",
        Text("This account does not speak for the person, or does not any more.", "该账户不能或不再能代表此人。"),
        Text("The hospital can say what is on file, and give the person an account of their own.",
             "医院可说明在案信息，并为本人开设账户。"),
    )  # fmt: skip
