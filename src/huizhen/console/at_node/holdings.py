"""What the hospital holds: each dataset with its quality, its columns and their grades, and how far consent covers it;
and what came in for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from huizhen.console.at_node.desk import AsStaff
from huizhen.console.render import render
from huizhen.console.visit import no_page
from huizhen.hub.api.at import Name
from huizhen.kit.errors import HuizhenError
from huizhen.kit.text import Text
from huizhen.market.postings import MEMOS
from huizhen.model.consent import KIND_WORDS, METHOD_KINDS
from huizhen.model.dataset import Dataset
from huizhen.model.purpose import PURPOSES
from huizhen.node.coverage import Covered, coverage, least_shown

router = APIRouter()
Named = Annotated[str, Path(pattern=Name)]
_NEWEST = 200


@dataclass(frozen=True)
class Holdings:
    """The cards of all datasets, as the hub has them."""

    cards: tuple[Dataset, ...]


@dataclass(frozen=True)
class Holding:
    """One dataset. `grade`: the highest of its columns. `covered`: people in rounded numbers; `least`: fewer than so
    many are not told."""

    card: Dataset
    grade: int
    elsewhere: bool
    covered: list[Covered]
    least: int
    methods: tuple[tuple[str, Text], ...]
    purposes: dict[str, Text]


@dataclass(frozen=True)
class Income:
    """Bookings of the hospital and of its patients together, newest first, with the balance; `problem` where the hub
    could not be asked."""

    hospital: list[dict[str, Any]]
    patients: list[dict[str, Any]]
    memos: dict[str, Text]
    problem: HuizhenError | None


@router.get("/data")
def datasets(staff: AsStaff) -> Response:
    with staff.desk.where() as (agent, _hub):
        cards = agent.book.cards()
    return render(staff.visit.request, "holdings", Holdings(cards), Text("Data", "数据"), staff.visit)


@router.get("/data/{name}")
def one(staff: AsStaff, name: Named) -> Response:
    """One dataset; of none else it is said that there is one."""
    with staff.desk.where() as (agent, _hub):
        card = agent.book.card(name)
        if card is None:
            raise no_page()
        page = Holding(
            card,
            max(column.grade for column in card.table.columns),
            agent.runner.is_elsewhere(name),
            coverage(agent, card),
            least_shown(agent),
            tuple((kind, KIND_WORDS[kind]) for kind in METHOD_KINDS),
            {code: p.label for code, p in PURPOSES.items()},
        )
    return render(staff.visit.request, "holding", page, Text(name, name), staff.visit)


@router.get("/income")
def income(staff: AsStaff) -> Response:
    """What the hub has booked for the hospital and its patients; why not, where it cannot be asked."""
    problem, hospital, patients = None, [], []
    with staff.desk.where() as (_agent, hub):
        try:
            hospital = hub.statement(staff.desk.name)
            patients = hub.statement(f"patients@{staff.desk.name}")
        except HuizhenError as said:
            problem = said
    page = Income(
        hospital[::-1][:_NEWEST], patients[::-1][:_NEWEST], {str(memo): word for memo, word in MEMOS.items()}, problem
    )
    return render(staff.visit.request, "income", page, Text("Income", "收益"), staff.visit)
