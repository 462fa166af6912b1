"""Break-glass: hospital staff open a person's record for care in an emergency; somebody of another role reviews it.

Nothing is read here: the record is in the hospital's own system, which asks `holds` before it shows it. What is kept is
who opened it, why and for how long: in the book, in the node's signed log, as a salted commitment on the ledger, and
before the person's eyes. It says nothing to any study: no consent, no epoch and no bitmap changes by it.
"""

from __future__ import annotations

import os
from datetime import timedelta

from huizhen import rules
from huizhen.adapters.care_book import Case
from huizhen.kit.canonical import digest, salted
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput, Refused
from huizhen.kit.text import Text
from huizhen.model.care import CareVerdict, Review
from huizhen.model.giving import Opening
from huizhen.model.grant import verdict
from huizhen.node.agent import Agent
from huizhen.node.statements import state

_LONGEST = 500


def access(agent: Agent, subject: str, staff: str, role: str, reason: str, minutes: int) -> Case:
    """Open a person's record for so many minutes; the hub will be told that one was opened, and no more.

    Raises NotFound for a person that the node does not know, Refused where the rules do not allow it; a refusal is in
    the log, too.
    """
    person, policy, now = agent.book.find(subject), agent.policy(), agent.clock()
    _check_text("--staff", staff, 64)
    _check_text("--reason", reason.strip() or "-", _LONGEST)
    asked = Opening(staff, role, frozenset(policy.care_roles), reason, minutes, policy.care_minutes)
    _check(agent, "care-opened", asked)
    case = agent.book.care.open(
        person,
        {
            "staff": staff,
            "role": role,
            "reason": reason.strip(),
            "at_utc": stamp(now),
            "until_utc": stamp(now + timedelta(minutes=minutes)),
            "due_utc": stamp(now + timedelta(days=policy.care_review_days)),
        },
    )
    agent.log.note(stamp(now), "care-opened", None, case.commitment)
    state(agent, "care-opened", {"commitment": case.commitment})
    return case


def holds(agent: Agent, number: int, subject: str, staff: str) -> Case:
    """The opening, where this member of staff may see this person's record by it at this moment. Raises Refused."""
    person, case = agent.book.find(subject), agent.book.care.case(number)
    in_time = case.opened.at_utc <= stamp(agent.clock()) < case.opened.until_utc
    if case.person != person or case.opened.staff != staff or not in_time:
        raise Refused(
            "care-not-open",
            Text("By this number the record is not open to this member of staff now.",
                 "该编号目前不允许此人员查看该病历。"),
            Text("Open it with `huizhen care access`, with a reason.", "请用 `huizhen care access` 说明原因后访问。"),
        )  # fmt: skip
    return case


def review(agent: Agent, number: int, staff: str, role: str, found: CareVerdict, note: str) -> Case:
    """Say whether it was proper to open the record. Raises Refused for the one who opened it and for their role,
    Conflict where it was reviewed before."""
    opened, policy = agent.book.care.case(number).opened, agent.policy()
    _check_text("--staff", staff, 64)
    _check_text("--note", note, _LONGEST)
    by = (opened.staff, opened.role)
    _check(agent, "care-reviewed", Opening(staff, role, frozenset(policy.care_review_roles), reviews=by))
    said = Review(staff=staff, role=role, verdict=found, note=note.strip(), at_utc=stamp(agent.clock()))
    case, commitment = agent.book.care.review(number, said)
    agent.log.note(said.at_utc, "care-reviewed", None, commitment)
    state(agent, "care-reviewed", {"commitment": commitment, "opening": case.commitment, "outcome": found})
    return case


def overdue(agent: Agent) -> list[Case]:
    """Openings whose review is late."""
    now = stamp(agent.clock())
    return [c for c in agent.book.care.cases() if c.review is None and c.opened.due_utc <= now]


def misuses(agent: Agent, staff: str) -> int:
    """How often a review found that this member of staff had no business to."""
    cases = agent.book.care.cases()
    return sum(c.opened.staff == staff and c.review is not None and c.review.verdict == "misuse" for c in cases)


def _check(agent: Agent, kind: str, asked: Opening) -> None:
    reasons = rules.ask("care", asked)
    if verdict(reasons) == "allow":
        return
    attempt = salted(os.urandom(16), bytes.fromhex(digest([asked.staff, asked.role])))
    agent.log.note(stamp(agent.clock()), kind, None, attempt, "care-not-allowed")
    against = [r for r in reasons if r.verdict != "allow"]
    raise Refused(
        "care-not-allowed",
        Text(" ".join(f"{r.rule}: {r.en}" for r in against), "".join(f"{r.rule}：{r.zh}" for r in against)),
        Text("It is noted. The hospital's policy.yaml says which roles may, and for how long.",
             "此次尝试已记录。可行角色与时长见本院 policy.yaml。"),
    )  # fmt: skip


def _check_text(option: str, text: str, most: int) -> None:
    if not 0 < len(text.strip()) <= most:
        raise BadInput(
            "care-text",
            Text(f"{option} takes 1 to {most} characters.", f"{option} 须为 1 至 {most} 个字符。"),
            Text("Say it in short.", "请简要填写。"),
        )
