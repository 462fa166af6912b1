"""A person's data are corrected: the claim is filed once the law grants it, the hospital decides, and what was made is
looked at in the rows. The node holds a copy: the hospital corrects its own system, and takes the export in anew.

Each step is signed, stays in the book, and is on the ledger as a salted hash with its state.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from huizhen.adapters.correction_book import CorrectionStep
from huizhen.kit.canonical import canonical, salted
from huizhen.kit.clock import stamp
from huizhen.kit.errors import BadInput, Conflict, NotFound, Refused
from huizhen.kit.text import Text
from huizhen.model.correction import NEXT, STATES, Correction, State
from huizhen.model.dataset import Dataset
from huizhen.model.grant import Reason
from huizhen.node.agent import Agent
from huizhen.node.extracts import given_in
from huizhen.node.saying import Saying, check_speaks
from huizhen.node.statements import state

_LONGEST = 2000


class Wrong(NamedTuple):
    """What a person says is wrong."""

    dataset: str
    column: str | None
    text: str


def file(agent: Agent, said: Saying, wrong: Wrong, reasons: Sequence[Reason]) -> CorrectionStep:
    """File what the law granted. Raises NotFound for a person, dataset or column that the node does not know, Refused
    for who may not speak for the person, Conflict where nothing of the person is there, BadInput for an empty text."""
    person, policy, now = agent.book.find(said.subject), agent.policy(), agent.clock()
    card = _card(agent, wrong.dataset)
    _check_text("--text", wrong.text)
    if wrong.column is not None and wrong.column not in [c.name for c in card.table.columns]:
        raise NotFound(
            "no-such-column",
            Text(f"{wrong.dataset} has no such column.", f"{wrong.dataset} 没有该列。"),
            Text(f"Its columns are: {', '.join(c.name for c in card.table.columns)}.",
                 f"现有列：{'、'.join(c.name for c in card.table.columns)}。"),
        )  # fmt: skip
    check_speaks(agent, said)
    rows = agent.runner.rows_of(card, person)
    if not rows:
        raise Conflict(
            "nothing-to-correct",
            Text(f"The node has no row of this person in {card.name}.", f"节点的 {card.name} 中没有此人的数据行。"),
            Text("Name the dataset that has it: `huizhen patient data`.", "请指明所在数据集：`huizhen patient data`。"),
        )

    def made(number: int) -> Correction:
        return Correction(
            node=agent.name,
            number=number,
            dataset=card.name,
            column=wrong.column,
            pseudonym=agent.book.pseudonym(said.subject).hex(),
            state="filed",
            at_utc=stamp(now),
            due_utc=stamp(now + timedelta(days=policy.correction_days)),
            by=said.by,
            text=wrong.text.strip(),
            reasons=tuple(reasons),
            seen=_seen(agent, card, wrong.column, person, os.urandom(16)),
            rows=rows,
        ).signed(agent.key.sign)

    return _told(agent, agent.book.corrections.add(person, None, made))


def decide(agent: Agent, number: int, granted: bool, staff: str, why: str) -> CorrectionStep:
    """The hospital grants or refuses it, and says why (PIPL 50). Raises NotFound; Conflict where it was decided."""
    _check_text("--staff", staff, 64)
    _check_text("--reason", why)
    return _follow(agent, number, "granted" if granted else "refused", staff=staff.strip(), why=why.strip())


def confirm(agent: Agent, number: int, staff: str) -> CorrectionStep:
    """It was made: the rows are looked at, wherever they are. Raises NotFound; Conflict where it was not granted;
    Refused as long as the values are the ones that were there when it was asked for."""
    _check_text("--staff", staff, 64)
    last = _last(agent, number, "made")
    first = next(s.record for s in agent.book.corrections.steps(last.person) if s.record.number == number)
    card = _card(agent, first.dataset)
    rows = agent.runner.rows_of(card, last.person)
    seen = None
    if first.seen is not None:
        salt, before = bytes.fromhex(first.seen[:32]), first.seen
        seen = _seen(agent, card, first.column, last.person, salt)
        if seen == before:
            raise Refused(
                "not-corrected-yet",
                Text(f"The values in {card.name} are still what they were.", f"{card.name} 中的数值仍与原先相同。"),
                Text("Correct them in the hospital's own system, and take the export in: `huizhen dataset add`.",
                     "请在医院自有系统中更正，再用 `huizhen dataset add` 重新导入。"),
            )  # fmt: skip
    told = given_in(agent, last.person, card.name)
    return _follow(agent, number, "made", staff=staff.strip(), seen=seen, rows=rows, told=told)


def overdue(agent: Agent) -> list[CorrectionStep]:
    """Those that the hospital should have decided or made by now."""
    now = stamp(agent.clock())
    return [s for s in agent.book.corrections.standing() if s.record.state in NEXT and s.record.due_utc <= now]


def _follow(agent: Agent, number: int, to: State, **more: object) -> CorrectionStep:
    last = _last(agent, number, to)

    def made(_number: int) -> Correction:
        update = {"state": to, "at_utc": stamp(agent.clock()), "previous": last.commitment, "signature": "", **more}
        return Correction.read({**last.record.as_json(), **update}).signed(agent.key.sign)

    return _told(agent, agent.book.corrections.add(last.person, number, made))


def _last(agent: Agent, number: int, to: State) -> CorrectionStep:
    """Where it stands. Raises NotFound; Conflict where the next step may not follow."""
    last = agent.book.corrections.last(number)
    if to not in NEXT.get(last.record.state, ()):
        said = STATES[last.record.state]
        raise Conflict(
            "correction-order",
            Text(f"Correction {number} is {said.en}.", f"第 {number} 号更正的状态为：{said.zh}。"),
            Text("`huizhen patient corrections` shows all; a new claim begins anew.",
                 "见 `huizhen patient corrections`；可重新提出。"),
        )  # fmt: skip
    return last


def _told(agent: Agent, step: CorrectionStep) -> CorrectionStep:
    agent.log.note(step.record.at_utc, "data-correction", None, step.commitment)
    state(agent, "data-correction", {"commitment": step.commitment, "state": step.record.state})
    return step


def _seen(agent: Agent, card: Dataset, column: str | None, person: int, salt: bytes) -> str | None:
    """16 bytes of salt and as many of a digest, in hexadecimal: the same values give the same under the same salt."""
    values = None if column is None else agent.runner.values_of(card, column, person)
    return None if values is None else salt.hex() + salted(salt, canonical(values))[:32]


def _card(agent: Agent, dataset: str) -> Dataset:
    card = agent.book.card(dataset)
    if card is None:
        names = ", ".join(c.name for c in agent.book.cards())
        raise NotFound(
            "no-such-dataset-here",
            Text("The node holds no such dataset.", "本节点没有该数据集。"),
            Text(f"It holds: {names or 'none'}.", f"现有：{names or '无'}。"),
        )
    return card


def _check_text(option: str, text: str, most: int = _LONGEST) -> None:
    if not 0 < len(text.strip()) <= most:
        raise BadInput(
            "correction-text",
            Text(f"{option} takes 1 to {most} characters.", f"{option} 须为 1 至 {most} 个字符。"),
            Text("Say it in short.", "请简要填写。"),
        )
