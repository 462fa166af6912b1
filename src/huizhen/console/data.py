"""The catalogue: which data there are, at which hospitals, and what every column means."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Response

from huizhen.console.render import render
from huizhen.console.visit import Visiting, no_page
from huizhen.kit.text import Text
from huizhen.model.dataset import Column, Dataset

router = APIRouter()
TYPES: dict[str, Text] = {
    "integer": Text("whole number", "整数"),
    "number": Text("number", "数值"),
    "boolean": Text("yes or no", "是否"),
    "category": Text("category", "类别"),
    "date": Text("date", "日期"),
    "text": Text("text", "文本"),
}


@dataclass(frozen=True)
class Holdings:
    """A logical dataset with the card of each hospital that holds a share of it."""

    name: str
    category: str
    cards: tuple[Dataset, ...]

    @property
    def rows(self) -> int:
        return sum(card.rows for card in self.cards)

    @property
    def quality(self) -> float:
        """Share of cells that are filled, over all rows."""
        return sum(card.quality * card.rows for card in self.cards) / max(1, self.rows)

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.cards[0].table.columns

    @property
    def agreed(self) -> bool:
        """Whether all holders describe the same columns."""
        return len({card.table.columns for card in self.cards}) == 1


@dataclass(frozen=True)
class Catalogue:
    """`sought`: what was searched for. `found`: per dataset, the columns that have it in their name or label."""

    sought: str
    found: list[tuple[Holdings, list[Column]]]


@dataclass(frozen=True)
class Shown:
    holdings: Holdings
    types: dict[str, Text]
    may_ask: bool


def holdings(cards: Sequence[Dataset]) -> list[Holdings]:
    """By name of dataset; the holders of each by theirs."""
    names = sorted({card.name for card in cards})
    by_name = {name: sorted((c for c in cards if c.name == name), key=lambda c: c.holder) for name in names}
    return [Holdings(name, own[0].table.category, tuple(own)) for name, own in by_name.items()]


@router.get("/data")
def catalogue(visit: Visiting, q: Annotated[str, Query(max_length=100)] = "") -> Response:
    page = Catalogue(q, list(_search(holdings(visit.desk.cards()), q)))
    return render(visit.request, "data", page, Text("Data", "数据目录"), visit)


def _search(all_: Sequence[Holdings], sought: str) -> Iterator[tuple[Holdings, list[Column]]]:
    word = sought.strip().casefold()
    for each in all_:
        columns = [c for c in each.columns if word and word in f"{c.name} {c.label or ''}".casefold()]
        if not word or columns or word in f"{each.name} {each.category}".casefold():
            yield each, columns


@router.get("/data/{name}")
def dataset(visit: Visiting, name: str) -> Response:
    found = holdings(visit.desk.cards(name))
    if not found:
        raise no_page()
    page = Shown(found[0], TYPES, visit.caller.role == "asker")
    return render(visit.request, "dataset", page, Text(name, name), visit)
