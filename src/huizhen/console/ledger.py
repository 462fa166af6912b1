"""The ledger: how it stands, who vouches for it, entry by entry, each with a proof to take away."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from huizhen.console.render import render
from huizhen.console.visit import Visiting
from huizhen.hub.api.at import EntryNumber
from huizhen.kit.errors import Conflict
from huizhen.kit.text import Text

router = APIRouter()
_PAGE = 50


@dataclass(frozen=True)
class Entry:
    """One entry: its number, its leaf as it is hashed, and of it what a person reads first."""

    number: int
    kind: str
    actor: str
    subject: str
    at_utc: str


@dataclass(frozen=True)
class Ledger:
    """Entries `entries`, newest first; `before`: where the next page begins, None on the last."""

    size: int
    standing: dict[str, Any]
    checkpoint: str | None
    keys: list[str]
    entries: list[Entry]
    before: int | None


@dataclass(frozen=True)
class Opened:
    """An entry with its leaf, laid out, and the documents that this person may see."""

    entry: Entry
    leaf: str
    documents: dict[str, str]
    last: int


@router.get("/ledger")
def ledger(visit: Visiting, before: Annotated[int | None, Query(ge=0, lt=2**53)] = None) -> Response:
    desk = visit.desk
    size = desk.size()
    end = size if before is None else min(before, size)
    start = max(0, end - _PAGE)
    entries = [_entry(e) for e in desk.entries(visit.caller, start, end - start)][::-1] if end > start else []
    page = Ledger(size, desk.standing(), _checkpoint(visit), desk.keys(), entries, start or None)
    return render(visit.request, "ledger", page, Text("Ledger", "账本"), visit)


def _checkpoint(visit: Visiting) -> str | None:
    try:
        return visit.desk.checkpoint()
    except Conflict:
        return None


def _entry(told: dict[str, Any]) -> Entry:
    leaf = json.loads(told["leaf"])
    return Entry(told["entry"], leaf["kind"], leaf["actor"], leaf["subject"], leaf["at_utc"])


@router.get("/ledger/{entry}")
def one(visit: Visiting, entry: EntryNumber) -> Response:
    visit.desk.prove(entry)  # says which numbers there are
    (told,) = visit.desk.entries(visit.caller, entry, 1)
    documents = {ref: _laid_out(d["content"]) for ref, d in told["documents"].items()}
    page = Opened(_entry(told), _laid_out(told["leaf"]), documents, visit.desk.size() - 1)
    title = Text(f"Entry {entry}", f"第 {entry} 条")
    return render(visit.request, "entry", page, title, visit)


def _laid_out(text: str) -> str:
    return json.dumps(json.loads(text), ensure_ascii=False, indent=2)


@router.get("/ledger/{entry}/proof")
def proof(visit: Visiting, entry: EntryNumber) -> Response:
    """The proof as a file: whoever has the keys can check it without hub and network."""
    named = {"content-disposition": f'attachment; filename="entry{entry}.proof"'}
    return Response(visit.desk.prove(entry), media_type="text/plain; charset=utf-8", headers=named)
