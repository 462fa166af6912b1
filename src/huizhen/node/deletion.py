"""A person's data are deleted at the node: their last consent ended, or they ask. Each dataset by the law.

First the mark, by which nobody can use the data from that moment on; then the rows; then the record, whose salted hash
goes to the ledger. Whatever was cut off is done again by running it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from huizhen import rules
from huizhen.adapters.deletion_book import DeletionCase
from huizhen.kit.clock import stamp
from huizhen.kit.errors import Refused, Tampered
from huizhen.kit.text import Text
from huizhen.model.consent import By, Word
from huizhen.model.dataset import Dataset
from huizhen.model.deletion import Cause, Deletion, State
from huizhen.model.giving import Leaving
from huizhen.model.grant import Reason, verdict
from huizhen.node.agent import Agent
from huizhen.node.delegates import standing
from huizhen.node.extracts import given_in
from huizhen.node.saying import Saying, end_all
from huizhen.node.statements import state


class Decided(NamedTuple):
    """What the rules say of one dataset: allow is deletion."""

    card: Dataset
    facts: Leaving
    reasons: tuple[Reason, ...]

    @property
    def verdict(self) -> str:
        return verdict(self.reasons)


class Carried(NamedTuple):
    """What was deleted, or is stored only; and the datasets of which the law could not be told."""

    cases: list[DeletionCase]
    unclear: list[Decided]


def decide(agent: Agent, subject: str, cause: Cause) -> list[Decided]:
    """What the rules of deletion say, dataset by dataset. Raises NotFound for a person that the node does not know."""
    policy, person = agent.policy(), agent.book.find(subject)
    law = policy.jurisdiction or agent.book.get("jurisdiction")
    words = [x.word for x in agent.book.consents.words(person)]
    now = stamp(agent.clock())
    stand = [words[i] for i in standing(words) if (words[i].until_utc or now + "~") > now]
    found = []
    for card in agent.book.cards():
        covered = any(_about(word, card) for word in stand)
        facts = Leaving(cause, law, covered, policy.retained.get(card.name), policy.erasure_impairs_research)
        found.append(Decided(card, facts, rules.ask("deletion", facts)))
    return found


def after_withdrawal(agent: Agent, subject: str) -> Carried:
    """Delete what no other consent covers, and no law has kept."""
    decided = decide(agent, subject, "withdrawal")
    done = _carry_out(agent, subject, decided, "withdrawal", "person")
    return Carried(done, [d for d in decided if d.verdict == "needs"])


def on_request(agent: Agent, said: Saying) -> list[DeletionCase]:
    """Every consent of the person ends, and their data are deleted wherever no law has them kept.

    Raises NotFound; Refused for who may not speak for the person, and where it is not known whose law holds: then
    nothing is done.
    """
    subject = said.subject
    decided = decide(agent, subject, "request")
    unclear = [reason for d in decided if d.verdict == "needs" or not d.reasons for reason in d.reasons]
    if unclear or any(not d.reasons for d in decided):
        raise Refused(
            "deletion-unclear",
            Text(
                " ".join(f"{r.rule}: {r.en}" for r in unclear) or "No rule of this law is known here.",
                "".join(f"{r.rule}：{r.zh}" for r in unclear) or "此处没有该法域的规则。",
            ),
            Text("Say it in the node's policy.yaml: jurisdiction.", "请在节点的 policy.yaml 中填写 jurisdiction。"),
        )
    end_all(agent, said)
    return _carry_out(agent, subject, decided, "request", said.by)


def _about(word: Word, card: Dataset) -> bool:
    return word.dataset in (None, card.name) and word.category in (None, card.table.category)


def _carry_out(agent: Agent, subject: str, decided: Sequence[Decided], cause: Cause, by: By) -> list[DeletionCase]:
    """Delete, order or lock each; what was done before and stands is left as it is."""
    person, pseudonym, now = agent.book.find(subject), agent.book.pseudonym(subject), stamp(agent.clock())
    marks = agent.book.tombstones
    due = [
        d for d in decided if d.reasons and not (d.facts.standing and cause == "withdrawal") and d.verdict != "needs"
    ]
    due = [d for d in due if not marks.has(pseudonym, d.card.name) or not _recorded(agent, person, d)]
    if not due:
        return []
    rows = {d.card.name: agent.runner.rows_of(d.card, person) for d in due}
    due = [d for d in due if rows[d.card.name] or marks.has(pseudonym, d.card.name)]
    for each in due:
        marks.add(pseudonym, each.card.name, now)
    here = [d.card.name for d in due if d.verdict == "allow" and not agent.runner.is_elsewhere(d.card.name)]
    agent.runner.purge(here, person)
    for each in due:
        if each.card.name in here and agent.runner.rows_of(each.card, person):
            raise Tampered(
                "rows-left",
                Text(f"Rows of the person are still in {each.card.name}.", f"{each.card.name} 中仍有此人的数据。"),
                Text("Run it again; if it stays so, tell the developers.", "请重新运行；若仍如此，请联系开发者。"),
            )
    if not any(d.facts.standing for d in decided):
        agent.book.deletions.forget(person)
    return [_record(agent, person, pseudonym, each, here, rows[each.card.name], now, cause, by) for each in due]


def _recorded(agent: Agent, person: int, each: Decided) -> bool:
    """Whether it was done before; what was only stored is deleted once the duty to keep it is over."""
    done = {c.record.state for c in agent.book.deletions.cases(person) if c.record.dataset == each.card.name}
    return bool(done - {"stored"}) or (bool(done) and each.verdict != "allow")


def _record(
    agent: Agent, person: int, pseudonym: bytes, each: Decided, here: Sequence[str], rows: int, now: str,
    cause: Cause, by: By,
) -> DeletionCase:  # fmt: skip
    what: State = "stored" if each.verdict != "allow" else "deleted" if each.card.name in here else "ordered"

    def make(number: int) -> Deletion:
        return Deletion(
            node=agent.name,
            number=number,
            dataset=each.card.name,
            pseudonym=pseudonym.hex(),
            at_utc=now,
            cause=cause,
            by=by,
            state=what,
            rows=rows,
            duty=None if what != "stored" else each.facts.retained or each.facts.research,
            reasons=each.reasons,
            given=given_in(agent, person, each.card.name),
        ).signed(agent.key.sign)

    case = agent.book.deletions.add(person, make)
    agent.log.note(now, "data-deleted", None, case.commitment)
    state(agent, "data-deleted", {"commitment": case.commitment, "tombstone": case.record.tombstone})
    return case


def confirm(agent: Agent, number: int) -> DeletionCase:
    """Look in the warehouse: where it has no row of the person any more, the order is confirmed, on the ledger, too.

    Raises NotFound for an unknown number, Refused as long as there are rows.
    """
    case = agent.book.deletions.case(number)
    card = agent.book.card(case.record.dataset)
    left = 0 if card is None else agent.runner.rows_of(card, case.person)
    if left:
        raise Refused(
            "rows-in-warehouse",
            Text(f"The warehouse still has {left} rows of this person.", f"数据仓库中仍有此人的 {left} 行。"),
            Text("Carry out the order there, then run it again.", "请先在数据仓库执行删除指令，再重新运行。"),
        )
    if case.record.state == "ordered" and case.confirmed_utc is None:
        agent.book.deletions.confirm(number, stamp(agent.clock()))
        agent.log.note(stamp(agent.clock()), "deletion-confirmed", None, case.commitment)
        state(agent, "deletion-confirmed", {"deletion": case.commitment})
    return agent.book.deletions.case(number)
