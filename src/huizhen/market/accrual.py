"""Which shares a price is split by: those frozen for the accrual period in which the study was released."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

from huizhen.model.lifecycle import Filed
from huizhen.model.settlement import Shares

Accrual = Literal["month", "quarter", "year"]
_MONTHS: dict[Accrual, int] = {"month": 1, "quarter": 3, "year": 12}


def shares_on(filings: Iterable[Filed], dataset: str, day: str, default: Shares) -> Shares:
    """The shares for a study of this dataset released on this day (YYYY-MM-DD).

    `filings` are deeds in all their versions. The first one about the dataset holds from its first day. One that begins
    later, whether a version of it or another deed, holds from the first day of the next period, by the accrual of the
    one before; at once, where that had ended before the period began. `default` holds where no deed ever began.
    """
    holding: Filed | None = None
    since = ""
    for each in sorted(_about(filings, dataset), key=lambda f: (f.began or "", f.instrument.version)):
        began = each.began or ""
        if holding is None:
            at = began
        elif began < since:
            at = since
        elif _had_ended(holding, period_start(began, _accrual(holding))):
            at = began
        else:
            at = next_period(began, _accrual(holding))
        if at > day:
            break
        holding, since = each, at
    return default if holding is None or holding.instrument.deed is None else holding.instrument.deed.shares


def _about(filings: Iterable[Filed], dataset: str) -> list[Filed]:
    return [f for f in filings if f.began and f.instrument.deed and dataset in f.instrument.deed.datasets]


def _accrual(filing: Filed) -> Accrual:
    assert filing.instrument.deed is not None
    return filing.instrument.deed.accrual


def _had_ended(filing: Filed, day: str) -> bool:
    """Whether it had ended when that day began."""
    over = [e.day for e in filing.events if e.step in {"end", "expire", "supersede"}]
    return bool(over) and min(over) <= day


def period_start(day: str, accrual: Accrual) -> str:
    """The first day of the period that the day is in: calendar months, quarters, years."""
    when, months = date.fromisoformat(day), _MONTHS[accrual]
    return when.replace(month=(when.month - 1) // months * months + 1, day=1).isoformat()


def next_period(day: str, accrual: Accrual) -> str:
    """The day itself where a period begins with it, else the first day of the next one."""
    start = period_start(day, accrual)
    if start == day:
        return day
    first, months = date.fromisoformat(start), _MONTHS[accrual]
    year, month = divmod(first.month - 1 + months, 12)
    return first.replace(year=first.year + year, month=month + 1).isoformat()
