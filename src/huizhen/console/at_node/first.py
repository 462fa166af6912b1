"""The first page: a patient's own data, or how the hospital stands."""

from __future__ import annotations

from fastapi import APIRouter, Response

from huizhen.console.at_node import health, mine
from huizhen.console.at_node.desk import PATIENT, Mine, Staff, desk_of
from huizhen.console.visit import Visiting

router = APIRouter()


@router.get("/")
def first(visit: Visiting) -> Response:
    """By the role of whoever is signed in."""
    if visit.account.role == PATIENT:
        return mine.show(Mine(visit, desk_of(visit.request).people.of(visit.account.login)))
    return health.overview(Staff(visit))
