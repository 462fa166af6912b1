"""Family members whom a person names to speak for them: for which purposes, until when; revocable at any time."""

from __future__ import annotations

from collections.abc import Sequence

from huizhen.adapters.consent_book import concerns
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput, NotFound
from huizhen.kit.text import Text
from huizhen.model.consent import ANY, Delegation, Given, Word
from huizhen.model.purpose import consents_that_permit
from huizhen.node.agent import Agent
from huizhen.node.consents import Changed, check_purpose, record
from huizhen.node.saying import pseudonym


def add(
    agent: Agent,
    subject: str,
    delegate: str,
    relation: str,
    purposes: tuple[str, ...],
    until_day: str,
    after_death: bool = False,
    reference: str | None = None,
) -> Delegation:
    """Note that the person named a family member (by number). A later one for the same member takes its place.

    Raises NotFound for a person that the node does not know, BadInput for a purpose that there is not, and for somebody
    who names themself.
    """
    for code in purposes:
        check_purpose(code)
    person = agent.book.find(subject)
    if delegate == subject or not purposes:
        raise BadInput(
            "bad-delegate",
            Text("A delegate is somebody else, for at least one purpose.", "受托家属须为他人，且至少涉及一项用途。"),
            Text("Give --delegate and --purpose.", "请给出 --delegate 与 --purpose。"),
        )
    said = {
        "relation": relation,
        "purposes": list(purposes),
        "until_day": until_day,
        "after_death": after_death,
        "reference": reference,
        "from_utc": stamp(agent.clock()),
    }
    return agent.book.consents.delegate(person, pseudonym(agent, delegate), said)


def listed(agent: Agent, subject: str) -> list[Delegation]:
    """Whom the person ever named, oldest first. Raises NotFound."""
    return agent.book.consents.delegations(agent.book.find(subject))


def revoke(agent: Agent, subject: str, number: int) -> Changed:
    """The delegate speaks no more, and every yes of theirs that stands ends. Raises NotFound."""
    person = agent.book.find(subject)
    found = next((d for d in agent.book.consents.delegations(person) if d.number == number), None)
    if found is None:
        raise NotFound(
            "no-such-delegation",
            Text(f"This person has given no delegation {number}.", f"此人没有第 {number} 号授权。"),
            Text("`huizhen consent delegate list` shows them.", "见 `huizhen consent delegate list`。"),
        )
    if found.revoked_utc is None:
        revoked = found.model_copy(update={"revoked_utc": stamp(agent.clock())})
        agent.book.consents.put_delegation(revoked)
    return record(agent, _ended(agent, subject, person, number))


def _ended(agent: Agent, subject: str, person: int, number: int) -> list[Word]:
    """A no for each purpose and data on which a yes stands that rests on the delegation; what the person said later and
    a no would end with it is said again."""
    words = [x.word for x in agent.book.consents.words(person)]
    stand = [(i, words[i]) for i in sorted(standing(words))]
    theirs = [(i, w) for i, w in stand if w.given.delegation == number and w.given.by == "family"]
    said = Given(act="withdraw", delegation=number)
    ended = [Word(subject, w.purpose, w.dataset, False, None, None, w.category, ANY, said) for _, w in theirs]
    again = [w for i, w in stand if any(i > j and concerns(w, t.purpose, t.dataset, t.category) for j, t in theirs)]
    return ended + [w._replace(person=subject) for w in again if w.given.delegation != number]


def standing(words: Sequence[Word]) -> set[int]:
    """Which of one person's words, oldest first, are a yes that no later word has taken the place of everywhere."""
    return {i for i, w in enumerate(words) if w.permit and not any(_covers(x, w) for x in words[i + 1 :])}


def _covers(later: Word, word: Word) -> bool:
    """Whether a later word takes the place of a yes everywhere."""
    ends = later.anew or not later.permit
    wide = later.dataset in (None, word.dataset) and later.category in (None, word.category)
    return ends and wide and later.purpose in consents_that_permit(word.purpose)
