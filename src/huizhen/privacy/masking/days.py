"""Days shifted: each person's by as much, so that the time between two of them stays."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from huizhen.privacy.masking.keyed import Key

_DAY = re.compile(r"(\d{4})([-/.年]?)(\d{1,2})([-/.月]?)(\d{1,2})(日?)((?:[ T].*)?)", re.DOTALL)


def shifts(people: Sequence[str], key: Key, most: int) -> npt.NDArray[np.int64]:
    """Days for each person, from -most to most and not 0; the same in every table."""
    draws = key.draw("shift", [p.strip().upper() for p in people])[:, 0]
    days = (draws % np.uint64(2 * most)).astype(np.int64) - most
    return np.where(days >= 0, days + 1, days)


def shifted(values: Sequence[str], by: Sequence[int] | npt.NDArray[np.int64]) -> tuple[list[str], int]:
    """The days in the form they have (2026-11-28, 20261128, 2026/1/8, 2026年1月8日), the time of day as it is; and how
    many could not be read, which become nothing."""
    out, strange = [], 0
    for value, days in zip(values, by, strict=True):
        found = _DAY.fullmatch(value.strip())
        after = _after(found, int(days)) if found else None
        strange += after is None
        out.append(after or "")
    return out, strange


def like(values: Sequence[str], days: Sequence[str]) -> list[str]:
    """The days (2026-11-28, or nothing) in the form that each value has; without one in that of ISO 8601."""
    out = []
    for value, day in zip(values, days, strict=True):
        found = _DAY.fullmatch(value.strip())
        out.append(_written(found, dt.date.fromisoformat(day)) if found and day else day)
    return out


def _after(found: re.Match[str], days: int) -> str | None:
    if not found[2] and (len(found[3]) != 2 or len(found[5]) != 2 or found[4]):
        return None
    try:
        return _written(found, dt.date(int(found[1]), int(found[3]), int(found[5])) + dt.timedelta(days))
    except (ValueError, OverflowError):
        return None


def _written(found: re.Match[str], day: dt.date) -> str:
    padded = not found[2] or found[3].startswith("0") or (len(found[3]) == 2 and len(found[5]) == 2)
    month, date = (f"{n:02d}" if padded else str(n) for n in (day.month, day.day))
    return f"{day.year:04d}{found[2]}{month}{found[4]}{date}{found[6]}{found[7]}"
